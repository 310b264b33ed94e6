//! The generated network: shapes, weights and the order of operations.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::program::{Alike, Golden, Operation, Outline, Program};

use super::literal::{hex, number};
use super::network::{fields, network};
use super::step::{Places, format_type, formats, kernels, reads_tables};
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
    let arena = places.constants(&program.code);
    let stages = stages(program, settings, &places, &runs);

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
        #stages
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
    /// The name of the struct of a layer's weights.
    pub(super) fn kind(&self) -> Ident {
        format_ident!("Layer{}", self.suffix.replace('_', ""))
    }

    /// The name of the function of a layer.
    fn function(&self) -> Ident {
        format_ident!("layer{}", self.suffix)
    }

    /// The name of the layers' weights.
    pub(super) fn table(&self) -> Ident {
        format_ident!("layers{}", self.suffix)
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
        /// Words of the KV cache, with which the memory begins.
        pub(crate) const CACHE_LEN: usize = 2 * NUM_HIDDEN_LAYERS * CACHE.half();
        /// Words of the buffers, the arena, which follow.
        pub(crate) const ARENA_LEN: usize = #arena;
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
        use core::ops::Range;

        use super::frame::{AttentionShape, CacheShape, Frame, Place #row};
        use super::kernels::{Const, #cache, Isa, #(#formats,)* #(#kernels),*};
        use super::pass::{Observer, observe};
        use super::team::Team;
    }
}

/// The stages of a pass: a struct of weights and a function for each.
fn stages(
    program: &Program,
    settings: &Settings,
    places: &Places,
    runs: &[Run<'_>],
) -> TokenStream {
    let weights = |kind: Ident, doc: &str, operations: &[Operation]| {
        let fields = fields(program, &settings.weights, operations);
        quote! {
            #[doc = #doc]
            struct #kind<'w> { #fields }
        }
    };
    let steps = |operations: &[Operation]| -> TokenStream {
        let steps = operations.iter().map(|operation| places.step(operation));
        steps.collect()
    };
    let code = &program.code;
    let of_embedding = weights(
        format_ident!("Embedding"),
        " The weights before the first layer.",
        &code.embedding,
    );
    let embedding = steps(&code.embedding);
    let (layers, loops): (Vec<_>, Vec<_>) = runs
        .iter()
        .map(|run| {
            let of_layer = weights(run.kind(), &run.doc(), &run.layers[0]);
            let (kind, function, table) = (run.kind(), run.function(), run.table());
            let operations = steps(&run.layers[0]);
            let first = number(run.first + 1);
            // Tables are the network's.
            let (parameter, argument) = match reads_tables(&run.layers[0]) {
                true => (quote!(network: &Network<'w>,), quote!(network,)),
                false => (quote!(), quote!()),
            };
            let layer = quote! {
                #of_layer

                fn #function<'w, T: Team<'w>>(
                    frame: &mut Frame<'_, T>,
                    #parameter
                    weights: &#kind<'w>,
                ) {
                    #operations
                }
            };
            let all = quote! {
                for (stage, weights) in (#first..).zip(&network.#table) {
                    #function(frame, #argument weights);
                    observe(frame, stage, observer);
                }
            };
            (layer, all)
        })
        .unzip();
    let of_head = weights(
        format_ident!("Head"),
        " The weights after the last layer.",
        &code.head,
    );
    let head = steps(&code.head);
    // Out of line, the loop would keep the compiler from seeing the pass whole: more code, no gain.
    quote! {
        #of_embedding

        /// The operations before the first layer.
        pub(crate) fn embedding<'w, T: Team<'w>>(
            frame: &mut Frame<'_, T>,
            network: &Network<'w>,
            tokens: &[u32],
        ) {
            let weights = &network.embedding;
            #embedding
        }

        #(#layers)*

        /// The layers, one after the other.
        #[inline(always)]
        pub(crate) fn layers<'w, T: Team<'w>>(
            frame: &mut Frame<'_, T>,
            network: &Network<'w>,
            observer: &mut dyn Observer,
        ) {
            #(#loops)*
        }

        #of_head

        /// The operations after the last layer.
        pub(crate) fn head<'w, T: Team<'w>>(frame: &mut Frame<'_, T>, network: &Network<'w>) {
            let weights = &network.head;
            #head
        }
    }
}

/// The type of the KV cache's format.
fn cache(program: &Program) -> Ident {
    format_ident!("{}", program.shapes.kv_cache.kernel())
}
