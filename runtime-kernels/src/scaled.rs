//! Blocks of 32 columns with a scale a row, or a scale and a minimum: what their formats have in common.

use super::bytes::array;
use super::format::Panel;
use super::isa::Isa;
use super::quantize::Q8Block;

/// A block of a group as products take it.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "not every format is made of it")]
pub struct Scaled<I: Isa> {
    /// Eight times four columns.
    pub weights: [I::Bytes; 8],
    /// A row's factor.
    pub scales: I::F32x8,
}

impl<I: Isa> Panel<I> for Scaled<I> {
    #[inline(always)]
    fn pair(&mut self, isa: I) {
        isa.pair(&mut self.weights);
    }
}

/// Adds the scaled sums of a block to those of `T` tokens.
#[inline(always)]
#[allow(dead_code, reason = "not every format is made of it")]
pub fn add<I: Isa, const T: usize>(
    isa: I,
    sums: [I::Words; T],
    scales: I::F32x8,
    x: [&Q8Block; T],
    acc: &mut [I::F32x8; T],
) {
    for t in 0..T {
        let scale = isa.mul(scales, isa.splat(x[t].scale));
        acc[t] = isa.add_scaled(acc[t], sums[t], scale);
    }
}

/// A block of a group as products take it, where 0 stands for a minimum.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "not every format is made of it")]
pub struct WithMinimum<I: Isa> {
    /// Eight times four columns.
    pub weights: [I::Bytes; 8],
    /// A row's factor.
    pub scales: I::F32x8,
    /// An eighth of a row's minimum.
    pub eighths: I::F32x8,
}

impl<I: Isa> Panel<I> for WithMinimum<I> {
    #[inline(always)]
    fn pair(&mut self, isa: I) {
        isa.pair(&mut self.weights);
    }
}

/// Weights with 8 f16 scales and 8 f16 minimums.
#[inline(always)]
#[allow(dead_code, reason = "not every format is made of it")]
pub fn with_minimum<I: Isa>(isa: I, weights: [I::Bytes; 8], halves: &[u8; 32]) -> WithMinimum<I> {
    WithMinimum {
        weights,
        scales: isa.from_f16(array(halves, 0)),
        eighths: isa.mul(isa.from_f16(array(halves, 16)), isa.splat(0.125)),
    }
}

/// Adds the scaled sums of a block to those of `T` tokens, and the minimum times the sum of the
/// activations.
#[inline(always)]
#[allow(dead_code, reason = "not every format is made of it")]
pub fn add_with_minimum<I: Isa, const T: usize>(
    isa: I,
    sums: [I::Words; T],
    panel: &WithMinimum<I>,
    x: [&Q8Block; T],
    acc: &mut [I::F32x8; T],
) {
    add(isa, sums, panel.scales, x, acc);
    for t in 0..T {
        let minimum = isa.mul(panel.eighths, isa.splat(x[t].scale));
        acc[t] = isa.add_product(acc[t], isa.splat(x[t].sum8), minimum);
    }
}
