//! What `compress` produces: static shapes, operations in order, packed
//! weights, memory layout and tables. It knows no file format; of a platform, what a session takes
//! there.

mod cache;
mod format;
mod placed;
mod placement;
mod prefix;
mod session;
mod text;
mod weights;

pub use cache::CacheFormat;
pub use format::WeightFormat;
pub(crate) use placed::{Alike, Code, Operation, Outline, Place, Placed, State, StateShape, Table};
pub use placement::Placement;
pub use prefix::Prefix;
pub use session::ram_bytes;
pub(crate) use session::{cache_bytes, check_sessions, working_bytes};
pub use weights::{
    ALIGNMENT, FileLayout, MAX_FILE_BYTES, Matrix, Part, Vector, WeightFile, WeightFiles, joined,
};

use edgegen_templates::weight_file::hash;
use sha2::{Digest, Sha256};

use crate::model::tables::TokenizerTables;
use crate::model::{ChatTemplate, LeftOut, Licence, Sources};
use crate::schema::Grammar;

/// Columns and rows are padded with zeros to these multiples.
pub const COLUMN_PADDING: usize = runtime_kernels::BLOCK;
/// Rows of one interleaved group.
pub const ROW_PADDING: usize = runtime_kernels::GROUP;

/// Rows of a projection in its matrix.
pub(crate) fn projected(rows: usize) -> usize {
    rows.next_multiple_of(ROW_PADDING)
}

/// Every shape of the generated crate. Sizes are in elements unless said otherwise.
#[derive(Debug, Clone, PartialEq)]
#[allow(
    missing_docs,
    reason = "Hugging Face's names, explained in Architecture"
)]
pub struct Shapes {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub num_key_value_heads: usize,
    pub head_dim: usize,
    pub vocab_size: usize,
    /// The longest text, in tokens.
    pub context: usize,
    /// The window of each layer's attention, in tokens; all, if `None`.
    pub windows: Vec<Option<usize>>,
    /// How the KV cache holds keys and values.
    pub kv_cache: CacheFormat,
    /// Tokens that one prefill step takes together.
    pub batch: usize,
    /// Tokens of prompts and answers that a session keeps to give answers again.
    pub answer_cache: usize,
    /// Floats of the activations.
    pub arena: usize,
    /// Blocks of i8 activations.
    pub activation_blocks: usize,
}

impl Shapes {
    /// Of what something was left out: what it is, how many there are still, of how many, and where.
    pub(crate) fn kept(
        &self,
        left_out: LeftOut,
    ) -> impl Iterator<Item = (&'static str, usize, usize, &'static str)> {
        let parts = [
            ("vocabulary", self.vocab_size, left_out.tokens, "tokens"),
            (
                "feed-forward neurons",
                self.intermediate_size,
                left_out.neurons,
                "in each layer",
            ),
            (
                "key-value heads",
                self.num_key_value_heads,
                left_out.key_value_heads,
                "in each layer, with their query heads",
            ),
            ("layers", self.num_hidden_layers, left_out.layers, "layers"),
        ];
        let pruned = parts
            .into_iter()
            .filter(|(_, _, left_out, _)| *left_out > 0);
        pruned.map(|(what, kept, left_out, of)| (what, kept, kept + left_out, of))
    }

    /// Positions that each layer's part of the KV cache has room for, and that a token sees there.
    /// Before a batch's first token sees the oldest in its window, the batch's last is stored.
    fn state_shapes(&self) -> impl Iterator<Item = StateShape> {
        let all = self.context.next_multiple_of(ROW_PADDING);
        let windows = self.windows.iter();
        windows.map(move |window| match window {
            Some(window) if *window < self.context => StateShape {
                positions: (window + self.batch - 1)
                    .next_multiple_of(ROW_PADDING)
                    .min(all),
                window: Some(*window),
            },
            _ => StateShape {
                positions: all,
                window: None,
            },
        })
    }

    /// The widest window, if all layers have one.
    pub(crate) fn widest_window(&self) -> Option<usize> {
        let windows = self.state_shapes().map(|shape| shape.window);
        windows.collect::<Option<Vec<usize>>>()?.into_iter().max()
    }

    /// Words of a position in one layer's part of the KV cache.
    fn position_words(&self) -> usize {
        2 * self.num_key_value_heads * self.kv_cache.words(self.head_dim)
    }

    /// The parts of the KV cache, one for each layer.
    pub(crate) fn states(&self) -> impl Iterator<Item = State> {
        self.state_shapes().scan(0, |end, shape| {
            let start = *end;
            *end += shape.positions * self.position_words();
            Some(State { start, shape })
        })
    }

    /// The positions, among the first `count`, in whole groups, that the KV cache has room for, of all
    /// layers together, in words.
    pub(crate) fn beginning_len(&self, count: usize) -> usize {
        let positions = self.state_shapes().map(|shape| shape.positions.min(count));
        positions.sum::<usize>() * self.position_words()
    }

    /// Tokens whose logits are computed and kept together: four, which share a load of the weights,
    /// or fewer where a small batch says that memory is short.
    pub fn logit_rows(&self) -> usize {
        (self.batch / 4).clamp(1, 4)
    }

    /// Words of the whole KV cache, of 4 bytes: `[layer][keys, values][head][position]`, in an
    /// order of its own and with `head_dim` padded.
    pub fn kv_cache_len(&self) -> usize {
        self.beginning_len(usize::MAX)
    }

    /// Positions that a session can go back from the last that it stored, and find all that the next
    /// token sees; `None` if any.
    pub(crate) fn slack(&self) -> Option<usize> {
        let shapes = self.state_shapes();
        let slack = shapes.filter_map(|shape| Some(shape.positions + 1 - shape.window?));
        slack.min()
    }
}

/// Hashes of a run over fixed tokens, computed by the interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Golden {
    /// The hash of the residual stream after the embedding and after each layer.
    pub stages: Vec<u64>,
    /// The hash of the logits at every position.
    pub logits: u64,
}

/// Where the model came from and how its weights are kept, for the crate's README.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// The model's own name.
    pub model: String,
    /// The file format that it came in.
    pub format: String,
    /// The files that it was in.
    pub sources: Sources,
    /// Its name on the hub, with the commit, if it is from there.
    pub origin: Option<String>,
    /// What the model's files say of its licence, and then each adapter's.
    pub licences: Vec<Licence>,
    /// Number of weights.
    pub parameters: u64,
    /// What pruning has left out of the source's model.
    pub left_out: LeftOut,
    /// One line for each kind of conversion: count of tensors, from, to, lossless or not.
    pub conversions: Vec<String>,
}

/// The program: everything that the emitter prints and the interpreter runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    pub(crate) shapes: Shapes,
    pub(crate) code: Code,
    pub(crate) files: WeightFiles,
    pub(crate) tokenizer: TokenizerTables,
    pub(crate) chat: Option<ChatTemplate>,
    pub(crate) grammar: Option<Grammar>,
    pub(crate) prefix: Prefix,
    pub(crate) provenance: Provenance,
}

impl Program {
    /// Every shape.
    pub fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// The tokenizer's tables.
    pub fn tokenizer(&self) -> &TokenizerTables {
        &self.tokenizer
    }

    /// Which answers the model may give; all, if `None`.
    pub fn grammar(&self) -> Option<&Grammar> {
        self.grammar.as_ref()
    }

    /// Where the model came from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Identifies weights, tables, shapes and operations. No protection from those who want two
    /// programs to have one.
    pub fn digest(&self) -> u64 {
        let mut hasher = Sha256::new();
        hasher.update(self.to_string());
        for file in self.files.files() {
            // Weights are large.
            hasher.update(hash(&file.bytes).to_le_bytes());
        }
        hasher.update(self.tokenizer.blob());
        if let Some(grammar) = &self.grammar {
            hasher.update(grammar.blob());
        }
        for token in self.prefix.tokens() {
            hasher.update(token.to_le_bytes());
        }
        let hash = hasher.finalize();
        u64::from_le_bytes(std::array::from_fn(|i| hash[i]))
    }

    /// Words of KV cache, buffers, the tokens that were fed and answers to give again.
    pub fn memory_len(&self) -> usize {
        let shapes = &self.shapes;
        shapes.kv_cache_len() + shapes.arena + shapes.context + shapes.answer_cache
    }

    /// Bytes of weights and tables in flash.
    pub fn flash_bytes(&self) -> usize {
        let grammar = self.grammar.as_ref().map_or(0, |g| g.blob().len());
        let prefix = Prefix::bytes(self.prefix.tokens().len(), &self.shapes);
        self.files.total_bytes() + self.tokenizer.blob().len() + grammar + prefix
    }
}
