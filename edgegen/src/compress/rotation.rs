//! Orthogonal matrices that make weights look normally distributed.

/// A random orthogonal matrix of some size: signs, then Walsh and Hadamard's transform of runs of
/// a power of two, then a dense orthogonal mix of the runs (Chee et al. 2023, "QuIP",
/// arXiv:2307.13304; Ashkboos et al. 2024, "QuaRot", arXiv:2404.00456). The same for a size on
/// every machine.
#[derive(Debug, Clone)]
pub(super) struct Rotation {
    signs: Vec<f32>,
    run: usize,
    /// `[runs, runs]`.
    mix: Vec<f32>,
}

impl Rotation {
    /// One for vectors of `size` elements.
    pub(super) fn new(size: usize) -> Self {
        let mut random = Random(size as u64);
        let signs = (0..size).map(|_| if random.next() >> 63 == 0 { 1.0 } else { -1.0 });
        let signs = signs.collect();
        let run = 1 << size.trailing_zeros();
        Self {
            signs,
            run,
            mix: orthogonal(size / run, &mut random),
        }
    }

    /// Rotates each vector of some that lie one after the other.
    pub(super) fn apply_to_each(&self, x: &mut [f32]) {
        for vector in x.chunks_exact_mut(self.signs.len()) {
            self.apply(vector);
        }
    }

    /// Rotates a vector in place.
    pub(super) fn apply(&self, x: &mut [f32]) {
        for (x, sign) in x.iter_mut().zip(&self.signs) {
            *x *= sign;
        }
        for run in x.chunks_exact_mut(self.run) {
            hadamard(run);
        }
        let runs = x.len() / self.run;
        if runs == 1 {
            return;
        }
        let mut column = vec![0.0; runs];
        for i in 0..self.run {
            for (r, value) in column.iter_mut().enumerate() {
                *value = x[r * self.run + i];
            }
            for r in 0..runs {
                let row = &self.mix[r * runs..][..runs];
                x[r * self.run + i] = row.iter().zip(&column).map(|(a, b)| a * b).sum();
            }
        }
    }
}

/// The normalised transform.
fn hadamard(x: &mut [f32]) {
    let mut half = 1;
    while half < x.len() {
        for pair in x.chunks_exact_mut(2 * half) {
            let (a, b) = pair.split_at_mut(half);
            for (a, b) in a.iter_mut().zip(b) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let scale = 1.0 / (x.len() as f32).sqrt();
    for x in x {
        *x *= scale;
    }
}

/// Gram and Schmidt's process on random vectors; twice, so that rounding leaves no trace.
fn orthogonal(size: usize, random: &mut Random) -> Vec<f32> {
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(size);
    while rows.len() < size {
        let mut row: Vec<f64> = (0..size).map(|_| random.normal()).collect();
        for _ in 0..2 {
            for other in &rows {
                let dot: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                for (a, b) in row.iter_mut().zip(other) {
                    *a -= dot * b;
                }
            }
        }
        let norm = row.iter().map(|a| a * a).sum::<f64>().sqrt();
        // What is left of an unlucky vector would be noise.
        if norm > 1e-3 {
            rows.push(row.iter().map(|a| a / norm).collect());
        }
    }
    rows.concat().iter().map(|&a| a as f32).collect()
}

/// SplitMix64 (Steele et al. 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Nearly normal, by additions alone: the sum of twelve uniform numbers.
    fn normal(&mut self) -> f64 {
        let uniform = |bits: u64| (bits >> 11) as f64 / (1u64 << 53) as f64;
        (0..12).map(|_| uniform(self.next())).sum::<f64>() - 6.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_angles_stay() {
        for size in [1, 9, 64, 576, 172] {
            let rotation = Rotation::new(size);
            let a: Vec<f32> = (0..size).map(|i| (i * 29 % 31) as f32 - 14.5).collect();
            let b: Vec<f32> = (0..size).map(|i| (i * 17 % 23) as f32 - 3.25).collect();
            let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
            let (mut ra, mut rb) = (a.clone(), b.clone());
            rotation.apply(&mut ra);
            rotation.apply(&mut rb);
            for (before, after) in [(dot(&a, &b), dot(&ra, &rb)), (dot(&a, &a), dot(&ra, &ra))] {
                assert!(
                    (before - after).abs() <= 1e-5 * dot(&a, &a).max(dot(&b, &b)),
                    "{size}"
                );
            }
        }
    }
}
