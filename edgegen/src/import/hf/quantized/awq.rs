//! AWQ, as AutoAWQ writes it for its kernels `gemm` and `gemv`: codes of 4 bits, 8 in a word.

use crate::architectures::Ignored;
use crate::error::Result;
use crate::import::hf::config::Fields;
use crate::model::Tensor;

use super::gptq::group_size;
use super::grid::{Groups, Integers};
use super::parts::{Module, Scales, Words, code};
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

/// The place in a word of each of 8 outputs, for `gemm`.
const PLACES: [usize; IN_WORD] = [0, 4, 1, 5, 2, 6, 3, 7];

const BITS: usize = 4;

/// Codes in a word.
const IN_WORD: usize = 32 / BITS;

/// The kernel that the words are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kernel {
    /// Rows of inputs: 8 outputs in a word.
    Gemm,
    /// Rows of outputs: 8 inputs, or groups, in a word.
    Gemv,
}

pub(super) struct Awq {
    kernel: Kernel,
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
        let mut kernel = Kernel::Gemm;
        for name in ["version", "checkpoint_format", "format"] {
            if one_of(fields, name, &["gemm", "gemv"])? == "gemv" {
                kernel = Kernel::Gemv;
            }
        }
        if fields.flag("zero_point")? == Some(false) {
            let problem = "AWQ without zero points is not supported";
            return Err(unsupported("zero_point", problem.to_owned()));
        }
        Ok(Self {
            kernel,
            group_size: group_size(fields, "group_size")?,
        })
    }
}

impl Method for Awq {
    fn marks(&self) -> &'static [&'static str] {
        &["qweight"]
    }

    fn weight(&self, module: &mut Module) -> Result<Tensor> {
        let codes = module.need("qweight")?.words()?;
        let zeros = module.need("qzeros")?.words()?;
        let scales = module.need("scales")?.scales()?;
        match self.kernel {
            Kernel::Gemm => self.gemm(module, &codes, &zeros, &scales),
            Kernel::Gemv => self.gemv(module, &codes, &zeros, &scales),
        }
    }
}

impl Awq {
    fn groups(&self, cols: usize) -> Groups {
        Groups::of_size(cols, self.group_size.unwrap_or(cols))
    }

    /// `qweight` \[inputs, outputs / 8\], `qzeros` \[groups, outputs / 8\],
    /// `scales` \[groups, outputs\].
    fn gemm(
        &self,
        module: &Module,
        codes: &Words,
        zeros: &Words,
        scales: &Scales,
    ) -> Result<Tensor> {
        let (rows, cols) = (codes.cols * IN_WORD, codes.rows);
        let groups = self.groups(cols);
        module.check("scales", scales.shape(), (groups.count, rows))?;
        module.check("qzeros", zeros.shape(), (groups.count, codes.cols))?;
        let output = |words: &Words, row: usize, at: usize| {
            let word = words.at(row, at / IN_WORD);
            code(word, PLACES[at % IN_WORD], BITS)
        };
        Integers {
            name: module.weight(),
            rows,
            groups,
            bits: BITS as u8,
            scale: |row, group| scales.at(group, row),
            zero: |row, group| output(zeros, group, row),
            code: |row, col| output(codes, col, row),
        }
        .tensor()
    }

    /// `qweight` \[outputs, inputs / 8\], `qzeros` \[outputs, n\], `scales` \[outputs, 8 n\]: n words
    /// have room for all groups, and their number is a multiple of the groups in 128 inputs.
    fn gemv(
        &self,
        module: &Module,
        codes: &Words,
        zeros: &Words,
        scales: &Scales,
    ) -> Result<Tensor> {
        let (rows, cols) = (codes.rows, codes.cols * IN_WORD);
        let groups = self.groups(cols);
        let in_128 = 128_usize.div_ceil(self.group_size.unwrap_or(cols));
        let words = groups.count.div_ceil(IN_WORD).next_multiple_of(in_128);
        module.check("scales", scales.shape(), (rows, words * IN_WORD))?;
        module.check("qzeros", zeros.shape(), (rows, words))?;
        let inner = |words: &Words, row: usize, at: usize| {
            code(words.at(row, at / IN_WORD), at % IN_WORD, BITS)
        };
        Integers {
            name: module.weight(),
            rows,
            groups,
            bits: BITS as u8,
            scale: |row, group| scales.at(row, group),
            zero: |row, group| inner(zeros, row, group),
            code: |row, col| inner(codes, row, col),
        }
        .tensor()
    }
}
