//! A tensor as its file stores it.

use std::ops::Range;
use std::sync::Arc;

/// Bytes of a file that is mapped, or was read, once and is shared.
#[derive(Clone)]
pub struct View {
    file: Arc<dyn AsRef<[u8]> + Send + Sync>,
    range: Range<usize>,
}

/// A matrix or vector in its file's own encoding.
#[derive(Debug, Clone)]
pub struct Tensor {
    name: String,
    rows: usize,
    cols: usize,
    dtype: DType,
    data: View,
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
    /// llama2.c version 2: all i8 elements, then one f32 scale for each `group_size` of them.
    Q8Groups {
        group_size: usize,
    },
}
