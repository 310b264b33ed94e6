//! Random tensors in GGUF's encodings, with the values that they mean.

use edgegen::model::{DType, Tensor, View};
use half::{bf16, f16};

/// splitmix64.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From -1 to 1.
    pub fn signed(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// A tensor's bytes in a file and the values that they stand for.
#[derive(Debug, Clone)]
pub struct Stored {
    pub rows: usize,
    pub cols: usize,
    pub dtype: DType,
    pub bytes: Vec<u8>,
    pub values: Vec<f32>,
}

impl Stored {
    pub fn f32(rows: usize, cols: usize, values: Vec<f32>) -> Self {
        Self {
            rows,
            cols,
            dtype: DType::F32,
            bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            values,
        }
    }

    /// Values within about `amplitude` of zero.
    pub fn random(
        random: &mut Random,
        rows: usize,
        cols: usize,
        dtype: DType,
        amplitude: f32,
    ) -> Self {
        let mut stored = Self {
            rows,
            cols,
            dtype,
            bytes: Vec::new(),
            values: Vec::new(),
        };
        if let DType::Q8Groups { group_size } = dtype {
            stored.groups(random, group_size, amplitude);
            return stored;
        }
        assert_eq!(cols % dtype.block_size(), 0, "whole blocks");
        for _ in 0..rows * cols / dtype.block_size() {
            stored.block(random, amplitude);
        }
        stored
    }

    fn block(&mut self, random: &mut Random, amplitude: f32) {
        let plain = random.signed() * amplitude;
        match self.dtype {
            DType::F32 => self.push(&plain.to_le_bytes(), &[plain]),
            DType::F16 => {
                let half = f16::from_f32(plain);
                self.push(&half.to_le_bytes(), &[half.to_f32()]);
            }
            DType::BF16 => {
                let half = bf16::from_f32(plain);
                self.push(&half.to_le_bytes(), &[half.to_f32()]);
            }
            DType::Q8_0 => {
                let quants: Vec<i8> = (0..32).map(|_| random.next() as i8).collect();
                let scale = scale(random, amplitude, 128.0);
                self.push(&scale.to_le_bytes(), &[]);
                let bytes: Vec<u8> = quants.iter().map(|&q| q as u8).collect();
                let values: Vec<f32> = quants
                    .iter()
                    .map(|&q| f32::from(q) * scale.to_f32())
                    .collect();
                self.push(&bytes, &values);
            }
            DType::Q4_0 => self.nibbles(random, amplitude, None, 8.0, false),
            DType::Q5_0 => self.nibbles(random, amplitude, None, 16.0, true),
            DType::Q4_1 => self.nibbles(random, amplitude, Some(-amplitude), 0.0, false),
            DType::Q5_1 => self.nibbles(random, amplitude, Some(-amplitude), 0.0, true),
            other => self.super_block(random, amplitude, other),
        }
    }

    /// A block of random integers, with the values that the product's own tensor says: those are
    /// compared with a reference in `dequantize.rs`.
    fn super_block(&mut self, random: &mut Random, amplitude: f32, dtype: DType) {
        // Where the f16 are, and the greatest integers that they are multiplied by.
        let (halves, most): (&[usize], f32) = match dtype {
            DType::Q2_K => (&[80, 82], 3.0 * 15.0),
            DType::Q3_K => (&[108], 4.0 * 32.0),
            DType::Q4_K => (&[0, 2], 15.0 * 63.0),
            DType::Q5_K => (&[0, 2], 31.0 * 63.0),
            DType::Q6_K => (&[208], 32.0 * 128.0),
            DType::IQ4_NL => (&[0], 127.0),
            DType::IQ4_XS => (&[0], 127.0 * 32.0),
            DType::TQ1_0 => (&[52], 2.0),
            DType::TQ2_0 => (&[64], 2.0),
            DType::MXFP4 => (&[], 0.0),
            other => panic!("no random blocks of {}", other.name()),
        };
        let mut block: Vec<u8> = (0..dtype.block_bytes())
            .map(|_| random.next() as u8)
            .collect();
        for &at in halves {
            block[at..at + 2].copy_from_slice(&scale(random, amplitude, most).to_le_bytes());
        }
        if dtype == DType::MXFP4 {
            // 2^-3 to 2^-6 of at most 12, halved.
            block[0] = 121 + (random.next() % 4) as u8;
        }
        let view = View::new(block.clone());
        let tensor = Tensor::new("w", 1, dtype.block_size(), dtype, view).unwrap();
        let mut values = vec![0.0; dtype.block_size()];
        tensor.dequantize_rows(0..1, &mut values);
        self.push(&block, &values);
    }

    /// A block of 4 or 5 bits: element i in the low half of byte i, i + 16 in the high.
    fn nibbles(
        &mut self,
        random: &mut Random,
        amplitude: f32,
        minimum: Option<f32>,
        offset: f32,
        fifth: bool,
    ) {
        let levels = if fifth { 32 } else { 16 };
        let quants: Vec<u8> = (0..32).map(|_| (random.next() % levels) as u8).collect();
        let scale = scale(random, amplitude, levels as f32 / 2.0);
        let minimum = minimum.map(f16::from_f32);
        self.push(&scale.to_le_bytes(), &[]);
        if let Some(minimum) = minimum {
            self.push(&minimum.to_le_bytes(), &[]);
        }
        if fifth {
            let bits = (0..32).fold(0u32, |bits, i| bits | u32::from(quants[i] >> 4) << i);
            self.push(&bits.to_le_bytes(), &[]);
        }
        let bytes: Vec<u8> = (0..16)
            .map(|i| (quants[i] & 15) | (quants[i + 16] & 15) << 4)
            .collect();
        let minimum = minimum.map_or(0.0, f16::to_f32);
        let values: Vec<f32> = quants
            .iter()
            .map(|&q| (f32::from(q) - offset) * scale.to_f32() + minimum)
            .collect();
        self.push(&bytes, &values);
    }

    fn groups(&mut self, random: &mut Random, group_size: usize, amplitude: f32) {
        let count = self.rows * self.cols;
        assert_eq!(count % group_size, 0, "whole groups");
        let quants: Vec<i8> = (0..count).map(|_| (random.next() % 255) as i8).collect();
        let scales: Vec<f32> = (0..count / group_size)
            .map(|_| scale(random, amplitude, 128.0).to_f32() * 1.01)
            .collect();
        self.bytes = quants.iter().map(|&q| q as u8).collect();
        self.bytes
            .extend(scales.iter().flat_map(|s| s.to_le_bytes()));
        self.values = (0..count)
            .map(|i| f32::from(quants[i]) * scales[i / group_size])
            .collect();
    }

    fn push(&mut self, bytes: &[u8], values: &[f32]) {
        self.bytes.extend_from_slice(bytes);
        self.values.extend_from_slice(values);
    }
}

/// A scale that takes quants of up to `most` to about `amplitude`.
fn scale(random: &mut Random, amplitude: f32, most: f32) -> f16 {
    f16::from_f32((1.0 + 0.5 * random.signed()) * amplitude / most)
}
