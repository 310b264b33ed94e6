//! `edgegen estimate`.

use std::fmt::Write;
use std::path::PathBuf;

use clap::builder::{StringValueParser, TypedValueParser};
use serde_json::Value;

use crate::error::Result;
use crate::model::Model;
use crate::plan::{Plan, Quant, Request, plan};
use crate::profile::Profile;
use crate::program::{CacheFormat, WeightFormat};
use crate::size::format_size;

use super::fit::Fit;
use super::reading::Reading;
use super::{json, warnings};

/// Show how much memory a model takes in each number format, and whether it fits a platform
#[derive(clap::Args)]
#[group(skip)]
#[command(group(clap::ArgGroup::new("subject").required(true)))]
pub(super) struct Args {
    /// GGUF file, Hugging Face folder, llama2.c `.bin`, or name on the hub (`hf:OWNER/NAME`), for exact
    /// figures
    #[arg(group = "subject")]
    model: Option<PathBuf>,
    /// Number of weights of a model that is not at hand, such as `135M`
    #[arg(long, value_name = "N", group = "subject", allow_negative_numbers = true, value_parser = StringValueParser::new().try_map(|text| count(&text)))]
    params: Option<u64>,
    /// Built-in platform, or a profile's TOML file (see `edgegen platforms`)
    #[arg(long, value_name = "P")]
    platform: String,
    #[command(flatten)]
    reading: Reading,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(args: &Args) -> Result<String> {
    let profile = Profile::load(&args.platform)?;
    let parameters = args.params.unwrap_or(0);
    let Some(path) = &args.model else {
        let rows = NUMBER_TYPES.map(|(name, bits)| Estimate::new(name, bits, parameters, &profile));
        return Ok(if args.json {
            let formats: Vec<Value> = rows.iter().map(Estimate::json).collect();
            json(&serde_json::json!({
                "params": parameters,
                "platform": profile.name(),
                "formats": formats,
            }))
        } else {
            rows.iter().map(Estimate::text).collect()
        });
    };
    let model = args.reading.read(path)?;
    let exact = exact(&model, &profile)?;
    Ok(if args.json {
        json(&exact.json(&model, &profile))
    } else {
        exact.text(&model, &profile) + &warnings(&model)
    })
}

/// Names and bits a weight.
const NUMBER_TYPES: [(&str, u64); 4] = [("fp32", 32), ("fp16", 16), ("int8", 8), ("int4", 4)];

/// Weights of one number type, without scales or tables.
struct Estimate {
    name: &'static str,
    bytes: u64,
    /// Whether the limit of the model's size allows it.
    model_size: bool,
    /// Whether the device's RAM, less the system's share and the margin, can hold it.
    device: bool,
}

impl Estimate {
    fn new(name: &'static str, bits: u64, parameters: u64, profile: &Profile) -> Self {
        let bytes = (parameters * bits).div_ceil(8);
        let memory = profile.memory();
        Self {
            name,
            bytes,
            model_size: profile.model_size().is_none_or(|limit| bytes <= limit),
            device: memory.is_none_or(|memory| memory.taken(bytes, 0) <= memory.budget()),
        }
    }

    fn gb(&self) -> String {
        format!("{:.3}", self.bytes as f64 / 1e9)
    }

    fn json(&self) -> Value {
        serde_json::json!({
            "format": self.name,
            "bytes": self.bytes,
            "gb": self.gb().parse::<f64>().expect("a number was printed"),
            "fits": {
                "model_size": self.model_size,
                "device": self.device,
                "all": self.model_size && self.device,
            },
        })
    }

    fn text(&self) -> String {
        let verdict = match (self.model_size, self.device) {
            (true, true) => "fits",
            (false, true) => "exceeds the limit of the model's size",
            (true, false) => "exceeds the device's RAM",
            (false, false) => "exceeds the limit of the model's size and the device's RAM",
        };
        format!("{}  {:>8}  {verdict}\n", self.name, format_size(self.bytes))
    }
}

/// A model as its file has it and in each format, and in sessions of several lengths with each format of the KV cache.
struct Exact {
    formats: Vec<(Quant, Plan)>,
    contexts: Vec<Plan>,
}

fn exact(model: &Model, profile: &Profile) -> Result<Exact> {
    let planned = |quant, context, kv_cache| {
        let request = Request {
            quant,
            context,
            kv_cache,
            answer_cache: Some(0),
            allow_oversize: true,
            ..Request::default()
        };
        plan(model, profile, &request)
    };
    let formats = [Quant::Keep]
        .into_iter()
        .chain(WeightFormat::MADE.map(Quant::To))
        .map(|quant| Ok((quant, planned(quant, None, CacheFormat::F32)?)));
    let head_dim = model.architecture().head_dim;
    let caches = CacheFormat::ALL.into_iter();
    let caches = caches.filter(|format| head_dim <= format.max_head_dim());
    let contexts = contexts(model, profile)
        .into_iter()
        .flat_map(|context| caches.clone().map(move |format| (context, format)))
        .map(|(context, kv_cache)| planned(Quant::Keep, Some(context), kv_cache));
    Ok(Exact {
        formats: formats.collect::<Result<_>>()?,
        contexts: contexts.collect::<Result<_>>()?,
    })
}

/// A quarter of the platform's context, half of it, all of it, and the model's own.
fn contexts(model: &Model, profile: &Profile) -> Vec<usize> {
    let longest = model.architecture().max_position_embeddings;
    let usual = profile.default_context().min(longest);
    let mut contexts = vec![usual.div_ceil(4), usual.div_ceil(2), usual, longest];
    contexts.dedup();
    contexts
}

impl Exact {
    fn json(&self, model: &Model, profile: &Profile) -> Value {
        let formats = self.formats.iter().map(|(quant, plan)| {
            let footprint = plan.footprint();
            serde_json::json!({
                "format": quant.to_string(),
                "matrix_bytes": footprint.matrices,
                "table_bytes": footprint.tables,
                "flash_bytes": footprint.flash(),
                "fits": Fit::of(footprint, profile).json(),
            })
        });
        let contexts = self.contexts.iter().map(|plan| {
            let footprint = plan.footprint();
            serde_json::json!({
                "context": plan.sizes().context,
                "kv_cache": plan.sizes().kv_cache.name(),
                "kv_cache_bytes": footprint.kv_cache,
                "activation_bytes": footprint.activations,
                "ram_bytes": footprint.ram(),
                "fits": Fit::of(footprint, profile).json(),
            })
        });
        serde_json::json!({
            "model": model.name(),
            "warnings": model.notes(),
            "platform": profile.name(),
            "formats": formats.collect::<Vec<_>>(),
            "contexts": contexts.collect::<Vec<_>>(),
        })
    }

    fn text(&self, model: &Model, profile: &Profile) -> String {
        let size = |bytes: usize| format_size(bytes as u64);
        let mut text = format!("{} on {}\n\n", model.name(), profile.name());
        let _ = writeln!(text, "format   matrices     tables      flash");
        for (quant, plan) in &self.formats {
            let footprint = plan.footprint();
            let fit = Fit::of(footprint, profile);
            let _ = writeln!(
                text,
                "{:<7} {:>9}  {:>9}  {:>9}{}{}",
                quant.to_string(),
                size(footprint.matrices),
                size(footprint.tables),
                size(footprint.flash()),
                fit.flash(),
                fit.beside("with a session")
            );
        }
        let _ = writeln!(text, "\ncontext  KV cache          activations        RAM");
        for plan in &self.contexts {
            let footprint = plan.footprint();
            let fit = Fit::of(footprint, profile);
            let _ = writeln!(
                text,
                "{:>7}  {:<5} {:>10}  {:>11}  {:>9}{}{}",
                plan.sizes().context,
                plan.sizes().kv_cache.name(),
                size(footprint.kv_cache),
                size(footprint.activations),
                size(footprint.ram()),
                fit.session(),
                fit.beside("with the weights")
            );
        }
        text
    }
}

/// A number of weights: `135M`, `1.1B`, `260K` or `15000000`.
fn count(text: &str) -> std::result::Result<u64, &'static str> {
    const MOST: f64 = 1e15;
    /// Without a unit, fewer are a unit forgotten.
    const LEAST: f64 = 1000.0;
    let (number, factor) = match text.char_indices().next_back() {
        Some((at, 'K')) => (&text[..at], 1e3),
        Some((at, 'M')) => (&text[..at], 1e6),
        Some((at, 'B')) => (&text[..at], 1e9),
        _ => (text, 1.0),
    };
    let plain = |c: char| c.is_ascii_digit() || c == '.';
    let value = number
        .parse::<f64>()
        .map(|number| (number * factor).round());
    match value {
        Ok(value) if factor == 1.0 && (1.0..LEAST).contains(&value) => Err(
            "so few weights are no language model: write 135M for millions, or 135B for billions",
        ),
        Ok(value) if number.chars().all(plain) && (1.0..=MOST).contains(&value) => Ok(value as u64),
        _ => Err("write a number such as 260K, 135M, 1.1B or 15000000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_suffixes() {
        for (text, expected) in [
            ("260K", 260_000),
            ("135M", 135_000_000),
            ("1.1B", 1_100_000_000),
            ("134515008", 134_515_008),
            ("0.5K", 500),
        ] {
            assert_eq!(count(text), Ok(expected), "{text}");
        }
        for text in [
            "135", "1.1", "999", "", "M", "-1M", "1e6", "inf", "NaN", "0", "1G", "135 M",
            "9999999B", "٣M",
        ] {
            assert!(count(text).is_err(), "{text:?}");
        }
    }
}
