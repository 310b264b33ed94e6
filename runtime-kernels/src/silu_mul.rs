//! The gate of the feed-forward network.

use super::exp::exp;
use super::isa::{Isa, Kernel};

/// `out = silu(gate) * up` with `silu(g) = g / (1 + e^-g)` (Shazeer, "GLU Variants Improve
/// Transformer", 2020). All lengths are equal, and a multiple of 8.
pub struct SiluMul<'a> {
    /// The gate's projection.
    pub gate: &'a [f32],
    /// The other projection.
    pub up: &'a [f32],
    /// The product.
    pub out: &'a mut [f32],
}

impl Kernel for SiluMul<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let len = self.out.len();
        let equal = self.gate.len() == len && self.up.len() == len;
        assert!(equal && len.is_multiple_of(8), "silu_mul: lengths");
        let (gate, up, out) = (
            self.gate.as_chunks().0,
            self.up.as_chunks().0,
            self.out.as_chunks_mut().0,
        );
        for ((gate, up), out) in gate.iter().zip(up).zip(out) {
            let g = isa.load(gate);
            let e = exp(isa, isa.sub(isa.splat(0.0), g));
            let silu = isa.div(g, isa.add(isa.splat(1.0), e));
            isa.store(isa.mul(silu, isa.load(up)), out);
        }
    }
}
