//! `edgegen sweep`.

mod chart;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::Result;
use crate::interpret::Agreement;
use crate::model::Model;
use crate::plan::{Quant, Request};
use crate::program::WeightFormat;
use crate::size::format_size;

use super::measure::{Subject, plain};
use super::{json, output, warnings};

/// Measure size and quality of a model in every weight format, calibrated and not, on a text
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    subject: Subject,
    /// Draw the figures, as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Replace the file
    #[arg(long, requires = "svg")]
    force: bool,
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
    if let Some(path) = &args.svg {
        output::check(path, args.force)?;
    }
    let (task, model) = args.subject.read(args.svg.as_deref())?;
    let reference = task.program(&model, plain(Quant::To(WeightFormat::F32)))?;
    let mut rows = Vec::new();
    let formats = WeightFormat::MADE.map(|format| (Quant::To(format), format.calibrated()));
    let calibrated = [WeightFormat::Q4M, WeightFormat::Q4].map(|format| (Quant::To(format), true));
    let all = [(Quant::Keep, false)]
        .into_iter()
        .chain(formats)
        .chain(calibrated);
    for (quant, calibrate) in all {
        let request = Request {
            calibrate,
            ..plain(quant)
        };
        let candidate = task.program(&model, request)?;
        let found = task.evaluate(&reference, &candidate)?;
        rows.push(Row {
            quant,
            calibrated: calibrate,
            flash: candidate.flash_bytes(),
            perplexity: found.candidate.perplexity(),
            agreement: found.agreement.expect("formats have the same tokens"),
        });
    }
    if let Some(path) = &args.svg {
        output::write("the chart", path, &chart::draw(model.name(), &rows))?;
    }
    Ok(if args.json {
        json(&object(&model, task.window, &rows))
    } else {
        table(&rows) + &warnings(&model)
    })
}

/// A format's figures.
struct Row {
    quant: Quant,
    calibrated: bool,
    /// Bytes of weights and tables.
    flash: usize,
    perplexity: f64,
    /// With f32.
    agreement: Agreement,
}

impl Row {
    /// What it is called. Formats that are always calibrated need not say so.
    fn name(&self) -> String {
        match self.quant {
            Quant::To(format) if self.calibrated && !format.calibrated() => {
                format!("{format} calibrated")
            }
            quant => quant.to_string(),
        }
    }

    /// Whether no other format is as small and as good, and better in one of both.
    fn is_on_frontier(&self, rows: &[Self]) -> bool {
        !rows.iter().any(|other| {
            let [own, others] = [self, other].map(|row| (row.flash, row.agreement.divergence));
            others.0 <= own.0 && others.1 <= own.1 && others != own
        })
    }
}

fn object(model: &Model, window: usize, rows: &[Row]) -> Value {
    let formats = rows.iter().map(|row| {
        serde_json::json!({
            "quant": row.quant.to_string(),
            "calibrated": row.calibrated,
            "flash_bytes": row.flash,
            "perplexity": row.perplexity,
            "kl_divergence": row.agreement.divergence,
            "top1_agreement": row.agreement.top1,
            "frontier": row.is_on_frontier(rows),
        })
    });
    serde_json::json!({
        "warnings": model.notes(),
        "window": window,
        "formats": formats.collect::<Vec<_>>(),
    })
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<15}{:>9}{:>14}{:>15}{:>9}\n",
        "weights", "flash", "perplexity", "KL divergence", "top-1"
    );
    for row in rows {
        let mark = if row.is_on_frontier(rows) {
            ""
        } else {
            "  no: another is smaller and better"
        };
        let _ = writeln!(
            text,
            "{:<15}{:>9}{:>14.4}{:>15.6}{:>7.2} %{mark}",
            row.name(),
            format_size(row.flash as u64),
            row.perplexity,
            row.agreement.divergence,
            100.0 * row.agreement.top1,
        );
    }
    text
}
