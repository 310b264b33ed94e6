//! Ternary and binary weights: one f16 scale, and an integer of 1 or 2 bits or a third of 5 trits.

use super::half_at;
use super::super_block::SuperBlock;
use crate::half::F16;

pub(super) fn tq1_0(block: &[u8], out: &mut [f32]) {
    ternary(&SuperBlock::tq1_0(block), out);
}

pub(super) fn tq2_0(block: &[u8], out: &mut [f32]) {
    ternary(&SuperBlock::tq2_0(block), out);
}

fn ternary(block: &SuperBlock, out: &mut [f32]) {
    let scale = F16::from_bits(block.units[0]).to_f32();
    for (value, &code) in out.iter_mut().zip(&block.codes) {
        *value = (i32::from(code) - 1) as f32 * scale;
    }
}

/// f16 scale, signs\[16\]: a set bit is plus. The lowest bit comes first.
pub(super) fn q1_0(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 0).to_f32();
    for (values, &byte) in out.chunks_exact_mut(8).zip(&block[2..]) {
        for (bit, value) in values.iter_mut().enumerate() {
            *value = if byte >> bit & 1 == 1 { scale } else { -scale };
        }
    }
}

/// f16 scale, 2 bits\[16\], each 1 more than the element. The lowest bits come first.
pub(super) fn q2_0(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 0).to_f32();
    for (values, &byte) in out.chunks_exact_mut(4).zip(&block[2..]) {
        for (pair, value) in values.iter_mut().enumerate() {
            *value = (i32::from(byte >> (2 * pair) & 3) - 1) as f32 * scale;
        }
    }
}
