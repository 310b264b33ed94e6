//! Rows on uniform grids, one for each block: scales that err least where it matters, and errors of
//! a column made good by later ones.

use runtime_kernels::{Isa, Kernel};

use crate::compress::encode::Block;
use crate::half::F16;
use crate::program::WeightFormat;

use super::factor::Factor;
use super::lanes::{LANES, Lanes, spread};

/// Columns of a block.
const BLOCK: usize = 32;
/// Grids narrower than the block's values, each by another such part of them.
const NARROWER: usize = 8;
const STEP: f32 = 0.04;

/// A format whose levels are evenly spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grid {
    Q8,
    Q4,
    Q4M,
}

impl Grid {
    /// The grid of a format, if it has one.
    pub(super) fn of(format: WeightFormat) -> Option<Self> {
        match format {
            WeightFormat::Q8 => Some(Self::Q8),
            WeightFormat::Q4 => Some(Self::Q4),
            WeightFormat::Q4M => Some(Self::Q4M),
            _ => None,
        }
    }

    /// The lowest and the highest quant.
    fn ends(self) -> (f32, f32) {
        match self {
            Self::Q8 => (-127.0, 127.0),
            Self::Q4 => (-8.0, 7.0),
            Self::Q4M => (0.0, 15.0),
        }
    }

    /// The block of these quants.
    fn block(self, scale: F16, minimum: F16, quants: [f32; BLOCK]) -> Block {
        match self {
            Self::Q8 => Block::Q8(scale.to_bits(), quants.map(|q| q as i8)),
            Self::Q4 => Block::Q4(scale.to_bits(), quants.map(|q| (q + 8.0) as u8)),
            Self::Q4M => Block::Q4M(scale.to_bits(), minimum.to_bits(), quants.map(|q| q as u8)),
        }
    }
}

/// Rows of a group, and what becomes of them.
pub(super) struct Encode<'a> {
    pub(super) grid: Grid,
    /// `[columns][lane]`.
    pub(super) weights: &'a [Lanes],
    /// Of the inputs' second moments, with columns in their own order.
    pub(super) factor: &'a Factor,
    /// `[blocks][lane]`.
    pub(super) blocks: &'a mut [[Block; LANES]],
    /// What the blocks stand for, `[columns][lane]`.
    pub(super) values: &'a mut [Lanes],
}

impl Kernel for Encode<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _isa: I) {
        let mut targets = self.weights.to_vec();
        for (index, out) in self.blocks.iter_mut().enumerate() {
            let start = index * BLOCK;
            let importance = &self.factor.diagonal[start..][..BLOCK];
            let scales = Scales::best(self.grid, &targets[start..][..BLOCK], importance);
            let mut quants = [[0.0; LANES]; BLOCK];
            for (column, quants) in quants.iter_mut().enumerate() {
                let at = start + column;
                let (here, later) = targets.split_at_mut(at + 1);
                *quants = scales.quants(self.grid, &here[at]);
                self.values[at] = scales.values(quants);
                let mut error = self.weights[at];
                for (error, value) in error.iter_mut().zip(self.values[at]) {
                    *error -= value;
                }
                spread(error, &self.factor.row(at)[at + 1..], later);
            }
            for (lane, out) in out.iter_mut().enumerate() {
                let scale = F16::from_f32(scales.scale[lane]);
                let minimum = F16::from_f32(scales.minimum[lane]);
                *out = self.grid.block(scale, minimum, quants.map(|q| q[lane]));
            }
        }
    }
}

/// The levels of a block: `quant × scale + minimum`, both in the precision of f16.
#[derive(Clone, Copy)]
struct Scales {
    scale: Lanes,
    inverse: Lanes,
    minimum: Lanes,
}

impl Scales {
    #[inline(always)]
    fn new(scale: Lanes, minimum: Lanes) -> Self {
        let half = |value: f32| F16::from_f32(value).to_f32();
        let scale = scale.map(half);
        Self {
            scale,
            // All quants are 0 where the scale vanishes.
            inverse: scale.map(|s| if s == 0.0 { 0.0 } else { 1.0 / s }),
            minimum: minimum.map(half),
        }
    }

    /// Those with the least loss for these targets, `[columns][lane]`.
    #[inline(always)]
    fn best(grid: Grid, targets: &[Lanes], importance: &[f32]) -> Self {
        let (mut low, mut high) = ([0.0f32; LANES], [0.0f32; LANES]);
        if grid == Grid::Q4M {
            (low, high) = (targets[0], targets[0]);
        }
        for target in targets {
            for lane in 0..LANES {
                low[lane] = low[lane].min(target[lane]);
                high[lane] = high[lane].max(target[lane]);
            }
        }
        let mut best = Self::new([f32::INFINITY; LANES], [0.0; LANES]);
        let mut least = [f32::INFINITY; LANES];
        let mut consider = |scale: Lanes, minimum: Lanes| {
            let scales = Self::new(scale, minimum);
            let loss = scales.loss(grid, targets, importance);
            for lane in 0..LANES {
                // A scale beyond f16 wins only where no other is left, and is refused later.
                let better = loss[lane] < least[lane] || best.scale[lane].is_infinite();
                if better {
                    least[lane] = loss[lane];
                    best.scale[lane] = scales.scale[lane];
                    best.inverse[lane] = scales.inverse[lane];
                    best.minimum[lane] = scales.minimum[lane];
                }
            }
        };
        let lanes = |value: &dyn Fn(usize) -> f32| -> Lanes { std::array::from_fn(value) };
        let largest = lanes(&|lane| high[lane].max(-low[lane]));
        match grid {
            Grid::Q8 => consider(largest.map(|m| m / 127.0), [0.0; LANES]),
            Grid::Q4 => {
                for narrower in 0..NARROWER {
                    let part = (1.0 - STEP * narrower as f32) / 8.0;
                    consider(largest.map(|m| m * part), [0.0; LANES]);
                    consider(largest.map(|m| -m * part), [0.0; LANES]);
                }
            }
            Grid::Q4M => {
                for below in 0..NARROWER / 2 {
                    for above in 0..NARROWER / 2 {
                        let range = |lane: usize| high[lane] - low[lane];
                        let part = (1.0 - STEP * (below + above) as f32) / 15.0;
                        let scale = lanes(&|lane| range(lane) * part);
                        let minimum = lanes(&|lane| low[lane] + range(lane) * STEP * below as f32);
                        consider(scale, minimum);
                    }
                }
            }
        }
        best
    }

    #[inline(always)]
    fn quants(&self, grid: Grid, targets: &Lanes) -> Lanes {
        let (low, high) = grid.ends();
        let mut quants = [0.0; LANES];
        for lane in 0..LANES {
            let place = (targets[lane] - self.minimum[lane]) * self.inverse[lane];
            quants[lane] = place.round_ties_even().max(low).min(high);
        }
        quants
    }

    #[inline(always)]
    fn values(&self, quants: &Lanes) -> Lanes {
        let mut values = [0.0; LANES];
        for lane in 0..LANES {
            values[lane] = quants[lane] * self.scale[lane] + self.minimum[lane];
        }
        values
    }

    #[inline(always)]
    fn loss(&self, grid: Grid, targets: &[Lanes], importance: &[f32]) -> Lanes {
        let mut loss = [0.0; LANES];
        for (target, importance) in targets.iter().zip(importance) {
            let values = self.values(&self.quants(grid, target));
            for lane in 0..LANES {
                let error = target[lane] - values[lane];
                loss[lane] += importance * error * error;
            }
        }
        loss
    }
}
