//! GPTQ, as AutoGPTQ and GPTQModel write it: codes of 2, 3, 4 or 8 bits.

use crate::architectures::Ignored;
use crate::error::Result;
use crate::import::hf::config::Fields;
use crate::model::Tensor;

use super::grid::{Groups, Integers};
use super::parts::{Module, code, code_in};
use super::{Method, one_of, unsupported};

/// What was done to find the codes, and what kernels are to be used.
pub(super) const IGNORED: &[Ignored] = &[
    ("backend", &[]),
    ("batch_size", &[]),
    ("block_name_to_quantize", &[]),
    ("cache_block_outputs", &[]),
    ("damp_auto_increment", &[]),
    ("damp_percent", &[]),
    ("dataset", &[]),
    ("disable_exllama", &[]),
    ("dynamic", &["{}"]),
    ("exllama_config", &[]),
    ("lm_head", &[]),
    ("max_input_length", &[]),
    ("method", &["gptq"]),
    ("model_file_base_name", &[]),
    ("model_name_or_path", &[]),
    ("model_seqlen", &[]),
    ("module_name_preceding_first_block", &[]),
    ("modules_in_block_to_quantize", &[]),
    ("mse", &[]),
    ("pack_dtype", &["int32"]),
    ("pad_token_id", &[]),
    ("static_groups", &[]),
    ("tokenizer", &[]),
    ("true_sequential", &[]),
    ("use_cuda_fp16", &[]),
    ("use_exllama", &[]),
];

pub(super) struct Gptq {
    bits: usize,
    /// Inputs in a group; all, if `None`.
    group_size: Option<usize>,
    /// Whether inputs are grouped in the order of their weight (`desc_act`), which `g_idx` has.
    by_weight: bool,
    /// Whether all zero points are the middle of the codes.
    symmetric: bool,
    zero_offset: ZeroOffset,
}

/// What is added to words of zero points, by their place among three, and then to each zero point.
type ZeroOffset = ([u32; 3], u8);

/// Zero points are stored as they are.
const NOTHING: ZeroOffset = ([0; 3], 0);

/// Each is stored less 1.
const ONE: ZeroOffset = ([0; 3], 1);

/// GPTQModel 0.9 to 6.0 subtracts these from words of 3 bits, for 1 from each zero point
/// (`convert_gptq_v2_to_v1_format`; its pull request 2763 corrects that).
const WORDS_OF_3: ZeroOffset = ([0x2492_4924, 0x9249_2492, 0x4924_9249], 0);

impl Gptq {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self> {
        let bits = match fields.needed_size("bits")? {
            bits @ (2 | 3 | 4 | 8) => bits,
            bits => {
                return Err(unsupported(
                    "bits",
                    format!("GPTQ of {bits} bits is not supported"),
                ));
            }
        };
        let formats = ["gptq", "gptq_v2"];
        // Newer files say it by both names.
        let format = match fields.text("checkpoint_format")? {
            Some(_) => {
                one_of(fields, "format", &formats)?;
                one_of(fields, "checkpoint_format", &formats)?
            }
            None => one_of(fields, "format", &formats)?,
        };
        let symmetric = fields.flag("sym")?.unwrap_or(false);
        let writer = fields.within("meta", |meta| Ok(gptqmodel(&meta.words("quantizer"))))?;
        Ok(Self {
            bits,
            group_size: group_size(fields, "group_size")?,
            by_weight: fields.flag("desc_act")?.unwrap_or(false),
            symmetric,
            // The first version subtracts 1 from each. GPTQModel adds it to whole words again, but
            // where some are in two words.
            zero_offset: match (format, bits) {
                ("gptq", 2) => ([0x5555_5555; 3], 0),
                ("gptq", 3) => match writer.flatten() {
                    Some(version) if version < (6, 1) => WORDS_OF_3,
                    Some((6, _)) if !symmetric => {
                        let problem = "3 bits by a GPTQModel between 6.0 and 7.0, of which some \
                            store other zero points, are not supported";
                        return Err(unsupported("meta.quantizer", problem.to_owned()));
                    }
                    _ => ONE,
                },
                ("gptq", 4) => ([0x1111_1111; 3], 0),
                ("gptq", _) => ([0x0101_0101; 3], 0),
                _ => NOTHING,
            },
        })
    }
}

/// The version of GPTQModel that is among the quantizers that wrote a file, such as
/// `gptqmodel:5.8.0`.
fn gptqmodel(quantizers: &[String]) -> Option<(u32, u32)> {
    let mut versions = quantizers.iter();
    versions.find_map(|quantizer| {
        let version = quantizer.strip_prefix("gptqmodel:")?;
        let mut numbers = version.split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    })
}

/// The size of groups: -1 is all of a row.
pub(super) fn group_size(fields: &Fields<'_>, name: &str) -> Result<Option<usize>> {
    match fields.number(name)? {
        None | Some(-1.0) => Ok(None),
        Some(_) => match fields.size(name)? {
            Some(0) => Err(unsupported(
                name,
                "groups of 0 are not supported".to_owned(),
            )),
            size => Ok(size),
        },
    }
}

impl Method for Gptq {
    fn marks(&self) -> &'static [&'static str] {
        &["qweight"]
    }

    /// `qweight` \[inputs / 32 * bits, outputs\], `qzeros` \[groups, outputs / 32 * bits\],
    /// `scales` \[groups, outputs\], `g_idx` \[inputs\].
    fn weight(&self, module: &mut Module) -> Result<Tensor> {
        let bits = self.bits;
        let codes = module.need("qweight")?.words()?;
        let zeros = module.need("qzeros")?.words()?;
        let scales = module.need("scales")?.scales()?;
        let (rows, cols) = (codes.cols, codes.rows * 32 / bits);
        let groups = match module.take("g_idx") {
            Some(groups) => Groups::listed(groups.sizes()?, scales.rows),
            None if self.by_weight => return Err(module.missing("g_idx")),
            None => Groups::of_size(cols, self.group_size.unwrap_or(cols)),
        };
        module.check("g_idx", (groups.cols(), 1), (cols, 1))?;
        module.check("scales", scales.shape(), (groups.count, rows))?;
        let packed = (groups.count, (rows * bits).div_ceil(32));
        module.check("qzeros", zeros.shape(), packed)?;
        let zero = |row: usize, group: usize, (in_words, in_code): ZeroOffset| {
            let word = |at| zeros.at(group, at).wrapping_add(in_words[at % 3]);
            code((code_in(word, row, bits) + in_code).into(), 0, bits)
        };
        let middle = 1 << (bits - 1);
        // GPTQModel says the first version of some from which it has not subtracted: such as
        // Qwen3.5's, as vLLM's pull request 38966 has it. Of 3 bits, not all say who wrote them.
        let of_3 = [ONE, WORDS_OF_3].into_iter().filter(|_| bits == 3);
        let mut offsets = [NOTHING, self.zero_offset].into_iter().chain(of_3);
        let offset = offsets.find(|&offset| {
            let mut outputs = 0..rows;
            self.symmetric
                && outputs
                    .all(|row| (0..groups.count).all(|group| zero(row, group, offset) == middle))
        });
        let offset = offset.unwrap_or(self.zero_offset);
        // Codes of 2 and 3 bits become such of 4, around the middle of those.
        let held = bits.max(4);
        let more = (1 << (held - 1)) - middle;
        Integers {
            name: module.weight(),
            rows,
            groups,
            bits: held as u8,
            scale: |row, group| scales.at(group, row),
            zero: |row, group| zero(row, group, offset) + more,
            code: |row, col| code_in(|at| codes.at(at, row), col, bits) + more,
        }
        .tensor()
    }
}
