//! Prefill and decoding under criterion.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use {{crate}} as model;

use model::{CONTEXT, Session, VOCAB_SIZE, golden_token};

fn prefill(c: &mut Criterion) {
    let prompt: Vec<u32> = (0..64.min(CONTEXT / 2))
        .map(|index| golden_token(index, VOCAB_SIZE))
        .collect();
    {{session}}
    let mut group = c.benchmark_group("session");
    group.throughput(Throughput::Elements(prompt.len() as u64));
    group.bench_function("prefill", |b| {
        b.iter(|| {
            session.reset();
            session.feed(&prompt).expect("the prompt fits")[0]
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("decode", |b| {
        let position = prompt.len();
        session.reset();
        session.feed(&prompt).expect("the prompt fits");
        b.iter_batched(
            || (),
            |()| {
                session.truncate(position);
                session.feed(&[1]).expect("there is room")[0]
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, prefill);
criterion_main!(benches);
