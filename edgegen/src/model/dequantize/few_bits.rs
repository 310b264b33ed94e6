//! Ternary and binary weights: one f16 scale, and an integer of 1 or 2 bits or a third of 5 trits.

use super::half_at;
use super::super_block::SuperBlock;
use crate::half::F16;

/// Trits: 5 in each of 48 bytes, 4 in each of 4, f16 scale. Bytes are in runs of 32, 16 and 4: of
/// each run come the first trits of all its bytes, then the second ones.
pub(super) fn tq1_0(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 52).to_f32();
    let runs = [(&block[..32], 5), (&block[32..48], 5), (&block[48..52], 4)];
    let mut out = out.iter_mut();
    for (bytes, trits) in runs {
        for power in [1, 3, 9, 27, 81_u8].into_iter().take(trits) {
            for (&byte, value) in bytes.iter().zip(&mut out) {
                // A byte is a fraction of 256; what is left of it after the trits before.
                let trit = (u16::from(byte.wrapping_mul(power)) * 3) >> 8;
                *value = (i32::from(trit) - 1) as f32 * scale;
            }
        }
    }
}

pub(super) fn tq2_0(block: &[u8], out: &mut [f32]) {
    let block = SuperBlock::tq2_0(block);
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
