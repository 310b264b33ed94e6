//! Values of stored elements, by the formulas of ggml's reference
//! (`dequantize_row_*` in ggml-quants.c) in f32, products in the same order.

mod codebook;
mod few_bits;
mod groups;
mod k_quants;
mod legacy;
mod plain;
pub(super) mod scaled;
pub(crate) mod super_block;

use std::ops::Range;

use rayon::prelude::*;

use crate::half::F16;
use crate::model::{DType, Tensor};

/// Writes the values of `rows` to `out`; both were checked.
pub(super) fn rows(tensor: &Tensor, rows: Range<usize>, out: &mut [f32]) {
    let dtype = tensor.dtype();
    if let DType::Q8Groups { group_size } = dtype {
        let elements = rows.start * tensor.cols()..rows.end * tensor.cols();
        groups::elements(tensor.bytes(), tensor.len(), group_size, elements, out);
        return;
    }
    let stride = tensor.row_bytes();
    let bytes = &tensor.bytes()[rows.start * stride..rows.end * stride];
    let block = match dtype {
        DType::F32 => return plain::f32(bytes, out),
        DType::F16 => return plain::f16(bytes, out),
        DType::BF16 => return plain::bf16(bytes, out),
        DType::Q4_0 => legacy::q4_0,
        DType::Q4_1 => legacy::q4_1,
        DType::Q5_0 => legacy::q5_0,
        DType::Q5_1 => legacy::q5_1,
        DType::Q8_0 => legacy::q8_0,
        DType::Q2_K => k_quants::q2_k,
        DType::Q3_K => k_quants::q3_k,
        DType::Q4_K => k_quants::q4_k,
        DType::Q5_K => k_quants::q5_k,
        DType::Q6_K => k_quants::q6_k,
        DType::IQ4_NL => codebook::iq4_nl,
        DType::IQ4_XS => codebook::iq4_xs,
        DType::MXFP4 => codebook::mxfp4,
        DType::TQ1_0 => few_bits::tq1_0,
        DType::TQ2_0 => few_bits::tq2_0,
        DType::Q1_0 => few_bits::q1_0,
        DType::Q2_0 => few_bits::q2_0,
        DType::F8_E4M3 { .. } => scaled::e4m3,
        DType::Codes { bits, zeros, .. } => {
            return each(dtype, bytes, out, |block, values| {
                scaled::integers(bits, zeros, block, values);
            });
        }
        DType::Q8Groups { .. } => unreachable!("handled above"),
    };
    each(dtype, bytes, out, block);
}

/// Writes the values of each block.
fn each(dtype: DType, bytes: &[u8], out: &mut [f32], block: impl Fn(&[u8], &mut [f32])) {
    for (block_bytes, values) in bytes
        .chunks_exact(dtype.block_bytes())
        .zip(out.chunks_exact_mut(dtype.block_size()))
    {
        block(block_bytes, values);
    }
}

/// Index of the first element that is not finite and what it is.
pub(super) fn find_non_finite(tensor: &Tensor) -> Option<(usize, &'static str)> {
    let bytes = tensor.bytes();
    let dtype = tensor.dtype();
    let scales: &[usize] = match dtype {
        DType::F32 => return first(bytes, 4, plain::f32_is_finite).map(|i| (i, "element")),
        DType::F16 => return first(bytes, 2, plain::f16_is_finite).map(|i| (i, "element")),
        DType::BF16 => return first(bytes, 2, plain::bf16_is_finite).map(|i| (i, "element")),
        DType::Q8Groups { group_size } => {
            return first(&bytes[tensor.len()..], 4, plain::f32_is_finite)
                .map(|group| (group * group_size, "block scale"));
        }
        DType::MXFP4 => return first_block(tensor, codebook::mxfp4_is_finite),
        DType::F8_E4M3 { .. } => return first_block(tensor, scaled::e4m3_is_finite),
        DType::Codes { .. } => return first_block(tensor, scaled::integers_are_finite),
        DType::Q4_0
        | DType::Q5_0
        | DType::Q8_0
        | DType::IQ4_NL
        | DType::IQ4_XS
        | DType::Q1_0
        | DType::Q2_0 => &[0],
        DType::Q4_1 | DType::Q5_1 | DType::Q4_K | DType::Q5_K => &[0, 2],
        DType::Q2_K => &[80, 82],
        DType::Q3_K => &[108],
        DType::TQ1_0 => &[52],
        DType::TQ2_0 => &[64],
        DType::Q6_K => &[208],
    };
    first_block(tensor, |block| {
        scales.iter().all(|&at| half_at(block, at).is_finite())
    })
}

/// Whether the scales of all blocks of MXFP4 are normal numbers.
pub(super) fn mxfp4_is_normal(tensor: &Tensor) -> bool {
    first_block(tensor, codebook::mxfp4_is_normal).is_none()
}

/// As [`find_non_finite`], the first block that is not `fine`.
fn first_block(
    tensor: &Tensor,
    fine: impl Fn(&[u8]) -> bool + Sync,
) -> Option<(usize, &'static str)> {
    let dtype = tensor.dtype();
    let block = first(tensor.bytes(), dtype.block_bytes(), fine)?;
    Some((block * dtype.block_size(), "block scale"))
}

/// Index of the first record of `size` bytes that is not `fine`.
fn first(bytes: &[u8], size: usize, fine: impl Fn(&[u8]) -> bool + Sync) -> Option<usize> {
    const RECORDS: usize = 1 << 14;
    let chunk = bytes.par_chunks(size * RECORDS).position_first(|chunk| {
        !chunk
            .chunks_exact(size)
            .fold(true, |all, record| all & fine(record))
    })?;
    let start = chunk * RECORDS;
    bytes[start * size..]
        .chunks_exact(size)
        .position(|record| !fine(record))
        .map(|at| start + at)
}

/// The f16 at byte `at` of a block.
fn half_at(block: &[u8], at: usize) -> F16 {
    F16::from_le_bytes([block[at], block[at + 1]])
}
