//! The hyperbolic tangent, and bounds by it.

use super::isa::Isa;

/// `tanh(x)`, within 6 units in the last place, and within ±1; zeros keep their sign, NaN stays NaN.
///
/// Beyond ±9.02 it is 1 to the last bit. Up to there it is `x P(x²) / Q(x²)`, with polynomials of
/// degree 4 whose greatest relative error is least: 2.1e-8, by Lawson's weights on least squares
/// of `P - tanh(x) / x * Q`.
#[inline(always)]
pub fn tanh<I: Isa>(isa: I, x: I::F32x8) -> I::F32x8 {
    let x = within(isa, 9.02, x);
    let square = isa.mul(x, x);
    let mut p = isa.splat(1.332_126_9e-8);
    for c in [2.058_539_6e-5, 3.494_166e-3, 0.133_798_35, 1.0] {
        p = isa.add(isa.mul(p, square), isa.splat(c));
    }
    let mut q = isa.splat(7.763_015e-7);
    for c in [3.283_297e-4, 2.587_159e-2, 0.467_131_5, 1.0] {
        q = isa.add(isa.mul(q, square), isa.splat(c));
    }
    within(isa, 1.0, isa.div(isa.mul(x, p), q))
}

/// `x = cap * tanh(x / cap)`, as far as `x` goes in whole eights.
#[inline(always)]
pub fn soft_cap<I: Isa>(isa: I, x: &mut [f32], cap: f32) {
    let cap = isa.splat(cap);
    for x in x.as_chunks_mut().0 {
        let ratio = isa.div(isa.load(x), cap);
        isa.store(isa.mul(cap, tanh(isa, ratio)), x);
    }
}

/// `x`, or the nearer limit. NaN is the second argument, which is what `max` and `min` give then.
#[inline(always)]
fn within<I: Isa>(isa: I, limit: f32, x: I::F32x8) -> I::F32x8 {
    isa.min(isa.splat(limit), isa.max(isa.splat(-limit), x))
}
