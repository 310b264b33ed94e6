//! Every kernel by instruction set, with the bytes a second that it reads and writes; the shapes
//! are SmolLM2-135M's.

use std::hint::black_box;
use std::marker::PhantomData;

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use runtime_kernels::{
    AddAssign, AddBias, All, Attention, Cache, ExpWeights, F16, F32, F32Cache, Format, I8Cache,
    IQ4NL, IQ4XS, Isa, MXFP4, MatMul, Q2K, Q3K, Q4, Q4K, Q4M, Q5, Q5K, Q5M, Q6K, Q8, Q8Block,
    Quantize, ROWS, RmsNorm, Rope, SiluMul, T2, T3, T4, TQ1, TQ2, argmax, padded_head_words,
};

const HIDDEN: usize = 576;
const INTERMEDIATE: usize = 1536;
const HEAD_DIM: usize = 64;
const HEADS_PER_KV: usize = 3;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn matmul<I: Isa, F: Format>(c: &mut Criterion, isa: I, input: F::Input) {
    let mut group = c.benchmark_group(format!("matmul/{}/{}", F::NAME, I::NAME));
    for (rows, columns) in [(HIDDEN, HIDDEN), (INTERMEDIATE, HIDDEN)] {
        // Whole blocks of the format.
        let columns = columns - columns % (32 * F::SPAN);
        for tokens in [1, 64] {
            let (groups, blocks) = (rows / 8, columns / 32);
            let weights = vec![0x21; groups * F::group_bytes(blocks)];
            let input = vec![input; blocks / F::SPAN * tokens];
            let mut out = vec![0.0_f32; rows * tokens];
            let bytes = weights.len() + size_of_val(&input[..]) + size_of_val(&out[..]);
            group.throughput(Throughput::Bytes(bytes as u64));
            let id = BenchmarkId::new(format!("{rows}x{columns}"), tokens);
            group.bench_function(id, |b| {
                b.iter(|| {
                    isa.run(MatMul::<F, _, _> {
                        weights: &weights,
                        groups,
                        blocks,
                        input: &input,
                        tokens,
                        out: &mut out,
                        stride: rows,
                    });
                });
            });
        }
    }
}

fn attention<I: Isa, C: Cache>(c: &mut Criterion, isa: I) {
    let mut group = c.benchmark_group(format!("attention/{}/{}", C::NAME, I::NAME));
    for context in [128, 512] {
        for tokens in [1, 64] {
            let rows = tokens * HEADS_PER_KV;
            let queries = vec![0.1; rows * HEAD_DIM];
            let words = context * padded_head_words::<C>(HEAD_DIM);
            let (keys, values) = (vec![0.2; words], vec![0.3; words]);
            let (mut scores, mut out) = (vec![0.0; ROWS * context], vec![0.0; rows * HEAD_DIM]);
            let floats = keys.len() + values.len() + queries.len() + out.len();
            group.throughput(Throughput::Bytes(4 * floats as u64));
            group.bench_function(
                BenchmarkId::new(format!("{context} positions"), tokens),
                |b| {
                    b.iter(|| {
                        isa.run(Attention {
                            cache: PhantomData::<C>,
                            queries: &queries,
                            query_stride: HEADS_PER_KV * HEAD_DIM,
                            rows: 0..rows,
                            position: context - tokens,
                            window: All,
                            keys: &keys,
                            values: &values,
                            context,
                            head_dim: HEAD_DIM,
                            heads_per_kv: HEADS_PER_KV,
                            scale: 0.125,
                            cap: None,
                            scores: &mut scores,
                            out: &mut out,
                            out_stride: HEADS_PER_KV * HEAD_DIM,
                        });
                    });
                },
            );
        }
    }
}

/// A kernel over vectors: `floats` are what it reads and writes.
fn vectors(group: &mut Group<'_>, name: &str, floats: usize, mut kernel: impl FnMut()) {
    group.throughput(Throughput::Bytes(4 * floats as u64));
    group.bench_function(name, |b| b.iter(&mut kernel));
}

fn elementwise<I: Isa>(c: &mut Criterion, isa: I) {
    let mut group = c.benchmark_group(format!("vectors/{}", I::NAME));
    let (x, y) = (vec![0.5_f32; INTERMEDIATE], vec![0.25_f32; INTERMEDIATE]);
    let bytes: Vec<u8> = y.iter().flat_map(|y| y.to_le_bytes()).collect();
    let mut out = vec![0.0; INTERMEDIATE];
    vectors(&mut group, "rms_norm", 3 * HIDDEN, || {
        isa.run(RmsNorm {
            x: &x[..HIDDEN],
            gain: &bytes[..4 * HIDDEN],
            eps: 1e-5,
            size: HIDDEN,
            out: &mut out[..HIDDEN],
        });
    });
    vectors(&mut group, "silu_mul", 3 * INTERMEDIATE, || {
        isa.run(SiluMul {
            gate: &x,
            up: &y,
            out: &mut out,
        });
    });
    vectors(&mut group, "rope", 2 * HIDDEN + HEAD_DIM, || {
        isa.run(Rope {
            x: &mut out[..HIDDEN],
            heads: HIDDEN / HEAD_DIM,
            head_dim: HEAD_DIM,
            half: HEAD_DIM / 2,
            table: &bytes[..4 * HEAD_DIM],
        });
    });
    let mut blocks = vec![Q8Block::ZERO; INTERMEDIATE / 32];
    vectors(
        &mut group,
        "quantize",
        INTERMEDIATE + 10 * blocks.len(),
        || {
            isa.run(Quantize {
                x: &x,
                shared: 1,
                out: &mut blocks,
            });
        },
    );
    // Sums that stay finite however often they are taken.
    let zeros = vec![0.0; HIDDEN];
    vectors(&mut group, "add_assign", 3 * HIDDEN, || {
        isa.run(AddAssign {
            x: &mut out[..HIDDEN],
            y: &zeros,
        });
    });
    vectors(&mut group, "add_bias", 3 * HIDDEN, || {
        isa.run(AddBias {
            x: &mut out[..HIDDEN],
            bias: &[0; 4 * HIDDEN],
        });
    });
    vectors(&mut group, "exp_weights", 2 * INTERMEDIATE, || {
        isa.run(ExpWeights {
            x: &mut out,
            max: 1.0,
            factor: 1.0,
        });
    });
    group.finish();
}

fn instruction_set<I: Isa>(c: &mut Criterion, isa: Option<I>) {
    let Some(isa) = isa else { return };
    let block = Q8Block {
        scale: 0.01,
        center: -768,
        sum8: 768.0,
        half_sums: 48 << 16 | 48,
        q: [3; 32],
    };
    matmul::<I, Q8>(c, isa, block);
    matmul::<I, Q4>(c, isa, block);
    matmul::<I, Q4M>(c, isa, block);
    matmul::<I, T2>(c, isa, block);
    matmul::<I, T3>(c, isa, block);
    matmul::<I, T4>(c, isa, block);
    matmul::<I, Q5>(c, isa, block);
    matmul::<I, Q5M>(c, isa, block);
    matmul::<I, IQ4NL>(c, isa, block);
    matmul::<I, MXFP4>(c, isa, block);
    matmul::<I, Q2K>(c, isa, [block; 8]);
    matmul::<I, Q3K>(c, isa, [block; 8]);
    matmul::<I, Q4K>(c, isa, [block; 8]);
    matmul::<I, Q5K>(c, isa, [block; 8]);
    matmul::<I, Q6K>(c, isa, [block; 8]);
    matmul::<I, IQ4XS>(c, isa, [block; 8]);
    matmul::<I, TQ1>(c, isa, [block; 8]);
    matmul::<I, TQ2>(c, isa, [block; 8]);
    matmul::<I, F16>(c, isa, [0.5; 32]);
    matmul::<I, F32>(c, isa, [0.5; 32]);
    attention::<I, F32Cache>(c, isa);
    attention::<I, I8Cache>(c, isa);
    elementwise(c, isa);
}

macro_rules! benches {
    ($($module:ident::$token:ident in [$($arch:literal)?] $row:tt)*) => {
        fn instruction_sets(c: &mut Criterion) {
            $(
                #[cfg(all($(target_arch = $arch)?))]
                instruction_set(c, runtime_kernels::$module::$token::new());
            )*
        }
    };
}

runtime_kernels::instruction_sets!(benches);

fn kernels(c: &mut Criterion) {
    instruction_sets(c);
    let logits = vec![0.5; 49152];
    let mut group = c.benchmark_group("sampling");
    vectors(&mut group, "argmax", logits.len(), || {
        black_box(argmax(&logits));
    });
}

criterion_group!(benches, kernels);
criterion_main!(benches);
