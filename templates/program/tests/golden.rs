//! The same bits on every instruction set of this CPU, with any number of
//! threads, token by token and in batches.
#![cfg(feature = "std")]

use {{crate}} as model;

use model::{
    BATCH, CONTEXT, InstructionSet, MAX_THREADS, Session, VOCAB_SIZE, golden_token, self_test,
};

#[test]
fn every_way_gives_the_golden_bits() {
    {{session}}
    for set in InstructionSet::available() {
        session.set_instruction_set(set).expect("it is available");
        for threads in [1, MAX_THREADS.min(2)] {
            session.set_threads(threads);
            for batch in [1, BATCH] {
                session.set_batch(batch);
                let result = self_test(&mut session);
                assert!(
                    result.passed(),
                    "{}, {threads} threads, batches of {batch}: {result:?}",
                    set.name()
                );
            }
        }
    }
}

#[test]
fn a_session_goes_on_where_it_was() {
    if CONTEXT == 1 {
        return; // There is nothing to go on with.
    }
    {{session}}
    let tokens: Vec<u32> = (0..CONTEXT.min(13))
        .map(|index| golden_token(index, VOCAB_SIZE))
        .collect();
    let (before, after) = tokens.split_at(tokens.len() / 2);
    macro_rules! bits_after {
        () => {{
            let logits = session.feed(after).expect("there is room");
            let bits = logits.iter().map(|logit| logit.to_bits());
            bits.collect::<Vec<u32>>()
        }};
    }
    session.feed(before).expect("there is room");
    let mut saved = vec![0; session.saved_bytes()];
    session.save(&mut saved).expect("there is room");
    let expected = bits_after!();

    session.truncate(before.len());
    assert_eq!(bits_after!(), expected);

    session.reset();
    session.feed(after).expect("there is room");
    session.restore(&saved).expect("the session's own state");
    assert_eq!(session.position(), before.len());
    assert_eq!(bits_after!(), expected);
}
