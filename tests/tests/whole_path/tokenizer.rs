//! Promise: emitted tokenizers give the ids of every golden string, and chats have the golden length.

use serde_json::Value;
use tests::golden::{ids, list, read, text};
use tests::{Outcome, Program, Recipe, Target, paths};

fn tokenizes_as(program: &Program, golden: &Value) {
    for case in list(golden, "cases") {
        let string = text(case, "text");
        let found = ids(&program.json("tokenize", &["--", string]), "tokens");
        let accepted = |field: &str| case.get(field).is_some() && ids(case, field) == found;
        assert!(
            accepted("ids") || accepted("ids_alt"),
            "{string:?}: {found:?}, not {}",
            case["ids"]
        );
        if case.get("ids_no_special").is_some() {
            let found = ids(
                &program.json("tokenize", &["--plain", "--", string]),
                "tokens",
            );
            assert_eq!(
                found,
                ids(case, "ids_no_special"),
                "as plain text: {string:?}"
            );
        }
    }
}

fn smollm2_tokenizer_and_chat_give_the_golden_ids() -> Outcome {
    let model = paths::smollm2()?;
    let golden = read("smollm2/tokenizer.json");
    let chats = read("smollm2/chat.json");
    let emitted = Recipe::new("smollm2-keep", &model, "host", "keep").emit();
    let program = Target::Host.build(&emitted);
    tokenizes_as(&program, &golden);

    for case in list(&chats, "cases") {
        if case["add_generation_prompt"] != true {
            continue;
        }
        let content = |message: &Value| text(message, "content").to_owned();
        let (system, user) = match list(case, "messages") {
            [user] if user["role"] == "user" => (None, content(user)),
            [system, user] if system["role"] == "system" && user["role"] == "user" => {
                (Some(content(system)), content(user))
            }
            _ => continue,
        };
        let mut args = vec!["--chat", "--max-tokens", "1"];
        if let Some(system) = &system {
            args.extend(["--system", system]);
        }
        args.extend(["--", &user]);
        let found = program.json("generate", &args);
        assert_eq!(found["prompt_tokens"], ids(case, "ids").len(), "{user:?}");
    }
    Ok(())
}

tests::trials![long: smollm2_tokenizer_and_chat_give_the_golden_ids,];
