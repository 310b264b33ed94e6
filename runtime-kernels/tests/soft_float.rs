//! Arithmetic without floating point has the bits of this machine's.

use proptest::prelude::*;
use runtime_kernels::half::f16_to_f32;
use runtime_kernels::soft_float::SoftFloat;
use runtime_kernels::{Dot, Lanes};

fn soft() -> SoftFloat {
    SoftFloat::new().expect("it needs nothing")
}

/// All bit patterns, and numbers so near each other that sums cancel, round and carry.
fn float() -> impl Strategy<Value = f32> {
    let mantissa = prop_oneof![
        Just(0),
        Just(1),
        Just(0x7f_ffff),
        Just(0x40_0000),
        0u32..1 << 23
    ];
    let near = (any::<bool>(), 100u32..156, mantissa)
        .prop_map(|(sign, exponent, m)| f32::from_bits(u32::from(sign) << 31 | exponent << 23 | m));
    let special = prop_oneof![
        Just(0.0f32),
        Just(-0.0),
        Just(f32::MIN_POSITIVE),
        Just(f32::MAX),
        Just(f32::INFINITY)
    ];
    prop_oneof![6 => near, 3 => any::<u32>().prop_map(f32::from_bits), 1 => special]
}

fn equal(found: [f32; 8], expected: f32) -> Result<(), TestCaseError> {
    for found in found {
        // No kernel makes a NaN, and the bits of one are not law.
        if !(found.is_nan() && expected.is_nan()) {
            prop_assert_eq!(found.to_bits(), expected.to_bits());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100_000))]

    #[test]
    fn sums_and_products_round_as_this_machine_does(a in float(), b in float(), c in float()) {
        let lanes = |v| soft().splat(v);
        equal(soft().add(lanes(a), lanes(b)), a + b)?;
        equal(soft().sub(lanes(a), lanes(b)), a - b)?;
        equal(soft().mul(lanes(a), lanes(b)), a * b)?;
        equal(soft().add_product(lanes(a), lanes(b), lanes(c)), a + b * c)?;
    }

    #[test]
    fn integers_are_scaled_as_this_machine_does(
        a in float(),
        n in -(1 << 24) + 1..1 << 24,
        shift in 0..24,
        scale in float(),
    ) {
        let n = n >> shift;
        let found = soft().add_scaled(soft().splat(a), [n; 8], soft().splat(scale));
        equal(found, a + n as f32 * scale)?;
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
