//! WebAssembly with the 128-bit SIMD of its standard; nothing of relaxed SIMD, whose results
//! depend on the machine.

mod dot;
mod integers;
mod lanes;

use super::isa::{Isa, Kernel};

/// Proves that the module may use SIMD: an engine refuses a module that it cannot run.
#[derive(Clone, Copy, Debug)]
pub struct Simd128(());

impl Simd128 {
    /// The token, where the module is compiled with `simd128`.
    #[inline]
    pub fn new() -> Option<Self> {
        cfg!(target_feature = "simd128").then_some(Self(()))
    }
}

impl Isa for Simd128 {
    const NAME: &'static str = "simd128";
    const TOKENS: usize = 4;

    #[inline]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "simd128")]
        fn run<K: Kernel>(isa: Simd128, kernel: K) -> K::Output {
            kernel.run(isa)
        }
        run(self, kernel)
    }
}
