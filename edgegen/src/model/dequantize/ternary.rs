//! BitNet's rows: an f32, then 2 bits a weight.

/// Writes the values of a row.
pub(super) fn row(row: &[u8], out: &mut [f32]) {
    let scale = scale(row);
    for (value, code) in out.iter_mut().zip(codes(row)) {
        *value = (f32::from(code) - 1.0) * scale;
    }
}

/// What all weights of a row are multiplied with.
pub(in crate::model) fn scale(row: &[u8]) -> f32 {
    f32::from_le_bytes([row[0], row[1], row[2], row[3]])
}

/// The weights and 1 more, and what fills the last byte.
pub(in crate::model) fn codes(row: &[u8]) -> impl Iterator<Item = u8> {
    let bytes = row[4..].iter();
    bytes.flat_map(|byte| [0, 2, 4, 6].map(|shift| byte >> shift & 3))
}
