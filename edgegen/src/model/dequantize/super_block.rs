//! Super-blocks of 256 elements taken apart: what their values are made of, and what formats of the
//! same names hold.

use super::k_quants::{scale_and_min, two_bit_place};
use crate::model::DType;

/// The integers of a super-block, each as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SuperBlock {
    /// One an element; its high bits, which files have apart, included.
    pub(crate) codes: [u8; 256],
    /// One for each 16 elements; what 32 share is here twice.
    pub(crate) scales: [u8; 16],
    /// The same of minimums; zeros where there are none.
    pub(crate) minimums: [u8; 16],
    /// The f16 (bits) that scales are multiplied by, and that of minimums or zero.
    pub(crate) units: [u16; 2],
}

impl SuperBlock {
    /// The parts of a block of a type that has such blocks.
    pub(crate) fn of(dtype: DType, block: &[u8]) -> Option<Self> {
        let take = match dtype {
            DType::Q2_K => Self::q2_k,
            DType::Q3_K => Self::q3_k,
            DType::Q4_K => Self::q4_k,
            DType::Q5_K => Self::q5_k,
            DType::Q6_K => Self::q6_k,
            DType::IQ4_XS => Self::iq4_xs,
            DType::TQ1_0 => Self::tq1_0,
            DType::TQ2_0 => Self::tq2_0,
            _ => return None,
        };
        Some(take(block))
    }

    /// 2 bits; scales\[16\] (4-bit scale, 4-bit minimum), quants\[64\], f16 scale, f16 minimum.
    pub(super) fn q2_k(block: &[u8]) -> Self {
        let quants = &block[16..80];
        Self {
            codes: two_bits(quants),
            scales: std::array::from_fn(|group| block[group] & 0xF),
            minimums: std::array::from_fn(|group| block[group] >> 4),
            units: [u16_at(block, 80), u16_at(block, 82)],
        }
    }

    /// 3 bits; high bits\[32\], low bits\[64\], 6-bit scales\[12\], f16 scale.
    pub(super) fn q3_k(block: &[u8]) -> Self {
        let (high, scales) = (&block[..32], &block[96..108]);
        let mut codes = two_bits(&block[32..96]);
        for (element, code) in codes.iter_mut().enumerate() {
            *code |= (high[element % 32] >> (element / 32) & 1) << 2;
        }
        Self {
            codes,
            scales: std::array::from_fn(|group| {
                let nibble = scales[group % 8] >> (group / 8 * 4) & 0xF;
                nibble | (scales[8 + group % 4] >> (group / 4 * 2) & 3) << 4
            }),
            minimums: [0; 16],
            units: [u16_at(block, 108), 0],
        }
    }

    /// 4 bits; f16 scale, f16 minimum, 6-bit scales and minimums\[12\], quants\[128\].
    pub(super) fn q4_k(block: &[u8]) -> Self {
        let quants = &block[16..144];
        Self {
            codes: std::array::from_fn(|element| {
                quants[element / 64 * 32 + element % 32] >> (element / 32 % 2 * 4) & 0xF
            }),
            scales: std::array::from_fn(|group| scale_and_min(&block[4..16], group / 2).0),
            minimums: std::array::from_fn(|group| scale_and_min(&block[4..16], group / 2).1),
            units: [u16_at(block, 0), u16_at(block, 2)],
        }
    }

    /// 5 bits; as [`Self::q4_k`] with high bits\[32\] before the quants.
    pub(super) fn q5_k(block: &[u8]) -> Self {
        let (high, low) = (&block[16..48], &block[48..176]);
        Self {
            codes: std::array::from_fn(|element| {
                let place = element / 64 * 32 + element % 32;
                let nibble = low[place] >> (element / 32 % 2 * 4) & 0xF;
                nibble | (high[element % 32] >> (element / 32) & 1) << 4
            }),
            ..Self::q4_k(block)
        }
    }

    /// 6 bits; low bits\[128\], high bits\[64\], i8 scales\[16\], f16 scale.
    pub(super) fn q6_k(block: &[u8]) -> Self {
        let (low, high) = (&block[..128], &block[128..192]);
        Self {
            codes: std::array::from_fn(|element| {
                // 128 elements share 64 low bytes and 32 high bytes, in quarters of 32.
                let (half, quarter, at) = (element / 128, element / 32 % 4, element % 32);
                let nibble = low[half * 64 + quarter % 2 * 32 + at] >> (quarter / 2 * 4) & 0xF;
                nibble | (high[half * 32 + at] >> (quarter * 2) & 3) << 4
            }),
            scales: std::array::from_fn(|group| block[192 + group]),
            minimums: [0; 16],
            units: [u16_at(block, 208), 0],
        }
    }

    /// f16 scale, high 2 bits of the 6-bit scales (u16), low 4 bits\[4\], indices\[128\].
    pub(super) fn iq4_xs(block: &[u8]) -> Self {
        let high = u16_at(block, 2);
        Self {
            codes: std::array::from_fn(|element| {
                block[8 + element / 32 * 16 + element % 16] >> (element / 16 % 2 * 4) & 0xF
            }),
            scales: std::array::from_fn(|group| {
                let low = block[4 + group / 4] >> (group / 2 % 2 * 4) & 0xF;
                low | ((high >> (group / 2 * 2) & 3) as u8) << 4
            }),
            minimums: [0; 16],
            units: [u16_at(block, 0), 0],
        }
    }

    /// Trits, each 1 more than the element: 5 in each of 48 bytes, 4 in each of 4, f16 scale. Bytes are
    /// in runs of 32, 16 and 4: of each run come the first trits of all its bytes, then the second
    /// ones.
    pub(super) fn tq1_0(block: &[u8]) -> Self {
        let runs = [(&block[..32], 5), (&block[32..48], 5), (&block[48..52], 4)];
        let mut codes = [0; 256];
        let mut places = codes.iter_mut();
        for (bytes, trits) in runs {
            for power in [1, 3, 9, 27, 81_u8].into_iter().take(trits) {
                for (&byte, code) in bytes.iter().zip(&mut places) {
                    // A byte is a fraction of 256; what is left of it after the trits before.
                    *code = ((u16::from(byte.wrapping_mul(power)) * 3) >> 8) as u8;
                }
            }
        }
        Self {
            codes,
            scales: [1; 16],
            minimums: [0; 16],
            units: [u16_at(block, 52), 0],
        }
    }

    /// 2 bits\[64\], each 1 more than the element, in the order of `q2_k`; f16 scale.
    pub(super) fn tq2_0(block: &[u8]) -> Self {
        Self {
            codes: two_bits(&block[..64]),
            scales: [1; 16],
            minimums: [0; 16],
            units: [u16_at(block, 64), 0],
        }
    }
}

fn two_bits(quants: &[u8]) -> [u8; 256] {
    std::array::from_fn(|element| {
        let (from, shift) = two_bit_place(element / 16);
        quants[from + element % 16] >> shift & 3
    })
}

fn u16_at(block: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([block[at], block[at + 1]])
}
