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
    pub model: String,
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

/// One model in one format, and what is measured of it.
struct Subject {
    model: &'static str,
    format: &'static str,
    /// The model's file.
    file: PathBuf,
    /// Whether that has another format.
    requantized: bool,
    works: Vec<(Work, usize)>,
    candle: bool,
}

/// What is measured: our program, and the same weights for the others.
struct Built {
    ours: Ours,
    gguf: PathBuf,
}

impl Subject {
    fn new(model: &'static str, format: &'static str, file: &Path) -> Self {
        Self {
            model,
            format,
            file: file.to_owned(),
            requantized: false,
            works: Vec::new(),
            candle: false,
        }
    }

    fn with(mut self, works: &[(Work, usize)]) -> Self {
        self.works.extend(works);
        self
    }

    /// In a format that llama.cpp makes of the file's.
    fn requantized(mut self) -> Self {
        self.requantized = true;
        self
    }

    fn beside_candle(mut self) -> Self {
        self.candle = true;
        self
    }

    fn name(&self) -> String {
        format!("{} {}", self.model, self.format)
    }

    fn build(&self, llama: &LlamaCpp) -> Built {
        let gguf = match self.requantized {
            true => llama.quantize(&self.file, self.format),
            false => self.file.clone(),
        };
        let name = self.name().to_lowercase().replace([' ', '.', '_'], "-");
        Built {
            ours: Ours::build(&format!("peers-{name}"), &gguf),
            gguf,
        }
    }
}

/// Builds programs and compares them, in so many rounds, on the models and works whose names
/// together have a part.
///
/// # Errors
///
/// When SmolLM2 is missing. Other models are compared where they are there.
pub fn compare(rounds: usize, part: &str) -> Result<Comparison, Missing> {
    let subjects = subjects()?;
    let llama = LlamaCpp::build(None);
    let mut comparison = Comparison {
        rows: Vec::new(),
        bandwidth: vec![Vec::new(); 2],
    };
    for mut subject in subjects {
        let model = subject.name();
        subject
            .works
            .retain(|&(work, _)| format!("{model} {}", table::name(work)).contains(part));
        if subject.works.is_empty() {
            continue;
        }
        let built = subject.build(&llama);
        let candle = subject.candle.then(Candle::build);
        for &(work, threads) in &subject.works {
            let row = row(
                &subject,
                &built,
                work,
                threads,
                rounds,
                &llama,
                candle.as_ref(),
            );
            eprint!("{}", table::row(&row));
            comparison.rows.push(row);
            for (index, figures) in comparison.bandwidth.iter_mut().enumerate() {
                figures.push(bandwidth::read(index + 1));
            }
        }
    }
    Ok(comparison)
}

fn subjects() -> Result<Vec<Subject>, Missing> {
    let rates = [1, 2].map(|threads| {
        let rates = [Work::Decode(128), Work::Prefill(128), Work::Prefill(512)];
        rates.map(|work| (work, threads))
    });
    let rates = rates.as_flattened();
    let others = [
        // More threads than most machines have free.
        (Work::Decode(16), 8),
        (Work::FirstToken, 2),
        (Work::Memory, 2),
        (Work::Disk, 2),
    ];
    let smollm2 = paths::smollm2()?;
    let smollm2 = |format| Subject::new("SmolLM2-135M", format, &smollm2).with(rates);
    let mut subjects = vec![
        smollm2("Q4_1").with(&others).beside_candle(),
        smollm2("Q4_0").requantized(),
        smollm2("Q8_0").requantized(),
    ];
    for (model, file) in [
        ("Gemma 3 270M", paths::gemma3()),
        ("Qwen2.5-Coder-0.5B", paths::qwen2()),
    ] {
        subjects.extend(file.map(|file| Subject::new(model, "Q4_K_M", &file).with(rates)));
    }
    if let Some(file) = paths::stories() {
        let stories =
            |format| Subject::new("stories260K", format, &file).with(&[(Work::Decode(128), 1)]);
        subjects.extend([stories("F32"), stories("Q8_0").requantized()]);
    }
    Ok(subjects)
}

fn row(
    subject: &Subject,
    built: &Built,
    work: Work,
    threads: usize,
    rounds: usize,
    llama: &LlamaCpp,
    candle: Option<&Candle>,
) -> Row {
    let settings = LlamaCpp::settings(work);
    let candle = candle.filter(|_| matches!(work, Work::Decode(128) | Work::Prefill(128)));
    let mut ours = Vec::new();
    let mut by_setting = vec![Vec::new(); settings.len()];
    let mut by_candle = Vec::new();
    for _ in 0..rounds {
        ours.push(built.ours.measure(work, threads));
        for (figures, flash_attention) in by_setting.iter_mut().zip(settings) {
            figures.push(llama.measure(&built.gguf, work, threads, flash_attention));
        }
        if let Some(candle) = candle {
            by_candle.push(candle.measure(&built.gguf, work, threads));
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
    if candle.is_some() {
        peers.push(Peer {
            name: CANDLE,
            figures: by_candle,
        });
    }
    Row {
        model: subject.name(),
        work,
        threads,
        ours,
        peers,
        weight_bytes: built.ours.weight_bytes(),
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
