//! K-quants: super-blocks of 256 with f16 super-scales and small integer scales for
//! groups of 16 or 32 elements.

use super::half_at;

/// 2 bits; scales\[16\] (4-bit scale, 4-bit minimum), quants\[64\], f16 scale, f16 minimum.
pub(super) fn q2_k(block: &[u8], out: &mut [f32]) {
    let (scales, quants) = (&block[..16], &block[16..80]);
    let (d, min) = (half_at(block, 80).to_f32(), half_at(block, 82).to_f32());
    for (group, values) in out.chunks_exact_mut(16).enumerate() {
        let scale = d * f32::from(scales[group] & 0xF);
        let min = min * f32::from(scales[group] >> 4);
        let (from, shift) = two_bit_place(group);
        for (value, quant) in values.iter_mut().zip(&quants[from..]) {
            *value = scale * f32::from(quant >> shift & 3) - min;
        }
    }
}

/// 3 bits; high bits\[32\], low bits\[64\], 6-bit scales\[12\], f16 scale.
pub(super) fn q3_k(block: &[u8], out: &mut [f32]) {
    let (high, low, scales) = (&block[..32], &block[32..96], &block[96..108]);
    let d = half_at(block, 108).to_f32();
    for (group, values) in out.chunks_exact_mut(16).enumerate() {
        let nibble = scales[group % 8] >> (group / 8 * 4) & 0xF;
        let top = scales[8 + group % 4] >> (group / 4 * 2) & 3;
        let scale = d * (i32::from(nibble | top << 4) - 32) as f32;
        let (from, shift) = two_bit_place(group);
        for (l, value) in values.iter_mut().enumerate() {
            let bits = i32::from(low[from + l] >> shift & 3);
            let set = high[from % 32 + l] >> (group / 2) & 1 == 1;
            *value = scale * (bits - if set { 0 } else { 4 }) as f32;
        }
    }
}

/// 4 bits; f16 scale, f16 minimum, 6-bit scales and minimums\[12\], quants\[128\].
pub(super) fn q4_k(block: &[u8], out: &mut [f32]) {
    let (scales, quants) = (&block[4..16], &block[16..144]);
    let (d, min) = (half_at(block, 0).to_f32(), half_at(block, 2).to_f32());
    for (group, values) in out.chunks_exact_mut(32).enumerate() {
        let (scale, minimum) = scale_and_min(scales, group);
        let (scale, minimum) = (d * f32::from(scale), min * f32::from(minimum));
        for (value, quant) in values.iter_mut().zip(&quants[group / 2 * 32..]) {
            *value = scale * f32::from(quant >> (group % 2 * 4) & 0xF) - minimum;
        }
    }
}

/// 5 bits; as [`q4_k`] with high bits\[32\] before the quants.
pub(super) fn q5_k(block: &[u8], out: &mut [f32]) {
    let (scales, high, low) = (&block[4..16], &block[16..48], &block[48..176]);
    let (d, min) = (half_at(block, 0).to_f32(), half_at(block, 2).to_f32());
    for (group, values) in out.chunks_exact_mut(32).enumerate() {
        let (scale, minimum) = scale_and_min(scales, group);
        let (scale, minimum) = (d * f32::from(scale), min * f32::from(minimum));
        let from = group / 2 * 32;
        for (l, value) in values.iter_mut().enumerate() {
            let nibble = low[from + l] >> (group % 2 * 4) & 0xF;
            let fifth = (high[l] >> group & 1) << 4;
            *value = scale * f32::from(nibble | fifth) - minimum;
        }
    }
}

/// 6 bits; low bits\[128\], high bits\[64\], i8 scales\[16\], f16 scale.
pub(super) fn q6_k(block: &[u8], out: &mut [f32]) {
    let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let d = half_at(block, 208).to_f32();
    for (group, values) in out.chunks_exact_mut(16).enumerate() {
        let scale = d * f32::from(scales[group] as i8);
        // 128 elements share 64 low bytes and 32 high bytes, in quarters of 32.
        let (half, quarter, from) = (group / 8, group / 2 % 4, group % 2 * 16);
        for (l, value) in values.iter_mut().enumerate() {
            let at = from + l;
            let nibble = low[half * 64 + quarter % 2 * 32 + at] >> (quarter / 2 * 4) & 0xF;
            let top = high[half * 32 + at] >> (quarter * 2) & 3;
            *value = scale * (i32::from(nibble | top << 4) - 32) as f32;
        }
    }
}

/// Where the 16 elements of `group` lie in 64 bytes of 2-bit quants: first byte and shift.
pub(super) fn two_bit_place(group: usize) -> (usize, usize) {
    (group / 8 * 32 + group % 2 * 16, group / 2 % 4 * 2)
}

/// The 6-bit scale and minimum of group `j` of 8 (`get_scale_min_k4`).
fn scale_and_min(packed: &[u8], j: usize) -> (u8, u8) {
    if j < 4 {
        (packed[j] & 63, packed[j + 4] & 63)
    } else {
        (
            packed[j + 4] & 0xF | packed[j - 4] >> 6 << 4,
            packed[j + 4] >> 4 | packed[j] >> 6 << 4,
        )
    }
}
