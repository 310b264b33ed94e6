//! The rows of a packed matrix and where each comes from.

use crate::forward::RopePermutation;
use crate::model::Tensor;
use crate::program::ROW_PADDING;

/// Rows in the order in which they are packed; `None` is padding.
#[derive(Default)]
pub(super) struct Rows<'a>(Vec<Option<Row<'a>>>);

/// A row of a stored tensor.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) tensor: &'a Tensor,
    pub(super) index: usize,
}

impl<'a> Rows<'a> {
    /// Appends a tensor's rows, padded to whole groups.
    pub(super) fn append(&mut self, tensor: &'a Tensor, permutation: Option<RopePermutation>) {
        self.0.extend((0..tensor.rows()).map(|row| {
            let index = permutation.map_or(row, |permutation| permutation.source(row));
            Some(Row { tensor, index })
        }));
        self.0
            .resize(self.0.len().next_multiple_of(ROW_PADDING), None);
    }

    /// The rows of one group.
    pub(super) fn group(&self, group: usize) -> &[Option<Row<'a>>] {
        &self.0[group * ROW_PADDING..][..ROW_PADDING]
    }
}
