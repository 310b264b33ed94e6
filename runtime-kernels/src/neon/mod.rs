//! AArch64 with NEON.

mod dot;
mod integers;
mod lanes;

use super::isa::{Isa, Kernel};

#[allow(unused_imports, reason = "for sets that may not be there")]
pub use integers::add_pairs;

/// A token that proves NEON, and so has the lanes of this folder.
///
/// # Safety
/// Its values exist only where the CPU has NEON.
pub unsafe trait HasNeon: Copy + Send + Sync + 'static {}

/// Proves that the CPU has NEON.
#[derive(Clone, Copy, Debug)]
pub struct Neon(());

impl Neon {
    /// The token, where the CPU (with feature `std`) or the target has the instructions.
    #[inline]
    pub fn new() -> Option<Self> {
        #[cfg(feature = "std")]
        let found = std::arch::is_aarch64_feature_detected!("neon");
        #[cfg(not(feature = "std"))]
        let found = cfg!(target_feature = "neon");
        found.then_some(Self(()))
    }
}

// SAFETY: `new` is the only way to a value.
unsafe impl HasNeon for Neon {}

impl Isa for Neon {
    const NAME: &'static str = "neon";
    const TOKENS: usize = 4;

    #[inline]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "neon")]
        fn run<K: Kernel>(isa: Neon, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        // SAFETY: the token proves that the CPU has NEON.
        unsafe { run(self, kernel) }
    }
}
