//! The bits of the scalar kernels, against their definitions: plain loops with the order of sums
//! that is law. What they should compute is `oracle.rs`, that the other sets equal them `equal.rs`.

use std::marker::PhantomData;

use runtime_kernels::caches::i8::QuantizeHead;
use runtime_kernels::exp::exp;
use runtime_kernels::half::f16_at;
use runtime_kernels::sum::sum_of_products;
use runtime_kernels::{
    Attention, BitHash, Cache, ExpWeights, F16, F32, F32Cache, Format, Gelu, GeluErf, GeluMul,
    HeadLayerNorm, HeadNorm, I8Cache, IQ4NL, IQ4XS, Isa, Kernel, LayerNorm, LayerNormGain, MXFP4,
    MatMul, Q2K, Q3K, Q4, Q4K, Q4M, Q5, Q5K, Q5M, Q6K, Q8, Q8Block, Quantize, ROWS, Relu2Mul,
    RmsNorm, Rope, RoundI8, SiluMul, SoftCap, T2, T3, T4, TQ1, TQ2, attention_span, head_words,
    padded_head_words,
};

use super::layout::Layout;
use super::rng::{KINDS, Kind, Rng};
use super::scalar;

/// Nothing is lost in a comparison of bits: signs of zero count.
#[track_caller]
fn same(found: &[f32], expected: &[f32]) {
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(found), bits(expected), "{found:?} is not {expected:?}");
}

/// `e^x` of one number; its own test is in `oracle.rs`.
fn exp_of(x: f32) -> f32 {
    struct Exp(f32);
    impl Kernel for Exp {
        type Output = f32;
        fn run<I: Isa>(self, isa: I) -> f32 {
            let mut lanes = [0.0; 8];
            isa.store(exp(isa, isa.splat(self.0)), &mut lanes);
            lanes[0]
        }
    }
    scalar().run(Exp(x))
}

/// The one order: lane `i` adds `i`, `i + 8`, …, and the lanes fold.
fn sum(values: impl IntoIterator<Item = f32>) -> f32 {
    let mut l = [0.0; 8];
    for (i, value) in values.into_iter().enumerate() {
        l[i % 8] += value;
    }
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

/// Values of many sizes, so that every order of a sum has bits of its own.
fn uneven(rng: &mut Rng, n: usize) -> Vec<f32> {
    let one = |_| {
        let size = (rng.bits() % 24) as i32 - 12;
        rng.float(Kind::Plain) * (size as f32).exp2()
    };
    (0..n).map(one).collect()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn sums_have_the_one_order() {
    struct Sum<'a>(&'a [f32], &'a [f32]);
    impl Kernel for Sum<'_> {
        type Output = f32;
        fn run<I: Isa>(self, isa: I) -> f32 {
            sum_of_products(isa, self.0, self.1)
        }
    }
    let mut rng = Rng(21);
    for n in 0..70 {
        let (a, b) = (uneven(&mut rng, n), uneven(&mut rng, n));
        let expected = sum(a.iter().zip(&b).map(|(a, b)| a * b));
        same(&[scalar().run(Sum(&a, &b))], &[expected]);
    }
}

#[test]
fn a_norm_divides_by_the_root_of_mean_and_epsilon() {
    let mut rng = Rng(22);
    for size in [1, 7, 8, 12, 40, 96, 100] {
        // From numbers beside which epsilon is all, to those beside which it is nothing.
        for factor in [1e-30, 1e-12, 1e-6, 1e-3, 1.0, 1e6] {
            for eps in [0.0, 1e-12, 1e-6, 1e-5, 0.5] {
                let len = usize::next_multiple_of(size, 8);
                let mut x: Vec<f32> = uneven(&mut rng, len).iter().map(|x| x * factor).collect();
                x[size..].fill(0.0);
                x[0] = factor;
                let gain = uneven(&mut rng, len);
                let mut out = vec![-1.0; len];
                let (eps, size) = (eps as f32, size);
                scalar().run(RmsNorm {
                    x: &x,
                    gain: &bytes(&gain),
                    eps,
                    size,
                    out: &mut out,
                });
                let mean = sum(x.iter().map(|x| x * x)) / size as f32;
                let scale = 1.0 / (mean + eps).sqrt();
                let expected: Vec<f32> = x
                    .iter()
                    .zip(&gain)
                    .map(|(x, gain)| x * scale * gain)
                    .collect();
                if scale.is_finite() {
                    same(&out, &expected);
                }
            }
        }
    }
}

/// A scale and integers, of at most so many values.
fn quantized(x: &[f32]) -> (f32, Vec<i8>) {
    let amax = x.iter().fold(0.0f32, |amax, x| amax.max(x.abs()));
    if amax < 1e-30 {
        return (0.0, vec![0; x.len()]);
    }
    let inverse = 127.0 / amax;
    let q = x.iter().map(|x| (x * inverse).round_ties_even() as i8);
    (amax / 127.0, q.collect())
}

/// Magnitudes about the one below which all is zero, and of every other size.
fn magnitudes() -> Vec<f32> {
    let border = 1e-30f32;
    let mut all = vec![
        border,
        border.next_up(),
        border.next_down(),
        0.0,
        f32::from_bits(1),
    ];
    all.extend((-149..127).map(|exponent| 2f32.powi(exponent)));
    all
}

/// A block with the sums of its integers.
fn with_sums(scale: f32, q: &[i8]) -> Q8Block {
    let sum = |q: &[i8]| q.iter().map(|&q| i32::from(q)).sum::<i32>();
    let (first, last) = (sum(&q[..16]), sum(&q[16..]));
    Q8Block {
        scale,
        center: -8 * (first + last),
        sum8: (8 * (first + last)) as f32,
        half_sums: last << 16 | first & 0xffff,
        q: q.try_into().expect("32 values"),
    }
}

#[test]
fn blocks_that_share_a_scale_have_that_of_the_greatest_value() {
    let mut rng = Rng(25);
    for magnitude in magnitudes() {
        for shared in [2, 8] {
            let values = 3 * 32 * shared;
            let mut x: Vec<f32> = (0..values)
                .map(|_| rng.float(Kind::Plain) / 4.0 * magnitude)
                .collect();
            x[32 * shared..64 * shared].fill(0.0);
            let mut out = vec![Q8Block::ZERO; 3 * shared];
            scalar().run(Quantize {
                x: &x,
                shared,
                out: &mut out,
            });
            let expected: Vec<Q8Block> = x
                .chunks(32 * shared)
                .flat_map(|x| {
                    let (scale, q) = quantized(x);
                    let block = |q| with_sums(scale, q);
                    q.chunks(32).map(block).collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(out, expected, "{magnitude:e}");
        }
    }
}

#[test]
fn activations_below_the_border_are_zero_and_no_others() {
    let mut rng = Rng(23);
    for magnitude in magnitudes() {
        let mut x: [f32; 32] = std::array::from_fn(|_| rng.float(Kind::Plain) / 4.0 * magnitude);
        x[rng.bits() as usize % 32] = -magnitude;
        let mut out = [Q8Block::ZERO];
        scalar().run(Quantize {
            x: &x,
            shared: 1,
            out: &mut out,
        });
        let (scale, q) = quantized(&x);
        assert_eq!(out, [with_sums(scale, &q)], "{magnitude:e}");
        assert_eq!(out[0].scale > 0.0, magnitude >= 1e-30, "{magnitude:e}");
        for head_dim in [1, 12, 32] {
            let head = scalar().run(QuantizeHead { x: &x[..head_dim] });
            let (scale, mut q) = quantized(&x[..head_dim]);
            q.resize(256, 0);
            same(&[head.scale], &[scale]);
            let words = head.words.iter().flat_map(|word| word.to_le_bytes());
            assert!(words.map(|q| q as i8).eq(q), "{magnitude:e}");
        }
    }
}

#[test]
fn values_of_8_bits_are_those_of_the_definition() {
    let mut rng = Rng(24);
    for magnitude in magnitudes() {
        let mut x: Vec<f32> = (0..40)
            .map(|_| rng.float(Kind::Plain) / 4.0 * magnitude)
            .collect();
        x[rng.bits() as usize % 40] = -magnitude;
        let amax = x.iter().fold(0.0f32, |amax, x| amax.max(x.abs()));
        let scale = 127.0 / amax.max(1e-5);
        let rounded = x.iter().map(|x| (x * scale).round_ties_even() / scale);
        // A zero has no sign.
        let expected: Vec<f32> = rounded.map(|x| x + 0.0).collect();
        let mut out = x;
        scalar().run(RoundI8 { x: &mut out });
        same(&out, &expected);
    }
}

/// A row's product with a token's blocks, by the values that the format's `row` says: those are
/// compared with descriptions of the layouts in `oracle.rs`.
trait Definition: Format {
    fn input(x: &[f32]) -> Self::Input;
    /// Bytes of a group with scales of middling size.
    fn group(rng: &mut Rng, blocks: usize) -> Vec<u8>;
    /// Adds a block's products to a row's sum; `at` are the group's bytes of this block.
    fn add(sum: f32, at: &[u8], row: usize, weights: &[f32], x: &Self::Input) -> f32;
    /// What becomes of a row's sum.
    fn end(sum: f32, _group: &[u8], _row: usize) -> f32 {
        sum
    }
}

fn random(rng: &mut Rng, n: usize) -> Vec<u8> {
    (0..n).map(|_| rng.bits() as u8).collect()
}

fn scales(rng: &mut Rng, n: usize) -> Vec<u8> {
    (0..n)
        .flat_map(|_| rng.half(Kind::Plain).to_le_bytes())
        .collect()
}

fn block(x: &[f32]) -> Q8Block {
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

/// The exact sum of integer products, from weights that are multiples of `scale`.
fn dot(weights: &[f32], scale: f32, x: &Q8Block) -> f32 {
    let products = weights
        .iter()
        .zip(x.q)
        .map(|(w, q)| (w / scale).round() as i32 * i32::from(q));
    products.sum::<i32>() as f32
}

macro_rules! floats {
    ($($format:ident: |$rng:ident, $n:ident| $bytes:expr;)*) => {$(
        impl Definition for $format {
            fn input(x: &[f32]) -> [f32; 32] {
                x.try_into().expect("32 values")
            }
            fn group($rng: &mut Rng, blocks: usize) -> Vec<u8> {
                let $n = 256 * blocks;
                $bytes
            }
            fn add(sum: f32, _: &[u8], _: usize, weights: &[f32], x: &[f32; 32]) -> f32 {
                sum + weights.iter().zip(x).fold(0.0, |sum, (w, x)| sum + w * x)
            }
        }
    )*};
}

floats! {
    F32: |rng, n| bytes(&uneven(rng, n));
    F16: |rng, n| scales(rng, n);
}

macro_rules! integers {
    ($($format:ident: $halves:expr, |$at:ident, $row:ident, $weights:ident, $x:ident, $sum:ident| $add:expr;)*) => {$(
        impl Definition for $format {
            fn input(x: &[f32]) -> Q8Block {
                block(x)
            }
            fn group(rng: &mut Rng, blocks: usize) -> Vec<u8> {
                let one = |_| {
                    let mut bytes = scales(rng, $halves);
                    bytes.extend(random(rng, Self::GROUP_BLOCK_BYTES - 2 * $halves));
                    bytes
                };
                (0..blocks).flat_map(one).collect()
            }
            fn add($sum: f32, $at: &[u8], $row: usize, $weights: &[f32], $x: &Q8Block) -> f32 {
                $add
            }
        }
    )*};
}

integers! {
    Q8: 8, |at, row, weights, x, sum| {
        let scale = f16_at(at, row);
        sum + dot(weights, scale, x) * (scale * x.scale)
    };
    Q4: 8, |at, row, weights, x, sum| {
        let scale = f16_at(at, row);
        sum + dot(weights, scale, x) * (scale * x.scale)
    };
    Q4M: 16, |at, row, _weights, x, sum| {
        let (scale, minimum) = (f16_at(at, row), f16_at(at, 8 + row));
        let code = |c: usize| at[32 + 32 * (c % 16 / 4) + 4 * row + c % 4] >> (c / 16 * 4) & 15;
        let dot: i32 = (0..32).map(|c| i32::from(code(c)) * i32::from(x.q[c])).sum();
        let sum = sum + dot as f32 * (scale * x.scale);
        sum + x.sum8 * (minimum * 0.125 * x.scale)
    };
}

macro_rules! codes {
    ($($format:ident),*) => {$(
        impl Definition for $format {
            fn input(x: &[f32]) -> Q8Block {
                block(x)
            }
            fn group(rng: &mut Rng, blocks: usize) -> Vec<u8> {
                let mut bytes = scales(rng, 8);
                bytes.extend(random(rng, Self::GROUP_BLOCK_BYTES * blocks));
                bytes
            }
            fn add(sum: f32, head: &[u8], row: usize, weights: &[f32], x: &Q8Block) -> f32 {
                sum + dot(weights, f16_at(head, row), x) * x.scale
            }
            fn end(sum: f32, group: &[u8], row: usize) -> f32 {
                sum * f16_at(group, row)
            }
        }
    )*};
}

codes!(T2, T3, T4);

/// The exact sum of the products of integers with the columns that `x` gives.
fn products<F: Layout>(at: &[u8], row: usize, x: impl Fn(usize) -> i8) -> i32 {
    let column = |c| F::weight(at, row, c) * F::scale(at, row, c) * i32::from(x(c));
    (0..32 * F::SPAN).map(column).sum()
}

impl Definition for Q5 {
    fn input(x: &[f32]) -> Q8Block {
        block(x)
    }
    fn group(rng: &mut Rng, blocks: usize) -> Vec<u8> {
        scales_and_rest(rng, blocks, 8, Self::GROUP_BLOCK_BYTES)
    }
    fn add(sum: f32, at: &[u8], row: usize, _: &[f32], x: &Q8Block) -> f32 {
        let dot = products::<Self>(at, row, |c| x.q[c]) as f32;
        sum + dot * (f16_at(at, row) * x.scale)
    }
}

impl Definition for IQ4NL {
    fn input(x: &[f32]) -> Q8Block {
        block(x)
    }
    fn group(rng: &mut Rng, blocks: usize) -> Vec<u8> {
        scales_and_rest(rng, blocks, 8, Self::GROUP_BLOCK_BYTES)
    }
    fn add(sum: f32, at: &[u8], row: usize, _: &[f32], x: &Q8Block) -> f32 {
        let dot = products::<Self>(at, row, |c| x.q[c]) as f32;
        sum + dot * (f16_at(at, row) * x.scale)
    }
}

impl Definition for Q5M {
    fn input(x: &[f32]) -> Q8Block {
        block(x)
    }
    fn group(rng: &mut Rng, blocks: usize) -> Vec<u8> {
        scales_and_rest(rng, blocks, 16, Self::GROUP_BLOCK_BYTES)
    }
    fn add(sum: f32, at: &[u8], row: usize, _: &[f32], x: &Q8Block) -> f32 {
        let dot = products::<Self>(at, row, |c| x.q[c]) as f32;
        let (scale, minimum) = (f16_at(at, row), f16_at(at, 8 + row));
        let sum = sum + dot * (scale * x.scale);
        sum + x.sum8 * (minimum * 0.125 * x.scale)
    }
}

impl Definition for MXFP4 {
    fn input(x: &[f32]) -> Q8Block {
        block(x)
    }
    fn group(rng: &mut Rng, blocks: usize) -> Vec<u8> {
        let one = |_| {
            let mut bytes = random(rng, 136);
            bytes[..8].iter_mut().for_each(|power| *power %= 8);
            bytes
        };
        (0..blocks).flat_map(one).collect()
    }
    fn add(sum: f32, at: &[u8], row: usize, _: &[f32], x: &Q8Block) -> f32 {
        let dot = products::<Self>(at, row, |c| x.q[c]) as f32;
        sum + dot * (2f32.powi(i32::from(at[row])) * x.scale)
    }
}

fn scales_and_rest(rng: &mut Rng, blocks: usize, halves: usize, bytes: usize) -> Vec<u8> {
    let one = |_| [scales(rng, halves), random(rng, bytes - 2 * halves)].concat();
    (0..blocks).flat_map(one).collect()
}

macro_rules! super_blocks {
    ($($format:ident),*) => {$(
        impl Definition for $format {
            fn input(x: &[f32]) -> [Q8Block; 8] {
                of_one_scale(x)
            }
            fn group(rng: &mut Rng, blocks: usize) -> Vec<u8> {
                let halves = if Self::MINIMUMS.is_some() { 16 } else { 8 };
                scales_and_rest(rng, blocks, halves, Self::GROUP_BLOCK_BYTES)
            }
            fn add(sum: f32, at: &[u8], row: usize, _: &[f32], x: &[Q8Block; 8]) -> f32 {
                let q = |c: usize| x[c / 32].q[c % 32];
                let dot = products::<Self>(at, row, q) as f32;
                let sum = sum + dot * (f16_at(at, row) * x[0].scale);
                let Some(minimums) = Self::MINIMUMS else {
                    return sum;
                };
                let minimum = |c| Self::minimum(at, row, c) * i32::from(q(c));
                let less = (0..256).map(minimum).sum::<i32>() as f32;
                sum - less * (f16_at(at, minimums / 2 + row) * x[0].scale)
            }
        }
    )*};
}

super_blocks!(Q2K, Q3K, Q4K, Q5K, Q6K, IQ4XS, TQ1, TQ2);

fn product<F: Definition>() {
    let mut rng = Rng(24);
    for (groups, blocks, tokens) in [(1, 1, 1), (3, 2, 6), (17, 3, 2), (9, 5, 13)] {
        let weights: Vec<u8> = (0..groups)
            .flat_map(|_| F::group(&mut rng, blocks))
            .collect();
        let (width, columns) = (32 * F::SPAN, blocks * F::SPAN);
        let x = uneven(&mut rng, width * blocks * tokens);
        let input: Vec<_> = x.chunks_exact(width).map(F::input).collect();
        let stride = 8 * groups + 3;
        let mut out = vec![-1.0; tokens * stride];
        scalar().run(MatMul::<F, _, _> {
            weights: &weights,
            groups,
            blocks: columns,
            input: &input,
            tokens,
            out: &mut out,
            stride,
        });
        let mut expected = vec![-1.0; tokens * stride];
        let mut values = vec![0.0; width * blocks];
        for (group, bytes) in weights.chunks(F::group_bytes(columns)).enumerate() {
            for row in 0..8 {
                F::row(bytes, row, &mut values);
                for (token, input) in input.chunks(blocks).enumerate() {
                    let parts = input.iter().zip(values.chunks(width)).enumerate();
                    let sum = parts.fold(0.0, |sum, (index, (x, values))| {
                        // Scales are in the block, or in the group's head.
                        let at = match F::HEAD_BYTES {
                            0 => &bytes[index * F::GROUP_BLOCK_BYTES..],
                            _ => bytes,
                        };
                        F::add(sum, at, row, values, x)
                    });
                    expected[token * stride + 8 * group + row] = F::end(sum, bytes, row);
                }
            }
        }
        same(&out, &expected);
    }
}

#[test]
fn products_are_one_chain_over_blocks() {
    product::<F32>();
    product::<F16>();
    product::<Q8>();
    product::<Q4>();
    product::<Q4M>();
    product::<T2>();
    product::<T3>();
    product::<T4>();
    product::<Q5>();
    product::<Q5M>();
    product::<IQ4NL>();
    product::<MXFP4>();
    product::<Q2K>();
    product::<Q3K>();
    product::<Q4K>();
    product::<Q5K>();
    product::<Q6K>();
    product::<IQ4XS>();
    product::<TQ1>();
    product::<TQ2>();
}

/// A format of the cache in words: where a position's elements lie, and its scale.
trait Words: Cache {
    /// Random memory of a head's keys or values.
    fn memory(rng: &mut Rng, head_dim: usize, context: usize, keys: bool) -> Vec<f32>;
    fn key(memory: &[f32], head_dim: usize, t: usize, d: usize) -> f32;
    fn value(memory: &[f32], context: usize, t: usize, d: usize) -> f32;
    fn key_scale(_memory: &[f32], _head_dim: usize, _t: usize) -> f32 {
        1.0
    }
    fn value_scale(_memory: &[f32], _head_dim: usize, _context: usize, _t: usize) -> f32 {
        1.0
    }
    fn score(query: &[f32], key: &[f32], scale: f32) -> f32;
}

impl Words for F32Cache {
    fn memory(rng: &mut Rng, head_dim: usize, context: usize, _: bool) -> Vec<f32> {
        uneven(rng, head_dim.next_multiple_of(8) * context)
    }
    fn key(memory: &[f32], head_dim: usize, t: usize, d: usize) -> f32 {
        memory[(t / 8 * head_dim.next_multiple_of(8) + d) * 8 + t % 8]
    }
    fn value(memory: &[f32], context: usize, t: usize, d: usize) -> f32 {
        memory[(d / 8 * context + t) * 8 + d % 8]
    }
    fn score(query: &[f32], key: &[f32], _: f32) -> f32 {
        query.iter().zip(key).fold(0.0, |sum, (q, k)| sum + q * k)
    }
}

fn byte(word: f32, i: usize) -> f32 {
    f32::from(word.to_bits().to_le_bytes()[i] as i8)
}

impl Words for I8Cache {
    fn memory(rng: &mut Rng, head_dim: usize, context: usize, keys: bool) -> Vec<f32> {
        let words = 2 * head_dim.div_ceil(8);
        let mut memory: Vec<f32> = (0..(words + 1) * context)
            .map(|_| f32::from_bits(rng.bits()))
            .collect();
        for (t, scale) in uneven(rng, context).into_iter().enumerate() {
            let place = if keys {
                (t / 8 * (words + 1) + words) * 8 + t % 8
            } else {
                words * context + t
            };
            memory[place] = scale.abs() / 127.0;
        }
        memory
    }
    fn key(memory: &[f32], head_dim: usize, t: usize, d: usize) -> f32 {
        let words = 2 * head_dim.div_ceil(8) + 1;
        byte(memory[(t / 8 * words + d / 4) * 8 + t % 8], d % 4)
    }
    fn value(memory: &[f32], context: usize, t: usize, d: usize) -> f32 {
        byte(memory[(d / 8 * context + t) * 2 + d % 8 / 4], d % 4)
    }
    fn key_scale(memory: &[f32], head_dim: usize, t: usize) -> f32 {
        let words = 2 * head_dim.div_ceil(8);
        memory[(t / 8 * (words + 1) + words) * 8 + t % 8]
    }
    fn value_scale(memory: &[f32], head_dim: usize, context: usize, t: usize) -> f32 {
        memory[2 * head_dim.div_ceil(8) * context + t]
    }
    fn score(query: &[f32], key: &[f32], key_scale: f32) -> f32 {
        let (scale, q) = quantized(query);
        let products = q.iter().zip(key).map(|(&q, &k)| i32::from(q) * k as i32);
        products.sum::<i32>() as f32 * (key_scale * scale)
    }
}

/// `cap * tanh(x / cap)`.
fn capped(x: &[f32], cap: f32) -> Vec<f32> {
    let mut padded = x.to_vec();
    padded.resize(x.len().next_multiple_of(8), 0.0);
    scalar().run(SoftCap {
        x: &mut padded,
        cap,
    });
    padded[..x.len()].to_vec()
}

fn attention<C: Words>() {
    let mut rng = Rng(25);
    let shapes = [
        (1, 1, 1, 1, None),
        (5, 3, 8, 4, None),
        (12, 2, 23, 7, None),
        (16, 9, 64, 2, None),
        (12, 3, 700, 3, None),
        (8, 1, 1203, 9, None),
        (5, 1, 40, 3, Some(1)),
        (12, 1, 31, 9, Some(2)),
        (5, 3, 8, 4, Some(6)),
        (12, 2, 23, 7, Some(16)),
        (8, 1, 95, 9, Some(13)),
        (16, 9, 64, 2, Some(64)),
        (4, 2, 50, 17, Some(100)),
        (12, 3, 700, 3, Some(129)),
    ];
    for (head_dim, heads_per_kv, positions, tokens, window) in shapes {
        // With padding that is no zero, and positions behind the last one; or with what a window
        // needs, where the youngest lie in the places of the oldest.
        let context: usize = match window {
            Some(window) => window + tokens - 1,
            None => positions + 9,
        };
        let context = context.next_multiple_of(8);
        let rows = tokens * heads_per_kv;
        let queries = uneven(&mut rng, rows * head_dim);
        let keys = C::memory(&mut rng, head_dim, context, true);
        let values = C::memory(&mut rng, head_dim, context, false);
        let scale = 0.0625;
        let cap = window.is_some_and(|window| window % 2 == 1).then_some(0.5);
        let mut out = vec![-1.0; rows * head_dim];
        let mut scores = vec![9.0; ROWS.min(rows) * attention_span(positions, window)];
        let position = positions - tokens;
        scalar().run(Attention {
            cache: PhantomData::<C>,
            queries: &queries,
            query_stride: heads_per_kv * head_dim,
            rows: 0..rows,
            position,
            window,
            keys: &keys,
            values: &values,
            context,
            head_dim,
            heads_per_kv,
            scale,
            cap,
            scores: &mut scores,
            out: &mut out,
            out_stride: heads_per_kv * head_dim,
        });
        let mut expected = Vec::new();
        for (row, query) in queries.chunks(head_dim).enumerate() {
            let sees = position + row / heads_per_kv + 1;
            let first = window.map_or(0, |window: usize| sees.saturating_sub(window));
            let place = |t: usize| t % context;
            let scores: Vec<f32> = (first..sees)
                .map(|t| {
                    let key: Vec<_> = (0..head_dim)
                        .map(|d| C::key(&keys, head_dim, place(t), d))
                        .collect();
                    C::score(query, &key, C::key_scale(&keys, head_dim, place(t))) * scale
                })
                .collect();
            let scores = match cap {
                Some(cap) => capped(&scores, cap),
                None => scores,
            };
            let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let weights: Vec<f32> = scores.iter().map(|score| exp_of(score - max)).collect();
            // A position's lane is its place in its eight.
            let before = core::iter::repeat_n(0.0, first % 8);
            let factor = 1.0 / sum(before.chain(weights.iter().copied()));
            let weights: Vec<(usize, f32)> = (first..sees)
                .zip(weights)
                .map(|(t, weight)| {
                    let scale = C::value_scale(&values, head_dim, context, place(t));
                    (place(t), weight * scale)
                })
                .collect();
            for d in 0..head_dim {
                let chain = weights.iter().fold(0.0, |sum, &(place, weight)| {
                    sum + weight * C::value(&values, context, place, d)
                });
                expected.push(chain * factor);
            }
        }
        same(&out, &expected);
    }
}

#[test]
fn attention_sees_every_position_of_its_window_up_to_its_own() {
    attention::<F32Cache>();
    attention::<I8Cache>();
}

/// What is written is what attention reads: every word once, in order, and the scale last.
#[test]
fn a_head_is_packed_into_all_its_words() {
    fn words<C: Cache>(head: &[f32]) -> Vec<f32> {
        struct Pack<'a, C>(&'a [f32], PhantomData<C>);
        impl<C: Cache> Kernel for Pack<'_, C> {
            type Output = Vec<f32>;
            fn run<I: Isa>(self, isa: I) -> Vec<f32> {
                let mut words = Vec::new();
                C::pack(isa, self.0, |word, bits| {
                    assert_eq!(word, words.len());
                    words.push(bits);
                });
                words
            }
        }
        scalar().run(Pack(head, PhantomData::<C>))
    }
    let mut rng = Rng(27);
    for head_dim in 1..70 {
        let head = uneven(&mut rng, head_dim);
        same(&words::<F32Cache>(&head), &head);
        let (scale, mut q) = quantized(&head);
        q.resize(head_dim.next_multiple_of(4), 0);
        let word = |q: &[i8; 4]| f32::from_le_bytes(q.map(|q| q as u8));
        let mut expected: Vec<f32> = q.as_chunks().0.iter().map(word).collect();
        expected.push(scale);
        same(&words::<I8Cache>(&head), &expected);
    }
}

#[test]
fn rotation_gate_and_weights_are_rounded_in_order() {
    let mut rng = Rng(26);
    for kind in KINDS {
        for (heads, head_dim, half) in [(1, 2, 1), (3, 26, 13), (2, 40, 16), (1, 64, 32)] {
            let x = rng.floats(heads * head_dim, kind);
            let table = rng.floats(2 * half, Kind::Plain);
            let mut expected = x.clone();
            for head in expected.chunks_mut(head_dim) {
                for i in 0..half {
                    let (a, b, cos, sin) = (head[i], head[i + half], table[i], table[half + i]);
                    head[i] = a * cos - b * sin;
                    head[i + half] = a * sin + b * cos;
                }
            }
            let mut out = x;
            scalar().run(Rope {
                x: &mut out,
                heads,
                head_dim,
                half,
                table: &bytes(&table),
            });
            same(&out, &expected);
        }
        let (gate, up) = (rng.floats(48, kind), rng.floats(48, kind));
        let mut out = up.clone();
        scalar().run(Gelu { x: &mut out });
        let gelu = |x: f32| x / (1.0 + exp_of((x + x * x * x * 0.044715) * -1.595_769_2));
        let expected: Vec<f32> = up.iter().map(|&x| gelu(x)).collect();
        same(&out, &expected);

        let mut out = vec![-1.0; 48];
        scalar().run(SiluMul {
            gate: &gate,
            up: &up,
            out: &mut out,
        });
        let silu = |g: f32| g / (1.0 + exp_of(0.0 - g));
        let expected: Vec<f32> = gate.iter().zip(&up).map(|(&g, up)| silu(g) * up).collect();
        same(&out, &expected);

        let relu2 = |g: f32| if 0.0 > g { 0.0 } else { g * g };
        scalar().run(GeluMul {
            gate: &gate,
            up: &up,
            out: &mut out,
        });
        let expected: Vec<f32> = gate.iter().zip(&up).map(|(&g, up)| gelu(g) * up).collect();
        same(&out, &expected);
        scalar().run(Relu2Mul {
            gate: &gate,
            up: &up,
            out: &mut out,
        });
        let expected: Vec<f32> = gate.iter().zip(&up).map(|(&g, up)| relu2(g) * up).collect();
        same(&out, &expected);

        let mut out = gate.clone();
        scalar().run(GeluErf { x: &mut out });
        let expected: Vec<f32> = gate.iter().map(|&x| gelu_erf(x)).collect();
        same(&out, &expected);
        let (mut out, cap) = (gate.clone(), 2.5);
        scalar().run(SoftCap { x: &mut out, cap });
        let expected: Vec<f32> = gate.iter().map(|x| cap * tanh(x / cap)).collect();
        same(&out, &expected);

        let (max, factor) = (3.0, 0.7);
        let expected: Vec<f32> = up.iter().map(|x| exp_of((x - max) * factor)).collect();
        let mut out = up;
        scalar().run(ExpWeights {
            x: &mut out,
            max,
            factor,
        });
        same(&out, &expected);
    }
}

/// By Horner's rule, from the highest power.
fn polynomial(x: f32, coefficients: &[f32]) -> f32 {
    coefficients
        .iter()
        .copied()
        .reduce(|p, c| p * x + c)
        .expect("a polynomial")
}

fn tanh(x: f32) -> f32 {
    let x = x.clamp(-9.02, 9.02);
    let p = [
        1.332_126_9e-8,
        2.058_539_6e-5,
        3.494_166e-3,
        0.133_798_35,
        1.0,
    ];
    let q = [7.763_015e-7, 3.283_297e-4, 2.587_159e-2, 0.467_131_5, 1.0];
    let [p, q] = [p, q].map(|coefficients| polynomial(x * x, &coefficients));
    (x * p / q).clamp(-1.0, 1.0)
}

fn gelu_erf(x: f32) -> f32 {
    let t = x.abs().min(13.1875);
    let high = (t + 49_152.0) - 49_152.0;
    let low = (t - high) * (t + high);
    let e = exp_of(high * high * -0.5) * exp_of(low * -0.5);
    let r = 1.0 / (t + 4.0);
    let coefficients = [
        -1.250_228_5e-4,
        1.946_698_3e-4,
        1.576_156_1e-3,
        -3.519_040_8e-3,
        -7.529_554_4e-3,
        6.040_455_4e-2,
        -0.186_522_78,
        0.387_136_88,
        -0.607_896_6,
        0.755_285_14,
    ];
    let tail = t * r * polynomial((t - 4.0) * r, &coefficients) * e;
    (if 0.0 > x { 0.0 } else { x }) - tail
}

/// Norms of vectors and heads: sums of eight lanes, a tail with zeros behind it.
#[test]
fn norms_are_sums_in_the_one_order() {
    let mut rng = Rng(28);
    for size in [1usize, 7, 8, 12, 40, 44, 96, 100] {
        let len = size.next_multiple_of(8);
        let (x, gain, bias) = (
            uneven(&mut rng, len),
            uneven(&mut rng, len),
            uneven(&mut rng, len),
        );
        let mut out = vec![-1.0; len];
        scalar().run(LayerNorm {
            x: &x,
            gain: &bytes(&gain),
            bias: &bytes(&bias),
            eps: 1e-5,
            size,
            out: &mut out,
        });
        let padding = || std::iter::repeat_n(0.0, len - size);
        let mean = sum(x[..size].iter().copied().chain(padding())) / size as f32;
        let squares = x[..size].iter().map(|x| (x - mean) * (x - mean));
        let variance = sum(squares.chain(padding())) / size as f32;
        let scale = 1.0 / (variance + 1e-5).sqrt();
        let expected: Vec<f32> = (0..len)
            .map(|i| (x[i] - mean) * scale * gain[i] + bias[i])
            .collect();
        same(&out, &expected);

        scalar().run(LayerNormGain {
            x: &x,
            gain: &bytes(&gain),
            eps: 1e-5,
            size,
            out: &mut out,
        });
        let expected: Vec<f32> = (0..len).map(|i| (x[i] - mean) * scale * gain[i]).collect();
        same(&out, &expected);

        let heads = 3;
        let x = uneven(&mut rng, heads * size);
        let gains = uneven(&mut rng, heads * size);
        let mut out = x.clone();
        scalar().run(HeadLayerNorm {
            x: &mut out,
            gain: &bytes(&gains),
            eps: 1e-5,
            heads,
            head_dim: size,
        });
        let of_heads = x.chunks_exact(size).zip(gains.chunks_exact(size));
        for ((x, gain), out) in of_heads.zip(out.chunks_exact(size)) {
            let mean = sum(x.iter().copied().chain(padding())) / size as f32;
            let squares = x.iter().map(|x| (x - mean) * (x - mean));
            let variance = sum(squares.chain(padding())) / size as f32;
            let scale = 1.0 / (variance + 1e-5).sqrt();
            let expected: Vec<f32> = x
                .iter()
                .zip(gain)
                .map(|(x, gain)| (x - mean) * scale * gain)
                .collect();
            same(out, &expected);
        }
        let mut out = x.clone();
        scalar().run(HeadNorm {
            x: &mut out,
            gain: &bytes(&gain),
            eps: 1e-6,
            heads,
            head_dim: size,
        });
        for (x, out) in x.chunks_exact(size).zip(out.chunks_exact(size)) {
            let mean = sum(x.iter().map(|x| x * x).chain(padding())) / size as f32;
            let scale = 1.0 / (mean + 1e-6).sqrt();
            let expected: Vec<f32> = x
                .iter()
                .zip(&gain)
                .map(|(x, gain)| x * scale * gain)
                .collect();
            same(out, &expected);
        }
    }
}

/// What 1 and 0 become is exact, whatever the polynomial; and limits hold.
#[test]
fn exp_is_limited() {
    same(&[exp_of(0.0), exp_of(-0.0)], &[1.0, 1.0]);
    same(&[exp_of(f32::INFINITY), exp_of(1e30)], &[exp_of(88.0); 2]);
    same(
        &[exp_of(f32::NEG_INFINITY), exp_of(-1e30)],
        &[exp_of(-87.0); 2],
    );
    assert!(exp_of(88.0f32.next_down()) < exp_of(88.0));
    assert!(exp_of((-87.0f32).next_up()) > exp_of(-87.0));
}

#[test]
fn a_position_takes_so_many_words() {
    let sizes = [1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 64, 256];
    let words = |words: fn(usize) -> usize| sizes.map(words);
    assert_eq!(words(head_words::<F32Cache>), sizes);
    assert_eq!(
        words(padded_head_words::<F32Cache>),
        [8, 8, 8, 8, 8, 8, 8, 16, 16, 16, 64, 256]
    );
    // Four elements a word, and a scale.
    assert_eq!(
        words(head_words::<I8Cache>),
        [2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 17, 65]
    );
    assert_eq!(
        words(padded_head_words::<I8Cache>),
        [3, 3, 3, 3, 3, 3, 3, 5, 5, 5, 17, 65]
    );
}

/// The bits of FNV-1a, of numbers that were computed by hand: the offset basis, then
/// `(hash ^ word) * prime` modulo 2^64.
#[test]
fn the_hash_is_fnv() {
    let mut hash = BitHash::new();
    assert_eq!(hash.finish(), 14_695_981_039_346_656_037);
    let mut expected = 14_695_981_039_346_656_037u128;
    for value in [0.0f32, -0.0, 1.0, f32::MAX] {
        hash.update(&[value]);
        expected = (expected ^ u128::from(value.to_bits())) * 1_099_511_628_211 % (1 << 64);
        assert_eq!(u128::from(hash.finish()), expected);
    }
}
