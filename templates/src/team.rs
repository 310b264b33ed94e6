//! Who computes: one thread, or (with `std`) the threads of a [crew](super::crew).

use core::ops::Range;

use super::kernels::{Attention, Dim, Format, GROUP, Isa, MatMul, ROWS};

/// The work that threads can share. Rows and heads are split among them, sums
/// never, so the number of threads does not change a bit.
pub trait Team<'w> {
    /// The instruction set of every member.
    type Isa: Isa;

    /// The instruction set.
    fn isa(&self) -> Self::Isa;

    /// Gives the KV cache for writing.
    fn with_cache(&mut self, write: impl FnOnce(&mut [f32]));

    /// Computes a product.
    fn product<F: Format<Input: Operand>, C: Dim>(&mut self, product: Product<'w, '_, F, C>);

    /// Computes attention of a batch.
    fn attention<D: Dim, G: Dim>(&mut self, heads: Heads<D, G>, buffers: HeadsBuffers<'_>);
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
    /// `[tokens][stride]`, from the first row of `weights` on.
    pub out: &'b mut [f32],
    /// Distance of tokens in `out`.
    pub stride: usize,
}

/// The shape of one layer's attention over a batch.
#[derive(Clone, Copy)]
pub struct Heads<D: Dim, G: Dim> {
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
    /// Start of the layer's keys in the KV cache.
    pub keys: usize,
    /// Start of the layer's values.
    pub values: usize,
    /// Positions of the KV cache, a multiple of 8.
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

impl<D: Dim, G: Dim> Heads<D, G> {
    /// The same shape with its dimensions as constants or as values.
    #[inline(always)]
    pub fn cast<E: Dim, H: Dim>(self) -> Heads<E, H> {
        Heads {
            tokens: self.tokens,
            position: self.position,
            heads: self.heads,
            head_dim: E::of(self.head_dim.get()),
            heads_per_kv: H::of(self.heads_per_kv.get()),
            scale: self.scale,
            keys: self.keys,
            values: self.values,
            context: self.context,
        }
    }

    /// Floats of one token's queries that share a key head.
    #[inline(always)]
    pub fn width_per_kv(&self) -> usize {
        self.heads_per_kv.get() * self.head_dim.get()
    }

    /// The rows (heads of tokens) that share a key head.
    #[inline(always)]
    pub fn rows_per_kv(&self) -> usize {
        self.tokens * self.heads_per_kv.get()
    }

    /// Floats of scratch that the kernel needs.
    #[inline(always)]
    pub fn scores_len(&self) -> usize {
        ROWS.min(self.rows_per_kv()) * (self.position + self.tokens).next_multiple_of(GROUP)
    }

    /// The kernel for some rows of a key head. `queries` are all heads of all tokens; `out`
    /// starts with the first row.
    #[inline(always)]
    pub fn kernel<'a>(
        &self,
        cache: &'a [f32],
        kv_head: usize,
        rows: Range<usize>,
        (queries, query_stride): (&'a [f32], usize),
        scores: &'a mut [f32],
        (out, out_stride): (&'a mut [f32], usize),
    ) -> Attention<'a, D, G> {
        let size = self.context * self.head_dim.get().next_multiple_of(GROUP);
        Attention {
            queries: &queries[kv_head * self.width_per_kv()..],
            query_stride,
            rows,
            position: self.position,
            keys: &cache[self.keys + kv_head * size..][..size],
            values: &cache[self.values + kv_head * size..][..size],
            context: self.context,
            head_dim: self.head_dim,
            heads_per_kv: self.heads_per_kv,
            scale: self.scale,
            scores,
            out,
            out_stride,
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
    fn product<F: Format<Input: Operand>, C: Dim>(&mut self, product: Product<'w, '_, F, C>) {
        let group_bytes = product.blocks.get() * F::GROUP_BLOCK_BYTES;
        self.isa.run(MatMul::<F, usize, C> {
            weights: product.weights,
            groups: product.weights.len() / group_bytes,
            blocks: product.blocks,
            input: product.input,
            tokens: product.tokens,
            out: product.out,
            stride: product.stride,
        });
    }

    #[inline(always)]
    fn attention<D: Dim, G: Dim>(&mut self, heads: Heads<D, G>, buffers: HeadsBuffers<'_>) {
        for kv_head in 0..heads.heads / heads.heads_per_kv.get() {
            self.isa.run(heads.kernel(
                self.cache,
                kv_head,
                0..heads.rows_per_kv(),
                (buffers.queries, buffers.query_stride),
                &mut buffers.scores[..heads.scores_len()],
                (
                    &mut buffers.out[kv_head * heads.width_per_kv()..],
                    buffers.out_stride,
                ),
            ));
        }
    }
}
