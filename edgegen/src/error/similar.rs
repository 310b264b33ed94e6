//! Misspelled names.

use super::MOST_WORD;

/// Names that are less alike are of different things.
const ALIKE: f64 = 0.75;

/// The name that a misspelled word most probably means: it is a part of it, or looks like it.
pub(crate) fn similar<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    let word = word.to_lowercase();
    // Comparing takes the square of the length.
    if word.len() < 2 || word.len() > MOST_WORD {
        return None;
    }
    let alike = |name: &str| strsim::jaro_winkler(&word, &name.to_lowercase());
    let names = || names.iter().copied();
    names()
        .filter(|name| name.to_lowercase().contains(&word))
        .min_by_key(|name| name.len())
        .or_else(|| {
            let near = names().filter(|name| alike(name) > ALIKE);
            near.max_by(|a, b| alike(a).total_cmp(&alike(b)))
        })
}
