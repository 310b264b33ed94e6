//! Names of crates.

use crate::error::{Error, Result};

/// Names that cargo refuses, or that would hide a crate of Rust's own.
const TAKEN: [&str; 9] = [
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "incremental",
    "proc-macro",
    "std",
    "test",
];

const LONGEST: usize = 64;

/// Whether this is a name that the crate can have.
///
/// # Errors
///
/// Says what is wrong with it.
pub(super) fn check(name: &str) -> Result<()> {
    let problem = if name.is_empty() || name.len() > LONGEST {
        format!("it has {} bytes, not 1 to {LONGEST}", name.len())
    } else if let Some(odd) = name
        .chars()
        .find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-'))
    {
        format!("it has {odd:?}")
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        "it does not start with a letter".into()
    } else if TAKEN.contains(&name) {
        "the name is taken".into()
    } else if syn::parse_str::<syn::Ident>(&name.replace('-', "_")).is_err() {
        "it is a keyword of Rust".into()
    } else {
        return Ok(());
    };
    Err(Error::option(
        "name",
        format!("`{name}` cannot be the crate's name: {problem}"),
    )
    .remedy("use lowercase letters, digits and `-`, for example `my-model`"))
}

/// The nearest possible name to that of a model.
pub(super) fn of_model(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let mut name = words.join("-");
    name.truncate(LONGEST - PREFIX.len());
    let name = name.trim_end_matches('-');
    if check(name).is_ok() {
        name.to_owned()
    } else {
        format!("{PREFIX}{name}").trim_end_matches('-').to_owned()
    }
}

const PREFIX: &str = "model-";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_models_stay_recognisable() {
        for (model, name) in [
            ("SmolLM2 135M Instruct", "smollm2-135m-instruct"),
            ("stories260K", "stories260k"),
            ("3B", "model-3b"),
            ("loop", "model-loop"),
            ("std", "model-std"),
            ("中文", "model"),
        ] {
            assert_eq!(of_model(model), name);
        }
    }

    proptest! {
        #[test]
        fn every_model_has_a_name_for_its_crate(model in ".{0,90}") {
            prop_assert!(check(&of_model(&model)).is_ok());
        }
    }
}
