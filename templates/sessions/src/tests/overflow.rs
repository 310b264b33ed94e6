//! Finite weights whose products are not.

use crate::overflow::model::MAX_THREADS;
use crate::overflow::options::Options;
use crate::overflow::session::Session;

#[test]
fn an_answer_obeys_the_schema_where_the_network_overflows() {
    let mut session = Session::new();
    let logits = session.feed(&[509, 3, 4]).expect("it fits");
    assert!(
        logits.iter().all(|logit| logit.is_nan()),
        "the network does not overflow"
    );
    for threads in [1, MAX_THREADS] {
        session.set_threads(threads);
        for temperature in [0.0, 1.0] {
            let options = Options {
                max_tokens: 20,
                temperature,
                ..Options::new()
            };
            let answer = session
                .complete("Once upon a time", &options)
                .expect("it fits");
            let value: serde_json::Value = serde_json::from_str(&answer.text).expect("JSON");
            assert!(value["a"].is_i64(), "{}", answer.text);
        }
    }
}
