//! Rows side by side, a SIMD lane each.

/// Rows that are encoded together.
pub(super) const LANES: usize = 8;

/// A value of each row.
pub(super) type Lanes = [f32; LANES];

/// Later columns make good their shares of an error.
#[inline(always)]
pub(super) fn spread(error: Lanes, shares: &[f32], targets: &mut [Lanes]) {
    for (target, share) in targets.iter_mut().zip(shares) {
        for (target, error) in target.iter_mut().zip(error) {
            *target += error * share;
        }
    }
}
