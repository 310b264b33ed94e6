//! x86-64 with SSE4.1.

mod dot;
mod integers;
mod lanes;

use super::isa::{Isa, Kernel};

/// Proves that the CPU has SSE4.1.
#[derive(Clone, Copy, Debug)]
pub struct Sse41(());

impl Sse41 {
    /// The token, where the CPU (with feature `std`) or the target has the instructions.
    #[inline]
    pub fn new() -> Option<Self> {
        #[cfg(feature = "std")]
        let found = std::arch::is_x86_feature_detected!("sse4.1");
        #[cfg(not(feature = "std"))]
        let found = cfg!(target_feature = "sse4.1");
        found.then_some(Self(()))
    }
}

impl Isa for Sse41 {
    const NAME: &'static str = "sse4.1";
    const TOKENS: usize = 4;

    #[inline]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "sse4.1")]
        fn run<K: Kernel>(isa: Sse41, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        // SAFETY: the token proves that the CPU has SSE4.1.
        unsafe { run(self, kernel) }
    }
}
