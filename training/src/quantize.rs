//! Weights rounded to what edgegen's `q4` holds (GGUF's Q4_0: blocks of 32
//! columns, one f16 scale, sixteen steps), so that training meets its errors.

use anyhow::Result;
use candle_core::{Device, Tensor};
use half::f16;

/// A matrix with every weight on its block's grid.
///
/// # Errors
/// If candle fails.
pub fn fake_q4(matrix: &Tensor) -> Result<Tensor> {
    let shape = matrix.dims2()?;
    let mut values = matrix.flatten_all()?.to_vec1::<f32>()?;
    for block in values.as_chunks_mut::<32>().0 {
        let extreme = block
            .iter()
            .fold(0.0, |m: f32, &v| if v.abs() > m.abs() { v } else { m });
        let scale = f16::from_f32(extreme / -8.0).to_f32();
        let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        for value in block {
            *value = (*value * inverse).round().clamp(-8.0, 7.0) * scale;
        }
    }
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}
