//! Threads that share one pass through the network.
//!
//! The threads live for one pass. The leader describes a step in the job, all claim ranges
//! of it and compute them into memory of their own, and the leader gathers the results: no
//! memory is written by two threads, and none of it is unsafe. A thread that the system
//! holds up claims less, and holds up the others by one range at most.

use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockWriteGuard, TryLockError};
use std::vec::Vec;

use super::kernels::{Dim, Format, GROUP, Isa, MatMul, Q8Block};
use super::team::{Heads, HeadsBuffers, Operand, Product, Team};

/// What every member does next.
struct Job<'w, I> {
    run: fn(&Self, I, &[f32], Range<usize>, &mut Desk),
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
    heads: Heads<usize, usize>,
}

/// Memory of one member.
#[derive(Default)]
struct Desk {
    /// What it claimed of the job, and where the result starts in `out`.
    claims: Vec<(Range<usize>, usize)>,
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
}

const STOP: usize = usize::MAX;
/// Some 30 µs: longer waits mean that another program has the core.
const SPINS: usize = 2_000;
/// Multiplications that are worth a claim: some µs.
const CLAIM: usize = 1 << 17;

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

impl<'w, I> Shared<'w, '_, I>
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
        let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        // A poisoned desk is left for the leader to find.
        let Ok(mut desk) = self.desks[member].lock() else {
            return;
        };
        let mut claim = Some(first);
        while let Some(items) = claim {
            let start = desk.out.len();
            desk.claims.push((items.clone(), start));
            (job.run)(&job, self.isa, &cache, items, &mut desk);
            claim = job.claim(self.threads);
        }
    }

    /// The job, when no member reads it.
    fn idle_job(&self) -> RwLockWriteGuard<'_, Job<'w, I>> {
        wait(|| lock(self.job.try_write()))
    }

    /// Has the members compute the job that `describe` fills in, and gives each range and its
    /// result to `gather`.
    fn run(
        &self,
        describe: impl FnOnce(&mut Job<'w, I>),
        mut gather: impl FnMut(Range<usize>, &[f32]),
    ) {
        {
            let mut job = self.idle_job();
            describe(&mut job);
            job.next = AtomicUsize::new(0);
        }
        self.started.fetch_add(1, Ordering::Release);
        self.work(0);
        let _idle = self.idle_job();
        for desk in &self.desks {
            let Ok(mut desk) = desk.lock() else {
                panic!("a thread of the crew panicked");
            };
            let Desk { claims, out, .. } = &mut *desk;
            let mut end = out.len();
            while let Some((items, start)) = claims.pop() {
                gather(items, &out[start..end]);
                end = start;
            }
            out.clear();
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

impl<I: Isa> Job<'_, I> {
    fn idle() -> Self {
        Self {
            run: |_, _, _, _, _| {},
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
        isa: I,
        _: &[f32],
        groups: Range<usize>,
        desk: &mut Desk,
    ) {
        let group_bytes = self.row_blocks * F::GROUP_BLOCK_BYTES;
        let rows = groups.len() * GROUP;
        let start = desk.out.len();
        desk.out.resize(start + self.tokens * rows, 0.0);
        isa.run(MatMul::<F, usize, C> {
            weights: &self.weights[groups.start * group_bytes..groups.end * group_bytes],
            groups: groups.len(),
            blocks: C::of(self.row_blocks),
            input: Operand::choose(&self.floats, &self.blocks),
            tokens: self.tokens,
            out: &mut desk.out[start..],
            stride: rows,
        });
    }

    /// A range of rows, counted over all key heads: `[rows of the range][head_dim]`.
    fn attention<D: Dim, G: Dim>(
        &self,
        isa: I,
        cache: &[f32],
        range: Range<usize>,
        desk: &mut Desk,
    ) {
        let heads = self.heads.cast::<D, G>();
        let (head_dim, rows_per_kv) = (heads.head_dim.get(), heads.rows_per_kv());
        let start = desk.out.len();
        desk.out.resize(start + range.len() * head_dim, 0.0);
        desk.scores.resize(heads.scores_len(), 0.0);
        let mut row = range.start;
        while row < range.end {
            let (kv_head, first) = (row / rows_per_kv, row % rows_per_kv);
            let rows = first..rows_per_kv.min(first + range.end - row);
            let count = rows.len();
            // In whole tokens, the rows lie one behind the other.
            let at = start + (row - range.start) * head_dim;
            isa.run(heads.kernel(
                cache,
                kv_head,
                rows,
                (&self.floats, heads.heads * head_dim),
                &mut desk.scores,
                (&mut desk.out[at..], heads.width_per_kv()),
            ));
            row += count;
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
        let describe = |job: &mut Job<'w, I>| {
            job.run = Job::product::<F, C>;
            job.items = product.weights.len() / (blocks * F::GROUP_BLOCK_BYTES);
            job.cost = GROUP * 32 * blocks * product.tokens;
            job.weights = product.weights;
            job.row_blocks = blocks;
            job.tokens = product.tokens;
            Operand::put(product.input, &mut job.floats, &mut job.blocks);
        };
        self.0.run(describe, |groups, rows| {
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
        let describe = |job: &mut Job<'w, I>| {
            job.run = Job::attention::<D, G>;
            job.items = heads.tokens * heads.heads;
            job.cost = 2 * head_dim * (heads.position + heads.tokens);
            job.heads = heads.cast();
            job.floats.clear();
            for token in 0..heads.tokens {
                let queries = &buffers.queries[token * buffers.query_stride..][..width];
                job.floats.extend_from_slice(queries);
            }
        };
        let (rows_per_kv, heads_per_kv) = (heads.rows_per_kv(), heads.heads_per_kv.get());
        self.0.run(describe, |rows, results| {
            for (row, result) in rows.zip(results.chunks_exact(head_dim)) {
                let (kv_head, row) = (row / rows_per_kv, row % rows_per_kv);
                let (token, head) = (row / heads_per_kv, row % heads_per_kv);
                let at = token * buffers.out_stride + (kv_head * heads_per_kv + head) * head_dim;
                buffers.out[at..][..head_dim].copy_from_slice(result);
            }
        });
    }
}
