//! The cases: a function for each kernel, which feeds it shapes and values of all kinds.

use core::marker::PhantomData;

use runtime_kernels::caches::i8::QuantizeHead;
use runtime_kernels::exp::exp;
use runtime_kernels::{
    AddAssign, AddBias, All, Attention, Cache, Const, ExpWeights, F16, F32, F32Cache, Format, Gelu,
    GeluErf, GeluMul, HeadLayerNorm, HeadNorm, I8Cache, IQ4NL, IQ4XS, Isa, Kernel, LayerNorm,
    LayerNormGain, MXFP4, MatMul, Q2K, Q3K, Q4, Q4K, Q4M, Q5, Q5K, Q5M, Q6K, Q8, Q8Block, Quantize,
    ROWS, Relu2, Relu2Mul, RmsNorm, Rope, RoundI8, Scale, SiluMul, SoftCap, T2, T3, T4, TQ1, TQ2,
    Window, Zero, attention_span, padded_head_words,
};

use super::rng::{KINDS, Kind, Rng};

/// Takes the shape of a run, and what the kernel computed.
type Sink<'a> = &'a mut dyn FnMut(String, Vec<f32>);

macro_rules! cases {
    ($($name:literal: $case:path,)*) => {
        /// What the suite covers, by the names of kernels and formats in `src`.
        pub const CASES: &[&str] = &[$($name),*];

        pub fn cases<I: Isa>() -> Vec<(&'static str, fn(I, Sink))> {
            vec![$(($name, $case as fn(I, Sink))),*]
        }
    };
}

cases! {
    "Lanes": lanes,
    "Exp": exponential,
    "Quantize": quantize,
    "MatMul q8": matmul::<I, Q8>,
    "MatMul q4": matmul::<I, Q4>,
    "MatMul q4m": matmul::<I, Q4M>,
    "MatMul t2": matmul::<I, T2>,
    "MatMul t3": matmul::<I, T3>,
    "MatMul t4": matmul::<I, T4>,
    "MatMul q5": matmul::<I, Q5>,
    "MatMul q5m": matmul::<I, Q5M>,
    "MatMul iq4nl": matmul::<I, IQ4NL>,
    "MatMul mxfp4": matmul::<I, MXFP4>,
    "MatMul q2k": matmul::<I, Q2K>,
    "MatMul q3k": matmul::<I, Q3K>,
    "MatMul q4k": matmul::<I, Q4K>,
    "MatMul q5k": matmul::<I, Q5K>,
    "MatMul q6k": matmul::<I, Q6K>,
    "MatMul iq4xs": matmul::<I, IQ4XS>,
    "MatMul tq1": matmul::<I, TQ1>,
    "MatMul tq2": matmul::<I, TQ2>,
    "MatMul f16": matmul::<I, F16>,
    "MatMul f32": matmul::<I, F32>,
    "RmsNorm": rms_norm,
    "LayerNorm": layer_norm,
    "HeadNorm": head_norm,
    "Rope": rope,
    "Attention Exponentials": attention::<I, F32Cache>,
    "Attention i8": attention::<I, I8Cache>,
    "QuantizeHead": quantize_head,
    "SiluMul": silu_mul,
    "Gelu": gelu,
    "AddAssign": add_assign,
    "AddBias": add_bias,
    "Zero": zero,
    "ExpWeights": exp_weights,
    "Lanes NaN": not_a_number,
    "Attention far f32": attention_far::<I, F32Cache>,
    "Attention far i8": attention_far::<I, I8Cache>,
    "Attention window f32": attention_window::<I, F32Cache>,
    "Attention window i8": attention_window::<I, I8Cache>,
    "Scale": scale,
    "GeluMul": gelu_mul,
    "GeluErf": gelu_erf,
    "Relu2": relu2,
    "Relu2Mul": relu2_mul,
    "SoftCap": soft_cap,
    "LayerNormGain": layer_norm_gain,
    "HeadLayerNorm": head_layer_norm,
    "RoundI8": round_i8,
}

/// A format's weights and inputs for the suite.
pub trait Feed: Format {
    /// The head of a group.
    fn head(_rng: &mut Rng, _kind: Kind) -> Vec<u8> {
        Vec::new()
    }
    /// One block of a group; the worst integers now and then.
    fn weights(rng: &mut Rng, kind: Kind) -> Vec<u8>;
    /// The activations of a block.
    fn input(rng: &mut Rng, kind: Kind) -> Self::Input;
}

/// Memory that ends with the last value: what a guard page follows finds every read beyond it.
fn exact<T>(values: impl IntoIterator<Item = T>) -> Box<[T]> {
    values.into_iter().collect()
}

fn halves(rng: &mut Rng, n: usize, kind: Kind) -> Vec<u8> {
    (0..n).flat_map(|_| rng.half(kind).to_le_bytes()).collect()
}

/// Random bytes, or the least or the greatest weight throughout.
fn codes(rng: &mut Rng, n: usize, extremes: [u8; 2]) -> Vec<u8> {
    match rng.bits() % 4 {
        0 => vec![extremes[0]; n],
        1 => vec![extremes[1]; n],
        _ => (0..n).map(|_| rng.bits() as u8).collect(),
    }
}

fn q8_block(rng: &mut Rng, kind: Kind) -> Q8Block {
    let extreme = rng.bits() % 4;
    let q: [i8; 32] = core::array::from_fn(|_| match extreme {
        0 => 127,
        1 => -127,
        _ => ((rng.bits() % 255) as i32 - 127) as i8,
    });
    let sum = |q: &[i8]| q.iter().map(|&q| i32::from(q)).sum::<i32>();
    let (first, last) = (sum(&q[..16]), sum(&q[16..]));
    let sum8 = 8 * (first + last);
    // Of a size that keeps sums finite.
    let scale = match kind {
        Kind::Extreme => rng.float(kind).abs().min(1e6),
        _ => rng.float(kind).abs(),
    };
    Q8Block {
        scale,
        center: -sum8,
        sum8: sum8 as f32,
        half_sums: last << 16 | first & 0xffff,
        q,
    }
}

/// Formats of 32 columns: f16 a group, then integers, of which these bytes are the extremes.
macro_rules! feed_of_blocks {
    ($($format:ident: $halves:literal, $extremes:expr;)*) => {$(
        impl Feed for $format {
            fn weights(rng: &mut Rng, kind: Kind) -> Vec<u8> {
                let integers = Self::GROUP_BLOCK_BYTES - 2 * $halves;
                [halves(rng, $halves, kind), codes(rng, integers, $extremes)].concat()
            }
            fn input(rng: &mut Rng, kind: Kind) -> Q8Block {
                q8_block(rng, kind)
            }
        }
    )*};
}

feed_of_blocks! {
    Q8: 8, [0x80, 0x7f];
    Q5: 8, [0, 0xff];
    Q5M: 16, [0, 0xff];
    Q4: 8, [0, 0xff];
    Q4M: 16, [0, 0xff];
    IQ4NL: 8, [0, 0xff];
}

impl Feed for MXFP4 {
    fn weights(rng: &mut Rng, kind: Kind) -> Vec<u8> {
        // The least power is -126; the greatest ones keep sums finite.
        let (least, count) = match kind {
            Kind::Extreme => (-126, 186),
            Kind::Plain | Kind::Zero => (-4, 8),
        };
        let powers: Vec<u8> = (0..8)
            .map(|_| (least + (rng.bits() % count) as i32) as u8)
            .collect();
        // Levels 0 to 12, and -12 to 12.
        [powers, codes(rng, 128, [0x77, 0xff])].concat()
    }
    fn input(rng: &mut Rng, kind: Kind) -> Q8Block {
        q8_block(rng, kind)
    }
}

/// Formats of 256 columns.
macro_rules! feed_of_super_blocks {
    ($($format:ident: $halves:literal;)*) => {$(
        impl Feed for $format {
            fn weights(rng: &mut Rng, kind: Kind) -> Vec<u8> {
                let integers = Self::GROUP_BLOCK_BYTES - 2 * $halves;
                [halves(rng, $halves, kind), codes(rng, integers, [0, 0xff])].concat()
            }
            fn input(rng: &mut Rng, kind: Kind) -> [Q8Block; 8] {
                let scale = q8_block(rng, kind).scale;
                core::array::from_fn(|_| Q8Block { scale, ..q8_block(rng, kind) })
            }
        }
    )*};
}

feed_of_super_blocks! {
    Q2K: 16;
    Q3K: 8;
    Q4K: 16;
    Q5K: 16;
    Q6K: 8;
    IQ4XS: 8;
    TQ1: 8;
    TQ2: 8;
}

impl Feed for F16 {
    fn weights(rng: &mut Rng, kind: Kind) -> Vec<u8> {
        halves(rng, 256, kind)
    }
    fn input(rng: &mut Rng, kind: Kind) -> [f32; 32] {
        core::array::from_fn(|_| rng.float(kind))
    }
}

impl Feed for F32 {
    fn weights(rng: &mut Rng, kind: Kind) -> Vec<u8> {
        rng.float_bytes(256, kind).into()
    }
    fn input(rng: &mut Rng, kind: Kind) -> [f32; 32] {
        core::array::from_fn(|_| rng.float(kind))
    }
}

macro_rules! feed_of_codes {
    ($($format:ident),*) => {$(
        impl Feed for $format {
            fn head(rng: &mut Rng, kind: Kind) -> Vec<u8> {
                halves(rng, 8, kind)
            }
            fn weights(rng: &mut Rng, _kind: Kind) -> Vec<u8> {
                codes(rng, Self::GROUP_BLOCK_BYTES, [0, 0xff])
            }
            fn input(rng: &mut Rng, kind: Kind) -> Q8Block {
                q8_block(rng, kind)
            }
        }
    )*};
}

feed_of_codes!(T2, T3, T4);

/// Some groups with their blocks.
fn weights<F: Feed>(rng: &mut Rng, kind: Kind, groups: usize, blocks: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..groups {
        bytes.extend(F::head(rng, kind));
        for _ in 0..blocks {
            bytes.extend(F::weights(rng, kind));
        }
    }
    bytes
}

fn matmul<I: Isa, F: Feed>(isa: I, sink: Sink) {
    let mut rng = Rng(1);
    for kind in KINDS {
        for (groups, blocks) in [(1, 1), (2, 3), (4, 1), (5, 2), (9, 6)] {
            let weights = weights::<F>(&mut rng, kind, groups, blocks);
            let columns = blocks * F::SPAN;
            let mut all = Vec::new();
            for tokens in 0..=9 {
                let input: Vec<_> = (0..tokens * blocks)
                    .map(|_| F::input(&mut rng, kind))
                    .collect();
                let stride = 8 * groups + tokens;
                let mut out = vec![-1.0; tokens * stride];
                // At any address.
                let place = tokens % 4;
                let memory = exact(vec![0; place].into_iter().chain(weights.iter().copied()));
                isa.run(MatMul::<F, _, _> {
                    weights: &memory[place..],
                    groups,
                    blocks: columns,
                    input: &input,
                    tokens,
                    out: &mut out,
                    stride,
                });
                all.extend(out);
            }
            sink(format!("{kind:?} {groups} groups {blocks} blocks"), all);
            let mut rows = vec![0.0; 8 * 32 * columns];
            for (lane, row) in rows.chunks_exact_mut(32 * columns).enumerate() {
                F::row(&weights[..F::group_bytes(columns)], lane, row);
            }
            sink(format!("{kind:?} rows"), rows);
        }
        // Shapes as constants.
        let weights = weights::<F>(&mut rng, kind, 5, 8 / F::SPAN);
        let input: Vec<_> = (0..40 / F::SPAN)
            .map(|_| F::input(&mut rng, kind))
            .collect();
        let mut out = vec![-1.0; 5 * 40];
        isa.run(MatMul::<F, _, _> {
            weights: &weights,
            groups: Const::<5>,
            blocks: Const::<8>,
            input: &input,
            tokens: 5,
            out: &mut out,
            stride: 40,
        });
        sink(format!("{kind:?} constant shape"), out);
    }
}

/// Each operation of the lanes by itself.
struct Operations<'a> {
    a: &'a [f32; 8],
    b: &'a [f32; 8],
    bytes: &'a [u8; 32],
    halves: &'a [u8; 16],
    words: &'a [f32; 2],
    lanes: &'a mut [f32; 8],
    q: &'a mut [i8; 8],
    out: &'a mut Vec<f32>,
}

impl Kernel for Operations<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        let (a, b) = (isa.load(self.a), isa.load(self.b));
        // Divisors are never zero in the kernels, nor what a root is taken of below it.
        let divisor = isa.max(isa.abs(b), isa.splat(1e-30));
        let one = isa.max(isa.min(a, isa.splat(1.0)), isa.splat(-1.0));
        let results = [
            isa.add(a, b),
            isa.sub(a, b),
            isa.mul(a, b),
            isa.div(a, divisor),
            isa.max(a, b),
            isa.min(a, b),
            isa.abs(a),
            isa.sqrt(isa.abs(a)),
            isa.load_bytes(self.bytes),
            isa.from_f16(self.halves),
            isa.from_i8(self.words),
            isa.splat(isa.fold(a)),
        ];
        for v in results {
            isa.store(v, self.lanes);
            self.out.extend(*self.lanes);
        }
        isa.round_to_i8(isa.mul(one, isa.splat(127.0)), self.q);
        self.out.extend(self.q.map(f32::from));
        // Ties.
        let ties = self.q.map(|q| f32::from(q) / 2.0);
        isa.round_to_i8(isa.load(&ties), self.q);
        self.out.extend(self.q.map(f32::from));
    }
}

fn lanes<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(2);
    for kind in KINDS {
        let mut out = Vec::new();
        // Boxed: memory of their own.
        let (mut a, mut b) = (Box::new([0.0; 8]), Box::new([0.0; 8]));
        let (mut bytes, mut half) = (Box::new([0; 32]), Box::new([0; 16]));
        let (mut words, mut lanes, mut q) =
            (Box::new([0.0; 2]), Box::new([0.0; 8]), Box::new([0; 8]));
        for _ in 0..400 {
            a.fill_with(|| rng.float(kind));
            b.fill_with(|| rng.float(kind));
            half.copy_from_slice(&halves(&mut rng, 8, kind));
            bytes.copy_from_slice(a.map(f32::to_le_bytes).as_flattened());
            *words = [a[0], b[0]];
            isa.run(Operations {
                a: &a,
                b: &b,
                bytes: &bytes,
                halves: &half,
                words: &words,
                lanes: &mut lanes,
                q: &mut q,
                out: &mut out,
            });
        }
        sink(format!("{kind:?}"), out);
    }
    let mut out = Vec::new();
    for n in -126..=127 {
        out.extend(isa.run(Pow2([n as f32; 8])));
    }
    sink("pow2".into(), out);
}

/// The greater and the lesser of eight pairs.
struct Order<'a> {
    a: &'a [f32; 8],
    b: &'a [f32; 8],
}

impl Kernel for Order<'_> {
    type Output = [[f32; 8]; 2];

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> [[f32; 8]; 2] {
        let (a, b) = (isa.load(self.a), isa.load(self.b));
        [isa.max(a, b), isa.min(a, b)].map(|v| {
            let mut lanes = [0.0; 8];
            isa.store(v, &mut lanes);
            lanes
        })
    }
}

/// No kernel computes with NaN, but greatest values are looked for among them.
fn not_a_number<I: Isa>(isa: I, sink: Sink) {
    let a = [
        0x7fc0_1234,
        0xffc0_0000,
        0,
        1,
        1 << 31,
        0x7f80_0000,
        0xff80_0000,
        0x3f80_0000,
    ];
    let a = a.map(f32::from_bits);
    for turn in 0..8 {
        let b = core::array::from_fn(|i| a[(i + turn) % 8]);
        let [max, min] = isa.run(Order { a: &a, b: &b });
        sink(format!("{turn}"), [max, min].concat());
    }
}

/// 2 to the power of eight integers.
struct Pow2([f32; 8]);

impl Kernel for Pow2 {
    type Output = [f32; 8];

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) -> [f32; 8] {
        isa.store(isa.pow2(isa.load(&self.0)), &mut self.0);
        self.0
    }
}

/// e to the power of eight numbers.
struct Exp([f32; 8]);

impl Kernel for Exp {
    type Output = [f32; 8];

    #[inline(always)]
    fn run<I: Isa>(mut self, isa: I) -> [f32; 8] {
        isa.store(exp(isa, isa.load(&self.0)), &mut self.0);
        self.0
    }
}

fn exponential<I: Isa>(isa: I, sink: Sink) {
    // A stride over the bits of all f32; finite ones only.
    let mut out = Vec::new();
    for bits in (0..0x7f80_0000u32).step_by(65_521) {
        let x = f32::from_bits(bits);
        out.extend(isa.run(Exp([
            x,
            -x,
            x / 2.0,
            -x / 2.0,
            x.min(90.0),
            -x.min(90.0),
            0.0,
            -0.0,
        ])));
    }
    sink("stride".into(), out);
}

fn quantize<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(3);
    for kind in KINDS {
        for blocks in 0..40 {
            let mut x = rng.floats(32 * blocks, kind);
            if blocks % 5 == 1 {
                // A greatest value of 127 makes halves exact: ties.
                x.iter_mut()
                    .for_each(|x| *x = (*x * 16.0).round().clamp(-126.0, 126.0) + 0.5);
                x[7] = 127.0;
            }
            let mut out = vec![Q8Block::ZERO; blocks];
            isa.run(Quantize {
                x: &x,
                shared: if blocks % 8 == 0 { 8 } else { 1 },
                out: &mut out,
            });
            let values = out.iter().flat_map(|b| {
                let sums = [b.scale, b.sum8, b.half_sums as f32];
                sums.into_iter().chain(b.q.map(f32::from))
            });
            sink(format!("{kind:?} {blocks} blocks"), values.collect());
        }
    }
}

fn rms_norm<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(4);
    for kind in KINDS {
        for size in [1, 31, 32, 64, 100, 172, 576] {
            let padded = usize::next_multiple_of(size, 32);
            let mut x = rng.floats(padded, kind);
            x[size..].fill(0.0);
            let gain = rng.float_bytes(padded, kind);
            let mut out = vec![-1.0; padded];
            isa.run(RmsNorm {
                x: &x,
                gain: &gain,
                eps: 1e-5,
                size,
                out: &mut out,
            });
            sink(format!("{kind:?} {size}"), out);
        }
    }
}

fn rope<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(5);
    for kind in KINDS {
        for (heads, head_dim, half) in [(1, 8, 4), (3, 64, 32), (2, 26, 13), (2, 48, 16), (1, 2, 1)]
        {
            let mut x = rng.floats(heads * head_dim, kind);
            let table = rng.float_bytes(2 * half, Kind::Plain);
            isa.run(Rope {
                x: &mut x,
                heads,
                head_dim,
                half,
                table: &table,
            });
            sink(
                format!("{kind:?} {heads} heads of {head_dim}, {half} pairs"),
                x,
            );
        }
    }
}

fn quantize_head<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(11);
    for kind in KINDS {
        for head_dim in [1, 7, 8, 43, 64, 256] {
            let head = isa.run(QuantizeHead {
                x: &rng.floats(head_dim, kind),
            });
            let q = head.words.iter().flat_map(|word| word.to_le_bytes());
            let q = q.map(|q| f32::from(q as i8));
            sink(
                format!("{kind:?} {head_dim} elements"),
                [head.scale].into_iter().chain(q).collect(),
            );
        }
    }
}

/// The memory of a KV cache for the suite.
trait FeedCache: Cache {
    /// Words of elements; the worst integers now and then.
    fn memory(rng: &mut Rng, n: usize, kind: Kind) -> Vec<f32>;
}

impl FeedCache for F32Cache {
    fn memory(rng: &mut Rng, n: usize, kind: Kind) -> Vec<f32> {
        rng.floats(n, kind)
    }
}

impl FeedCache for I8Cache {
    fn memory(rng: &mut Rng, n: usize, _: Kind) -> Vec<f32> {
        let bytes = codes(rng, 4 * n, [0x80, 0x7f]);
        let words = bytes.as_chunks().0.iter();
        words.copied().map(f32::from_le_bytes).collect()
    }
}

/// Keys of a head.
fn keys<C: FeedCache>(rng: &mut Rng, context: usize, head_dim: usize, kind: Kind) -> Box<[f32]> {
    let elements = 8 * (padded_head_words::<C>(head_dim) - C::SCALES);
    let block = |_| {
        let mut block = C::memory(rng, elements, kind);
        block.extend(rng.floats(8 * C::SCALES, kind));
        block
    };
    exact((0..context / 8).flat_map(block))
}

/// Values of a head.
fn values<C: FeedCache>(rng: &mut Rng, context: usize, head_dim: usize, kind: Kind) -> Box<[f32]> {
    let columns = head_dim.div_ceil(8) * C::COLUMN;
    let mut values = C::memory(rng, columns * context, kind);
    values.extend(rng.floats(C::SCALES * context, kind));
    exact(values)
}

fn attention<I: Isa, C: FeedCache>(isa: I, sink: Sink) {
    let mut rng = Rng(6);
    for kind in KINDS {
        for (heads, heads_per_kv, head_dim) in
            [(1, 1, 64), (9, 3, 64), (8, 2, 8), (2, 1, 43), (4, 4, 7)]
        {
            for positions in [1usize, 2, 7, 8, 9, 33] {
                let context = positions.next_multiple_of(8) + 8;
                let shape = [heads, heads_per_kv, head_dim, positions, context];
                attend::<I, C, All>(isa, &mut rng, kind, shape, All, sink);
            }
        }
    }
}

/// Many positions, the last of them the last of the memory.
fn attention_far<I: Isa, C: FeedCache>(isa: I, sink: Sink) {
    let mut rng = Rng(12);
    for kind in KINDS {
        for positions in [520usize, 1031] {
            let context = positions.next_multiple_of(8);
            let shape = [3, 3, 12, positions, context];
            attend::<I, C, All>(isa, &mut rng, kind, shape, All, sink);
        }
    }
}

/// No more positions than a window needs, and more tokens than it is wide.
fn attention_window<I: Isa, C: FeedCache>(isa: I, sink: Sink) {
    let mut rng = Rng(26);
    for kind in KINDS {
        for (positions, window) in [(3usize, 40), (9, 1), (40, 2), (41, 16), (531, 117)] {
            let context = (window + TOKENS - 1).next_multiple_of(8);
            for (heads, heads_per_kv, head_dim) in [(1, 1, 20), (6, 3, 12)] {
                let shape = [heads, heads_per_kv, head_dim, positions, context];
                attend::<I, C, Option<usize>>(isa, &mut rng, kind, shape, Some(window), sink);
            }
        }
    }
}

/// Tokens of a batch, at most.
const TOKENS: usize = 3;

fn attend<I: Isa, C: FeedCache, W: Window>(
    isa: I,
    rng: &mut Rng,
    kind: Kind,
    [heads, heads_per_kv, head_dim, positions, context]: [usize; 5],
    window: W,
    sink: Sink,
) {
    let tokens = positions.min(TOKENS);
    let q = rng.floats(tokens * heads * head_dim, kind);
    let width = heads_per_kv * head_dim;
    for kv_head in 0..heads / heads_per_kv {
        let keys = keys::<C>(rng, context, head_dim, kind);
        let values = values::<C>(rng, context, head_dim, kind);
        let rows = tokens * heads_per_kv;
        let mut out = vec![-1.0; rows * head_dim];
        // The rows in two ranges, as two threads have them.
        let cut = rows / 2;
        let (low, high) = out.split_at_mut(cut * head_dim);
        for (rows, out) in [(0..cut, low), (cut..rows, high)] {
            let position = positions - tokens;
            let sees = position + rows.end.div_ceil(heads_per_kv);
            let mut scores = vec![0.0; rows.len().min(ROWS) * attention_span(sees, window.get())];
            isa.run(Attention {
                cache: PhantomData::<C>,
                queries: &q[kv_head * width..],
                query_stride: heads * head_dim,
                rows,
                position,
                window,
                keys: &keys,
                values: &values,
                context,
                head_dim,
                heads_per_kv,
                scale: 0.125,
                cap: window
                    .get()
                    .is_some_and(|window| window % 2 == 1)
                    .then_some(0.75),
                scores: &mut scores,
                out,
                out_stride: width,
            });
        }
        sink(
            format!("{kind:?} head {kv_head} of {heads} of {head_dim}, {positions} positions"),
            out,
        );
    }
}

/// A kernel of two values, which writes a third.
fn gated(seed: u64, sink: Sink, kernel: impl Fn(&[f32], &[f32], &mut [f32])) {
    let mut rng = Rng(seed);
    for kind in KINDS {
        for n in (0..80).step_by(8) {
            let (gate, up) = (rng.floats(n, kind), rng.floats(n, kind));
            let mut out = vec![-1.0; n];
            kernel(&gate, &up, &mut out);
            sink(format!("{kind:?} {n}"), out);
        }
    }
}

/// A kernel of one value, in its place.
fn in_place(seed: u64, sink: Sink, kernel: impl Fn(&mut [f32])) {
    let mut rng = Rng(seed);
    for kind in KINDS {
        for n in (0..80).step_by(8) {
            let mut x = rng.floats(n, kind);
            kernel(&mut x);
            sink(format!("{kind:?} {n}"), x);
        }
    }
}

fn silu_mul<I: Isa>(isa: I, sink: Sink) {
    gated(7, sink, |gate, up, out| isa.run(SiluMul { gate, up, out }));
}

fn gelu<I: Isa>(isa: I, sink: Sink) {
    in_place(13, sink, |x| isa.run(Gelu { x }));
}

fn layer_norm<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(14);
    for kind in KINDS {
        for size in [1usize, 7, 8, 31, 44, 64, 100] {
            let len = size.next_multiple_of(8);
            // What lies in the padding of the input is of no account.
            let x = rng.floats(len, kind);
            let (gain, bias) = (rng.float_bytes(len, kind), rng.float_bytes(len, kind));
            let mut out = vec![-1.0; len];
            isa.run(LayerNorm {
                x: &x,
                gain: &gain,
                bias: &bias,
                eps: 1e-5,
                size,
                out: &mut out,
            });
            sink(format!("{kind:?} {size}"), out);
        }
    }
}

fn head_norm<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(15);
    for kind in KINDS {
        for (heads, head_dim) in [(1, 1), (3, 7), (2, 8), (5, 12), (2, 24), (1, 64), (3, 100)] {
            let mut x = rng.floats(heads * head_dim, kind);
            let gain = rng.float_bytes(head_dim, kind);
            isa.run(HeadNorm {
                x: &mut x,
                gain: &gain,
                eps: 1e-6,
                heads,
                head_dim,
            });
            sink(format!("{kind:?} {heads} of {head_dim}"), x);
        }
    }
}

fn zero<I: Isa>(isa: I, sink: Sink) {
    for n in [0, 1, 7, 8, 31] {
        let mut x = vec![-1.0; n];
        isa.run(Zero { x: &mut x });
        sink(format!("{n}"), x);
    }
}

fn exp_weights<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(10);
    for kind in KINDS {
        for n in (0..80).step_by(8) {
            let mut x = rng.floats(n, kind);
            let max = x.iter().copied().fold(f32::MIN, f32::max);
            let factor = rng.float(kind).abs();
            isa.run(ExpWeights {
                x: &mut x,
                max,
                factor,
            });
            sink(format!("{kind:?} {n}"), x);
        }
    }
}

fn add_assign<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(8);
    for kind in KINDS {
        for n in (0..80).step_by(8) {
            let (mut x, y) = (rng.floats(n, kind), rng.floats(n, kind));
            isa.run(AddAssign { x: &mut x, y: &y });
            sink(format!("{kind:?} {n}"), x);
        }
    }
}

fn add_bias<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(9);
    for kind in KINDS {
        for n in (0..80).step_by(8) {
            let (mut x, bias) = (rng.floats(n, kind), rng.float_bytes(n, kind));
            isa.run(AddBias {
                x: &mut x,
                bias: &bias,
            });
            sink(format!("{kind:?} {n}"), x);
        }
    }
}

fn scale<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(16);
    for kind in KINDS {
        for n in (0..80).step_by(8) {
            let (mut x, factor) = (rng.floats(n, kind), rng.float(kind));
            isa.run(Scale { x: &mut x, factor });
            sink(format!("{kind:?} {n}"), x);
        }
    }
}

fn gelu_mul<I: Isa>(isa: I, sink: Sink) {
    gated(17, sink, |gate, up, out| isa.run(GeluMul { gate, up, out }));
}

fn gelu_erf<I: Isa>(isa: I, sink: Sink) {
    in_place(18, sink, |x| isa.run(GeluErf { x }));
}

fn relu2<I: Isa>(isa: I, sink: Sink) {
    in_place(19, sink, |x| isa.run(Relu2 { x }));
}

fn relu2_mul<I: Isa>(isa: I, sink: Sink) {
    gated(20, sink, |gate, up, out| {
        isa.run(Relu2Mul { gate, up, out })
    });
}

fn soft_cap<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(21);
    for kind in KINDS {
        for n in (0..80).step_by(8) {
            let mut x = rng.floats(n, kind);
            // Plain values on the slope and beyond it.
            let cap = [0.3, 1.0, 50.0][n / 8 % 3];
            isa.run(SoftCap { x: &mut x, cap });
            sink(format!("{kind:?} {n}"), x);
        }
    }
}

fn round_i8<I: Isa>(isa: I, sink: Sink) {
    in_place(24, sink, |x| isa.run(RoundI8 { x }));
}

fn layer_norm_gain<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(22);
    for kind in KINDS {
        for size in [1usize, 7, 8, 31, 44, 64, 100] {
            let len = size.next_multiple_of(8);
            let (x, gain) = (rng.floats(len, kind), rng.float_bytes(len, kind));
            let mut out = vec![-1.0; len];
            isa.run(LayerNormGain {
                x: &x,
                gain: &gain,
                eps: 1e-5,
                size,
                out: &mut out,
            });
            sink(format!("{kind:?} {size}"), out);
        }
    }
}

fn head_layer_norm<I: Isa>(isa: I, sink: Sink) {
    let mut rng = Rng(23);
    for kind in KINDS {
        for (heads, head_dim) in [(1, 1), (3, 7), (2, 8), (5, 12), (2, 24), (1, 64), (3, 100)] {
            let mut x = rng.floats(heads * head_dim, kind);
            let gain = rng.float_bytes(heads * head_dim, kind);
            isa.run(HeadLayerNorm {
                x: &mut x,
                gain: &gain,
                eps: 1e-5,
                heads,
                head_dim,
            });
            sink(format!("{kind:?} {heads} of {head_dim}"), x);
        }
    }
}
