//! The comparison with other runtimes: the same weights, bits and threads, in turn.

mod bandwidth;
mod chart;
mod runners;
mod table;

use std::path::{Path, PathBuf};

use crate::{Missing, paths, run};
pub use runners::LlamaCpp;
use runners::{CANDLE, Candle, LLAMA_CPP, Ours};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// So many tokens one by one after an empty context, in tokens a second.
    Decode(usize),
    /// A prompt of so many tokens, in tokens a second.
    Prefill(usize),
    /// From the start of the process to the end of one that prints one token, in seconds.
    FirstToken,
    /// The largest resident memory of that process less the model's own bytes, in bytes.
    Memory,
    /// Bytes of the program with its model.
    Disk,
}

impl Work {
    /// Whether more is better: a rate, not a cost.
    pub fn is_rate(self) -> bool {
        matches!(self, Self::Decode(_) | Self::Prefill(_))
    }
}

/// A row of the comparison: one work on one model.
#[derive(Debug)]
pub struct Row {
    /// The model and its weight format.
    pub model: &'static str,
    /// What was measured.
    pub work: Work,
    /// Threads of each side.
    pub threads: usize,
    /// Figures of edgegen's crate, one a round.
    pub ours: Vec<f64>,
    /// The other runtimes.
    pub peers: Vec<Peer>,
    /// Bytes of weights that a decoded token reads.
    pub weight_bytes: u64,
}

/// Another runtime's figures.
#[derive(Debug)]
pub struct Peer {
    /// Its name.
    pub name: &'static str,
    /// One a round, with the settings that gave the better median.
    pub figures: Vec<f64>,
}

impl Row {
    /// How many times better than the peer: the ratio of medians, then the least and the
    /// greatest ratio of a round.
    pub fn advantage(&self, peer: &Peer) -> [f64; 3] {
        let ratio = |ours: f64, theirs: f64| {
            if self.work.is_rate() {
                ours / theirs
            } else {
                theirs / ours
            }
        };
        let rounds = self.ours.iter().zip(&peer.figures);
        let rounds: Vec<f64> = rounds.map(|(&ours, &theirs)| ratio(ours, theirs)).collect();
        [
            ratio(median(&self.ours), median(&peer.figures)),
            rounds.iter().copied().fold(f64::INFINITY, f64::min),
            rounds.iter().copied().fold(0.0, f64::max),
        ]
    }
}

/// The comparison, with the bandwidth of reading memory beside it.
#[derive(Debug)]
pub struct Comparison {
    /// The rows.
    pub rows: Vec<Row>,
    /// For 1, 2, … threads: bytes a second of reading, one figure a row.
    pub bandwidth: Vec<Vec<f64>>,
}

/// The middle value.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// One model in one format: our program, and the same weights for the others.
struct Subject {
    model: &'static str,
    ours: Ours,
    gguf: PathBuf,
    works: Vec<(Work, usize)>,
    candle: bool,
}

/// Builds all programs and compares them, in so many rounds, on the models and works whose names
/// together have a part.
///
/// # Errors
///
/// When a model is missing.
pub fn compare(rounds: usize, part: &str) -> Result<Comparison, Missing> {
    let (smollm2, stories) = (paths::smollm2()?, paths::stories());
    let llama = LlamaCpp::build(None);
    let candle = Candle::build();
    let subjects = subjects(&llama, &smollm2, stories.as_deref());

    let mut comparison = Comparison {
        rows: Vec::new(),
        bandwidth: vec![Vec::new(); 2],
    };
    for subject in &subjects {
        for &(work, threads) in &subject.works {
            if !format!("{} {}", subject.model, table::name(work)).contains(part) {
                continue;
            }
            comparison
                .rows
                .push(row(subject, work, threads, rounds, &llama, &candle));
            for (index, figures) in comparison.bandwidth.iter_mut().enumerate() {
                figures.push(bandwidth::read(index + 1));
            }
            eprint!("{}", table::row(comparison.rows.last().expect("a row")));
        }
    }
    Ok(comparison)
}

fn subjects(llama: &LlamaCpp, smollm2: &Path, stories: Option<&Path>) -> Vec<Subject> {
    let rates = [Work::Decode(128), Work::Prefill(128), Work::Prefill(512)];
    let both = |threads| rates.map(|work| (work, threads));
    let rates: Vec<_> = both(1).into_iter().chain(both(2)).collect();
    let subject = |model, name: &str, gguf: &Path, works: Vec<_>| Subject {
        model,
        ours: Ours::build(name, gguf),
        gguf: gguf.to_owned(),
        works,
        candle: false,
    };
    let mut all = rates.clone();
    // More threads than most machines have free.
    all.push((Work::Decode(16), 8));
    all.extend([Work::FirstToken, Work::Memory, Work::Disk].map(|work| (work, 2)));
    let q4_0 = llama.quantize(smollm2, "Q4_0");
    let q8_0 = llama.quantize(smollm2, "Q8_0");
    let mut subjects = vec![
        subject("SmolLM2-135M Q4_1", "peers-q4-1", smollm2, all),
        subject("SmolLM2-135M Q4_0", "peers-q4-0", &q4_0, rates.clone()),
        subject("SmolLM2-135M Q8_0", "peers-q8-0", &q8_0, rates),
    ];
    subjects[0].candle = true;
    if let Some(f32) = stories {
        let q8_0 = llama.quantize(f32, "Q8_0");
        let decode = || vec![(Work::Decode(128), 1)];
        subjects.extend([
            subject("stories260K F32", "peers-stories-f32", f32, decode()),
            subject("stories260K Q8_0", "peers-stories-q8", &q8_0, decode()),
        ]);
    }
    subjects
}

fn row(
    subject: &Subject,
    work: Work,
    threads: usize,
    rounds: usize,
    llama: &LlamaCpp,
    candle: &Candle,
) -> Row {
    let settings = LlamaCpp::settings(work);
    let with_candle = subject.candle && matches!(work, Work::Decode(128) | Work::Prefill(128));
    let mut ours = Vec::new();
    let mut by_setting = vec![Vec::new(); settings.len()];
    let mut by_candle = Vec::new();
    for _ in 0..rounds {
        ours.push(subject.ours.measure(work, threads));
        for (figures, flash_attention) in by_setting.iter_mut().zip(settings) {
            figures.push(llama.measure(&subject.gguf, work, threads, flash_attention));
        }
        if with_candle {
            by_candle.push(candle.measure(&subject.gguf, work, threads));
        }
    }
    let better = |a: &Vec<f64>, b: &Vec<f64>| {
        let order = median(a).total_cmp(&median(b));
        if work.is_rate() {
            order
        } else {
            order.reverse()
        }
    };
    let best = by_setting.into_iter().max_by(better).expect("a setting");
    let mut peers = vec![Peer {
        name: LLAMA_CPP,
        figures: best,
    }];
    if with_candle {
        peers.push(Peer {
            name: CANDLE,
            figures: by_candle,
        });
    }
    Row {
        model: subject.model,
        work,
        threads,
        ours,
        peers,
        weight_bytes: subject.ours.weight_bytes(),
    }
}

/// Writes the comparison into `docs/performance.md` and draws `docs/performance.svg`.
pub fn publish(comparison: &Comparison) {
    let docs = paths::workspace().join("docs");
    let file = docs.join("performance.md");
    let old = std::fs::read_to_string(&file).expect("docs/performance.md");
    let (head, rest) = old.split_once(table::BEGIN).expect("the table's begin");
    let (_, tail) = rest.split_once(table::END).expect("the table's end");
    let new = table::document(comparison, &run::machine());
    let text = format!("{head}{}\n\n{new}\n{}{tail}", table::BEGIN, table::END);
    std::fs::write(&file, text).expect("a writable docs folder");
    std::fs::write(docs.join("performance.svg"), chart::draw(comparison))
        .expect("a writable docs folder");
}
