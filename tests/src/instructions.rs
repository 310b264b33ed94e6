//! Instructions that a program executes: a measure of speed that does not drift.

use std::process::Command;

use crate::{Program, run};

/// Instructions that one more decoded token costs, by the difference of two run lengths under
/// callgrind. `None` where it is missing.
pub fn per_token(program: &Program, isa: &str) -> Option<u64> {
    const LENGTHS: [u64; 2] = [8, 40];
    if !run::has("valgrind", "valgrind") {
        return None;
    }
    let [short, long] = LENGTHS.map(|tokens| {
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program.path())
            .args(["bench", "--isa", isa, "--threads", "1", "--iterations", "1"])
            .args(["--prompt-tokens", "1", "--tokens", &tokens.to_string()]);
        let output = run::output(&mut command);
        let report = String::from_utf8_lossy(&output.stderr);
        let count = report
            .lines()
            .find_map(|line| line.split_once("Collected :"))
            .and_then(|(_, count)| count.trim().parse::<u64>().ok());
        count.unwrap_or_else(|| panic!("{command:?}: {}\n{report}", output.status))
    });
    Some((long - short) / (LENGTHS[1] - LENGTHS[0]))
}
