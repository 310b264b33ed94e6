//! Groups of a row, as import makes them of Hugging Face's quantized weights: an f32 scale, then
//! codes.

/// Integers of 2, 4 or 8 bits, less a zero point: a byte of its own after the scale, or the middle of
/// the range.
pub(super) fn integers(bits: u8, zeros: bool, block: &[u8], out: &mut [f32]) {
    let (scale, codes) = scale(block);
    let (zero, codes) = match zeros {
        true => (codes[0], &codes[1..]),
        false => (1 << (bits - 1), codes),
    };
    for (at, value) in out.iter_mut().enumerate() {
        *value = (i32::from(code(bits, codes, at)) - i32::from(zero)) as f32 * scale;
    }
}

/// The scale of a block without a zero point, and its first codes.
pub(in crate::model) fn codes(bits: u8, block: &[u8], count: usize) -> (f32, Vec<u8>) {
    let (scale, codes) = scale(block);
    let codes = (0..count).map(|at| code(bits, codes, at));
    (scale, codes.collect())
}

/// The code at a place; the lowest bits of a byte come first.
fn code(bits: u8, codes: &[u8], at: usize) -> u8 {
    match bits {
        2 => codes[at / 4] >> (at % 4 * 2) & 3,
        4 => codes[at / 2] >> (at % 2 * 4) & 0xF,
        _ => codes[at],
    }
}

/// E4M3 of the Open Compute Project: a sign, 4 bits of exponent, 3 of mantissa; no infinity.
pub(super) fn e4m3(block: &[u8], out: &mut [f32]) {
    let (scale, codes) = scale(block);
    for (value, &code) in out.iter_mut().zip(codes) {
        *value = e4m3_value(code) * scale;
    }
}

/// Whether every element is, whatever its bits.
pub(super) fn integers_are_finite(block: &[u8]) -> bool {
    (scale(block).0 * 255.0).is_finite()
}

pub(super) fn e4m3_is_finite(block: &[u8]) -> bool {
    let (scale, codes) = scale(block);
    (scale * MOST_E4M3).is_finite() && !codes.iter().any(|code| code & 0x7F == NAN_E4M3)
}

const MOST_E4M3: f32 = 448.0;
const NAN_E4M3: u8 = 0x7F;

fn e4m3_value(code: u8) -> f32 {
    let (exponent, mantissa) = (u32::from(code >> 3 & 0xF), u32::from(code & 7));
    let magnitude = match exponent {
        // Subnormal: the last bit has the worth of 2^-9.
        0 => mantissa as f32 / 512.0,
        _ if code & 0x7F == NAN_E4M3 => f32::NAN,
        _ => f32::from_bits((exponent + 127 - 7) << 23 | mantissa << 20),
    };
    if code >> 7 == 1 {
        -magnitude
    } else {
        magnitude
    }
}

fn scale(block: &[u8]) -> (f32, &[u8]) {
    let (scale, codes) = block.split_at(4);
    let scale = f32::from_le_bytes([scale[0], scale[1], scale[2], scale[3]]);
    (scale, codes)
}
