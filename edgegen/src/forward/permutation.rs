//! The order of the rows of queries and keys.

use crate::model::{Architecture, Role, RopeLayout};

/// Row order that turns interleaved pairs `(2i, 2i + 1)` into halves `(i, i + pairs)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RopePermutation {
    head_dim: usize,
    pairs: usize,
}

impl RopePermutation {
    /// Queries and keys are stored for rotation by halves, whatever the file does.
    pub(crate) fn of(role: Role, architecture: &Architecture) -> Option<Self> {
        let rope = architecture.rope.as_ref()?;
        (role.is_rotated() && rope.layout == RopeLayout::Interleaved).then_some(Self {
            head_dim: architecture.head_dim,
            pairs: rope.dim / 2,
        })
    }

    /// The stored row that becomes `row`.
    pub(crate) fn source(self, row: usize) -> usize {
        let (head, i) = (row / self.head_dim, row % self.head_dim);
        let within = if i < self.pairs {
            2 * i
        } else if i < 2 * self.pairs {
            2 * (i - self.pairs) + 1
        } else {
            i
        };
        head * self.head_dim + within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_pairs_become_halves() {
        let permutation = RopePermutation {
            head_dim: 6,
            pairs: 2,
        };
        let sources: Vec<usize> = (0..12).map(|row| permutation.source(row)).collect();
        assert_eq!(sources, [0, 2, 1, 3, 4, 5, 6, 8, 7, 9, 10, 11]);
    }
}
