//! What a weight format must provide.

use super::isa::Isa;

/// How weights of a tensor `[rows, columns]` lie in memory.
///
/// Rows are padded with zeros to a multiple of 8, columns to a multiple of 32. Groups of 8
/// rows follow each other; in a group, blocks of 32 columns follow each other, after a head where
/// the format has one; what a block of a group looks like is the format's own affair.
#[allow(
    dead_code,
    reason = "a generated crate may look up no row, or ask for no size"
)]
pub trait Format: 'static {
    /// The name that profiles and the command line use.
    const NAME: &'static str;

    /// Bytes of a group before its blocks: what holds for whole rows.
    const HEAD_BYTES: usize = 0;

    /// Bytes of a block of a group: 8 rows × 32 columns.
    const GROUP_BLOCK_BYTES: usize;

    /// Groups that are computed side by side for one token, 2 or 8: so many that the chains
    /// of their sums hide the latency of additions.
    const GROUPS: usize;

    /// `[u8; Self::GROUP_BLOCK_BYTES]`.
    type Block: 'static;

    /// The activations of a block: `[f32; 32]`, or quantized.
    type Input: Copy + Send + Sync + 'static;

    /// The blocks that the bytes hold.
    fn blocks(weights: &[u8]) -> &[Self::Block];

    /// Adds the products of the block of `G` groups with the activations of `T` tokens to `acc`,
    /// whose lanes are rows.
    fn block<I: Isa, const G: usize, const T: usize>(
        isa: I,
        weights: [&Self::Block; G],
        x: [&Self::Input; T],
        acc: &mut [[I::F32x8; T]; G],
    );

    /// What becomes of the sums of a group's blocks; `head` is the group's, whose lanes are rows.
    #[inline(always)]
    fn finish<I: Isa>(_isa: I, _head: &[u8], sums: I::F32x8) -> I::F32x8 {
        sums
    }

    /// Bytes of a group with so many blocks.
    #[inline(always)]
    fn group_bytes(blocks: usize) -> usize {
        Self::HEAD_BYTES + blocks * Self::GROUP_BLOCK_BYTES
    }

    /// The values of row `lane` of a group, given with its head; `out.len()` is the padded number of columns.
    fn row(group: &[u8], lane: usize, out: &mut [f32]);
}
