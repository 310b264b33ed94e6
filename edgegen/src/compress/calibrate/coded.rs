//! A matrix as it was encoded, and its bytes.

use rayon::prelude::*;

use crate::compress::encode::Block;
use crate::half::F16;
use crate::program::{COLUMN_PADDING, ROW_PADDING, WeightFormat};

use super::trellis::Code;

/// A matrix as it was encoded.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::compress) enum Coded {
    /// With a scale a row.
    Levels(Levels),
    /// With a scale a block: `[padded rows][blocks]`.
    Blocks(Vec<Block>),
}

/// A matrix in codes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::compress) struct Levels {
    pub(super) code: Code,
    /// One a row; a weight is its level times its row's scale.
    pub(super) scales: Vec<F16>,
    /// `[rows][padded cols]`.
    pub(super) codes: Vec<u8>,
}

impl Coded {
    /// A row whose scale is beyond f16, in a matrix of so many columns.
    pub(super) fn overflow(&self, cols: usize) -> Option<usize> {
        match self {
            Self::Levels(levels) => levels.scales.iter().position(|scale| !scale.is_finite()),
            Self::Blocks(blocks) => {
                let bad = blocks.iter().position(|block| !block.is_finite());
                bad.map(|index| index / cols.div_ceil(COLUMN_PADDING))
            }
        }
    }

    /// Groups of rows, of so many columns.
    fn groups(&self, cols: usize) -> usize {
        match self {
            Self::Levels(levels) => levels.scales.len().div_ceil(ROW_PADDING),
            Self::Blocks(blocks) => blocks.len() / cols.div_ceil(COLUMN_PADDING) / ROW_PADDING,
        }
    }

    /// Writes a group of rows, as the kernels read them.
    fn pack(&self, group: usize, format: WeightFormat, cols: usize, out: &mut [u8]) {
        match self {
            Self::Levels(levels) => levels.pack(group, out),
            Self::Blocks(blocks) => {
                let size = ROW_PADDING * cols.div_ceil(COLUMN_PADDING);
                crate::compress::pack::blocks(&blocks[group * size..][..size], format, out);
            }
        }
    }
}

impl Levels {
    fn pack(&self, group: usize, out: &mut [u8]) {
        let all = self.scales.len();
        let cols = self.codes.len() / all;
        let words = self.code.words();
        let (head, blocks) = out.split_at_mut(2 * ROW_PADDING);
        let rows = group * ROW_PADDING..all.min((group + 1) * ROW_PADDING);
        for (lane, row) in rows.enumerate() {
            head[2 * lane..][..2].copy_from_slice(&self.scales[row].to_bits().to_le_bytes());
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

/// Writes the groups from `first` on, of matrices of `cols` columns one below the other, each in
/// whole groups.
pub(in crate::compress) fn pack(
    matrices: &[&Coded],
    first: usize,
    format: WeightFormat,
    cols: usize,
    out: &mut [u8],
) {
    let groups: Vec<(&Coded, usize)> = matrices
        .iter()
        .flat_map(|&matrix| (0..matrix.groups(cols)).map(move |group| (matrix, group)))
        .skip(first)
        .collect();
    out.par_chunks_mut(format.group_bytes(cols))
        .zip(groups)
        .for_each(|(out, (matrix, group))| matrix.pack(group, format, cols, out));
}
