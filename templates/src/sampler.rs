//! The choice of the next token: the same on every machine.

use super::kernels::{ExpWeights, Isa, Scalar, argmax, in_default_mode};
use super::options::Options;

/// Chooses tokens; owns the random numbers.
#[derive(Debug, Clone)]
pub struct Sampler {
    temperature: f32,
    top_k: usize,
    top_p: f32,
    state: u64,
}

impl Sampler {
    /// A sampler for valid options.
    pub fn new(options: &Options) -> Self {
        Self {
            temperature: options.temperature,
            top_k: options.top_k,
            top_p: options.top_p,
            state: options.seed,
        }
    }

    /// Chooses a token among those that `keep` leaves: it sets the values of all others to what it
    /// is given. The logits are overwritten.
    ///
    /// A logit that is no number counts as −∞. If no other is left, the first token is chosen that
    /// `keep` leaves, and if one is infinite, the first such one.
    pub fn choose(&mut self, logits: &mut [f32], keep: impl Fn(&mut [f32], f32)) -> u32 {
        in_default_mode(|| self.choose_in_mode(logits, keep))
    }

    fn choose_in_mode(&mut self, logits: &mut [f32], keep: impl Fn(&mut [f32], f32)) -> u32 {
        keep(logits, f32::NEG_INFINITY);
        let best = argmax(logits);
        let max = logits[best as usize];
        if max.is_nan() || max == f32::NEG_INFINITY {
            // Which of them are left, their values do not tell.
            logits.fill(0.0);
            keep(logits, f32::NEG_INFINITY);
            return argmax(logits);
        }
        if self.temperature == 0.0 || max == f32::INFINITY {
            return best;
        }
        weigh(logits, max, (1.0 / self.temperature).min(f32::MAX));
        keep(logits, 0.0);
        if self.top_k > 0 && self.top_k < logits.len() {
            keep_greatest(logits, self.top_k);
        }
        if self.top_p < 1.0 {
            keep_mass(logits, self.top_p);
        }
        let target = self.uniform() * mass(logits, 0);
        draw(logits, target).unwrap_or(best)
    }

    /// A number from 0 to 1, 1 excluded: 24 bits of SplitMix64 (Steele et al. 2014).
    fn uniform(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 40) as f32 / 16_777_216.0
    }
}

/// Logits to weights: the greatest is 1.
fn weigh(logits: &mut [f32], max: f32, factor: f32) {
    let Some(isa) = Scalar::new() else { return };
    let (whole, tail) = logits.split_at_mut(logits.len() / 8 * 8);
    isa.run(ExpWeights {
        x: whole,
        max,
        factor,
    });
    let mut padded = [max; 8];
    padded[..tail.len()].copy_from_slice(tail);
    isa.run(ExpWeights {
        x: &mut padded,
        max,
        factor,
    });
    tail.copy_from_slice(&padded[..tail.len()]);
}

/// The greatest bits `t` in `1..=1.0f32.to_bits()` for which `enough` holds; it must hold for 1.
/// Bits of positive floats order as the floats do.
fn threshold(enough: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (1, 1.0f32.to_bits() + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// Sets all weights but the `count` greatest to 0; of equal ones the first stay.
fn keep_greatest(weights: &mut [f32], count: usize) {
    let at_least = |bits| weights.iter().filter(|w| w.to_bits() >= bits).count();
    let border = threshold(|bits| at_least(bits) >= count);
    let above = weights.iter().filter(|w| w.to_bits() > border).count();
    let mut ties = count - above;
    for weight in weights {
        let keep = weight.to_bits() > border || (weight.to_bits() == border && ties > 0);
        if weight.to_bits() == border && ties > 0 {
            ties -= 1;
        }
        if !keep {
            *weight = 0.0;
        }
    }
}

/// Sets the least weights to 0, as long as the rest has the share `top_p` of the sum.
fn keep_mass(weights: &mut [f32], top_p: f32) {
    let wanted = top_p * mass(weights, 0);
    let border = threshold(|bits| bits == 1 || mass(weights, bits) >= wanted);
    for weight in weights {
        if weight.to_bits() < border {
            *weight = 0.0;
        }
    }
}

/// The sum of the weights of at least these bits, in order.
fn mass(weights: &[f32], bits: u32) -> f32 {
    let mut sum = 0.0;
    for weight in weights.iter().filter(|w| w.to_bits() >= bits) {
        sum += weight;
    }
    sum
}

/// The first token whose sum with those before exceeds `target`.
fn draw(weights: &[f32], target: f32) -> Option<u32> {
    let mut sum = 0.0;
    for (id, &weight) in weights.iter().enumerate() {
        sum += weight;
        if weight > 0.0 && sum > target {
            return Some(id as u32);
        }
    }
    None
}
