//! Promise: real models in the flash that a Raspberry Pi gives them, as a search chose, with the same
//! bits as at the desk, little more perplexity, and sense.

use std::path::PathBuf;
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
use tests::emitted::edgegen;
use tests::{Emitted, Outcome, Program, Target, paths, run};

const PI: Target = Target::Aarch64 { cpu: "cortex-a76" };

/// A model, and what a search found for it.
struct Found {
    /// As the plan's file has it.
    name: &'static str,
    file: PathBuf,
    /// The platform that was searched for.
    profile: Profile,
    /// Most perplexity on the golden text, as a multiple of the original's.
    most: f64,
}

impl Found {
    /// The crate's program, whose self-test passes on an emulated board.
    fn program(&self) -> Program {
        let model = import(&self.file).expect("a sound model");
        let packed = |model: &Model, request: &Request| {
            let plan = plan(model, &self.profile, request).expect("it fits");
            compress(model, &plan, &|_, _| {}).expect("weights in range")
        };
        // The original need not fit.
        let whole = Request {
            allow_oversize: true,
            ..Request::default()
        };
        let original = packed(&model, &whole);
        let compression = Compression {
            plan: Some(paths::pi_plan(self.name)),
            ..Compression::default()
        };
        let given = compression.read().expect("a sound plan");
        let model = given.prune(model).expect("so many tokens");
        let request = given.request(&model, Request::default());
        let program = packed(&model, &request.expect("a plan for the model"));
        let limit = self.profile.model_size().expect("a limit");
        assert!(program.flash_bytes() as u64 <= limit);

        let unseen = paths::data("smollm2/english_a.txt");
        let unseen = std::fs::read_to_string(unseen).expect("the golden text");
        let found = evaluate(&original, &program, &unseen, 256, &|_, _| {}).expect("a long text");
        let times = found.candidate_perplexity() / found.reference.perplexity();
        let said = format!(
            "{}: {times:.3} times the original's perplexity, {:.2}",
            self.name,
            found.reference.perplexity()
        );
        println!("{said}");
        assert!(times <= self.most, "{said}");

        let threads = available_parallelism().map_or(1, usize::from);
        let hash = golden(&program, threads).expect("finite logits");
        let options = Options {
            name: format!("{}-pi", self.name),
            weights: Placement::Embedded,
            allow_oversize: false,
        };
        let emitted = Emitted {
            name: options.name.clone(),
            folder: paths::work("crates").join(&options.name),
            report: json!({ "hash": format!("{:016x}", hash.logits) }),
        };
        let krate = emit(&program, &hash, &self.profile, &options);
        write(&krate, &emitted.folder, true).expect("a writable target folder");
        let board = PI.build(&emitted);
        assert_eq!(board.json("self-test", &[])["hash"], emitted.hash());
        board
    }
}

fn raspberry_pi() -> Profile {
    Profile::load("raspberry_pi").expect("it is built in")
}

/// A board of the same kind with more room for the model.
fn raspberry_pi_with(model_size: &str) -> Profile {
    let built_in = run::must(run::clean(edgegen()).args(["platforms", "raspberry_pi"]));
    let larger = built_in.replace(
        "model_size = \"50 MB\"",
        &format!("model_size = \"{model_size}\""),
    );
    assert_ne!(larger, built_in);
    let file = paths::work("profiles").join(format!("pi-{}.toml", model_size.replace(' ', "")));
    std::fs::write(&file, larger).expect("a writable target folder");
    Profile::load(file.to_str().expect("a UTF-8 path")).expect("a sound profile")
}

fn smollm2_fits_a_raspberry_pi_and_speaks() -> Outcome {
    let file = paths::smollm2()?;
    PI.available()?;
    let found = Found {
        name: "smollm2",
        file,
        profile: raspberry_pi(),
        most: 1.5,
    };
    let question = [
        "What is the capital of Italy?",
        "--chat",
        "--max-tokens",
        "24",
    ];
    let answer = &found.program().json("generate", &question)["text"];
    assert!(answer.to_string().contains("Rome"), "{answer}");
    Ok(())
}

fn gemma3_fits_a_larger_raspberry_pi_and_knows_a_capital() -> Outcome {
    let file = paths::gemma3()?;
    PI.available()?;
    let found = Found {
        name: "gemma3",
        file,
        profile: raspberry_pi_with("100 MB"),
        most: 1.5,
    };
    let text =
        "The capital of Germany is Berlin. The capital of Italy is Rome. The capital of France is";
    let prompt = [text, "--max-tokens", "4"];
    let text = &found.program().json("generate", &prompt)["text"];
    assert!(text.to_string().contains("Paris"), "{text}");
    Ok(())
}

fn qwen2_fits_a_larger_raspberry_pi_and_writes_a_program() -> Outcome {
    let file = paths::qwen2()?;
    PI.available()?;
    let found = Found {
        name: "qwen2",
        file,
        profile: raspberry_pi_with("300 MB"),
        most: 1.1,
    };
    let request = [
        "Write a Python function that adds two numbers.",
        "--chat",
        "--max-tokens",
        "48",
    ];
    let answer = &found.program().json("generate", &request)["text"];
    assert!(answer.to_string().contains("def "), "{answer}");
    Ok(())
}

tests::trials![
    nightly: smollm2_fits_a_raspberry_pi_and_speaks,
    gemma3_fits_a_larger_raspberry_pi_and_knows_a_capital,
    qwen2_fits_a_larger_raspberry_pi_and_writes_a_program,
];
