//! The names of crates.

use crate::error::{Error, Result};

/// Names that cargo refuses, or that would hide the standard library's crates.
const RESERVED: [&str; 9] = [
    "test",
    "core",
    "std",
    "alloc",
    "proc_macro",
    "build",
    "deps",
    "examples",
    "incremental",
];

/// Refuses what cargo would refuse as a package's name.
pub(super) fn check(name: String) -> Result<String> {
    let refuse = |why: &str| {
        Err(
            Error::new(format!("`{name}` cannot be a crate's name: {why}"))
                .at("--name")
                .remedy("give a name of lower-case letters, digits and `-`, such as `my-model`"),
        )
    };
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return refuse("it does not begin with a lower-case letter");
    }
    if !name.chars().all(allowed) {
        return refuse("it has other characters than letters, digits, `-` and `_`");
    }
    if name.len() > 64 {
        return refuse("it is longer than 64 characters");
    }
    if reserved(&name) {
        return refuse("the word is reserved");
    }
    Ok(name)
}

/// A valid name that is like the model's.
pub(super) fn from_model(model: &str) -> String {
    let lower = model.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit())
        .filter(|word| !word.is_empty())
        .collect();
    let mut name = words.join("-");
    name.truncate(56);
    let name = name.trim_end_matches('-');
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && !reserved(name) {
        name.to_owned()
    } else {
        format!("model-{name}").trim_end_matches('-').to_owned()
    }
}

fn allowed(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_'
}

fn reserved(name: &str) -> bool {
    let identifier = name.replace('-', "_");
    RESERVED.contains(&identifier.as_str()) || syn::parse_str::<syn::Ident>(&identifier).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_like_the_models() {
        assert_eq!(from_model("Smollm2 135M 8k"), "smollm2-135m-8k");
        assert_eq!(from_model("stories260K"), "stories260k");
        assert_eq!(from_model("7B"), "model-7b");
        assert_eq!(from_model("test"), "model-test");
        assert_eq!(from_model("模型"), "model");
    }

    #[test]
    fn bad_names_are_refused_with_the_reason() {
        for (name, why) in [
            ("My Model", "begin"),
            ("a b", "characters"),
            ("async", "reserved"),
        ] {
            let error = check(name.into()).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("--name"), "{error}");
        }
        assert_eq!(check("my-model".into()).unwrap(), "my-model");
    }

    proptest! {
        #[test]
        fn every_model_gives_a_valid_name(model in ".{0,80}") {
            prop_assert!(check(from_model(&model)).is_ok());
        }
    }
}
