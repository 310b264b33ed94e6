//! The sampler against a naive one that sorts.

use edgegen_templates::options::Options;
use edgegen_templates::sampler::Sampler;
use proptest::collection::vec;
use proptest::prelude::*;

fn options(temperature: f32, top_k: usize, top_p: f32, seed: u64) -> Options {
    Options {
        temperature,
        top_k,
        top_p,
        seed,
        ..Options::default()
    }
}

/// Ids from the most to the least probable; of equal ones the first first.
fn ranked(logits: &[f32]) -> Vec<usize> {
    let mut ids: Vec<usize> = (0..logits.len()).collect();
    ids.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    ids
}

/// Probabilities at a temperature, in f64.
fn softmax(logits: &[f32], temperature: f32) -> Vec<f64> {
    let max = logits.iter().copied().fold(f32::MIN, f32::max);
    let weights: Vec<f64> = logits
        .iter()
        .map(|&logit| (f64::from(logit - max) / f64::from(temperature)).exp())
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

proptest! {
    #[test]
    fn top_k_keeps_the_most_probable(
        logits in vec(-4i8..4, 1..80),
        top_k in 1usize..12,
        seed in any::<u64>(),
    ) {
        // Small integers: many are equal.
        let logits: Vec<f32> = logits.into_iter().map(f32::from).collect();
        let best = &ranked(&logits)[..top_k.min(logits.len())];
        let mut sampler = Sampler::new(&options(1.5, top_k, 1.0, seed));
        for _ in 0..8 {
            let id = sampler.choose(&mut logits.clone(), |_, _| ()) as usize;
            prop_assert!(best.contains(&id), "{id} is not among {best:?}");
        }
    }

    #[test]
    fn top_p_keeps_the_nucleus(
        logits in vec(-6.0f32..6.0, 1..80),
        top_p in 0.05f32..0.95,
        seed in any::<u64>(),
    ) {
        let probabilities = softmax(&logits, 0.8);
        let mut sampler = Sampler::new(&options(0.8, 0, top_p, seed));
        for _ in 0..8 {
            let id = sampler.choose(&mut logits.clone(), |_, _| ()) as usize;
            let before: f64 = ranked(&logits)
                .into_iter()
                .take_while(|&other| other != id)
                .map(|other| probabilities[other])
                .sum();
            prop_assert!(before < f64::from(top_p) + 1e-4, "{id} comes after {before}");
        }
    }

    #[test]
    fn equal_seeds_choose_equally(logits in vec(-6.0f32..6.0, 1..80), seed in any::<u64>()) {
        let draw = || {
            let mut sampler = Sampler::new(&options(1.0, 40, 0.9, seed));
            (0..8).map(|_| sampler.choose(&mut logits.clone(), |_, _| ())).collect::<Vec<_>>()
        };
        prop_assert_eq!(draw(), draw());
    }

    #[test]
    fn no_temperature_takes_the_most_probable(logits in vec(-6.0f32..6.0, 1..80)) {
        for temperature in [0.0, 1e-40, f32::MIN_POSITIVE] {
            let mut sampler = Sampler::new(&options(temperature, 0, 1.0, 7));
            prop_assert_eq!(sampler.choose(&mut logits.clone(), |_, _| ()) as usize, ranked(&logits)[0]);
        }
    }
}

#[test]
fn frequencies_are_the_probabilities() {
    let logits = [1.0, 0.0, -1.0, 2.0, 0.5, -3.0, 1.5, 0.0, 1.0];
    let probabilities = softmax(&logits, 1.0);
    let mut sampler = Sampler::new(&options(1.0, 0, 1.0, 1));
    let mut counts = [0; 9];
    const DRAWS: usize = 40_000;
    for _ in 0..DRAWS {
        counts[sampler.choose(&mut logits.clone(), |_, _| ()) as usize] += 1;
    }
    for (count, probability) in counts.into_iter().zip(probabilities) {
        let frequency = f64::from(count) / DRAWS as f64;
        assert!(
            (frequency - probability).abs() < 0.01,
            "{frequency} is not {probability}"
        );
    }
}
