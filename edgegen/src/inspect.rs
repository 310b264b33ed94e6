//! What a model is, for people and for other programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::graph::Shape;
use crate::model::{DType, Licence, Model, Role, RopeScaling};
use crate::plan::keeps;
use crate::program::WeightFormat;

/// A model's description. Sizes are in elements unless a name says bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// What people call the model.
    pub name: String,
    /// The file format.
    pub format: &'static str,
    /// The licence's identifier or name, as the files give it.
    pub licence: Option<String>,
    /// What the files say of the licence, and then each adapter's.
    pub licences: Vec<LicenceSummary>,
    /// SHA-256 of the files' contents.
    pub digest: String,
    /// The type of the model of images or sound whose text model it is: the other parts are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// What of the files was left out of account.
    pub warnings: Vec<String>,
    /// The name on the hub, with the commit, if it is from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Shapes and constants.
    pub architecture: Network,
    /// Number of weights.
    pub parameters: usize,
    /// Bytes of all weights as stored.
    pub weight_bytes: usize,
    /// Weights by how they are stored.
    pub types: Vec<TypeSummary>,
    /// Weights by what they are for.
    pub tensors: Vec<RoleSummary>,
    /// Matrices that are on the grid of a format, though their types do not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridSummary>,
    /// Why calibration leaves the residual stream as it is, if it cannot rotate it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_rotated: Option<String>,
    /// How text becomes tokens.
    pub tokenizer: TokenizerSummary,
    /// The chat template, if the file has one that reduces to fixed text.
    pub chat_template: Option<ChatSummary>,
}

/// Matrices that a format holds without loss, since they were trained for it or quantized to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GridSummary {
    /// The format.
    pub format: &'static str,
    /// Number of such matrices.
    pub matrices: usize,
    /// Number of all matrices.
    pub of: usize,
}

/// What files say of a licence, and what the licence wants to be said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LicenceSummary {
    /// What the files say.
    #[serde(flatten)]
    pub stated: Licence,
    /// What the licence wants to be said.
    pub notices: &'static [&'static str],
}

/// The tokenizer in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenizerSummary {
    /// The scheme, and the pre-tokenizer where there is one.
    pub kind: String,
    /// Tokens; fewer than `vocab_size` if the embedding is padded.
    pub tokens: usize,
    /// Pairs that merge.
    pub merges: usize,
    /// Id of the token that begins a text.
    pub bos: Option<u32>,
    /// Whether encoding begins with it.
    pub add_bos: bool,
    /// Ids that end a generation.
    pub stop: Vec<u32>,
}

/// The chat template in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChatSummary {
    /// Whether it takes a system message.
    pub system: bool,
}

/// Shapes and constants, in Hugging Face's names.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Network {
    pub name: &'static str,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub num_key_value_heads: usize,
    pub head_dim: usize,
    pub vocab_size: usize,
    pub max_position_embeddings: usize,
    pub rms_norm_eps: f32,
    pub rope_theta: Option<f64>,
    pub rope_dim: Option<usize>,
    pub rope_scaling: Option<&'static str>,
    pub sliding_window: Option<usize>,
    pub sliding_layers: usize,
    pub sliding_rope_theta: Option<f64>,
    pub tie_word_embeddings: bool,
}

/// All tensors of one type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TypeSummary {
    /// GGUF's name of the type.
    pub dtype: &'static str,
    /// Number of tensors.
    pub tensors: usize,
    /// Number of weights.
    pub parameters: usize,
    /// Bytes as stored.
    pub bytes: usize,
    /// Bits a weight, scales included.
    pub bits_per_weight: f64,
}

/// All tensors of one role that are stored alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoleSummary {
    /// What they are for.
    pub role: Role,
    /// Number of tensors: one for each layer, or one.
    pub count: usize,
    /// Rows of each.
    pub rows: usize,
    /// Columns of each.
    pub cols: usize,
    /// GGUF's name of the type.
    pub dtype: &'static str,
    /// Bytes of all of them.
    pub bytes: usize,
}

/// Describes a model. Reads all its bytes once, for the digest.
pub fn inspect(model: &Model) -> Inspection {
    let architecture = model.architecture();
    let tokenizer = model.tokenizer();
    let mut types: BTreeMap<_, TypeSummary> = BTreeMap::new();
    let mut roles: BTreeMap<_, RoleSummary> = BTreeMap::new();
    for (key, tensor) in model.tensors() {
        let dtype = tensor.dtype();
        let bytes = tensor.bytes().len();
        let summary = types.entry(dtype).or_insert_with(|| TypeSummary {
            dtype: dtype.name(),
            tensors: 0,
            parameters: 0,
            bytes: 0,
            bits_per_weight: dtype.bits_per_weight(),
        });
        summary.tensors += 1;
        summary.parameters += tensor.len();
        summary.bytes += bytes;
        let summary = roles
            .entry((key.role, dtype))
            .or_insert_with(|| RoleSummary {
                role: key.role,
                count: 0,
                rows: tensor.rows(),
                cols: tensor.cols(),
                dtype: dtype.name(),
                bytes: 0,
            });
        summary.count += 1;
        summary.bytes += bytes;
    }
    let types: Vec<TypeSummary> = types.into_values().collect();
    let rope = architecture.rope.as_ref();
    let window = architecture.window.as_ref();
    Inspection {
        name: model.name().to_owned(),
        format: model.format(),
        licence: model.licences()[0].stated().map(str::to_owned),
        licences: model
            .licences()
            .iter()
            .map(|licence| LicenceSummary {
                stated: licence.clone(),
                notices: licence.notices(),
            })
            .collect(),
        digest: model.digest().to_owned(),
        part_of: model.part_of().map(str::to_owned),
        warnings: model.notes().to_vec(),
        origin: model.origin().map(str::to_owned),
        architecture: Network {
            name: architecture.family.model_type,
            hidden_size: architecture.hidden_size,
            intermediate_size: architecture.intermediate_size,
            num_hidden_layers: architecture.num_hidden_layers,
            num_attention_heads: architecture.num_attention_heads,
            num_key_value_heads: architecture.num_key_value_heads,
            head_dim: architecture.head_dim,
            vocab_size: architecture.vocab_size,
            max_position_embeddings: architecture.max_position_embeddings,
            rms_norm_eps: architecture.rms_norm_eps,
            rope_theta: rope.map(|rope| rope.theta),
            rope_dim: rope.map(|rope| rope.dim),
            rope_scaling: rope.map(|rope| scaling_name(&rope.scaling)),
            sliding_window: window.map(|window| window.size),
            sliding_layers: window.map_or(0, |window| window.layers.len()),
            sliding_rope_theta: window.and_then(|window| Some(window.rope.as_ref()?.theta)),
            tie_word_embeddings: !model.tensors().keys().any(|k| k.role == Role::Output),
        },
        parameters: types.iter().map(|t| t.parameters).sum(),
        weight_bytes: types.iter().map(|t| t.bytes).sum(),
        types,
        tensors: roles.into_values().collect(),
        grid: grid(model),
        not_rotated: Shape::of(&model.graph()).rotatable().err(),
        tokenizer: TokenizerSummary {
            kind: tokenizer.kind(),
            tokens: tokenizer.tokens().len(),
            merges: tokenizer.merges().len(),
            bos: tokenizer.bos(),
            add_bos: tokenizer.add_bos(),
            stop: tokenizer.stop().to_vec(),
        },
        chat_template: model.chat_template().map(|template| ChatSummary {
            system: template.with_system.is_some(),
        }),
    }
}

/// The grid that matrices of another type than the format's are on.
fn grid(model: &Model) -> Option<GridSummary> {
    let matrices = model.tensors().iter();
    let matrices = matrices.filter(|(key, _)| key.role.is_matrix());
    let types: Vec<(DType, bool)> = matrices
        .map(|(_, tensor)| (tensor.dtype(), keeps(tensor, WeightFormat::Q4)))
        .collect();
    let on_grid = types.iter().filter(|(_, keeps)| *keeps);
    let says_so = on_grid.clone().all(|(dtype, _)| *dtype == DType::Q4_0);
    (!says_so).then(|| GridSummary {
        format: WeightFormat::Q4.name(),
        matrices: on_grid.count(),
        of: types.len(),
    })
}

/// Ids, as many as fit in a line.
fn shortened(ids: &[u32]) -> String {
    const MOST: usize = 16;
    match ids.len().checked_sub(MOST) {
        None | Some(0) => format!("{ids:?}"),
        Some(more) => format!("{:?} and {more} more", &ids[..MOST]),
    }
}

fn scaling_name(scaling: &RopeScaling) -> &'static str {
    match scaling {
        RopeScaling::None => "none",
        RopeScaling::Linear { .. } => "linear",
        RopeScaling::Factors { .. } => "factors",
        RopeScaling::LongRope { .. } => "longrope",
        RopeScaling::Llama3 { .. } => "llama3",
        RopeScaling::Yarn { .. } => "yarn",
    }
}

impl fmt::Display for LicenceSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stated = &self.stated;
        let files: Vec<&str> = stated.files.iter().map(|file| file.name.as_str()).collect();
        let (files, bases) = (files.join(", "), stated.bases.join(", "));
        let rows = [
            ("licence", Some(stated.stated().unwrap_or("not given"))),
            ("its text", stated.link.as_deref()),
            ("made by", stated.author.as_deref()),
            ("from", stated.source.as_deref()),
            ("made from", Some(&*bases)),
            ("terms", Some(&*files)),
        ];
        let rows = rows.map(|(what, text)| (what, text.unwrap_or_default()));
        let notices = self.notices.iter().map(|notice| ("notice", *notice));
        for (what, text) in rows.into_iter().chain(notices) {
            if !text.is_empty() {
                writeln!(f, "  {what:<15}{text}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shapes = &self.architecture;
        writeln!(f, "{} ({}, {})", self.name, self.format, shapes.name)?;
        for (at, licence) in self.licences.iter().enumerate() {
            if at > 0 {
                writeln!(f, "  LoRA adapter   {}", licence.stated.of)?;
            }
            licence.fmt(f)?;
        }
        writeln!(f, "  sha-256        {}", self.digest)?;
        if let Some(whole) = &self.part_of {
            writeln!(
                f,
                "  part of        {whole}: the text model, without what it has for images or sound"
            )?;
        }
        for warning in &self.warnings {
            writeln!(f, "  warning        {warning}")?;
        }
        if let Some(origin) = &self.origin {
            writeln!(f, "  fetched as     {origin}")?;
        }
        writeln!(f, "  parameters     {}", self.parameters)?;
        writeln!(
            f,
            "  weights        {:.1} MB",
            self.weight_bytes as f64 / 1e6
        )?;
        writeln!(f, "  layers         {}", shapes.num_hidden_layers)?;
        writeln!(f, "  hidden size    {}", shapes.hidden_size)?;
        writeln!(f, "  feed-forward   {}", shapes.intermediate_size)?;
        writeln!(
            f,
            "  heads          {} of {}, {} for keys and values",
            shapes.num_attention_heads, shapes.head_dim, shapes.num_key_value_heads
        )?;
        let tied = if shapes.tie_word_embeddings {
            "tied"
        } else {
            "separate"
        };
        writeln!(f, "  vocabulary     {}, {tied} output", shapes.vocab_size)?;
        writeln!(f, "  context        {}", shapes.max_position_embeddings)?;
        if let (Some(theta), Some(dim), Some(scaling)) =
            (shapes.rope_theta, shapes.rope_dim, shapes.rope_scaling)
        {
            writeln!(
                f,
                "  rope           base {theta}, {dim} dimensions, scaling {scaling}"
            )?;
        }
        if let Some(window) = shapes.sliding_window {
            write!(
                f,
                "  window         {window} tokens in {} layers",
                shapes.sliding_layers
            )?;
            match shapes.sliding_rope_theta {
                Some(theta) => writeln!(f, ", rope of base {theta}")?,
                None => writeln!(f)?,
            }
        }
        if let Some(grid) = &self.grid {
            writeln!(
                f,
                "  grid           {} of {} matrices are on that of {}, \
                 which holds them without loss",
                grid.matrices, grid.of, grid.format
            )?;
        }
        if let Some(reason) = &self.not_rotated {
            writeln!(f, "  calibration    without rotation: {reason}")?;
        }
        let tokenizer = &self.tokenizer;
        writeln!(
            f,
            "  tokenizer      {}, {} tokens, {} merges, stops at {}",
            tokenizer.kind,
            tokenizer.tokens,
            tokenizer.merges,
            shortened(&tokenizer.stop)
        )?;
        let template = match &self.chat_template {
            None => "no",
            Some(ChatSummary { system: true }) => "yes, with a system message",
            Some(ChatSummary { system: false }) => "yes, without a system message",
        };
        writeln!(f, "  chat template  {template}")?;
        writeln!(f, "\n  type       tensors    weights     MB  bits a weight")?;
        for t in &self.types {
            writeln!(
                f,
                "  {:<9} {:>8} {:>10} {:>6.1} {:>14.2}",
                t.dtype,
                t.tensors,
                t.parameters,
                t.bytes as f64 / 1e6,
                t.bits_per_weight
            )?;
        }
        writeln!(
            f,
            "\n  tensor                 count  shape           type          MB"
        )?;
        for t in &self.tensors {
            writeln!(
                f,
                "  {:<22} {:>5}  {:<15} {:<9} {:>6.1}",
                format!("{:?}", t.role),
                t.count,
                format!("{} x {}", t.rows, t.cols),
                t.dtype,
                t.bytes as f64 / 1e6
            )?;
        }
        Ok(())
    }
}
