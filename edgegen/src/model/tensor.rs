//! A tensor as its file stores it.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Place, Result};
use crate::model::{dequantize, trained};

/// Bytes of a file that is mapped, or was read, once and is shared.
#[derive(Clone)]
pub struct View {
    file: Arc<dyn AsRef<[u8]> + Send + Sync>,
    range: Range<usize>,
}

impl View {
    /// A view of all bytes of `file`.
    pub fn new(file: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        let range = 0..file.as_ref().len();
        Self {
            file: Arc::new(file),
            range,
        }
    }

    /// A part of this view, in bytes from its start, or `None` outside it.
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        let start = self.range.start.checked_add(range.start)?;
        let end = self.range.start.checked_add(range.end)?;
        (start <= end && end <= self.range.end).then(|| Self {
            file: Arc::clone(&self.file),
            range: start..end,
        })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &(*self.file).as_ref()[self.range.clone()]
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({:?})", self.range)
    }
}

/// A matrix or vector in its file's own encoding, rows one after another.
#[derive(Debug, Clone)]
pub struct Tensor {
    name: String,
    rows: usize,
    cols: usize,
    dtype: DType,
    origin: DType,
    data: View,
    on_grid: OnceLock<bool>,
}

impl Tensor {
    /// A tensor of `rows` by `cols` elements; a vector has one row.
    ///
    /// # Errors
    /// When a size is zero or too large, rows do not fill whole blocks, or `data`
    /// is not exactly as long as the shape and type need.
    pub fn new(
        name: impl Into<String>,
        rows: usize,
        cols: usize,
        dtype: DType,
        data: View,
    ) -> Result<Self> {
        let name = name.into();
        let needed = dtype
            .bytes(rows, cols)
            .map_err(|error| error.at(Place::tensor(&name)))?;
        let held = data.bytes().len();
        if held != needed {
            return Err(Error::new(format!(
                "a {rows} x {cols} tensor of type {} takes {needed} bytes, the file holds {held}",
                dtype.name()
            ))
            .at(Place::tensor(&name))
            .remedy("the file is damaged; fetch or convert it again"));
        }
        Ok(Self {
            name,
            rows,
            cols,
            dtype,
            origin: dtype,
            data,
            on_grid: OnceLock::new(),
        })
    }

    /// A tensor of this one's values, made of it. Where columns are lost, so are the blocks of a grid.
    fn made_of_it(&self, rows: usize, cols: usize, dtype: DType, data: Vec<u8>) -> Result<Self> {
        Ok(Self {
            origin: self.origin,
            on_grid: OnceLock::from(cols == self.cols && self.is_on_grid()),
            ..Self::new(self.name.clone(), rows, cols, dtype, View::new(data))?
        })
    }

    /// A tensor of another shape and without values, of the type that this one has when it loses
    /// rows ([`Self::gather`]) or columns ([`Self::gather_columns`]).
    pub(crate) fn outline(&self, rows: usize, cols: usize) -> Result<Self> {
        if (rows, cols) == (self.rows, self.cols) {
            return Ok(self.clone());
        }
        let dtype = if cols == self.cols || self.dtype.is_plain() {
            self.dtype
        } else {
            DType::F32
        };
        self.made_of_it(rows, cols, dtype, vec![0; dtype.bytes(rows, cols)?])
    }

    /// The name in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of rows (outputs of a projection); 1 for a vector.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Elements in a row (inputs of a projection).
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.rows * self.cols
    }

    /// Always false: a tensor has at least one element.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// How elements are stored.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The type of the file's tensor: another than [`Self::dtype`] where blocks lost columns.
    pub fn origin(&self) -> DType {
        self.origin
    }

    /// All bytes, as in the file.
    pub fn bytes(&self) -> &[u8] {
        self.data.bytes()
    }

    /// Bytes from one row's start to the next one's in [`Self::bytes`]. The scales of
    /// [`DType::Q8Groups`] are not among them: they follow the last row.
    pub fn row_bytes(&self) -> usize {
        match self.dtype {
            DType::Q8Groups { .. } => self.cols,
            dtype => self.cols / dtype.block_size() * dtype.block_bytes(),
        }
    }

    /// Writes the values of `rows` to `out`, row after row.
    ///
    /// # Panics
    /// When `rows` is outside the tensor or `out` is not `rows.len() * cols` long.
    pub fn dequantize_rows(&self, rows: Range<usize>, out: &mut [f32]) {
        assert!(
            rows.start <= rows.end && rows.end <= self.rows,
            "rows of {}",
            self.name
        );
        assert_eq!(out.len(), rows.len() * self.cols, "length of the output");
        dequantize::rows(self, rows, out);
    }

    /// Columns for rows.
    ///
    /// # Errors
    /// When elements are in blocks.
    pub(crate) fn transposed(&self) -> Result<Self> {
        if !self.dtype.is_plain() {
            return Err(Error::unsupported(format!(
                "{} with columns for rows is not supported",
                self.dtype.name()
            ))
            .at(Place::tensor(&self.name))
            .remedy("give the original model, in F32, F16 or BF16"));
        }
        let size = self.dtype.block_bytes();
        let mut data = Vec::with_capacity(self.bytes().len());
        for col in 0..self.cols {
            for row in 0..self.rows {
                data.extend_from_slice(&self.bytes()[(row * self.cols + col) * size..][..size]);
            }
        }
        Ok(Self {
            on_grid: OnceLock::new(),
            ..self.made_of_it(self.cols, self.rows, self.dtype, data)?
        })
    }

    /// All values, row by row.
    pub(crate) fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.len()];
        self.dequantize_rows(0..self.rows, &mut values);
        values
    }

    /// The values and 1 more, in F32.
    ///
    /// # Errors
    ///
    /// When there are more of them than memory has addresses for.
    pub(crate) fn plus_one(&self) -> Result<Self> {
        self.with_each(|value| value + 1.0)
    }

    /// The values times a factor, in F32.
    ///
    /// # Errors
    ///
    /// When there are more of them than memory has addresses for.
    pub(crate) fn times(&self, factor: f32) -> Result<Self> {
        self.with_each(|value| value * factor)
    }

    fn with_each(&self, change: impl Fn(f32) -> f32) -> Result<Self> {
        let values = self.values().into_iter();
        let data = values.flat_map(|value| change(value).to_le_bytes());
        let changed = self.made_of_it(self.rows, self.cols, DType::F32, data.collect())?;
        Ok(Self {
            on_grid: OnceLock::new(),
            ..changed
        })
    }

    /// The scale of a row that is one group of [`DType::Codes`] without zero points, and its codes.
    pub(crate) fn row_codes(&self, row: usize, bits: u8) -> (f32, Vec<u8>) {
        let row = &self.bytes()[row * self.row_bytes()..][..self.row_bytes()];
        dequantize::scaled::codes(bits, row, self.cols)
    }

    /// The rows one after the other as one.
    pub(crate) fn in_one_row(self) -> Self {
        Self {
            rows: 1,
            cols: self.rows * self.cols,
            ..self
        }
    }

    /// The values of all, in one row of F32.
    ///
    /// # Errors
    ///
    /// When there is nothing to join, or more than memory has addresses for.
    pub(crate) fn joined<'a>(tensors: impl Iterator<Item = &'a Self>) -> Result<Self> {
        let mut all: Option<(&Self, Vec<f32>)> = None;
        for tensor in tensors {
            let (_, values) = all.get_or_insert((tensor, Vec::new()));
            let start = values.len();
            values.resize(start + tensor.len(), 0.0);
            tensor.dequantize_rows(0..tensor.rows, &mut values[start..]);
        }
        let (first, values) = all.ok_or_else(|| Error::new("there is nothing to join"))?;
        let data = values.iter().flat_map(|value| value.to_le_bytes());
        first.made_of_it(1, values.len(), DType::F32, data.collect())
    }

    /// Some of the rows, as they are stored.
    ///
    /// # Errors
    /// When groups of [`DType::Q8Groups`] go over the ends of rows.
    ///
    /// # Panics
    /// When a row is outside the tensor.
    pub fn gather(&self, rows: &[u32]) -> Result<Self> {
        let pick = |table: &[u8], stride: usize, data: &mut Vec<u8>| {
            for &row in rows {
                data.extend_from_slice(&table[row as usize * stride..][..stride]);
            }
        };
        let mut data = Vec::new();
        pick(self.bytes(), self.row_bytes(), &mut data);
        if let DType::Q8Groups { group_size } = self.dtype {
            if !self.cols.is_multiple_of(group_size) {
                return Err(Error::new(format!(
                    "rows of {} elements do not hold whole groups of {group_size}",
                    self.cols
                ))
                .at(Place::tensor(&self.name))
                .remedy("keep all rows, or convert the model again"));
            }
            let scales = &self.bytes()[self.len()..];
            pick(scales, self.cols / group_size * 4, &mut data);
        }
        self.made_of_it(rows.len(), self.cols, self.dtype, data)
    }

    /// Some of the columns: as they are stored, or as F32 if they are in blocks, which cannot lose
    /// some.
    ///
    /// # Errors
    /// When no column is named.
    ///
    /// # Panics
    /// When a column is outside the tensor.
    pub(crate) fn gather_columns(&self, cols: &[u32]) -> Result<Self> {
        let mut data = Vec::new();
        let dtype = if self.dtype.is_plain() {
            let bytes = self.dtype.block_bytes();
            for row in self.bytes().chunks_exact(self.row_bytes()) {
                for &col in cols {
                    data.extend_from_slice(&row[col as usize * bytes..][..bytes]);
                }
            }
            self.dtype
        } else {
            let mut values = vec![0.0; self.cols];
            for row in 0..self.rows {
                self.dequantize_rows(row..row + 1, &mut values);
                for &col in cols {
                    data.extend_from_slice(&values[col as usize].to_le_bytes());
                }
            }
            DType::F32
        };
        self.made_of_it(self.rows, cols.len(), dtype, data)
    }

    /// Whether each block of 32 in a row is an f16 times integers from -8 to 7, as [`on_grid`] has it:
    /// of the file's tensor, if this one has some of its rows. Looked at once.
    ///
    /// [`on_grid`]: crate::model::on_grid
    pub(crate) fn is_on_grid(&self) -> bool {
        *self.on_grid.get_or_init(|| trained::is_on_grid(self))
    }

    /// Whether the scale of each block of MXFP4 is a normal number, as the format of that name wants.
    pub(crate) fn is_normal(&self) -> bool {
        dequantize::mxfp4_is_normal(self)
    }

    /// The first value that is not finite: its row, column and what it is. For block
    /// types the scales are looked at, since finite scales give finite values.
    pub fn find_non_finite(&self) -> Option<NonFinite> {
        dequantize::find_non_finite(self).map(|(element, what)| NonFinite {
            row: element / self.cols,
            col: element % self.cols,
            what,
        })
    }
}

/// A value that is NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NonFinite {
    /// Row of the element, or of the first element of the block.
    pub row: usize,
    /// Column of the element, or of the first element of the block.
    pub col: usize,
    /// `element` or `block scale`.
    pub what: &'static str,
}

/// How a tensor's elements are stored. Block types are GGUF's, with its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, non_camel_case_types)]
pub enum DType {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    IQ4_NL,
    IQ4_XS,
    TQ1_0,
    TQ2_0,
    MXFP4,
    Q1_0,
    Q2_0,
    /// Hugging Face's integers of 4 or 8 `bits`, of GPTQ, AWQ or compressed-tensors, and of 2,
    /// BitNet's, where a row is a group: for each `group_size` elements of a row an f32 scale, a
    /// zero point if it is not the middle of the range, and codes.
    Codes {
        bits: u8,
        zeros: bool,
        group_size: usize,
    },
    /// Hugging Face's FP8: for each `group_size` elements of a row an f32 scale, and codes.
    F8_E4M3 {
        group_size: usize,
    },
    /// llama2.c version 2: all i8 elements, then one f32 scale for each `group_size` of them.
    Q8Groups {
        group_size: usize,
    },
}

impl DType {
    /// Whether each element is a number by itself.
    fn is_plain(self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::BF16)
    }

    /// Elements in a block; 1 for plain numbers.
    pub fn block_size(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q4_0
            | Self::Q4_1
            | Self::Q5_0
            | Self::Q5_1
            | Self::Q8_0
            | Self::IQ4_NL
            | Self::MXFP4 => 32,
            Self::Q2_0 => 64,
            Self::Q1_0 => 128,
            Self::Q2_K
            | Self::Q3_K
            | Self::Q4_K
            | Self::Q5_K
            | Self::Q6_K
            | Self::IQ4_XS
            | Self::TQ1_0
            | Self::TQ2_0 => 256,
            Self::Codes { group_size, .. }
            | Self::F8_E4M3 { group_size }
            | Self::Q8Groups { group_size } => group_size,
        }
    }

    /// Bytes of a block (for [`DType::Q8Groups`] its elements and its scale).
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::MXFP4 => 17,
            Self::Q4_0 | Self::IQ4_NL | Self::Q1_0 | Self::Q2_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::TQ1_0 => 54,
            Self::TQ2_0 => 66,
            Self::Q2_K => 84,
            Self::Q3_K => 110,
            Self::IQ4_XS => 136,
            Self::Q4_K => 144,
            Self::Q5_K => 176,
            Self::Q6_K => 210,
            Self::Codes {
                bits,
                zeros,
                group_size,
            } => 4 + usize::from(zeros) + (group_size * usize::from(bits)).div_ceil(8),
            Self::F8_E4M3 { group_size } | Self::Q8Groups { group_size } => group_size + 4,
        }
    }

    /// Bits a weight, scales included.
    pub fn bits_per_weight(self) -> f64 {
        8.0 * self.block_bytes() as f64 / self.block_size() as f64
    }

    /// GGUF's name of the type, or the usual one; codes with zero points are unsigned.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q8_0 => "Q8_0",
            Self::Q2_K => "Q2_K",
            Self::Q3_K => "Q3_K",
            Self::Q4_K => "Q4_K",
            Self::Q5_K => "Q5_K",
            Self::Q6_K => "Q6_K",
            Self::IQ4_NL => "IQ4_NL",
            Self::IQ4_XS => "IQ4_XS",
            Self::TQ1_0 => "TQ1_0",
            Self::TQ2_0 => "TQ2_0",
            Self::MXFP4 => "MXFP4",
            Self::Q1_0 => "Q1_0",
            Self::Q2_0 => "Q2_0",
            Self::Codes { bits, zeros, .. } => match (bits, zeros) {
                (2, _) => "TERNARY",
                (4, false) => "INT4",
                (4, true) => "UINT4",
                (_, false) => "INT8",
                (_, true) => "UINT8",
            },
            Self::F8_E4M3 { .. } => "F8_E4M3",
            Self::Q8Groups { .. } => "Q8_GROUPS",
        }
    }

    /// Bytes of a tensor of `rows` by `cols`.
    ///
    /// # Errors
    /// When a size is zero, rows do not fill whole blocks, or the product overflows.
    pub fn bytes(self, rows: usize, cols: usize) -> Result<usize> {
        let elements = rows
            .checked_mul(cols)
            .filter(|&elements| elements > 0)
            .ok_or_else(|| {
                Error::new(format!("a shape of {rows} x {cols} is empty or too large"))
                    .remedy("the file is damaged; fetch or convert it again")
            })?;
        // llama2.c's groups run over the whole tensor, GGUF's blocks over one row.
        let whole = match self {
            Self::Q8Groups { .. } => elements,
            _ => cols,
        };
        if self.block_size() == 0 || whole % self.block_size() != 0 {
            return Err(Error::new(format!(
                "{whole} elements do not fill whole blocks of {} ({})",
                self.block_size(),
                self.name()
            ))
            .remedy("the file is damaged; fetch or convert it again"));
        }
        (elements / self.block_size())
            .checked_mul(self.block_bytes())
            .ok_or_else(|| {
                Error::new(format!("a shape of {rows} x {cols} is too large"))
                    .remedy("the file is damaged; fetch or convert it again")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_do_not_leave_their_file() {
        let view = View::new(vec![1u8, 2, 3, 4]);
        let part = view.slice(1..3).unwrap();
        assert_eq!(part.bytes(), [2, 3]);
        assert!(part.slice(0..3).is_none());
        assert!(view.slice(usize::MAX..usize::MAX).is_none());
        assert!(part.slice(1..usize::MAX).is_none());
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let view = View::new(vec![0u8; 8]);
        for (rows, cols, dtype) in [
            (1, 3, DType::F32),
            (0, 2, DType::F32),
            (1, 31, DType::Q4_0),
            (usize::MAX, 2, DType::F32),
            (1 << 62, 1, DType::F32),
            (1, 2, DType::Q8Groups { group_size: 0 }),
        ] {
            let error = Tensor::new("w", rows, cols, dtype, view.clone()).unwrap_err();
            assert!(error.to_string().starts_with("w: "), "{error}");
        }
    }

    /// Times another factor, weights on the grid of `q4` are on none.
    #[test]
    fn what_is_changed_is_looked_at_again() {
        let bytes = (0..32u8).flat_map(|at| (f32::from(at % 16) - 8.0).to_le_bytes());
        let view = View::new(bytes.collect::<Vec<u8>>());
        let tensor = Tensor::new("w", 1, 32, DType::F32, view).unwrap();
        assert!(tensor.is_on_grid());
        assert!(tensor.times(0.5).unwrap().is_on_grid());
        assert!(!tensor.times(1.1).unwrap().is_on_grid());
    }
}
