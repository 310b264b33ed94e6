//! The parts of a quantized module, checked.

use std::collections::BTreeMap;

use safetensors::tensor::Dtype;

use crate::error::{Error, Place, Result};
use crate::import::hf::weights::Stored;
use crate::model::View;

const FETCH: &str = "the files are damaged or of different models; fetch them again";

/// A module, such as `model.layers.0.mlp.up_proj`, and its tensors by what is after the last dot.
pub(in crate::import::hf) struct Module {
    name: String,
    parts: BTreeMap<String, Stored>,
}

impl Module {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            parts: BTreeMap::new(),
        }
    }

    pub(super) fn put(&mut self, part: Stored) {
        let name = part.name.rsplit('.').next().unwrap_or_default();
        self.parts.insert(name.to_owned(), part);
    }

    pub(super) fn has(&self, part: &str) -> bool {
        self.parts.contains_key(part)
    }

    pub(super) fn take(&mut self, part: &str) -> Option<Stored> {
        self.parts.remove(part)
    }

    pub(super) fn need(&mut self, part: &str) -> Result<Stored> {
        self.take(part).ok_or_else(|| self.missing(part))
    }

    pub(super) fn missing(&self, part: &str) -> Error {
        Error::new("the tensor is missing, and others of its module are there")
            .at(Place::tensor(&self.named(part)))
            .remedy("fetch the files again")
    }

    /// Whether a part is of this type.
    pub(super) fn is(&self, part: &str, dtype: Dtype) -> bool {
        self.parts.get(part).is_some_and(|part| part.dtype == dtype)
    }

    /// The name of its weights where they are not quantized.
    pub(super) fn weight(&self) -> String {
        self.named("weight")
    }

    fn named(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }

    /// What was not taken.
    pub(super) fn into_parts(self) -> impl Iterator<Item = Stored> {
        self.parts.into_values()
    }

    /// Refuses a part of another shape than the others make it.
    pub(super) fn check(
        &self,
        part: &str,
        found: (usize, usize),
        expected: (usize, usize),
    ) -> Result<()> {
        if found == expected {
            return Ok(());
        }
        Err(Error::new(format!(
            "the shape is {} x {}, other parts of its module make it {} x {}",
            found.0, found.1, expected.0, expected.1
        ))
        .at(Place::tensor(&self.named(part)))
        .remedy(FETCH))
    }
}

/// A matrix of 32-bit words, in which codes are packed from the lowest bits on.
pub(super) struct Words {
    pub rows: usize,
    pub cols: usize,
    data: View,
}

impl Words {
    pub(super) fn at(&self, row: usize, col: usize) -> u32 {
        let bytes = &self.data.bytes()[(row * self.cols + col) * 4..][..4];
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    pub(super) fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }
}

/// The code of `bits` at place `at` of a word.
pub(super) fn code(word: u32, at: usize, bits: usize) -> u8 {
    (word >> (at * bits) & ((1 << bits) - 1)) as u8
}

/// The code of `bits` at place `at` of words that hold codes one after another, the first in the
/// lowest bits. A code may be in two words.
pub(super) fn code_in(words: impl Fn(usize) -> u32, at: usize, bits: usize) -> u8 {
    let (first, shift) = (at * bits / 32, at * bits % 32);
    let low = words(first) >> shift;
    let high = match shift + bits > 32 {
        true => words(first + 1) << (32 - shift),
        false => 0,
    };
    code(low | high, 0, bits)
}

/// A matrix of bytes.
pub(super) struct Bytes {
    pub rows: usize,
    pub cols: usize,
    data: View,
}

impl Bytes {
    pub(super) fn at(&self, row: usize, col: usize) -> u8 {
        self.data.bytes()[row * self.cols + col]
    }

    pub(super) fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }
}

/// A matrix of scales; a vector is a column.
pub(super) struct Scales {
    pub rows: usize,
    pub cols: usize,
    values: Vec<f32>,
}

impl Scales {
    pub(super) fn at(&self, row: usize, col: usize) -> f32 {
        self.values[row * self.cols + col]
    }

    pub(super) fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }
}

impl Stored {
    pub(super) fn words(self) -> Result<Words> {
        let (rows, cols) = self.matrix(&[Dtype::I32, Dtype::U32])?;
        let data = self.data;
        Ok(Words { rows, cols, data })
    }

    /// Bytes of one of these types.
    pub(super) fn octets(self, types: &[Dtype]) -> Result<Bytes> {
        let (rows, cols) = self.matrix(types)?;
        let data = self.data;
        Ok(Bytes { rows, cols, data })
    }

    pub(super) fn scales(self) -> Result<Scales> {
        let (rows, cols) = self.matrix(&[Dtype::F32, Dtype::F16, Dtype::BF16])?;
        let values = self.numbers(rows, cols)?.values();
        Ok(Scales { rows, cols, values })
    }

    /// Whole numbers, of which none is negative.
    pub(super) fn sizes(self) -> Result<Vec<usize>> {
        let (_, 1) = self.matrix(&[Dtype::I32, Dtype::I64])? else {
            let problem = format!("the shape {:?} is no vector", self.shape);
            return Err(self.error(problem).remedy(FETCH));
        };
        let bytes = self.data.bytes();
        let whole: Option<Vec<usize>> = match self.dtype {
            Dtype::I32 => {
                let numbers = bytes.as_chunks().0.iter();
                numbers
                    .map(|&number| usize::try_from(i32::from_le_bytes(number)).ok())
                    .collect()
            }
            _ => {
                let numbers = bytes.as_chunks().0.iter();
                numbers
                    .map(|&number| usize::try_from(i64::from_le_bytes(number)).ok())
                    .collect()
            }
        };
        whole.ok_or_else(|| self.error("a number is negative").remedy(FETCH))
    }

    /// Rows and columns, if it is of one of these types; a vector is a column.
    fn matrix(&self, types: &[Dtype]) -> Result<(usize, usize)> {
        if !types.contains(&self.dtype) {
            let known: Vec<String> = types.iter().map(|known| format!("{known:?}")).collect();
            let (known, found) = (known.join(" or "), self.dtype);
            return Err(self
                .error(format!("the type is {found:?}, where {known} is read"))
                .remedy(super::UNQUANTIZED));
        }
        let (rows, cols) = match self.shape[..] {
            [] => (1, 1),
            [rows] => (rows, 1),
            [rows, cols] => (rows, cols),
            _ => (0, 0),
        };
        if rows == 0 || cols == 0 {
            let problem = format!("the shape {:?} is no matrix", self.shape);
            return Err(self.error(problem).remedy(FETCH));
        }
        Ok((rows, cols))
    }
}
