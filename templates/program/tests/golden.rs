//! The same bits on every instruction set of this CPU, with any number of
//! threads, token by token and in batches.
#![cfg(feature = "std")]

use {{crate}} as model;

use model::{BATCH, InstructionSet, MAX_THREADS, Session, self_test};

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
