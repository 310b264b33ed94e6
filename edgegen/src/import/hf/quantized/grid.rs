//! Tensors of codes and scales, in rows.

use rayon::prelude::*;

use crate::error::Result;
use crate::model::{DType, Tensor, View};

use super::parts::Bytes;

/// Which columns have a scale together.
pub(super) struct Groups {
    /// The group of each column.
    of: Vec<usize>,
    /// Columns from a multiple of it to the next one are of one group.
    run: usize,
    pub count: usize,
}

impl Groups {
    /// Groups of so many neighbours, of which the last may have fewer.
    pub(super) fn of_size(cols: usize, size: usize) -> Self {
        let of = (0..cols).map(|col| col / size).collect();
        Self::listed(of, 0)
    }

    /// Groups by column (`g_idx`), at least `count`.
    pub(super) fn listed(of: Vec<usize>, count: usize) -> Self {
        let mut run = of.len();
        for (col, pair) in of.windows(2).enumerate() {
            if pair[0] != pair[1] {
                run = common_divisor(run, col + 1);
            }
        }
        let last = of.iter().max().copied().unwrap_or(0);
        let count = count.max(last.saturating_add(1));
        Self { of, run, count }
    }

    pub(super) fn cols(&self) -> usize {
        self.of.len()
    }
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// A matrix of `(code - zero) · scale`. Scales and zero points are asked for by row and group,
/// codes by row and column.
pub(super) struct Integers<S, Z, C> {
    pub name: String,
    pub rows: usize,
    pub groups: Groups,
    /// 2, 4 or 8.
    pub bits: u8,
    pub scale: S,
    pub zero: Z,
    pub code: C,
}

impl<S, Z, C> Integers<S, Z, C>
where
    S: Fn(usize, usize) -> f32 + Sync,
    Z: Fn(usize, usize) -> u8 + Sync,
    C: Fn(usize, usize) -> u8 + Sync,
{
    pub(super) fn tensor(self) -> Result<Tensor> {
        let middle = 1 << (self.bits - 1);
        let zeros = (0..self.rows).into_par_iter().any(|row| {
            let mut groups = 0..self.groups.count;
            groups.any(|group| (self.zero)(row, group) != middle)
        });
        let dtype = match self.groups.run {
            // Of scattered groups a block would hold a column and its scale.
            1 => DType::F32,
            group_size => DType::Codes {
                bits: self.bits,
                zeros,
                group_size,
            },
        };
        let (run, bits) = (dtype.block_size(), usize::from(self.bits));
        let in_byte = 8 / bits;
        tensor(
            self.name,
            self.rows,
            self.groups.cols(),
            dtype,
            |row, first, block| {
                let group = self.groups.of[first];
                let (scale, zero) = ((self.scale)(row, group), (self.zero)(row, group));
                let code = |at| (self.code)(row, first + at);
                if dtype == DType::F32 {
                    let steps = i32::from(code(0)) - i32::from(zero);
                    block.copy_from_slice(&(steps as f32 * scale).to_le_bytes());
                    return;
                }
                let (head, codes) = block.split_at_mut(4);
                head.copy_from_slice(&scale.to_le_bytes());
                let codes = match zeros {
                    true => {
                        codes[0] = zero;
                        &mut codes[1..]
                    }
                    false => codes,
                };
                for at in 0..run {
                    codes[at / in_byte] |= code(at) << (at % in_byte * bits);
                }
            },
        )
    }
}

/// A matrix of E4M3 and scales, which are asked for by row and group.
pub(super) fn floats(
    name: String,
    bytes: &Bytes,
    groups: &Groups,
    scale: impl Fn(usize, usize) -> f32 + Sync,
) -> Result<Tensor> {
    let group_size = groups.run;
    let dtype = DType::F8_E4M3 { group_size };
    tensor(
        name,
        bytes.rows,
        groups.cols(),
        dtype,
        |row, first, block| {
            let (head, codes) = block.split_at_mut(4);
            head.copy_from_slice(&scale(row, groups.of[first]).to_le_bytes());
            for (at, code) in codes.iter_mut().enumerate() {
                *code = bytes.at(row, first + at);
            }
        },
    )
}

/// Fills each block, by its row and first column.
fn tensor(
    name: String,
    rows: usize,
    cols: usize,
    dtype: DType,
    fill: impl Fn(usize, usize, &mut [u8]) + Sync,
) -> Result<Tensor> {
    let mut data = vec![0; dtype.bytes(rows, cols)?];
    let stride = data.len() / rows;
    data.par_chunks_exact_mut(stride)
        .enumerate()
        .for_each(|(row, bytes)| {
            let blocks = bytes.chunks_exact_mut(dtype.block_bytes());
            for (at, block) in blocks.enumerate() {
                fill(row, at * dtype.block_size(), block);
            }
        });
    Tensor::new(name, rows, cols, dtype, View::new(data))
}
