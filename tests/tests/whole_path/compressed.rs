//! Promise: a real model in the 50 MB of a Raspberry Pi, with the same bits as at the desk, for at most
//! half as much perplexity again, and English.

use std::thread::available_parallelism;

use edgegen::compress::compress;
use edgegen::emit::{Options, emit, write};
use edgegen::import::import;
use edgegen::interpret::{evaluate, golden};
use edgegen::model::Model;
use edgegen::plan::{Request, plan};
use edgegen::profile::Profile;
use edgegen::program::Placement;
use edgegen::recipe::Compression;
use serde_json::json;
use tests::{Emitted, Outcome, Target, paths};

const PI: Target = Target::Aarch64 { cpu: "cortex-a76" };

fn smollm2_fits_a_raspberry_pi_and_speaks() -> Outcome {
    let file = paths::smollm2()?;
    PI.available()?;
    let model = import(&file).expect("a sound model");
    let profile = Profile::load("raspberry_pi").expect("it is built in");
    let packed = |model: &Model, request: &Request| {
        let plan = plan(model, &profile, request).expect("it fits");
        compress(model, &plan, &|_, _| {}).expect("weights in range")
    };
    // The original need not fit.
    let whole = Request {
        allow_oversize: true,
        ..Request::default()
    };
    let original = packed(&model, &whole);
    let compression = Compression {
        plan: Some(paths::smollm2_plan()),
        ..Compression::default()
    };
    let given = compression.read().expect("a sound plan");
    let model = given.prune(model).expect("so many tokens");
    let request = given.request(&model, Request::default());
    let program = packed(&model, &request.expect("a plan for the model"));
    assert!(program.flash_bytes() <= 50_000_000);

    let unseen = paths::data("smollm2/english_a.txt");
    let unseen = std::fs::read_to_string(unseen).expect("the golden text");
    let found = evaluate(&original, &program, &unseen, 256, &|_, _| {}).expect("a long text");
    let times = found.candidate_perplexity() / found.reference.perplexity();
    println!("{times:.3} times the original's perplexity");
    assert!(times <= 1.5, "{times:.3} times the original's perplexity");

    let threads = available_parallelism().map_or(1, usize::from);
    let hash = golden(&program, threads).expect("finite logits");
    let options = Options {
        name: "smollm2-50mb".into(),
        weights: Placement::Embedded,
        allow_oversize: false,
    };
    let emitted = Emitted {
        name: options.name.clone(),
        folder: paths::work("crates").join(&options.name),
        report: json!({ "hash": format!("{:016x}", hash.logits) }),
    };
    let krate = emit(&program, &hash, &profile, &options);
    write(&krate, &emitted.folder, true).expect("a writable target folder");
    let board = PI.build(&emitted);
    assert_eq!(board.json("self-test", &[])["hash"], emitted.hash());
    let question = [
        "What is the capital of France?",
        "--chat",
        "--max-tokens",
        "24",
    ];
    let answer = &board.json("generate", &question)["text"];
    assert!(answer.to_string().contains("Paris"), "{answer}");
    Ok(())
}

tests::trials![
    nightly: smollm2_fits_a_raspberry_pi_and_speaks,
];
