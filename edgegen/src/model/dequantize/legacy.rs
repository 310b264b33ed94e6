//! Blocks of 32: one f16 scale, sometimes an f16 minimum, and 4, 5 or 8 bits an element.
//! In 4-bit parts byte `j` holds element `j` (low half) and `j + 16` (high half).

use super::half_at;

pub(super) fn q4_0(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 0).to_f32();
    for (j, &byte) in block[2..].iter().enumerate() {
        out[j] = (i32::from(byte & 0xF) - 8) as f32 * scale;
        out[j + 16] = (i32::from(byte >> 4) - 8) as f32 * scale;
    }
}

pub(super) fn q4_1(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 0).to_f32();
    let min = half_at(block, 2).to_f32();
    for (j, &byte) in block[4..].iter().enumerate() {
        out[j] = f32::from(byte & 0xF) * scale + min;
        out[j + 16] = f32::from(byte >> 4) * scale + min;
    }
}

pub(super) fn q5_0(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 0).to_f32();
    let high = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    for (j, &byte) in block[6..].iter().enumerate() {
        let (low, up) = five_bits(byte, high, j);
        out[j] = (i32::from(low) - 16) as f32 * scale;
        out[j + 16] = (i32::from(up) - 16) as f32 * scale;
    }
}

pub(super) fn q5_1(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 0).to_f32();
    let min = half_at(block, 2).to_f32();
    let high = u32::from_le_bytes([block[4], block[5], block[6], block[7]]);
    for (j, &byte) in block[8..].iter().enumerate() {
        let (low, up) = five_bits(byte, high, j);
        out[j] = f32::from(low) * scale + min;
        out[j + 16] = f32::from(up) * scale + min;
    }
}

pub(super) fn q8_0(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 0).to_f32();
    for (value, &byte) in out.iter_mut().zip(&block[2..]) {
        *value = f32::from(byte as i8) * scale;
    }
}

/// Elements `j` and `j + 16`: four bits of `byte` and the fifth from `high`.
fn five_bits(byte: u8, high: u32, j: usize) -> (u8, u8) {
    let fifth = |at: usize| ((high >> at & 1) << 4) as u8;
    (byte & 0xF | fifth(j), byte >> 4 | fifth(j + 16))
}
