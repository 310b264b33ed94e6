//! LoRA adapters (Hu et al. 2021, arXiv:2106.09685), as PEFT's `save_pretrained` writes them, added to
//! a model's weights.
//!
//! An adapter speaks of Hugging Face's tensors. What it adds goes the way that the tensor itself goes
//! (`names.rs`), so that a GGUF file of the same model takes it as well as its folder does.

mod config;
mod weights;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::architectures::Form;
use crate::error::{Error, Kind, Place, Remedy, Result, Setting};
use crate::forward::RopePermutation;
use crate::import::names::{self, Format, Named, stated};
use crate::import::source;
use crate::model::{Architecture, DType, Licence, Model, Role, Tensor, TensorKey, View};

use super::{Folder, card};
use config::Config;
use weights::LowRank;

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

/// The way out where only PEFT knows what an adapter means.
const MERGE: &str = "merge it first, for instance with `merge_and_unload` of the Python package peft, and \
                     give the folder that `save_pretrained` writes as the model";

/// A LoRA adapter, and how much of it is added.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    /// The folder with `adapter_config.json` and `adapter_model.safetensors`.
    pub folder: PathBuf,
    /// Factor on all that it adds.
    pub scale: f32,
}

impl Adapter {
    /// Reads `FOLDER` or `FOLDER:SCALE`. What looks like a scale is one: a folder whose name ends so is
    /// written with another behind it, `adapter:2:1`.
    ///
    /// # Errors
    /// When the scale is not finite.
    pub fn parse(text: &OsStr) -> Result<Self> {
        let scaled = text.to_str().and_then(|text| {
            let (folder, scale) = text.rsplit_once(':')?;
            Some((folder, scale.parse::<f32>().ok()?))
        });
        let Some((folder, scale)) = scaled else {
            return Ok(Self {
                folder: text.into(),
                scale: 1.0,
            });
        };
        if !scale.is_finite() {
            return Err(
                Error::option("lora", format!("the scale {scale} is no number"))
                    .remedy("write it as FOLDER:SCALE, such as adapter:0.5"),
            );
        }
        Ok(Self {
            folder: folder.into(),
            scale,
        })
    }

    /// The files that it is in.
    ///
    /// # Errors
    /// When one of them is missing.
    pub(in crate::import) fn files(&self) -> Result<[PathBuf; 2]> {
        if !self.folder.is_dir() {
            return Err(no_folder(&self.folder));
        }
        let files = [CONFIG, WEIGHTS].map(|name| self.folder.join(name));
        for file in &files {
            if !source::is_file(file)? {
                return Err(missing(file));
            }
        }
        Ok(files)
    }

    /// What to call it.
    fn name(&self) -> String {
        let name = Folder::OnDisk(&self.folder).name();
        match self.scale {
            1.0 => name,
            scale => format!("{name} times {scale}"),
        }
    }

    /// The model with what the adapter adds, in f32.
    ///
    /// # Errors
    /// When a file is missing or malformed, when the adapter is of another model or another kind, and
    /// when the sum is not finite.
    pub(in crate::import) fn merge(&self, model: &Model) -> Result<Model> {
        let [config, weights] = self.files()?;
        let files = [source::whole(&config)?, source::whole(&weights)?];
        let in_weights = |error: Error| error.in_file(&weights);
        let object = super::object(&config, &files[0])?;
        let config = Config::read(&object).map_err(|error| error.in_file(&config))?;
        let changes = weights::read(&weights, &files[1]).map_err(in_weights)?;
        let mut merged = Merged {
            architecture: model.architecture(),
            base: config.base.as_deref(),
            format: match model.part_of() {
                None => Format::HuggingFace,
                Some(_) => Format::Wrapped,
            },
            tensors: model.tensors().clone(),
        };
        for (name, change) in changes {
            let named = merged.named(&name).map_err(in_weights)?;
            if let Some(whole) = change.whole {
                merged.replace(named, whole).map_err(in_weights)?;
            }
            if let Some(low_rank) = change.low_rank {
                let module = name.strip_suffix(".weight").unwrap_or(&name);
                let scaling = config.scaling(module, low_rank.rank());
                let scaling =
                    scaling.map_err(|error| in_weights(error.at(Place::tensor(&name))))?;
                let scale = f64::from(self.scale) * scaling;
                merged.add(named, &low_rank, scale).map_err(in_weights)?;
            }
        }
        // Of another scale, the weights are others.
        let scale = View::new(self.scale.to_le_bytes());
        let sources = files.into_iter().chain([scale]);
        let licence = Licence {
            of: self.name(),
            ..card::read(Folder::OnDisk(&self.folder))
        };
        Ok(model.with_adapter(merged.tensors, licence, sources))
    }
}

/// The weights while they change.
struct Merged<'a> {
    architecture: &'a Architecture,
    /// What the adapter calls the model that it was trained on.
    base: Option<&'a str>,
    /// Whose names of tensors it has.
    format: Format,
    tensors: BTreeMap<TensorKey, Tensor>,
}

impl Merged<'_> {
    /// The tensor of this name, if all that it holds is in the model.
    fn named(&self, name: &str) -> Result<Named> {
        let family = self.architecture.family;
        let named = self.format.in_text_model(name);
        let named = named.and_then(|name| names::find(family, &name, self.format));
        let named = named.ok_or_else(|| {
            let problem = format!(
                "no part of the architecture {} has this tensor",
                family.model_type
            );
            self.foreign(name, problem)
        })?;
        if named.names.hf_form == Form::PerHead {
            let problem = "the adapter changes a tensor that each head has of its own";
            return Err(Error::unsupported(problem)
                .at(Place::tensor(name))
                .remedy(MERGE));
        }
        let has = |role| self.tensors.contains_key(&TensorKey::global(role));
        let ends = [Role::Embedding, Role::Output];
        if !has(Role::Output) && named.keys().any(|key| ends.contains(&key.role)) {
            return Err(Error::unsupported(
                "in this model the embedding is the output projection too, and the adapter changes one of both",
            )
            .at(Place::tensor(name))
            .remedy(MERGE));
        }
        if !named.keys().all(|key| self.tensors.contains_key(&key)) {
            return Err(self.foreign(name, "the model has no such tensor".into()));
        }
        Ok(named)
    }

    /// Puts a whole tensor in the place of the model's.
    fn replace(&mut self, named: Named, tensor: Tensor) -> Result<()> {
        let name = tensor.name().to_owned();
        for (key, part) in named.taken_apart(self.architecture, named.names.hf_form, tensor)? {
            let found = (part.rows(), part.cols());
            let expected = self.architecture.shape(key.role);
            if found != expected {
                return Err(self.misshapen(&name, found, expected));
            }
            self.tensors.insert(key, self.ordered(key.role, part)?);
        }
        Ok(())
    }

    /// Adds `scale * B * A`.
    fn add(&mut self, named: Named, low_rank: &LowRank, scale: f64) -> Result<()> {
        let shapes = named.keys().map(|key| self.architecture.shape(key.role));
        let shapes: Vec<(usize, usize)> = shapes.collect();
        let expected = (shapes.iter().map(|(rows, _)| rows).sum(), shapes[0].1);
        let name = low_rank.b.name();
        if shapes.iter().any(|&(rows, _)| rows == 1) {
            let problem = "this is no matrix, and LoRA changes nothing else";
            return Err(self.foreign(name, problem.into()));
        }
        if low_rank.shape() != expected {
            return Err(self.misshapen(name, low_rank.shape(), expected));
        }
        let form = match named.names.hf_form {
            // B * A has a row for each output, however the weight is stored.
            Form::Columns => Form::Rows,
            form => form,
        };
        let delta = low_rank.product(scale)?;
        for (key, part) in named.taken_apart(self.architecture, form, delta)? {
            let part = self.ordered(key.role, part)?;
            let base = &self.tensors[&key];
            let sum = sum(base, &part)?;
            if let Some(found) = sum.find_non_finite() {
                return Err(not_finite(&low_rank.b, found.row, found.col));
            }
            self.tensors.insert(key, sum);
        }
        Ok(())
    }

    /// A tensor with its rows in the model's order, where RoPE makes that another than Hugging Face's.
    fn ordered(&self, role: Role, tensor: Tensor) -> Result<Tensor> {
        let (rotary, rope) = (&self.architecture.family.rope, &self.architecture.rope);
        let (Some(rotary), Some(rope)) = (rotary, rope) else {
            return Ok(tensor);
        };
        let Some(permutation) = RopePermutation::of(role, self.architecture) else {
            return Ok(tensor);
        };
        if rotary.hf == rope.layout {
            return Ok(tensor);
        }
        let vector = tensor.rows() == 1;
        let count = if vector { tensor.cols() } else { tensor.rows() };
        let mut places = vec![0; count];
        for place in 0..count {
            places[permutation.source(place)] = place as u32;
        }
        match vector {
            true => tensor.gather_columns(&places),
            false => tensor.gather(&places),
        }
    }

    fn misshapen(&self, name: &str, found: (usize, usize), expected: (usize, usize)) -> Error {
        let (rows, cols) = found;
        let problem = format!(
            "the adapter's shape is {rows} x {cols}, the model's {} x {}",
            expected.0, expected.1
        );
        self.foreign(name, problem)
    }

    /// A tensor that this model has not.
    fn foreign(&self, name: &str, problem: String) -> Error {
        let trained = self
            .base
            .map_or_else(String::new, |base| format!(": {base}"));
        Error::new(problem).at(Place::tensor(name)).remedy(format!(
            "give the model that the adapter was trained on{trained}"
        ))
    }
}

/// The sum of two tensors of one shape, in F32.
fn sum(base: &Tensor, delta: &Tensor) -> Result<Tensor> {
    let (rows, cols) = (base.rows(), base.cols());
    let [mut values, added] = [base, delta].map(Tensor::values);
    values
        .iter_mut()
        .zip(&added)
        .for_each(|(value, added)| *value += added);
    from_values(base.name(), rows, cols, &values)
}

fn from_values(name: &str, rows: usize, cols: usize, values: &[f32]) -> Result<Tensor> {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    Tensor::new(name, rows, cols, DType::F32, View::new(bytes))
}

fn not_finite(tensor: &Tensor, row: usize, col: usize) -> Error {
    Error::new(format!(
        "with it, the weight at row {row}, column {col} is not finite"
    ))
    .at(Place::tensor(tensor.name()))
    .remedy("the adapter is damaged, or its scale too large; fetch it again, or give a smaller one")
}

/// The name of the model that the adapter in a folder was trained on, if it says so.
pub(in crate::import) fn base_of(folder: &Path) -> Option<String> {
    let path = folder.join(CONFIG);
    let object = super::object(&path, &source::open(&path).ok()?).ok()?;
    stated(object.get("base_model_name_or_path")?.as_str()?)
}

fn no_folder(path: &Path) -> Error {
    let problem = match path.exists() {
        true => "this is a file, and an adapter is a folder",
        false => "there is no such folder",
    };
    let remedy = "give the folder that PEFT's `save_pretrained` wrote, with adapter_config.json; a \
                  scale stands behind it as a number, such as adapter:0.5, or adapter:2:1 for a folder \
                  named adapter:2";
    Error::of(Kind::Option, problem)
        .in_file(path)
        .remedy(remedy)
}

/// What a folder is that has not this file of an adapter.
fn missing(file: &Path) -> Error {
    let has = |name: &str| file.with_file_name(name).is_file();
    let remedy = if has("adapter_model.bin") {
        "save the adapter again with a current PEFT: PyTorch's .bin files are not read".into()
    } else if has("config.json") {
        Remedy::from("give this folder as the model, and not with ").set(Setting::named("lora"))
    } else {
        Remedy::from("give the folder that PEFT's `save_pretrained` wrote")
    };
    Error::unsupported("the file is not there, and an adapter has it")
        .in_file(file)
        .remedy(remedy)
}
