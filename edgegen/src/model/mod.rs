//! What an importer produces: architecture, tensors as stored, tokenizer, chat template.

mod architecture;
mod chat;
mod classes;
mod dequantize;
mod licence;
mod nfc;
mod role;
mod rope;
mod sources;
pub mod tables;
mod tensor;
mod tokenizer;
mod trained;
mod window;

pub use architecture::{Architecture, Caps, Gate, Multipliers};
pub use chat::*;
pub(crate) use dequantize::super_block::SuperBlock;
pub use licence::{Licence, LicenceFile};
pub use role::{Role, TensorKey};
pub use rope::{Rope, RopeLayout, RopeScaling};
pub use sources::Sources;
pub use tensor::{DType, NonFinite, Tensor, View};
pub use tokenizer::*;
pub(crate) use trained::on_grid;
pub use window::Window;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Place, Result};
use crate::graph::Graph;
use crate::hub::Name;
use crate::plain::plain;
use crate::schema::Grammar;

/// What the model of this program is stored as.
pub(crate) const BUILT_IN_FORMAT: &str = "built in";

/// The most bytes of a name that is shown.
const MOST_NAME: usize = 200;

/// The most bytes of a name on the hub that is shown, with a commit and a file.
const MOST_ORIGIN: usize = 600;

/// A checked model: every tensor that the architecture needs is there, has its
/// shape and a known type, and the tokenizer agrees with the vocabulary.
#[derive(Debug, Clone)]
pub struct Model {
    name: String,
    format: &'static str,
    licences: Vec<Licence>,
    architecture: Architecture,
    tensors: BTreeMap<TensorKey, Tensor>,
    tokenizer: Tokenizer,
    chat_template: Option<ChatTemplate>,
    part_of: Option<String>,
    notes: Vec<String>,
    schema: Option<Vec<u8>>,
    grammar: Option<Grammar>,
    prefix: Vec<u32>,
    left_out: LeftOut,
    sources: Sources,
    origin: Option<String>,
}

/// What pruning has left out of the source's model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Tokens of the vocabulary.
    pub tokens: usize,
    /// Feed-forward neurons of each layer.
    pub neurons: usize,
    /// Key and value heads of each layer, with their query heads.
    pub key_value_heads: usize,
    /// Layers.
    pub layers: usize,
}

/// What a [`Model`] is made of, before it is checked.
#[derive(Debug, Clone)]
pub struct Parts {
    /// What people call the model.
    pub name: String,
    /// The file format: `GGUF`, `Hugging Face` or `llama2.c`, or `built in`.
    pub format: &'static str,
    /// What the files say of the licence.
    pub licence: Licence,
    /// Shapes and constants.
    pub architecture: Architecture,
    /// The weights.
    pub tensors: BTreeMap<TensorKey, Tensor>,
    /// The tokenizer.
    pub tokenizer: Tokenizer,
    /// The chat template, if there is one.
    pub chat_template: Option<ChatTemplate>,
    /// The type of a model of images or sound, if it is the text model in it.
    pub part_of: Option<String>,
    /// What of the files was left out of account, a sentence each.
    pub notes: Vec<String>,
    /// Contents of all files that the model was made from, for [`Model::digest`].
    pub sources: Vec<View>,
}

impl Model {
    /// Checks the parts and joins them.
    ///
    /// # Errors
    /// When sizes are not sane, a required tensor is missing, a tensor has another shape
    /// than the architecture gives it or a value that is not finite, or the tokenizer
    /// has more tokens than the embedding has rows. It may have fewer: importers allow
    /// that where the file gives the padded size (`vocab_size`).
    pub fn new(parts: Parts) -> Result<Self> {
        parts.architecture.check()?;
        check_tensors(&parts.architecture, &parts.tensors)?;
        check_vocabulary(&parts.architecture, &parts.tokenizer)?;
        let Parts {
            name,
            format,
            licence,
            architecture,
            tensors,
            tokenizer,
            chat_template,
            part_of,
            notes,
            sources,
        } = parts;
        let name = plain(&name, MOST_NAME);
        let licence = Licence {
            of: name.clone(),
            ..licence
        };
        Ok(Self {
            name,
            format,
            licences: vec![licence.shown()],
            architecture,
            tensors,
            tokenizer,
            chat_template,
            part_of: part_of.map(|whole| plain(&whole, MOST_NAME)),
            notes,
            schema: None,
            grammar: None,
            prefix: Vec::new(),
            left_out: LeftOut::default(),
            sources: Sources::new(sources),
            origin: None,
        })
    }

    /// The same, with where it comes from.
    pub(crate) fn with_origin(mut self, origin: Option<Name>) -> Self {
        self.origin = origin.map(|name| plain(&name.to_string(), MOST_ORIGIN));
        self
    }

    /// The model with other weights for the same tokenizer: what pruning or compression made of it.
    pub(crate) fn with_weights(
        &self,
        architecture: Architecture,
        tensors: BTreeMap<TensorKey, Tensor>,
    ) -> Self {
        let (before, after) = (&self.architecture, &architecture);
        let left_out = LeftOut {
            tokens: self.left_out.tokens,
            neurons: self.left_out.neurons + before.intermediate_size - after.intermediate_size,
            key_value_heads: self.left_out.key_value_heads + before.num_key_value_heads
                - after.num_key_value_heads,
            layers: self.left_out.layers + before.num_hidden_layers - after.num_hidden_layers,
        };
        Self {
            architecture,
            tensors,
            left_out,
            ..self.clone()
        }
    }

    /// The model with what an adapter made of its weights. The licence is the adapter's, `files` are what
    /// was added to the sources.
    pub(crate) fn with_adapter(
        &self,
        tensors: BTreeMap<TensorKey, Tensor>,
        licence: Licence,
        files: impl IntoIterator<Item = View>,
    ) -> Self {
        let mut model = self.clone();
        model.tensors = tensors;
        model.licences.push(licence.shown());
        model.sources = self.sources.with(files);
        model
    }

    /// The model as it is in this context, though a text that it is run over may be shorter.
    pub(crate) fn in_context(&self, context: usize) -> Self {
        let mut model = self.clone();
        if let Some(rope) = &mut model.architecture.rope {
            rope.scaling = rope.scaling.at(context);
        }
        model
    }

    /// What people call the model: one line of plain text, as all texts of a model are that are
    /// shown.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file format: `GGUF`, `Hugging Face` or `llama2.c`.
    pub fn format(&self) -> &'static str {
        self.format
    }

    /// Whether it is homectl, which was trained to answer, and predicts no running text.
    pub(crate) fn is_built_in(&self) -> bool {
        self.format == BUILT_IN_FORMAT
    }

    /// What the model's files say of its licence, and then those of each LoRA adapter that was added.
    pub fn licences(&self) -> &[Licence] {
        &self.licences
    }

    /// What of the files was left out of account, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What to know before passing on what is made of it, a sentence each: the notes, the
    /// licences that nobody states, and their texts that are not copied.
    pub fn warnings(&self) -> Vec<String> {
        let unstated = self.licences.iter();
        let unstated = unstated.filter(|licence| licence.stated().is_none());
        let unstated = unstated.map(|licence| {
            format!(
                "no licence is stated of {}: find it out before you pass it on",
                licence.of
            )
        });
        let not_copied = self.licences.iter().flat_map(|licence| {
            let files = licence.not_copied.iter();
            files.map(|file| {
                let of = &licence.of;
                format!("{file} of {of} is no text, a long one or a link to elsewhere, and is not in the crate: ship it as well")
            })
        });
        let notes = self.notes.iter().cloned();
        notes.chain(unstated).chain(not_copied).collect()
    }

    /// Shapes and constants of the network.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// All weights.
    pub fn tensors(&self) -> &BTreeMap<TensorKey, Tensor> {
        &self.tensors
    }

    /// One tensor; `None` when the model does without it.
    pub fn tensor(&self, key: TensorKey) -> Option<&Tensor> {
        self.tensors.get(&key)
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The chat template.
    pub fn chat_template(&self) -> Option<&ChatTemplate> {
        self.chat_template.as_ref()
    }

    /// The type of the model of images or sound that it is the text model of, if it is; its other parts
    /// are left out.
    pub fn part_of(&self) -> Option<&str> {
        self.part_of.as_deref()
    }

    /// Which answers the model may give; all, if `None`.
    pub fn grammar(&self) -> Option<&Grammar> {
        self.grammar.as_ref()
    }

    /// The JSON Schema of [`grammar`](Self::grammar).
    pub(crate) fn schema(&self) -> Option<&[u8]> {
        self.schema.as_deref()
    }

    /// The model with its answers bound to a JSON Schema, and the grammar of it.
    pub(crate) fn with_grammar(mut self, schema: Vec<u8>, grammar: Grammar) -> Self {
        self.schema = Some(schema);
        self.grammar = Some(grammar);
        self
    }

    /// The tokens that every chat begins with, if the model has its own system message.
    pub fn prefix(&self) -> &[u32] {
        &self.prefix
    }

    /// The model with a chat template that has a system message of its own, and the tokens that
    /// each chat then begins with.
    pub(crate) fn with_prefix(mut self, template: ChatTemplate, prefix: Vec<u32>) -> Self {
        self.chat_template = Some(template);
        self.prefix = prefix;
        self
    }

    /// The model with a smaller vocabulary: `tokenizer` has the tokens `kept` (ids, ascending) of
    /// the present one, in their order. What was bound to the present one is no longer.
    ///
    /// # Errors
    ///
    /// As [`Tensor::gather`].
    pub(crate) fn with_vocabulary(mut self, tokenizer: Tokenizer, kept: &[u32]) -> Result<Self> {
        for role in [Role::Embedding, Role::Output] {
            if let Some(tensor) = self.tensors.get_mut(&TensorKey::global(role)) {
                *tensor = tensor.gather(kept)?;
            }
        }
        if let Some(bias) = self.tensors.get_mut(&TensorKey::global(Role::OutputBias)) {
            *bias = bias.gather_columns(kept)?;
        }
        self.architecture.vocab_size = kept.len();
        self.left_out.tokens += self.tokenizer.tokens().len() - kept.len();
        self.tokenizer = tokenizer;
        self.schema = None;
        self.grammar = None;
        self.prefix.clear();
        Ok(self)
    }

    /// The network, with the tensors that there are.
    pub(crate) fn graph(&self) -> Graph {
        Graph::new(&self.architecture, |key| self.tensor(key).is_some())
    }

    /// Whether a rotated network of it has the matrix [`Role::OutputMix`].
    pub(crate) fn is_mixed(&self) -> bool {
        self.graph().is_mixed()
    }

    /// What pruning has left out of the source's model.
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// The files that the model was made from.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The model's name on the hub, with the commit, if it is from there.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// [`Sources::digest`].
    pub fn digest(&self) -> &str {
        self.sources.digest()
    }
}

/// Every token has a row of the embedding.
fn check_vocabulary(architecture: &Architecture, tokenizer: &Tokenizer) -> Result<()> {
    let (tokens, rows) = (tokenizer.tokens().len(), architecture.vocab_size);
    if tokens <= rows {
        return Ok(());
    }
    Err(Error::new(format!(
        "the tokenizer has {tokens} tokens, the embedding has {rows} rows"
    ))
    .at("vocab_size")
    .remedy("tokenizer and weights are of different models; fetch both again"))
}

/// Every tensor that the network has is there and no other, shapes are right, values finite.
fn check_tensors(architecture: &Architecture, tensors: &BTreeMap<TensorKey, Tensor>) -> Result<()> {
    let roles: BTreeSet<Role> = tensors.keys().map(|key| key.role).collect();
    let graph = Graph::new(architecture, |key| roles.contains(&key.role));
    let needed = graph.tensors();
    if let Some(missing) = needed.iter().find(|key| !tensors.contains_key(key)) {
        let place = missing
            .layer
            .map_or(String::new(), |layer| format!(" of layer {layer}"));
        return Err(
            Error::new(format!("the tensor {:?}{place} is missing", missing.role))
                .remedy("the file is incomplete; fetch or convert it again"),
        );
    }
    let layers = architecture.num_hidden_layers;
    for (key, tensor) in tensors {
        if !needed.contains(key) {
            let problem = match key.layer {
                Some(layer) if layer >= layers => format!("the model has {layers} layers"),
                _ => "no part of the network that is configured reads this tensor".into(),
            };
            return Err(Error::new(problem)
                .at(Place::tensor(tensor.name()))
                .remedy("weights and configuration are of different models; fetch both again"));
        }
        let (rows, cols) = architecture.shape(key.role);
        if (tensor.rows(), tensor.cols()) != (rows, cols) {
            return Err(Error::new(format!(
                "the shape is {} x {}, the configuration makes it {rows} x {cols}",
                tensor.rows(),
                tensor.cols()
            ))
            .at(Place::tensor(tensor.name()))
            .remedy("weights and configuration are of different models; fetch both again"));
        }
        if let Some(found) = tensor.find_non_finite() {
            return Err(Error::new(format!(
                "the {} at row {}, column {} is not finite",
                found.what, found.row, found.col
            ))
            .at(Place::tensor(tensor.name()))
            .remedy("the weights are damaged (NaN or infinity); fetch or convert them again"));
        }
    }
    Ok(())
}
