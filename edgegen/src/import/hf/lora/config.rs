//! `adapter_config.json`: PEFT's `LoraConfig`.

use serde_json::{Map, Value};

use crate::architectures::Ignored;
use crate::error::{Error, Result};
use crate::import::config::unsupported;
use crate::import::names::stated;

use super::super::config::Fields;
use super::MERGE;

/// What an adapter says of itself.
pub(super) struct Config {
    /// The model that it was trained on.
    pub(super) base: Option<String>,
    rank: usize,
    alpha: f64,
    /// Whether `alpha` is divided by the root of the rank (rsLoRA, Kalajdzievski 2023,
    /// arXiv:2312.03732).
    root: bool,
    /// Other ranks, and other values of `alpha`, of modules whose names end so.
    ranks: Vec<(String, f64)>,
    alphas: Vec<(String, f64)>,
}

/// Fields that change nothing of what is added with these values; with any, if there are none.
#[rustfmt::skip]
const IGNORED: &[Ignored] = &[
    // Who made it, and with what.
    ("auto_mapping", &[]), ("inference_mode", &[]), ("parent_library", &[]), ("peft_version", &[]),
    ("revision", &[]), ("task_type", &["CAUSAL_LM"]),
    // Which modules it is of: the tensors say so.
    ("exclude_modules", &[]), ("layers_pattern", &[]), ("layers_to_transform", &[]),
    ("modules_to_save", &[]), ("target_modules", &[]),
    // How its weights began, where the model's stayed as they were.
    ("corda_config", &[]), ("eva_config", &[]), ("loftq_config", &[]), ("lora_ga_config", &[]),
    ("init_lora_weights", &["true", "false", "gaussian", "eva", "orthogonal"]),
    // How it was trained.
    ("lora_dropout", &[]), ("runtime_config", &[]),
    // PEFT itself goes by how the module stores its weight.
    ("fan_in_fan_out", &[]),
    // Nothing by themselves.
    ("megatron_core", &[]), ("qalora_group_size", &[]),
    // With another value, something else is added.
    ("bias", &["none"]),
];

impl Config {
    pub(super) fn read(object: &Map<String, Value>) -> Result<Self> {
        let fields = Fields::new(object);
        let kind = fields.text("peft_type")?;
        let kind = fields.needed("peft_type", kind)?;
        if kind != "LORA" {
            return Err(unsupported("peft_type", kind, "LORA").instead_do(MERGE));
        }
        let rank = fields.size("r")?;
        let alpha = fields.number("lora_alpha")?;
        let config = Self {
            base: fields.text("base_model_name_or_path")?.and_then(stated),
            rank: fields.needed("r", rank)?,
            alpha: fields.needed("lora_alpha", alpha)?,
            root: fields.flag("use_rslora")?.unwrap_or(false),
            ranks: patterns(&fields, "rank_pattern")?,
            alphas: patterns(&fields, "alpha_pattern")?,
        };
        // DoRA, biases, tokens of their own and all else that adds something.
        let problem = "this kind of adapter is not supported";
        let refused = fields.refuse_unread(&[IGNORED], problem);
        refused.map_err(|error| error.instead_do(MERGE))?;
        Ok(config)
    }

    /// The factor on what is added to a module, by matrices of this rank.
    ///
    /// # Errors
    /// When they have another rank than is said.
    pub(super) fn scaling(&self, module: &str, rank: usize) -> Result<f64> {
        let said = find(&self.ranks, module).unwrap_or(self.rank as f64);
        let rank = rank as f64;
        if rank != said {
            let problem =
                format!("the rank is {rank}, the adapter's configuration makes it {said}");
            return Err(Error::new(problem).remedy("fetch both files of the adapter again"));
        }
        let alpha = find(&self.alphas, module).unwrap_or(self.alpha);
        Ok(alpha / if self.root { rank.sqrt() } else { rank })
    }
}

/// An object of numbers by names of modules, in order. PEFT takes the names for regular expressions:
/// those that are more than a name are refused.
fn patterns(fields: &Fields<'_>, name: &str) -> Result<Vec<(String, f64)>> {
    let read = fields
        .numbers_by_name(name)?
        .unwrap_or_default()
        .into_iter();
    let names = read.map(|(pattern, number)| {
        let plain = pattern.replace(r"\.", ".");
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        match plain
            .strip_prefix('^')
            .unwrap_or(&plain)
            .chars()
            .all(is_name)
        {
            true => Ok((plain, number)),
            false => Err(
                Error::unsupported(format!("`{pattern}` is no module's name"))
                    .at(name)
                    .remedy("write the names of modules in place of the regular expression"),
            ),
        }
    });
    names.collect()
}

/// The number of the first name that a module's name ends with, or is, after `^`.
fn find(patterns: &[(String, f64)], module: &str) -> Option<f64> {
    let is_of = |pattern: &str| match pattern.strip_prefix('^') {
        Some(whole) => module == whole,
        None => module
            .strip_suffix(pattern)
            .is_some_and(|before| before.is_empty() || before.ends_with('.')),
    };
    let mut patterns = patterns.iter();
    patterns.find_map(|(pattern, number)| is_of(pattern).then_some(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_the_end_of_a_name_or_all_of_it() {
        let of = |pattern: &str| find(&[(pattern.into(), 3.0)], "model.layers.1.mlp.up_proj");
        for pattern in ["up_proj", "mlp.up_proj", "^model.layers.1.mlp.up_proj"] {
            assert_eq!(of(pattern), Some(3.0), "{pattern}");
        }
        for pattern in [
            "proj",
            "model.layers.1",
            "^mlp.up_proj",
            "xmodel.layers.1.mlp.up_proj",
        ] {
            assert_eq!(of(pattern), None, "{pattern}");
        }
    }
}
