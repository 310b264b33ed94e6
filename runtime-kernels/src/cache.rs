//! What a format of the KV cache must provide.

use super::isa::Isa;
use super::shape::GROUP;

/// How keys and values of a head lie in memory, which is words of 32 bits.
///
/// Keys are `[positions / 8][words][8]`, so that a vector holds a word of eight positions.
/// Values are columns of eight elements, `[head_dim / 8][positions][COLUMN]`, and after them, where the
/// format has any, the scales `[positions]`. A word belongs to one position.
#[allow(dead_code, reason = "not every crate has attention")]
pub trait Cache: Copy + Send + Sync + 'static {
    /// The name that the command line uses.
    const NAME: &'static str;

    /// Words of eight elements.
    const COLUMN: usize;

    /// Scales of a position: its last word, if it has one.
    const SCALES: usize;

    /// A query as scores take it.
    type Query<'q>: Copy;

    /// `[f32; Self::COLUMN]`.
    type Column: 'static;

    /// Prepares a query.
    fn query<I: Isa>(isa: I, query: &[f32]) -> Self::Query<'_>;

    /// The dot products of `R` queries with the keys of `N` blocks of eight positions, which are
    /// the lanes.
    fn dots<I: Isa, const R: usize, const N: usize>(
        isa: I,
        queries: &[Self::Query<'_>; R],
        keys: [&[f32]; N],
    ) -> [[I::F32x8; N]; R];

    /// Words as columns.
    fn columns(words: &[f32]) -> &[Self::Column];

    /// The eight elements of a column, but for the position's scale.
    fn elements<I: Isa>(isa: I, column: &Self::Column) -> I::F32x8;

    /// Gives a position's key or value to `put`: each of its [`head_words`] with its number.
    fn pack<I: Isa>(isa: I, head: &[f32], put: impl FnMut(usize, f32));
}

/// Words that hold the key or the value of a head at a position, with its scale.
#[inline(always)]
pub const fn head_words<C: Cache>(head_dim: usize) -> usize {
    (head_dim * C::COLUMN).div_ceil(GROUP) + C::SCALES
}

/// The same with `head_dim` padded to a multiple of 8: the room that a position takes.
#[inline(always)]
pub const fn padded_head_words<C: Cache>(head_dim: usize) -> usize {
    head_words::<C>(head_dim.next_multiple_of(GROUP))
}
