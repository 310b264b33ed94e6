//! The generated network: shapes, weights and the order of operations.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use crate::plan::activation_blocks;
use crate::program::{Buffer, Golden, Layer, Matrix, Operation, Program, WeightFormat};

use super::network::{field, network};
use super::weights::{self, Weights};
use super::weights_file;

/// `model.rs` as tokens. `weights` says how weight files are included.
pub(super) fn model(program: &Program, golden: &Golden, settings: &Settings) -> TokenStream {
    let runs = runs(&program.layers);
    let constants = constants(program, settings);
    let golden = golden_constants(golden);
    let network = network(program, &runs, &settings.weights);
    let kernels = kernels(program);
    let cache = cache(program);
    let mixed = program.head.iter().any(|operation| {
        matches!(operation, Operation::MatMul { output, .. } if *output == Buffer::Mixed)
    });
    let regions = program.arena.regions();
    let regions = regions.filter(|&(buffer, _)| mixed || buffer != Buffer::Mixed);
    let regions = regions.map(|(buffer, region)| {
        let name = constant(buffer.name());
        let (start, width) = (number(region.start), number(region.width));
        quote! { const #name: Region = Region { start: #start, width: #width }; }
    });
    let layers = runs.iter().map(layer);
    let pass = pass(program, &runs);
    let entry = entry(&settings.weights);

    quote! {
        //! The network: shapes, weights and the order of operations.

        #kernels

        #constants
        #golden
        #(#regions)*

        /// How keys and values lie in the memory.
        pub(crate) const CACHE: CacheShape<#cache> = CacheShape {
            format: #cache,
            context: CONTEXT.next_multiple_of(8),
            heads: NUM_KEY_VALUE_HEADS,
            head_dim: HEAD_DIM,
        };

        const ATTENTION: AttentionShape<Const<HEAD_DIM>, Const<HEADS_PER_KV>> = AttentionShape {
            heads: NUM_ATTENTION_HEADS,
            head_dim: Const,
            heads_per_kv: Const,
            scale: ATTENTION_SCALE,
            input: QUERY_KEY_VALUE,
            scores: SCORES,
            output: ATTENDED,
        };

        #network
        #(#layers)*
        #pass
        #entry
    }
}

/// What the emitter was told, beside the program.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The crate's name.
    pub(super) name: String,
    /// Threads at most.
    pub(super) max_threads: usize,
    /// How weights are included.
    pub(super) weights: Weights,
}

/// Consecutive layers with the same operations and formats.
pub(super) struct Run<'a> {
    /// Suffix of the names of its items; empty when all layers are alike.
    suffix: String,
    first: usize,
    pub(super) layers: &'a [Layer],
}

impl Run<'_> {
    /// The name of the struct of a layer's weights.
    pub(super) fn kind(&self) -> Ident {
        format_ident!("Layer{}", self.suffix.replace('_', ""))
    }

    /// The name of the layers' weights.
    pub(super) fn table(&self) -> Ident {
        format_ident!("layers{}", self.suffix)
    }

    /// The name of the function of a layer.
    fn function(&self) -> Ident {
        format_ident!("layer{}", self.suffix)
    }
}

fn runs(layers: &[Layer]) -> Vec<Run<'_>> {
    let chunks: Vec<&[Layer]> = layers
        .chunk_by(|a, b| signature(a) == signature(b))
        .collect();
    let alone = chunks.len() == 1;
    let mut first = 0;
    chunks
        .into_iter()
        .map(|layers| {
            let run = Run {
                suffix: if alone {
                    String::new()
                } else {
                    format!("_{first}")
                },
                first,
                layers,
            };
            first += layers.len();
            run
        })
        .collect()
}

/// What two layers must share to be computed by one function.
fn signature(
    layer: &Layer,
) -> Vec<(
    Option<WeightFormat>,
    usize,
    std::mem::Discriminant<Operation>,
)> {
    layer
        .operations
        .iter()
        .map(|operation| {
            let kind = std::mem::discriminant(operation);
            match operation {
                Operation::MatMul { matrix, .. } => (Some(matrix.format), matrix.rows, kind),
                Operation::AddBias { start, .. } => (None, *start, kind),
                _ => (None, 0, kind),
            }
        })
        .collect()
}

fn constants(program: &Program, settings: &Settings) -> TokenStream {
    let s = &program.shapes;
    let name = &settings.name;
    let max_threads = number(settings.max_threads);
    // Threads cost more than they save where a token takes less than about 0.2 ms.
    let default_threads = number(if program.files.total_bytes() < 4_000_000 {
        1
    } else {
        settings.max_threads
    });
    let digest = hex(program.digest());
    let activation_blocks = number(activation_blocks(s));
    let flash = number(settings.weights.flash_bytes(program));
    let file = (settings.weights == Weights::Apart).then(|| {
        let (file, bytes) = (weights_file(name), number(weights::file_bytes(program)));
        quote! {
            /// Name of the file of weights.
            pub const WEIGHTS_FILE: &str = #file;
            /// Bytes of the file of weights, a part of [`FLASH_BYTES`].
            pub const WEIGHTS_BYTES: usize = #bytes;
        }
    });
    let numbers = [
        (
            "HIDDEN_SIZE",
            s.hidden_size,
            "Width of the residual stream.",
        ),
        (
            "INTERMEDIATE_SIZE",
            s.intermediate_size,
            "Width of the feed-forward network.",
        ),
        (
            "NUM_HIDDEN_LAYERS",
            s.num_hidden_layers,
            "Transformer layers.",
        ),
        ("NUM_ATTENTION_HEADS", s.num_attention_heads, "Query heads."),
        (
            "NUM_KEY_VALUE_HEADS",
            s.num_key_value_heads,
            "Key and value heads.",
        ),
        ("HEAD_DIM", s.head_dim, "Width of a head."),
        ("VOCAB_SIZE", s.vocab_size, "Tokens of the vocabulary."),
        (
            "CONTEXT",
            s.context,
            "Positions of the KV cache: the longest text, in tokens.",
        ),
        (
            "BATCH",
            s.batch,
            "Tokens that one prefill step takes together.",
        ),
        (
            "LOGIT_ROWS",
            s.logit_rows(),
            "Tokens whose logits are computed together.",
        ),
    ]
    .map(|(name, value, doc)| {
        let (name, value) = (format_ident!("{name}"), number(value));
        let doc = format!(" {doc}");
        quote! {
            #[doc = #doc]
            pub const #name: usize = #value;
        }
    });
    let rope_pairs = number(s.rope_pairs);
    let heads_per_kv = number(s.num_attention_heads / s.num_key_value_heads);
    let arena = number(program.arena.floats());
    let answers = (s.answer_cache > 0).then(|| {
        let tokens = number(s.answer_cache);
        quote!(+ #tokens)
    });
    let max_piece = number(max_piece(program));
    let (eps, scale) = (float(s.rms_norm_eps), float(s.attention_scale));
    let (eps_doc, scale_doc) = (
        format!(" Epsilon of RMSNorm: {:e}.", s.rms_norm_eps),
        format!(" Factor on `q · k`: {}.", s.attention_scale),
    );
    quote! {
        /// The crate's name.
        pub const NAME: &str = #name;
        /// Identifies the weights and shapes; part of a saved state.
        pub const DIGEST: u64 = #digest;
        #(#numbers)*
        /// Threads that share the work at most.
        pub const MAX_THREADS: usize = #max_threads;
        /// Threads that a session starts with.
        pub const DEFAULT_THREADS: usize = #default_threads;
        /// Bytes of weights and tables in flash, without code.
        pub const FLASH_BYTES: usize = #flash;
        #file
        /// Words of one position: its token, and its keys and values in all layers.
        pub const POSITION_WORDS: usize =
            1 + 2 * NUM_HIDDEN_LAYERS * NUM_KEY_VALUE_HEADS * CACHE.words();
        /// Blocks of quantized activations.
        pub const ACTIVATION_BLOCKS: usize = #activation_blocks;
        /// Words of KV cache, buffers, the tokens that were fed, and answers to give again.
        pub const MEMORY_LEN: usize = CACHE_LEN + ARENA_LEN + CONTEXT #answers;

        /// The memory of a session: the KV cache, the buffers, the tokens that were fed and
        /// answers to give again.
        pub type Memory = [f32; MEMORY_LEN];

        /// Bytes of the longest token.
        pub const MAX_PIECE: usize = #max_piece;
        const ROPE_PAIRS: usize = #rope_pairs;
        const HEADS_PER_KV: usize = #heads_per_kv;
        #[doc = #eps_doc]
        const RMS_NORM_EPS: f32 = #eps;
        #[doc = #scale_doc]
        const ATTENTION_SCALE: f32 = #scale;
        const CACHE_LEN: usize = 2 * NUM_HIDDEN_LAYERS * CACHE.half();
        const ARENA_LEN: usize = #arena;
    }
}

fn max_piece(program: &Program) -> usize {
    let tokenizer = program.tokenizer.runtime();
    (0..tokenizer.vocab_size)
        .map(|id| tokenizer.piece(id).len())
        .max()
        .unwrap_or(0)
}

fn golden_constants(golden: &Golden) -> TokenStream {
    let stages = golden.stages.iter().map(|&hash| hex(hash));
    let logits = hex(golden.logits);
    quote! {
        /// Hashes of the residual stream in the golden run: after the embedding and each layer.
        pub const GOLDEN_STAGES: [u64; NUM_HIDDEN_LAYERS + 1] = [#(#stages),*];
        /// Hash of the logits in the golden run.
        pub const GOLDEN_LOGITS: u64 = #logits;
    }
}

/// The imports: the formats are those that the program uses.
fn kernels(program: &Program) -> TokenStream {
    let formats = formats(program).into_iter().map(format_type);
    let cache = cache(program);
    quote! {
        use super::frame::{AttentionShape, CacheShape, Frame, Region};
        use super::kernels::{Const, #cache, Isa, Q8Block, #(#formats),*};
        use super::prefix::Prefix;
        use super::team::{Solo, Team};
        use super::weights::Weights;
    }
}

/// The formats in use, widest first.
pub(super) fn formats(program: &Program) -> Vec<WeightFormat> {
    let matrices = program
        .layers
        .iter()
        .flat_map(|layer| &layer.operations)
        .chain(&program.head)
        .filter_map(|operation| match operation {
            Operation::MatMul { matrix, .. } => Some(matrix.format),
            _ => None,
        })
        .chain([program.embedding.format]);
    let used: std::collections::BTreeSet<_> = matrices.collect();
    used.into_iter().collect()
}

/// The struct and the function of a run of layers.
fn layer(run: &Run<'_>) -> TokenStream {
    let (kind, function) = (run.kind(), run.function());
    let fields = run.layers[0].operations.iter().filter_map(field);
    let steps = run.layers[0]
        .operations
        .iter()
        .map(|operation| step(operation, &quote!(weights)));
    let doc = if run.layers.len() == 1 {
        format!(" The weights of layer {}.", run.first)
    } else {
        format!(
            " The weights of one of the layers {} to {}.",
            run.first,
            run.first + run.layers.len() - 1
        )
    };
    quote! {
        #[doc = #doc]
        struct #kind<'w> { #(#fields),* }

        fn #function<'w, T: Team<'w>>(
            frame: &mut Frame<'_, T>,
            network: &Network<'w>,
            weights: &#kind<'w>,
            index: usize,
        ) {
            #(#steps)*
        }
    }
}

fn step(operation: &Operation, weights: &TokenStream) -> TokenStream {
    match operation {
        Operation::RmsNorm {
            name,
            input,
            output,
            ..
        } => {
            let name = format_ident!("{name}");
            let (input, output) = (constant(input.name()), constant(output.name()));
            quote! { frame.rms_norm(#weights.#name, RMS_NORM_EPS, Const::<HIDDEN_SIZE>, #input, #output); }
        }
        Operation::Quantize { input } => {
            let input = constant(input.name());
            quote! { frame.quantize(#input); }
        }
        Operation::MatMul {
            name,
            matrix,
            input,
            output,
            start,
        } => {
            let name = format_ident!("{name}");
            let format = format_type(matrix.format);
            let blocks = blocks(matrix);
            let (input, output) = (constant(input.name()), constant(output.name()));
            let start = number(*start);
            quote! { frame.mat_mul::<#format, _>(&#weights.#name, #blocks, #input, #output, #start); }
        }
        Operation::AddBias {
            name,
            buffer,
            start,
            ..
        } => {
            let (name, buffer, start) = (
                format_ident!("{name}"),
                constant(buffer.name()),
                number(*start),
            );
            quote! { frame.add_bias(#weights.#name, #buffer, #start); }
        }
        Operation::Rope { start, heads } => {
            let (start, heads) = (number(*start), number(*heads));
            quote! {
                frame.rope(
                    network.rope,
                    QUERY_KEY_VALUE,
                    #start,
                    (Const::<#heads>, Const::<HEAD_DIM>, Const::<ROPE_PAIRS>),
                );
            }
        }
        Operation::StoreKeyValue { key, value } => {
            let (key, value) = (number(*key), number(*value));
            quote! { frame.store(CACHE, index, QUERY_KEY_VALUE, #key, #value); }
        }
        Operation::Attention => quote! { frame.attention(ATTENTION, CACHE, index); },
        Operation::SiluMul { up } => {
            let up = number(*up);
            quote! { frame.silu_mul(GATE_UP, #up, HIDDEN); }
        }
        Operation::AddResidual => quote! { frame.add(NORMED, RESIDUAL); },
    }
}

/// The function that runs a batch, on one thread or many.
fn pass(program: &Program, runs: &[Run<'_>]) -> TokenStream {
    let format = format_type(program.embedding.format);
    let blocks = blocks(&program.embedding);
    let loops = runs.iter().map(|run| {
        let (table, function) = (run.table(), run.function());
        let first = number(run.first);
        quote! {
            for (index, weights) in (#first..).zip(&network.#table) {
                #function(&mut frame, network, weights, index);
                observe(&frame, index + 1, observer);
            }
        }
    });
    let head_steps = program
        .head
        .iter()
        .map(|operation| step(operation, &quote!(weights)));
    quote! {
        fn head<'w, T: Team<'w>>(frame: &mut Frame<'_, T>, weights: &Head<'w>) {
            #(#head_steps)*
        }

        fn pass<'w, T: Team<'w>>(
            team: &mut T,
            network: &Network<'w>,
            arena: &mut [f32],
            activations: &mut [Q8Block],
            batch: Batch<'_>,
            observer: &mut dyn Observer,
        ) {
            let mut frame = Frame {
                team,
                arena,
                activations,
                tokens: batch.tokens.len(),
                position: batch.position,
            };
            frame.embed::<#format, _>(&network.embedding, #blocks, batch.tokens, RESIDUAL);
            observe(&frame, 0, observer);
            #(#loops)*
            let rows = match batch.wanted {
                Wanted::Nothing => 0..0,
                Wanted::Last => batch.tokens.len() - 1..batch.tokens.len(),
                Wanted::Each => 0..batch.tokens.len(),
            };
            for first in rows.clone().step_by(LOGIT_ROWS) {
                let rows = first..rows.end.min(first + LOGIT_ROWS);
                frame.select(RESIDUAL, rows.clone());
                head(&mut frame, &network.head);
                for row in rows {
                    let logits = LOGITS.start + (row - first) * LOGITS.width;
                    observer.logits(row, &mut frame.arena[logits..][..VOCAB_SIZE]);
                }
            }
        }

        fn observe<T>(frame: &Frame<'_, T>, stage: usize, observer: &mut dyn Observer) {
            for token in 0..frame.tokens {
                let row = RESIDUAL.start + token * RESIDUAL.width;
                observer.stage(stage, &frame.arena[row..][..HIDDEN_SIZE]);
            }
        }
    }
}

/// The functions that the session calls: the same for every model.
fn entry(weights: &Weights) -> TokenStream {
    let borrow = (*weights == Weights::Apart).then(|| quote!(&));
    quote! {
        /// Sees results as they are computed, in the order of the tokens.
        pub(crate) trait Observer {
            /// The residual stream of a token: stage 0 is the embedding, `i + 1` layer `i`.
            fn stage(&mut self, _stage: usize, _residual: &[f32]) {}

            /// The logits after a token of the batch.
            fn logits(&mut self, _row: usize, _logits: &mut [f32]) {}
        }

        /// Which logits a batch computes.
        #[derive(Clone, Copy)]
        pub(crate) enum Wanted {
            /// None: the text goes on.
            Nothing,
            /// Those after the last token.
            Last,
            /// Those after each token.
            Each,
        }

        /// Tokens that are run together.
        #[derive(Clone, Copy)]
        pub(crate) struct Batch<'a> {
            /// One to [`BATCH`] valid ids.
            pub(crate) tokens: &'a [u32],
            /// Position of the first.
            pub(crate) position: usize,
            /// Which logits to compute.
            pub(crate) wanted: Wanted,
        }

        /// Runs a batch on an instruction set.
        pub(crate) fn run_on<I: Isa>(
            isa: I,
            threads: usize,
            weights: &Weights,
            memory: &mut Memory,
            activations: &mut [Q8Block; ACTIVATION_BLOCKS],
            batch: Batch<'_>,
            observer: &mut dyn Observer,
        ) {
            let network = #borrow weights.network();
            let (cache, rest) = memory.split_at_mut(CACHE_LEN);
            let arena = &mut rest[..ARENA_LEN];
            #[cfg(feature = "std")]
            if threads > 1 {
                super::crew::with_crew(isa, threads, cache, |crew| {
                    pass(crew, network, arena, activations, batch, observer);
                });
                return;
            }
            let _ = threads;
            pass(&mut Solo { isa, cache }, network, arena, activations, batch, observer);
        }

        /// The last logits that were computed: of up to [`LOGIT_ROWS`] tokens, if each's were
        /// wanted, else of one.
        pub(crate) fn logits(memory: &mut Memory, row: usize) -> &mut [f32] {
            &mut memory[CACHE_LEN + LOGITS.start + row * LOGITS.width..][..VOCAB_SIZE]
        }

        /// Zeroes the buffers: their padding must hold zeros.
        pub(crate) fn clear(memory: &mut Memory) {
            memory[CACHE_LEN..].fill(0.0);
        }

        /// The tokens that were fed, one a position, and the memory of answers to give again. Words
        /// of both hold integers as their bits, which no floating-point mode changes.
        pub(crate) fn tokens(memory: &mut Memory) -> (&mut [f32], &mut [f32]) {
            memory[CACHE_LEN + ARENA_LEN..].split_at_mut(CONTEXT)
        }

        /// Makes the memory that of a session that was fed the prefix.
        pub(crate) fn put_prefix(memory: &mut Memory, prefix: &Prefix<'_>) {
            for (place, &token) in tokens(memory).0.iter_mut().zip(prefix.tokens) {
                *place = f32::from_bits(token);
            }
            let mut words = prefix.cache.as_chunks().0.iter();
            let positions = prefix.tokens.len().next_multiple_of(8);
            for range in CACHE.beginning(NUM_HIDDEN_LAYERS, positions) {
                for (place, &bytes) in memory[range].iter_mut().zip(&mut words) {
                    *place = f32::from_le_bytes(bytes);
                }
            }
        }

        /// The places of a position's words, which are [`POSITION_WORDS`], in the memory.
        pub(crate) fn position_words(position: usize) -> impl Iterator<Item = usize> {
            let words = (0..NUM_HIDDEN_LAYERS).flat_map(move |layer| {
                let (keys, values) = CACHE.layer(layer);
                let words = || {
                    let heads = 0..NUM_KEY_VALUE_HEADS;
                    heads.flat_map(|head| (0..CACHE.words()).map(move |word| (head, word)))
                };
                let keys = words().map(move |(head, word)| keys + CACHE.key(position, head, word));
                let values =
                    words().map(move |(head, word)| values + CACHE.value(position, head, word));
                keys.chain(values)
            });
            core::iter::once(CACHE_LEN + ARENA_LEN + position).chain(words)
        }
    }
}

/// The type of the KV cache's format.
fn cache(program: &Program) -> Ident {
    format_ident!("{}", program.shapes.kv_cache.kernel())
}

fn blocks(matrix: &Matrix) -> TokenStream {
    let blocks = number(matrix.cols.div_ceil(32));
    quote!(Const::<#blocks>)
}

fn format_type(format: WeightFormat) -> Ident {
    format_ident!("{}", format.name().to_uppercase())
}

/// A name in the style of constants.
pub(super) fn constant(name: &str) -> Ident {
    Ident::new(&name.to_uppercase(), Span::call_site())
}

/// A number without a suffix, with separators as people write them.
pub(super) fn number(value: usize) -> Literal {
    grouped(&value.to_string(), 3, "")
}

/// A hash: hexadecimal, in groups of four.
pub(super) fn hex(value: u64) -> Literal {
    grouped(&format!("{value:016x}"), 4, "0x")
}

fn grouped(digits: &str, size: usize, prefix: &str) -> Literal {
    let mut text = String::from(prefix);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(size) {
            text.push('_');
        }
        text.push(digit);
    }
    text.parse().expect("digits are a literal")
}

/// An exact f32.
fn float(value: f32) -> TokenStream {
    let bits = grouped(&format!("{:08x}", value.to_bits()), 4, "0x");
    quote!(f32::from_bits(#bits))
}
