//! The generated network: shapes, weights and the order of operations.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::program::{Alike, Golden, Operation, Outline, Program};

use super::literal::{hex, number};
use super::network::{fields, network};
use super::step::{Needs, Places, format_type, formats, kernels};
use super::weights::{self, Weights};
use super::weights_file;

/// `model.rs` as tokens. `weights` says how weight files are included.
pub(super) fn model(program: &Program, golden: &Golden, settings: &Settings) -> TokenStream {
    let runs = runs(&program.code.layers);
    let places = Places::of(program);
    let imports = imports(program);
    let constants = constants(program, settings);
    let golden = golden_constants(golden);
    let network = network(program, &runs, &settings.weights);
    let cache = cache(program);
    let arena = places.constants();
    let stage = |name: &str, doc: &str, operations: &[Operation]| {
        stage(program, settings, &places, name, doc, operations)
    };
    let embedding = stage(
        "embedding",
        " The weights before the first layer.",
        &program.code.embedding,
    );
    let layers = runs
        .iter()
        .map(|run| stage(&run.name("layer"), &run.doc(), &run.layers[0]));
    let head = stage(
        "head",
        " The weights after the last layer.",
        &program.code.head,
    );
    let pass = pass(program, &places, &runs);
    let entry = entry(&places, program, &settings.weights);

    quote! {
        //! The network: shapes, weights and the order of operations.

        #imports

        #constants
        #golden
        #arena

        /// How keys and values lie in the memory.
        pub(crate) const CACHE: CacheShape<#cache> = CacheShape {
            format: #cache,
            context: CONTEXT.next_multiple_of(8),
            heads: NUM_KEY_VALUE_HEADS,
            head_dim: HEAD_DIM,
        };

        #network
        #embedding
        #(#layers)*
        #head
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

/// Consecutive layers that differ in their weights alone.
pub(super) struct Run<'a> {
    /// Suffix of the names of its items; empty when all layers are alike.
    suffix: String,
    first: usize,
    pub(super) layers: &'a [Vec<Operation>],
}

impl Run<'_> {
    /// A name of its own.
    fn name(&self, name: &str) -> String {
        format!("{name}{}", self.suffix)
    }

    /// The name of the struct of a layer's weights.
    pub(super) fn kind(&self) -> Ident {
        kind(&self.name("layer"))
    }

    /// The name of the layers' weights.
    pub(super) fn table(&self) -> Ident {
        format_ident!("{}", self.name("layers"))
    }

    fn doc(&self) -> String {
        match self.layers.len() {
            1 => format!(" The weights of layer {}.", self.first),
            count => format!(
                " The weights of one of the layers {} to {}.",
                self.first,
                self.first + count - 1
            ),
        }
    }
}

fn runs(layers: &[Vec<Operation>]) -> Vec<Run<'_>> {
    let outlines: Vec<Vec<crate::graph::Operation<Alike>>> = layers
        .iter()
        .map(|layer| {
            layer
                .iter()
                .map(|operation| operation.map(&mut Outline))
                .collect()
        })
        .collect();
    let counts: Vec<usize> = outlines.chunk_by(|a, b| a == b).map(<[_]>::len).collect();
    let alone = counts.len() == 1;
    let mut first = 0;
    let runs = counts.into_iter().map(|count| {
        let run = Run {
            suffix: match alone {
                true => String::new(),
                false => format!("_{first}"),
            },
            first,
            layers: &layers[first..first + count],
        };
        first += count;
        run
    });
    runs.collect()
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
    let activation_blocks = number(s.activation_blocks);
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
    let arena = number(s.arena);
    let answers = (s.answer_cache > 0).then(|| {
        let tokens = number(s.answer_cache);
        quote!(+ #tokens)
    });
    let max_piece = number(max_piece(program));
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

/// The imports: the formats and kernels are those that the program uses.
fn imports(program: &Program) -> TokenStream {
    let formats = formats(program).into_iter().map(format_type);
    let kernels = kernels(program)
        .into_iter()
        .map(|kernel| format_ident!("{kernel}"));
    let cache = cache(program);
    let row = (!program.code.tables.is_empty()).then(|| quote!(, row));
    quote! {
        use super::frame::{AttentionShape, CacheShape, Frame, Place #row};
        use super::kernels::{Const, #cache, Isa, Q8Block, #(#formats,)* #(#kernels),*};
        use super::prefix::Prefix;
        use super::team::{Solo, Team};
        use super::weights::Weights;
    }
}

/// The struct of weights and the function of some operations.
fn stage(
    program: &Program,
    settings: &Settings,
    places: &Places,
    name: &str,
    doc: &str,
    operations: &[Operation],
) -> TokenStream {
    let (kind, function) = (kind(name), format_ident!("{name}"));
    let fields = fields(program, &settings.weights, operations);
    let needs = Needs::of(operations);
    let network = needs.network.then(|| quote!(network: &Network<'w>,));
    let tokens = needs.tokens.then(|| quote!(tokens: &[u32],));
    let steps = operations.iter().map(|operation| places.step(operation));
    quote! {
        #[doc = #doc]
        struct #kind<'w> { #fields }

        fn #function<'w, T: Team<'w>>(
            frame: &mut Frame<'_, T>,
            #network
            weights: &#kind<'w>,
            #tokens
        ) {
            #(#steps)*
        }
    }
}

/// The name of a stage's struct of weights.
fn kind(name: &str) -> Ident {
    let (first, rest) = name.split_at(1);
    format_ident!("{}{}", first.to_uppercase(), rest.replace('_', ""))
}

/// The function that runs a batch, on one thread or many.
fn pass(program: &Program, places: &Places, runs: &[Run<'_>]) -> TokenStream {
    let residual = places.name(&program.code.residual);
    let logits = places.name(&program.code.logits);
    let call = |name: &str, weights: TokenStream, operations: &[Operation]| {
        let function = format_ident!("{name}");
        let needs = Needs::of(operations);
        let network = needs.network.then(|| quote!(network,));
        let tokens = needs.tokens.then(|| quote!(batch.tokens,));
        quote!(#function(&mut frame, #network #weights, #tokens);)
    };
    let embedding = call(
        "embedding",
        quote!(&network.embedding),
        &program.code.embedding,
    );
    let loops = runs.iter().map(|run| {
        let table = run.table();
        let first = number(run.first + 1);
        let layer = call(&run.name("layer"), quote!(weights), &run.layers[0]);
        quote! {
            for (stage, weights) in (#first..).zip(&network.#table) {
                #layer
                observe(&frame, stage, observer);
            }
        }
    });
    let head = call("head", quote!(&network.head), &program.code.head);
    quote! {
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
            #embedding
            observe(&frame, 0, observer);
            #(#loops)*
            let rows = match batch.wanted {
                Wanted::Nothing => 0..0,
                Wanted::Last => batch.tokens.len() - 1..batch.tokens.len(),
                Wanted::Each => 0..batch.tokens.len(),
            };
            for first in rows.clone().step_by(LOGIT_ROWS) {
                let rows = first..rows.end.min(first + LOGIT_ROWS);
                frame.select(#residual, rows.clone());
                #head
                for row in rows {
                    let logits = #logits.of(row - first).start;
                    observer.logits(row, &mut frame.arena[logits..][..VOCAB_SIZE]);
                }
            }
        }

        fn observe<T>(frame: &Frame<'_, T>, stage: usize, observer: &mut dyn Observer) {
            for token in 0..frame.tokens {
                let row = #residual.of(token).start;
                observer.stage(stage, &frame.arena[row..][..HIDDEN_SIZE]);
            }
        }
    }
}

/// The functions that the session calls: the same for every model.
fn entry(places: &Places, program: &Program, weights: &Weights) -> TokenStream {
    let logits = places.name(&program.code.logits);
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
            &mut memory[CACHE_LEN + #logits.of(row).start..][..VOCAB_SIZE]
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
