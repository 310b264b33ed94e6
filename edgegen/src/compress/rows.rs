//! The rows of a packed matrix and where each comes from.

use crate::forward::RopePermutation;
use crate::model::Tensor;
use crate::program::{ROW_PADDING, projected};

/// Tensors whose rows are packed one after another, each padded to whole groups.
#[derive(Default)]
pub(super) struct Rows<'a>(Vec<(&'a Tensor, Option<RopePermutation>)>);

/// A row of a stored tensor.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) tensor: &'a Tensor,
    pub(super) index: usize,
}

impl<'a> Rows<'a> {
    /// Appends a tensor's rows.
    pub(super) fn append(&mut self, tensor: &'a Tensor, permutation: Option<RopePermutation>) {
        self.0.push((tensor, permutation));
    }

    /// The rows of one group; `None` is padding.
    pub(super) fn group(&self, group: usize) -> [Option<Row<'a>>; ROW_PADDING] {
        let mut first = group * ROW_PADDING;
        for &(tensor, permutation) in &self.0 {
            let padded = projected(tensor.rows());
            if first < padded {
                return std::array::from_fn(|lane| {
                    let row = first + lane;
                    (row < tensor.rows()).then(|| Row {
                        tensor,
                        index: permutation.map_or(row, |permutation| permutation.source(row)),
                    })
                });
            }
            first -= padded;
        }
        [None; ROW_PADDING]
    }
}
