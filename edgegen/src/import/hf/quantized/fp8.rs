//! FP8 (E4M3), as DeepSeek and Qwen store it: a scale for each block of rows and columns, for each
//! row, or for all.

use safetensors::tensor::Dtype;

use crate::architectures::{Ignored, Settings};
use crate::error::Result;
use crate::import::hf::config::Fields;
use crate::model::Tensor;

use super::grid::{self, Groups};
use super::parts::{Module, Scales};
use super::{Method, one_of, unsupported};

pub(super) const IGNORED: &[Ignored] = &[
    ("dequantize", &[]),
    ("ignored_layers", &[]),
    ("modules_to_not_convert", &[]),
    ("scale_fmt", &[]),
];

/// Scales by the names that they have here: the inverse of what the weights were multiplied by.
const SCALES: [&str; 2] = ["weight_scale_inv", "weight_scale"];

/// Rows and columns that have a scale together.
pub(super) type Block = (usize, usize);

pub(super) struct Fp8 {
    block: Option<Block>,
}

impl Fp8 {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self> {
        // Activations are not rounded here, as they need not be: with fixed scales they would be
        // other numbers.
        one_of(fields, "activation_scheme", &["dynamic"])?;
        one_of(fields, "fmt", &["e4m3"])?;
        Ok(Self {
            block: block(fields, "weight_block_size")?,
        })
    }
}

/// The rows and columns of blocks.
pub(super) fn block(fields: &Fields<'_>, name: &str) -> Result<Option<Block>> {
    match fields.sizes(name)?.as_deref() {
        None => Ok(None),
        Some(&[rows, cols]) if rows > 0 && cols > 0 => Ok(Some((rows, cols))),
        Some(_) => Err(unsupported(
            name,
            "these blocks are not supported".to_owned(),
        )),
    }
}

impl Method for Fp8 {
    fn marks(&self) -> &'static [&'static str] {
        &SCALES
    }

    fn weight(&self, module: &mut Module) -> Result<Tensor> {
        let inverse = module.take(SCALES[0]);
        let (name, scales) = match inverse {
            Some(scales) => (SCALES[0], scales),
            None => (SCALES[1], module.need(SCALES[1])?),
        };
        weight(module, name, &scales.scales()?, self.block)
    }
}

/// `weight` \[outputs, inputs\] with scales for all, each row, or blocks.
pub(super) fn weight(
    module: &mut Module,
    name: &str,
    scales: &Scales,
    block: Option<Block>,
) -> Result<Tensor> {
    let bytes = module.need("weight")?.octets(&[Dtype::F8_E4M3])?;
    let (rows, cols) = bytes.shape();
    let (high, wide) = match (scales.shape(), block) {
        ((1, 1), _) => (rows, cols),
        ((count, 1), _) if count == rows => (1, cols),
        (_, block) => block.unwrap_or((1, cols)),
    };
    let expected = (rows.div_ceil(high), cols.div_ceil(wide));
    module.check(name, scales.shape(), expected)?;
    let groups = Groups::of_size(cols, wide);
    grid::floats(module.weight(), &bytes, &groups, |row, group| {
        scales.at(row / high, group)
    })
}
