//! The weight formats of a generated crate.

use std::any::TypeId;
use std::fmt;
use std::str::FromStr;

use runtime_kernels::{F16, F32, Format, Q4, Q4M, Q8, Q8Block, T2, T3, T4};

use crate::program::{COLUMN_PADDING, ROW_PADDING};

/// How a packed matrix holds its weights (docs/design.md, "Weight formats").
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

    /// What its kernels say of it.
    fn kernels(self) -> Kernels {
        match self {
            Self::F32 => Kernels::of::<F32>(),
            Self::F16 => Kernels::of::<F16>(),
            Self::Q8 => Kernels::of::<Q8>(),
            Self::Q4 => Kernels::of::<Q4>(),
            Self::Q4M => Kernels::of::<Q4M>(),
            Self::T4 => Kernels::of::<T4>(),
            Self::T3 => Kernels::of::<T3>(),
            Self::T2 => Kernels::of::<T2>(),
        }
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        self.kernels().name
    }

    /// Bytes of a block of 32 columns of one row.
    pub fn block_bytes(self) -> usize {
        self.kernels().group_block_bytes / ROW_PADDING
    }

    /// Whether activations are quantized to i8 before the product.
    pub fn integer(self) -> bool {
        self.kernels().integer
    }

    /// Whether a text must show which errors matter, and the model is rotated so that its weights
    /// look normally distributed.
    pub fn calibrated(self) -> bool {
        matches!(self, Self::T4 | Self::T3 | Self::T2)
    }

    /// Bytes of a packed `[rows, cols]` matrix, padding included.
    pub fn matrix_bytes(self, rows: usize, cols: usize) -> usize {
        rows.div_ceil(ROW_PADDING) * self.group_bytes(cols)
    }

    /// Bytes of one group of interleaved rows.
    pub fn group_bytes(self, cols: usize) -> usize {
        let Kernels {
            head_bytes,
            group_block_bytes,
            ..
        } = self.kernels();
        head_bytes + cols.div_ceil(COLUMN_PADDING) * group_block_bytes
    }
}

/// The constants of a format in `runtime-kernels`.
struct Kernels {
    name: &'static str,
    head_bytes: usize,
    group_block_bytes: usize,
    integer: bool,
}

impl Kernels {
    fn of<F: Format>() -> Self {
        Self {
            name: F::NAME,
            head_bytes: F::HEAD_BYTES,
            group_block_bytes: F::GROUP_BLOCK_BYTES,
            integer: TypeId::of::<F::Input>() == TypeId::of::<Q8Block>(),
        }
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
