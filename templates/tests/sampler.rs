//! The sampler against an independent one: it sorts, and computes in f64.

use std::collections::BTreeMap;

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

/// How far f32 may be from f64.
const CLOSE: f64 = 1e-5;

/// SplitMix64 (Steele et al. 2014), as its authors' C has it; 24 bits of a number, from 0 to 1.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d049bb133111eb);
        z ^ z >> 31
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 40) as f64 / (1u64 << 24) as f64
    }
}

/// What is left of the probabilities: of the `top_k` most probable tokens, those that come before
/// the share `top_p` is reached, and the one that reaches it with all that are equal to it; `None`
/// where f32 and f64 may differ on where that is.
fn kept(logits: &[f32], options: &Options) -> Option<BTreeMap<usize, f64>> {
    let probabilities = softmax(logits, options.temperature);
    // Whether `b` is certainly less probable than `a`; unknown if all but equal.
    let less = |a: usize, b: usize| match probabilities[b] < probabilities[a] * (1.0 - CLOSE) {
        true => Some(true),
        false => (logits[a] == logits[b]).then_some(false),
    };
    let mut ids = ranked(logits);
    if options.top_k > 0 && options.top_k < ids.len() {
        less(ids[options.top_k - 1], ids[options.top_k])?;
        ids.truncate(options.top_k);
    }
    let all: f64 = ids.iter().map(|&id| probabilities[id]).sum();
    let (mut kept, mut share, mut last) = (BTreeMap::new(), 0.0, ids[0]);
    for id in ids {
        let missing = f64::from(options.top_p) - share;
        if options.top_p < 1.0 && missing < CLOSE {
            if missing > -CLOSE {
                return None;
            }
            if less(last, id)? {
                break;
            }
        }
        kept.insert(id, probabilities[id]);
        share += probabilities[id] / all;
        last = id;
    }
    Some(kept)
}

/// The token that a number from 0 to 1 chooses; `None` where f32 and f64 may differ.
fn drawn(kept: &BTreeMap<usize, f64>, uniform: f64) -> Option<usize> {
    let all: f64 = kept.values().sum();
    let mut sum = 0.0;
    for (&id, probability) in kept {
        if (sum / all - uniform).abs() < CLOSE && sum > 0.0 {
            return None;
        }
        sum += probability;
        if sum / all > uniform {
            return ((sum / all - uniform) > CLOSE).then_some(id);
        }
    }
    None
}

/// Logits, of which many are equal or none.
fn logits() -> impl Strategy<Value = Vec<f32>> {
    let coarse = vec((-8i8..8).prop_map(|logit| f32::from(logit) / 2.0), 1..80);
    prop_oneof![coarse, vec(-6.0f32..6.0, 1..80)]
}

fn any_options() -> impl Strategy<Value = Options> {
    let temperature = prop_oneof![0.05f32..1.0, 1.0f32..8.0, Just(1.0f32), Just(1000.0f32)];
    let top_k = prop_oneof![Just(0usize), 1usize..12, 12usize..100, Just(usize::MAX)];
    let top_p = prop_oneof![Just(1.0f32), 0.02f32..1.0];
    (temperature, top_k, top_p, any::<u64>()).prop_map(|(t, k, p, seed)| options(t, k, p, seed))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn tokens_are_those_of_an_independent_sampler(logits in logits(), options in any_options()) {
        let Some(kept) = kept(&logits, &options) else { return Ok(()) };
        let mut sampler = Sampler::new(&options);
        let mut random = SplitMix64(options.seed);
        for draw in 0..16 {
            let token = sampler.choose(&mut logits.clone(), |_, _| ()) as usize;
            if let Some(expected) = drawn(&kept, random.uniform()) {
                prop_assert_eq!(token, expected, "draw {} of {:?} among {:?}", draw, options, kept);
            }
        }
    }

    /// Each token that is left is chosen in the end, and no other.
    #[test]
    fn all_that_is_left_occurs(
        logits in vec(prop::sample::select(vec![0.0f32, 0.25, 0.5, 1.0]), 2..8),
        top_k in 0usize..8,
        top_p in prop_oneof![Just(1.0f32), 0.2f32..1.0],
        seed in any::<u64>(),
    ) {
        let options = options(1.5, top_k, top_p, seed);
        let Some(kept) = kept(&logits, &options) else { return Ok(()) };
        let mut sampler = Sampler::new(&options);
        let mut found: Vec<usize> = (0..1000)
            .map(|_| sampler.choose(&mut logits.clone(), |_, _| ()) as usize)
            .collect();
        found.sort_unstable();
        found.dedup();
        prop_assert_eq!(found, kept.into_keys().collect::<Vec<_>>());
    }

    /// As if the others were not there.
    #[test]
    fn tokens_that_are_not_kept_do_not_count(
        logits in logits(),
        keep in vec(any::<bool>(), 80),
        options in any_options(),
        temperature in prop_oneof![Just(0.0f32), 0.1f32..4.0],
    ) {
        let options = Options { temperature, ..options };
        let left: Vec<usize> = (0..logits.len()).filter(|&id| keep[id]).collect();
        prop_assume!(!left.is_empty());
        let mut alone: Vec<f32> = left.iter().map(|&id| logits[id]).collect();
        let index = Sampler::new(&options).choose(&mut alone, |_, _| ()) as usize;
        let token = Sampler::new(&options).choose(&mut logits.clone(), |values, fill| {
            values.iter_mut().zip(&keep).filter(|(_, keep)| !**keep).for_each(|(value, _)| *value = fill);
        });
        prop_assert_eq!(token as usize, left[index]);
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

/// Published values: Vigna's splitmix64.c, seeded with 1234567.
#[test]
fn random_numbers_are_those_of_splitmix64() {
    let mut random = SplitMix64(1_234_567);
    for expected in [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ] {
        assert_eq!(random.next(), expected);
    }
}

/// As many equal tokens as there are numbers: the token is the number, and its 24 bits the highest.
#[test]
fn a_draw_has_24_random_bits() {
    let mut sampler = Sampler::new(&options(1.0, 0, 1.0, 1_234_567));
    for number in [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973] {
        let token = sampler.choose(&mut vec![0.0; 1 << 24], |_, _| ());
        assert_eq!(u64::from(token), number >> 40);
    }
}

#[test]
fn a_logit_that_is_no_number_counts_as_the_least() {
    let (nan, inf, least) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    for (logits, expected) in [
        (vec![nan, nan, nan], 0),
        (vec![least, nan, least], 0),
        (vec![nan, -3e38, nan, 2.0, nan], 3),
        (vec![nan, 1.0, inf, nan, inf], 2),
        (vec![nan; 20], 0),
    ] {
        for temperature in [0.0, 0.01, 1e-45] {
            for (top_k, top_p) in [(0, 1.0), (2, 0.5)] {
                let mut sampler = Sampler::new(&options(temperature, top_k, top_p, 3));
                let token = sampler.choose(&mut logits.clone(), |_, _| ());
                assert_eq!(token, expected, "{logits:?} at {temperature}");
            }
        }
        // The first that is left, not the first of all.
        let mut sampler = Sampler::new(&options(0.7, 0, 1.0, 3));
        let keep = |values: &mut [f32], fill| values[..1].fill(fill);
        let token = sampler.choose(&mut logits.clone(), keep);
        assert_eq!(
            token,
            if expected == 0 { 1 } else { expected },
            "{logits:?}"
        );
    }
}

/// Even where the number that is drawn is 0, which every weight reaches that is above it.
#[test]
fn a_token_that_is_left_out_is_never_drawn() {
    let zero = |&seed: &u64| SplitMix64(seed).uniform() == 0.0;
    let seed = (0..).find(zero).expect("one of 2^24 is");
    for len in [3, 16] {
        let mut logits: Vec<f32> = (0..len).map(|id| id as f32).collect();
        let mut sampler = Sampler::new(&options(1.0, 0, 1.0, seed));
        let chosen = sampler.choose(&mut logits, |logits, value| logits[..2].fill(value));
        assert_eq!(chosen, 2);
    }
}
