//! `score`: how well the model predicts a text.

use std::fs::File;
use std::io::{BufWriter, Write};

use super::args::Args;
use super::json::Object;
use super::model::{CONTEXT, TOKENIZER, tokenizer::Tokenizer};
use super::{Failure, print, session};

pub fn run(mut args: Args) -> Result<(), Failure> {
    let json = args.flag("--json");
    let window = args.number("--window")?.unwrap_or(CONTEXT);
    if !(2..=CONTEXT).contains(&window) {
        return Err(Failure::Usage(format!("--window is 2 to {CONTEXT}")));
    }
    let logits_path = args.value("--logits")?;
    let mut session = session(&mut args)?;
    let path = args.text("file")?;
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::Refused(format!("{path}: cannot read: {error}")))?;

    let mut file = match logits_path {
        Some(path) => Some(BufWriter::new(File::create(&path).map_err(|error| {
            Failure::Refused(format!("{path}: cannot write: {error}"))
        })?)),
        None => None,
    };
    let bos = TOKENIZER.bos.filter(|_| TOKENIZER.add_bos);
    let tokens = encode(&text);
    let of_window = window - usize::from(bos.is_some());
    let (mut nll, mut predicted) = (0.0, 0);
    let mut top1 = Vec::new();
    for chunk in tokens.chunks(of_window) {
        let window: Vec<u32> = bos.into_iter().chain(chunk.iter().copied()).collect();
        session.reset();
        let mut written = Ok(());
        session.feed_each(&window, |index, logits| {
            top1.push(argmax(logits));
            if let (Some(file), Ok(())) = (&mut file, &written) {
                let bytes: Vec<u8> = logits
                    .iter()
                    .flat_map(|logit| logit.to_le_bytes())
                    .collect();
                written = file.write_all(&bytes);
            }
            if let Some(&next) = window.get(index + 1) {
                nll += log_sum_exp(logits) - f64::from(logits[next as usize]);
                predicted += 1;
            }
        })?;
        written?;
    }
    if let Some(mut file) = file {
        file.flush()?;
    }
    if predicted == 0 {
        return Err(Failure::Refused(format!(
            "{path}: there is nothing to predict"
        )));
    }
    let mean = nll / f64::from(predicted);
    let bits_per_byte = nll / std::f64::consts::LN_2 / text.len() as f64;
    if json {
        return print(
            &Object::new()
                .list("tokens", &tokens)
                .plain("nll", mean)
                .plain("perplexity", mean.exp())
                .plain("bits_per_byte", bits_per_byte)
                .list("top1", &top1)
                .end(),
        );
    }
    print(&format!("tokens        {}", tokens.len()))?;
    print(&format!("nll           {mean:.6} nats a token"))?;
    print(&format!("perplexity    {:.4}", mean.exp()))?;
    print(&format!("bits per byte {bits_per_byte:.5}"))
}

/// The tokens of the text alone.
fn encode(text: &str) -> Vec<u32> {
    let plain = Tokenizer {
        add_bos: false,
        add_eos: false,
        ..TOKENIZER
    };
    let mut tokens = vec![0; 3 * text.len() + 4];
    // This much room always suffices.
    let len = plain.encode(text, false, &mut tokens).unwrap_or_default();
    tokens.truncate(len);
    tokens
}

fn argmax(logits: &[f32]) -> usize {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = id;
        }
    }
    best
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let max = f64::from(logits[argmax(logits)]);
    let sum: f64 = logits
        .iter()
        .map(|&logit| (f64::from(logit) - max).exp())
        .sum();
    max + sum.ln()
}
