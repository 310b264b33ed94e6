//! The comparison as a picture: a bar for each row, as long as it is many times better.

use std::fmt::Write;

use super::{Comparison, table};

const BAR: usize = 22;
const TEXT: usize = 430;
const WIDTH: usize = 860;

/// An SVG of the advantage over each peer.
pub fn draw(comparison: &Comparison) -> String {
    let bars: Vec<(String, f64)> = comparison
        .rows
        .iter()
        .flat_map(|row| {
            row.peers.iter().map(move |peer| {
                let threads = if row.threads == 1 {
                    "thread"
                } else {
                    "threads"
                };
                let label = format!(
                    "{}, {}, {} {threads} / {}",
                    row.model,
                    table::name(row.work),
                    row.threads,
                    peer.name
                );
                (label, row.advantage(peer)[0])
            })
        })
        .collect();
    let most = bars.iter().map(|bar| bar.1).fold(1.0, f64::max);
    // Of equal factors the bars differ by equal lengths.
    let length = |ratio: f64| {
        (ratio.max(1.0).ln() / most.ln().max(f64::EPSILON)) * (WIDTH - TEXT - 60) as f64
    };
    let height = bars.len() * BAR + 20;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"how many times better edgegen is\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <g font-family=\"ui-sans-serif, Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#1b1f27\">\n"
    );
    for (index, (label, ratio)) in bars.iter().enumerate() {
        let y = index * BAR + 10;
        let (middle, bar) = (y + 15, length(*ratio));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{label}</text>\
             <rect x=\"{TEXT}\" y=\"{}\" width=\"{bar:.0}\" height=\"{}\" fill=\"#2f81f7\"/>\
             <text x=\"{:.0}\" y=\"{middle}\">{ratio:.1} ×</text>",
            TEXT - 8,
            y + 3,
            BAR - 6,
            TEXT as f64 + bar + 6.0,
        );
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}
