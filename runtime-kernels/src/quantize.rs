//! Quantization of activations.

use super::isa::{Isa, Kernel};
use super::map::map;
use super::shape::Dim;

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
    /// The sums of the first and of the last 16 `q`: an i16 in the lower half and one in the upper.
    pub half_sums: i32,
    /// Within ±127.
    pub q: [i8; 32],
}

impl Q8Block {
    /// All zeros.
    pub const ZERO: Self = Self {
        scale: 0.0,
        center: 0,
        sum8: 0.0,
        half_sums: 0,
        q: [0; 32],
    };

    /// Four columns each.
    #[inline(always)]
    #[allow(dead_code, reason = "a generated crate may have floats alone")]
    pub fn columns(&self) -> &[[i8; 4]; 8] {
        match self.q.as_chunks().0.first_chunk() {
            Some(columns) => columns,
            None => panic!("32 columns"),
        }
    }

    /// Those of the first 16 columns, and of the last.
    #[inline(always)]
    #[allow(dead_code, reason = "not every format has scales of 16 columns")]
    pub fn halves(&self) -> [&[[i8; 4]; 4]; 2] {
        match (self.columns().first_chunk(), self.columns().last_chunk()) {
            (Some(first), Some(last)) => [first, last],
            _ => panic!("16 columns"),
        }
    }
}

/// Activations to blocks of i8: `q = round(x * (127 / amax))`, halves to even.
///
/// Blocks whose values are all below 1e-30 become zero, so that nothing overflows.
pub struct Quantize<'a, S: Dim> {
    /// 32 values for each block of `out`.
    pub x: &'a [f32],
    /// How many blocks, one after the other, have the same scale.
    pub shared: S,
    /// The blocks.
    pub out: &'a mut [Q8Block],
}

impl<S: Dim> Kernel for Quantize<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let (blocks, _) = self.x.as_chunks::<32>();
        let shared = self.shared.get();
        let whole = self.out.len().is_multiple_of(shared);
        assert!(
            whole && self.x.len() == 32 * self.out.len(),
            "quantize: lengths"
        );
        let parts = blocks.chunks_exact(shared);
        for (x, out) in parts.zip(self.out.chunks_exact_mut(shared)) {
            quantize(isa, x, out);
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

/// The sum of 16 i8, eight at a time: as bytes that are 128 more, which are added in pairs.
#[inline(always)]
fn sum_of_16(q: &[[i8; 4]; 4]) -> i32 {
    const LOW: u64 = 0x00ff_00ff_00ff_00ff;
    let mut sums = 0;
    for eight in q.as_flattened().as_chunks::<8>().0 {
        let raised = u64::from_le_bytes(map(*eight, |q| q as u8 ^ 0x80));
        sums += (raised & LOW) + (raised >> 8 & LOW);
    }
    sums += sums >> 32;
    sums += sums >> 16;
    (sums & 0xffff) as i32 - 16 * 128
}

/// Blocks of one scale.
#[inline(always)]
fn quantize<I: Isa>(isa: I, x: &[[f32; 32]], out: &mut [Q8Block]) {
    let amax = amax(isa, x.as_flattened().as_chunks().0);
    if amax < 1e-30 {
        out.fill(Q8Block::ZERO);
        return;
    }
    let scale = amax / 127.0;
    let inverse = isa.splat(127.0 / amax);
    for (x, block) in x.iter().zip(out) {
        let (vectors, _) = x.as_chunks::<8>();
        for (v, q) in vectors.iter().zip(block.q.as_chunks_mut::<8>().0) {
            isa.round_to_i8(isa.mul(isa.load(v), inverse), q);
        }
        let [first, last] = map(block.halves(), sum_of_16);
        let sum = first + last;
        block.scale = scale;
        block.center = -8 * sum;
        block.sum8 = 8.0 * sum as f32;
        block.half_sums = last << 16 | first & 0xffff;
    }
}
