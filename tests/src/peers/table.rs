//! The comparison as Markdown.

use std::fmt::Write;

use super::{Comparison, Row, Work, median};

/// Where the table begins and ends in `docs/performance.md`.
pub const BEGIN: &str = "<!-- written by bench-peers -->";
pub const END: &str = "<!-- until here -->";

/// The part of `docs/performance.md` that is measured.
pub fn document(comparison: &Comparison, machine: &str) -> String {
    let mut text = format!("On {machine}:\n\n");
    text.push_str(
        "| model | work | threads | edgegen | peer | times better (least to greatest round) |\n",
    );
    text.push_str("|---|---|---|---|---|---|\n");
    for row in &comparison.rows {
        text.push_str(&self::row(row));
    }
    text.push_str("\nDecoding reads all weights for each token, so reading them is its limit:\n\n");
    text.push_str(
        "| model | threads | weights | read by decoding | memory can be read at | share |\n",
    );
    text.push_str("|---|---|---|---|---|---|\n");
    for row in &comparison.rows {
        text.push_str(&roofline(row, comparison));
    }
    text
}

/// A row for each peer.
pub fn row(row: &Row) -> String {
    let mut text = String::new();
    for peer in &row.peers {
        let [ratio, least, greatest] = row.advantage(peer);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} {} | **{ratio:.1}** ({least:.1} to {greatest:.1}) |",
            row.model,
            name(row.work),
            row.threads,
            figure(row.work, &row.ours),
            peer.name,
            figure(row.work, &peer.figures),
        );
    }
    text
}

/// What is measured, in words.
pub fn name(work: Work) -> String {
    match work {
        Work::Decode(tokens) => format!("decode, {tokens} tokens"),
        Work::Prefill(tokens) => format!("prefill, {tokens} tokens"),
        Work::FirstToken => "process start to first token".into(),
        Work::Memory => "peak memory beside the model".into(),
        Work::Disk => "program and model on disk".into(),
    }
}

fn figure(work: Work, figures: &[f64]) -> String {
    let value = median(figures);
    match work {
        Work::Decode(_) | Work::Prefill(_) => format!("{value:.0} tokens/s"),
        Work::FirstToken => format!("{:.0} ms", value * 1e3),
        Work::Memory | Work::Disk => format!("{:.1} MB", value / 1e6),
    }
}

/// Only for what does not fit a cache.
fn roofline(row: &Row, comparison: &Comparison) -> String {
    if row.work != Work::Decode(128) || row.weight_bytes < 50_000_000 {
        return String::new();
    }
    let read = median(&row.ours) * row.weight_bytes as f64;
    let limit = median(&comparison.bandwidth[row.threads - 1]);
    format!(
        "| {} | {} | {:.1} MB | {:.1} GB/s | {:.1} GB/s | {:.2} |\n",
        row.model,
        row.threads,
        row.weight_bytes as f64 / 1e6,
        read / 1e9,
        limit / 1e9,
        read / limit,
    )
}
