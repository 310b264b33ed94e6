//! llama2.c's checkpoints (`export.py`): version 0, f32 without a magic, and version 2,
//! int8 in groups.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::source;
use crate::architectures;
use crate::error::{Error, Place, Remedy, Result, Setting};
use crate::model::{
    Architecture, Caps, DType, Gate, Licence, Model, Multipliers, Parts, Role, Rope, RopeLayout,
    RopeScaling, Tensor, TensorKey, View,
};

/// "ak42", the magic of versions 1 and 2, little-endian.
const MAGIC: u32 = 0x616b_3432;

/// Whether these may be the bytes of a checkpoint: the magic, or seven plausible sizes.
pub(super) fn recognise(bytes: &[u8]) -> bool {
    match integer(bytes, 0) {
        Some(magic) if magic == MAGIC as i32 => true,
        _ => (0..7)
            .all(|at| integer(bytes, at * 4).is_some_and(|n| n != 0 && n.unsigned_abs() < 1 << 24)),
    }
}

/// Reads a checkpoint with its tokenizer.
pub(super) fn import(path: &Path, view: View, tokenizer: Option<&Path>) -> Result<Model> {
    let header = Header::read(view.bytes())?;
    header.architecture.check()?;
    let mut layout = Reader {
        view: &view,
        at: header.length,
        tensors: BTreeMap::new(),
    };
    match header.group_size {
        None => version_0(&mut layout, &header)?,
        Some(group_size) => version_2(&mut layout, &header, group_size)?,
    }
    let tensors = layout.finish()?;
    let tokenizer = tokenizer_path(path, header.architecture.vocab_size, tokenizer)?;
    let tokenizer_view = source::open(&tokenizer)?;
    let vocabulary = header.architecture.vocab_size;
    let tokenizer = super::tokenizer::llama2c::from_llama2c(tokenizer_view.bytes(), vocabulary)
        .map_err(|error| {
            error
                .in_file(&tokenizer)
                .at("tokenizer")
                .remedy("the file is damaged or of another checkpoint; fetch it again")
        })?;
    Model::new(Parts {
        name: source::stem(path),
        format: "llama2.c",
        licence: Licence::default(),
        architecture: header.architecture,
        tensors,
        tokenizer,
        chat_template: None,
        part_of: None,
        notes: Vec::new(),
        sources: vec![view.clone(), tokenizer_view],
    })
}

struct Header {
    architecture: Architecture,
    shared_classifier: bool,
    /// `None` for version 0.
    group_size: Option<usize>,
    /// Bytes.
    length: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self> {
        let versioned = integer(bytes, 0) == Some(MAGIC as i32);
        let mut start = 0;
        if versioned {
            let version = needed(bytes, 4, "version")?;
            if version != 2 {
                return Err(Error::unsupported(format!(
                    "llama2.c version {version} is not supported"
                ))
                .at("version")
                .remedy("export with version 0 (f32) or 2 (int8)"));
            }
            start = 8;
        }
        let size = |index: usize, name: &str| {
            let value = needed(bytes, start + index * 4, name)?;
            usize::try_from(value).map_err(|_| {
                Error::new(format!("{value} is negative"))
                    .at(name)
                    .remedy("the file is damaged; fetch it again")
            })
        };
        let hidden_size = size(0, "dim")?;
        let heads = size(3, "n_heads")?;
        if heads == 0 || hidden_size % heads != 0 {
            return Err(Error::new(format!(
                "a width of {hidden_size} cannot be divided among {heads} heads"
            ))
            .at("n_heads")
            .remedy("the file is damaged; fetch it again"));
        }
        let head_dim = hidden_size / heads;
        let vocab = needed(bytes, start + 20, "vocab_size")?;
        if versioned && vocab < 0 {
            return Err(Error::new(format!("{vocab} is negative"))
                .at("vocab_size")
                .remedy("only version 0 has a sign here; the file is damaged, export it again"));
        }
        let (shared_classifier, group_size, length) = if versioned {
            if bytes.len() < 256 {
                return Err(truncated("header"));
            }
            let group = needed(bytes, 37, "group_size")?;
            let group = usize::try_from(group).ok().filter(|group| *group > 0);
            let group = group.ok_or_else(|| {
                Error::new("the size of a group is not positive")
                    .at("group_size")
                    .remedy("the file is damaged; fetch it again")
            })?;
            (bytes[36] != 0, Some(group), 256)
        } else {
            (vocab.is_positive(), None, 28)
        };
        Ok(Self {
            architecture: Architecture {
                family: architectures::LLAMA,
                hidden_size,
                intermediate_size: size(1, "hidden_dim")?,
                num_hidden_layers: size(2, "n_layers")?,
                num_attention_heads: heads,
                num_key_value_heads: size(4, "n_kv_heads")?,
                head_dim,
                vocab_size: vocab.unsigned_abs() as usize,
                max_position_embeddings: size(6, "seq_len")?,
                rms_norm_eps: 1e-5,
                rope: Some(Rope {
                    theta: 10_000.0,
                    dim: head_dim,
                    layout: RopeLayout::Interleaved,
                    scaling: RopeScaling::None,
                    skipped: Vec::new(),
                }),
                attention_scale: (1.0 / (head_dim as f64).sqrt()) as f32,
                window: None,
                caps: Caps::default(),
                multipliers: Multipliers::default(),
                parallel_residual: None,
                gate: Gate::default(),
                rounded: false,
            },
            shared_classifier,
            group_size,
            length,
        })
    }
}

/// Takes tensors off the file one after another.
struct Reader<'a> {
    view: &'a View,
    at: usize,
    tensors: BTreeMap<TensorKey, Tensor>,
}

impl Reader<'_> {
    /// One tensor for each layer, or one for the model.
    fn role(&mut self, architecture: &Architecture, role: Role, dtype: DType) -> Result<()> {
        let (rows, cols) = architecture.shape(role);
        let layers = if role.is_per_layer() {
            (0..architecture.num_hidden_layers).map(Some).collect()
        } else {
            vec![None]
        };
        for layer in layers {
            let name = match layer {
                Some(layer) => format!("{role:?} of layer {layer}"),
                None => format!("{role:?}"),
            };
            let length = dtype.bytes(rows, cols).map_err(|e| e.at(&name))?;
            let data = self.skip(length).ok_or_else(|| truncated(&name))?;
            let tensor = Tensor::new(name, rows, cols, dtype, data)?;
            self.tensors.insert(TensorKey { layer, role }, tensor);
        }
        Ok(())
    }

    fn skip(&mut self, length: usize) -> Option<View> {
        let end = self.at.checked_add(length)?;
        let data = self.view.slice(self.at..end)?;
        self.at = end;
        Some(data)
    }

    fn finish(self) -> Result<BTreeMap<TensorKey, Tensor>> {
        let left = self.view.bytes().len() - self.at;
        if left != 0 {
            return Err(
                Error::new(format!("{left} bytes are left after the last tensor"))
                    .at("end of the file")
                    .remedy("the header is damaged or the file is of another format"),
            );
        }
        Ok(self.tensors)
    }
}

/// f32 throughout; after the last norm, tables of cos and sin that nothing reads.
fn version_0(layout: &mut Reader<'_>, header: &Header) -> Result<()> {
    let architecture = &header.architecture;
    for role in [
        Role::Embedding,
        Role::AttentionNorm,
        Role::Query,
        Role::Key,
        Role::Value,
        Role::AttentionOutput,
        Role::FeedForwardNorm,
        Role::Gate,
        Role::Down,
        Role::Up,
        Role::OutputNorm,
    ] {
        layout.role(architecture, role, DType::F32)?;
    }
    // Two tables of `context x head_dim / 2` values of 4 bytes.
    let tables = architecture.max_position_embeddings * architecture.head_dim * 4;
    layout.skip(tables).ok_or_else(|| truncated("freq_cis"))?;
    if !header.shared_classifier {
        layout.role(architecture, Role::Output, DType::F32)?;
    }
    Ok(())
}

/// The norms in f32, then matrices in int8 groups.
fn version_2(layout: &mut Reader<'_>, header: &Header, group_size: usize) -> Result<()> {
    let architecture = &header.architecture;
    for role in [Role::AttentionNorm, Role::FeedForwardNorm, Role::OutputNorm] {
        layout.role(architecture, role, DType::F32)?;
    }
    let output = (!header.shared_classifier).then_some(Role::Output);
    for role in [
        Role::Embedding,
        Role::Query,
        Role::Key,
        Role::Value,
        Role::AttentionOutput,
        Role::Gate,
        Role::Down,
        Role::Up,
    ]
    .into_iter()
    .chain(output)
    {
        layout.role(architecture, role, DType::Q8Groups { group_size })?;
    }
    Ok(())
}

/// The tokenizer's file of a checkpoint, if both are as they should be.
pub(super) fn tokenizer(path: &Path, view: &View, given: Option<&Path>) -> Option<PathBuf> {
    let header = Header::read(view.bytes()).ok()?;
    tokenizer_path(path, header.architecture.vocab_size, given).ok()
}

/// The tokenizer that was given, or the one beside the checkpoint.
fn tokenizer_path(model: &Path, vocab_size: usize, given: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let names = [format!("tok{vocab_size}.bin"), "tokenizer.bin".to_owned()];
    for name in &names {
        let path = model.with_file_name(name);
        if source::is_file(&path)? {
            return Ok(path);
        }
    }
    Err(
        Error::new("a llama2.c checkpoint holds no tokenizer, and none is beside it")
            .at(Place::Option("tokenizer"))
            .remedy(
                Remedy::from(format!("put {} or {} beside it", names[0], names[1]))
                    .or(Remedy::from("give ").set(Setting::bare("tokenizer", "FILE"))),
            ),
    )
}

fn integer(bytes: &[u8], at: usize) -> Option<i32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

fn needed(bytes: &[u8], at: usize, name: &str) -> Result<i32> {
    integer(bytes, at).ok_or_else(|| truncated(name))
}

fn truncated(place: &str) -> Error {
    Error::new("the file ends before it")
        .at(place)
        .remedy("the file is truncated or its header damaged; fetch it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_plausible_sizes_are_recognised() {
        let recognised = |sizes: [i32; 7]| recognise(&sizes.map(i32::to_le_bytes).concat());
        let most = (1 << 24) - 1;
        // A negative size of the vocabulary says that the output has a matrix of its own.
        assert!(recognised([most, most, 1, 1, 1, -most, most]));
        for at in 0..7 {
            for wrong in [0, 1 << 24, -1 << 24, i32::MIN, i32::MAX] {
                let mut sizes = [64; 7];
                sizes[at] = wrong;
                assert!(!recognised(sizes), "{sizes:?}");
            }
        }
        let magic = MAGIC.to_le_bytes();
        assert!(recognise(&magic) && !recognise(&magic[..3]) && !recognise(&[1; 27]));
    }
}
