//! The scalar kernels compute what they should: against naive code in f64, and properties.
//! That the other instruction sets equal the scalar one is `equal.rs`.

use std::marker::PhantomData;

use proptest::collection::vec;
use proptest::prelude::*;
use runtime_kernels::caches::i8::QuantizeHead;
use runtime_kernels::exp::exp;
use runtime_kernels::formats::{t2, t3, t4};
use runtime_kernels::half::f16_to_f32;
use runtime_kernels::{
    AddAssign, AddBias, All, Attention, ExpWeights, F16, F32, F32Cache, Format, Gelu, GeluErf,
    GeluMul, HeadLayerNorm, HeadNorm, I8Cache, IQ4NL, IQ4XS, Isa, Kernel, LayerNorm, LayerNormGain,
    MXFP4, MatMul, Q2K, Q3K, Q4, Q4K, Q4M, Q5, Q5K, Q5M, Q6K, Q8, Q8Block, Quantize, ROWS, Relu2,
    Relu2Mul, RmsNorm, Rope, RoundI8, Scale, SiluMul, SoftCap, T2, T3, T4, TQ1, TQ2, argmax,
    attention_span,
};

use super::layout::Layout;
use super::scalar;

fn float() -> impl Strategy<Value = f32> {
    -8.0f32..8.0
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Within `tolerance` of the sum of magnitudes that went into the value.
fn close(value: f32, expected: f64, magnitude: f64, tolerance: f64) -> Result<(), TestCaseError> {
    let error = (f64::from(value) - expected).abs();
    prop_assert!(
        error <= tolerance * magnitude + 1e-30,
        "{value} is not {expected}"
    );
    Ok(())
}

struct Unary<const EXP: bool>([f32; 8]);

impl<const EXP: bool> Kernel for Unary<EXP> {
    type Output = [f32; 8];

    fn run<I: Isa>(mut self, isa: I) -> [f32; 8] {
        let v = isa.load(&self.0);
        isa.store(if EXP { exp(isa, v) } else { isa.sqrt(v) }, &mut self.0);
        self.0
    }
}

/// Every `step`th float from `first` to `last`, by eights.
fn stride(first: u32, last: u32, step: u32) -> impl Iterator<Item = [f32; 8]> {
    (first..last - 8 * step)
        .step_by(8 * step as usize)
        .map(move |bits| core::array::from_fn(|i| f32::from_bits(bits + i as u32 * step)))
}

#[test]
fn exp_is_within_2_ulp() {
    let mut worst = 0.0f64;
    let positive = stride(0, 88.0f32.to_bits(), 499);
    let negative = stride((-0.0f32).to_bits(), (-87.0f32).to_bits(), 499);
    for x in positive.chain(negative) {
        for (x, y) in x.into_iter().zip(scalar().run(Unary::<true>(x))) {
            let exact = f64::from(x).exp();
            let ulp = f64::from((exact as f32).next_up()) - f64::from(exact as f32);
            worst = worst.max(((f64::from(y) - exact) / ulp).abs());
        }
    }
    assert!(worst <= 2.0, "{worst} ulp");
}

#[test]
fn exp_is_normal_and_finite_everywhere() {
    for x in stride(0, u32::MAX, 104_729) {
        for (x, y) in x.into_iter().zip(scalar().run(Unary::<true>(x))) {
            assert!(y.is_normal() && y > 0.0, "exp({x}) is {y}");
        }
    }
    assert_eq!(scalar().run(Unary::<true>([0.0; 8])), [1.0; 8]);
}

/// The greatest error, in units of the last place of what is exact.
fn worst(
    all: impl Iterator<Item = [f32; 8]>,
    found: impl Fn([f32; 8]) -> [f32; 8],
    exact: impl Fn(f64) -> f64,
) -> f64 {
    let mut worst = 0.0f64;
    for x in all {
        for (x, y) in x.into_iter().zip(found(x)) {
            let exact = exact(f64::from(x));
            let magnitude = exact.abs() as f32;
            let ulp = f64::from(magnitude.next_up()) - f64::from(magnitude);
            worst = worst.max((f64::from(y) - exact).abs() / ulp);
        }
    }
    worst
}

/// Some of all floats of both signs, up to a magnitude.
fn both_signs(last: f32) -> impl Iterator<Item = [f32; 8]> {
    let positive = stride(0, last.to_bits(), 499);
    positive.chain(stride((-0.0f32).to_bits(), (-last).to_bits(), 499))
}

#[test]
fn tanh_is_within_6_ulp() {
    let tanh = |mut x: [f32; 8]| {
        scalar().run(SoftCap {
            x: &mut x,
            cap: 1.0,
        });
        x
    };
    assert!(worst(both_signs(f32::MAX), tanh, f64::tanh) <= 6.0);
    let special = [
        0.0,
        -0.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        20.0,
        -20.0,
        1e-40,
        f32::NAN,
    ];
    let found = tanh(special);
    assert_eq!(
        found[..2].iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
        [0, 1 << 31]
    );
    assert_eq!(found[2..6], [1.0, -1.0, 1.0, -1.0]);
    assert!(found[6] == 1e-40 && found[7].is_nan());
}

#[test]
fn gelu_by_erf_is_within_6_ulp() {
    let gelu = |mut x: [f32; 8]| {
        scalar().run(GeluErf { x: &mut x });
        x
    };
    // Without cancellation on either side.
    let exact = |x: f64| x / 2.0 * libm::erfc(-x / std::f64::consts::SQRT_2);
    assert!(worst(both_signs(13.1875), gelu, exact) <= 6.0);
    assert!(
        worst(
            stride(13f32.to_bits(), f32::MAX.to_bits(), 9973),
            gelu,
            exact
        ) <= 0.5
    );
    let special = [
        0.0,
        -0.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        -14.0,
        -1e30,
        1.0,
    ];
    let found = gelu(special);
    assert_eq!(
        found[..2].iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
        [0, 1 << 31]
    );
    assert!(found[2] == f32::INFINITY && found[4].is_nan());
    for far in [3, 5, 6] {
        assert!(found[far] < 0.0 && found[far] > -1e-38, "{}", found[far]);
    }
}

#[test]
fn not_a_number_stays_when_it_is_bent() {
    let (mut square, up, mut out) = ([f32::NAN; 8], [1.0; 8], [[0.0; 8]; 2]);
    let [gelu, relu2] = &mut out;
    scalar().run(GeluMul {
        gate: &square,
        up: &up,
        out: gelu,
    });
    scalar().run(Relu2Mul {
        gate: &square,
        up: &up,
        out: relu2,
    });
    scalar().run(Relu2 { x: &mut square });
    assert!(out.as_flattened().iter().chain(&square).all(|x| x.is_nan()));
}

#[test]
fn sqrt_is_correctly_rounded() {
    let all = stride(0, f32::INFINITY.to_bits(), 997);
    let subnormal = stride(0, 0x0080_0000, 7);
    let near_squares = stride(0x3f80_0000, 0x4080_0000, 11);
    for x in all.chain(subnormal).chain(near_squares) {
        let expected = x.map(|x| x.sqrt().to_bits());
        assert_eq!(
            scalar().run(Unary::<false>(x)).map(f32::to_bits),
            expected,
            "{x:?}"
        );
    }
}

#[test]
fn f16_is_exact() {
    for bits in 0..=u16::MAX {
        let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
        if exponent == 31 {
            continue;
        }
        let magnitude = match exponent {
            0 => fraction * 2f64.powi(-24),
            _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
        };
        let value = f16_to_f32(bits);
        assert_eq!(f64::from(value.abs()), magnitude);
        assert_eq!(value.is_sign_negative(), bits >> 15 == 1);
    }
}

#[test]
fn argmax_is_the_first_of_the_best() {
    assert_eq!(argmax(&[1.0, 3.0, -2.0, 3.0]), 1);
    assert_eq!(argmax(&[-5.0, -4.0]), 1);
    assert_eq!(argmax(&[0.0, -0.0]), 0);
    assert_eq!(argmax(&[]), 0);
}

/// What a block means, from the description of the layout: 8 rows of 32 values, or of 256.
trait Meaning: Format {
    /// What a minimum and what is above it may have, and cancel.
    const CANCELS: f64 = 40.0;
    fn value(block: &[u8], row: usize, column: usize) -> f64;
    /// Bytes that make finite values of middling size.
    fn tame(block: &mut [u8]);
    fn input(x: &[f32]) -> Self::Input;
    fn input_value(x: &Self::Input, column: usize) -> f64;
}

fn half(block: &[u8], at: usize) -> f64 {
    f64::from(f16_to_f32(u16::from_le_bytes([block[at], block[at + 1]])))
}

/// Exponents from -15 to 0.
fn tame_halves(bytes: &mut [u8]) {
    for high in bytes.iter_mut().skip(1).step_by(2) {
        *high &= 0xbf;
    }
}

fn nibble(codes: &[u8], row: usize, c: usize) -> f64 {
    let byte = codes[32 * ((c % 16) / 4) + 4 * row + c % 4];
    f64::from(if c < 16 { byte % 16 } else { byte / 16 })
}

/// Bit `p` of the circle of 32 that is word `word` of a row; the block begins with its group's head.
fn bit(block: &[u8], word: usize, row: usize, p: usize) -> usize {
    let byte = block[16 + 32 * word + 4 * row + p % 32 / 8];
    usize::from(byte >> (p % 8) & 1)
}

fn level(levels: &[i8; 16], code: usize, block: &[u8], row: usize) -> f64 {
    f64::from(levels[code]) * half(block, 2 * row)
}

fn quantized(x: &[f32]) -> Q8Block {
    let [block] = of_one_scale(x);
    block
}

fn of_one_scale<const N: usize>(x: &[f32]) -> [Q8Block; N] {
    let mut out = [Q8Block::ZERO; N];
    scalar().run(Quantize {
        x,
        shared: N,
        out: &mut out,
    });
    out
}

macro_rules! meaning {
    ($format:ty, $halves:expr, |$block:ident, $row:ident, $c:ident| $value:expr, f32) => {
        meaning!(
            $format,
            $halves,
            |$block, $row, $c| $value,
            |x| x.try_into().expect("32 values"),
            |x, c| f64::from(x[c])
        );
    };
    ($format:ty, $halves:expr, |$block:ident, $row:ident, $c:ident| $value:expr, q8) => {
        meaning!(
            $format,
            $halves,
            |$block, $row, $c| $value,
            quantized,
            |x: &Q8Block, c: usize| { f64::from(x.q[c]) * f64::from(x.scale) }
        );
    };
    ($format:ty, $halves:expr, |$block:ident, $row:ident, $c:ident| $value:expr, $input:expr, $get:expr) => {
        impl Meaning for $format {
            fn value($block: &[u8], $row: usize, $c: usize) -> f64 {
                $value
            }
            fn tame(block: &mut [u8]) {
                tame_halves(&mut block[..$halves]);
            }
            fn input(x: &[f32]) -> Self::Input {
                let input: fn(&[f32]) -> Self::Input = $input;
                input(x)
            }
            fn input_value(x: &Self::Input, column: usize) -> f64 {
                let get: fn(&Self::Input, usize) -> f64 = $get;
                get(x, column)
            }
        }
    };
}

meaning!(
    Q8,
    16,
    |b, r, c| f64::from(b[16 + 32 * (c / 4) + 4 * r + c % 4] as i8) * half(b, 2 * r),
    q8
);
meaning!(
    Q4,
    16,
    |b, r, c| (nibble(&b[16..], r, c) - 8.0) * half(b, 2 * r),
    q8
);
meaning!(
    Q4M,
    32,
    |b, r, c| nibble(&b[32..], r, c) * half(b, 2 * r) + half(b, 16 + 2 * r),
    q8
);
meaning!(
    T2,
    16,
    |b, r, c| {
        let word = c / 4 % 4;
        let p = 8 * (c % 4) + 4 * (c / 16) + 2 * (word % 2);
        let code: usize = (0..4).map(|i| bit(b, word / 2, r, p + i) << i).sum();
        level(&t2::LEVELS, code, b, r)
    },
    q8
);
meaning!(
    T3,
    16,
    |b, r, c| {
        let word = c / 4 % 4;
        let p = 8 * (c % 4) + 4 * (c / 16);
        let low: usize = (0..2)
            .map(|i| bit(b, word / 2, r, p + 2 * (word % 2) + i) << i)
            .sum();
        let high: usize = (0..2).map(|i| bit(b, 2, r, p + word + 2 + i) << i).sum();
        level(&t3::LEVELS, low + 4 * high, b, r)
    },
    q8
);
meaning!(
    T4,
    16,
    |b, r, c| level(&t4::LEVELS, nibble(&b[16..], r, c) as usize, b, r),
    q8
);
meaning!(F16, 512, |b, r, c| half(b, 16 * c + 2 * r), f32);

impl Meaning for F32 {
    fn value(block: &[u8], row: usize, c: usize) -> f64 {
        let at = 32 * c + 4 * row;
        f64::from(f32::from_le_bytes([
            block[at],
            block[at + 1],
            block[at + 2],
            block[at + 3],
        ]))
    }
    fn tame(block: &mut [u8]) {
        for word in block.as_chunks_mut::<4>().0 {
            // Exponents up to 0.
            word[3] = (word[3] & 0x9f) | 0x20;
        }
    }
    fn input(x: &[f32]) -> [f32; 32] {
        x.try_into().expect("32 values")
    }
    fn input_value(x: &[f32; 32], column: usize) -> f64 {
        f64::from(x[column])
    }
}

/// A value by a format's layout.
fn laid_out<F: Layout>(block: &[u8], row: usize, c: usize) -> f64 {
    let scaled = f64::from(F::weight(block, row, c) * F::scale(block, row, c));
    let minimum = f64::from(F::minimum(block, row, c));
    let unit_of_minimums = F::MINIMUMS.map_or(0.0, |at| half(block, at + 2 * row));
    scaled * half(block, 2 * row) - minimum * unit_of_minimums
}

macro_rules! meaning_of_layout {
    ($($format:ty: $cancels:literal, $input:expr, $at:expr;)*) => {$(
        impl Meaning for $format {
            const CANCELS: f64 = $cancels;
            fn value(block: &[u8], row: usize, c: usize) -> f64 {
                laid_out::<Self>(block, row, c)
            }
            fn tame(block: &mut [u8]) {
                tame_halves(&mut block[..Self::MINIMUMS.unwrap_or(0) + 16]);
            }
            fn input(x: &[f32]) -> Self::Input {
                $input(x)
            }
            fn input_value(x: &Self::Input, column: usize) -> f64 {
                let at: fn(&Self::Input, usize) -> &Q8Block = $at;
                let block = at(x, column);
                f64::from(block.q[column % 32]) * f64::from(block.scale)
            }
        }
    )*};
}

meaning_of_layout! {
    Q5: 0.0, quantized, |x, _| x;
    Q5M: 70.0, quantized, |x, _| x;
    IQ4NL: 0.0, quantized, |x, _| x;
    Q2K: 90.0, of_one_scale, |x, c| &x[c / 32];
    Q3K: 0.0, of_one_scale, |x, c| &x[c / 32];
    Q4K: 1900.0, of_one_scale, |x, c| &x[c / 32];
    Q5K: 4000.0, of_one_scale, |x, c| &x[c / 32];
    Q6K: 0.0, of_one_scale, |x, c| &x[c / 32];
    IQ4XS: 0.0, of_one_scale, |x, c| &x[c / 32];
    TQ1: 0.0, of_one_scale, |x, c| &x[c / 32];
    TQ2: 0.0, of_one_scale, |x, c| &x[c / 32];
}

impl Meaning for MXFP4 {
    fn value(block: &[u8], row: usize, c: usize) -> f64 {
        f64::from(Self::weight(block, row, c)) * 2f64.powi(i32::from(block[row] as i8))
    }
    fn tame(block: &mut [u8]) {
        for power in &mut block[..8] {
            *power = (*power % 16).wrapping_sub(12);
        }
    }
    fn input(x: &[f32]) -> Q8Block {
        quantized(x)
    }
    fn input_value(x: &Q8Block, column: usize) -> f64 {
        f64::from(x.q[column]) * f64::from(x.scale)
    }
}

fn check_format<F: Meaning>(
    groups: usize,
    blocks: usize,
    tokens: usize,
    seed: &[u8],
    x: &[f32],
) -> Result<(), TestCaseError> {
    let (head, n, width) = (F::HEAD_BYTES, F::GROUP_BLOCK_BYTES, 32 * F::SPAN);
    let bytes = F::group_bytes(blocks * F::SPAN);
    let seed = seed.iter().copied().cycle();
    let mut weights: Vec<u8> = seed.take(groups * bytes).collect();
    for group in weights.chunks_exact_mut(bytes) {
        match head {
            0 => group.chunks_exact_mut(n).for_each(F::tame),
            _ => F::tame(&mut group[..head]),
        }
    }
    // A block with its group's head.
    let block =
        |group: &[u8], index: usize| [&group[..head], &group[head + index * n..][..n]].concat();
    let x: Vec<f32> = x
        .iter()
        .copied()
        .cycle()
        .take(width * tokens * blocks)
        .collect();
    let input: Vec<_> = x.chunks_exact(width).map(F::input).collect();
    let stride = 8 * groups;
    let mut out = vec![0.0; tokens * stride];
    scalar().run(MatMul::<F, _, _> {
        weights: &weights,
        groups,
        blocks: blocks * F::SPAN,
        input: &input,
        tokens,
        out: &mut out,
        stride,
    });
    let mut decoded = vec![0.0; width * blocks];
    for row in 0..8 * groups {
        let group = &weights[row / 8 * bytes..][..bytes];
        F::row(group, row % 8, &mut decoded);
        for (column, &value) in decoded.iter().enumerate() {
            let exact = F::value(&block(group, column / width), row % 8, column % width);
            close(value, exact, exact.abs() + 1e-3, 1e-6)?;
        }
        for token in 0..tokens {
            let (mut sum, mut magnitude) = (0.0, 0.0);
            for column in 0..width * blocks {
                let w = F::value(&block(group, column / width), row % 8, column % width);
                let x = F::input_value(&input[token * blocks + column / width], column % width);
                sum += w * x;
                // A minimum and the codes above it may cancel.
                magnitude += (w.abs() + F::CANCELS) * x.abs();
            }
            close(out[token * stride + row], sum, magnitude, 1e-5)?;
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn matmul_is_a_sum_of_products(
        (groups, blocks, tokens) in (1usize..6, 1usize..4, 1usize..6),
        seed in vec(any::<u8>(), 997),
        x in vec(float(), 331),
    ) {
        check_format::<Q8>(groups, blocks, tokens, &seed, &x)?;
        check_format::<Q5>(groups, blocks, tokens, &seed, &x)?;
        check_format::<Q5M>(groups, blocks, tokens, &seed, &x)?;
        check_format::<IQ4NL>(groups, blocks, tokens, &seed, &x)?;
        check_format::<MXFP4>(groups, blocks, tokens, &seed, &x)?;
        check_format::<Q2K>(groups, blocks, tokens, &seed, &x)?;
        check_format::<Q3K>(groups, blocks, tokens, &seed, &x)?;
        check_format::<Q4K>(groups, blocks, tokens, &seed, &x)?;
        check_format::<Q5K>(groups, blocks, tokens, &seed, &x)?;
        check_format::<Q6K>(groups, blocks, tokens, &seed, &x)?;
        check_format::<IQ4XS>(groups, blocks, tokens, &seed, &x)?;
        check_format::<TQ1>(groups, blocks, tokens, &seed, &x)?;
        check_format::<TQ2>(groups, blocks, tokens, &seed, &x)?;
        check_format::<Q4>(groups, blocks, tokens, &seed, &x)?;
        check_format::<Q4M>(groups, blocks, tokens, &seed, &x)?;
        check_format::<T2>(groups, blocks, tokens, &seed, &x)?;
        check_format::<T3>(groups, blocks, tokens, &seed, &x)?;
        check_format::<T4>(groups, blocks, tokens, &seed, &x)?;
        check_format::<F16>(groups, blocks, tokens, &seed, &x)?;
        check_format::<F32>(groups, blocks, tokens, &seed, &x)?;
    }

    #[test]
    fn a_token_in_a_batch_is_the_token_alone(x in vec(float(), 64 * 7), seed in vec(any::<u8>(), 997)) {
        let weights: Vec<u8> = seed.iter().copied().cycle().take(5 * 2 * 272).collect();
        let mut weights = weights;
        weights.chunks_exact_mut(272).for_each(Q8::tame);
        let input: Vec<_> = x.chunks_exact(32).map(quantized).collect();
        let run = |input: &[Q8Block], tokens| {
            let mut out = vec![0.0; 40 * tokens];
            let (weights, out_slice) = (&weights[..], &mut out[..]);
            scalar().run(MatMul::<Q8, _, _> {
                weights, groups: 5, blocks: 2, input, tokens, out: out_slice, stride: 40,
            });
            out
        };
        let together = run(&input, 7);
        for (t, input) in input.chunks_exact(2).enumerate() {
            prop_assert_eq!(&together[40 * t..][..40], &run(input, 1)[..]);
        }
    }

    #[test]
    fn quantize_is_within_half_a_step(x in vec(-1e4f32..1e4, 32)) {
        let block = quantized(&x);
        let amax = x.iter().fold(0.0f32, |max, x| max.max(x.abs()));
        prop_assert_eq!(block.scale, amax / 127.0);
        let sum8 = 8 * block.q.iter().map(|&q| i32::from(q)).sum::<i32>();
        prop_assert_eq!((block.center, block.sum8), (-sum8, sum8 as f32));
        let halves = [block.half_sums as i16, (block.half_sums >> 16) as i16];
        for (q, sum) in block.q.chunks(16).zip(halves) {
            prop_assert_eq!(q.iter().map(|&q| i16::from(q)).sum::<i16>(), sum);
        }
        for (x, q) in x.iter().zip(block.q) {
            prop_assert!(q >= -127);
            prop_assert!((x - f32::from(q) * block.scale).abs() <= block.scale * 0.5001);
        }
    }

    #[test]
    fn rms_norm_normalizes(x in vec(float(), 1..100), gain in vec(float(), 128)) {
        let (size, padded) = (x.len(), x.len().next_multiple_of(32));
        let mut x = x;
        x.resize(padded, 0.0);
        let mut out = vec![0.0; padded];
        scalar().run(RmsNorm { x: &x, gain: &bytes(&gain[..padded]), eps: 1e-5, size, out: &mut out });
        let mean = x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / size as f64;
        for ((&x, &gain), &out) in x.iter().zip(&gain).zip(&out) {
            let expected = f64::from(x) / (mean + 1e-5).sqrt() * f64::from(gain);
            close(out, expected, expected.abs(), 1e-6)?;
        }
    }

    #[test]
    fn layer_norm_normalizes(x in vec(float(), 1..100), gain in vec(float(), 104), bias in vec(float(), 104)) {
        let (size, padded) = (x.len(), x.len().next_multiple_of(8));
        let mut x = x;
        x.resize(padded, f32::NAN);
        let [gain, bias] = [gain, bias].map(|mut values| {
            values.truncate(padded);
            values[size..].fill(0.0);
            values
        });
        let mut out = vec![-1.0; padded];
        let (gains, biases) = (bytes(&gain), bytes(&bias));
        x[size..].fill(0.0);
        scalar().run(LayerNorm { x: &x, gain: &gains, bias: &biases, eps: 1e-5, size, out: &mut out });
        let values = || x[..size].iter().map(|&x| f64::from(x));
        let mean = values().sum::<f64>() / size as f64;
        let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / size as f64;
        let scale = 1.0 / (variance + f64::from(1e-5f32)).sqrt();
        let greatest = values().fold(0.0, |most: f64, x| most.max(x.abs()));
        for (i, &out) in out.iter().enumerate() {
            let (gain, bias) = (f64::from(gain[i]), f64::from(bias[i]));
            let expected = match i < size {
                true => (f64::from(x[i]) - mean) * scale * gain + bias,
                false => 0.0,
            };
            // The mean is as exact as the greatest value.
            close(out, expected, (greatest * scale * gain).abs() + bias.abs(), 4e-6)?;
        }
    }

    #[test]
    fn head_norm_normalizes_each_head(x in vec(float(), 3 * 26), gain in vec(float(), 26)) {
        for head_dim in [1, 6, 8, 13, 26] {
            let mut out = x.clone();
            let heads = x.len() / head_dim;
            scalar().run(HeadNorm { x: &mut out, gain: &bytes(&gain), eps: 1e-6, heads, head_dim });
            for (x, out) in x.chunks_exact(head_dim).zip(out.chunks_exact(head_dim)) {
                let mean = x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / head_dim as f64;
                for ((&x, &gain), &out) in x.iter().zip(&gain).zip(out) {
                    let expected = f64::from(x) / (mean + f64::from(1e-6f32)).sqrt() * f64::from(gain);
                    close(out, expected, expected.abs(), 1e-6)?;
                }
            }
        }
    }

    #[test]
    fn a_layer_norm_without_bias_is_one_with_a_bias_of_zero(
        x in vec(float(), 1..100), gain in vec(float(), 104), heads in 1usize..4,
    ) {
        let (size, padded) = (x.len(), x.len().next_multiple_of(8));
        let with_bias = |x: &[f32], gain: &[f32]| {
            let (mut x, mut gain) = (x.to_vec(), gain[..size].to_vec());
            x.resize(padded, 0.0);
            gain.resize(padded, 0.0);
            let (gain, bias) = (bytes(&gain), bytes(&vec![0.0; padded]));
            let mut out = vec![-1.0; padded];
            scalar().run(LayerNorm { x: &x, gain: &gain, bias: &bias, eps: 1e-5, size, out: &mut out });
            let mut without = vec![-1.0; padded];
            scalar().run(LayerNormGain { x: &x, gain: &gain, eps: 1e-5, size, out: &mut without });
            (out, without)
        };
        let (out, without) = with_bias(&x, &gain);
        prop_assert_eq!(&without, &out);

        let turned = |head: usize, of: &[f32]| -> Vec<f32> {
            of.iter().cycle().skip(head).take(size).copied().collect()
        };
        let mut all: Vec<f32> = (0..heads).flat_map(|head| turned(head, &x)).collect();
        let gains: Vec<f32> = (0..heads).flat_map(|head| turned(head, &gain)).collect();
        scalar().run(HeadLayerNorm {
            x: &mut all, gain: &bytes(&gains), eps: 1e-5, heads, head_dim: size,
        });
        for (head, found) in all.chunks(size).enumerate() {
            let (expected, _) = with_bias(&turned(head, &x), &turned(head, &gain));
            prop_assert_eq!(found, &expected[..size]);
        }
    }

    #[test]
    fn gelu_bends(x in vec(-12.0f32..12.0, 24)) {
        let mut out = x.clone();
        scalar().run(Gelu { x: &mut out });
        for (&x, &out) in x.iter().zip(&out) {
            let x = f64::from(x);
            let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            let expected = x / 2.0 * (1.0 + u.tanh());
            close(out, expected, x.abs(), 1e-6)?;
        }
    }

    #[test]
    fn rope_rotates(x in vec(float(), 2 * 26), angles in vec(-3.0f32..3.0, 11)) {
        let cos: Vec<f32> = angles.iter().map(|a| a.cos()).collect();
        let sin: Vec<f32> = angles.iter().map(|a| a.sin()).collect();
        let table = bytes(&[&cos[..], &sin[..]].concat());
        let mut out = x.clone();
        scalar().run(Rope { x: &mut out, heads: 2, head_dim: 26, half: 11, table: &table });
        for (x, out) in x.chunks_exact(26).zip(out.chunks_exact(26)) {
            for (i, angle) in angles.iter().enumerate() {
                let (a, b, angle) = (f64::from(x[i]), f64::from(x[i + 11]), f64::from(*angle));
                close(out[i], a * angle.cos() - b * angle.sin(), 16.0, 1e-6)?;
                close(out[i + 11], a * angle.sin() + b * angle.cos(), 16.0, 1e-6)?;
            }
            prop_assert_eq!(&x[22..], &out[22..]);
        }
    }

    #[test]
    fn attention_is_softmax_times_values(
        head_dim in 1usize..70, before in 0usize..20, tokens in 1usize..4,
        window in proptest::option::of(1usize..30), cap in proptest::option::of(0.2f32..4.0), seed in vec(-2.0f32..2.0, 997),
    ) {
        let (heads, heads_per_kv, kv_heads) = (6, 3, 2);
        let positions = before + tokens;
        let context = window.map_or(positions + 8, |window| window + tokens - 1).next_multiple_of(8);
        let (columns, size) = (head_dim.div_ceil(8), context * head_dim.next_multiple_of(8));
        let take = |skip, n| seed.iter().copied().cycle().skip(skip).take(n).collect::<Vec<_>>();
        let q = take(3, tokens * heads * head_dim);
        let (keys, values) = (take(500, kv_heads * size), take(77, kv_heads * size));
        let key = |head, t: usize, d| {
            let t = t % context;
            keys[head * size + (t / 8 * columns * 8 + d) * 8 + t % 8]
        };
        let value = |head, t: usize, d: usize| {
            values[head * size + (d / 8 * context + t % context) * 8 + d % 8]
        };
        let mut scores = vec![0.0; ROWS * attention_span(positions, window)];
        let mut out = vec![0.0; tokens * heads * head_dim];
        for kv_head in 0..kv_heads {
            let first = kv_head * heads_per_kv * head_dim;
            scalar().run(Attention {
                cache: PhantomData::<F32Cache>, queries: &q[first..], query_stride: heads * head_dim, rows: 0..tokens * heads_per_kv,
                position: before, window, keys: &keys[kv_head * size..], values: &values[kv_head * size..], context, head_dim,
                heads_per_kv, scale: 0.3, cap, scores: &mut scores, out: &mut out[first..],
                out_stride: heads * head_dim,
            });
        }
        for row in 0..tokens * heads {
            let (sees, head) = (before + row / heads + 1, row % heads / heads_per_kv);
            let first = window.map_or(0, |window| sees.saturating_sub(window));
            let weights: Vec<f64> = (first..sees).map(|t| {
                let score: f64 = (0..head_dim)
                    .map(|d| f64::from(q[row * head_dim + d]) * f64::from(key(head, t, d)))
                    .sum();
                let score = score * f64::from(0.3f32);
                let bounded = |cap: f32| f64::from(cap) * (score / f64::from(cap)).tanh();
                cap.map_or(score, bounded).exp()
            }).collect();
            let sum: f64 = weights.iter().sum();
            for d in 0..head_dim {
                let expected: f64 = (first..sees).zip(&weights)
                    .map(|(t, w)| w * f64::from(value(head, t, d))).sum::<f64>() / sum;
                close(out[row * head_dim + d], expected, 2.0, 1e-4)?;
            }
        }
    }

    #[test]
    fn attention_on_i8_is_softmax_times_values(
        head_dim in 1usize..70, before in 0usize..20, tokens in 1usize..4,
        seed in vec(-2.0f32..2.0, 997), codes in vec(any::<i8>(), 991),
    ) {
        let heads = 3;
        let positions = before + tokens;
        let context = positions.next_multiple_of(8) + 8;
        let (columns, words) = (head_dim.div_ceil(8), 2 * head_dim.div_ceil(8) + 1);
        let take = |skip, n| seed.iter().copied().cycle().skip(skip).take(n).collect::<Vec<_>>();
        let q = take(3, tokens * heads * head_dim);
        let scales: [Vec<f32>; 2] = [41, 503].map(|skip| take(skip, context).iter().map(|s| s / 127.0).collect());
        let code = |which: usize, t: usize, d: usize| codes[(which * 377 + t * 101 + d * 7) % codes.len()];
        let word = |which, t, at: usize| f32::from_le_bytes(core::array::from_fn(|i| code(which, t, 4 * at + i) as u8));
        let (mut keys, mut values) = (vec![0.0; words * context], vec![0.0; words * context]);
        for t in 0..context {
            for at in 0..2 * columns {
                keys[(t / 8 * words + at) * 8 + t % 8] = word(0, t, at);
                values[(at / 2 * context + t) * 2 + at % 2] = word(1, t, at);
            }
            keys[(t / 8 * words + 2 * columns) * 8 + t % 8] = scales[0][t];
            values[2 * columns * context + t] = scales[1][t];
        }
        let element = |which: usize, t: usize, d| f64::from(code(which, t, d)) * f64::from(scales[which][t]);
        let mut scores = vec![0.0; ROWS * positions.next_multiple_of(8)];
        let mut out = vec![0.0; tokens * heads * head_dim];
        scalar().run(Attention {
            cache: PhantomData::<I8Cache>, queries: &q, query_stride: heads * head_dim, rows: 0..tokens * heads,
            position: before, window: All, keys: &keys, values: &values, context, head_dim, heads_per_kv: heads,
            scale: 0.3, cap: None, scores: &mut scores, out: &mut out, out_stride: heads * head_dim,
        });
        for (row, query) in q.chunks(head_dim).enumerate() {
            let sees = before + row / heads + 1;
            let amax = query.iter().fold(0.0f32, |amax, x| amax.max(x.abs()));
            let query = query.iter().map(|x| f64::from((x * (127.0 / amax)).round_ties_even()) * f64::from(amax / 127.0));
            let query: Vec<f64> = query.collect();
            let weights: Vec<f64> = (0..sees).map(|t| {
                let score: f64 = query.iter().enumerate().map(|(d, q)| q * element(0, t, d)).sum();
                (score * f64::from(0.3f32)).exp()
            }).collect();
            let sum: f64 = weights.iter().sum();
            for d in 0..head_dim {
                let expected = weights.iter().enumerate().map(|(t, w)| w * element(1, t, d)).sum::<f64>() / sum;
                close(out[row * head_dim + d], expected, 2.0, 1e-4)?;
            }
        }
    }

    #[test]
    fn a_head_in_i8_is_within_half_a_step(x in vec(float(), 1..256)) {
        let head = scalar().run(QuantizeHead { x: &x });
        let q = head.words.iter().flat_map(|word| word.to_le_bytes()).map(|q| q as i8);
        let amax = x.iter().fold(0.0f32, |amax, x| amax.max(x.abs()));
        close(head.scale, f64::from(amax) / 127.0, f64::from(amax), 1e-6)?;
        for (d, q) in q.enumerate() {
            let x = x.get(d).copied().unwrap_or(0.0);
            let error = f64::from(q) * f64::from(head.scale) - f64::from(x);
            prop_assert!(error.abs() <= 0.5001 * f64::from(head.scale), "{q} is not {x}");
        }
    }

    #[test]
    fn silu_mul_gates(gate in vec(-80.0f32..80.0, 24), up in vec(float(), 24)) {
        let mut out = [0.0; 24];
        scalar().run(SiluMul { gate: &gate, up: &up, out: &mut out });
        for ((&g, &up), &out) in gate.iter().zip(&up).zip(&out) {
            let expected = f64::from(g) / (1.0 + (-f64::from(g)).exp()) * f64::from(up);
            close(out, expected, expected.abs(), 1e-6)?;
        }
    }

    #[test]
    fn gates_bend(gate in vec(-12.0f32..12.0, 24), up in vec(float(), 24)) {
        let (mut gelu, mut relu2) = (vec![-1.0; 24], vec![-1.0; 24]);
        scalar().run(GeluMul { gate: &gate, up: &up, out: &mut gelu });
        scalar().run(Relu2Mul { gate: &gate, up: &up, out: &mut relu2 });
        let (mut bent, mut square) = (gate.clone(), gate.clone());
        scalar().run(Gelu { x: &mut bent });
        scalar().run(Relu2 { x: &mut square });
        for i in 0..24 {
            prop_assert_eq!(gelu[i], bent[i] * up[i]);
            prop_assert_eq!(square[i], gate[i].max(0.0) * gate[i].max(0.0));
            prop_assert_eq!(relu2[i], square[i] * up[i]);
        }
    }

    #[test]
    fn eight_bits_are_near(x in vec(float(), 24)) {
        let mut out = x.clone();
        scalar().run(RoundI8 { x: &mut out });
        let step = f64::from(x.iter().fold(1e-5f32, |amax, x| amax.max(x.abs()))) / 127.0;
        for (&x, &out) in x.iter().zip(&out) {
            let steps = f64::from(out) / step;
            prop_assert!((steps - steps.round()).abs() < 1e-4, "{steps}");
            prop_assert!((f64::from(out) - f64::from(x)).abs() <= 0.501 * step, "{x}: {out}");
        }
    }

    #[test]
    fn a_cap_is_a_tangent(x in vec(-200.0f32..200.0, 24), cap in 0.5f32..60.0) {
        let mut out = x.clone();
        scalar().run(SoftCap { x: &mut out, cap });
        for (&x, &out) in x.iter().zip(&out) {
            let expected = f64::from(cap) * (f64::from(x) / f64::from(cap)).tanh();
            close(out, expected, expected.abs(), 1e-6)?;
            prop_assert!(out.abs() <= cap);
        }
    }

    #[test]
    fn exp_weights_are_softmax_without_division(logits in vec(-40.0f32..40.0, 24), factor in 0.1f32..2.0) {
        let max = logits.iter().copied().fold(f32::MIN, f32::max);
        let mut out = logits.clone();
        scalar().run(ExpWeights { x: &mut out, max, factor });
        for (&logit, &out) in logits.iter().zip(&out) {
            let expected = ((f64::from(logit) - f64::from(max)) * f64::from(factor)).exp();
            close(out, expected, expected, 2e-5)?;
        }
    }

    #[test]
    fn additions_add(x in vec(float(), 40), y in vec(float(), 40)) {
        let expected: Vec<f32> = x.iter().zip(&y).map(|(x, y)| x + y).collect();
        let (mut a, mut b) = (x.clone(), x);
        scalar().run(AddAssign { x: &mut a, y: &y });
        scalar().run(AddBias { x: &mut b, bias: &bytes(&y) });
        prop_assert_eq!(&a, &expected);
        prop_assert_eq!(&b, &expected);
    }

    #[test]
    fn a_scale_multiplies(x in vec(float(), 40), factor in float()) {
        let expected: Vec<f32> = x.iter().map(|x| x * factor).collect();
        let mut out = x;
        scalar().run(Scale { x: &mut out, factor });
        prop_assert_eq!(&out, &expected);
    }
}
