//! RoPE in GGUF: keys, and tensors of divisors.

use super::config::Keys;
use crate::architectures::Rotary;
use crate::error::{Error, Place, Result};
use crate::import::config::unsupported;
use crate::model::{DType, Rope, RopeScaling, Tensor};

/// What frequencies are divided by, which converters store as tensors.
pub(super) enum Divisors {
    None,
    /// Llama 3.1's.
    Any(Vec<f32>),
    /// LongRoPE's, in the context before stretching and in a longer one.
    Long {
        short: Vec<f32>,
        long: Vec<f32>,
    },
}

impl Divisors {
    /// Takes them out of a file's tensors.
    pub(super) fn take(tensors: &mut Vec<Tensor>) -> Result<Self> {
        let mut take = |name: &str| {
            let at = tensors.iter().position(|tensor| tensor.name() == name);
            at.map(|at| values(&tensors.remove(at))).transpose()
        };
        match (take(ANY)?, take(SHORT)?, take(LONG)?) {
            (None, None, None) => Ok(Self::None),
            (Some(any), None, None) => Ok(Self::Any(any)),
            (None, Some(short), Some(long)) => Ok(Self::Long { short, long }),
            (None, None, Some(_)) => Err(refuse(SHORT, "the tensor is missing")),
            (None, Some(_), None) => Err(refuse(LONG, "the tensor is missing")),
            (Some(_), _, _) => Err(refuse(ANY, SECOND)),
        }
    }

    /// The tensor that stands for them in messages.
    fn name(&self) -> &'static str {
        match self {
            Self::None | Self::Long { .. } => SHORT,
            Self::Any(_) => ANY,
        }
    }
}

const SECOND: &str = "a second scaling of RoPE is beside it";
const ANY: &str = "rope_freqs.weight";
const SHORT: &str = "rope_factors_short.weight";
const LONG: &str = "rope_factors_long.weight";

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    if tensor.dtype() != DType::F32 || tensor.rows() != 1 {
        return Err(refuse(
            tensor.name(),
            "RoPE factors must be a vector of F32",
        ));
    }
    let mut values = vec![0.0; tensor.cols()];
    tensor.dequantize_rows(0..1, &mut values);
    Ok(values)
}

fn refuse(tensor: &str, problem: &str) -> Error {
    Error::new(problem)
        .at(Place::tensor(tensor))
        .remedy("convert the model again with a current converter")
}

/// Reads RoPE of heads of a width.
pub(super) fn read(
    keys: &Keys<'_>,
    rotary: &Rotary,
    divisors: Divisors,
    head_dim: usize,
    context: usize,
) -> Result<Rope> {
    let dim = keys.size("rope.dimension_count")?.unwrap_or(head_dim);
    if rotary.whole && dim != head_dim {
        let key = keys.name("rope.dimension_count");
        return Err(unsupported(&key, &dim.to_string(), &head_dim.to_string()));
    }
    Ok(Rope {
        theta: keys.float("rope.freq_base")?.unwrap_or(10_000.0),
        dim,
        layout: rotary.gguf,
        scaling: scaling(keys, divisors, context)?,
        skipped: Vec::new(),
    })
}

fn scaling(keys: &Keys<'_>, divisors: Divisors, context: usize) -> Result<RopeScaling> {
    let kind = keys.metadata.string(&keys.name("rope.scaling.type"))?;
    // Old files have another key for it.
    let old = keys.float("rope.scale_linear")?;
    let factor = match (keys.float("rope.scaling.factor")?, old) {
        (Some(factor), Some(old)) if factor != old => {
            return Err(Error::new(format!("it is {old}, and the factor {factor}"))
                .at(keys.name("rope.scale_linear"))
                .remedy("the file says it twice, differently; fetch or convert it again"));
        }
        (factor, old) => factor.or(old),
    };
    // As llama.cpp: of 0, as of 1, nothing is stretched.
    let factor = factor.filter(|&factor| factor != 0.0).unwrap_or(1.0);
    let attention = keys.float("rope.scaling.attn_factor")?.unwrap_or(1.0);
    let factor_alone = matches!(divisors, Divisors::None) && kind != Some("yarn");
    if factor_alone && attention != 1.0 {
        let key = keys.name("rope.scaling.attn_factor");
        return Err(unsupported(&key, &attention.to_string(), "1"));
    }
    let said = match kind {
        None | Some("longrope" | "linear") if factor == 1.0 => RopeScaling::None,
        None | Some("longrope" | "linear") => RopeScaling::Linear { factor },
        Some("none") => RopeScaling::None,
        Some("yarn") => RopeScaling::Yarn {
            factor,
            attention_factor: attention * (0.1 * libm::log(factor) + 1.0),
            beta_slow: keys.float("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
            beta_fast: keys.float("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
            truncate: true,
            original_max_position_embeddings: original(keys)?.unwrap_or(context),
        },
        Some(other) => {
            return Err(
                Error::unsupported(format!("RoPE scaling `{other}` is not supported"))
                    .at(keys.name("rope.scaling.type"))
                    .remedy("use a model with the scaling none, linear, longrope or yarn"),
            );
        }
    };
    let name = divisors.name();
    let stretched = match divisors {
        Divisors::None if kind == Some("longrope") => {
            return Err(refuse(SHORT, "the tensor is missing"));
        }
        Divisors::None => return Ok(said),
        Divisors::Any(factors) => RopeScaling::Factors {
            factors,
            attention_factor: attention,
        },
        Divisors::Long { short, long } => RopeScaling::LongRope {
            short,
            long,
            attention_factor: attention,
            original_max_position_embeddings: original(keys)?.unwrap_or(context),
        },
    };
    match said {
        RopeScaling::None => Ok(stretched),
        _ => Err(refuse(name, SECOND)),
    }
}

/// The context before stretching.
fn original(keys: &Keys<'_>) -> Result<Option<usize>> {
    keys.size("rope.scaling.original_context_length")
}
