//! Feeding tokens: the same bits however they are cut into batches and shared among threads, and
//! refusals that change nothing.

use proptest::prelude::*;

use super::super::error::Error;
use super::super::isa::InstructionSet;
use super::super::model::{BATCH, CONTEXT, MAX_THREADS, VOCAB_SIZE};
use super::super::self_test::self_test;
use super::OnHeap;

fn bits(logits: &[f32]) -> Vec<u32> {
    // How a NaN is written down is the CPU's own business.
    let bits = |&logit: &f32| if logit.is_nan() { u32::MAX } else { logit.to_bits() };
    logits.iter().map(bits).collect()
}

/// The logits after each token, fed one by one.
fn one_by_one(tokens: &[u32]) -> Vec<Vec<u32>> {
    let mut session = OnHeap::new();
    session.set_threads(1);
    tokens.iter().map(|&token| bits(session.feed(&[token]).expect("it fits"))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_batch_no_thread_and_no_instruction_set_changes_a_bit(
        tokens in prop::collection::vec(0..VOCAB_SIZE as u32, 1..CONTEXT + 1),
        batch in 0..BATCH + 2,
        threads in 0..MAX_THREADS + 2,
    ) {
        let expected = one_by_one(&tokens);
        for set in InstructionSet::available() {
            let mut session = OnHeap::new();
            session.set_batch(batch);
            session.set_threads(threads);
            session.set_instruction_set(set).expect("it is available");
            prop_assert_eq!(session.instruction_set(), set);
            prop_assert_eq!(&bits(session.feed(&tokens).expect("it fits")), &expected[tokens.len() - 1]);
            prop_assert_eq!(session.position(), tokens.len());
            session.reset();
            let mut shown = Vec::new();
            session.feed_each(&tokens, |index, logits| shown.push((index, bits(logits)))).expect("it fits");
            prop_assert_eq!(session.position(), tokens.len());
            prop_assert!(shown.iter().map(|(index, _)| *index).eq(0..tokens.len()));
            prop_assert!(shown.iter().map(|(_, logits)| logits).eq(&expected));
        }
    }
}

#[test]
fn a_batch_beyond_the_greatest_is_the_greatest() {
    let mut session = OnHeap::new();
    session.set_batch(usize::MAX);
    session.set_threads(usize::MAX);
    assert!(session.feed(&vec![1; CONTEXT]).is_ok());
}

#[test]
fn an_instruction_set_that_the_cpu_lacks_is_refused() {
    let mut session = OnHeap::new();
    for set in InstructionSet::ALL {
        let before = session.instruction_set();
        let available = InstructionSet::available().any(|other| other == set);
        let refused = Err(Error::MissingInstructionSet(set.name()));
        assert_eq!(session.set_instruction_set(set), if available { Ok(()) } else { refused });
        assert_eq!(session.instruction_set(), if available { set } else { before });
    }
}

#[test]
fn refused_tokens_change_nothing() {
    let full = Error::ContextFull { context: CONTEXT };
    let invalid = VOCAB_SIZE as u32;
    for fed in [0, 1, CONTEXT - 1, CONTEXT] {
        let mut session = OnHeap::new();
        if fed > 0 {
            session.feed(&vec![3; fed]).expect("it fits");
        }
        let room = CONTEXT - fed;
        let mut refused = vec![
            (vec![], Error::EmptyPrompt),
            (vec![3; room + 1], full),
            (vec![invalid; room + 1], full),
        ];
        if room > 0 {
            let mut tokens = vec![3; room];
            tokens[room - 1] = invalid;
            refused.push((tokens, Error::InvalidToken(invalid)));
        }
        for (tokens, error) in refused {
            assert_eq!(session.feed(&tokens).map(|_| ()), Err(error));
            assert_eq!(session.feed_each(&tokens, |_, _| panic!("nothing was fed")), Err(error));
            assert_eq!(session.position(), fed);
        }
        if room > 0 {
            assert!(session.feed(&vec![invalid - 1; room]).is_ok());
        }
    }
}

#[test]
fn the_golden_run_has_the_bits_of_the_compiler() {
    let mut session = OnHeap::new();
    session.feed(&[1, 2, 3]).expect("it fits");
    let result = self_test(&mut session);
    assert!(result.passed() && result.hash == result.expected, "{result:?}");
    assert_eq!(session.position(), 0);
}

/// What grows with the model is elsewhere.
#[test]
fn a_session_needs_little_stack() {
    let run = || {
        let mut session = OnHeap::new();
        session.set_threads(1);
        assert!(self_test(&mut session).passed());
    };
    let thread = std::thread::Builder::new().stack_size(64 * 1024).spawn(run);
    thread.expect("a thread").join().expect("its stack suffices");
}
