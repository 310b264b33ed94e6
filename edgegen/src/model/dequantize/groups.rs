//! llama2.c version 2: i8 elements of the whole tensor, then f32 scales of its groups.

use std::ops::Range;

/// Writes `elements` (indices into the flat tensor of `len` elements) to `out`.
pub(super) fn elements(
    bytes: &[u8],
    len: usize,
    group_size: usize,
    elements: Range<usize>,
    out: &mut [f32],
) {
    let (quants, scales) = bytes.split_at(len);
    for (value, at) in out.iter_mut().zip(elements) {
        let scale = &scales[at / group_size * 4..][..4];
        let scale = f32::from_le_bytes([scale[0], scale[1], scale[2], scale[3]]);
        *value = f32::from(quants[at] as i8) * scale;
    }
}
