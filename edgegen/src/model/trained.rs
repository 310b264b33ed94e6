//! Weights that are on the grid of `q4` as they are: each block of 32 is a scale times integers
//! from -8 to 7, since a model was trained so, or was stored so before.

use crate::half::F16;
use crate::model::Tensor;

/// Weights that have a scale together.
const BLOCK: usize = 32;

/// The greatest integer's magnitude: -8 has no positive counterpart.
const MOST: u8 = 8;

/// Numbers of f16 on either side of a rounded scale that it can be the rounding of: bf16 is off by
/// 2^-8 of a number at most, and those of f16 are 2^-11 of it apart at least.
const NEIGHBOURS: i32 = 9;

/// A block's scale and integers, if its values are their products: exactly, or rounded to f16 or
/// bf16 where all of them are such numbers.
pub(crate) fn on_grid(values: &[f32; BLOCK]) -> Option<(F16, [i8; BLOCK])> {
    let larger = |most: f32, &value: &f32| {
        if value.abs() > most.abs() {
            value
        } else {
            most
        }
    };
    let extreme = values.iter().fold(0.0, larger);
    if extreme == 0.0 {
        return Some((F16::from_f32(-extreme), [0; BLOCK]));
    }
    let roundings: [fn(f32) -> f32; 3] = [|value| value, to_f16, to_bf16];
    let possible = |round: &fn(f32) -> f32| values.iter().all(|&value| round(value) == value);
    roundings.into_iter().filter(possible).find_map(|round| {
        let mut most = (1..=MOST).rev();
        most.find_map(|most| with_extreme(values, extreme / -f32::from(most), round))
    })
}

/// As [`on_grid`], if the scale is near this one.
fn with_extreme(
    values: &[f32; BLOCK],
    scale: f32,
    round: fn(f32) -> f32,
) -> Option<(F16, [i8; BLOCK])> {
    let mut integers = [0; BLOCK];
    for (integer, value) in integers.iter_mut().zip(values) {
        let steps = value / scale;
        // A value and the extreme are off by 2^-8 of themselves at most: 7 steps by 7/128.
        if (steps - steps.round()).abs() > 1.0 / 16.0 || steps > 7.5 {
            return None;
        }
        *integer = steps.round() as i8;
    }
    let nearest = i32::from(F16::from_f32(scale).to_bits());
    let near = (0..=NEIGHBOURS).flat_map(|by| [nearest + by, nearest - by]);
    let scales = near.filter_map(|bits| Some(F16::from_bits(u16::try_from(bits).ok()?)));
    let mut scales = scales.filter(|scale| scale.is_finite());
    let scale = scales.find(|scale| {
        let mut pairs = integers.iter().zip(values);
        pairs.all(|(&integer, &value)| round(f32::from(integer) * scale.to_f32()) == value)
    })?;
    Some((scale, integers))
}

/// Whether all rows of a tensor are on the grid.
pub(super) fn is_on_grid(tensor: &Tensor) -> bool {
    use rayon::prelude::*;

    let cols = tensor.cols();
    (0..tensor.rows()).into_par_iter().all(|row| {
        let mut values = vec![0.0; cols.next_multiple_of(BLOCK)];
        tensor.dequantize_rows(row..row + 1, &mut values[..cols]);
        let mut blocks = values.as_chunks().0.iter();
        blocks.all(|block| on_grid(block).is_some())
    })
}

/// The nearest number of bf16; of two, the even one.
fn to_bf16(value: f32) -> f32 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1));
    f32::from_bits(rounded & 0xFFFF_0000)
}

fn to_f16(value: f32) -> f32 {
    F16::from_f32(value).to_f32()
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};
    use proptest::prelude::*;

    use super::*;

    type Round = fn(f32) -> f32;
    const ROUNDINGS: [Round; 3] = [
        |value| value,
        |value| bf16::from_f32(value).to_f32(),
        |value| f16::from_f32(value).to_f32(),
    ];

    proptest! {
        #[test]
        fn what_is_on_a_grid_is_found(
            integers in prop::array::uniform32(-8i8..=7),
            exponent in -10i32..2,
            mantissa in 1024u16..2048,
            negative in any::<bool>(),
            most in 1i8..=8,
        ) {
            let sign = if negative { -1.0 } else { 1.0 };
            let scale = sign * f32::from(mantissa) / 2048.0 * 2f32.powi(exponent);
            let integers = integers.map(|integer| integer.clamp(-most, most.min(7)));
            for round in ROUNDINGS {
                let values = integers.map(|integer| round(f32::from(integer) * scale));
                let (found, integers) = on_grid(&values).unwrap();
                for (integer, value) in integers.iter().zip(values) {
                    prop_assert!((-8..=7).contains(integer));
                    prop_assert_eq!(round(f32::from(*integer) * found.to_f32()), value);
                }
            }
        }

        #[test]
        fn what_is_on_none_is_not(
            integers in prop::array::uniform32(-8i8..=7),
            at in 1usize..32,
            by in 0.1f32..0.9,
        ) {
            let mut values = integers.map(f32::from);
            values[0] = -8.0;
            values[1] = 7.0;
            values[at] = (values[at].min(6.0) + by) * 1.01;
            prop_assert_eq!(on_grid(&values), None);
        }
    }

    #[test]
    fn the_range_is_not_symmetric() {
        let mut values = [0.0; BLOCK];
        (values[0], values[1], values[2]) = (8.0, 7.0, -7.0);
        assert!(on_grid(&values).is_some());
        values[2] = -8.0;
        assert_eq!(on_grid(&values), None);
    }

    /// No f16 has such a scale.
    #[test]
    fn scales_beyond_f16_are_none() {
        for scale in [1e9, 1.0 + 1.0 / 4096.0] {
            let values: [f32; BLOCK] = std::array::from_fn(|at| (at as f32 - 8.0).min(7.0) * scale);
            assert_eq!(on_grid(&values), None, "{scale}");
        }
    }
}
