//! Arithmetic without floating point has the bits of this machine's.

use runtime_kernels::half::f16_to_f32;
use runtime_kernels::soft_float::SoftFloat;
use runtime_kernels::{Dot, Lanes};

use super::rng::Rng;

fn soft() -> SoftFloat {
    SoftFloat::new().expect("it needs nothing")
}

/// All bit patterns, and numbers so near each other that sums cancel, round and carry.
fn float(rng: &mut Rng) -> f32 {
    let bits = rng.bits();
    let mantissa = match rng.bits() % 6 {
        0 => 0,
        1 => 1,
        2 => 0x7f_ffff,
        3 => 0x40_0000,
        _ => bits & 0x7f_ffff,
    };
    let near = |first: u32, count: u32| {
        let exponent = first + (bits >> 23 & 0xff) % count;
        f32::from_bits(bits & 1 << 31 | exponent << 23 | mantissa)
    };
    let special = [
        0.0,
        f32::MIN_POSITIVE,
        f32::MAX,
        f32::INFINITY,
        f32::from_bits(1),
    ];
    match rng.bits() % 12 {
        0..6 => near(100, 56),
        // Products and sums that are hardly normal, or hardly finite.
        6 => near(0, 4),
        7 => near(60, 8),
        8 => near(188, 67),
        9 => special[mantissa as usize % 5].copysign(f32::from_bits(bits)),
        _ => f32::from_bits(bits),
    }
}

#[track_caller]
fn equal(found: [f32; 8], expected: [f32; 8]) {
    for (found, expected) in found.into_iter().zip(expected) {
        // No kernel makes a NaN, and the bits of one are not law.
        if !(found.is_nan() && expected.is_nan()) {
            assert_eq!(
                found.to_bits(),
                expected.to_bits(),
                "{found:e} is not {expected:e}"
            );
        }
    }
}

fn each(lane: impl Fn(usize) -> f32) -> [f32; 8] {
    std::array::from_fn(lane)
}

#[test]
fn sums_and_products_round_as_this_machine_does() {
    let mut rng = Rng(31);
    for _ in 0..200_000 {
        let mut eight = || [0; 8].map(|_| float(&mut rng));
        let (a, b, c) = (eight(), eight(), eight());
        equal(soft().add(a, b), each(|i| a[i] + b[i]));
        equal(soft().sub(a, b), each(|i| a[i] - b[i]));
        equal(soft().mul(a, b), each(|i| a[i] * b[i]));
        equal(soft().add_product(a, b, c), each(|i| a[i] + b[i] * c[i]));
        // Numbers that cancel but for their last bits.
        let near = a.map(|a| f32::from_bits(a.to_bits() ^ (1 << 31) ^ (rng.bits() % 8)));
        equal(soft().add(a, near), each(|i| a[i] + near[i]));
    }
}

#[test]
fn integers_are_scaled_as_this_machine_does() {
    let mut rng = Rng(32);
    for _ in 0..100_000 {
        let (a, scale) = (
            [0; 8].map(|_| float(&mut rng)),
            [0; 8].map(|_| float(&mut rng)),
        );
        // Of each number of bits up to 24, of either sign; 0 too.
        let n = [0; 8].map(|_| (rng.bits() as i32 >> 7) >> (rng.bits() % 25));
        equal(
            soft().add_scaled(a, n, scale),
            each(|i| a[i] + n[i] as f32 * scale[i]),
        );
    }
}

#[test]
fn every_finite_f16_is_exact() {
    for bits in (0..=u16::MAX).filter(|bits| bits & 0x7c00 != 0x7c00) {
        let bytes = [bits; 8].map(u16::to_le_bytes);
        let bytes = bytes.as_flattened().try_into().expect("16 bytes");
        let found = soft().from_f16(bytes);
        assert_eq!(found.map(f32::to_bits), [f16_to_f32(bits).to_bits(); 8]);
    }
}
