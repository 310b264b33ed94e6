//! A real model through the library: import, tokenizer, chat template, evaluation, pruning.

use std::time::{Duration, Instant};

use edgegen::bind;
use edgegen::compress::compress;
use edgegen::import::import;
use edgegen::interpret::evaluate;
use edgegen::model::tables::TokenizerTables;
use edgegen::model::{ChatPiece, DType, Model, Role, TensorKey};
use edgegen::plan::{Quant, Request, plan};
use edgegen::profile::Profile;
use edgegen::program::Program;
use edgegen::prune;
use edgegen::text::Texts;
use edgegen_templates::chat;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tests::golden::{ids, list, number, read, text};
use tests::{Missing, Outcome, paths};

fn model() -> Result<Model, Missing> {
    Ok(import(&paths::smollm2()?).expect("a sound model"))
}

fn tables(model: &Model) -> &TokenizerTables {
    model.tokenizer().tables()
}

fn encode(tables: &TokenizerTables, text: &str, special: bool) -> Vec<u64> {
    let ids = tables.encode(text, special);
    ids.into_iter().map(u64::from).collect()
}

fn decode(tables: &TokenizerTables, ids: &[u64]) -> Vec<u8> {
    let mut previous = None;
    let mut bytes = Vec::new();
    for &id in ids {
        let id = id as u32;
        bytes.extend_from_slice(tables.runtime().text_after(previous, id));
        previous = Some(id);
    }
    bytes
}

fn it_imports_quickly() -> Outcome {
    let start = Instant::now();
    let model = model()?;
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(model.digest(), model.digest());
    assert_eq!(model.licences()[0].id.as_deref(), Some("apache-2.0"));
    assert_eq!(model.tensors().len(), 272);
    let architecture = model.architecture();
    assert_eq!(architecture.num_key_value_heads, 3);
    assert_eq!(architecture.rope.as_ref().unwrap().theta, 100_000.0);
    let embedding = model.tensor(TensorKey::global(Role::Embedding));
    let embedding = embedding.expect("an embedding");
    assert_eq!((embedding.rows(), embedding.dtype()), (49152, DType::Q8_0));
    Ok(())
}

fn tokens_equal_golden() -> Outcome {
    let model = model()?;
    let tables = tables(&model);
    for case in list(&read("smollm2/tokenizer.json"), "cases") {
        let string = text(case, "text");
        let wanted = ids(case, "ids");
        assert_eq!(encode(tables, string, true), wanted, "{string:?}");
        let plain = case
            .get("ids_no_special")
            .map(|_| ids(case, "ids_no_special"));
        assert_eq!(
            encode(tables, string, false),
            plain.unwrap_or_else(|| wanted.clone()),
            "{string:?} as plain text"
        );
        let decoded = decode(tables, &wanted);
        match case["decoded_hex"].as_str() {
            Some(hex) => {
                let found: String = decoded.iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(found, hex, "{string:?}");
            }
            None => assert_eq!(String::from_utf8_lossy(&decoded), string),
        }
    }
    assert_eq!(model.tokenizer().stop(), [0, 2]);
    // A whole text, with line ends.
    let golden = read("smollm2/english_a.perplexity.json");
    let whole = std::fs::read_to_string(paths::data("smollm2/english_a.txt"));
    let whole = whole.expect("a golden text");
    assert_eq!(encode(tables, &whole, false), ids(&golden, "ids"));
    Ok(())
}

/// A failure is printed and not kept in a file.
fn runner() -> TestRunner {
    TestRunner::new(Config {
        failure_persistence: None,
        ..Config::default()
    })
}

fn any_text_is_decoded_again() -> Outcome {
    let model = model()?;
    let tables = tables(&model);
    // The model has no token for some bytes; those vanish.
    let has_token = |byte: &u8| {
        let entry = 4 * usize::from(*byte);
        tables.runtime().bytes[entry..entry + 4] != [0xff; 4]
    };
    let run = runner().run(&any::<String>(), |text| {
        let wanted: Vec<u8> = text.bytes().filter(has_token).collect();
        for special in [false, true] {
            let ids = encode(tables, &text, special);
            prop_assert_eq!(&decode(tables, &ids), &wanted);
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    Ok(())
}

fn pieces(pieces: &[ChatPiece]) -> Vec<chat::Piece<'_>> {
    fn convert(piece: &ChatPiece) -> chat::Piece<'_> {
        match piece {
            ChatPiece::Literal(text) => chat::Piece::Literal(text),
            ChatPiece::System => chat::Piece::System,
            ChatPiece::SystemTrimmed => chat::Piece::SystemTrimmed,
            ChatPiece::User => chat::Piece::User,
            ChatPiece::UserTrimmed => chat::Piece::UserTrimmed,
        }
    }
    pieces.iter().map(convert).collect()
}

fn chats_equal_golden() -> Outcome {
    let model = model()?;
    let tables = tables(&model);
    let template = model.chat_template().expect("the template reduces");
    let with_system = template.with_system.as_deref().map(pieces);
    let without_system = pieces(&template.without_system);
    let template = chat::ChatTemplate {
        with_system: with_system.as_deref(),
        without_system: &without_system,
    };
    let golden = read("smollm2/chat.json");
    for case in list(&golden, "cases") {
        if case["add_generation_prompt"] != true {
            continue;
        }
        let content = |role: &str| {
            let mut messages = list(case, "messages").iter();
            let message = messages.find(|message| message["role"] == role);
            message.map(|message| text(message, "content"))
        };
        let system = content("system");
        let user = content("user").expect("a message of the user");
        let mut buffer = vec![0; template.len(system, user).expect("a place for it")];
        let rendered = template.render(system, user, &mut buffer).expect("room");
        assert_eq!(rendered, text(case, "rendered"));
        let mut out = vec![0; 3 * rendered.len() + 4];
        let len = tables
            .runtime()
            .encode_chat(rendered, &mut out)
            .expect("room");
        let found: Vec<u64> = out[..len].iter().copied().map(u64::from).collect();
        assert_eq!(found, ids(case, "ids"));
    }
    Ok(())
}

fn program(model: &Model, quant: &str) -> Program {
    let request = Request {
        quant: quant.parse::<Quant>().expect("a format"),
        context: Some(256),
        ..Request::default()
    };
    let profile = Profile::load("host").expect("it is built in");
    let plan = plan(model, &profile, &request).expect("it fits");
    compress(model, &plan, &|_, _| {}).expect("weights in range")
}

fn perplexity_equals_golden() -> Outcome {
    let model = model()?;
    let golden = read("smollm2/english_a.perplexity.json");
    let mut runs = list(&golden, "runs").iter();
    let run = runs.find(|run| run["kind"] == "windows" && run["window"] == 256);
    let expected = number(run.expect("a golden run of this window"), "perplexity");
    let unseen = std::fs::read_to_string(paths::data("smollm2/english_a.txt"));
    let unseen = unseen.expect("a golden text");
    let [reference, candidate] = ["f32", "keep"].map(|quant| program(&model, quant));
    let found = evaluate(&reference, &candidate, &unseen, 256, &|_, _| {}).expect("a text");
    let close = |found: f64, within: f64| (found / expected - 1.0).abs() < within;
    assert!(close(found.reference.perplexity(), 1e-5));
    assert!(close(found.candidate.perplexity(), 5e-3));
    let agreement = found.agreement.expect("one vocabulary");
    assert!((0.0025..0.003).contains(&agreement.divergence));
    assert!(agreement.top1 >= 0.943);
    Ok(())
}

/// At the same size, and on a text that calibration does not see.
fn calibration_takes_most_of_the_loss() -> Outcome {
    let model = model()?;
    let texts = Texts::built_in();
    let original = program(&model, "keep");
    let profile = Profile::load("host").expect("it is built in");
    let [nearest, calibrated] = [false, true].map(|calibrate| {
        let request = Request {
            quant: "q4".parse::<Quant>().expect("a format"),
            calibrate,
            calibration: calibrate.then(|| texts.calibration().to_owned()),
            context: Some(256),
            ..Request::default()
        };
        let plan = plan(&model, &profile, &request).expect("it fits");
        let program = compress(&model, &plan, &|_, _| {}).expect("weights in range");
        let found = evaluate(&original, &program, texts.held_out(), 256, &|_, _| {});
        let agreement = found.expect("a text").agreement;
        agreement.expect("one vocabulary").divergence
    });
    assert!(
        calibrated < 0.5 * nearest,
        "{calibrated}, rounded {nearest}"
    );
    Ok(())
}

/// Texts whose tokens are kept have the same tokens, and the system message is one of them.
fn a_smaller_vocabulary_is_a_part_of_the_whole() -> Outcome {
    const TEXT: &str = "Once upon a time there was a little girl.\n\nSwitch on the lamp!";
    let model = bind::system(model()?, "Be brief, xylophone.");
    let model = model.expect("a place for it");
    let old = tables(&model);
    for size in [2000, 8192, 30000] {
        let pruned = prune::vocabulary(model.clone(), size, TEXT).expect("a possible size");
        let new = tables(&pruned);
        let mut all = (0_u64..).zip(model.tokenizer().tokens());
        let kept: Vec<u64> = (pruned.tokenizer().tokens().iter())
            .map(|token| {
                let (id, _) = all.find(|(_, old)| *old == token).expect("order is kept");
                id
            })
            .collect();
        assert_eq!(kept.len(), size);
        let back =
            |ids: Vec<u64>| -> Vec<u64> { ids.iter().map(|&id| kept[id as usize]).collect() };
        let prefix = pruned.prefix().iter().copied().map(u64::from).collect();
        let whole: Vec<u64> = model.prefix().iter().copied().map(u64::from).collect();
        assert_eq!(back(prefix), whole);

        let words = prop::collection::vec(prop::sample::select(kept.clone()), 1..8);
        let run = runner().run(&words, |ids| {
            if let Ok(text) = String::from_utf8(decode(old, &ids)) {
                let before = encode(old, &text, true);
                if before.iter().all(|id| kept.binary_search(id).is_ok()) {
                    prop_assert_eq!(back(encode(new, &text, true)), before);
                }
            }
            Ok(())
        });
        run.unwrap_or_else(|error| panic!("{error}"));
    }
    Ok(())
}

tests::trials![
    it_imports_quickly,
    tokens_equal_golden,
    any_text_is_decoded_again,
    chats_equal_golden,
    perplexity_equals_golden,
    a_smaller_vocabulary_is_a_part_of_the_whole;
    nightly: calibration_takes_most_of_the_loss,
];

fn main() {
    tests::trial::run(trials());
}
