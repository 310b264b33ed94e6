//! The instruction sets of this machine.

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
    ($($set:ident: $token:path),*) => {
        /// The fastest one.
        pub(crate) fn best() -> InstructionSet {
            $(
                if <$token>::new().is_some() {
                    return InstructionSet::$set;
                }
            )*
            InstructionSet::Scalar
        }

        /// Runs it; on scalar code if the machine lacks the instruction set, which
        /// changes no bit.
        pub(crate) fn with(set: InstructionSet, run: impl Run) {
            match set {
                $(
                    InstructionSet::$set => {
                        if let Some(isa) = <$token>::new() {
                            return run.run(isa);
                        }
                    }
                )*
                _ => {}
            }
            if let Some(isa) = Scalar::new() {
                run.run(isa);
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
sets! {
    Avx512Vnni: runtime_kernels::avx512_vnni::Avx512Vnni,
    Avx2: runtime_kernels::avx2::Avx2,
    Sse41: runtime_kernels::sse41::Sse41
}
#[cfg(target_arch = "aarch64")]
sets! {
    NeonDotprod: runtime_kernels::neon_dotprod::NeonDotprod,
    Neon: runtime_kernels::neon::Neon
}
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
sets! {}
