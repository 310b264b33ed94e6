//! Every block type gives the values of ggml's numpy reference, to the bit.

use std::path::Path;

use edgegen::model::{DType, Tensor, View};

const TYPES: [DType; 19] = [
    DType::F16,
    DType::BF16,
    DType::Q4_0,
    DType::Q4_1,
    DType::Q5_0,
    DType::Q5_1,
    DType::Q8_0,
    DType::Q2_K,
    DType::Q3_K,
    DType::Q4_K,
    DType::Q5_K,
    DType::Q6_K,
    DType::IQ4_NL,
    DType::IQ4_XS,
    DType::TQ1_0,
    DType::TQ2_0,
    DType::MXFP4,
    DType::Q1_0,
    DType::Q2_0,
];

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dequantize");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn values_equal_the_reference() {
    for dtype in TYPES {
        let blocks = fixture(&format!("{}.blocks", dtype.name()));
        let expected: Vec<u32> = fixture(&format!("{}.f32", dtype.name()))
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        let bits = 8.0 * blocks.len() as f64 / expected.len() as f64;
        assert_eq!(dtype.bits_per_weight(), bits, "{}", dtype.name());
        let cols = expected.len() / 2;
        let tensor = Tensor::new("w", 2, cols, dtype, View::new(blocks)).unwrap();
        let mut values = vec![0.0f32; expected.len()];
        tensor.dequantize_rows(0..2, &mut values);
        let bits: Vec<u32> = values.iter().map(|v| v.to_bits()).collect();
        assert_eq!(bits, expected, "{}", dtype.name());
        let mut second = vec![0.0; cols];
        tensor.dequantize_rows(1..2, &mut second);
        assert_eq!(second, values[cols..], "{} row 1", dtype.name());
        assert_eq!(tensor.find_non_finite(), None);
    }
}

#[test]
fn groups_run_over_rows() {
    // Two rows of three, groups of two: the second group spans both rows.
    let mut bytes = vec![1u8, 2, 3, 0xFF, 5, 6];
    for scale in [1.0f32, 10.0, 100.0] {
        bytes.extend(scale.to_le_bytes());
    }
    let dtype = DType::Q8Groups { group_size: 2 };
    let tensor = Tensor::new("w", 2, 3, dtype, View::new(bytes)).unwrap();
    let mut values = [0.0; 3];
    tensor.dequantize_rows(1..2, &mut values);
    assert_eq!(values, [-10.0, 500.0, 600.0]);
    assert_eq!(tensor.find_non_finite(), None);
}

#[test]
fn a_bad_scale_of_groups_is_found_at_its_first_value() {
    let mut bytes = vec![1u8; 6];
    for scale in [1.0, 1.0, f32::NAN] {
        bytes.extend(scale.to_le_bytes());
    }
    let dtype = DType::Q8Groups { group_size: 2 };
    let tensor = Tensor::new("w", 2, 3, dtype, View::new(bytes)).unwrap();
    let found = tensor.find_non_finite().unwrap();
    assert_eq!((found.row, found.col, found.what), (1, 1, "block scale"));
}

#[test]
fn a_bad_scale_is_found_in_its_block() {
    for (dtype, at) in [
        (DType::Q4_1, 2),
        (DType::Q6_K, 208),
        (DType::Q2_K, 82),
        (DType::IQ4_NL, 0),
        (DType::IQ4_XS, 0),
        (DType::TQ1_0, 52),
        (DType::TQ2_0, 64),
        (DType::Q1_0, 0),
        (DType::Q2_0, 0),
    ] {
        let mut blocks = fixture(&format!("{}.blocks", dtype.name()));
        let at = dtype.block_bytes() * 3 + at;
        blocks[at..at + 2].copy_from_slice(&[0, 0x7E]);
        let cols = dtype.block_size() * 2;
        let tensor = Tensor::new("w", 2, cols, dtype, View::new(blocks)).unwrap();
        let found = tensor.find_non_finite().unwrap();
        assert_eq!((found.row, found.col), (1, dtype.block_size()));
        assert_eq!(found.what, "block scale");
    }
}

/// Exponent 255 is NaN by OCP's definition; 253 and 254 take the greatest element beyond f32.
#[test]
fn an_exponent_without_a_finite_value_is_found_in_its_block() {
    let dtype = DType::MXFP4;
    let tensor = |exponent| {
        let mut blocks = vec![0x77; 4 * 17];
        (0..4).for_each(|block| blocks[block * 17] = 127);
        blocks[3 * 17] = exponent;
        Tensor::new("w", 2, 64, dtype, View::new(blocks)).unwrap()
    };
    for exponent in [253, 254, 255] {
        let found = tensor(exponent).find_non_finite().unwrap();
        assert_eq!((found.row, found.col, found.what), (1, 32, "block scale"));
    }
    let most = tensor(252);
    assert_eq!(most.find_non_finite(), None);
    let mut values = [0.0; 64];
    most.dequantize_rows(1..2, &mut values);
    assert_eq!((values[0], values[32]), (6.0, 6.0 * 2f32.powi(125)));
}
