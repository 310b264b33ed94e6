//! What the machine that it runs on has and how fast it is, as a platform profile.
//!
//! `edgegen profile` runs this; `edgegen profile --emit-probe` writes it, with the kernels, as a
//! crate of its own, for devices that edgegen does not run on.

mod machine;
mod speed;

use std::fmt::Write;
use std::format;
use std::string::String;
use std::vec::Vec;

/// A machine, measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Rust's target triple.
    pub target: String,
    /// Instruction sets that there are kernels for, best first; none but plain Rust, if empty.
    pub instruction_sets: Vec<&'static str>,
    /// Threads that run at the same time.
    pub threads: usize,
    /// Bytes of RAM and of these available, where the system tells.
    pub ram: Option<(u64, u64)>,
    /// Bytes per second that one thread reads.
    pub one_thread_bandwidth: u64,
    /// Bytes per second that all threads read together.
    pub read_bandwidth: u64,
    /// Multiply-adds per second of all threads with weights of 4 bits in the cache.
    pub int8_rate: u64,
}

impl Machine {
    /// Measures this machine, in a few seconds.
    pub fn measure() -> Self {
        let threads = machine::threads();
        let ram = machine::ram();
        let memory = speed::Memory::new(ram.map(|(_, available)| available));
        Self {
            target: machine::target(),
            instruction_sets: machine::instruction_sets(),
            threads,
            ram,
            one_thread_bandwidth: memory.bandwidth(1),
            read_bandwidth: memory.bandwidth(threads),
            int8_rate: speed::int8_rate(threads),
        }
    }

    /// The profile's file.
    pub fn profile(&self, name: &str) -> String {
        let (baseline, optional) = match self.instruction_sets.split_last() {
            Some((baseline, optional)) => (*baseline, optional),
            None => ("scalar", &[][..]),
        };
        let mut text = format!(
            "name = \"{name}\"\n\
             description = \"Measured by `edgegen profile`\"\n\
             target = \"{}\"\n\
             std = true\n\
             baseline = \"{baseline}\"\n\
             optional = {optional:?}\n\
             number_types = [\"int4\", \"int8\", \"f16\", \"f32\"]\n\
             default_context = 2048\n\
             batch = 64\n\
             threads = {}\n",
            self.target, self.threads
        );
        if let Some((total, available)) = self.ram {
            let _ = write!(
                text,
                "\n[memory]\n\
                 device_ram = \"{total} B\"\n\
                 # What was in use when it was measured.\n\
                 os_overhead = {:.2}\n\
                 safety_margin = 0.1\n",
                overhead(total, available)
            );
        }
        let _ = write!(
            text,
            "\n[speed]\n\
             # One thread: {}.\n\
             read_bandwidth = \"{}\"\n\
             int8_rate = {}\n",
            bandwidth(self.one_thread_bandwidth),
            bandwidth(self.read_bandwidth),
            self.int8_rate
        );
        text
    }
}

/// The share of the RAM that is in use, in whole percents; a profile must leave some.
fn overhead(total: u64, available: u64) -> f64 {
    let used = total.saturating_sub(available) as f64;
    (used / total as f64 * 100.0).ceil().min(85.0) / 100.0
}

/// A speed as a profile writes it.
fn bandwidth(bytes: u64) -> String {
    if bytes >= 1_000_000_000 {
        format!("{:.1} GB/s", bytes as f64 / 1e9)
    } else {
        format!("{} KB/s", (bytes / 1000).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn machine() -> Machine {
        Machine {
            target: "x86_64-unknown-linux-gnu".into(),
            instruction_sets: vec!["avx2", "sse4.1"],
            threads: 4,
            ram: Some((1_000_000, 745_001)),
            one_thread_bandwidth: 999_999_999,
            read_bandwidth: 1_250_000_000,
            int8_rate: 7,
        }
    }

    #[test]
    fn a_profile_in_full() {
        assert_eq!(
            machine().profile("mine"),
            "name = \"mine\"\n\
             description = \"Measured by `edgegen profile`\"\n\
             target = \"x86_64-unknown-linux-gnu\"\n\
             std = true\n\
             baseline = \"sse4.1\"\n\
             optional = [\"avx2\"]\n\
             number_types = [\"int4\", \"int8\", \"f16\", \"f32\"]\n\
             default_context = 2048\n\
             batch = 64\n\
             threads = 4\n\
             \n\
             [memory]\n\
             device_ram = \"1000000 B\"\n\
             # What was in use when it was measured.\n\
             os_overhead = 0.26\n\
             safety_margin = 0.1\n\
             \n\
             [speed]\n\
             # One thread: 999999 KB/s.\n\
             read_bandwidth = \"1.2 GB/s\"\n\
             int8_rate = 7\n"
        );
    }

    #[test]
    fn what_is_unknown_is_left_out() {
        let unknown = Machine {
            instruction_sets: vec![],
            ram: None,
            ..machine()
        };
        let text = unknown.profile("mine");
        assert!(text.contains("baseline = \"scalar\"\noptional = []\n"));
        assert!(!text.contains("[memory]"));
    }

    #[test]
    fn a_full_machine_leaves_some() {
        assert_eq!(overhead(100, 0), 0.85);
        assert_eq!(overhead(100, 200), 0.0);
    }
}
