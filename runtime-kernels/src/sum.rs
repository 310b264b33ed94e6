//! Sums of f32 in the one order.

use super::isa::Isa;

/// The sum of products in the one order of all f32 sums: lane `i` adds the elements
/// `i`, `i + 8`, `i + 16`, … in turn, then the lanes fold.
///
/// The slices are of equal length; a tail shorter than 8 counts as padded with zeros.
#[inline(always)]
#[allow(dead_code, reason = "a generated crate may need no squares")]
pub fn sum_of_products<I: Isa>(isa: I, a: &[f32], b: &[f32]) -> f32 {
    assert!(a.len() == b.len(), "sum_of_products: lengths");
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks(), b.as_chunks());
    let mut sum = isa.splat(0.0);
    for (a, b) in a.iter().zip(b) {
        sum = isa.add(sum, isa.mul(isa.load(a), isa.load(b)));
    }
    if !a_tail.is_empty() {
        let (a, b) = (isa.load(&padded(a_tail)), isa.load(&padded(b_tail)));
        sum = isa.add(sum, isa.mul(a, b));
    }
    isa.fold(sum)
}

/// The sum of values in the same order.
#[inline(always)]
#[allow(dead_code, reason = "a generated crate may need no mean")]
pub fn sum<I: Isa>(isa: I, values: &[f32]) -> f32 {
    let (chunks, tail) = values.as_chunks();
    let mut sum = isa.splat(0.0);
    for values in chunks {
        sum = isa.add(sum, isa.load(values));
    }
    if !tail.is_empty() {
        sum = isa.add(sum, isa.load(&padded(tail)));
    }
    isa.fold(sum)
}

/// The mean of values, and of the squares of their differences from it.
#[inline(always)]
#[allow(dead_code, reason = "a generated crate may need no mean")]
pub fn mean_and_variance<I: Isa>(isa: I, values: &[f32]) -> (f32, f32) {
    let mean = sum(isa, values) / values.len() as f32;
    let means = isa.splat(mean);
    let (chunks, tail) = values.as_chunks();
    let mut squares = isa.splat(0.0);
    for values in chunks {
        let d = isa.sub(isa.load(values), means);
        squares = isa.add(squares, isa.mul(d, d));
    }
    if !tail.is_empty() {
        let mut d = [0.0; 8];
        isa.store(isa.sub(isa.load(&padded(tail)), means), &mut d);
        d[tail.len()..].fill(0.0);
        let d = isa.load(&d);
        squares = isa.add(squares, isa.mul(d, d));
    }
    (mean, isa.fold(squares) / values.len() as f32)
}

/// Fewer than 8 values, and zeros.
#[inline(always)]
pub(crate) fn padded(tail: &[f32]) -> [f32; 8] {
    let mut lanes = [0.0; 8];
    for (lane, value) in lanes.iter_mut().zip(tail) {
        *lane = *value;
    }
    lanes
}
