//! Positions.

use super::bytes::array;
use super::isa::{Isa, Kernel};
use super::shape::Dim;

/// Rotary position embedding of one token's heads (Su et al., "RoFormer", 2021), with the pairs
/// `(i, i + half)` of a head, as Hugging Face lays them out.
///
/// The elements from `2 * half` on stay as they are.
pub struct Rope<'a, H: Dim, D: Dim, P: Dim> {
    /// `[heads][head_dim]`.
    pub x: &'a mut [f32],
    /// Number of heads.
    pub heads: H,
    /// Elements of a head.
    pub head_dim: D,
    /// Rotated pairs of a head.
    pub half: P,
    /// `half` cosines of this position, then `half` sines: little-endian f32.
    pub table: &'a [u8],
}

impl<H: Dim, D: Dim, P: Dim> Kernel for Rope<'_, H, D, P> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let (head_dim, half) = (self.head_dim.get(), self.half.get());
        assert!(self.table.len() == 8 * half, "rope: length of the table");
        let (cos, sin) = self.table.split_at(4 * half);
        for head in self.x[..self.heads.get() * head_dim].chunks_exact_mut(head_dim) {
            let (a, b) = head[..2 * half].split_at_mut(half);
            rotate(isa, a, b, cos, sin);
        }
    }
}

#[inline(always)]
fn rotate<I: Isa>(isa: I, a: &mut [f32], b: &mut [f32], cos: &[u8], sin: &[u8]) {
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks_mut(), b.as_chunks_mut());
    let ((cos, cos_tail), (sin, sin_tail)) = (cos.as_chunks(), sin.as_chunks());
    for (((a, b), cos), sin) in a.iter_mut().zip(b).zip(cos).zip(sin) {
        let (va, vb) = (isa.load(a), isa.load(b));
        let (cos, sin) = (isa.load_bytes(cos), isa.load_bytes(sin));
        isa.store(isa.sub(isa.mul(va, cos), isa.mul(vb, sin)), a);
        isa.store(isa.add(isa.mul(va, sin), isa.mul(vb, cos)), b);
    }
    for (i, (a, b)) in a_tail.iter_mut().zip(b_tail).enumerate() {
        let cos = f32::from_le_bytes(*array(cos_tail, 4 * i));
        let sin = f32::from_le_bytes(*array(sin_tail, 4 * i));
        (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
    }
}
