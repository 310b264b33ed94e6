//! Compares emitted crates with other runtimes, and writes `docs/performance.md` and its chart.
//!
//! `bench-peers [ROUNDS]`: 5 rounds unless told otherwise.

use tests::peers;

fn main() {
    let rounds = std::env::args().nth(1).map_or(5, |text| {
        text.parse()
            .ok()
            .filter(|&rounds| rounds > 0)
            .unwrap_or_else(|| panic!("`{text}` is no number of rounds: bench-peers [ROUNDS]"))
    });
    if let Some(comparison) = peers::compare(rounds) {
        peers::publish(&comparison);
    }
}
