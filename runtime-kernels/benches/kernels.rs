//! Matrix times vectors, by format, instruction set, shape and number of tokens.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use runtime_kernels::scalar::Scalar;
use runtime_kernels::{F16, F32, Format, Isa, MatMul, Q4, Q4M, Q8, Q8Block};

fn format<I: Isa, F: Format>(c: &mut Criterion, isa: Option<I>, input: F::Input) {
    let Some(isa) = isa else { return };
    let mut group = c.benchmark_group(format!("matmul/{}/{}", F::NAME, I::NAME));
    for (rows, columns) in [(576, 576), (1536, 576)] {
        for tokens in [1, 16] {
            let (groups, blocks) = (rows / 8, columns / 32);
            let weights = vec![0x21; groups * blocks * F::GROUP_BLOCK_BYTES];
            let input = vec![input; blocks * tokens];
            let mut out = vec![0.0; rows * tokens];
            group.throughput(Throughput::Elements((rows * columns * tokens) as u64));
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

fn instruction_set<I: Isa>(c: &mut Criterion, isa: Option<I>) {
    let block = Q8Block {
        scale: 0.01,
        sum: 96.0,
        q: [3; 32],
    };
    format::<I, Q8>(c, isa, block);
    format::<I, Q4>(c, isa, block);
    format::<I, Q4M>(c, isa, block);
    format::<I, F16>(c, isa, [0.5; 32]);
    format::<I, F32>(c, isa, [0.5; 32]);
}

fn matmul(c: &mut Criterion) {
    #[cfg(target_arch = "x86_64")]
    {
        instruction_set(c, runtime_kernels::avx512_vnni::Avx512Vnni::new());
        instruction_set(c, runtime_kernels::avx2::Avx2::new());
        instruction_set(c, runtime_kernels::sse41::Sse41::new());
    }
    #[cfg(target_arch = "aarch64")]
    {
        instruction_set(c, runtime_kernels::neon_dotprod::NeonDotprod::new());
        instruction_set(c, runtime_kernels::neon::Neon::new());
    }
    instruction_set(c, Scalar::new());
}

criterion_group!(benches, matmul);
criterion_main!(benches);
