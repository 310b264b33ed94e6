//! The best codes for rows of weights, where errors of a column are made good by later ones.

use runtime_kernels::formats::{t2, t3, t4};
use runtime_kernels::{Isa, Kernel};

use crate::program::WeightFormat;

use super::factor::Factor;

/// Rows that are encoded side by side, a SIMD lane each.
pub(super) const LANES: usize = 8;
/// Columns of a block.
const BLOCK: usize = 32;

type Lanes = [f32; LANES];

/// A format of few bits a weight (runtime-kernels, `codes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    T2,
    T3,
    T4,
}

impl Code {
    /// The code of a format, if it has one.
    pub(super) fn of(format: WeightFormat) -> Option<Self> {
        match format {
            WeightFormat::T2 => Some(Self::T2),
            WeightFormat::T3 => Some(Self::T3),
            WeightFormat::T4 => Some(Self::T4),
            _ => None,
        }
    }

    /// Words of a row's block.
    pub(super) fn words(self) -> usize {
        match self {
            Self::T2 => 2,
            Self::T3 => 3,
            Self::T4 => 4,
        }
    }

    /// The words of a row's block, from the codes of its columns.
    pub(super) fn pack(self, codes: &[u8; BLOCK]) -> [u32; 4] {
        let mut words = [0; 4];
        for (column, &code) in codes.iter().enumerate() {
            let (word, code) = (column / 4 % 4, u32::from(code));
            let nibble = 8 * (column % 4) + 4 * (column / 16);
            let field = nibble + 2 * (word % 2);
            match self {
                Self::T2 => words[word / 2] |= (code & 3) << field,
                Self::T3 => {
                    words[word / 2] |= (code & 3) << field;
                    words[2] |= (code >> 2 & 1) << ((nibble + word + 2) % 32);
                }
                Self::T4 => words[word] |= code << nibble,
            }
        }
        words
    }

    fn levels(self) -> &'static [i8; 16] {
        match self {
            Self::T2 => &t2::LEVELS,
            Self::T3 => &t3::LEVELS,
            Self::T4 => &t4::LEVELS,
        }
    }

    /// The level of a code.
    pub(super) fn level(self, code: u8) -> f32 {
        f32::from(self.levels()[usize::from(code)])
    }

    /// The standard deviation of weights for which the levels are: a twentieth less than what they were
    /// found for, since targets also hold what earlier columns did wrong.
    pub(super) fn deviation(self) -> f32 {
        match self {
            Self::T2 => 26.2,
            Self::T3 | Self::T4 => 21.85,
        }
    }

    /// Steps of a circle.
    const fn circle(self) -> usize {
        match self {
            Self::T2 => 16,
            Self::T3 | Self::T4 => BLOCK,
        }
    }

    /// The column of a step of a block: circles follow each other.
    pub(super) fn column(self, step: usize) -> usize {
        match self {
            // Bit `p` of circle `v`: nibbles of words 2v (p % 4 = 0) and 2v + 1.
            Self::T2 => {
                let (v, p) = (step / 16, step % 16 * 2);
                let word = 2 * v + p / 2 % 2;
                4 * word + p / 8 + if p % 8 < 4 { 0 } else { 16 }
            }
            // Bit `b` of the circle: byte, half and word that show it lowest.
            Self::T3 => {
                let b = step + 2;
                let (byte, within) = ((b - 2) / 8, (b - 2) % 8);
                4 * (within % 4) + byte + if within < 4 { 0 } else { 16 }
            }
            Self::T4 => step,
        }
    }

    /// The codes of a step, from the state that it starts with to the one that it leads to.
    fn codes(self, from: usize, to: usize) -> impl Iterator<Item = usize> {
        match self {
            Self::T2 => (from | to << 2..=from | to << 2).step_by(1),
            Self::T3 => {
                let first = from << 2 | to << 3;
                (first..=first + 3).step_by(1)
            }
            Self::T4 => (0..=15).step_by(1),
        }
    }
}

/// Rows of a group in the order of steps, and what becomes of them.
pub(super) struct Encode<'a> {
    /// `[steps][lane]`, in units of the levels.
    pub(super) weights: &'a [Lanes],
    /// Of the inputs' second moments, in the order of steps.
    pub(super) factor: &'a Factor,
    /// `[steps][lane]`.
    pub(super) codes: &'a mut [[u8; LANES]],
}

impl Kernel for Encode<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _isa: I) {
        match self.factor.code {
            Code::T2 => self.circles::<4>(),
            Code::T3 => self.circles::<2>(),
            Code::T4 => self.circles::<1>(),
        }
    }
}

impl Encode<'_> {
    #[inline(always)]
    fn circles<const S: usize>(self) {
        let code = self.factor.code;
        let levels = code.levels().map(f32::from);
        let size = code.circle();
        let mut targets = self.weights.to_vec();
        for start in (0..targets.len()).step_by(size) {
            let (here, later) = targets.split_at_mut(start + size);
            let circle = Circle {
                code,
                levels: &levels,
                weights: &self.weights[start..start + size],
                targets: &here[start..],
                factor: self.factor,
                start,
            };
            let codes = &mut self.codes[start..start + size];
            circle.encode::<S>(codes);
            for (i, codes) in codes.iter().enumerate() {
                let mut error = self.weights[start + i];
                for (error, &code) in error.iter_mut().zip(codes) {
                    *error -= levels[usize::from(code)];
                }
                let row = &self.factor.row(start + i)[start + size..];
                for (target, &share) in later.iter_mut().zip(row) {
                    for (target, error) in target.iter_mut().zip(error) {
                        *target += error * share;
                    }
                }
            }
        }
    }
}

/// One circle of each lane's row.
struct Circle<'a> {
    code: Code,
    levels: &'a [f32; 16],
    weights: &'a [Lanes],
    targets: &'a [Lanes],
    factor: &'a Factor,
    start: usize,
}

/// The best way to some state: Viterbi's algorithm, where each path has its own errors to make
/// good.
#[derive(Clone, Copy)]
struct Path {
    cost: Lanes,
    targets: [Lanes; BLOCK],
    codes: [Lanes; BLOCK],
}

impl Circle<'_> {
    #[inline(always)]
    fn encode<const S: usize>(&self, out: &mut [[u8; LANES]]) {
        let size = self.targets.len();
        let mut best = [f32::INFINITY; LANES];
        for first in 0..S {
            let mut fresh = Path {
                cost: [f32::INFINITY; LANES],
                targets: [[0.0; LANES]; BLOCK],
                codes: [[0.0; LANES]; BLOCK],
            };
            fresh.targets[..size].copy_from_slice(self.targets);
            let mut paths = [fresh; S];
            paths[first].cost = [0.0; LANES];
            for step in 0..size {
                let mut next = [fresh; S];
                for (to, next) in next.iter_mut().enumerate() {
                    if step + 1 < size || to == first {
                        self.step(step, &paths, to, next);
                    }
                }
                paths = next;
            }
            let path = &paths[first];
            for lane in 0..LANES {
                if path.cost[lane] < best[lane] {
                    best[lane] = path.cost[lane];
                    for (out, codes) in out.iter_mut().zip(&path.codes) {
                        out[lane] = codes[lane] as u8;
                    }
                }
            }
        }
    }

    /// The best of `paths` that go on to state `to`.
    #[inline(always)]
    fn step<const S: usize>(&self, step: usize, paths: &[Path; S], to: usize, next: &mut Path) {
        let size = self.targets.len();
        let place = self.start + step;
        let importance = self.factor.diagonal[place];
        let mut cost = [f32::INFINITY; LANES];
        let (mut from, mut code, mut level) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        for (state, path) in paths.iter().enumerate() {
            for candidate in self.code.codes(state, to) {
                let value = self.levels[candidate];
                for lane in 0..LANES {
                    let error = path.targets[step][lane] - value;
                    let sum = path.cost[lane] + importance * error * error;
                    let better = sum < cost[lane];
                    cost[lane] = if better { sum } else { cost[lane] };
                    from[lane] = if better { state as f32 } else { from[lane] };
                    code[lane] = if better { candidate as f32 } else { code[lane] };
                    level[lane] = if better { value } else { level[lane] };
                }
            }
        }
        next.cost = cost;
        for (state, path) in paths.iter().enumerate() {
            let chosen = from.map(|from| from == state as f32);
            for (next, path) in next.codes[..step].iter_mut().zip(&path.codes) {
                take(next, path, chosen);
            }
            for (next, path) in next.targets[..size]
                .iter_mut()
                .zip(&path.targets)
                .skip(step + 1)
            {
                take(next, path, chosen);
            }
        }
        next.codes[step] = code;
        let mut error = self.weights[step];
        for (error, level) in error.iter_mut().zip(level) {
            *error -= level;
        }
        let row = &self.factor.row(place)[self.start..][..size];
        for (target, share) in next.targets.iter_mut().zip(row).skip(step + 1) {
            for (target, error) in target.iter_mut().zip(error) {
                *target += error * share;
            }
        }
    }
}

/// Takes the lanes that are chosen.
#[inline(always)]
fn take(lanes: &mut Lanes, other: &Lanes, chosen: [bool; LANES]) {
    for lane in 0..LANES {
        lanes[lane] = if chosen[lane] {
            other[lane]
        } else {
            lanes[lane]
        };
    }
}
