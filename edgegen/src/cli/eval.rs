//! `edgegen eval`.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::error::Result;
use crate::interpret::{Evaluation, Score};
use crate::model::Model;
use crate::plan::{Quant, Request};
use crate::program::{CacheFormat, Program};
use crate::recipe::Refusal;
use crate::size::format_size;

use super::compression::{Compression, quant};
use super::measure::{Subject, plain};
use super::{json, progress, warnings};

/// Measure what a weight format, a smaller vocabulary, network or KV cache cost in quality, on a text
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Weight format to compare with, of the whole model with a KV cache in f32; f32 is the original
    #[arg(long, value_name = "QUANT", default_value = "f32", value_parser = quant())]
    against: Quant,
    #[command(flatten)]
    compression: Compression,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Args {
    /// The model's path.
    pub(super) fn model(&self) -> &Path {
        self.subject.model()
    }
}

pub(super) fn run(args: &Args) -> Result<String> {
    // A text that cannot be read shows before the long work.
    let options = args.compression.options()?;
    let given = options.read().map_err(Refusal::into_error)?;
    let (task, model) = args.subject.read(None)?;
    let reference = task.program(&model, plain(args.against))?;
    let model = progress::spin("choosing what is kept", || given.prune(model));
    let model = model.map_err(Refusal::into_error)?;
    let request = given.request(&model, Request::default());
    let candidate = task.program(&model, request.map_err(Refusal::into_error)?)?;
    let label = match given.file() {
        Some(_) => "plan".to_owned(),
        None => options.quant.to_string(),
    };
    let done = Done {
        weights: [args.against.to_string(), label],
        window: task.window,
        caches: [&reference, &candidate].map(|program| program.shapes().kv_cache),
        flash: [&reference, &candidate].map(Program::flash_bytes),
        vocab_sizes: [&reference, &candidate].map(|program| program.shapes().vocab_size),
        evaluation: task.evaluate(&reference, &candidate)?,
    };
    Ok(if args.json {
        json(&done.json(&model))
    } else {
        done.text() + &warnings(&model)
    })
}

/// What was measured; of two, the reference is first.
struct Done {
    weights: [String; 2],
    window: usize,
    caches: [CacheFormat; 2],
    flash: [usize; 2],
    vocab_sizes: [usize; 2],
    evaluation: Evaluation,
}

impl Done {
    /// Each program's score, and its perplexity for each token of the reference.
    fn scores(&self) -> [(Score, f64); 2] {
        let Evaluation {
            reference,
            candidate,
            ..
        } = self.evaluation;
        [
            (reference, reference.perplexity()),
            (candidate, self.evaluation.candidate_perplexity()),
        ]
    }

    fn json(&self, model: &Model) -> Value {
        let scores = self.scores();
        let [reference, candidate] = [0, 1].map(|index| {
            let (score, perplexity) = &scores[index];
            serde_json::json!({
                "quant": self.weights[index],
                "kv_cache": self.caches[index].name(),
                "vocab_size": self.vocab_sizes[index],
                "perplexity": perplexity,
                "bits_per_byte": score.bits_per_byte(),
                "flash_bytes": self.flash[index],
            })
        });
        let agreement = self.evaluation.agreement;
        serde_json::json!({
            "warnings": model.notes(),
            "window": self.window,
            "tokens": self.evaluation.reference.tokens(),
            "reference": reference,
            "candidate": candidate,
            "kl_divergence": agreement.map(|agreement| agreement.divergence),
            "top1_agreement": agreement.map(|agreement| agreement.top1),
        })
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{:<8}{:>8}{:>12}{:>14}{:>14}{:>12}\n",
            "weights", "cache", "vocabulary", "perplexity", "bits a byte", "flash"
        );
        for (index, (score, perplexity)) in self.scores().iter().enumerate() {
            let _ = writeln!(
                text,
                "{:<8}{:>8}{:>12}{perplexity:>14.4}{:>14.5}{:>12}",
                self.weights[index],
                self.caches[index].name(),
                self.vocab_sizes[index],
                score.bits_per_byte(),
                format_size(self.flash[index] as u64)
            );
        }
        let tokens = self.evaluation.reference.tokens();
        let _ = match self.evaluation.agreement {
            Some(agreement) => writeln!(
                text,
                "\nKL divergence    {:.6} nats a token\ntop-1 agreement  {:.2} % of {tokens} predictions",
                agreement.divergence,
                100.0 * agreement.top1,
            ),
            None => writeln!(
                text,
                "\nThe tokens differ: both perplexities are for each of the {tokens} tokens that the\n\
                 reference predicts, and there is no KL divergence."
            ),
        };
        text
    }
}
