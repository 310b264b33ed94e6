//! What the feed-forward networks bend by, with a gate and without.

use super::exp::exp;
use super::isa::Isa;

/// `x / (1 + e^-x)` (Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units", 2017).
#[inline(always)]
#[allow(dead_code, reason = "a generated crate has one activation")]
pub fn silu<I: Isa>(isa: I, x: I::F32x8) -> I::F32x8 {
    let e = exp(isa, isa.sub(isa.splat(0.0), x));
    isa.div(x, isa.add(isa.splat(1.0), e))
}

/// GELU in its form by `tanh` (Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016):
/// `x / 2 * (1 + tanh(u))`, which is `x / (1 + e^-2u)`, with `u = sqrt(2 / π) * (x + 0.044715 x³)`.
#[inline(always)]
#[allow(dead_code, reason = "a generated crate has one activation")]
pub fn gelu<I: Isa>(isa: I, x: I::F32x8) -> I::F32x8 {
    let cube = isa.mul(isa.mul(x, x), x);
    let sum = isa.add(x, isa.mul(cube, isa.splat(0.044_715)));
    // -2 * sqrt(2 / π)
    let e = exp(isa, isa.mul(sum, isa.splat(-1.595_769_2)));
    isa.div(x, isa.add(isa.splat(1.0), e))
}

/// `max(0, x)²` (So et al., "Primer", 2021). NaN stays NaN.
#[inline(always)]
#[allow(dead_code, reason = "a generated crate has one activation")]
pub fn relu2<I: Isa>(isa: I, x: I::F32x8) -> I::F32x8 {
    let positive = isa.max(isa.splat(0.0), x);
    isa.mul(positive, positive)
}

/// `out = bend(gate) * up`. All lengths are equal, and a multiple of 8; `kernel` is for the message.
#[inline(always)]
#[allow(dead_code, reason = "a generated crate may have no gate")]
pub fn gated<I: Isa>(
    isa: I,
    kernel: &str,
    gate: &[f32],
    up: &[f32],
    out: &mut [f32],
    bend: impl Fn(I::F32x8) -> I::F32x8,
) {
    let len = out.len();
    let equal = gate.len() == len && up.len() == len;
    assert!(equal && len.is_multiple_of(8), "{kernel}: lengths");
    let (gate, up) = (gate.as_chunks().0, up.as_chunks().0);
    for ((gate, up), out) in gate.iter().zip(up).zip(out.as_chunks_mut().0) {
        isa.store(isa.mul(bend(isa.load(gate)), isa.load(up)), out);
    }
}
