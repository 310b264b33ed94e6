//! Compares emitted crates with other runtimes, and writes `docs/performance.md` and its chart.
//!
//! `bench-peers [ROUNDS [ROWS]]`: 5 rounds unless told otherwise. With a part of rows' names, such as
//! `Q8_0 decode` or `Gemma 3`, only those, and nothing is written.

use tests::{Outcome, peers};

fn main() -> Outcome {
    let rounds = std::env::args().nth(1).map_or(5, |text| {
        text.parse()
            .ok()
            .filter(|&rounds| rounds > 0)
            .unwrap_or_else(|| {
                panic!("`{text}` is no number of rounds: bench-peers [ROUNDS [ROWS]]")
            })
    });
    let rows = std::env::args().nth(2);
    let comparison = peers::compare(rounds, rows.as_deref().unwrap_or_default())?;
    if rows.is_none() {
        peers::publish(&comparison);
    }
    Ok(())
}
