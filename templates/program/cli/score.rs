//! `score`: how well the model predicts a text.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Read, Write};

use super::args::Args;
use super::json::Object;
use super::model::{CONTEXT, Memory, Session, TOKENIZER, tokenizer::Tokenizer};
use super::{Failure, print, session};

/// The most bytes of a text.
const MOST: u64 = 1 << 26;

pub fn run(mut args: Args) -> Result<(), Failure> {
    let json = args.flag("--json");
    let window = args.number("--window")?.unwrap_or(CONTEXT);
    if !(2..=CONTEXT).contains(&window) {
        return Err(Failure::Usage(format!("--window is 2 to {CONTEXT}")));
    }
    let logits_path = args.value("--logits")?;
    let mut session = session(&mut args)?;
    let path = args.text("file")?;
    let text = read(&path)?;
    let Some(logits) = logits_path else {
        return scored(&mut session, &path, &text, window, None, json);
    };
    let file = File::create_new(&logits).map_err(|error| {
        Failure::Refused(match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("{logits}: the file exists\n  help: give a new one")
            }
            _ => format!("{logits}: cannot write: {error}"),
        })
    })?;
    let mut file = BufWriter::new(file);
    let result = scored(&mut session, &path, &text, window, Some(&mut file), json);
    if result.is_err() {
        // A part of it would look like the whole.
        let _ = fs::remove_file(&logits);
    }
    result
}

/// The file's text.
fn read(path: &str) -> Result<String, Failure> {
    let refused = |problem: String| Failure::Refused(format!("{path}: {problem}"));
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST + 1).read_to_end(&mut text))
        .map_err(|error| refused(format!("cannot read: {error}")))?;
    if text.len() as u64 > MOST {
        return Err(refused(format!("a text has at most {MOST} bytes")));
    }
    String::from_utf8(text).map_err(|_| refused("the text is not UTF-8".into()))
}

/// Scores the text in windows, writes all logits to the file if there is one, and prints the result.
fn scored(
    session: &mut Session<Box<Memory>>,
    path: &str,
    text: &str,
    window: usize,
    mut file: Option<&mut BufWriter<File>>,
    json: bool,
) -> Result<(), Failure> {
    let bos = TOKENIZER.bos.filter(|_| TOKENIZER.add_bos);
    let tokens = encode(text);
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
    if let Some(file) = file {
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
    let mut tokens = vec![0; plain.room(text.len())];
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
