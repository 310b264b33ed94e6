//! The weight formats of a generated crate.

use std::fmt;
use std::str::FromStr;

use crate::program::{COLUMN_PADDING, ROW_PADDING};

/// How a packed matrix holds its weights (design.md, "Weight formats").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WeightFormat {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// Blocks of 32: an f16 scale and 32 × i8.
    Q8,
    /// Blocks of 32: an f16 scale and 32 × 4 bit, offset by 8.
    Q4,
    /// Blocks of 32: an f16 scale, an f16 minimum and 32 × 4 bit.
    Q4M,
}

impl WeightFormat {
    /// Every format, widest first.
    pub const ALL: [Self; 5] = [Self::F32, Self::F16, Self::Q8, Self::Q4M, Self::Q4];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
            Self::Q4M => "q4m",
        }
    }

    /// Bytes of a block of 32 columns of one row.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 128,
            Self::F16 => 64,
            Self::Q8 => 34,
            Self::Q4 => 18,
            Self::Q4M => 20,
        }
    }

    /// Whether activations are quantized to i8 before the product.
    pub fn integer(self) -> bool {
        matches!(self, Self::Q8 | Self::Q4 | Self::Q4M)
    }

    /// Bytes of a packed `[rows, cols]` matrix, padding included.
    pub fn matrix_bytes(self, rows: usize, cols: usize) -> usize {
        rows.next_multiple_of(ROW_PADDING) * cols.div_ceil(COLUMN_PADDING) * self.block_bytes()
    }

    /// Bytes of one group of interleaved rows.
    pub fn group_bytes(self, cols: usize) -> usize {
        self.matrix_bytes(ROW_PADDING, cols)
    }
}

impl fmt::Display for WeightFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for WeightFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| format!("unknown weight format `{text}`"))
    }
}
