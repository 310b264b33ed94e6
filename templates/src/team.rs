//! Who computes: one thread, or (with `std`) the threads of a crew.

use core::marker::PhantomData;
use core::ops::Range;

use super::kernels::{
    Attention, Cache, Dim, Format, Isa, MatMul, ROWS, Window, attention_span, padded_head_words,
};

/// The work that threads can share. Rows and heads are split among them, sums
/// never, so the number of threads does not change a bit.
pub trait Team<'w> {
    /// The instruction set of every member.
    type Isa: Isa;

    /// The instruction set.
    fn isa(&self) -> Self::Isa;

    /// Gives the KV cache for writing.
    fn with_cache(&mut self, write: impl FnOnce(&mut [f32]));

    /// Computes a product. `out` is `[tokens][stride]`, from the first row of the weights on.
    fn product<F: Format<Input: Operand>, C: Dim>(
        &mut self,
        product: Product<'w, '_, F, C>,
        out: &mut [f32],
        stride: usize,
    );

    /// Computes attention of a batch.
    fn attention<C: Cache, D: Dim, G: Dim, W: Window>(
        &mut self,
        heads: Heads<D, G, W>,
        buffers: HeadsBuffers<'_>,
    );
}

/// A matrix times the vectors of a batch.
pub struct Product<'w, 'b, F: Format, C: Dim> {
    /// Whole groups of rows.
    pub weights: &'w [u8],
    /// Columns, in blocks.
    pub blocks: C,
    /// `[tokens][blocks]`.
    pub input: &'b [F::Input],
    /// Vectors.
    pub tokens: usize,
}

impl<F: Format, C: Dim> Product<'_, '_, F, C> {
    /// Bytes of a group of rows.
    #[inline(always)]
    fn group_bytes(&self) -> usize {
        F::group_bytes(self.blocks.get())
    }

    /// Groups of rows.
    #[inline(always)]
    pub fn groups(&self) -> usize {
        let bytes = self.group_bytes();
        assert!(
            self.weights.len().is_multiple_of(bytes),
            "a group of rows is cut off"
        );
        self.weights.len() / bytes
    }

    /// Computes some groups of rows. `out` is `[tokens][stride]`, from the first of them on.
    #[inline(always)]
    pub fn run<I: Isa>(&self, isa: I, groups: Range<usize>, out: &mut [f32], stride: usize) {
        let bytes = self.group_bytes();
        isa.run(MatMul::<F, usize, C> {
            weights: &self.weights[groups.start * bytes..groups.end * bytes],
            groups: groups.len(),
            blocks: self.blocks,
            input: self.input,
            tokens: self.tokens,
            out,
            stride,
        });
    }
}

/// The shape of one layer's attention over a batch.
#[derive(Clone, Copy)]
pub struct Heads<D: Dim, G: Dim, W: Window> {
    /// Tokens of the batch.
    pub tokens: usize,
    /// Position of the first token.
    pub position: usize,
    /// Query heads.
    pub heads: usize,
    /// Elements of a head.
    pub head_dim: D,
    /// Query heads that share a key and value head.
    pub heads_per_kv: G,
    /// Factor on `q · k`.
    pub scale: f32,
    /// What no score exceeds.
    pub cap: Option<f32>,
    /// Which positions a token sees.
    pub window: W,
    /// Start of the layer's keys in the KV cache.
    pub keys: usize,
    /// Start of the layer's values.
    pub values: usize,
    /// Positions that the layer's part of the KV cache has room for, a multiple of 8.
    pub context: usize,
}

/// The memory of one layer's attention.
pub struct HeadsBuffers<'b> {
    /// `[tokens][query_stride]`, queries first.
    pub queries: &'b [f32],
    /// Distance of tokens in `queries`.
    pub query_stride: usize,
    /// Scratch, as the kernel needs it for the whole context.
    pub scores: &'b mut [f32],
    /// `[tokens][out_stride]`.
    pub out: &'b mut [f32],
    /// Distance of tokens in `out`.
    pub out_stride: usize,
}

impl<D: Dim, G: Dim, W: Window> Heads<D, G, W> {
    /// The same shape with its dimensions as constants or as values.
    #[inline(always)]
    pub fn cast<E: Dim, H: Dim, V: Window>(self) -> Heads<E, H, V> {
        Heads {
            tokens: self.tokens,
            position: self.position,
            heads: self.heads,
            head_dim: E::of(self.head_dim.get()),
            heads_per_kv: H::of(self.heads_per_kv.get()),
            scale: self.scale,
            cap: self.cap,
            window: V::of(self.window.get()),
            keys: self.keys,
            values: self.values,
            context: self.context,
        }
    }

    /// Rows: heads of tokens, those that share a key head side by side.
    #[inline(always)]
    pub fn rows(&self) -> usize {
        self.tokens * self.heads
    }

    /// The key head of a row, and the row's number among those that share it.
    #[inline(always)]
    fn split(&self, row: usize) -> (usize, usize) {
        let rows_per_kv = self.tokens * self.heads_per_kv.get();
        (row / rows_per_kv, row % rows_per_kv)
    }

    /// Where a row starts in `[tokens][stride]`.
    #[inline(always)]
    pub fn place(&self, row: usize, stride: usize) -> usize {
        let ((kv_head, row), per_kv) = (self.split(row), self.heads_per_kv.get());
        row / per_kv * stride + (kv_head * per_kv + row % per_kv) * self.head_dim.get()
    }

    /// Positions that a row sees at most, in whole eights.
    #[inline(always)]
    pub fn span(&self) -> usize {
        attention_span(self.position + self.tokens, self.window.get())
    }

    /// Floats of scratch that rows need.
    #[inline(always)]
    pub fn scores_len(&self) -> usize {
        ROWS.min(self.tokens * self.heads_per_kv.get()) * self.span()
    }

    /// Computes some rows. `queries` is `[tokens][query_stride]`; `at` says where a row of the
    /// result starts in `out`, and `out_stride` is the distance of tokens in it.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "two matrices with their shapes")]
    pub fn run<C: Cache, I: Isa>(
        &self,
        isa: I,
        cache: &[f32],
        mut rows: Range<usize>,
        (queries, query_stride): (&[f32], usize),
        scores: &mut [f32],
        (out, out_stride): (&mut [f32], usize),
        at: impl Fn(usize) -> usize,
    ) {
        let size = self.context * padded_head_words::<C>(self.head_dim.get());
        let per_kv = self.heads_per_kv.get();
        while !rows.is_empty() {
            let (kv_head, first) = self.split(rows.start);
            let count = rows.len().min(self.tokens * per_kv - first);
            isa.run(Attention {
                cache: PhantomData::<C>,
                queries: &queries[kv_head * per_kv * self.head_dim.get()..],
                query_stride,
                rows: first..first + count,
                position: self.position,
                window: self.window,
                keys: &cache[self.keys + kv_head * size..][..size],
                values: &cache[self.values + kv_head * size..][..size],
                context: self.context,
                head_dim: self.head_dim,
                heads_per_kv: self.heads_per_kv,
                scale: self.scale,
                cap: self.cap,
                scores,
                out: &mut out[at(rows.start)..],
                out_stride,
            });
            rows.start += count;
        }
    }
}

/// What a format multiplies with: floats, or blocks of i8.
pub trait Operand: Copy + Send + Sync + 'static {
    /// Chooses between the two forms of the input.
    fn choose<'a>(floats: &'a [f32], blocks: &'a [super::kernels::Q8Block]) -> &'a [Self];

    /// Puts the input where a job keeps this form.
    #[cfg(feature = "std")]
    fn put(
        input: &[Self],
        floats: &mut std::vec::Vec<f32>,
        blocks: &mut std::vec::Vec<super::kernels::Q8Block>,
    );
}

impl Operand for [f32; 32] {
    #[inline(always)]
    fn choose<'a>(floats: &'a [f32], _: &'a [super::kernels::Q8Block]) -> &'a [Self] {
        floats.as_chunks().0
    }

    #[cfg(feature = "std")]
    fn put(
        input: &[Self],
        floats: &mut std::vec::Vec<f32>,
        _: &mut std::vec::Vec<super::kernels::Q8Block>,
    ) {
        floats.clear();
        floats.extend_from_slice(input.as_flattened());
    }
}

impl Operand for super::kernels::Q8Block {
    #[inline(always)]
    fn choose<'a>(_: &'a [f32], blocks: &'a [Self]) -> &'a [Self] {
        blocks
    }

    #[cfg(feature = "std")]
    fn put(input: &[Self], _: &mut std::vec::Vec<f32>, blocks: &mut std::vec::Vec<Self>) {
        blocks.clear();
        blocks.extend_from_slice(input);
    }
}

/// One thread.
pub struct Solo<'c, I: Isa> {
    /// Its instruction set.
    pub isa: I,
    /// The KV cache.
    pub cache: &'c mut [f32],
}

impl<'w, I: Isa> Team<'w> for Solo<'_, I> {
    type Isa = I;

    #[inline(always)]
    fn isa(&self) -> I {
        self.isa
    }

    #[inline(always)]
    fn with_cache(&mut self, write: impl FnOnce(&mut [f32])) {
        write(self.cache);
    }

    #[inline(always)]
    fn product<F: Format<Input: Operand>, C: Dim>(
        &mut self,
        product: Product<'w, '_, F, C>,
        out: &mut [f32],
        stride: usize,
    ) {
        product.run(self.isa, 0..product.groups(), out, stride);
    }

    #[inline(always)]
    fn attention<C: Cache, D: Dim, G: Dim, W: Window>(
        &mut self,
        heads: Heads<D, G, W>,
        buffers: HeadsBuffers<'_>,
    ) {
        heads.run::<C, _>(
            self.isa,
            self.cache,
            0..heads.rows(),
            (buffers.queries, buffers.query_stride),
            buffers.scores,
            (buffers.out, buffers.out_stride),
            |row| heads.place(row, buffers.out_stride),
        );
    }
}

/// Blocks of one scale.
impl<const N: usize> Operand for [super::kernels::Q8Block; N] {
    #[inline(always)]
    fn choose<'a>(_: &'a [f32], blocks: &'a [super::kernels::Q8Block]) -> &'a [Self] {
        blocks.as_chunks().0
    }

    #[cfg(feature = "std")]
    fn put(
        input: &[Self],
        floats: &mut std::vec::Vec<f32>,
        blocks: &mut std::vec::Vec<super::kernels::Q8Block>,
    ) {
        Operand::put(input.as_flattened(), floats, blocks);
    }
}
