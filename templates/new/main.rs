//! Answers the command in its arguments.

use std::process::ExitCode;

edgegen_macros::edge_model! {
    /// The built-in model, homectl; `model: "models/your.gguf"` takes your own.
    mod assistant {
        platform: "{{platform}}",
        quant: "q4",
    }
}

fn main() -> ExitCode {
    let command: Vec<String> = std::env::args().skip(1).collect();
    let options = assistant::Options::default();
    match assistant::Session::new().complete(&command.join(" "), &options) {
        Ok(answer) => {
            println!("{}", answer.text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::assistant;

    /// This machine computes the bits that edgegen did.
    #[test]
    fn the_model_passes_its_self_test() {
        assert!(assistant::self_test(&mut assistant::Session::new()).passed());
    }
}
