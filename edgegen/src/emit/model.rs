//! The generated network: shapes, weights and the order of operations.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::program::{Alike, Golden, Operation, Outline, Program, Shapes, StateShape};

use super::literal::{hex, number};
use super::network::{fields, network};
use super::step::{Places, cache, format_type, formats, kernels, reads_tables};
use super::weights::{self, Weights};
use super::weights_file;

/// `model.rs` as tokens. `weights` says how weight files are included.
pub(super) fn model(program: &Program, golden: &Golden, settings: &Settings) -> TokenStream {
    let layers = Layers::of(&program.code.layers);
    let places = Places::of(program);
    let imports = imports(program);
    let constants = constants(program, settings);
    let golden = golden_constants(golden);
    let network = network(program, &layers, &settings.weights);
    let cache = states(&program.shapes);
    let arena = places.constants(&program.code);
    let stages = stages(program, settings, &places, &layers);

    quote! {
        //! The network: shapes, weights and the order of operations.

        #imports

        #constants
        #golden
        #arena

        #cache

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

/// The layers, by what they are but for their weights.
pub(super) struct Layers<'a> {
    /// Each kind once, in the order of their first layers.
    pub(super) kinds: Vec<LayerKind<'a>>,
    /// The operations of each layer, and the number of its kind.
    pub(super) all: Vec<(&'a [Operation], usize)>,
}

/// Layers that differ in their weights alone.
pub(super) struct LayerKind<'a> {
    /// The first of them; `None` when all layers are alike.
    first: Option<usize>,
    operations: &'a [Operation],
}

impl LayerKind<'_> {
    /// The name of the struct of a layer's weights.
    pub(super) fn name(&self) -> Ident {
        match self.first {
            Some(first) => format_ident!("Layer{first}"),
            None => format_ident!("Layer"),
        }
    }

    /// The name of the function of a layer.
    fn function(&self) -> Ident {
        match self.first {
            Some(first) => format_ident!("layer_{first}"),
            None => format_ident!("layer"),
        }
    }

    fn doc(&self) -> String {
        match self.first {
            Some(first) => format!(" The weights of layer {first}, or of one like it."),
            None => " The weights of a layer.".to_owned(),
        }
    }
}

impl<'a> Layers<'a> {
    fn of(layers: &'a [Vec<Operation>]) -> Self {
        let mut outlines: Vec<Vec<crate::graph::Operation<Alike>>> = Vec::new();
        let mut found = Self {
            kinds: Vec::new(),
            all: Vec::new(),
        };
        for (index, operations) in layers.iter().enumerate() {
            let steps = operations.iter();
            let outline = steps.map(|step| step.map(&mut Outline)).collect();
            let known = outlines.iter().position(|known| *known == outline);
            let kind = known.unwrap_or_else(|| {
                outlines.push(outline);
                found.kinds.push(LayerKind {
                    first: Some(index),
                    operations,
                });
                outlines.len() - 1
            });
            found.all.push((operations, kind));
        }
        if let [kind] = found.kinds.as_mut_slice() {
            kind.first = None;
        }
        found
    }

    /// The only kind, if all layers are alike.
    pub(super) fn one(&self) -> Option<&LayerKind<'a>> {
        match self.kinds.as_slice() {
            [kind] => Some(kind),
            _ => None,
        }
    }
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
    let (arena, cache_len) = (number(s.arena), number(s.kv_cache_len()));
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
        pub(crate) const CACHE_LEN: usize = #cache_len;
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
    let cache = format_ident!("{}", program.shapes.kv_cache.kernel());
    let row = (!program.code.tables.is_empty()).then(|| quote!(, row));
    let mut states = program.shapes.states();
    let all = states
        .any(|state| state.shape.window.is_none())
        .then(|| quote!(All,));
    quote! {
        use core::ops::Range;

        use super::frame::{AttentionShape, CacheShape, Frame, Place, State #row};
        use super::kernels::{#all Const, #cache, Isa, #(#formats,)* #(#kernels),*};
        use super::pass::{Observer, observe};
        use super::team::Team;
    }
}

/// The shapes of the layers' parts of the KV cache, each once, and where they lie.
fn states(shapes: &Shapes) -> TokenStream {
    let format = format_ident!("{}", shapes.kv_cache.kernel());
    let kinds: BTreeSet<StateShape> = shapes.states().map(|state| state.shape).collect();
    let kinds = kinds.into_iter().map(|shape| {
        let (name, positions) = (cache(shape), number(shape.positions));
        let (doc, window) = match shape.window {
            None => (
                " How keys and values lie in the memory.".to_owned(),
                quote!(None),
            ),
            Some(window) => {
                let of = number(window);
                (
                    format!(" How they lie where a token sees {window} positions."),
                    quote!(Some(#of)),
                )
            }
        };
        quote! {
            #[doc = #doc]
            const #name: CacheShape<#format> = CacheShape {
                format: #format,
                positions: #positions,
                window: #window,
                heads: NUM_KEY_VALUE_HEADS,
                head_dim: HEAD_DIM,
            };
        }
    });
    let states = shapes.states().map(|state| {
        let (name, start) = (cache(state.shape), number(state.start));
        quote!(#name.at(#start))
    });
    let slack = match shapes.slack() {
        None => quote!(None),
        Some(slack) => {
            let slack = number(slack);
            quote!(Some(#slack))
        }
    };
    quote! {
        #(#kinds)*

        /// The layers' parts of the KV cache.
        pub(crate) const STATES: [State<#format>; NUM_HIDDEN_LAYERS] = [#(#states),*];

        /// Positions that a session can go back from the last that it stored, and find all that the
        /// next token sees; any, if `None`.
        pub(crate) const SLACK: Option<usize> = #slack;
    }
}

/// How a layer that reads tables is given them, which are the network's: as parameter and argument.
fn tables_of(kind: &LayerKind<'_>) -> (TokenStream, TokenStream) {
    match reads_tables(kind.operations) {
        true => (quote!(network: &Network<'w>,), quote!(network,)),
        false => (quote!(), quote!()),
    }
}

/// The stages of a pass: a struct of weights and a function for each.
fn stages(
    program: &Program,
    settings: &Settings,
    places: &Places,
    layers: &Layers<'_>,
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
    let functions = layers.kinds.iter().map(|kind| {
        let of_layer = weights(kind.name(), &kind.doc(), kind.operations);
        let (name, function) = (kind.name(), kind.function());
        let (parameter, _) = tables_of(kind);
        let operations = steps(kind.operations);
        quote! {
            #of_layer

            fn #function<'w, T: Team<'w>>(
                frame: &mut Frame<'_, T>,
                #parameter
                weights: &#name<'w>,
            ) {
                #operations
            }
        }
    });
    let call = |kind: &LayerKind<'_>| {
        let (function, (_, argument)) = (kind.function(), tables_of(kind));
        quote!(#function(frame, #argument weights))
    };
    let (any, pass) = match layers.one() {
        Some(kind) => {
            let call = call(kind);
            (quote!(), quote!(#call;))
        }
        None => {
            let names: Vec<Ident> = layers.kinds.iter().map(LayerKind::name).collect();
            let calls = layers.kinds.iter().map(call);
            let any = quote! {
                /// The weights of some layer.
                enum AnyLayer<'w> { #(#names(#names<'w>)),* }
            };
            let pass = quote! {
                match weights {
                    #(AnyLayer::#names(weights) => #calls,)*
                }
            };
            (any, pass)
        }
    };
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

        #(#functions)*

        #any

        /// The layers, one after the other.
        #[inline(always)]
        pub(crate) fn layers<'w, T: Team<'w>>(
            frame: &mut Frame<'_, T>,
            network: &Network<'w>,
            observer: &mut dyn Observer,
        ) {
            for (stage, weights) in (1..).zip(&network.layers) {
                #pass
                observe(frame, stage, observer);
            }
        }

        #of_head

        /// The operations after the last layer.
        pub(crate) fn head<'w, T: Team<'w>>(frame: &mut Frame<'_, T>, network: &Network<'w>) {
            let weights = &network.head;
            #head
        }
    }
}
