//! K-quants: super-blocks of 256 with f16 super-scales and small integer scales for
//! groups of 16 or 32 elements.

use super::super_block::SuperBlock;
use crate::half::F16;

pub(super) fn q2_k(block: &[u8], out: &mut [f32]) {
    with_minimums(&SuperBlock::q2_k(block), out);
}

pub(super) fn q3_k(block: &[u8], out: &mut [f32]) {
    let block = SuperBlock::q3_k(block);
    centered(&block, 4, |scale| i32::from(scale) - 32, out);
}

pub(super) fn q4_k(block: &[u8], out: &mut [f32]) {
    with_minimums(&SuperBlock::q4_k(block), out);
}

pub(super) fn q5_k(block: &[u8], out: &mut [f32]) {
    with_minimums(&SuperBlock::q5_k(block), out);
}

pub(super) fn q6_k(block: &[u8], out: &mut [f32]) {
    let block = SuperBlock::q6_k(block);
    centered(&block, 32, |scale| i32::from(scale as i8), out);
}

/// `code * scale - minimum`.
fn with_minimums(block: &SuperBlock, out: &mut [f32]) {
    let [unit, unit_of_minimums] = block.units.map(|unit| F16::from_bits(unit).to_f32());
    let codes = block.codes.as_chunks::<16>().0;
    for (group, values) in out.chunks_exact_mut(16).enumerate() {
        let scale = unit * f32::from(block.scales[group]);
        let minimum = unit_of_minimums * f32::from(block.minimums[group]);
        for (value, &code) in values.iter_mut().zip(&codes[group]) {
            *value = scale * f32::from(code) - minimum;
        }
    }
}

/// `(code - center) * scale`.
fn centered(block: &SuperBlock, center: i32, scale: impl Fn(u8) -> i32, out: &mut [f32]) {
    let unit = F16::from_bits(block.units[0]).to_f32();
    let codes = block.codes.as_chunks::<16>().0;
    for (group, values) in out.chunks_exact_mut(16).enumerate() {
        let scale = unit * scale(block.scales[group]) as f32;
        for (value, &code) in values.iter_mut().zip(&codes[group]) {
            *value = scale * (i32::from(code) - center) as f32;
        }
    }
}

/// Where the 16 elements of `group` lie in 64 bytes of 2-bit quants: first byte and shift.
pub(super) fn two_bit_place(group: usize) -> (usize, usize) {
    (group / 8 * 32 + group % 2 * 16, group / 2 % 4 * 2)
}

/// The 6-bit scale and minimum of group `j` of 8 (`get_scale_min_k4`).
pub(super) fn scale_and_min(packed: &[u8], j: usize) -> (u8, u8) {
    if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        (
            packed[j + 4] & 0xF | packed[j - 4] >> 6 << 4,
            packed[j + 4] >> 4 | packed[j] >> 6 << 4,
        )
    }
}
