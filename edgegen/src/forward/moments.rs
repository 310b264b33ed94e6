//! What a text shows of a matrix's inputs.

use super::dense::Dense;

/// How much the first position of a window counts, in positions. It is an attention sink: all others
/// look at it, and its residual stream is so large that it must not count by its size.
const FIRST: f32 = 20.0;

/// The second moments of an input, `[cols, cols]`.
pub(crate) fn moments(x: &Dense, window: usize) -> Dense {
    let square = |row: usize| x.row(row).iter().map(|v| v * v).sum::<f32>();
    let others = (0..x.rows).filter(|row| row % window != 0);
    let count = others.clone().count().max(1);
    let mean = others.map(square).sum::<f32>() / count as f32;
    let mut weighted = x.clone();
    for row in (0..x.rows).step_by(window) {
        let size = square(row);
        if size > 0.0 {
            let factor = (FIRST * mean / size).sqrt();
            for value in &mut weighted.values[row * x.cols..][..x.cols] {
                *value *= factor;
            }
        }
    }
    let transposed = weighted.transposed();
    transposed.times(&transposed)
}
