//! Size and quality as a picture: a point for each format, and a line through those that no other
//! format beats.

use std::fmt::Write;

use crate::profile::format_size;

use super::Row;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Room for what stands beside the points.
const MARGIN: f64 = 70.0;

/// An SVG with the size from left to right and the perplexity upwards, both in equal ratios.
pub(super) fn draw(model: &str, rows: &[Row]) -> String {
    let x = Scale::new(
        rows.iter().map(|row| row.flash as f64),
        MARGIN,
        WIDTH - 2.0 * MARGIN,
    );
    let y = Scale::new(
        rows.iter().map(|row| row.perplexity),
        HEIGHT - MARGIN,
        MARGIN,
    );
    let point = |row: &Row| (x.place(row.flash as f64), y.place(row.perplexity));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"size and perplexity of each weight format\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <g font-family=\"ui-sans-serif, Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#1b1f27\">\n\
         <text x=\"{MARGIN}\" y=\"24\">{}: perplexity (up) and flash (to the right)</text>\n",
        escape(model)
    );
    let mut rows_by_size: Vec<&Row> = rows.iter().collect();
    rows_by_size.sort_by_key(|row| row.flash);
    let line: Vec<String> = rows_by_size
        .iter()
        .filter(|row| row.is_on_frontier(rows))
        .map(|row| point(row))
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#2f81f7\" stroke-width=\"2\"/>",
        line.join(" ")
    );
    for (index, row) in rows_by_size.into_iter().enumerate() {
        let (x, y) = point(row);
        // Neighbours have their labels on different sides.
        let label = if index % 2 == 0 { y - 8.0 } else { y + 18.0 };
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#2f81f7\"/>\
             <text x=\"{:.1}\" y=\"{label:.1}\">{}: {:.2}, {}</text>",
            x + 8.0,
            row.name(),
            row.perplexity,
            format_size(row.flash as u64),
        );
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// Places values between two ends; equal ratios are equal lengths.
struct Scale {
    least: f64,
    start: f64,
    /// Length of a ratio of e.
    unit: f64,
}

impl Scale {
    fn new(values: impl Iterator<Item = f64> + Clone, start: f64, end: f64) -> Self {
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(0.0, f64::max);
        let unit = (end - start) / libm::log(most / least).max(1e-9);
        Self { least, start, unit }
    }

    fn place(&self, value: f64) -> f64 {
        self.start + self.unit * libm::log(value / self.least)
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
