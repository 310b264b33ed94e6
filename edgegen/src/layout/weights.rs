//! Tensors → places in weight files.

use std::collections::BTreeMap;

use crate::graph;
use crate::model::{Architecture, Model, TensorKey};
use crate::program::{
    FileLayout, MAX_FILE_BYTES, Matrix, ROW_PADDING, Table, Vector, WeightFormat, projected,
};

use super::{Content, Slice};

/// Gives weights their places in files.
pub(super) struct Builder<'a> {
    architecture: &'a Architecture,
    formats: &'a BTreeMap<TensorKey, WeightFormat>,
    files: FileLayout,
    slices: Vec<Slice>,
    /// What has a place.
    matrices: BTreeMap<Vec<TensorKey>, Matrix>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(model: &'a Model, formats: &'a BTreeMap<TensorKey, WeightFormat>) -> Self {
        Self {
            architecture: model.architecture(),
            formats,
            files: FileLayout::default(),
            slices: Vec::new(),
            matrices: BTreeMap::new(),
        }
    }

    /// Starts a file.
    pub(super) fn start(&mut self, name: impl Into<String>) {
        self.files.start(name);
    }

    pub(super) fn finish(self) -> (FileLayout, Vec<Slice>) {
        (self.files, self.slices)
    }

    /// The format of a matrix.
    pub(super) fn format(&self, key: &TensorKey) -> WeightFormat {
        self.formats[key]
    }

    /// Columns of a tensor.
    pub(super) fn columns(&self, key: &TensorKey) -> usize {
        self.architecture.shape(key.role).1
    }

    /// One matrix of the rows of all tensors, each padded to whole groups; what is used again has one
    /// place. It is cut between groups so that each part fits a weight file.
    pub(super) fn matrix(&mut self, keys: &[TensorKey]) -> Matrix {
        if let Some(matrix) = self.matrices.get(keys) {
            return matrix.clone();
        }
        let format = self.format(&keys[0]);
        let shape = |key: &TensorKey| self.architecture.shape(key.role);
        let (_, cols) = shape(&keys[0]);
        let rows: usize = keys.iter().map(|key| projected(shape(key).0)).sum();
        let groups = rows / ROW_PADDING;
        let group_bytes = format.group_bytes(cols);
        let groups_of_part = (MAX_FILE_BYTES / group_bytes).max(1);
        let parts = (0..groups).step_by(groups_of_part).map(|first| {
            let groups = first..groups.min(first + groups_of_part);
            let part = self.files.append(groups.len() * group_bytes);
            self.slices.push(Slice {
                part: part.clone(),
                content: Content::Matrix {
                    keys: keys.to_vec(),
                    format,
                    groups,
                },
            });
            part
        });
        let names: Vec<&str> = keys.iter().map(|key| key.role.name()).collect();
        let matrix = Matrix {
            parts: parts.collect(),
            name: names.join("_"),
            rows,
            cols,
            format,
        };
        self.matrices.insert(keys.to_vec(), matrix.clone());
        matrix
    }

    /// A vector of so many floats, padding included.
    pub(super) fn vector(&mut self, key: TensorKey, len: usize) -> Vector {
        self.floats(key.role.name(), len, Content::Vector(key))
    }

    /// A table of a row of `row` floats for each position.
    pub(super) fn table(
        &mut self,
        name: &str,
        row: usize,
        context: usize,
        table: graph::Table,
    ) -> Table {
        Table {
            name: name.to_owned(),
            rows: self.floats(name, row * context, Content::Table { table, context }),
            row,
        }
    }

    fn floats(&mut self, name: &str, len: usize, content: Content) -> Vector {
        let part = self.files.append(len * size_of::<f32>());
        self.slices.push(Slice {
            part: part.clone(),
            content,
        });
        Vector {
            name: name.to_owned(),
            len,
            part,
        }
    }
}
