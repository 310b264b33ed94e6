//! The KV cache in i8.

use super::super::cache::Cache;
use super::super::isa::{Isa, Kernel};
use super::super::map::map;
use super::super::quantize::amax;
use super::super::shape::GROUP;

/// A word holds four elements, the first in its lowest byte; an element is `q * scale`, with one
/// scale for each head and position.
///
/// Queries are quantized too, so that scores are integer dot products.
#[derive(Clone, Copy, Debug)]
pub struct I8Cache;

/// The widest head: the bound of memory on the stack, and of exact sums.
pub const MAX_HEAD_DIM: usize = 256;

/// A head as i8 with one scale.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// An element is `q * scale`.
    pub scale: f32,
    /// Four `q` each, the first in the lowest byte; within ±127. After the last element come zeros.
    pub words: [i32; MAX_HEAD_DIM / 4],
}

/// A head to i8: `q = round(x * (127 / amax))`, halves to even.
///
/// A head whose elements are all below 1e-30 becomes zero, so that nothing overflows.
pub struct QuantizeHead<'a> {
    /// At most [`MAX_HEAD_DIM`] elements.
    pub x: &'a [f32],
}

impl Kernel for QuantizeHead<'_> {
    type Output = Head;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> Head {
        let mut head = Head {
            scale: 0.0,
            words: [0; MAX_HEAD_DIM / 4],
        };
        let mut padded = [[0.0; GROUP]; MAX_HEAD_DIM / GROUP];
        let vectors = &mut padded[..self.x.len().div_ceil(GROUP)];
        vectors.as_flattened_mut()[..self.x.len()].copy_from_slice(self.x);
        let amax = amax(isa, vectors);
        if amax < 1e-30 {
            return head;
        }
        head.scale = amax / 127.0;
        let inverse = isa.splat(127.0 / amax);
        for (v, words) in vectors.iter().zip(head.words.as_chunks_mut::<2>().0) {
            let mut q = [0; 8];
            isa.round_to_i8(isa.mul(isa.load(v), inverse), &mut q);
            for (word, q) in words.iter_mut().zip(q.as_chunks::<4>().0) {
                *word = i32::from_le_bytes(map(*q, |q| q as u8));
            }
        }
        head
    }
}

impl Cache for I8Cache {
    const NAME: &'static str = "i8";
    const COLUMN: usize = 2;
    const SCALES: usize = 1;
    type Query<'q> = Head;
    type Column = [f32; 2];

    #[inline(always)]
    fn query<I: Isa>(isa: I, query: &[f32]) -> Head {
        isa.run(QuantizeHead { x: query })
    }

    /// The exact sum of integers, times the product of both scales.
    #[inline(always)]
    fn dots<I: Isa, const R: usize, const N: usize>(
        isa: I,
        queries: &[Head; R],
        keys: [&[f32]; N],
    ) -> [[I::F32x8; N]; R] {
        let mut sums = [[isa.splat(0.0); N]; R];
        for n in 0..N {
            let Some((scales, words)) = keys[n].as_chunks().0.split_last() else {
                break;
            };
            let mut x: [&[i32]; R] = [&[]; R];
            for (x, query) in x.iter_mut().zip(queries) {
                *x = &query.words[..words.len()];
            }
            let scales = isa.load(scales);
            let dots = isa.dot_words(words, x);
            for r in 0..R {
                let scale = isa.mul(scales, isa.splat(queries[r].scale));
                sums[r][n] = isa.mul(isa.to_f32(dots[r]), scale);
            }
        }
        sums
    }

    #[inline(always)]
    fn columns(words: &[f32]) -> &[[f32; 2]] {
        words.as_chunks().0
    }

    #[inline(always)]
    fn elements<I: Isa>(isa: I, column: &[f32; 2]) -> I::F32x8 {
        isa.from_i8(column)
    }

    #[inline(always)]
    fn pack<I: Isa>(isa: I, head: &[f32], mut put: impl FnMut(usize, f32)) {
        let packed = isa.run(QuantizeHead { x: head });
        let words = head.len().div_ceil(4);
        for (word, &q) in packed.words[..words].iter().enumerate() {
            // A word is memory here and nothing that is computed with.
            put(word, f32::from_bits(q as u32));
        }
        put(words, packed.scale);
    }
}
