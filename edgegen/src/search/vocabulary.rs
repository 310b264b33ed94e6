//! What there is to choose with a vocabulary.

use std::collections::BTreeMap;

use crate::compress::Sensitivity;
use crate::error::Result;
use crate::layout::Layout;
use crate::model::{Model, Role, TensorKey};
use crate::plan::{Sizes, files_bytes, shapes};
use crate::program::{Placement, ROW_PADDING, WeightFormat};

use super::assign::{Assignment, Choice, Item, assign};
use super::task::Task;

/// Formats of a matrix, the smallest first: each further bit saves less than the one before.
pub(super) const FORMATS: [WeightFormat; 5] = [
    WeightFormat::T2,
    WeightFormat::T3,
    WeightFormat::T4,
    WeightFormat::Q4,
    WeightFormat::Q8,
];
/// A vocabulary, and what there is to choose with it.
pub(super) struct Vocabulary {
    /// Tokens; all, if `None`.
    pub(super) size: Option<usize>,
    pub(super) model: Model,
    /// In nats a token, once it is measured.
    pub(super) loss: Option<f64>,
    /// The matrices to choose formats for, and their bytes in [`FORMATS`].
    sizes: Vec<(TensorKey, [usize; FORMATS.len()])>,
    /// Formats of the others.
    fixed: BTreeMap<TensorKey, WeightFormat>,
    /// What a session holds.
    session: Sizes,
    weights: Placement,
    /// Bytes of flash that are not in the weight files.
    tables_bytes: usize,
    /// Bytes of flash beside the matrices of `sizes`.
    other_bytes: usize,
}

impl Vocabulary {
    /// What there is to choose with this vocabulary.
    pub(super) fn new(task: &Task<'_>, size: Option<usize>, model: Model) -> Result<Self> {
        let architecture = model.architecture();
        let sizes: Vec<_> = model
            .tensors()
            .keys()
            .filter(|key| key.role.is_matrix())
            .map(|&key| {
                let (rows, cols) = architecture.shape(key.role);
                let rows = rows.next_multiple_of(ROW_PADDING);
                (key, FORMATS.map(|format| format.matrix_bytes(rows, cols)))
            })
            .collect();
        let mut fixed = BTreeMap::new();
        if model.is_mixed() {
            fixed.insert(TensorKey::global(Role::OutputMix), WeightFormat::Q8);
        }
        let mut smallest = fixed.clone();
        smallest.extend(sizes.iter().map(|&(key, _)| (key, FORMATS[0])));
        let plan = task.calibrated(&model, smallest)?;
        let matrices: usize = sizes.iter().map(|(_, bytes)| bytes[0]).sum();
        let files = files_bytes(&plan.layout(&model), plan.weights());
        Ok(Self {
            size,
            // All tokens lose nothing.
            loss: size.is_none().then_some(0.0),
            sizes,
            fixed,
            session: plan.sizes(),
            weights: plan.weights(),
            tables_bytes: plan.footprint().flash() - files,
            other_bytes: plan.footprint().flash() - matrices,
            model,
        })
    }

    /// The best formats in so many bytes of flash, from `narrowest` of [`FORMATS`] on.
    pub(super) fn within(
        &self,
        most: usize,
        sensitivity: &Sensitivity,
        narrowest: usize,
    ) -> Option<Assignment> {
        let items = self.items(sensitivity, narrowest);
        let mut budget = most.checked_sub(self.other_bytes)?;
        loop {
            let mut choice = assign(&items, budget)?;
            choice.formats.extend(&self.fixed);
            // Neighbours of different formats are aligned each by itself.
            let excess = self.flash(&choice.formats).saturating_sub(most);
            if excess == 0 {
                return Some(choice);
            }
            budget = budget.checked_sub(excess)?;
        }
    }

    /// Bytes of flash with these formats.
    pub(super) fn flash(&self, formats: &BTreeMap<TensorKey, WeightFormat>) -> usize {
        let shapes = shapes(&self.model, formats, self.session);
        let layout = Layout::new(&self.model, formats, &shapes);
        self.tables_bytes + files_bytes(&layout, self.weights)
    }

    /// The matrices with what each format takes and loses.
    fn items(&self, sensitivity: &Sensitivity, narrowest: usize) -> Vec<Item> {
        let items = self.sizes.iter().map(|&(key, bytes)| Item {
            key,
            options: FORMATS
                .iter()
                .zip(bytes)
                .skip(narrowest)
                .map(|(&format, bytes)| Choice {
                    format,
                    bytes,
                    loss: sensitivity.loss(key, format),
                })
                .collect(),
        });
        items.collect()
    }

    /// Bytes of flash with the smallest formats, and with the widest.
    pub(super) fn ends(&self) -> [usize; 2] {
        [0, FORMATS.len() - 1].map(|at| {
            let matrices = self.sizes.iter().map(|(_, bytes)| bytes[at]);
            self.other_bytes + matrices.sum::<usize>()
        })
    }
}
