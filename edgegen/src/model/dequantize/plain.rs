//! Floating-point numbers, little-endian.

use crate::half::F16;

pub(super) fn f32(bytes: &[u8], out: &mut [f32]) {
    for (value, at) in out.iter_mut().zip(bytes.chunks_exact(4)) {
        *value = f32::from_le_bytes([at[0], at[1], at[2], at[3]]);
    }
}

pub(super) fn f16(bytes: &[u8], out: &mut [f32]) {
    for (value, at) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *value = F16::from_le_bytes([at[0], at[1]]).to_f32();
    }
}

pub(super) fn bf16(bytes: &[u8], out: &mut [f32]) {
    for (value, at) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *value = bf16_at(at);
    }
}

pub(super) fn f32_is_finite(at: &[u8]) -> bool {
    f32::from_le_bytes([at[0], at[1], at[2], at[3]]).is_finite()
}

pub(super) fn f16_is_finite(at: &[u8]) -> bool {
    F16::from_le_bytes([at[0], at[1]]).is_finite()
}

pub(super) fn bf16_is_finite(at: &[u8]) -> bool {
    bf16_at(at).is_finite()
}

/// The upper half of an f32.
fn bf16_at(at: &[u8]) -> f32 {
    f32::from_le_bytes([0, 0, at[0], at[1]])
}
