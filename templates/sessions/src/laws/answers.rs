//! Answers that are given again: those that were asked for with the same tokens and options, as
//! many as there is memory for, the latest used.

use proptest::prelude::*;

use super::super::generation::Finish;
use super::super::memory;
use super::super::model::CONTEXT;
use super::super::options::Options;
use super::{OnHeap, encode, greedy, history};

/// Words of an entry beside its tokens: lengths, ending, 256 bits of options by sixteens.
const HEADER: usize = 3 + 256 / 16;

/// Runs a whole answer; says whether it was recalled, with its tokens.
fn ask(session: &mut OnHeap, prompt: &str, options: &Options) -> (bool, Vec<u32>) {
    let mut generation = session.generate(prompt, options).expect("a prompt that fits");
    let tokens = generation.by_ref().filter_map(|piece| piece.token()).collect();
    let recalled = generation.cached_tokens() == generation.prompt_tokens();
    assert!(generation.finish().is_some());
    (recalled, tokens)
}

#[test]
fn an_option_that_differs_is_another_request() {
    let options = Options {
        max_tokens: 30,
        temperature: 0.5,
        top_k: 7,
        top_p: 0.5,
        seed: 11,
    };
    let mut others = Vec::new();
    for bit in 0..usize::BITS {
        let max_tokens = options.max_tokens ^ 1 << bit;
        // Less than the shortest answer is refused.
        if max_tokens >= options.max_tokens {
            others.push(Options { max_tokens, ..options });
        }
        others.push(Options { top_k: options.top_k ^ 1 << bit, ..options });
    }
    others.extend((0..64).map(|bit| Options { seed: options.seed ^ 1 << bit, ..options }));
    // All bits of the fraction, and exponents that leave the options valid.
    for bit in (0..23).chain([24, 26]) {
        let flip = |value: f32| f32::from_bits(value.to_bits() ^ 1 << bit);
        others.push(Options { temperature: flip(options.temperature), ..options });
        if flip(options.top_p) <= 1.0 {
            others.push(Options { top_p: flip(options.top_p), ..options });
        }
    }
    for other in others {
        let mut session = OnHeap::new();
        assert!(!ask(&mut session, "switch off", &options).0);
        assert!(ask(&mut session, "switch off", &options).0);
        assert!(!ask(&mut session, "switch off", &other).0, "{other:?} is taken for {options:?}");
    }
}

/// Whatever a caller does between two steps, an answer of before says no more, and leaves no trace.
#[test]
fn an_answer_of_another_turn_says_nothing() {
    let changes: [fn(&mut OnHeap); 7] = [
        |session| assert!(session.begin("switch on", &greedy(50)).is_ok()),
        |session| assert!(session.begin("switch off", &greedy(50)).is_ok()),
        |session| assert!(session.feed(&[3]).is_ok()),
        |session| session.feed_each(&[3], |_, _| ()).expect("it fits"),
        |session| session.truncate(1),
        |session| session.reset(),
        |session| {
            let mut other = OnHeap::new();
            other.feed(&[3, 4]).expect("it fits");
            let mut state = vec![0; other.saved_bytes()];
            other.save(&mut state).expect("it fits");
            session.restore(&state).expect("it is a state");
        },
    ];
    let expected = ask(&mut OnHeap::new(), "switch off", &greedy(50)).1;
    for (index, change) in changes.into_iter().enumerate() {
        for taken in 0..4 {
            let mut session = OnHeap::new();
            // Given again, it comes from the memory.
            for given_before in [false, true] {
                let mut answer = session.begin("switch off", &greedy(50)).expect("it fits");
                for _ in 0..taken {
                    answer.step(&mut session);
                }
                change(&mut session);
                let position = session.position();
                assert!(answer.step(&mut session).is_none(), "{index}");
                assert_eq!(session.position(), position, "{index}");
                assert_eq!(ask(&mut session, "switch off", &greedy(50)).1, expected, "{index}, {given_before}");
            }
        }
    }
}

#[test]
fn a_prompt_that_differs_is_another_request() {
    let mut session = OnHeap::new();
    let options = greedy(30);
    let prompt = encode("switch off the lamp");
    let (_, answer) = ask(&mut session, "switch off the lamp", &options);
    let said = [&prompt[..], &answer[..]].concat();
    let mut recalls = |tokens: &[u32]| {
        session.scratch.hold_tokens(4 * tokens.len());
        session.scratch.tokens[..tokens.len()].copy_from_slice(tokens);
        session.recall(tokens.len(), &options).is_some()
    };
    // Longer by a part of the answer, by all of it, and by more; and shorter.
    for len in (1..=said.len()).filter(|&len| len != prompt.len()) {
        assert!(!recalls(&said[..len]), "{len} tokens are taken for {}", prompt.len());
    }
    assert!(!recalls(&[&said[..], &[3, 4, 5]].concat()));
    for at in 0..prompt.len() {
        let mut other = prompt.clone();
        other[at] ^= 1;
        assert!(!recalls(&other));
    }
    assert!(recalls(&prompt));
}

#[test]
fn reset_forgets_answers() {
    let mut session = OnHeap::new();
    assert!(!ask(&mut session, "switch off", &greedy(40)).0);
    assert!(ask(&mut session, "switch off", &greedy(40)).0);
    session.reset();
    assert_eq!(session.position(), 0);
    assert!(!ask(&mut session, "switch off", &greedy(40)).0);
}

#[test]
fn an_answer_that_was_not_to_a_prompt_from_the_start_is_not_kept() {
    let mut session = OnHeap::new();
    let options = greedy(40);
    let said = encode("switch off the lamp");
    let (before, prompt) = said.split_at(2);
    session.feed(before).expect("it fits");
    let generation = session.generate_tokens(prompt, &options).expect("it fits");
    assert_eq!(generation.prompt_tokens(), prompt.len());
    assert_eq!(generation.cached_tokens(), 0);
    generation.for_each(drop);
    let history = history(&mut session);
    for start in 0..2 {
        for end in start + 1..=history.len() {
            let tokens = &history[start..end];
            session.scratch.hold_tokens(tokens.len());
            session.scratch.tokens[..tokens.len()].copy_from_slice(tokens);
            assert!(session.recall(tokens.len(), &options).is_none());
        }
    }
}

#[test]
fn an_answer_that_did_not_end_is_not_kept() {
    let mut session = OnHeap::new();
    let mut generation = session.generate("switch off", &greedy(40)).expect("it fits");
    assert!(generation.next().is_some());
    assert!(!ask(&mut session, "switch off", &greedy(40)).0);
}

/// To the last word of the memory, and not a word further.
#[test]
fn answers_are_kept_as_long_as_there_is_memory() {
    let options = greedy(40);
    for beyond in [0, 1] {
        let mut session = OnHeap::new();
        let capacity = memory::tokens(&mut session.memory).1.len();
        let count = capacity.div_ceil(HEADER + CONTEXT - 1);
        let mut sizes = vec![capacity / count; count];
        sizes[0] += capacity % count + beyond;
        let prompt = |entry: usize| vec![3 + entry as u32; sizes[entry] - HEADER];
        for entry in 0..count {
            let tokens = prompt(entry);
            session.truncate(0);
            session.feed(&tokens).expect("it fits");
            session.remember(tokens.len(), None, &options, Finish::Stop);
        }
        for entry in (0..count).rev() {
            let tokens = prompt(entry);
            session.scratch.hold_tokens(tokens.len());
            session.scratch.tokens[..tokens.len()].copy_from_slice(&tokens);
            let kept = session.recall(tokens.len(), &options).is_some();
            assert_eq!(kept, entry > 0 || beyond == 0, "{entry} of {sizes:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Against a list: the entries that fit, the latest used first.
    #[test]
    fn the_latest_used_answers_are_kept(
        requests in prop::collection::vec((0..9usize, 0..4usize, 0..3u64), 1..40),
    ) {
        let mut session = OnHeap::new();
        let capacity = memory::tokens(&mut session.memory).1.len();
        let mut kept: Vec<((usize, usize, u64), usize)> = Vec::new();
        for request in requests {
            let (words, limit, seed) = request;
            let prompt = "switch off the lamp and the fan in the hall".split(' ').take(words + 1);
            let prompt = prompt.collect::<Vec<_>>().join(" ");
            let options = Options { temperature: 0.9, seed, ..greedy([25, 28, 31, 60][limit]) };
            let (recalled, tokens) = ask(&mut session, &prompt, &options);
            let known = kept.iter().position(|&(other, _)| other == request);
            prop_assert_eq!(recalled, known.is_some(), "{:?} among {:?}", request, kept);
            match known {
                Some(at) => kept[..=at].rotate_right(1),
                None => {
                    let size = HEADER + encode(&prompt).len() + tokens.len();
                    if size <= capacity {
                        kept.insert(0, (request, size));
                    }
                    while kept.iter().map(|&(_, size)| size).sum::<usize>() > capacity {
                        kept.pop();
                    }
                }
            }
        }
    }
}
