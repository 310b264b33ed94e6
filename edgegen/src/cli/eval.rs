//! `edgegen eval`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::compress::compress;
use crate::error::{Error, Result};
use crate::import::import_with_tokenizer;
use crate::interpret::{Evaluation, Score, evaluate};
use crate::model::Model;
use crate::plan::{Quant, Request, plan};
use crate::profile::{Profile, format_size};
use crate::program::Program;

use super::emit::quant;
use super::{json, progress};

/// Tokens of a window, where the model has so many.
const WINDOW: usize = 256;

/// Measure what a weight format costs in quality, on a text
#[derive(clap::Args)]
pub(super) struct Args {
    /// GGUF file, Hugging Face folder or llama2.c `.bin`
    model: PathBuf,
    /// Weight format to measure
    #[arg(long, default_value = "keep", value_parser = quant())]
    quant: Quant,
    /// Weight format to compare with; f32 is the original
    #[arg(long, value_name = "QUANT", default_value = "f32", value_parser = quant())]
    against: Quant,
    /// Text to predict, UTF-8
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// Tokens that are predicted from one another; the text is cut into such windows
    /// [default: 256, at most the model's]
    #[arg(long, value_name = "N")]
    window: Option<usize>,
    /// Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(args: &Args) -> Result<String> {
    // A text that cannot be read shows before the long work.
    let text = read(&args.text)?;
    let model = progress::spin("reading the model", || {
        import_with_tokenizer(&args.model, args.tokenizer.as_deref())
    })?;
    let window = window(args.window, &model)?;
    let reference = program(&model, args.against, window)?;
    let candidate = program(&model, args.quant, window)?;
    let evaluation = progress::count("predicting the text", |step| {
        evaluate(&reference, &candidate, &text, window, step)
    })
    .map_err(|error| error.in_file(&args.text))?;
    let done = Done {
        args,
        window,
        flash: [&reference, &candidate].map(Program::flash_bytes),
        evaluation,
    };
    Ok(if args.json {
        json(&done.json())
    } else {
        done.text()
    })
}

fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| Error::io("read", path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        Error::new("the text is not UTF-8")
            .in_file(path)
            .at(format!("byte {}", error.utf8_error().valid_up_to()))
            .remedy("convert it, for instance with `iconv -t UTF-8`")
    })
}

fn window(asked: Option<usize>, model: &Model) -> Result<usize> {
    let longest = model.architecture().max_position_embeddings;
    match asked {
        None => Ok(WINDOW.min(longest)),
        Some(window) if (2..=longest).contains(&window) => Ok(window),
        Some(window) => Err(Error::new(format!(
            "a window of {window} tokens; the model was trained for {longest}"
        ))
        .at("--window")
        .remedy(format!("give 2 to {longest}"))),
    }
}

/// The model in a format, for sessions of one window on this machine.
fn program(model: &Model, quant: Quant, window: usize) -> Result<Program> {
    let request = Request {
        quant,
        context: Some(window),
        answer_cache: Some(0),
        allow_oversize: true,
        ..Request::default()
    };
    let plan = plan(model, &Profile::load("host")?, &request)?;
    progress::count("packing the weights", |step| compress(model, &plan, step))
}

/// What was measured.
struct Done<'a> {
    args: &'a Args,
    window: usize,
    /// Bytes of the reference and of the candidate.
    flash: [usize; 2],
    evaluation: Evaluation,
}

impl Done<'_> {
    fn json(&self) -> Value {
        let Evaluation {
            reference,
            candidate,
            agreement,
        } = &self.evaluation;
        let of = |quant: Quant, score: &Score, perplexity: f64, flash: usize| {
            serde_json::json!({
                "quant": quant.to_string(),
                "perplexity": perplexity,
                "bits_per_byte": score.bits_per_byte(),
                "flash_bytes": flash,
            })
        };
        let perplexity = self.evaluation.candidate_perplexity();
        serde_json::json!({
            "window": self.window,
            "tokens": reference.tokens(),
            "reference": of(self.args.against, reference, reference.perplexity(), self.flash[0]),
            "candidate": of(self.args.quant, candidate, perplexity, self.flash[1]),
            "kl_divergence": agreement.map(|agreement| agreement.divergence),
            "top1_agreement": agreement.map(|agreement| agreement.top1),
        })
    }

    fn text(&self) -> String {
        let Evaluation {
            reference,
            candidate,
            agreement,
        } = &self.evaluation;
        let mut text = format!(
            "{:<8}{:>12}{:>15}{:>14}\n",
            "weights", "perplexity", "bits a byte", "flash"
        );
        let perplexity = self.evaluation.candidate_perplexity();
        for (quant, score, perplexity, flash) in [
            (
                self.args.against,
                reference,
                reference.perplexity(),
                self.flash[0],
            ),
            (self.args.quant, candidate, perplexity, self.flash[1]),
        ] {
            let _ = writeln!(
                text,
                "{:<8}{perplexity:>12.4}{:>15.5}{:>14}",
                quant.to_string(),
                score.bits_per_byte(),
                format_size(flash as u64)
            );
        }
        if let Some(agreement) = agreement {
            let _ = writeln!(
                text,
                "\nKL divergence    {:.6} nats a token\ntop-1 agreement  {:.2} % of {} predictions",
                agreement.divergence,
                100.0 * agreement.top1,
                reference.tokens()
            );
        }
        text
    }
}
