//! Log-softmax over logits: sums in f64 in the order of the ids, `exp` and `log` of `libm`, so
//! that every machine computes the same figures.

/// The logarithm of the sum of the logits' exponentials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LogSum(f64);

impl LogSum {
    /// The negative log-likelihood of the token with this logit, in nats.
    pub(super) fn nats(self, logit: f32) -> f64 {
        self.0 - f64::from(logit)
    }
}

/// Two predictions of one token.
pub(super) struct Comparison {
    pub(super) reference: LogSum,
    pub(super) candidate: LogSum,
    /// KL(reference ‖ candidate), in nats.
    pub(super) divergence: f64,
    /// Whether the most probable token is the same; of equals it is the first.
    pub(super) same: bool,
}

/// The sum over one prediction, `[vocab_size]`.
pub(super) fn log_sum(logits: &[f32]) -> LogSum {
    let max = f64::from(logits[best(logits)]);
    let sum: f64 = logits.iter().map(|&x| libm::exp(f64::from(x) - max)).sum();
    LogSum(max + libm::log(sum))
}

/// KL(reference ‖ candidate) of two predictions, `[vocab_size]` logits each, in nats.
pub fn divergence(reference: &[f32], candidate: &[f32]) -> f64 {
    compare(reference, candidate).divergence
}

/// Compares two predictions, `[vocab_size]` each.
pub(super) fn compare(reference: &[f32], candidate: &[f32]) -> Comparison {
    let best = [best(reference), best(candidate)];
    let max = [reference[best[0]], candidate[best[1]]].map(f64::from);
    let (mut sums, mut weighted) = ([0.0; 2], 0.0);
    for (&p, &q) in reference.iter().zip(candidate) {
        let (p, q) = (f64::from(p) - max[0], f64::from(q) - max[1]);
        let weight = libm::exp(p);
        sums[0] += weight;
        sums[1] += libm::exp(q);
        weighted += weight * (p - q);
    }
    let logs = sums.map(libm::log);
    Comparison {
        reference: LogSum(max[0] + logs[0]),
        candidate: LogSum(max[1] + logs[1]),
        divergence: weighted / sums[0] - logs[0] + logs[1],
        same: best[0] == best[1],
    }
}

fn best(logits: &[f32]) -> usize {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = id;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_divergence_is_that_of_the_definition() {
        // Probabilities 1/2, 1/4, 1/4 and 1/4, 1/2, 1/4, with logits far from zero.
        let p = [0.5f32, 0.25, 0.25].map(|p| 90.0 + p.ln());
        let q = [0.25f32, 0.5, 0.25].map(|q| q.ln() - 700.0);
        let found = compare(&p, &q);
        let expected = 0.5 * 2.0f64.ln() + 0.25 * 0.5f64.ln();
        // f32 logits near 700 have steps of 6e-5.
        assert!((found.divergence - expected).abs() < 1e-4);
        assert!((found.candidate.nats(q[1]) - 2.0f64.ln()).abs() < 1e-4);
        assert!((log_sum(&p).nats(p[0]) - 2.0f64.ln()).abs() < 1e-5);
        assert!(!found.same);
    }

    #[test]
    fn equal_predictions_do_not_diverge() {
        let p = [3.0f32, -1e30, 7.5, 7.5];
        let found = compare(&p, &p);
        assert_eq!(found.divergence, 0.0);
        assert!(found.same);
        assert_eq!(found.reference, found.candidate);
        assert_eq!(found.reference, log_sum(&p));
    }
}
