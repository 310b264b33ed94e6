//! The golden run: fixed tokens, and a hash of every stage.

use edgegen_templates::golden::{GOLDEN_TOKENS, golden_token};
use runtime_kernels::BitHash;

use crate::error::{Error, Result};
use crate::program::{Golden, Program};

use super::{Interpreter, Observer};

/// Hashes a run over the golden tokens.
///
/// # Errors
///
/// When a logit or the square of a residual is not finite: the weights overflow f32.
pub fn golden(program: &Program, threads: usize) -> Result<Golden> {
    let shapes = program.shapes();
    let tokens: Vec<u32> = (0..GOLDEN_TOKENS.min(shapes.context))
        .map(|index| golden_token(index, shapes.vocab_size))
        .collect();
    let mut hashes = Hashes {
        stages: vec![BitHash::new(); shapes.num_hidden_layers + 1],
        logits: BitHash::new(),
        finite: true,
    };
    Interpreter::new(program, threads).feed(&tokens, &mut hashes);
    if !hashes.finite {
        return Err(Error::overflow());
    }
    Ok(Golden {
        stages: hashes.stages.into_iter().map(BitHash::finish).collect(),
        logits: hashes.logits.finish(),
    })
}

struct Hashes {
    stages: Vec<BitHash>,
    logits: BitHash,
    finite: bool,
}

impl Observer for Hashes {
    fn stage(&mut self, stage: usize, residual: &[f32]) {
        self.stages[stage].update(residual);
        // Of an infinite sum of squares, RMSNorm makes zeros.
        self.finite &= residual.iter().map(|x| x * x).sum::<f32>().is_finite();
    }

    fn logits(&mut self, logits: &[f32]) {
        self.logits.update(logits);
        self.finite &= logits.iter().all(|logit| logit.is_finite());
    }
}
