//! GELU as it is defined.

use super::exp::exp;
use super::isa::{Isa, Kernel};

/// `x = x Φ(x) = x / 2 * (1 + erf(x / √2))` (Hendrycks and Gimpel, "Gaussian Error Linear Units",
/// 2016), within 6 units in the last place from -13.1875 up; below, it is the -7e-39 that it is there.
/// Zeros keep their sign, NaN stays NaN.
///
/// The length is a multiple of 8.
pub struct GeluErf<'a> {
    /// The values, in place.
    pub x: &'a mut [f32],
}

impl Kernel for GeluErf<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        assert!(self.x.len().is_multiple_of(8), "gelu_erf: length");
        for x in self.x.as_chunks_mut().0 {
            let v = isa.load(x);
            // Above zero x Φ(x) is x less what it is below, and there nothing cancels.
            let positive = isa.max(isa.splat(0.0), v);
            isa.store(isa.sub(positive, tail(isa, isa.abs(v))), x);
        }
    }
}

/// `t Φ(-t)` of a `t` that is not negative.
///
/// `Φ(-t)` is `e^(-t²/2) h(t)`, where `h` falls slowly. `(t + 4) h(t)` is a polynomial of
/// `(t - 4) / (t + 4)` of degree 9, whose greatest relative error on 0..=13.1875 is least: 7.4e-9, by
/// Remez's exchange. That transformation is of Shepherd and Laframboise, "Chebyshev Approximation of
/// (1 + 2x) exp(x²) erfc x in 0 ≤ x < ∞", 1981.
#[inline(always)]
fn tail<I: Isa>(isa: I, t: I::F32x8) -> I::F32x8 {
    // The exponential has no smaller values. NaN is the second argument, so it stays.
    let t = isa.min(isa.splat(13.1875), t);

    // t² = high² + low, where high is t to the nearest 1/256, so that its square is exact.
    let round = isa.splat(49_152.0);
    let high = isa.sub(isa.add(t, round), round);
    let low = isa.mul(isa.sub(t, high), isa.add(t, high));
    let minus_half = isa.splat(-0.5);
    let e = isa.mul(
        exp(isa, isa.mul(isa.mul(high, high), minus_half)),
        exp(isa, isa.mul(low, minus_half)),
    );

    let four = isa.splat(4.0);
    let r = isa.div(isa.splat(1.0), isa.add(t, four));
    let v = isa.mul(isa.sub(t, four), r);
    let mut p = isa.splat(-1.250_228_5e-4);
    for c in [
        1.946_698_3e-4,
        1.576_156_1e-3,
        -3.519_040_8e-3,
        -7.529_554_4e-3,
        6.040_455_4e-2,
        -0.186_522_78,
        0.387_136_88,
        -0.607_896_6,
        0.755_285_14,
    ] {
        p = isa.add(isa.mul(p, v), isa.splat(c));
    }
    isa.mul(isa.mul(isa.mul(t, r), p), e)
}
