//! Threads that share one pass through the network.
//!
//! The threads live for one pass. The leader describes a step in the job, all claim ranges
//! of it and compute them into memory of their own, and the leader gathers the results: no
//! memory is written by two threads, and none of it is unsafe. A thread that the system
//! holds up claims less, and holds up the others by one range at most.

use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::vec::Vec;

use super::kernels::{Cache, Dim, Format, GROUP, Isa, Q8Block, Window, in_default_mode};
use super::team::{Heads, HeadsBuffers, Operand, Product, Team};

/// What every member does next.
struct Job<'w, I> {
    run: fn(&Self, &Shared<'w, '_, I>, Range<usize>, &mut Desk),
    /// Floats of an item's result.
    width: usize,
    /// Groups of rows, or heads of tokens: what is split among the threads.
    items: usize,
    /// Multiplications of an item, roughly.
    cost: usize,
    /// The first item that nobody has claimed.
    next: AtomicUsize,
    floats: Vec<f32>,
    blocks: Vec<Q8Block>,
    weights: &'w [u8],
    row_blocks: usize,
    tokens: usize,
    heads: Heads<usize, usize, Option<usize>>,
}

/// Memory of one member.
#[derive(Default)]
struct Desk {
    /// What it claimed of the job, in the order of the results in `out`.
    claims: Vec<Range<usize>>,
    /// Floats of `out` that hold results.
    used: usize,
    out: Vec<f32>,
    scores: Vec<f32>,
}

impl Desk {
    /// Room for the result of a claim, and scratch.
    fn room(&mut self, size: usize, scores: usize) -> (&mut [f32], &mut [f32]) {
        let start = self.used;
        self.used += size;
        for (memory, size) in [(&mut self.out, self.used), (&mut self.scores, scores)] {
            if memory.len() < size {
                memory.resize(size, 0.0);
            }
        }
        (&mut self.out[start..self.used], &mut self.scores[..scores])
    }
}

/// What the members share.
struct Shared<'w, 'c, I> {
    isa: I,
    threads: usize,
    job: RwLock<Job<'w, I>>,
    cache: RwLock<&'c mut [f32]>,
    /// One for each member but the leader.
    desks: Vec<Mutex<Desk>>,
    /// Counts the jobs; `STOP` ends the threads.
    started: AtomicUsize,
}

const STOP: usize = usize::MAX;
/// Some 30 µs: longer waits mean that another program has the core.
const SPINS: usize = 2_000;
/// Multiplications that are worth a claim: some µs.
const CLAIM: usize = 1 << 17;

/// The leader's view of the threads.
pub struct Crew<'s, 'w, 'c, I> {
    shared: &'s Shared<'w, 'c, I>,
    /// Held between two jobs, when the members wait for the next.
    job: Option<RwLockWriteGuard<'s, Job<'w, I>>>,
}

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
        desks: (1..threads).map(|_| Mutex::default()).collect(),
        started: AtomicUsize::new(0),
    };
    std::thread::scope(|scope| {
        for member in 1..threads {
            let shared = &shared;
            // Threads have the mode of the one that starts them, or the system's.
            scope.spawn(move || in_default_mode(|| shared.serve(member)));
        }
        // Ends the threads even if the pass panics: the scope waits for them.
        let _stop = OnDrop(|| shared.started.store(STOP, Ordering::Release));
        pass(&mut Crew {
            shared: &shared,
            job: None,
        })
    })
}

struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl<'w, 'c, I> Shared<'w, 'c, I>
where
    I: Isa,
{
    fn serve(&self, member: usize) {
        let mut seen = 0;
        loop {
            seen = wait(|| Some(self.started.load(Ordering::Acquire)).filter(|&now| now != seen));
            if seen == STOP {
                return;
            }
            self.work(member);
        }
    }

    /// Computes what the member can claim of the job.
    fn work(&self, member: usize) {
        let job = wait(|| lock(self.job.try_read()));
        let Some(first) = job.claim(self.threads) else {
            return;
        };
        // A poisoned desk is left for the leader to find.
        let Ok(mut desk) = self.desks[member - 1].lock() else {
            return;
        };
        let mut claim = Some(first);
        while let Some(items) = claim {
            desk.claims.push(items.clone());
            (job.run)(&job, self, items, &mut desk);
            claim = job.claim(self.threads);
        }
    }

    /// The job, when no member reads it.
    fn idle_job(&self) -> RwLockWriteGuard<'_, Job<'w, I>> {
        wait(|| lock(self.job.try_write()))
    }

    /// The KV cache, which nobody writes during a job.
    fn cache(&self) -> RwLockReadGuard<'_, &'c mut [f32]> {
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'w, I: Isa> Crew<'_, 'w, '_, I> {
    /// Has the members compute the job that `describe` fills in, computes what the leader can
    /// claim in place, and gives the others' results to `gather`.
    fn run(
        &mut self,
        out: &mut [f32],
        describe: impl FnOnce(&mut Job<'w, I>),
        mut here: impl FnMut(&mut [f32], Range<usize>),
        gather: impl Fn(&mut [f32], Range<usize>, &[f32]),
    ) {
        let shared = self.shared;
        let mut job = self.job.take().unwrap_or_else(|| shared.idle_job());
        describe(&mut job);
        job.next = AtomicUsize::new(0);
        let job = RwLockWriteGuard::downgrade(job);
        shared.started.fetch_add(1, Ordering::Release);
        while let Some(items) = job.claim(shared.threads) {
            here(out, items);
        }
        drop(job);
        let job = self.job.insert(shared.idle_job());
        for desk in &shared.desks {
            let Ok(mut desk) = desk.lock() else {
                panic!("a thread of the crew panicked");
            };
            let desk = &mut *desk;
            let mut results = &desk.out[..];
            for items in desk.claims.drain(..) {
                let (result, rest) = results.split_at(items.len() * job.width);
                results = rest;
                gather(out, items, result);
            }
            desk.used = 0;
        }
    }
}

/// Waits for a value: at first spinning, since steps take microseconds.
fn wait<T>(mut ready: impl FnMut() -> Option<T>) -> T {
    let mut spins = 0;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        spins += 1;
        if spins < SPINS {
            core::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

/// The guard, if the lock is free.
fn lock<G>(result: Result<G, TryLockError<G>>) -> Option<G> {
    match result {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

impl<'w, I: Isa> Job<'w, I> {
    fn idle() -> Self {
        Self {
            run: |_, _, _, _| {},
            width: 0,
            items: 0,
            cost: 0,
            next: AtomicUsize::new(0),
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
                cap: None,
                window: None,
                keys: 0,
                values: 0,
                context: 0,
            },
        }
    }

    /// Half of an equal share of what is left, so that the last claims are small (guided
    /// self-scheduling, Polychronopoulos and Kuck, 1987).
    fn claim(&self, threads: usize) -> Option<Range<usize>> {
        let least = CLAIM.div_ceil(self.cost.max(1));
        let size = |next: usize| {
            let left = self.items - next;
            (left / (2 * threads)).max(least).min(left)
        };
        let claim = |next: usize| (next < self.items).then(|| next + size(next));
        let (now, then) = (Ordering::Relaxed, Ordering::Relaxed);
        let start = self.next.fetch_update(now, then, claim).ok()?;
        Some(start..start + size(start))
    }

    /// A range of row groups, for all tokens: `[tokens][rows of the range]`.
    fn product<F: Format<Input: Operand>, C: Dim>(
        &self,
        shared: &Shared<'w, '_, I>,
        groups: Range<usize>,
        desk: &mut Desk,
    ) {
        let product = Product::<F, C> {
            weights: self.weights,
            blocks: C::of(self.row_blocks),
            input: Operand::choose(&self.floats, &self.blocks),
            tokens: self.tokens,
        };
        let rows = groups.len() * GROUP;
        let (out, _) = desk.room(self.tokens * rows, 0);
        product.run(shared.isa, groups, out, rows);
    }

    /// A range of rows: `[rows of the range][head_dim]`.
    fn attention<C: Cache, D: Dim, G: Dim, W: Window>(
        &self,
        shared: &Shared<'w, '_, I>,
        rows: Range<usize>,
        desk: &mut Desk,
    ) {
        let heads = self.heads.cast::<D, G, W>();
        let head_dim = heads.head_dim.get();
        let (out, scores) = desk.room(rows.len() * head_dim, heads.scores_len());
        let first = rows.start;
        heads.run::<C, _>(
            shared.isa,
            &shared.cache(),
            rows,
            (&self.floats, heads.heads * head_dim),
            scores,
            (out, heads.heads_per_kv.get() * head_dim),
            |row| (row - first) * head_dim,
        );
    }
}

impl<'w, I: Isa> Team<'w> for Crew<'_, 'w, '_, I> {
    type Isa = I;

    fn isa(&self) -> I {
        self.shared.isa
    }

    fn with_cache(&mut self, write: impl FnOnce(&mut [f32])) {
        write(
            &mut self
                .shared
                .cache
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn product<F: Format<Input: Operand>, C: Dim>(
        &mut self,
        product: Product<'w, '_, F, C>,
        out: &mut [f32],
        stride: usize,
    ) {
        let describe = |job: &mut Job<'w, I>| {
            job.run = Job::product::<F, C>;
            job.items = product.groups();
            job.width = GROUP * product.tokens;
            job.cost = GROUP * 32 * product.blocks.get() * product.tokens;
            job.weights = product.weights;
            job.row_blocks = product.blocks.get();
            job.tokens = product.tokens;
            Operand::put(product.input, &mut job.floats, &mut job.blocks);
        };
        let isa = self.shared.isa;
        let here = |out: &mut [f32], groups: Range<usize>| {
            let start = groups.start * GROUP;
            product.run(isa, groups, &mut out[start..], stride);
        };
        let gather = |out: &mut [f32], groups: Range<usize>, rows: &[f32]| {
            let width = groups.len() * GROUP;
            for (token, rows) in rows.chunks_exact(width).enumerate() {
                out[token * stride + groups.start * GROUP..][..width].copy_from_slice(rows);
            }
        };
        self.run(out, describe, here, gather);
    }

    fn attention<C: Cache, D: Dim, G: Dim, W: Window>(
        &mut self,
        heads: Heads<D, G, W>,
        buffers: HeadsBuffers<'_>,
    ) {
        let (head_dim, stride) = (heads.head_dim.get(), buffers.out_stride);
        let width = heads.heads * head_dim;
        let describe = |job: &mut Job<'w, I>| {
            job.run = Job::attention::<C, D, G, W>;
            job.items = heads.rows();
            job.width = head_dim;
            job.cost = 2 * head_dim * heads.span();
            job.heads = heads.cast();
            job.floats.clear();
            for token in 0..heads.tokens {
                let queries = &buffers.queries[token * buffers.query_stride..][..width];
                job.floats.extend_from_slice(queries);
            }
        };
        let shared = self.shared;
        let here = |out: &mut [f32], rows: Range<usize>| {
            heads.run::<C, _>(
                shared.isa,
                &shared.cache(),
                rows,
                (buffers.queries, buffers.query_stride),
                buffers.scores,
                (out, stride),
                |row| heads.place(row, stride),
            );
        };
        let gather = |out: &mut [f32], rows: Range<usize>, results: &[f32]| {
            for (row, result) in rows.zip(results.chunks_exact(head_dim)) {
                out[heads.place(row, stride)..][..head_dim].copy_from_slice(result);
            }
        };
        self.run(buffers.out, describe, here, gather);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Scalar;

    /// Every item is claimed once, in order; a claim is worth its time, and takes no more than half
    /// of an equal share.
    #[test]
    fn claims_are_all_items_in_fair_shares() {
        for (items, cost, threads) in [(0, 1, 2), (1, 1, 3), (1000, CLAIM, 4), (777, 1000, 5)] {
            let job = Job::<Scalar> {
                items,
                cost,
                ..Job::idle()
            };
            let least = CLAIM.div_ceil(cost);
            let mut next = 0;
            while let Some(claim) = job.claim(threads) {
                let left = items - next;
                assert_eq!(claim.start, next);
                assert!(claim.len() >= least.min(left));
                assert!(claim.len() <= least.max(left / (2 * threads)));
                next = claim.end;
            }
            assert_eq!(next, items);
        }
    }
}
