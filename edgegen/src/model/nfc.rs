//! The tables of Unicode's normalization form C, for the tables of tokenizers: those of the crate
//! that Hugging Face's tokenizers normalize with, so that what is younger stays as there.

use std::sync::LazyLock;

use unicode_normalization_alignments::char::{
    canonical_combining_class, compose, decompose_canonical,
};

/// The table, as the run-time tokenizer reads it; without Hangul, which is computed. All characters
/// are looked at for it.
pub(super) static TABLE: LazyLock<Vec<u32>> = LazyLock::new(table);

fn table() -> Vec<u32> {
    let (mut marks, mut index, mut pool) = (Vec::new(), Vec::new(), Vec::new());
    let mut compositions = Vec::new();
    for c in '\0'..=char::MAX {
        if let class @ 1.. = canonical_combining_class(c) {
            marks.push(u32::from(c) << 8 | u32::from(class));
        }
        let mut parts = Vec::new();
        if !('\u{ac00}'..='\u{d7a3}').contains(&c) {
            decompose_canonical(c, |part| parts.push(part));
        }
        if parts.is_empty() || parts == [c] {
            continue;
        }
        if let Some((left, right)) = last_composition(&parts)
            && compose(left, right) == Some(c)
        {
            compositions.push([left, right, c].map(u32::from));
        }
        index.extend([u32::from(c), pool.len() as u32]);
        pool.extend(parts.into_iter().map(u32::from));
    }
    compositions.sort_unstable();
    let counts = [marks.len(), index.len() / 2, compositions.len()].map(|count| count as u32);
    index.extend([u32::MAX, pool.len() as u32]);
    [
        &counts[..],
        &marks,
        &index,
        compositions.as_flattened(),
        &pool,
    ]
    .concat()
}

/// What all parts but the last compose to, and the last.
fn last_composition(parts: &[char]) -> Option<(char, char)> {
    let (&last, others) = parts.split_last()?;
    let (&first, others) = others.split_first()?;
    let left = others
        .iter()
        .try_fold(first, |left, &part| compose(left, part));
    Some((left?, last))
}
