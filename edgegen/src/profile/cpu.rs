//! CPUs by name, and what they have.

use super::{InstructionSet, Profile};
use crate::error::{Error, Kind, Remedy, Result};

/// The compiler's names, and the best set that every such CPU has.
pub(super) const CPUS: [(&str, InstructionSet); 9] = [
    ("cortex-a53", InstructionSet::Neon),
    ("cortex-a72", InstructionSet::Neon),
    ("cortex-a76", InstructionSet::NeonDotprod),
    ("cortex-a710", InstructionSet::NeonI8mm),
    ("apple-a15", InstructionSet::NeonI8mm),
    ("x86-64-v2", InstructionSet::Sse41),
    ("x86-64-v3", InstructionSet::Avx2),
    ("icelake-server", InstructionSet::Avx512Vnni),
    ("znver4", InstructionSet::Avx512Vnni),
];

impl Profile {
    /// The profile of its devices with that CPU: one instruction set, and no choice at start.
    ///
    /// # Errors
    ///
    /// The CPU is unknown, or none of the target's architecture.
    pub fn for_cpu(self, cpu: &str) -> Result<Self> {
        let known = || CPUS.into_iter().filter(|(_, set)| set.fits(&self.target));
        let Some((_, baseline)) = known().find(|(name, _)| *name == cpu) else {
            let names: Vec<&str> = known().map(|(name, _)| name).collect();
            let error = Error::of(
                Kind::Option,
                format!("no CPU `{cpu}` is known for `{}`", self.target),
            );
            return Err(if names.is_empty() {
                error.remedy("leave the CPU out: that target's kernels run on each of its CPUs")
            } else {
                let all = format!("known there: {}", names.join(", "));
                error.remedy(Remedy::similar(cpu, &names, all))
            });
        };
        Ok(Self {
            baseline,
            optional: Vec::new(),
            ..self
        })
    }
}
