//! Quantization of activations.

use super::isa::{Isa, Kernel};
use super::map::map;

/// 32 activations as i8 with one scale: the input of an integer dot product.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Q8Block {
    /// A value is `q * scale`.
    pub scale: f32,
    /// −8 times the sum of `q`: what a dot product changes by when weights 0..=15 become −8..=7.
    pub center: i32,
    /// 8 times the sum of `q`, exact: what the minimum of `q4m` is multiplied by.
    pub sum8: f32,
    /// Within ±127.
    pub q: [i8; 32],
}

impl Q8Block {
    /// All zeros.
    pub const ZERO: Self = Self {
        scale: 0.0,
        center: 0,
        sum8: 0.0,
        q: [0; 32],
    };

    /// Columns `4k..4k + 4`, the first in the lowest byte.
    #[inline(always)]
    #[allow(dead_code, reason = "scalar code takes them one by one")]
    pub fn columns(&self, k: usize) -> i32 {
        i32::from_le_bytes(map(self.q.as_chunks::<4>().0[k], |q| q as u8))
    }
}

/// Activations to blocks of i8: `q = round(x * (127 / amax))`, halves to even.
///
/// A block whose values are all below 1e-30 becomes zero, so that nothing overflows.
pub struct Quantize<'a> {
    /// 32 values for each block of `out`.
    pub x: &'a [f32],
    /// The blocks.
    pub out: &'a mut [Q8Block],
}

impl Kernel for Quantize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let (blocks, _) = self.x.as_chunks::<32>();
        assert!(self.x.len() == 32 * self.out.len(), "quantize: lengths");
        for (x, out) in blocks.iter().zip(self.out) {
            *out = quantize(isa, x);
        }
    }
}

/// The greatest magnitude.
#[inline(always)]
pub fn amax<I: Isa>(isa: I, vectors: &[[f32; 8]]) -> f32 {
    let mut max = isa.splat(0.0);
    for v in vectors {
        max = isa.max(max, isa.abs(isa.load(v)));
    }
    let mut lanes = [0.0; 8];
    isa.store(max, &mut lanes);
    let mut amax = 0.0;
    for lane in lanes {
        amax = if lane > amax { lane } else { amax };
    }
    amax
}

#[inline(always)]
fn quantize<I: Isa>(isa: I, x: &[f32; 32]) -> Q8Block {
    let (vectors, _) = x.as_chunks::<8>();
    let amax = amax(isa, vectors);
    if amax < 1e-30 {
        return Q8Block::ZERO;
    }
    let mut block = Q8Block {
        scale: amax / 127.0,
        ..Q8Block::ZERO
    };
    let inverse = isa.splat(127.0 / amax);
    for (v, q) in vectors.iter().zip(block.q.as_chunks_mut::<8>().0) {
        isa.round_to_i8(isa.mul(isa.load(v), inverse), q);
    }
    let mut sum = 0;
    for q in block.q {
        sum += i32::from(q);
    }
    block.center = -8 * sum;
    block.sum8 = 8.0 * sum as f32;
    block
}
