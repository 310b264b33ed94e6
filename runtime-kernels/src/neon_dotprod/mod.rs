//! AArch64 with NEON and its dot product of bytes; the lanes are those of `neon`.

mod dot;

use super::isa::{Isa, Kernel};
use super::neon::{HasNeon, Neon};

/// Proves that the CPU has NEON and `sdot`.
#[derive(Clone, Copy, Debug)]
pub struct NeonDotprod(());

impl NeonDotprod {
    /// The token, where the CPU (with feature `std`) or the target has the instructions.
    #[inline]
    pub fn new() -> Option<Self> {
        #[cfg(feature = "std")]
        let found = std::arch::is_aarch64_feature_detected!("dotprod");
        #[cfg(not(feature = "std"))]
        let found = cfg!(target_feature = "dotprod");
        (Neon::new().is_some() && found).then_some(Self(()))
    }
}

// SAFETY: `new` is the only way to a value.
unsafe impl HasNeon for NeonDotprod {}

impl Isa for NeonDotprod {
    const NAME: &'static str = "neon-dotprod";
    const TOKENS: usize = 4;

    #[inline]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "neon,dotprod")]
        fn run<K: Kernel>(isa: NeonDotprod, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        // SAFETY: the token proves that the CPU has NEON and `sdot`.
        unsafe { run(self, kernel) }
    }
}
