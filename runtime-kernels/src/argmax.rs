//! The greedy choice.

/// The index of the greatest value, the first of equal ones; 0 if there is none.
pub fn argmax(logits: &[f32]) -> u32 {
    let (mut best, mut max) = (0, f32::NEG_INFINITY);
    for (i, &logit) in logits.iter().enumerate() {
        if logit > max {
            (best, max) = (i as u32, logit);
        }
    }
    best
}
