//! The architecture `llama` in candle, for training.

use std::collections::HashMap;

use anyhow::Result;
use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::ops::{rms_norm_slow, softmax};
use candle_nn::rotary_emb::rope_slow;
use rand::{RngExt, SeedableRng};

use crate::quantize::fake_q4;
use crate::random::Rng;
use crate::vocabulary::VOCAB_SIZE;

/// Width of the residual stream.
pub const HIDDEN: usize = 128;
/// Width of the feed-forward layer.
pub const INTERMEDIATE: usize = 384;
/// Layers.
pub const LAYERS: usize = 5;
/// Query heads.
pub const HEADS: usize = 4;
/// Key and value heads.
pub const KV_HEADS: usize = 2;
/// Width of a head.
pub const HEAD_DIM: usize = HIDDEN / HEADS;
/// Positions.
pub const CONTEXT: usize = 112;
/// Base of RoPE.
pub const ROPE_THETA: f64 = 10_000.0;
/// Added to the mean square.
pub const EPSILON: f32 = 1e-5;

/// The trainable weights, by Hugging Face's names, in a fixed order.
pub struct Weights {
    /// Name and weights; matrices are `[out, in]`.
    pub vars: Vec<(String, Var)>,
}

impl Weights {
    /// Random weights.
    ///
    /// # Errors
    /// If candle fails.
    pub fn new(seed: u64) -> Result<Self> {
        let mut rng = Rng::seed_from_u64(seed);
        let mut vars = Vec::new();
        let residual = 0.04 / (2.0 * LAYERS as f32).sqrt();
        let mut matrix = |name: String, rows: usize, cols: usize, scale: f32| -> Result<()> {
            // The sum of twelve uniform numbers is close to a normal one, on every machine.
            let normal = |rng: &mut Rng| (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0;
            let values: Vec<f32> = (0..rows * cols).map(|_| scale * normal(&mut rng)).collect();
            vars.push((name, Var::from_vec(values, (rows, cols), &Device::Cpu)?));
            Ok(())
        };
        matrix("model.embed_tokens.weight".into(), VOCAB_SIZE, HIDDEN, 0.04)?;
        for layer in 0..LAYERS {
            let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
            matrix(name("self_attn.q_proj"), HEADS * HEAD_DIM, HIDDEN, 0.06)?;
            matrix(name("self_attn.k_proj"), KV_HEADS * HEAD_DIM, HIDDEN, 0.06)?;
            matrix(name("self_attn.v_proj"), KV_HEADS * HEAD_DIM, HIDDEN, 0.06)?;
            matrix(name("self_attn.o_proj"), HIDDEN, HEADS * HEAD_DIM, residual)?;
            matrix(name("mlp.gate_proj"), INTERMEDIATE, HIDDEN, 0.06)?;
            matrix(name("mlp.up_proj"), INTERMEDIATE, HIDDEN, 0.06)?;
            matrix(name("mlp.down_proj"), HIDDEN, INTERMEDIATE, residual)?;
        }
        let norms = (0..LAYERS).flat_map(|layer| {
            ["input_layernorm", "post_attention_layernorm"]
                .map(|part| format!("model.layers.{layer}.{part}.weight"))
        });
        for name in norms.chain(["model.norm.weight".to_owned()]) {
            vars.push((name, Var::ones(HIDDEN, DType::F32, &Device::Cpu)?));
        }
        Ok(Self { vars })
    }

    /// The weights to compute with: as they are, or rounded to what q4 holds,
    /// with the gradient going to the weights themselves.
    ///
    /// # Errors
    /// If candle fails.
    pub fn tensors(&self, q4: bool) -> Result<HashMap<&str, Tensor>> {
        self.vars
            .iter()
            .map(|(name, var)| {
                let tensor = var.as_tensor();
                let tensor = match q4 && tensor.rank() == 2 {
                    true => (tensor + fake_q4(tensor)?.sub(tensor)?.detach())?,
                    false => tensor.clone(),
                };
                Ok((name.as_str(), tensor))
            })
            .collect()
    }
}

/// Tables that no weight changes.
pub struct Tables {
    cos: Tensor,
    sin: Tensor,
}

impl Tables {
    /// RoPE's cosines and sines.
    ///
    /// # Errors
    /// If candle fails.
    pub fn new() -> Result<Self> {
        let angles: Vec<f32> = (0..CONTEXT)
            .flat_map(|position| {
                (0..HEAD_DIM / 2).map(move |pair| {
                    (position as f64 * ROPE_THETA.powf(-2.0 * pair as f64 / HEAD_DIM as f64)) as f32
                })
            })
            .collect();
        let angles = Tensor::from_vec(angles, (CONTEXT, HEAD_DIM / 2), &Device::Cpu)?;
        Ok(Self {
            cos: angles.cos()?,
            sin: angles.sin()?,
        })
    }
}

/// The residual stream after the last norm at some flat positions, `[positions, HIDDEN]`, of
/// tokens `[sequences, length]`.
///
/// # Errors
/// If candle fails.
pub fn forward(
    weights: &HashMap<&str, Tensor>,
    tables: &Tables,
    tokens: &Tensor,
    positions: &Tensor,
) -> Result<Tensor> {
    let (sequences, length) = tokens.dims2()?;
    let cos = tables.cos.narrow(0, 0, length)?;
    let sin = tables.sin.narrow(0, 0, length)?;
    let mask: Vec<f32> = (0..length)
        .flat_map(|i| (0..length).map(move |j| if j > i { f32::NEG_INFINITY } else { 0.0 }))
        .collect();
    let mask = Tensor::from_vec(mask, (1, 1, length, length), &Device::Cpu)?;
    let heads = |x: Tensor, heads: usize| -> Result<Tensor> {
        Ok(x.reshape((sequences, length, heads, HEAD_DIM))?
            .transpose(1, 2)?
            .contiguous()?)
    };
    let mut x = weights["model.embed_tokens.weight"].index_select(&tokens.flatten_all()?, 0)?;
    for layer in 0..LAYERS {
        let weight = |part: &str| &weights[format!("model.layers.{layer}.{part}.weight").as_str()];
        let project = |x: &Tensor, part: &str| x.matmul(&weight(part).t()?);
        let normed = rms_norm_slow(&x, weight("input_layernorm"), EPSILON)?;
        let q = rope_slow(
            &heads(project(&normed, "self_attn.q_proj")?, HEADS)?,
            &cos,
            &sin,
        )?;
        let k = rope_slow(
            &heads(project(&normed, "self_attn.k_proj")?, KV_HEADS)?,
            &cos,
            &sin,
        )?;
        let v = heads(project(&normed, "self_attn.v_proj")?, KV_HEADS)?;
        // Query heads that share a key head are further rows of it.
        let group = HEADS / KV_HEADS;
        let q = q.reshape((sequences, KV_HEADS, group * length, HEAD_DIM))?;
        let scores = (q.matmul(&k.t()?)? / (HEAD_DIM as f64).sqrt())?;
        let scores = scores
            .reshape((sequences, HEADS, length, length))?
            .broadcast_add(&mask)?;
        let shares =
            softmax(&scores, D::Minus1)?.reshape((sequences, KV_HEADS, group * length, length))?;
        let attended = shares
            .matmul(&v)?
            .reshape((sequences, HEADS, length, HEAD_DIM))?;
        let attended = attended
            .transpose(1, 2)?
            .reshape((sequences * length, HEADS * HEAD_DIM))?;
        x = (x + project(&attended, "self_attn.o_proj")?)?;
        if layer + 1 == LAYERS {
            x = x.index_select(positions, 0)?;
        }
        let normed = rms_norm_slow(&x, weight("post_attention_layernorm"), EPSILON)?;
        let hidden =
            (project(&normed, "mlp.gate_proj")?.silu()? * project(&normed, "mlp.up_proj")?)?;
        x = (x + project(&hidden, "mlp.down_proj")?)?;
    }
    Ok(rms_norm_slow(&x, &weights["model.norm.weight"], EPSILON)?)
}
