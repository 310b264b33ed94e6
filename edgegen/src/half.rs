//! f16, by its bits: what the kernels have for reading scales, and the way back. (The crate `half` takes
//! a tenth of the time to compile edgegen; the tests hold this against it.)

use runtime_kernels::half::f16_to_f32;

/// A number of IEEE 754's binary16.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct F16(u16);

impl F16 {
    pub(crate) const ZERO: Self = Self(0);
    const INFINITY: u32 = 0x7c00;

    /// The nearest one; of two, the even one.
    pub(crate) fn from_f32(value: f32) -> Self {
        let (sign, magnitude) = (value.is_sign_negative(), value.abs());
        let bits = magnitude.to_bits();
        let rounded = if value.is_nan() {
            0x7e00
        } else if magnitude >= 65520.0 {
            Self::INFINITY
        } else if magnitude < f32::from_bits((127 - 14) << 23) {
            // Subnormal: the last bit of 0.5 has the worth of the smallest f16, 2^-24.
            (magnitude + 0.5).to_bits() - 0.5_f32.to_bits()
        } else {
            let even = (bits >> 13) & 1;
            (bits - ((127 - 15) << 23) + 0xfff + even) >> 13
        };
        Self(rounded as u16 | u16::from(sign) << 15)
    }

    pub(crate) fn to_f32(self) -> f32 {
        let value = f16_to_f32(self.0);
        match self.0 & 0x7fff {
            finite if u32::from(finite) < Self::INFINITY => value,
            infinite if u32::from(infinite) == Self::INFINITY => f32::INFINITY.copysign(value),
            _ => f32::NAN,
        }
    }

    pub(crate) fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    pub(crate) fn to_bits(self) -> u16 {
        self.0
    }

    pub(crate) fn from_le_bytes(bytes: [u8; 2]) -> Self {
        Self(u16::from_le_bytes(bytes))
    }

    pub(crate) fn is_finite(self) -> bool {
        self.to_f32().is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    fn same(value: f32, bits: u32) {
        let (found, expected) = (F16::from_f32(value), f16::from_f32(value));
        match value.is_nan() {
            true => assert!(found.to_f32().is_nan(), "{bits:#x}"),
            false => assert_eq!(found.to_bits(), expected.to_bits(), "{bits:#x}"),
        }
    }

    #[test]
    fn every_f16_is_that_of_the_crate_half() {
        for bits in 0..=u16::MAX {
            let (found, expected) = (F16::from_bits(bits), f16::from_bits(bits));
            assert_eq!(found.is_finite(), expected.is_finite(), "{bits:#x}");
            match expected.is_nan() {
                true => assert!(found.to_f32().is_nan(), "{bits:#x}"),
                false => assert_eq!(found.to_f32().to_bits(), expected.to_f32().to_bits()),
            }
        }
    }

    /// Each f32 between whose neighbours the rounding changes, and its neighbours.
    #[test]
    fn rounding_is_that_of_the_crate_half() {
        for high in 0..=u16::MAX {
            for low in [
                0, 1, 2, 0xfff, 0x1000, 0x1001, 0x1fff, 0x2000, 0x3000, 0x8000, 0xffff,
            ] {
                let bits = u32::from(high) << 16 | low;
                for bits in [bits.wrapping_sub(1), bits, bits.wrapping_add(1)] {
                    same(f32::from_bits(bits), bits);
                }
            }
        }
        for bits in (0..=u32::MAX).step_by(0x1235) {
            same(f32::from_bits(bits), bits);
        }
    }
}
