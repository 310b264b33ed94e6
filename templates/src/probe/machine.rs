//! What a machine has.

use std::env::consts::{ARCH, OS};
use std::format;
use std::fs;
use std::string::String;
use std::vec::Vec;

use super::super::kernels::{self, Isa};

/// The target triple of this program, as far as a program knows it.
pub(super) fn target() -> String {
    let arm = if cfg!(target_feature = "v7") {
        "armv7"
    } else {
        "arm"
    };
    let (arch, float) = match ARCH {
        "arm" => (arm, "eabihf"),
        "riscv64" => ("riscv64gc", ""),
        "x86" => ("i686", ""),
        arch => (arch, ""),
    };
    let c = if cfg!(target_env = "musl") {
        "musl"
    } else {
        "gnu"
    };
    match OS {
        "linux" => format!("{arch}-unknown-linux-{c}{float}"),
        "android" => format!("{arch}-linux-android"),
        "macos" => format!("{arch}-apple-darwin"),
        "windows" if cfg!(target_env = "gnu") => format!("{arch}-pc-windows-gnu"),
        "windows" => format!("{arch}-pc-windows-msvc"),
        os => format!("{arch}-unknown-{os}"),
    }
}

/// Threads that run at the same time, as many as a profile can have.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |threads| threads.get().min(256))
}

/// Bytes of RAM and of these available: Linux tells.
pub(super) fn ram() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        let number = line.split_whitespace().nth(1)?.parse::<u64>().ok()?;
        number.checked_mul(1024)
    };
    Some((field("MemTotal:")?, field("MemAvailable:")?))
}

/// A computation for whichever instruction set there is.
pub(super) trait Run {
    /// Runs it.
    fn run<I: Isa>(self, isa: I) -> f64;
}

macro_rules! sets {
    ($($module:ident::$token:ident in [$($arch:literal)?] $row:tt)*) => {
        /// Those of this architecture that this CPU has, best first.
        pub(super) fn instruction_sets() -> Vec<&'static str> {
            let mut sets = Vec::new();
            $($(
                #[cfg(target_arch = $arch)]
                if kernels::$token::new().is_some() {
                    sets.push(kernels::$token::NAME);
                }
            )?)*
            sets.reverse();
            sets
        }

        /// Runs it on the best one.
        pub(super) fn on_best(run: impl Run) -> f64 {
            match instruction_sets().first() {
                $($(
                    #[cfg(target_arch = $arch)]
                    Some(&name) if name == kernels::$token::NAME => {
                        kernels::$token::new().map_or(0.0, |isa| run.run(isa))
                    }
                )?)*
                _ => kernels::Scalar::new().map_or(0.0, |isa| run.run(isa)),
            }
        }
    };
}

crate::instruction_sets!(sets);
