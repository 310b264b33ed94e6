//! Promise: nothing at run time that could be done at build time: a fixed system message.

use std::process::Command;

use tests::questions::chat_model;
use tests::{Recipe, Target, paths, run};

const SYSTEM: &str = "You tell short stories about a cat.";

fn a_system_message_is_computed_at_build_time() {
    let model = chat_model();
    // In i8 keys and values have scales, which must come along.
    let plain = Recipe::new("chat", model, "host", "q8").with("--kv-cache=i8");
    let plain = plain.for_one_cpu().emit();
    let recipe = Recipe::new("chat-system", model, "host", "q8").with("--kv-cache=i8");
    let own = recipe.with("--system").with(SYSTEM).for_one_cpu().emit();
    let given = |emitted| {
        let program = Target::Host.build(emitted);
        move |more: &[&str]| {
            let mut args = vec!["--chat", "--max-tokens", "40"];
            args.extend(more);
            args.push("The cat is sad.");
            program.json("generate", &args)
        }
    };
    let expected = given(&plain)(&["--system", SYSTEM]);
    let answer = given(&own);
    let found = answer(&[]);
    for field in ["text", "tokens", "prompt_tokens"] {
        assert_eq!(found[field], expected[field], "{field}");
    }
    assert_eq!(expected["cached_tokens"], 0);
    let cached = found["cached_tokens"].as_u64().expect("a number");
    let tokens = own.report["system_tokens"].as_u64().expect("a number");
    // The user's text may join the last of them.
    assert!(cached > 10 && cached + 2 >= tokens, "{cached} of {tokens}");
    assert!(own.report["flash_bytes"].as_u64() > plain.report["flash_bytes"].as_u64());

    // Another message is still possible, and computed then.
    let other = answer(&["--system", "You are a dog."]);
    assert_ne!(other["text"], expected["text"]);
    assert!(other["cached_tokens"].as_u64() < Some(tokens / 2));
}

fn a_system_message_without_a_place_is_refused() {
    let model = chat_model();
    let refusal = |mut command: Command| {
        let output = run::output(&mut command);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    let folder = paths::work("crates").join("refused");
    let _ = std::fs::remove_dir_all(&folder);
    let built_in = Recipe::built_in("refused", "host", "q8")
        .with("--system")
        .with(SYSTEM);
    let message = refusal(built_in.command(&folder));
    assert!(
        message.contains("--system: the model has no chat template"),
        "{message}"
    );

    let long = Recipe::new("refused", model, "host", "q8")
        .with("--system")
        .with(SYSTEM);
    let message = refusal(long.with("--context=8").command(&folder));
    assert!(message.contains("a session holds 8"), "{message}");
    assert!(!folder.exists());
}

tests::trials![
    a_system_message_without_a_place_is_refused;
    long: a_system_message_is_computed_at_build_time,
];
