//! AArch64 with NEON and its products of 8-bit matrices; the lanes are those of `neon`, and a
//! token alone is computed as by `neon_dotprod`.

mod dot;

use super::isa::{Isa, Kernel};
use super::neon::HasNeon;
use super::neon_dotprod::NeonDotprod;

/// Proves that the CPU has NEON, `sdot` and `smmla`.
#[derive(Clone, Copy, Debug)]
pub struct NeonI8mm(NeonDotprod);

impl NeonI8mm {
    /// The token, where the CPU (with feature `std`) or the target has the instructions.
    #[inline]
    pub fn new() -> Option<Self> {
        #[cfg(feature = "std")]
        let found = std::arch::is_aarch64_feature_detected!("i8mm");
        #[cfg(not(feature = "std"))]
        let found = cfg!(target_feature = "i8mm");
        NeonDotprod::new().filter(|_| found).map(Self)
    }
}

// SAFETY: `new` is the only way to a value.
unsafe impl HasNeon for NeonI8mm {}

impl Isa for NeonI8mm {
    const NAME: &'static str = "neon-i8mm";
    const TOKENS: usize = 4;

    #[inline]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "neon,dotprod,i8mm")]
        fn run<K: Kernel>(isa: NeonI8mm, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        // SAFETY: the token proves that the CPU has NEON, `sdot` and `smmla`.
        unsafe { run(self, kernel) }
    }
}
