//! 4 bits an element that choose a value of a table. As in `legacy`, of each 32 elements byte `j`
//! holds element `j` (low half) and `j + 16` (high half).

use runtime_kernels::formats::{iq4nl, mxfp4};

use super::half_at;
use super::super_block::SuperBlock;
use crate::half::F16;

/// The largest exponent of E8M0 with which all values of [`mxfp4::LEVELS`] are finite: 12 · 2^124.
const MOST_E8M0: u8 = 252;

/// f16 scale, indices\[16\].
pub(super) fn iq4_nl(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 0).to_f32();
    look_up(&iq4nl::LEVELS, scale, &block[2..], out);
}

pub(super) fn iq4_xs(block: &[u8], out: &mut [f32]) {
    let block = SuperBlock::iq4_xs(block);
    let unit = F16::from_bits(block.units[0]).to_f32();
    let codes = block.codes.as_chunks::<16>().0;
    for (group, values) in out.chunks_exact_mut(16).enumerate() {
        let scale = unit * (i32::from(block.scales[group]) - 32) as f32;
        for (value, &code) in values.iter_mut().zip(&codes[group]) {
            *value = f32::from(iq4nl::LEVELS[usize::from(code)]) * scale;
        }
    }
}

/// OCP's microscaling format MXFP4: exponent of the scale (E8M0), elements\[16\] (E2M1).
pub(super) fn mxfp4(block: &[u8], out: &mut [f32]) {
    // Half of 2^(e - 127), since the values of the table are doubled; the first two are subnormal.
    let bits = match u32::from(block[0]) {
        exponent @ 0..2 => 1 << (21 + exponent),
        exponent => (exponent - 1) << 23,
    };
    look_up(&mxfp4::LEVELS, f32::from_bits(bits), &block[1..], out);
}

/// Whether every element is, whatever its bits.
pub(super) fn mxfp4_is_finite(block: &[u8]) -> bool {
    block[0] <= MOST_E8M0
}

/// Whether the scale is a normal number.
pub(super) fn mxfp4_is_normal(block: &[u8]) -> bool {
    block[0] >= 2
}

fn look_up(table: &[i8; 16], scale: f32, indices: &[u8], out: &mut [f32]) {
    let value = |index: u8| f32::from(table[usize::from(index)]) * scale;
    for (j, &byte) in indices.iter().enumerate() {
        out[j] = value(byte & 0xF);
        out[j + 16] = value(byte >> 4);
    }
}
