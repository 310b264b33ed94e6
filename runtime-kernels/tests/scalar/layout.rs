//! Where the integers of the newer formats lie in a block of a group, from the descriptions of the
//! formats: written a second time, number by number.

use runtime_kernels::formats::{iq4nl, iq4xs, mxfp4};
use runtime_kernels::{Format, IQ4NL, IQ4XS, MXFP4, Q2K, Q3K, Q4K, Q5, Q5K, Q5M, Q6K, TQ1, TQ2};

/// A weight is `weight * scale * unit - minimum * unit of minimums`.
pub trait Layout: Format {
    /// Where the f16 units of minimums begin, if there are any.
    const MINIMUMS: Option<usize> = None;

    fn weight(block: &[u8], row: usize, column: usize) -> i32;
    fn scale(_block: &[u8], _row: usize, _column: usize) -> i32 {
        1
    }
    fn minimum(_block: &[u8], _row: usize, _column: usize) -> i32 {
        0
    }
}

/// Some bits of a row's words, which lie eight rows after the other; bit 32 is the second word's first.
fn bits(block: &[u8], row: usize, first: usize, count: usize) -> i32 {
    let bit = |at: usize| block[32 * (at / 32) + 4 * row + at % 32 / 8] >> (at % 8) & 1;
    (0..count).map(|i| i32::from(bit(first + i)) << i).sum()
}

/// Four bits of 32 columns: four words.
fn four(part: &[u8], row: usize, c: usize) -> i32 {
    bits(part, row, 32 * (c / 4 % 4) + 8 * (c % 4) + 4 * (c / 16), 4)
}

/// Two bits of 32 columns: two words.
fn two(part: &[u8], row: usize, c: usize) -> i32 {
    bits(part, row, 32 * (c / 16) + 8 * (c % 4) + 2 * (c / 4 % 4), 2)
}

/// One bit of 32 columns: a word.
fn one(part: &[u8], row: usize, c: usize) -> i32 {
    bits(part, row, 8 * (c % 4) + c / 4, 1)
}

fn signed(byte: i32) -> i32 {
    i32::from(byte as u8 as i8)
}

macro_rules! layouts {
    ($($format:ident: $minimums:expr, |$block:ident, $row:ident, $c:ident| $weight:expr, $scale:expr, $minimum:expr;)*) => {$(
        impl Layout for $format {
            const MINIMUMS: Option<usize> = $minimums;
            fn weight($block: &[u8], $row: usize, $c: usize) -> i32 {
                $weight
            }
            #[allow(unused_variables)]
            fn scale($block: &[u8], $row: usize, $c: usize) -> i32 {
                $scale
            }
            #[allow(unused_variables)]
            fn minimum($block: &[u8], $row: usize, $c: usize) -> i32 {
                $minimum
            }
        }
    )*};
}

layouts! {
    Q5: None, |b, r, c| four(&b[48..], r, c) + 16 * one(&b[16..], r, c) - 16, 1, 0;
    Q5M: Some(16), |b, r, c| four(&b[64..], r, c) + 16 * one(&b[32..], r, c), 1, -1;
    IQ4NL: None, |b, r, c| i32::from(iq4nl::LEVELS[four(&b[16..], r, c) as usize]), 1, 0;
    MXFP4: None, |b, r, c| i32::from(mxfp4::LEVELS[four(&b[8..], r, c) as usize]), 1, 0;
    Q2K: Some(16), |b, r, c| two(&b[160 + 64 * (c / 32)..], r, c % 32),
        bits(&b[32..], r, 8 * (c / 16), 4),
        bits(&b[32..], r, 8 * (c / 16) + 4, 4);
    Q3K: None, |b, r, c| {
            let part = &b[112 + 96 * (c / 32)..];
            two(part, r, c % 32) + 4 * one(&part[64..], r, c % 32) - 4
        },
        bits(&b[16..], r, 4 * (c / 16), 4) + 16 * bits(&b[80..], r, 2 * (c / 16), 2) - 32,
        0;
    Q4K: Some(16), |b, r, c| four(&b[128 + 128 * (c / 32)..], r, c % 32),
        bits(&b[32..], r, 4 * (c / 32), 4) + 16 * bits(&b[96..], r, 2 * (c / 32), 2),
        bits(&b[64..], r, 4 * (c / 32), 4) + 16 * bits(&b[96..], r, 16 + 2 * (c / 32), 2);
    Q5K: Some(16), |b, r, c| {
            let part = &b[128 + 160 * (c / 32)..];
            four(&part[32..], r, c % 32) + 16 * one(part, r, c % 32)
        },
        bits(&b[32..], r, 4 * (c / 32), 4) + 16 * bits(&b[96..], r, 2 * (c / 32), 2),
        bits(&b[64..], r, 4 * (c / 32), 4) + 16 * bits(&b[96..], r, 16 + 2 * (c / 32), 2);
    Q6K: None, |b, r, c| {
            let part = &b[144 + 192 * (c / 32)..];
            four(&part[64..], r, c % 32) + 16 * two(part, r, c % 32) - 32
        },
        signed(bits(&b[16..], r, 8 * (c / 16), 8)),
        0;
    IQ4XS: None, |b, r, c| {
            let code = four(&b[64 + 128 * (c / 32)..], r, c % 32);
            i32::from(iq4xs::LEVELS[code as usize])
        },
        {
            let high = u16::from_le_bytes([b[48 + 2 * r], b[49 + 2 * r]]) >> (2 * (c / 32)) & 3;
            bits(&b[16..], r, 4 * (c / 32), 4) + 16 * i32::from(high) - 32
        },
        0;
    TQ1: None, |b, r, c| {
            // The digit of a fraction that is its byte of 256.
            let byte = b[16 + 32 * (c / 4 % 13) + 4 * r + c % 4];
            let power = 3u64.pow(1 + (c / 4 / 13) as u32);
            (u64::from(byte) * power / 256 % 3) as i32 - 1
        },
        1,
        0;
    TQ2: None, |b, r, c| two(&b[16 + 64 * (c / 32)..], r, c % 32) - 1, 1, 0;
}
