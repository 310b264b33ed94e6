//! The exponential function.

use super::isa::Isa;

/// `e^x`, within 2 units in the last place, by IEEE multiplications and additions alone.
///
/// `x` is first limited to -87..=88, so that the result is normal and finite.
/// `x = n ln 2 + r` in two steps (Cody and Waite, 1980), with |r| ≤ ln 2 / 2; `e^r` is the
/// polynomial of Cephes (Moshier, `expf.c`), and `2^n` an exponent.
#[inline(always)]
pub fn exp<I: Isa>(isa: I, x: I::F32x8) -> I::F32x8 {
    let x = isa.min(isa.max(x, isa.splat(-87.0)), isa.splat(88.0));

    // Adding 1.5 × 2^23 rounds to an integer.
    let round = isa.splat(12_582_912.0);
    let n = isa.mul(x, isa.splat(core::f32::consts::LOG2_E));
    let n = isa.sub(isa.add(n, round), round);

    // The first part of ln 2 has so few bits that n times it is exact.
    let r = isa.sub(x, isa.mul(n, isa.splat(355.0 / 512.0)));
    let r = isa.sub(r, isa.mul(n, isa.splat(-2.121_944_4e-4)));

    let mut p = isa.splat(1.987_569_2e-4);
    for c in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        p = isa.add(isa.mul(p, r), isa.splat(c));
    }
    let p = isa.add(isa.add(isa.mul(p, isa.mul(r, r)), r), isa.splat(1.0));
    isa.mul(p, isa.pow2(n))
}
