//! How fast a machine is. Each figure is the median of the passes of a second.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};
use std::vec;
use std::vec::Vec;

use super::super::kernels::{Format, Isa, MatMul, Q4, Q8Block};
use super::machine::{Run, on_best};

const TIME: Duration = Duration::from_secs(1);

/// Memory to read, larger than any cache.
pub(super) struct Memory(Vec<u64>);

impl Memory {
    /// 256 MiB, or an eighth of the bytes that are available if that is less.
    pub(super) fn new(available: Option<u64>) -> Self {
        let bytes = available.map_or(MOST, |available| MOST.min(available / 8));
        // Zeros would share one page.
        Self((0..bytes / 8).collect())
    }

    /// Bytes per second that so many threads read, each its share from front to back.
    pub(super) fn bandwidth(&self, threads: usize) -> u64 {
        let share = self.0.len().div_ceil(threads).max(1);
        median(|| {
            thread::scope(|scope| {
                for part in self.0.chunks(share) {
                    scope.spawn(move || black_box(sum(part)));
                }
            });
            size_of_val(&self.0[..]) as f64
        })
    }
}

const MOST: u64 = 256 << 20;

/// Eight sums, so that the additions do not wait for each other.
fn sum(values: &[u64]) -> u64 {
    let mut sums = [0_u64; 8];
    for values in values.as_chunks::<8>().0 {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = sum.wrapping_add(*value);
        }
    }
    sums.iter().fold(0, |a, b| a.wrapping_add(*b))
}

/// Amount per second in the median of the passes that a second allows, three at least. A pass
/// gives the amount that it did.
fn median(pass: impl Fn() -> f64) -> u64 {
    let begin = Instant::now();
    let mut figures = Vec::new();
    while figures.len() < 3 || begin.elapsed() < TIME {
        let start = Instant::now();
        let amount = pass();
        figures.push(amount / start.elapsed().as_secs_f64());
    }
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2].max(1.0) as u64
}

/// Multiply-adds per second of so many threads, each with a matrix of its own in the cache.
pub(super) fn int8_rate(threads: usize) -> u64 {
    median(|| {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| on_best(Products)))
                .collect();
            let done = threads.into_iter().map(|one| one.join().unwrap_or(0.0));
            done.sum()
        })
    })
}

/// Products of a matrix with a vector, as decoding has them: their multiply-adds.
struct Products;

/// Rows in groups of 8, and columns in blocks of 32: 72 KB of 4-bit weights.
const GROUPS: usize = 32;
const BLOCKS: usize = 16;
/// So many that starting threads does not count.
const PRODUCTS: usize = 4000;

impl Run for Products {
    fn run<I: Isa>(self, isa: I) -> f64 {
        let weights = vec![0x21; GROUPS * BLOCKS * Q4::GROUP_BLOCK_BYTES];
        let input = [Q8Block {
            scale: 0.01,
            center: -768,
            sum8: 768.0,
            half_sums: 48 << 16 | 48,
            q: [3; 32],
        }; BLOCKS];
        let mut out = vec![0.0; GROUPS * 8];
        for _ in 0..PRODUCTS {
            isa.run(MatMul::<Q4, _, _> {
                weights: black_box(&weights),
                groups: GROUPS,
                blocks: BLOCKS,
                input: &input,
                tokens: 1,
                out: &mut out,
                stride: GROUPS * 8,
            });
            black_box(&mut out);
        }
        (PRODUCTS * GROUPS * 8 * BLOCKS * 32) as f64
    }
}
