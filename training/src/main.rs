//! Data, training and export of homectl, edgegen's built-in model.

mod action;
#[cfg(feature = "train")]
mod export;
mod frames;
mod generate;
#[cfg(feature = "train")]
mod model;
mod noise;
mod numbers;
#[cfg(feature = "train")]
mod optimizer;
#[cfg(feature = "train")]
mod quantize;
mod random;
#[cfg(feature = "train")]
mod train;
mod vocabulary;
mod words;

use std::fs;
use std::path::Path;
#[cfg(feature = "train")]
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Parser;
use rand::SeedableRng;
use tokenizers::Tokenizer;

#[cfg(feature = "train")]
use generate::parse_examples;
use generate::{Example, Generator, Natural, Split, evaluation};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../edgegen/models/homectl");
const COMMANDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/homectl");
const EVALUATION: usize = 2400;

/// Data, training and export of homectl, edgegen's built-in model.
#[derive(Parser)]
enum Command {
    /// Prints commands of training.
    Sample {
        /// How many.
        #[arg(long, default_value_t = 40)]
        count: usize,
        /// Of the held-out frames.
        #[arg(long)]
        eval: bool,
    },
    /// Writes the generated evaluation set.
    Evaluation,
    /// Writes token ids for the tests of edgegen's tokenizer, by the library `tokenizers`.
    Golden,
    /// Trains the tokenizer.
    Vocabulary,
    /// Trains the model and exports it.
    #[cfg(feature = "train")]
    Train(train::Run),
    /// Exports trained weights as f16 with their configuration.
    #[cfg(feature = "train")]
    Export {
        /// The f32 weights.
        #[arg(long, default_value = "target/homectl.safetensors")]
        weights: PathBuf,
    },
}

/// Texts that no command has.
const ODD: [&str; 12] = [
    "",
    " ",
    "ÄÖÜ ÉCOLE ŒUVRE Ⱥ",
    "ẞ straße ǅ",
    "21°C or 70 °F",
    "IT'S 'TIS 'RE 'S'S",
    "ὈΔΥΣΣΕΎΣ",
    "日本語 テスト",
    "🙂 ON 🙂",
    "a\tb\nc  d   ",
    "<|start|>x<|end|>y",
    "123 4.5 Ⅻ ⅻ",
];

fn tokenizer() -> Result<Tokenizer> {
    Tokenizer::from_file(Path::new(MODEL).join("tokenizer.json")).map_err(|error| anyhow!(error))
}

/// Lines of command, tab, answer.
fn lines(examples: &[Example]) -> String {
    let lines = examples
        .iter()
        .map(|example| format!("{}\t{}\n", example.command, example.answer));
    lines.collect()
}

/// A command without case, punctuation and spaces, to compare phrasings.
#[cfg(feature = "train")]
fn normalized(command: &str) -> String {
    command
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn main() -> Result<()> {
    let model = Path::new(MODEL);
    let natural = Natural::new(include_str!("../phrases/natural.tsv"))?;
    match Command::parse() {
        Command::Sample { count, eval } => {
            let generator = Generator::new(if eval { Split::Eval } else { Split::Train }, 0.15)?;
            let mut rng = random::Rng::seed_from_u64(1);
            for _ in 0..count {
                let example = generator.example(&mut rng);
                println!("{}\t{}", example.command, example.answer);
            }
        }
        Command::Evaluation => {
            fs::create_dir_all(COMMANDS)?;
            fs::write(
                Path::new(COMMANDS).join("generated.tsv"),
                lines(&evaluation(EVALUATION)?),
            )?;
        }
        Command::Golden => {
            let examples = evaluation(EVALUATION)?;
            let tokenizer = tokenizer()?;
            let odd = ODD.map(str::to_owned);
            let texts = examples
                .into_iter()
                .take(200)
                .map(|example| example.command)
                .chain(odd);
            let cases = texts.map(|text| {
                let encoding = tokenizer
                    .encode(&text[..], true)
                    .map_err(|error| anyhow!(error))?;
                Ok(serde_json::json!({ "text": text, "ids": encoding.get_ids() }))
            });
            let cases = cases.collect::<Result<Vec<_>>>()?;
            let lines: Vec<String> = cases.iter().map(|case| format!("{case}\n")).collect();
            fs::write(Path::new(COMMANDS).join("tokens.jsonl"), lines.concat())?;
        }
        Command::Vocabulary => {
            vocabulary::train(&natural)?
                .save(model.join("tokenizer.json"), true)
                .map_err(|error| anyhow!(error))?;
        }
        #[cfg(feature = "train")]
        Command::Train(run) => {
            let tokenizer = tokenizer()?;
            let mut held_out = std::collections::HashSet::new();
            for name in ["generated.tsv", "written.tsv"] {
                let examples =
                    parse_examples(&fs::read_to_string(Path::new(COMMANDS).join(name))?)?;
                held_out.extend(examples.iter().map(|example| normalized(&example.command)));
            }
            train::train(&run, &tokenizer, &natural, held_out)?;
            export::export(&run.out, model)?;
        }
        #[cfg(feature = "train")]
        Command::Export { weights } => export::export(&weights, model)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::frames::{expand, parse, parse_lists};
    use crate::generate::parse_examples;

    fn frames(split: Split) -> HashSet<String> {
        let sections = parse(split.frames()).unwrap();
        sections
            .iter()
            .flat_map(|section| &section.frames)
            .flat_map(|frame| expand(frame))
            .collect()
    }

    /// What a sentence is without the words that training puts around frames.
    fn bare(frame: &str) -> String {
        let mut bare = frame.to_owned();
        loop {
            let mut shorter = bare.clone();
            for (name, wrappers) in parse_lists(Split::Train.wrappers()).unwrap() {
                for wrapper in wrappers {
                    if name.contains("before") {
                        shorter = shorter
                            .strip_prefix(&format!("{wrapper} "))
                            .unwrap_or(&shorter)
                            .to_owned();
                    } else if name.contains("after") {
                        shorter = shorter
                            .strip_suffix(&format!(" {wrapper}"))
                            .unwrap_or(&shorter)
                            .to_owned();
                    }
                }
            }
            if shorter == bare {
                return bare;
            }
            bare = shorter;
        }
    }

    /// No phrasing of the evaluation is one of training, not even with training's politeness
    /// taken away or a place left out.
    #[test]
    fn evaluation_frames_are_not_in_training() {
        let place =
            |frame: &str| frames::tidy(&frame.replace("{at}", "").replace("{np}", "{thing}"));
        let train: HashSet<String> = frames(Split::Train)
            .iter()
            .map(|frame| place(&bare(frame)))
            .collect();
        let shared: Vec<String> = frames(Split::Eval)
            .into_iter()
            .filter(|frame| train.contains(&place(&bare(frame))))
            .collect();
        assert!(shared.is_empty(), "{shared:#?}");
    }

    #[test]
    fn the_evaluation_set_is_the_committed_one() {
        let committed = fs::read_to_string(Path::new(COMMANDS).join("generated.tsv")).unwrap();
        assert!(
            lines(&evaluation(EVALUATION).unwrap()) == committed,
            "run `evaluation` again"
        );
    }

    #[test]
    fn all_answers_are_valid() {
        let schema = fs::read(Path::new(MODEL).join("schema.json")).unwrap();
        let validator =
            jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap();
        let generator = Generator::new(Split::Train, 0.1).unwrap();
        let mut rng = random::Rng::seed_from_u64(11);
        let mut examples: Vec<Example> = (0..20_000).map(|_| generator.example(&mut rng)).collect();
        examples.extend(evaluation(EVALUATION).unwrap());
        examples.extend(parse_examples(include_str!("../phrases/natural.tsv")).unwrap());
        examples.extend(
            parse_examples(&fs::read_to_string(Path::new(COMMANDS).join("written.tsv")).unwrap())
                .unwrap(),
        );
        for Example { command, answer } in examples {
            let value = serde_json::from_str(&answer).unwrap();
            assert!(validator.is_valid(&value), "{command}: {answer}");
        }
    }
}
