//! Which tokens are kept.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::model::Tokenizer;

use super::derivation::Derivations;

/// The ids of `size` tokens, ascending: the required ones, then the first of `ranked`, which are all
/// tokens, each with all that it is merged from.
pub(super) fn choose(
    tokenizer: &Tokenizer,
    required: BTreeSet<u32>,
    ranked: &[u32],
    size: usize,
) -> Result<Vec<u32>> {
    let all = ranked.len();
    let derivations = Derivations::new(tokenizer);
    let mut kept: BTreeSet<u32> = required
        .into_iter()
        .flat_map(|id| derivations.of(id))
        .collect();
    let refused = |problem: String| {
        Err(Error::option("vocab_size", problem).remedy(format!("give {} to {all}", kept.len())))
    };
    if size > all {
        return refused(format!("the model has {all} tokens, not {size}"));
    }
    if size < kept.len() {
        return refused(format!(
            "{size} tokens are too few: special tokens, bytes and the chat template need {}",
            kept.len()
        ));
    }
    // A token that does not fit with its parts is passed over. The shortest token left always
    // fits, as its parts are shorter: so every round keeps one at least.
    while kept.len() < size {
        for &id in ranked {
            let mut parts = derivations.of(id);
            parts.retain(|part| !kept.contains(part));
            if kept.len() + parts.len() <= size {
                kept.extend(parts);
            }
        }
    }
    Ok(kept.into_iter().collect())
}
