//! What a weight format must provide.

use super::isa::Isa;

/// Unpacked weights of a block of a group.
pub trait Panel<I: Isa>: Copy {
    /// Prepares them for products with several tokens ([`Dot::pair`](super::isa::Dot::pair)).
    #[inline(always)]
    fn pair(&mut self, _isa: I) {}
}

/// Floats: a vector of rows for each column.
impl<I: Isa> Panel<I> for [I::F32x8; 32] {}

/// How weights of a tensor `[rows, columns]` lie in memory.
///
/// Rows are padded with zeros to a multiple of 8, columns to a multiple of 32. Groups of 8
/// rows follow each other; in a group, blocks of 32 columns (or more, as [`Self::SPAN`] says) follow
/// each other, after a head where the format has one; what a block of a group looks like is the
/// format's own affair.
#[allow(
    dead_code,
    reason = "a generated crate may look up no row, or ask for no size"
)]
pub trait Format: 'static {
    /// The name that profiles and the command line use.
    const NAME: &'static str;

    /// Bytes of a group before its blocks: what holds for whole rows.
    const HEAD_BYTES: usize = 0;

    /// Bytes of a block of a group: 8 rows × 32 columns times [`Self::SPAN`].
    const GROUP_BLOCK_BYTES: usize;

    /// How many times 32 columns a block has; matrices have whole blocks.
    const SPAN: usize = 1;

    /// Groups that are computed side by side for one token, 2 or 8: so many that the chains
    /// of their sums hide the latency of additions.
    const GROUPS: usize;

    /// Blocks of a group that are unpacked for many tokens, 1 or 8: so many that they stay in the
    /// nearest cache.
    const PANELS: usize;

    /// `[u8; Self::GROUP_BLOCK_BYTES]`.
    type Block: 'static;

    /// The activations of a block: floats, or quantized.
    type Input: Copy + Send + Sync + 'static;

    /// A block of a group as products take it.
    type Panel<I: Isa>: Panel<I>;

    /// The blocks that the bytes hold.
    fn blocks(weights: &[u8]) -> &[Self::Block];

    /// Unpacks a block.
    fn panel<I: Isa>(isa: I, block: &Self::Block) -> Self::Panel<I>;

    /// Adds the products of a block of a group with the activations of `T` tokens to `acc`, whose
    /// lanes are rows.
    fn products<I: Isa, const T: usize>(
        isa: I,
        panel: &Self::Panel<I>,
        x: [&Self::Input; T],
        acc: &mut [I::F32x8; T],
    );

    /// The same of a block of each of `G` groups, for one token.
    #[inline(always)]
    fn block<I: Isa, const G: usize>(
        isa: I,
        weights: [&Self::Block; G],
        x: &Self::Input,
        acc: &mut [I::F32x8; G],
    ) {
        for (weights, acc) in weights.into_iter().zip(acc) {
            let mut sum = [*acc];
            Self::products(isa, &Self::panel(isa, weights), [x], &mut sum);
            [*acc] = sum;
        }
    }

    /// What becomes of the sums of a group's blocks; `head` is the group's, whose lanes are rows.
    #[inline(always)]
    fn finish<I: Isa>(_isa: I, _head: &[u8], sums: I::F32x8) -> I::F32x8 {
        sums
    }

    /// Bytes of a group with so many times 32 columns.
    #[inline(always)]
    fn group_bytes(blocks: usize) -> usize {
        Self::HEAD_BYTES + blocks / Self::SPAN * Self::GROUP_BLOCK_BYTES
    }

    /// The values of row `lane` of a group, given with its head; `out.len()` is the padded number of columns.
    fn row(group: &[u8], lane: usize, out: &mut [f32]);
}
