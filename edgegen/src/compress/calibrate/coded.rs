//! A matrix in codes, and its bytes.

use half::f16;
use rayon::prelude::*;

use crate::program::ROW_PADDING;

use super::trellis::Code;

/// A matrix in codes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::compress) struct Coded {
    pub(super) code: Code,
    /// One a row; a weight is its level times its row's scale.
    pub(super) scales: Vec<f16>,
    /// `[rows][padded cols]`.
    pub(super) codes: Vec<u8>,
}

impl Coded {
    /// A row whose scale is beyond f16.
    pub(super) fn overflow(&self) -> Option<usize> {
        self.scales.iter().position(|scale| !scale.is_finite())
    }

    fn rows(&self) -> usize {
        self.scales.len()
    }

    /// Writes a group of rows, as the kernels read them.
    fn pack(&self, group: usize, out: &mut [u8]) {
        let cols = self.codes.len() / self.rows();
        let words = self.code.words();
        let (head, blocks) = out.split_at_mut(2 * ROW_PADDING);
        let rows = group * ROW_PADDING..self.rows().min((group + 1) * ROW_PADDING);
        for (lane, row) in rows.enumerate() {
            head[2 * lane..][..2].copy_from_slice(&self.scales[row].to_le_bytes());
            let codes = &self.codes[row * cols..][..cols];
            let blocks = blocks.chunks_exact_mut(words * 4 * ROW_PADDING);
            for (codes, block) in codes.as_chunks().0.iter().zip(blocks) {
                for (word, value) in self.code.pack(codes).iter().take(words).enumerate() {
                    let at = 4 * (word * ROW_PADDING + lane);
                    block[at..][..4].copy_from_slice(&value.to_le_bytes());
                }
            }
        }
    }
}

/// Writes the groups from `first` on, of `group_bytes` each, of matrices one below the other, each
/// in whole groups.
pub(in crate::compress) fn pack<'a>(
    matrices: impl Iterator<Item = &'a Coded>,
    first: usize,
    group_bytes: usize,
    out: &mut [u8],
) {
    let groups: Vec<(&Coded, usize)> = matrices
        .flat_map(|matrix| {
            (0..matrix.rows().div_ceil(ROW_PADDING)).map(move |group| (matrix, group))
        })
        .skip(first)
        .collect();
    out.par_chunks_mut(group_bytes)
        .zip(groups)
        .for_each(|(out, (matrix, group))| matrix.pack(group, out));
}
