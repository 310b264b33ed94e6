//! Threads that share one pass through the network.
//!
//! The threads live for one pass. The leader describes a step in the job,
//! all compute their share into memory of their own, and the leader gathers
//! the shares: no memory is written by two threads, and none of it is unsafe.

use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::vec::Vec;

use super::kernels::{Dim, Format, GROUP, Isa, MatMul, Q8Block};
use super::team::{Heads, HeadsBuffers, Operand, Product, Team};

/// What every member does next.
struct Job<'w, I> {
    run: fn(&Self, I, &[f32], Range<usize>, &mut Desk),
    /// Groups of rows, or heads of tokens: what is split among the threads.
    items: usize,
    floats: Vec<f32>,
    blocks: Vec<Q8Block>,
    weights: &'w [u8],
    row_blocks: usize,
    tokens: usize,
    heads: Heads<usize, usize>,
}

/// Memory of one member.
#[derive(Default)]
struct Desk {
    out: Vec<f32>,
    scores: Vec<f32>,
}

/// What the members share.
struct Shared<'w, 'c, I> {
    isa: I,
    threads: usize,
    job: RwLock<Job<'w, I>>,
    cache: RwLock<&'c mut [f32]>,
    desks: Vec<Mutex<Desk>>,
    /// Counts the jobs; `STOP` ends the threads.
    started: AtomicUsize,
    /// Members that finished the current job.
    done: AtomicUsize,
}

const STOP: usize = usize::MAX;
/// Some 30 µs: longer waits mean that another program has the core.
const SPINS: usize = 2_000;

/// The leader's view of the threads.
pub struct Crew<'s, 'w, 'c, I>(&'s Shared<'w, 'c, I>);

/// Runs `pass` with a team of `threads` threads, this one included.
pub fn with_crew<'w, I: Isa, R>(
    isa: I,
    threads: usize,
    cache: &mut [f32],
    pass: impl FnOnce(&mut Crew<'_, 'w, '_, I>) -> R,
) -> R {
    let shared = Shared {
        isa,
        threads,
        job: RwLock::new(Job::idle()),
        cache: RwLock::new(cache),
        desks: (0..threads).map(|_| Mutex::default()).collect(),
        started: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
    };
    std::thread::scope(|scope| {
        for member in 1..threads {
            let shared = &shared;
            scope.spawn(move || shared.serve(member));
        }
        // Ends the threads even if the pass panics: the scope waits for them.
        let _stop = OnDrop(|| shared.started.store(STOP, Ordering::Release));
        pass(&mut Crew(&shared))
    })
}

struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl<I> Shared<'_, '_, I>
where
    I: Isa,
{
    fn serve(&self, member: usize) {
        let mut seen = 0;
        loop {
            seen = wait(&self.started, |started| started != seen);
            if seen == STOP {
                return;
            }
            let _done = OnDrop(|| {
                self.done.fetch_add(1, Ordering::Release);
            });
            self.work(member);
        }
    }

    /// Computes one member's share of the job.
    fn work(&self, member: usize) {
        let job = self.job.read().unwrap_or_else(PoisonError::into_inner);
        let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        // A poisoned desk is left for the leader to find.
        let Ok(mut desk) = self.desks[member].lock() else {
            return;
        };
        (job.run)(
            &job,
            self.isa,
            &cache,
            share(job.items, member, self.threads),
            &mut desk,
        );
    }

    /// Has all members compute the job, and gives each one's share and result to `gather`.
    fn run(&self, mut gather: impl FnMut(Range<usize>, &[f32])) {
        let items = self
            .job
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .items;
        self.done.store(0, Ordering::Relaxed);
        self.started.fetch_add(1, Ordering::Release);
        self.work(0);
        wait(&self.done, |done| done == self.threads - 1);
        for (member, desk) in self.desks.iter().enumerate() {
            let Ok(desk) = desk.lock() else {
                panic!("a thread of the crew panicked");
            };
            gather(share(items, member, self.threads), &desk.out);
        }
    }
}

/// Waits until the value is as wanted: at first spinning, since steps take microseconds.
fn wait(value: &AtomicUsize, wanted: impl Fn(usize) -> bool) -> usize {
    let mut spins = 0;
    loop {
        let now = value.load(Ordering::Acquire);
        if wanted(now) {
            return now;
        }
        spins += 1;
        if spins < SPINS {
            core::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

fn share(items: usize, member: usize, threads: usize) -> Range<usize> {
    items * member / threads..items * (member + 1) / threads
}

impl<I: Isa> Job<'_, I> {
    fn idle() -> Self {
        Self {
            run: |_, _, _, _, _| {},
            items: 0,
            floats: Vec::new(),
            blocks: Vec::new(),
            weights: &[],
            row_blocks: 0,
            tokens: 0,
            heads: Heads {
                tokens: 0,
                position: 0,
                heads: 0,
                head_dim: 0,
                heads_per_kv: 1,
                scale: 0.0,
                keys: 0,
                values: 0,
                kv_stride: 0,
            },
        }
    }

    /// A range of row groups, for all tokens: `[tokens][rows of the range]`.
    fn product<F: Format<Input: Operand>, C: Dim>(
        &self,
        isa: I,
        _: &[f32],
        groups: Range<usize>,
        desk: &mut Desk,
    ) {
        let group_bytes = self.row_blocks * F::GROUP_BLOCK_BYTES;
        let rows = groups.len() * GROUP;
        desk.out.resize(self.tokens * rows, 0.0);
        isa.run(MatMul::<F, usize, C> {
            weights: &self.weights[groups.start * group_bytes..groups.end * group_bytes],
            groups: groups.len(),
            blocks: C::of(self.row_blocks),
            input: Operand::choose(&self.floats, &self.blocks),
            tokens: self.tokens,
            out: &mut desk.out,
            stride: rows,
        });
    }

    /// A range of heads, counted over all tokens: `[heads of the range][head_dim]`.
    fn attention<D: Dim, G: Dim>(
        &self,
        isa: I,
        cache: &[f32],
        range: Range<usize>,
        desk: &mut Desk,
    ) {
        let heads = self.heads.cast::<D, G>();
        let head_dim = heads.head_dim.get();
        desk.out.resize(range.len() * head_dim, 0.0);
        desk.scores.resize(heads.position + heads.tokens, 0.0);
        let mut item = range.start;
        while item < range.end {
            let (token, head) = (item / heads.heads, item % heads.heads);
            let count = (heads.heads - head).min(range.end - item);
            isa.run(heads.kernel(
                cache,
                token,
                head,
                &self.floats[item * head_dim..][..count * head_dim],
                &mut desk.scores,
                &mut desk.out[(item - range.start) * head_dim..][..count * head_dim],
            ));
            item += count;
        }
    }
}

impl<'w, I: Isa> Team<'w> for Crew<'_, 'w, '_, I> {
    type Isa = I;

    fn isa(&self) -> I {
        self.0.isa
    }

    fn with_cache(&mut self, write: impl FnOnce(&mut [f32])) {
        write(&mut self.0.cache.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn product<F: Format<Input: Operand>, C: Dim>(&mut self, product: Product<'w, '_, F, C>) {
        let blocks = product.blocks.get();
        {
            let mut guard = self.0.job.write().unwrap_or_else(PoisonError::into_inner);
            let job = &mut *guard;
            job.run = Job::product::<F, C>;
            job.items = product.weights.len() / (blocks * F::GROUP_BLOCK_BYTES);
            job.weights = product.weights;
            job.row_blocks = blocks;
            job.tokens = product.tokens;
            Operand::put(product.input, &mut job.floats, &mut job.blocks);
        }
        self.0.run(|groups, rows| {
            if groups.is_empty() {
                return;
            }
            let width = groups.len() * GROUP;
            for (token, rows) in rows.chunks_exact(width).enumerate() {
                product.out[token * product.stride + groups.start * GROUP..][..width]
                    .copy_from_slice(rows);
            }
        });
    }

    fn attention<D: Dim, G: Dim>(&mut self, heads: Heads<D, G>, buffers: HeadsBuffers<'_>) {
        let head_dim = heads.head_dim.get();
        let width = heads.heads * head_dim;
        {
            let mut guard = self.0.job.write().unwrap_or_else(PoisonError::into_inner);
            let job = &mut *guard;
            job.run = Job::attention::<D, G>;
            job.items = heads.tokens * heads.heads;
            job.heads = heads.cast();
            job.floats.clear();
            for token in 0..heads.tokens {
                let queries = &buffers.queries[token * buffers.query_stride..][..width];
                job.floats.extend_from_slice(queries);
            }
        }
        self.0.run(|items, results| {
            for (item, head) in items.zip(results.chunks_exact(head_dim)) {
                let (token, index) = (item / heads.heads, item % heads.heads);
                buffers.out[token * buffers.out_stride + index * head_dim..][..head_dim]
                    .copy_from_slice(head);
            }
        });
    }
}
