//! Interleaves rows in groups of eight, in the order in which the kernels read
//! (`runtime-kernels/src/formats`).

use std::ops::Range;

use rayon::prelude::*;

use crate::error::Result;
use crate::model::SuperBlock;
use crate::program::{ROW_PADDING, WeightFormat};

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
    let blocks = cols.div_ceil(format.block_columns());
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
            interleave(&encoded[lane * blocks + index], format, lane, out);
        }
    }
}

/// Writes one row's block to its places in the group's block.
fn interleave(block: &Block, format: WeightFormat, lane: usize, out: &mut [u8]) {
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
        Block::Q5(scale, codes) => {
            put_half(out, lane, *scale);
            put_five_bits(&mut out[16..], lane, codes);
        }
        Block::Q5M(scale, minimum, codes) => {
            put_half(out, lane, *scale);
            put_half(out, 8 + lane, *minimum);
            put_five_bits(&mut out[32..], lane, codes);
        }
        Block::MXFP4(power, codes) => {
            out[lane] = power.cast_unsigned();
            put_nibbles(&mut out[8..], lane, codes);
        }
        Block::Super(block) => super_block(block, format, lane, out),
    }
}

/// The integers of a super-block, as the format's file in `runtime-kernels` says.
fn super_block(block: &SuperBlock, format: WeightFormat, lane: usize, out: &mut [u8]) {
    let [unit, unit_of_minimums] = block.units;
    put_half(out, lane, unit);
    let parts = block.codes.as_chunks::<32>().0.iter().enumerate();
    match format {
        WeightFormat::Q4K | WeightFormat::Q5K => {
            put_half(out, 8 + lane, unit_of_minimums);
            for part in 0..8 {
                let (scale, minimum) = (block.scales[2 * part], block.minimums[2 * part]);
                put(&mut out[32..], lane, 4 * part, scale & 15);
                put(&mut out[64..], lane, 4 * part, minimum & 15);
                put(&mut out[96..], lane, 2 * part, scale >> 4);
                put(&mut out[96..], lane, 16 + 2 * part, minimum >> 4);
            }
            for (part, codes) in parts {
                match format {
                    WeightFormat::Q4K => put_nibbles(&mut out[128 + 128 * part..], lane, codes),
                    _ => put_five_bits(&mut out[128 + 160 * part..], lane, codes),
                }
            }
        }
        WeightFormat::Q6K => {
            for (group, &scale) in block.scales.iter().enumerate() {
                put(&mut out[16..], lane, 8 * group, scale);
            }
            for (part, codes) in parts {
                let out = &mut out[144 + 192 * part..];
                put_two_bits(out, lane, codes, 4);
                put_nibbles(&mut out[64..], lane, &codes.map(|code| code & 15));
            }
        }
        WeightFormat::Q3K => {
            for (group, &scale) in block.scales.iter().enumerate() {
                put(&mut out[16..], lane, 4 * group, scale & 15);
                put(&mut out[80..], lane, 2 * group, scale >> 4);
            }
            for (part, codes) in parts {
                let out = &mut out[112 + 96 * part..];
                put_two_bits(out, lane, codes, 0);
                put_one_bit(&mut out[64..], lane, codes, 2);
            }
        }
        WeightFormat::Q2K => {
            put_half(out, 8 + lane, unit_of_minimums);
            for group in 0..16 {
                let both = block.scales[group] | block.minimums[group] << 4;
                put(&mut out[32..], lane, 8 * group, both);
            }
            for (part, codes) in parts {
                put_two_bits(&mut out[160 + 64 * part..], lane, codes, 0);
            }
        }
        WeightFormat::IQ4XS => {
            let mut high = 0;
            for part in 0..8 {
                let scale = block.scales[2 * part];
                put(&mut out[16..], lane, 4 * part, scale & 15);
                high |= u16::from(scale >> 4) << (2 * part);
            }
            put_half(&mut out[48..], lane, high);
            for (part, codes) in parts {
                put_nibbles(&mut out[64 + 128 * part..], lane, codes);
            }
        }
        WeightFormat::TQ1 => put_trits(&mut out[16..], lane, &block.codes),
        _ => {
            for (part, codes) in parts {
                put_two_bits(&mut out[16 + 64 * part..], lane, codes, 0);
            }
        }
    }
}

fn put_half(out: &mut [u8], index: usize, bits: u16) {
    out[2 * index..][..2].copy_from_slice(&bits.to_le_bytes());
}

/// Some bits of a row's words, which lie eight rows after the other; they are zero before, and of
/// one byte.
fn put(out: &mut [u8], lane: usize, bit: usize, value: u8) {
    out[32 * (bit / 32) + 4 * lane + bit % 32 / 8] |= value << (bit % 8);
}

/// Columns 0..16 in the low halves, 16..32 in the high halves.
fn put_nibbles(out: &mut [u8], lane: usize, quants: &[u8; 32]) {
    for column in 0..16 {
        out[32 * (column / 4) + 4 * lane + column % 4] = quants[column] | quants[column + 16] << 4;
    }
}

/// The highest bits, then the nibbles.
fn put_five_bits(out: &mut [u8], lane: usize, codes: &[u8; 32]) {
    put_one_bit(out, lane, codes, 4);
    put_nibbles(&mut out[32..], lane, &codes.map(|code| code & 15));
}

/// Bits `from` and `from + 1` of each code.
fn put_two_bits(out: &mut [u8], lane: usize, codes: &[u8; 32], from: u32) {
    for (column, code) in codes.iter().enumerate() {
        let bit = 32 * (column / 16) + 8 * (column % 4) + 2 * (column / 4 % 4);
        put(out, lane, bit, code >> from & 3);
    }
}

/// Bit `from` of each code.
fn put_one_bit(out: &mut [u8], lane: usize, codes: &[u8; 32], from: u32) {
    for (column, code) in codes.iter().enumerate() {
        put(out, lane, 8 * (column % 4) + column / 4, code >> from & 1);
    }
}

/// Bytes of five trits: the greatest digit first, as a fraction of 256.
fn put_trits(out: &mut [u8], lane: usize, codes: &[u8; 256]) {
    const VECTORS: usize = 13;
    for byte in 0..4 * VECTORS {
        let digits = (0..5).map(|digit| codes.get(4 * VECTORS * digit + byte).unwrap_or(&0));
        let number = digits.fold(0, |number, &digit| 3 * number + usize::from(digit));
        // Rounded up, so that each digit is the whole part of what is left.
        out[32 * (byte / 4) + 4 * lane + byte % 4] = (256 * number).div_ceil(243) as u8;
    }
}
