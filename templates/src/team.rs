//! Who computes: one thread, or (with `std`) the threads of a [crew](super::crew).

use super::kernels::{Attention, Dim, Format, Isa, MatMul};

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
    /// Floats of one position.
    pub kv_stride: usize,
}

/// The memory of one layer's attention.
pub struct HeadsBuffers<'b> {
    /// `[tokens][query_stride]`, queries first.
    pub queries: &'b [f32],
    /// Distance of tokens in `queries`.
    pub query_stride: usize,
    /// Scratch, as long as the context.
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
            kv_stride: self.kv_stride,
        }
    }

    /// The kernel for `count` heads of one token.
    #[inline(always)]
    pub fn kernel<'a>(
        &self,
        cache: &'a [f32],
        token: usize,
        first_head: usize,
        q: &'a [f32],
        scores: &'a mut [f32],
        out: &'a mut [f32],
    ) -> Attention<'a, D, G> {
        Attention {
            q,
            keys: &cache[self.keys..],
            values: &cache[self.values..],
            kv_stride: self.kv_stride,
            positions: self.position + token + 1,
            head_dim: self.head_dim,
            heads_per_kv: self.heads_per_kv,
            first_head,
            scale: self.scale,
            scores,
            out,
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
        let width = heads.heads * heads.head_dim.get();
        for token in 0..heads.tokens {
            self.isa.run(heads.kernel(
                self.cache,
                token,
                0,
                &buffers.queries[token * buffers.query_stride..][..width],
                buffers.scores,
                &mut buffers.out[token * buffers.out_stride..][..width],
            ));
        }
    }
}
