//! Interleaves rows in groups of eight, in the order in which the kernels read
//! (`runtime-kernels/src/formats`).

use std::ops::Range;

use rayon::prelude::*;

use crate::error::Result;
use crate::program::{COLUMN_PADDING, ROW_PADDING, WeightFormat};

use super::encode::{self, Block};
use super::rows::Rows;

/// Packs some groups of rows.
pub(super) fn groups(
    rows: &Rows<'_>,
    groups: Range<usize>,
    cols: usize,
    format: WeightFormat,
    out: &mut [u8],
) -> Result<()> {
    out.par_chunks_mut(format.group_bytes(cols))
        .zip(groups)
        .try_for_each(|(out, group)| pack_group(rows, group, cols, format, out))
}

fn pack_group(
    rows: &Rows<'_>,
    group: usize,
    cols: usize,
    format: WeightFormat,
    out: &mut [u8],
) -> Result<()> {
    let blocks = cols.div_ceil(COLUMN_PADDING);
    let mut encoded = Vec::with_capacity(ROW_PADDING * blocks);
    for row in rows.group(group) {
        match row {
            Some(row) => encode::row(row, format, &mut encoded)?,
            None => encoded.extend(std::iter::repeat_n(Block::zero(format), blocks)),
        }
    }
    self::blocks(&encoded, format, out);
    Ok(())
}

/// Writes the blocks of a group of rows, `[rows][blocks]`.
pub(super) fn blocks(encoded: &[Block], format: WeightFormat, out: &mut [u8]) {
    let blocks = encoded.len() / ROW_PADDING;
    let block_bytes = format.block_bytes() * ROW_PADDING;
    for (index, out) in out.chunks_exact_mut(block_bytes).enumerate() {
        for lane in 0..ROW_PADDING {
            interleave(&encoded[lane * blocks + index], lane, out);
        }
    }
}

/// Writes one row's block to its places in the group's block.
fn interleave(block: &Block, lane: usize, out: &mut [u8]) {
    match block {
        Block::F32(values) => {
            for (column, value) in values.iter().enumerate() {
                out[(column * 8 + lane) * 4..][..4].copy_from_slice(&value.to_le_bytes());
            }
        }
        Block::F16(values) => {
            for (column, &value) in values.iter().enumerate() {
                put_half(out, column * 8 + lane, value);
            }
        }
        Block::Q8(scale, quants) => {
            put_half(out, lane, *scale);
            for (column, quant) in quants.iter().enumerate() {
                out[16 + 32 * (column / 4) + 4 * lane + column % 4] = quant.cast_unsigned();
            }
        }
        Block::Q4(scale, quants) => {
            put_half(out, lane, *scale);
            put_nibbles(&mut out[16..], lane, quants);
        }
        Block::Q4M(scale, minimum, quants) => {
            put_half(out, lane, *scale);
            put_half(out, 8 + lane, *minimum);
            put_nibbles(&mut out[32..], lane, quants);
        }
    }
}

fn put_half(out: &mut [u8], index: usize, bits: u16) {
    out[2 * index..][..2].copy_from_slice(&bits.to_le_bytes());
}

/// Columns 0..16 in the low halves, 16..32 in the high halves.
fn put_nibbles(out: &mut [u8], lane: usize, quants: &[u8; 32]) {
    for column in 0..16 {
        out[32 * (column / 4) + 4 * lane + column % 4] = quants[column] | quants[column + 16] << 4;
    }
}
