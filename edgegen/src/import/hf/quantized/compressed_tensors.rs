//! compressed-tensors, as llm-compressor writes it: integers of 4 bits packed in words, of 8 bits
//! packed or not, and FP8.

use safetensors::tensor::Dtype;

use crate::architectures::Ignored;
use crate::error::Result;
use crate::import::hf::config::Fields;
use crate::model::Tensor;

use super::fp8::{self, Block};
use super::grid::{Groups, Integers};
use super::parts::{Bytes, Module, Scales, Words, code};
use super::{Method, one_of, unsupported};

pub(super) const IGNORED: &[Ignored] = &[
    ("global_compression_ratio", &[]),
    ("ignore", &[]),
    ("quantization_status", &[]),
    ("transform_config", &["{}"]),
    ("version", &[]),
];

const FORMATS: [&str; 5] = [
    "pack-quantized",
    "int-quantized",
    "float-quantized",
    "naive-quantized",
    "mixed-precision",
];

/// Shapes and types of a module's tensors say how it is stored; the configuration, that nothing
/// else is done to weights and activations.
pub(super) struct CompressedTensors {
    block: Option<Block>,
}

impl CompressedTensors {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self> {
        one_of(fields, "format", &FORMATS)?;
        fields.within("sparsity_config", |sparsity| {
            one_of(sparsity, "format", &["dense"])
        })?;
        let blocks = fields.within_each("config_groups", |group| {
            one_of(group, "format", &FORMATS)?;
            let block = group.within("weights", weights)?.flatten();
            group.within("input_activations", activations)?;
            let ignored: &[Ignored] = &[("targets", &[])];
            group.refuse_unread(
                &[ignored],
                "this setting of a quantization is not supported",
            )?;
            Ok(block)
        })?;
        let mut blocks: Vec<Block> = blocks.into_iter().flatten().collect();
        blocks.dedup();
        if blocks.len() > 1 {
            let problem = "blocks of several sizes are not supported";
            return Err(unsupported("config_groups", problem.to_owned()));
        }
        Ok(Self {
            block: blocks.pop(),
        })
    }
}

/// Reads how weights are quantized: the blocks of floats.
fn weights(fields: &Fields<'_>) -> Result<Option<Block>> {
    let bits = fields.size("num_bits")?.unwrap_or(8);
    let kind = one_of(fields, "type", &["int", "float"])?;
    if !matches!((kind, bits), (_, 8) | ("int", 4)) {
        let problem = format!("{kind} of {bits} bits is not supported");
        return Err(unsupported("num_bits", problem));
    }
    one_of(fields, "strategy", &["tensor", "channel", "group", "block"])?;
    fp8::block(fields, "block_structure")
}

/// Activations may be rounded by what they are then, which is as good as not at all.
fn activations(fields: &Fields<'_>) -> Result<()> {
    if fields.flag("dynamic")? == Some(true) {
        return Ok(());
    }
    let problem = "activations that are quantized statically are not supported";
    Err(unsupported("dynamic", problem.to_owned()))
}

/// Zero points: none (the middle of the range), packed along outputs, or of 8 bits with sign.
enum Zeros {
    Middle,
    Packed(Words),
    Signed(Bytes),
}

impl Method for CompressedTensors {
    fn marks(&self) -> &'static [&'static str] {
        &["weight_packed", "weight_scale"]
    }

    fn weight(&self, module: &mut Module) -> Result<Tensor> {
        let scales = module.need("weight_scale")?.scales()?;
        if let Some(packed) = module.take("weight_packed") {
            return unpack(module, packed.words()?, &scales);
        }
        if module.is("weight", Dtype::F8_E4M3) {
            return fp8::weight(module, "weight_scale", &scales, self.block);
        }
        let codes = module.need("weight")?.octets(&[Dtype::I8])?;
        let code = |row, col| codes.at(row, col).wrapping_add(1 << 7);
        integers(module, codes.shape(), 8, &scales, code)
    }
}

/// `weight_packed` \[outputs, inputs / n\] with n codes in a word, `weight_shape` \[2\].
fn unpack(module: &mut Module, words: Words, scales: &Scales) -> Result<Tensor> {
    let shape = module.need("weight_shape")?;
    let error = shape.error("this is not the shape of the packed weights");
    let error = error.remedy("the files are damaged or of different models; fetch them again");
    let [rows, cols] = shape.sizes()?[..] else {
        return Err(error);
    };
    let in_words = |bits: &usize| rows == words.rows && cols.div_ceil(32 / bits) == words.cols;
    let Some(bits) = [4, 8].into_iter().find(in_words) else {
        return Err(error);
    };
    let in_word = 32 / bits;
    let code = |row, col| code(words.at(row, col / in_word), col % in_word, bits);
    integers(module, (rows, cols), bits, scales, code)
}

/// `weight_scale` and `weight_zero_point` \[outputs or 1, groups\], `weight_g_idx` \[inputs\].
fn integers(
    module: &mut Module,
    (rows, cols): (usize, usize),
    bits: usize,
    scales: &Scales,
    code_at: impl Fn(usize, usize) -> u8 + Sync,
) -> Result<Tensor> {
    let groups = match module.take("weight_g_idx") {
        Some(groups) => Groups::listed(groups.sizes()?, scales.cols),
        None => Groups::of_size(cols, (cols / scales.cols).max(1)),
    };
    module.check("weight_g_idx", (groups.cols(), 1), (cols, 1))?;
    let of_all = scales.rows == 1;
    let outputs = if of_all { 1 } else { rows };
    let shape = (outputs, groups.count);
    module.check("weight_scale", scales.shape(), shape)?;
    let in_word = 32 / bits;
    let zeros = match module.take("weight_zero_point") {
        None => Zeros::Middle,
        Some(zeros) if zeros.dtype == Dtype::I8 => {
            let zeros = zeros.octets(&[Dtype::I8])?;
            module.check("weight_zero_point", zeros.shape(), shape)?;
            Zeros::Signed(zeros)
        }
        Some(zeros) => {
            let zeros = zeros.words()?;
            let shape = (outputs.div_ceil(in_word), shape.1);
            module.check("weight_zero_point", zeros.shape(), shape)?;
            Zeros::Packed(zeros)
        }
    };
    let output = |row| if of_all { 0 } else { row };
    // Codes and packed zero points are that much more than the integers, which have signs.
    let middle = 1 << (bits - 1);
    Integers {
        name: module.weight(),
        rows,
        groups,
        bits: bits as u8,
        scale: |row, group| scales.at(output(row), group),
        zero: |row, group| match &zeros {
            Zeros::Middle => middle,
            Zeros::Packed(words) => {
                let row = output(row);
                code(words.at(row / in_word, group), row % in_word, bits)
            }
            Zeros::Signed(bytes) => bytes.at(output(row), group).wrapping_add(middle),
        },
        code: code_at,
    }
    .tensor()
}
