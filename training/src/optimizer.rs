//! The optimizer: Muon for the layers' matrices (Jordan et al. 2024, "Muon: An optimizer for
//! hidden layers in neural networks"), AdamW for the embedding and the norms.

use anyhow::{Context, Result, anyhow};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use candle_nn::{AdamW, Optimizer as _, ParamsAdamW};

const MOMENTUM: f64 = 0.95;
const MUON_RATE: f64 = 0.02;
const MUON_DECAY: f64 = 0.02;
const ADAM_RATE: f64 = 3e-3;

/// The state of training beside the weights.
pub struct Optimizer {
    matrices: Vec<(Var, Tensor)>,
    adam: AdamW,
}

impl Optimizer {
    /// An optimizer for weights by their names.
    ///
    /// # Errors
    /// If candle fails.
    pub fn new(vars: &[(String, Var)]) -> Result<Self> {
        let (matrices, rest): (Vec<_>, Vec<_>) = vars
            .iter()
            .partition(|(name, var)| name.contains("layers") && var.rank() == 2);
        let settings = ParamsAdamW {
            lr: ADAM_RATE,
            beta1: 0.9,
            beta2: 0.98,
            eps: 1e-8,
            weight_decay: 0.0,
        };
        Ok(Self {
            matrices: matrices
                .into_iter()
                .map(|(_, var)| Ok((var.clone(), var.zeros_like()?)))
                .collect::<Result<_>>()?,
            adam: AdamW::new(
                rest.into_iter().map(|(_, var)| var.clone()).collect(),
                settings,
            )?,
        })
    }

    /// Changes the weights; `rate` scales the learning rates, 1 at most.
    ///
    /// # Errors
    /// If candle fails.
    pub fn step(&mut self, grads: &GradStore, rate: f64) -> Result<()> {
        self.adam.set_learning_rate(ADAM_RATE * rate);
        self.adam.step(grads)?;
        let half = self.matrices.len() / 2;
        let (first, second) = self.matrices.split_at_mut(half);
        std::thread::scope(|scope| {
            let threads = [first, second].map(|part| scope.spawn(move || muon(part, grads, rate)));
            threads.map(|thread| {
                thread
                    .join()
                    .map_err(|_| anyhow!("a thread of the optimizer failed"))?
            })
        })
        .into_iter()
        .collect()
    }
}

fn muon(matrices: &mut [(Var, Tensor)], grads: &GradStore, rate: f64) -> Result<()> {
    for (var, momentum) in matrices {
        let grad = grads.get(var).context("every weight has a gradient")?;
        *momentum = ((&*momentum * MOMENTUM)? + grad)?.detach();
        let look_ahead = ((&*momentum * MOMENTUM)? + grad)?;
        let (rows, cols) = var.dims2()?;
        let scale = (rows as f64 / cols as f64).max(1.0).sqrt() * MUON_RATE * rate;
        let kept = (var.as_tensor() * (1.0 - MUON_RATE * rate * MUON_DECAY))?;
        var.set(&(kept - (orthogonal(&look_ahead)? * scale)?)?)?;
    }
    Ok(())
}

/// About the nearest orthogonal matrix, by five steps of a Newton–Schulz iteration.
fn orthogonal(matrix: &Tensor) -> Result<Tensor> {
    let (rows, cols) = matrix.dims2()?;
    let wide = if rows > cols {
        matrix.t()?.contiguous()?
    } else {
        matrix.clone()
    };
    let norm = f64::from(wide.sqr()?.sum_all()?.to_scalar::<f32>()?).sqrt();
    let mut x = (wide / (norm + 1e-7))?;
    for _ in 0..5 {
        let a = x.matmul(&x.t()?)?;
        let b = ((&a * -4.7750)? + (a.matmul(&a)? * 2.0315)?)?;
        x = ((&x * 3.4445)? + b.matmul(&x)?)?;
    }
    Ok(if rows > cols { x.t()?.contiguous()? } else { x })
}
