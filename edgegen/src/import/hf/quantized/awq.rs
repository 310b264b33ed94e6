//! AWQ, as AutoAWQ writes it for its kernel `gemm`: codes of 4 bits, 8 outputs in a word.

use crate::architectures::Ignored;
use crate::error::Result;
use crate::import::hf::config::Fields;
use crate::model::Tensor;

use super::gptq::group_size;
use super::grid::{Groups, Integers};
use super::parts::{Module, Words, code};
use super::{Method, one_of, unsupported};

pub(super) const IGNORED: &[Ignored] = &[
    ("backend", &[]),
    ("desc_act", &["false"]),
    ("do_fuse", &[]),
    ("dynamic", &["{}"]),
    ("exllama_config", &[]),
    ("fuse_max_seq_len", &[]),
    ("lm_head", &[]),
    ("meta", &[]),
    ("method", &["awq"]),
    ("modules_to_fuse", &[]),
    ("modules_to_not_convert", &[]),
    ("pack_dtype", &["int32"]),
    ("sym", &[]),
];

/// The place in a word of each of 8 outputs.
const PLACES: [usize; 8] = [0, 4, 1, 5, 2, 6, 3, 7];

const BITS: usize = 4;

pub(super) struct Awq {
    /// Inputs in a group; all, if `None`.
    group_size: Option<usize>,
}

impl Awq {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self> {
        let bits = fields.needed_size("bits")?;
        if bits != BITS {
            return Err(unsupported(
                "bits",
                format!("AWQ of {bits} bits is not supported"),
            ));
        }
        for name in ["version", "checkpoint_format", "format"] {
            one_of(fields, name, &["gemm"])?;
        }
        if fields.flag("zero_point")? == Some(false) {
            let problem = "AWQ without zero points is not supported";
            return Err(unsupported("zero_point", problem.to_owned()));
        }
        Ok(Self {
            group_size: group_size(fields, "group_size")?,
        })
    }
}

impl Method for Awq {
    fn marks(&self) -> &'static [&'static str] {
        &["qweight"]
    }

    /// `qweight` \[inputs, outputs / 8\], `qzeros` \[groups, outputs / 8\],
    /// `scales` \[groups, outputs\].
    fn weight(&self, module: &mut Module) -> Result<Tensor> {
        let codes = module.need("qweight")?.words()?;
        let zeros = module.need("qzeros")?.words()?;
        let scales = module.need("scales")?.scales()?;
        let (rows, cols) = (codes.cols * PLACES.len(), codes.rows);
        let groups = Groups::of_size(cols, self.group_size.unwrap_or(cols));
        module.check("scales", scales.shape(), (groups.count, rows))?;
        module.check("qzeros", zeros.shape(), (groups.count, codes.cols))?;
        let output = |words: &Words, row: usize, at: usize| {
            let word = words.at(row, at / PLACES.len());
            code(word, PLACES[at % PLACES.len()], BITS)
        };
        Integers {
            name: module.weight(),
            rows,
            groups,
            bits: BITS as u8,
            scale: |row, group| scales.at(group, row),
            zero: |row, group| output(&zeros, group, row),
            code: |row, col| output(&codes, col, row),
        }
        .tensor()
    }
}
