//! The instruction sets of this machine.

use runtime_kernels::Isa;
use runtime_kernels::scalar::Scalar;

use crate::profile::InstructionSet;

/// Something to run on an instruction set.
pub(super) trait Run {
    fn run<I: Isa>(self, isa: I);
}

#[cfg(target_arch = "x86_64")]
mod here {
    pub(super) use crate::profile::InstructionSet::{Avx2 as Best, Sse41 as Second};
    pub(super) use runtime_kernels::avx2::Avx2 as BestToken;
    pub(super) use runtime_kernels::sse41::Sse41 as SecondToken;
}

#[cfg(target_arch = "aarch64")]
mod here {
    pub(super) use crate::profile::InstructionSet::{Neon as Second, NeonDotprod as Best};
    pub(super) use runtime_kernels::neon::Neon as SecondToken;
    pub(super) use runtime_kernels::neon_dotprod::NeonDotprod as BestToken;
}

/// The fastest one.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) fn best() -> InstructionSet {
    if here::BestToken::new().is_some() {
        here::Best
    } else if here::SecondToken::new().is_some() {
        here::Second
    } else {
        InstructionSet::Scalar
    }
}

/// Runs it; on scalar code if the machine lacks the instruction set, which
/// changes no bit.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) fn with(instruction_set: InstructionSet, run: impl Run) {
    match (
        instruction_set,
        here::BestToken::new(),
        here::SecondToken::new(),
    ) {
        (here::Best, Some(isa), _) => run.run(isa),
        (here::Second, _, Some(isa)) => run.run(isa),
        _ => scalar(run),
    }
}

/// The fastest one.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn best() -> InstructionSet {
    InstructionSet::Scalar
}

/// Runs it.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn with(_: InstructionSet, run: impl Run) {
    scalar(run);
}

fn scalar(run: impl Run) {
    if let Some(isa) = Scalar::new() {
        run.run(isa);
    }
}
