//! A language model as a module: answers its argument, after a self-test.

use std::process::ExitCode;

edgegen_macros::edge_model! {
    /// The tiny untrained model in `models/`.
    pub mod assistant {
        model: "models/tiny.bin",
        platform: "host",
        quant: "q8",
    }
}

fn main() -> ExitCode {
    let mut session = assistant::Session::new();
    let test = assistant::self_test(&mut session);
    println!("hash {:016x}, expected {:016x}", test.hash, test.expected);
    if !test.passed() {
        return ExitCode::FAILURE;
    }

    let prompt = std::env::args().nth(1).unwrap_or_else(|| "hello".into());
    let options = assistant::Options {
        max_tokens: 16,
        ..assistant::Options::default()
    };
    match session.complete(&prompt, &options) {
        Ok(completion) => {
            println!("{:?}", completion.text);
            println!("{} tokens", completion.tokens_generated());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
