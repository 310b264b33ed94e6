//! Size and quality as a picture: a point for each format, and a line through those that no other
//! format beats.

use std::fmt::Write;

use crate::size::format_size;

use super::Row;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 460.0;
/// Width of a letter, about, and height of a line.
const LETTER: f64 = 6.3;
const LINE: f64 = 14.0;
/// Lines above or below a point that a label may be moved by.
const MOST_LINES: usize = 9;
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
    let mut taken: Vec<Label> = Vec::new();
    for row in rows_by_size {
        let (x, y) = point(row);
        let text = format!(
            "{}: {:.2}, {}",
            row.name(),
            row.perplexity,
            format_size(row.flash as u64)
        );
        let label = Label::beside(x, y, &text, &taken);
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#2f81f7\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
            label.left, label.base,
        );
        taken.push(label);
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// A line of text.
struct Label {
    left: f64,
    width: f64,
    /// Where its letters stand.
    base: f64,
}

impl Label {
    /// Beside a point, as near as others leave room: below or above, a line further each time.
    fn beside(x: f64, y: f64, text: &str, others: &[Self]) -> Self {
        let width = LETTER * text.len() as f64;
        let at = |line: usize, below: bool| Self {
            left: x + 8.0,
            width,
            base: y + if below {
                18.0 + LINE * line as f64
            } else {
                -8.0 - LINE * line as f64
            },
        };
        let places = (0..MOST_LINES).flat_map(|line| [at(line, false), at(line, true)]);
        let mut free = places.filter(|label| {
            let inside = (LINE..HEIGHT).contains(&label.base);
            inside && !others.iter().any(|other| label.overlaps(other))
        });
        free.next().unwrap_or_else(|| at(0, false))
    }

    fn overlaps(&self, other: &Self) -> bool {
        let apart = |a: f64, b: f64, size: f64| (a - b).abs() >= size;
        let beside = self.left >= other.left + other.width || other.left >= self.left + self.width;
        !beside && !apart(self.base, other.base, LINE)
    }
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
