//! Sums and products of f32 in integers, correctly rounded: what the compiler's own library does
//! for CPUs without floating point, in fewer instructions.
//!
//! They are for normal numbers with normal results, which nearly all are. For everything else
//! they are the operators.

use super::super::half::f16_to_f32;

/// `a * b`.
#[inline(always)]
pub fn mul(a: f32, b: f32) -> f32 {
    let product = || Some(product(Normal::of(a)?, Normal::of(b)?)?.f32());
    product().unwrap_or_else(|| slow_mul(a, b))
}

/// `a + b`.
#[inline(always)]
pub fn add(a: f32, b: f32) -> f32 {
    let sum = || sum(Normal::of(a)?, Normal::of(b)?);
    sum().unwrap_or_else(|| slow_add(a, b))
}

/// `acc + a * b`, rounded twice.
#[inline(always)]
pub fn add_product(acc: f32, a: f32, b: f32) -> f32 {
    let sum = || {
        let product = product(Normal::of(a)?, Normal::of(b)?)?;
        add_normal(acc, product)
    };
    sum().unwrap_or_else(|| slow_add(acc, slow_mul(a, b)))
}

/// `acc + n * scale` of an integer below 2^24, rounded twice.
#[inline(always)]
pub fn add_scaled(acc: f32, n: i32, scale: f32) -> f32 {
    let sum = || {
        let product = product(Normal::of_integer(n)?, Normal::of(scale)?)?;
        add_normal(acc, product)
    };
    sum().unwrap_or_else(|| slow_add(acc, slow_mul(n as f32, scale)))
}

/// The value of a finite f16, exactly.
#[inline(always)]
pub fn from_f16(bits: u16) -> f32 {
    let bits = u32::from(bits);
    if bits & 0x7c00 == 0 {
        return slow_from_f16(bits as u16);
    }
    // The exponents' biases differ by 112.
    let magnitude = ((bits & 0x7fff) << 13) + (112 << 23);
    f32::from_bits((bits & 0x8000) << 16 | magnitude)
}

#[cold]
#[inline(never)]
fn slow_mul(a: f32, b: f32) -> f32 {
    a * b
}

#[cold]
#[inline(never)]
fn slow_add(a: f32, b: f32) -> f32 {
    a + b
}

#[cold]
#[inline(never)]
fn slow_from_f16(bits: u16) -> f32 {
    f16_to_f32(bits)
}

const SIGN: u32 = 1 << 31;

/// A normal number: `mantissa × 2^(exponent - 158)`. The exponent is the format's; the mantissa's
/// highest bit is 1, and its lowest 8 are 0.
#[derive(Clone, Copy)]
struct Normal {
    /// The highest bit.
    sign: u32,
    exponent: u32,
    mantissa: u32,
}

impl Normal {
    /// The number, if it is normal.
    #[inline(always)]
    fn of(value: f32) -> Option<Self> {
        let bits = value.to_bits();
        let exponent = bits << 1 >> 24;
        is_normal(exponent).then_some(Self {
            sign: bits,
            exponent,
            mantissa: bits << 8 | SIGN,
        })
    }

    /// An integer below 2^24, if it is not 0.
    #[inline(always)]
    fn of_integer(n: i32) -> Option<Self> {
        let size = n.unsigned_abs();
        let zeros = if size >= 1 << 16 {
            8 + LEADING_ZEROS[(size >> 16 & 0xff) as usize]
        } else if size >= 1 << 8 {
            16 + LEADING_ZEROS[(size >> 8) as usize]
        } else if size != 0 {
            24 + LEADING_ZEROS[size as usize]
        } else {
            return None;
        };
        Some(Self {
            sign: n as u32,
            exponent: 158 - u32::from(zeros),
            mantissa: size << zeros,
        })
    }

    #[inline(always)]
    fn f32(self) -> f32 {
        // The mantissa's highest bit adds one to the exponent's field.
        let magnitude = ((self.exponent - 1) << 23) + (self.mantissa >> 8);
        f32::from_bits(self.sign & SIGN | magnitude)
    }
}

/// Of a byte: CPUs as small as these have no instruction for it.
const LEADING_ZEROS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).leading_zeros() as u8;
        byte += 1;
    }
    table
};

#[inline(always)]
fn is_normal(exponent: u32) -> bool {
    exponent.wrapping_sub(1) < 254
}

/// The upper 24 bits, rounded by the others to the nearest, halves to even; at most 2^24.
#[inline(always)]
fn round(mantissa: u32) -> u32 {
    let kept = mantissa >> 8;
    kept + (((mantissa & 0xff) + 0x7f + (kept & 1)) >> 8)
}

/// The rounded product, if it is normal.
#[inline(always)]
fn product(a: Normal, b: Normal) -> Option<Normal> {
    let product = u64::from(a.mantissa) * u64::from(b.mantissa);
    // What is cut off still decides what a half is.
    let mut mantissa = (product >> 32) as u32 | u32::from(product as u32 != 0);
    let mut exponent = (a.exponent + b.exponent).wrapping_sub(126);
    if mantissa & SIGN == 0 {
        mantissa <<= 1;
        exponent = exponent.wrapping_sub(1);
    }
    let mut mantissa = round(mantissa) << 8;
    if mantissa == 0 {
        // 2^24.
        mantissa = SIGN;
        exponent = exponent.wrapping_add(1);
    }
    is_normal(exponent).then_some(Normal {
        sign: a.sign ^ b.sign,
        exponent,
        mantissa,
    })
}

/// The rounded sum, if the accumulator is normal or +0, with which all sums begin.
#[inline(always)]
fn add_normal(acc: f32, b: Normal) -> Option<f32> {
    if acc.to_bits() == 0 {
        return Some(b.f32());
    }
    sum(Normal::of(acc)?, b)
}

/// The rounded sum, if it is not subnormal.
#[inline(always)]
fn sum(a: Normal, b: Normal) -> Option<f32> {
    if a.exponent < b.exponent {
        ordered_sum(b, a)
    } else {
        ordered_sum(a, b)
    }
}

/// The sum with a number of no greater exponent.
#[inline(always)]
fn ordered_sum(a: Normal, b: Normal) -> Option<f32> {
    let distance = a.exponent - b.exponent;
    if distance >= 26 {
        return Some(a.f32());
    }
    // A bit more at the top for the carry; the lowest one says that more was cut off.
    let (big, small) = (a.mantissa >> 1, b.mantissa >> 1);
    let cut = small >> distance;
    let small = cut | u32::from(cut << distance != small);
    let (mut sign, mut exponent) = (a.sign & SIGN, a.exponent);
    let mut mantissa = if (a.sign ^ b.sign) & SIGN == 0 {
        big + small
    } else {
        let difference = big.wrapping_sub(small);
        if difference == 0 {
            return Some(0.0);
        }
        if difference & SIGN != 0 {
            sign ^= SIGN;
        }
        (difference as i32).unsigned_abs()
    };
    while mantissa & SIGN == 0 {
        mantissa <<= 1;
        exponent = exponent.wrapping_sub(1);
    }
    // One less than the exponent: the mantissa's highest bit adds it to the field, and its carry
    // adds one more, up to infinity.
    let bits = (exponent << 23).wrapping_add(round(mantissa));
    (exponent < 254).then_some(f32::from_bits(sign | bits))
}
