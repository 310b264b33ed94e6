//! The KV cache in f32.

use super::super::cache::Cache;
use super::super::isa::Isa;
use super::super::map::map;

/// A word is an element.
#[derive(Clone, Copy, Debug)]
pub struct F32Cache;

impl Cache for F32Cache {
    const NAME: &'static str = "f32";
    const COLUMN: usize = 8;
    const SCALES: usize = 0;
    type Query<'q> = &'q [f32];
    type Column = [f32; 8];

    #[inline(always)]
    fn query<I: Isa>(_: I, query: &[f32]) -> &[f32] {
        query
    }

    /// The chain over `d` of `query[d] * key[d]`.
    #[inline(always)]
    fn dots<I: Isa, const R: usize, const N: usize>(
        isa: I,
        queries: &[&[f32]; R],
        keys: [&[f32]; N],
    ) -> [[I::F32x8; N]; R] {
        let mut sums = [[isa.splat(0.0); N]; R];
        #[allow(
            clippy::needless_range_loop,
            reason = "queries are indexed by two variables"
        )]
        for d in 0..queries[0].len() {
            let keys = map(keys, |keys| isa.load(&keys.as_chunks().0[d]));
            for r in 0..R {
                let query = isa.splat(queries[r][d]);
                for n in 0..N {
                    sums[r][n] = isa.add_product(sums[r][n], query, keys[n]);
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn columns(words: &[f32]) -> &[[f32; 8]] {
        words.as_chunks().0
    }

    #[inline(always)]
    fn elements<I: Isa>(isa: I, column: &[f32; 8]) -> I::F32x8 {
        isa.load(column)
    }

    #[inline(always)]
    fn pack<I: Isa>(_: I, head: &[f32], mut put: impl FnMut(usize, f32)) {
        for (word, &element) in head.iter().enumerate() {
            put(word, element);
        }
    }
}
