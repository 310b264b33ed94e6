//! Deterministic choices.

use rand::RngExt;
pub use rand_chacha::ChaCha8Rng as Rng;

/// One of a list.
pub fn one_of<'a, T>(rng: &mut Rng, list: &'a [T]) -> &'a T {
    &list[rng.random_range(0..list.len())]
}

/// A copy of one of a list.
pub fn pick<T: Copy>(rng: &mut Rng, list: &[T]) -> T {
    *one_of(rng, list)
}

/// A copy of one of a list, by weight.
pub fn weighted<T: Copy>(rng: &mut Rng, list: &[(T, u32)]) -> T {
    let total = list.iter().map(|&(_, weight)| weight).sum();
    let mut at: u32 = rng.random_range(0..total);
    for &(item, weight) in list {
        match at.checked_sub(weight) {
            Some(rest) => at = rest,
            None => return item,
        }
    }
    unreachable!("the weights sum to the total")
}
/// True with a probability.
pub fn chance(rng: &mut Rng, probability: f64) -> bool {
    rng.random_bool(probability)
}
