//! The operations of a pass against plain loops, and on many threads against one: equal bits.

use edgegen_templates::crew::with_crew;
use edgegen_templates::frame::{AttentionShape, CacheShape, Frame, Place, row};
use edgegen_templates::kernels::{
    Cache, F32, F32Cache, Format, I8Cache, Q8, Q8Block, Scalar, in_default_mode,
};
use edgegen_templates::team::{Operand, Product, Solo, Team};

fn scalar() -> Scalar {
    Scalar::new().expect("scalar code runs everywhere")
}

/// Numbers within ±2 whose sums depend on their order.
fn numbers(seed: u32, n: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 22) as f32 - 2.0
    };
    (0..n).map(|_| next()).collect()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Weights of f32, `[rows][columns]`, as groups of 8 rows.
fn grouped(rows: &[f32], columns: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for group in rows.chunks(8 * columns) {
        for column in 0..columns {
            out.extend((0..8).flat_map(|row| group[row * columns + column].to_le_bytes()));
        }
    }
    out
}

/// A product of a row: blocks of 32 columns, then the chain over them.
fn product(row: &[f32], x: &[f32]) -> f32 {
    let blocks = row.chunks(32).zip(x.chunks(32));
    blocks.fold(0.0, |sum, (w, x)| {
        sum + w.iter().zip(x).fold(0.0, |sum, (w, x)| sum + w * x)
    })
}

/// Work for any team.
trait Work {
    fn run<'w, T: Team<'w>>(&'w self, team: &mut T) -> Vec<f32>;
}

/// What one thread computes, which any number of threads must.
fn on_any_threads(cache: &[f32], work: &impl Work) -> Vec<f32> {
    let mut memory = cache.to_vec();
    let mut solo = Solo {
        isa: scalar(),
        cache: &mut memory,
    };
    let expected = work.run(&mut solo);
    for threads in 2..=6 {
        let mut memory = cache.to_vec();
        let found = with_crew(scalar(), threads, &mut memory, |crew| work.run(crew));
        assert!(found == expected, "{threads} threads");
    }
    expected
}

struct Products<F: Format> {
    weights: Vec<u8>,
    blocks: usize,
    input: Vec<F::Input>,
    tokens: usize,
    stride: usize,
}

impl<F: Format<Input: Operand>> Work for Products<F> {
    fn run<'w, T: Team<'w>>(&'w self, team: &mut T) -> Vec<f32> {
        let mut out = vec![-1.0; self.tokens * self.stride];
        // One after the other, as in a pass.
        for _ in 0..3 {
            let product = Product::<F, usize> {
                weights: &self.weights,
                blocks: self.blocks,
                input: &self.input,
                tokens: self.tokens,
            };
            team.product(product, &mut out, self.stride);
        }
        out
    }
}

/// More claims than threads, of groups that no number of threads divides.
#[test]
fn rows_are_split_among_threads_and_sums_are_not() {
    let (groups, blocks, tokens) = (53, 10, 9);
    let (columns, stride) = (32 * blocks, 8 * groups + 16);
    let (rows, x) = (
        numbers(1, 8 * groups * columns),
        numbers(2, tokens * columns),
    );
    let found = on_any_threads(
        &[],
        &Products::<F32> {
            weights: grouped(&rows, columns),
            blocks,
            input: x.as_chunks().0.to_vec(),
            tokens,
            stride,
        },
    );
    for (token, x) in x.chunks(columns).enumerate() {
        for (row, weights) in rows.chunks(columns).enumerate() {
            assert_eq!(found[token * stride + row], product(weights, x));
        }
        assert!(
            found[token * stride + 8 * groups..][..16]
                .iter()
                .all(|&v| v == -1.0)
        );
    }

    let weights = bytes(&rows).into_iter().map(|byte| byte & 0x3f);
    let block = |q: usize| Q8Block {
        scale: 0.5 + q as f32,
        center: 0,
        sum8: 0.0,
        half_sums: 0,
        q: std::array::from_fn(|i| (i * q) as i8),
    };
    on_any_threads(
        &[],
        &Products::<Q8> {
            weights: weights.take(groups * Q8::group_bytes(blocks)).collect(),
            blocks,
            input: (0..tokens * blocks).map(block).collect(),
            tokens,
            stride,
        },
    );
}

/// Keys, values and queries of a batch, stored and attended to.
struct Attending<C> {
    cache: C,
    row: Vec<f32>,
    tokens: usize,
    position: usize,
    positions: usize,
    window: Option<usize>,
    kv_heads: usize,
    heads_per_kv: usize,
    head_dim: usize,
}

const LAYERS: usize = 2;

/// The bound of scores where there is a window.
const CAP: f32 = 0.5;

impl<C: Cache> Attending<C> {
    fn shape(&self) -> CacheShape<C> {
        CacheShape {
            format: self.cache,
            positions: self.positions,
            window: self.window,
            heads: self.kv_heads,
            head_dim: self.head_dim,
        }
    }

    fn heads(&self) -> usize {
        self.kv_heads * self.heads_per_kv
    }

    fn width(&self) -> usize {
        (self.heads() + 2 * self.kv_heads) * self.head_dim
    }

    /// The part of the second layer.
    fn start(&self) -> usize {
        2 * self.shape().half()
    }

    /// Random memory: what was fed before.
    fn memory(&self) -> Vec<f32> {
        numbers(5, 2 * LAYERS * self.shape().half())
    }
}

impl<C: Cache> Work for Attending<C> {
    fn run<'w, T: Team<'w>>(&'w self, team: &mut T) -> Vec<f32> {
        let scores = 8 * (self.position + self.tokens).next_multiple_of(8);
        let out = (self.heads() * self.head_dim).next_multiple_of(32);
        let part = |start, heads| Place::new(start..start + heads * self.head_dim, self.width());
        let query = part(0, self.heads());
        let key = part(query.len, self.kv_heads);
        let value = part(query.len + key.len, self.kv_heads);
        let scores = Place::new(self.row.len()..self.row.len() + scores, scores);
        let start = scores.start + scores.len;
        let out = Place::new(start..start + query.len, out);
        let mut arena = self.row.clone();
        arena.resize(out.start + self.tokens * out.stride, 7.0);
        let mut frame = Frame {
            team,
            arena: &mut arena,
            activations: &mut [],
            tokens: self.tokens,
            position: self.position,
        };
        let state = self.shape().at(self.start());
        frame.store(state, key, value);
        let shape = AttentionShape {
            heads: self.heads(),
            head_dim: self.head_dim,
            heads_per_kv: self.heads_per_kv,
            scale: 0.25,
            cap: self.window.map(|_| CAP),
        };
        frame.attention(self.window, shape, state, query, scores, out);
        arena.split_off(out.start)
    }
}

fn attending<C: Cache>(
    cache: C,
    tokens: usize,
    position: usize,
    window: Option<usize>,
) -> Attending<C> {
    let mut work = Attending {
        cache,
        row: Vec::new(),
        tokens,
        position,
        positions: match window {
            Some(window) => (window + tokens - 1).next_multiple_of(8),
            None => (position + tokens).next_multiple_of(8) + 8,
        },
        window,
        kv_heads: 3,
        heads_per_kv: 3,
        head_dim: 12,
    };
    work.row = numbers(6, tokens * work.width());
    work
}

#[test]
fn heads_are_split_among_threads_and_see_what_is_stored() {
    for (tokens, position, window) in [
        (1, 0, None),
        (13, 0, None),
        (5, 3, None),
        (13, 700, None),
        (1, 0, Some(1)),
        (13, 2, Some(3)),
        (5, 61, Some(20)),
        (13, 700, Some(99)),
    ] {
        let work = attending(F32Cache, tokens, position, window);
        let found = on_any_threads(&work.memory(), &work);
        let quantized = attending(I8Cache, tokens, position, window);
        on_any_threads(&quantized.memory(), &quantized);

        let (shape, memory, head_dim) = (work.shape(), work.memory(), work.head_dim);
        let (keys, values) = shape.at(work.start()).halves();
        let width = (work.heads() * head_dim).next_multiple_of(32);
        for token in 0..tokens {
            let out = &found[token * width..][..width];
            for head in 0..work.heads() {
                let kv = head / work.heads_per_kv;
                // Of the batch itself, or from before.
                let element = |first: usize, place: usize, t: usize, d: usize| match t
                    .checked_sub(position)
                {
                    Some(t) => f64::from(work.row[t * work.width() + first + kv * head_dim + d]),
                    None => f64::from(memory[place]),
                };
                let first = work.heads() * head_dim;
                let key = |t, d| element(first, keys + shape.key(shape.place(t), kv, d), t, d);
                let first = first + work.kv_heads * head_dim;
                let value =
                    |t, d| element(first, values + shape.value(shape.place(t), kv, d), t, d);
                let query = &work.row[token * work.width() + head * head_dim..];
                let all = position + token + 1;
                let oldest = window.map_or(0, |window: usize| all.saturating_sub(window));
                let weights: Vec<f64> = (oldest..all)
                    .map(|t| {
                        let score = |d| f64::from(query[d]) * key(t, d);
                        let score = (0..head_dim).map(score).sum::<f64>() * 0.25;
                        let cap = f64::from(CAP);
                        match window {
                            Some(_) => (cap * (score / cap).tanh()).exp(),
                            None => score.exp(),
                        }
                    })
                    .collect();
                let sum: f64 = weights.iter().sum();
                for d in 0..head_dim {
                    let weighed = (oldest..all).zip(&weights).map(|(t, w)| w * value(t, d));
                    let error = f64::from(out[head * head_dim + d]) - weighed.sum::<f64>() / sum;
                    assert!(
                        error.abs() < 1e-4,
                        "token {token}, head {head}, element {d}"
                    );
                }
            }
            // The padding is as it was.
            assert!(out[work.heads() * head_dim..].iter().all(|&v| v == 7.0));
        }
    }
}

#[test]
fn a_panic_of_the_pass_ends_the_threads() {
    let pass = || with_crew(scalar(), 3, &mut [], |_| panic!("of the pass"));
    let panic = std::panic::catch_unwind(pass).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"of the pass"));
}

/// Threads that are started in another mode compute in the default one.
#[cfg(target_arch = "x86_64")]
#[test]
fn threads_have_the_default_floating_point_mode() {
    use std::arch::asm;

    #[inline(never)]
    fn set(mode: u32) {
        // SAFETY: the instruction reads a variable without reserved bits.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &mode) };
    }

    let (groups, blocks, tokens) = (53, 10, 9);
    let rows = numbers(1, 8 * 32 * groups * blocks);
    let work = Products::<F32> {
        weights: grouped(&rows, 32 * blocks),
        blocks,
        input: numbers(2, 32 * tokens * blocks).as_chunks().0.to_vec(),
        tokens,
        stride: 8 * groups,
    };
    let expected = on_any_threads(&[], &work);
    // Up.
    set(0x5f80);
    let found = with_crew(scalar(), 3, &mut [], |crew| {
        in_default_mode(|| work.run(crew))
    });
    set(0x1f80);
    assert!(found == expected);
}

/// Each operation over a batch of tokens, with values that have others around them.
#[test]
fn operations_touch_their_places_alone() {
    const TOKENS: usize = 3;
    let (a, b, c) = (
        Place::new(40..104, 64),
        Place::new(300..364, 64),
        Place::new(600..632, 32),
    );
    let before = numbers(9, 800);
    let run = |work: &dyn Fn(&mut Frame<'_, Solo<'_, Scalar>>)| {
        let mut arena = before.clone();
        let mut activations = [Q8Block::ZERO; 8];
        work(&mut Frame {
            team: &mut Solo {
                isa: scalar(),
                cache: &mut [],
            },
            arena: &mut arena,
            activations: &mut activations,
            tokens: TOKENS,
            position: 5,
        });
        (arena, activations)
    };
    // The arena after `change` of each element of a place: token, element, index in the arena.
    let expect = |place: Place, change: &dyn Fn(usize, usize, usize) -> f32| {
        let mut arena = before.clone();
        for token in 0..TOKENS {
            for (i, at) in place.of(token).enumerate() {
                arena[at] = change(token, i, at);
            }
        }
        arena
    };

    // Rows of an embedding in two parts: the second begins with token 16.
    let table = numbers(10, 24 * 32);
    let (first, second) = (
        grouped(&table[..16 * 32], 32),
        grouped(&table[16 * 32..], 32),
    );
    let found = run(&|frame| frame.embed::<F32, _>(&[&first, &second], 1, &[17, 3, 15], c)).0;
    assert_eq!(
        found,
        expect(c, &|token, i, _| table[[17, 3, 15][token] * 32 + i])
    );

    // A kernel sees its token's values, and the position that the batch gives it.
    let found = run(&|frame| {
        frame.rows([a, b], |_, position, [x, out]| {
            for (out, x) in out.iter_mut().zip(x) {
                *out = *x + position as f32;
            }
        });
    });
    let added = |token: usize, i: usize, _| before[a.of(token).start + i] + (5 + token) as f32;
    assert_eq!(found.0, expect(b, &added));

    // Values that lie side by side.
    let (left, right) = (Place::new(300..324, 64), Place::new(324..348, 64));
    let found = run(&|frame| frame.rows([left, right], |_, _, [x, y]| x.swap_with_slice(y)));
    let swapped = |_, i: usize, at: usize| match i {
        0..24 => before[at + 24],
        24..48 => before[at - 24],
        _ => before[at],
    };
    assert_eq!(found.0, expect(b, &swapped));

    assert_eq!(row(&[0, 1, 2, 3, 4, 5], 2, 1), [2, 3]);

    let (found, activations) = run(&|frame| frame.quantize(a, 1));
    assert_eq!(found, before);
    for (index, block) in activations.iter().enumerate() {
        for (i, q) in block.q.iter().enumerate() {
            let x = match index {
                0..6 => before[a.start + 32 * index + i],
                _ => 0.0,
            };
            assert!((f32::from(*q) * block.scale - x).abs() <= 0.51 * block.scale);
        }
    }

    // Two parts of 8 rows each, into a part of each token.
    let rows = numbers(12, 16 * 64);
    let (low, high) = (grouped(&rows[..8 * 64], 64), grouped(&rows[8 * 64..], 64));
    let part = Place::new(c.start + 16..c.start + 32, 32);
    let found = run(&|frame| frame.mat_mul::<F32, _>(&[&low, &high], 2, a, part)).0;
    let product = |token: usize, i: usize, _| product(&rows[64 * i..][..64], &before[a.of(token)]);
    assert_eq!(found, expect(part, &product));

    let found = run(&|frame| {
        frame.select(a, 1..3);
        assert_eq!(frame.tokens, 2);
    });
    assert_eq!(
        found.0[a.of(0).start..a.of(2).start],
        before[a.of(1).start..a.of(3).start]
    );
}
