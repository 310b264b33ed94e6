//! Weights of few bits to bytes: of a group's 8 rows × 32 columns, vector `k` of eight is columns
//! `4k..4k + 4`.

use super::bytes::array;
use super::isa::Integers;

/// Eight bits a weight: byte `32*k + 4*row + i` is column `4*k + i`.
#[inline(always)]
#[allow(dead_code, reason = "not every format has them")]
pub fn eight<I: Integers>(isa: I, packed: &[u8; 256]) -> [I::Bytes; 8] {
    let mut bytes = [isa.bytes(array(packed, 0)); 8];
    for (k, bytes) in bytes.iter_mut().enumerate() {
        *bytes = isa.bytes(array(packed, 32 * k));
    }
    bytes
}

/// Four bits a weight: byte `32*j + 4*row + i` holds column `4*j + i` in its low half and column
/// `16 + 4*j + i` in its high one.
#[inline(always)]
#[allow(dead_code, reason = "not every format has them")]
pub fn nibbles<I: Integers>(isa: I, packed: &[u8; 128]) -> [I::Bytes; 8] {
    let mut pairs = [isa.bytes(array(packed, 0)); 4];
    for (j, pair) in pairs.iter_mut().enumerate() {
        *pair = isa.bytes(array(packed, 32 * j));
    }
    halves(isa, pairs)
}

/// The low and the high halves of bytes.
#[inline(always)]
#[allow(dead_code, reason = "not every format has them")]
pub fn halves<I: Integers>(isa: I, pairs: [I::Bytes; 4]) -> [I::Bytes; 8] {
    let mut bytes = [pairs[0]; 8];
    for j in 0..4 {
        bytes[j] = isa.and(pairs[j], 15);
        bytes[j + 4] = isa.shr(pairs[j], 4, 15);
    }
    bytes
}

/// Two bits a weight: bits `2f` and `2f + 1` of byte `32*v + 4*row + i` are column `16*v + 4*f + i`.
/// They become bits `AT` and `AT + 1`.
#[inline(always)]
#[allow(dead_code, reason = "not every format has them")]
pub fn two_bits<const AT: u32, I: Integers>(isa: I, packed: &[u8; 64]) -> [I::Bytes; 8] {
    let mut bytes = [isa.bytes(array(packed, 0)); 8];
    for (k, bytes) in bytes.iter_mut().enumerate() {
        let four = isa.bytes(array(packed, k / 4 * 32));
        *bytes = moved(isa, four, 2 * (k as u32 % 4), AT, 3 << AT);
    }
    bytes
}

/// One bit a weight: bit `k` of byte `4*row + i` is column `4*k + i`. It becomes bit `AT`.
#[inline(always)]
#[allow(dead_code, reason = "not every format has them")]
pub fn one_bit<const AT: u32, I: Integers>(isa: I, packed: &[u8; 32]) -> [I::Bytes; 8] {
    let all = isa.bytes(packed);
    let mut bytes = [all; 8];
    for (k, bytes) in bytes.iter_mut().enumerate() {
        *bytes = moved(isa, all, k as u32, AT, 1 << AT);
    }
    bytes
}

/// Both of each.
#[inline(always)]
#[allow(dead_code, reason = "not every format has them")]
pub fn joined<I: Integers>(isa: I, mut low: [I::Bytes; 8], high: [I::Bytes; 8]) -> [I::Bytes; 8] {
    for k in 0..8 {
        low[k] = isa.or(low[k], high[k]);
    }
    low
}

/// The first and the last 16 columns.
#[inline(always)]
#[allow(dead_code, reason = "not every format has scales of 16 columns")]
pub fn four_and_four<B>(bytes: &[B; 8]) -> [&[B; 4]; 2] {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => [first, last],
        _ => panic!("32 columns"),
    }
}

/// Bits of each byte, from one place to another.
#[inline(always)]
fn moved<I: Integers>(isa: I, bytes: I::Bytes, from: u32, to: u32, mask: u8) -> I::Bytes {
    if from < to {
        isa.shl(bytes, to - from, mask)
    } else if from > to {
        isa.shr(bytes, from - to, mask)
    } else {
        isa.and(bytes, mask)
    }
}

/// A row's weight of [`nibbles`].
#[inline(always)]
#[allow(dead_code, reason = "not every format has them")]
pub fn nibble_of(packed: &[u8], row: usize, column: usize) -> u8 {
    let pair = packed[32 * (column / 4 % 4) + 4 * row + column % 4];
    if column < 16 { pair & 15 } else { pair >> 4 }
}

/// A row's weight of [`two_bits`].
#[inline(always)]
#[allow(dead_code, reason = "not every format has them")]
pub fn two_bits_of(packed: &[u8], row: usize, column: usize) -> u8 {
    let four = packed[32 * (column / 16) + 4 * row + column % 4];
    four >> (2 * (column / 4 % 4)) & 3
}

/// A row's weight of [`one_bit`].
#[inline(always)]
#[allow(dead_code, reason = "not every format has them")]
pub fn one_bit_of(packed: &[u8], row: usize, column: usize) -> u8 {
    packed[4 * row + column % 4] >> (column / 4) & 1
}
