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
    /// 4 bits a weight, the levels of a normal distribution; an f16 scale a row.
    T4,
    /// 3 bits a weight, in codes that share bits with their neighbours; an f16 scale a row.
    T3,
    /// 2 bits a weight, as `T3`.
    T2,
}

impl WeightFormat {
    /// Every format, widest first.
    pub const ALL: [Self; 8] = [
        Self::F32,
        Self::F16,
        Self::Q8,
        Self::Q4M,
        Self::Q4,
        Self::T4,
        Self::T3,
        Self::T2,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
            Self::Q4M => "q4m",
            Self::T4 => "t4",
            Self::T3 => "t3",
            Self::T2 => "t2",
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
            Self::T4 => 16,
            Self::T3 => 12,
            Self::T2 => 8,
        }
    }

    /// Whether activations are quantized to i8 before the product.
    pub fn integer(self) -> bool {
        !matches!(self, Self::F32 | Self::F16)
    }

    /// Whether a text must show which errors matter, and the model is rotated so that its weights
    /// look normally distributed.
    pub fn calibrated(self) -> bool {
        matches!(self, Self::T4 | Self::T3 | Self::T2)
    }

    /// Bytes of a group of interleaved rows before its blocks.
    fn head_bytes(self) -> usize {
        if self.calibrated() {
            2 * ROW_PADDING
        } else {
            0
        }
    }

    /// Bytes of a packed `[rows, cols]` matrix, padding included.
    pub fn matrix_bytes(self, rows: usize, cols: usize) -> usize {
        rows.div_ceil(ROW_PADDING) * self.group_bytes(cols)
    }

    /// Bytes of one group of interleaved rows.
    pub fn group_bytes(self, cols: usize) -> usize {
        self.head_bytes() + ROW_PADDING * cols.div_ceil(COLUMN_PADDING) * self.block_bytes()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Two groups of rows, three blocks of columns.
    #[test]
    fn a_matrix_takes_the_bits_of_its_format() {
        let (rows, cols) = (2 * ROW_PADDING, 3 * COLUMN_PADDING);
        for (format, bits, a_row) in [
            (WeightFormat::F32, 32.0, 0),
            (WeightFormat::F16, 16.0, 0),
            (WeightFormat::Q8, 8.5, 0),
            (WeightFormat::Q4M, 5.0, 0),
            (WeightFormat::Q4, 4.5, 0),
            (WeightFormat::T4, 4.0, 2),
            (WeightFormat::T3, 3.0, 2),
            (WeightFormat::T2, 2.0, 2),
        ] {
            let expected = (rows * cols) as f64 * bits / 8.0 + (rows * a_row) as f64;
            for (rows, cols) in [(rows, cols), (ROW_PADDING + 1, 2 * COLUMN_PADDING + 1)] {
                assert_eq!(format.matrix_bytes(rows, cols) as f64, expected, "{format}");
            }
        }
    }
}
