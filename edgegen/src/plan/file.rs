//! A plan's file: formats that were chosen for one model, to be carried out later or elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::cache::sha256;
use crate::error::{Error, Remedy, Result, Setting};
use crate::model::{Model, Role, TensorKey};
use crate::program::WeightFormat;
use crate::toml_file;

/// The version of the file that this edgegen reads and writes.
const VERSION: u32 = 1;

/// What to do about a file that is not as [`PlanFile::write`] writes it.
const AGAIN: &str = "write the file again with `edgegen plan … --out FILE`";

/// What is to become of a model's vocabulary and of each matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFile {
    model: String,
    calibration: Option<String>,
    vocab_size: Option<usize>,
    formats: BTreeMap<TensorKey, WeightFormat>,
}

/// The fields of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    /// SHA-256 of the model's files.
    model: String,
    /// SHA-256 of the text that shows which errors matter; nothing is calibrated if absent.
    calibration: Option<String>,
    /// Tokens to keep; all, if absent.
    vocab_size: Option<usize>,
    /// Of each role: one format, or one for each layer.
    formats: BTreeMap<String, Formats>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a matrix has one format, or a list of formats in quotes"
)]
enum Formats {
    Same(String),
    OfLayers(Vec<String>),
}

impl PlanFile {
    /// A plan for `model`, of which `vocab_size` tokens are kept. `calibration` is the text of what
    /// is calibrated.
    pub fn new(
        model: &Model,
        vocab_size: Option<usize>,
        formats: BTreeMap<TensorKey, WeightFormat>,
        calibration: Option<&str>,
    ) -> Self {
        Self {
            model: model.digest().to_owned(),
            calibration: calibration.map(sha256),
            vocab_size,
            formats,
        }
    }

    /// Reads a file's content.
    ///
    /// # Errors
    ///
    /// When it is no TOML, has another version or other fields, or names roles or formats that do
    /// not exist.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).map_err(|error| error.remedy(AGAIN))
    }

    fn read(text: &str) -> Result<Self> {
        let file: File = toml_file::parse(text, AGAIN)?;
        if file.version != VERSION {
            let problem = format!("version {}, not {VERSION}", file.version);
            return Err(Error::new(problem).at("version"));
        }
        let mut formats = BTreeMap::new();
        for (name, given) in file.formats {
            let place = format!("formats.{name}");
            let role = Role::ALL
                .into_iter()
                .find(|role| role.is_matrix() && role.name() == name)
                .ok_or_else(|| {
                    let roles = Role::ALL.into_iter().filter(|role| role.is_matrix());
                    let names: Vec<_> = roles.map(Role::name).collect();
                    let way = Remedy::similar(&name, &names, AGAIN);
                    Error::new("there is no such matrix").at(&place).remedy(way)
                })?;
            let parse = |format: &str| {
                let names = WeightFormat::ALL.map(WeightFormat::name);
                let unknown = |_| Error::unknown("weight format", format, &names);
                format
                    .parse()
                    .map_err(|error: String| unknown(error).at(&place))
            };
            match given {
                Formats::Same(format) if !role.is_per_layer() => {
                    let format: WeightFormat = parse(&format)?;
                    if role == Role::OutputMix && format.calibrated() {
                        let problem =
                            format!("`{format}` is no format of a matrix that calibration makes");
                        let way = format!("take a format such as `{}`", WeightFormat::Q8);
                        return Err(Error::new(problem).at(place).remedy(way));
                    }
                    formats.insert(TensorKey::global(role), format);
                }
                Formats::OfLayers(list) if role.is_per_layer() => {
                    for (layer, format) in list.iter().enumerate() {
                        formats.insert(TensorKey::layer(layer, role), parse(format)?);
                    }
                }
                _ => {
                    let wanted = if role.is_per_layer() {
                        "a list with a format for each layer"
                    } else {
                        "one format"
                    };
                    return Err(Error::new(format!("it must be {wanted}")).at(place));
                }
            }
        }
        Ok(Self {
            model: file.model,
            calibration: file.calibration,
            vocab_size: file.vocab_size,
            formats,
        })
    }

    /// The content of the file.
    pub fn write(&self) -> String {
        let mut text = String::from(
            "# A plan: `edgegen emit MODEL --plan FILE` carries it out. The formats can be edited.\n",
        );
        let quoted = |text: &str| toml::Value::from(text);
        let _ = writeln!(text, "version = {VERSION}\nmodel = {}", quoted(&self.model));
        if let Some(calibration) = &self.calibration {
            let _ = writeln!(text, "calibration = {}", quoted(calibration));
        }
        if let Some(size) = self.vocab_size {
            let _ = writeln!(text, "vocab_size = {size}");
        }
        text.push_str("\n[formats]\n");
        for role in Role::ALL {
            let formats = self.formats.iter().filter(|(key, _)| key.role == role);
            let formats: Vec<String> = formats.map(|(_, format)| format!("\"{format}\"")).collect();
            let _ = match &formats[..] {
                [] => Ok(()),
                [one] if !role.is_per_layer() => writeln!(text, "{} = {one}", role.name()),
                list => writeln!(text, "{} = [{}]", role.name(), list.join(", ")),
            };
        }
        text
    }

    /// Tokens to keep; all, if `None`.
    pub fn vocab_size(&self) -> Option<usize> {
        self.vocab_size
    }

    /// Whether something is calibrated.
    pub fn calibrated(&self) -> bool {
        self.calibration.is_some()
    }

    /// The format of every matrix of the model.
    ///
    /// # Errors
    ///
    /// When the plan was made for another model or another calibration text, or does not have one
    /// format for each matrix.
    pub fn formats(
        &self,
        model: &Model,
        calibration: &str,
    ) -> Result<BTreeMap<TensorKey, WeightFormat>> {
        if self.model != model.digest() {
            return Err(Error::new("the plan was made for another model")
                .at("model")
                .remedy("make one for this model with `edgegen plan … --out FILE`"));
        }
        if self
            .calibration
            .as_ref()
            .is_some_and(|digest| *digest != sha256(calibration))
        {
            return Err(
                Error::new("the plan was made with another calibration text")
                    .at("calibration")
                    .remedy(
                        Remedy::from("give the same text with ").set(Setting::named("calibration")),
                    ),
            );
        }
        let matrices = model.tensors().keys().filter(|key| key.role.is_matrix());
        let mut needed: Vec<TensorKey> = matrices.copied().collect();
        if self.calibrated() && model.is_mixed() {
            needed.push(TensorKey::global(Role::OutputMix));
        }
        let place = |key: &TensorKey| match key.layer {
            Some(layer) => format!("formats.{}, layer {layer}", key.role.name()),
            None => format!("formats.{}", key.role.name()),
        };
        let rounded = self.formats.iter().find(|(_, f)| f.calibrated());
        if let Some((key, format)) = rounded.filter(|_| !self.calibrated()) {
            return Err(Error::new(format!(
                "`{format}` is chosen by a calibration text, and the plan was made without one"
            ))
            .at(place(key))
            .remedy(format!(
                "take a format such as `{}`; {AGAIN}",
                WeightFormat::Q4
            )));
        }
        if let Some(key) = needed.iter().find(|key| !self.formats.contains_key(key)) {
            return Err(
                Error::new("the model has a matrix there, the plan no format")
                    .at(place(key))
                    .remedy(AGAIN),
            );
        }
        if let Some(key) = self.formats.keys().find(|key| !needed.contains(key)) {
            return Err(Error::new("the model has no matrix there")
                .at(place(key))
                .remedy(AGAIN));
        }
        Ok(self.formats.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Also where somebody has edited the digests.
        #[test]
        fn what_is_written_is_read_as_the_same(
            model: String,
            calibration: Option<String>,
            vocab_size in prop::option::of(0usize..1 << 40),
        ) {
            let formats = BTreeMap::from([
                (TensorKey::global(Role::Embedding), WeightFormat::Q8),
                // Of one layer, a list too.
                (TensorKey::layer(0, Role::Query), WeightFormat::T4),
            ]);
            let file = PlanFile { model, calibration, vocab_size, formats };
            prop_assert_eq!(PlanFile::parse(&file.write()), Ok(file));
        }
    }
}
