//! x86-64 with AVX-512's dot product of bytes; the lanes are those of `avx2`.

mod dot;

use super::avx2::{Avx2, HasAvx2};
use super::isa::{Isa, Kernel};

/// Proves that the CPU has AVX2, F16C, and the VNNI instructions on 256-bit registers.
#[derive(Clone, Copy, Debug)]
pub struct Avx512Vnni(());

impl Avx512Vnni {
    /// The token, where the CPU (with feature `std`) or the target has the instructions.
    #[inline]
    pub fn new() -> Option<Self> {
        #[cfg(feature = "std")]
        let found = std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("avx512vnni");
        #[cfg(not(feature = "std"))]
        let found = cfg!(all(
            target_feature = "avx512vl",
            target_feature = "avx512vnni"
        ));
        (Avx2::new().is_some() && found).then_some(Self(()))
    }
}

// SAFETY: `new` is the only way to a value.
unsafe impl HasAvx2 for Avx512Vnni {}

impl Isa for Avx512Vnni {
    const NAME: &'static str = "avx512-vnni";
    const TOKENS: usize = 8;

    #[inline]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // The compiler fuses no multiplication with an addition by itself.
        #[target_feature(enable = "avx2,f16c,avx512vl,avx512vnni")]
        fn run<K: Kernel>(isa: Avx512Vnni, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        // SAFETY: the token proves that the CPU has the features.
        unsafe { run(self, kernel) }
    }
}
