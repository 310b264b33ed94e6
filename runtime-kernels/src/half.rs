//! f16, the type of scales.

/// The value of a finite f16 from its bits; exact, also for subnormal ones.
///
/// The exponent's bias differs by 112, and a multiplication by 2^112 also normalises subnormals
/// (Giesen, "Half to float done quick", 2012).
#[inline(always)]
#[allow(
    dead_code,
    reason = "a generated crate without f16 scales has no need of it"
)]
pub fn f16_to_f32(bits: u16) -> f32 {
    let magnitude =
        f32::from_bits(u32::from(bits & 0x7fff) << 13) * f32::from_bits((127 + 112) << 23);
    f32::from_bits(magnitude.to_bits() | u32::from(bits & 0x8000) << 16)
}

/// The f16 number `index` of little-endian ones.
#[inline(always)]
#[allow(
    dead_code,
    reason = "a generated crate without f16 scales has no need of it"
)]
pub fn f16_at(bytes: &[u8], index: usize) -> f32 {
    f16_to_f32(u16::from_le_bytes([bytes[2 * index], bytes[2 * index + 1]]))
}
