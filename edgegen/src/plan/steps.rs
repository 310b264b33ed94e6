//! The steps of a plan, and what each does to the formats of the matrices.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::{Architecture, TensorKey};
use crate::program::{COLUMN_PADDING, WeightFormat};
use crate::prune::Shape;

/// Why the graph is optimized.
pub(super) const GRAPH: &str = "matrices with one input become one, buffers share memory";

/// Something that is done to a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Matrices are in the formats of the file.
    Keep,
    /// The rarest tokens are left out.
    PruneVocabulary {
        /// Tokens that stay.
        size: usize,
    },
    /// Each matrix gets the bits that it needs, and a text shows which errors matter.
    Calibrate,
    /// Matrices of more bits become 8-bit integers.
    QuantizeInt8,
    /// Matrices of more bits become 4-bit integers.
    QuantizeInt4,
    /// Feed-forward neurons are left out, those that matter least.
    Prune {
        /// Their share in each layer, 0 to 1.
        sparsity: f64,
    },
    /// Matrices that are f32 become f16.
    ConvertF16,
    /// Matrices with one input become one, buffers share memory, tables are computed.
    OptimizeGraph,
}

impl Action {
    /// The name in `edgegen plan --json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::PruneVocabulary { .. } => "prune_vocabulary",
            Self::Calibrate => "calibrate",
            Self::QuantizeInt8 => "quantize_int8",
            Self::QuantizeInt4 => "quantize_int4",
            Self::Prune { .. } => "prune",
            Self::ConvertF16 => "convert_f16",
            Self::OptimizeGraph => "optimize_graph",
        }
    }

    /// The widest format that it leaves, if it changes any.
    pub(super) fn format(self) -> Option<WeightFormat> {
        match self {
            Self::QuantizeInt8 => Some(WeightFormat::Q8),
            Self::QuantizeInt4 => Some(WeightFormat::Q4),
            Self::ConvertF16 => Some(WeightFormat::F16),
            Self::Keep
            | Self::PruneVocabulary { .. }
            | Self::Calibrate
            | Self::Prune { .. }
            | Self::OptimizeGraph => None,
        }
    }

    /// The sizes that it prunes a network of this architecture to, if it does: whole blocks of
    /// neurons are kept, as many as are nearest.
    pub(super) fn shape(self, architecture: &Architecture) -> Option<Shape> {
        let Self::Prune { sparsity } = self else {
            return None;
        };
        let neurons = architecture.intermediate_size;
        let blocks = (1.0 - sparsity) * neurons as f64 / COLUMN_PADDING as f64;
        let kept = (blocks.round() as usize).max(1) * COLUMN_PADDING;
        Some(Shape {
            intermediate_size: Some(kept.min(neurons)),
            ..Shape::default()
        })
    }

    /// The formats after it.
    pub(super) fn apply(self, formats: &mut BTreeMap<TensorKey, WeightFormat>) {
        let Some(most) = self.format() else { return };
        for format in formats.values_mut() {
            // Widest first.
            if *format < most {
                *format = most;
            }
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("keep the formats"),
            Self::PruneVocabulary { size } => write!(f, "keep {size} tokens"),
            Self::Calibrate => f.write_str("quantize by calibration"),
            Self::QuantizeInt8 => f.write_str("quantize to int8"),
            Self::QuantizeInt4 => f.write_str("quantize to int4"),
            Self::Prune { sparsity } => write!(f, "prune at sparsity {sparsity}"),
            Self::ConvertF16 => f.write_str("convert to fp16"),
            Self::OptimizeGraph => f.write_str("optimize the graph"),
        }
    }
}

/// A step: what is done, why, and the crate's flash before and after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: String,
    /// Bytes of weights and tables before it.
    pub before: usize,
    /// Bytes of weights and tables after it.
    pub after: usize,
}

impl Step {
    /// The last step: it changes no size.
    pub(crate) fn graph(bytes: usize) -> Self {
        Self {
            action: Action::OptimizeGraph,
            reason: GRAPH.into(),
            before: bytes,
            after: bytes,
        }
    }
}
