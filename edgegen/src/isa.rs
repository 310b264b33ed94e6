//! The instruction sets of this machine.
//!
//! Whatever runs on one is compiled for all, which is most of what is compiled here: unit tests have
//! scalar code alone.

use runtime_kernels::scalar::Scalar;
use runtime_kernels::{Isa, Kernel};

use crate::profile::InstructionSet;

/// Something to run on an instruction set.
pub(crate) trait Run {
    fn run<I: Isa>(self, isa: I);
}

/// Runs a kernel on the fastest instruction set.
pub(crate) fn run<K: Kernel>(kernel: K) {
    struct Of<K>(K);
    impl<K: Kernel> Run for Of<K> {
        fn run<I: Isa>(self, isa: I) {
            isa.run(self.0);
        }
    }
    with(best(), Of(kernel));
}

macro_rules! sets {
    ($($module:ident::$token:ident in [$($arch:literal)?] $row:tt)*) => {
        /// The fastest one.
        pub(crate) fn best() -> InstructionSet {
            #[allow(unused_mut, reason = "scalar code may be all")]
            let mut best = InstructionSet::Scalar;
            $(
                #[cfg(all(not(test), any($(target_arch = $arch)?)))]
                if runtime_kernels::$module::$token::new().is_some() {
                    best = InstructionSet::$token;
                }
            )*
            best
        }

        /// Runs it; on scalar code if the machine lacks the instruction set, which
        /// changes no bit.
        pub(crate) fn with(set: InstructionSet, run: impl Run) {
            match set {
                $(
                    #[cfg(all(not(test), any($(target_arch = $arch)?)))]
                    InstructionSet::$token => {
                        if let Some(isa) = runtime_kernels::$module::$token::new() {
                            return run.run(isa);
                        }
                    }
                )*
                #[allow(unreachable_patterns, reason = "one architecture may have them all")]
                _ => {}
            }
            if let Some(isa) = Scalar::new() {
                run.run(isa);
            }
        }
    };
}

runtime_kernels::instruction_sets!(sets);
