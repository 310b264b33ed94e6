//! x86-64 with AVX2 and F16C.

mod dot;
mod integers;
mod lanes;

use super::isa::{Isa, Kernel};

/// A token that proves AVX2 and F16C, and so has the lanes of this folder.
///
/// # Safety
/// Its values exist only where the CPU has AVX2 and F16C.
pub unsafe trait HasAvx2: Copy + Send + Sync + 'static {}

/// Proves that the CPU has AVX2 and F16C.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Avx2 {
    /// The token, where the CPU (with feature `std`) or the target has the instructions.
    #[inline]
    pub fn new() -> Option<Self> {
        #[cfg(feature = "std")]
        let found = std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("f16c");
        #[cfg(not(feature = "std"))]
        let found = cfg!(all(target_feature = "avx2", target_feature = "f16c"));
        found.then_some(Self(()))
    }
}

// SAFETY: `new` is the only way to a value.
unsafe impl HasAvx2 for Avx2 {}

impl Isa for Avx2 {
    const NAME: &'static str = "avx2";
    const TOKENS: usize = 8;

    #[inline]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // Never fma: a fused multiplication and addition rounds once, not twice.
        #[target_feature(enable = "avx2,f16c")]
        fn run<K: Kernel>(isa: Avx2, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        // SAFETY: the token proves that the CPU has AVX2 and F16C.
        unsafe { run(self, kernel) }
    }
}
