//! How fast memory can be read: the limit of decoding.

use std::sync::OnceLock;
use std::time::Instant;

/// Larger than any cache, and than the weights of the models compared.
const BYTES: usize = 256 << 20;

/// Bytes a second that so many threads read, each its share from front to back, in the best of
/// three passes.
pub fn read(threads: usize) -> f64 {
    static MEMORY: OnceLock<Vec<u64>> = OnceLock::new();
    let memory = MEMORY.get_or_init(|| (0..BYTES as u64 / 8).collect());
    let share = memory.len() / threads;
    let pass = || {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for part in memory.chunks_exact(share) {
                scope.spawn(move || std::hint::black_box(sum(part)));
            }
        });
        BYTES as f64 / start.elapsed().as_secs_f64()
    };
    (0..3).map(|_| pass()).fold(0.0, f64::max)
}

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
