//! The weight formats of a generated crate.

use std::fmt;
use std::str::FromStr;

use runtime_kernels::{
    F16, F32, Format, IQ4NL, IQ4XS, MXFP4, Q2K, Q3K, Q4, Q4K, Q4M, Q5, Q5K, Q5M, Q6K, Q8, T2, T3,
    T4, TQ1, TQ2,
};

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
    /// Blocks of 256: an f16, 16 scales of 8 bits and 256 × 6 bit, offset by 32.
    Q6K,
    /// Blocks of 32: an f16 scale, an f16 minimum and 32 × 5 bit.
    Q5M,
    /// Blocks of 32: an f16 scale and 32 × 5 bit, offset by 16.
    Q5,
    /// Blocks of 256: two f16, 8 scales and 8 minimums of 6 bits, and 256 × 5 bit.
    Q5K,
    /// Blocks of 32: an f16 scale, an f16 minimum and 32 × 4 bit.
    Q4M,
    /// Blocks of 32: an f16 scale and 32 × 4 bit, offset by 8.
    Q4,
    /// Blocks of 256: two f16, 8 scales and 8 minimums of 6 bits, and 256 × 4 bit.
    Q4K,
    /// Blocks of 32: an f16 scale and 32 × 4 bit that choose levels.
    IQ4NL,
    /// Blocks of 256: an f16, 8 scales of 6 bits and 256 × 4 bit that choose levels.
    IQ4XS,
    /// Blocks of 32: a power of 2 and 32 × 4 bit that choose levels.
    MXFP4,
    /// 4 bits a weight, the levels of a normal distribution; an f16 scale a row.
    T4,
    /// Blocks of 256: an f16, 16 scales of 6 bits and 256 × 3 bit, offset by 4.
    Q3K,
    /// 3 bits a weight, in codes that share bits with their neighbours; an f16 scale a row.
    T3,
    /// Blocks of 256: two f16, 16 scales and 16 minimums of 4 bits, and 256 × 2 bit.
    Q2K,
    /// Blocks of 256: an f16 and 256 × 2 bit, offset by 1.
    TQ2,
    /// 2 bits a weight, as `T3`.
    T2,
    /// Blocks of 256: an f16, and bytes of five weights, -1 to 1.
    TQ1,
}

impl WeightFormat {
    /// Every format, widest first.
    pub const ALL: [Self; 20] = [
        Self::F32,
        Self::F16,
        Self::Q8,
        Self::Q6K,
        Self::Q5M,
        Self::Q5,
        Self::Q5K,
        Self::Q4M,
        Self::Q4,
        Self::Q4K,
        Self::IQ4NL,
        Self::IQ4XS,
        Self::MXFP4,
        Self::T4,
        Self::Q3K,
        Self::T3,
        Self::Q2K,
        Self::TQ2,
        Self::T2,
        Self::TQ1,
    ];

    /// Those that any weights can be brought into. The others hold what a file has in its format of
    /// that name as it is.
    pub const MADE: [Self; 8] = [
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
            Self::Q6K => Kernels::of::<Q6K>(),
            Self::Q5M => Kernels::of::<Q5M>(),
            Self::Q5 => Kernels::of::<Q5>(),
            Self::Q5K => Kernels::of::<Q5K>(),
            Self::Q4M => Kernels::of::<Q4M>(),
            Self::Q4 => Kernels::of::<Q4>(),
            Self::Q4K => Kernels::of::<Q4K>(),
            Self::IQ4NL => Kernels::of::<IQ4NL>(),
            Self::IQ4XS => Kernels::of::<IQ4XS>(),
            Self::MXFP4 => Kernels::of::<MXFP4>(),
            Self::Q3K => Kernels::of::<Q3K>(),
            Self::Q2K => Kernels::of::<Q2K>(),
            Self::TQ1 => Kernels::of::<TQ1>(),
            Self::TQ2 => Kernels::of::<TQ2>(),
            Self::T4 => Kernels::of::<T4>(),
            Self::T3 => Kernels::of::<T3>(),
            Self::T2 => Kernels::of::<T2>(),
        }
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        self.kernels().name
    }

    /// Bytes of a block of one row.
    pub fn block_bytes(self) -> usize {
        self.kernels().group_block_bytes / ROW_PADDING
    }

    /// Columns of a block: matrices have whole blocks, but for the padding to 32 columns.
    pub fn block_columns(self) -> usize {
        COLUMN_PADDING * self.kernels().span
    }

    /// How many times 32 activations have one scale, if they are quantized to i8 before the product.
    pub fn activations(self) -> Option<usize> {
        let floats = matches!(self, Self::F32 | Self::F16);
        (!floats).then_some(self.kernels().span)
    }

    /// Whether a text must show which errors matter, and the model is rotated so that its weights
    /// look normally distributed.
    pub fn calibrated(self) -> bool {
        matches!(self, Self::T4 | Self::T3 | Self::T2)
    }

    /// Whether it is one of [`Self::MADE`].
    pub fn is_made(self) -> bool {
        Self::MADE.contains(&self)
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
            span,
            ..
        } = self.kernels();
        head_bytes + cols.div_ceil(COLUMN_PADDING * span) * group_block_bytes
    }
}

/// The constants of a format in `runtime-kernels`.
struct Kernels {
    name: &'static str,
    head_bytes: usize,
    group_block_bytes: usize,
    span: usize,
}

impl Kernels {
    fn of<F: Format>() -> Self {
        Self {
            name: F::NAME,
            head_bytes: F::HEAD_BYTES,
            group_block_bytes: F::GROUP_BLOCK_BYTES,
            span: F::SPAN,
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

    /// Two groups of rows, three times 256 columns.
    #[test]
    fn a_matrix_takes_the_bits_of_its_format() {
        use WeightFormat as F;
        let (rows, cols) = (2 * ROW_PADDING, 3 * 256);
        let expected = [
            (F::F32, 32.0, 0),
            (F::F16, 16.0, 0),
            (F::Q8, 8.5, 0),
            (F::Q6K, 6.5625, 0),
            (F::Q5M, 6.0, 0),
            (F::Q5, 5.5, 0),
            (F::Q5K, 5.5, 0),
            (F::Q4M, 5.0, 0),
            (F::Q4, 4.5, 0),
            (F::Q4K, 4.5, 0),
            (F::IQ4NL, 4.5, 0),
            (F::IQ4XS, 4.25, 0),
            (F::MXFP4, 4.25, 0),
            (F::T4, 4.0, 2),
            (F::Q3K, 3.4375, 0),
            (F::T3, 3.0, 2),
            (F::Q2K, 2.625, 0),
            (F::TQ2, 2.0625, 0),
            (F::T2, 2.0, 2),
            (F::TQ1, 1.6875, 0),
        ];
        for (place, (format, bits, a_row)) in expected.into_iter().enumerate() {
            assert_eq!(F::ALL[place], format);
            let expected = (rows * cols) as f64 * bits / 8.0 + (rows * a_row) as f64;
            let less = format.block_columns() - 1;
            for (rows, cols) in [(rows, cols), (ROW_PADDING + 1, cols - less)] {
                assert_eq!(format.matrix_bytes(rows, cols) as f64, expected, "{format}");
            }
        }
        assert!(F::ALL.is_sorted());
    }
}
