//! Vocabularies that a search tries.

/// As parts of all tokens, the largest first.
const PARTS: [(usize, usize); 12] = [
    (1, 1),
    (7, 8),
    (3, 4),
    (2, 3),
    (7, 12),
    (1, 2),
    (3, 8),
    (1, 4),
    (3, 16),
    (1, 8),
    (3, 32),
    (1, 16),
];
/// So many of them for any model.
const ALWAYS: usize = 7;
/// The others leave so many tokens at least: a quarter of a million is for all languages at once, and
/// most of them never occur in what one device sees.
const LEAST: usize = 16_384;

/// Sizes that are tried for a model with so many tokens, the largest first: all of them.
pub(crate) fn vocabularies(all: usize) -> impl Iterator<Item = usize> {
    PARTS
        .iter()
        .map(move |(part, of)| all * part / of)
        .enumerate()
        .filter(|&(index, size)| index < ALWAYS || size >= LEAST)
        .map(|(_, size)| size)
}

/// The least of them.
pub(crate) fn least_vocabulary(all: usize) -> usize {
    vocabularies(all)
        .last()
        .expect("all tokens are a vocabulary")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_tokens_become_few() {
        let sizes: Vec<usize> = vocabularies(262_144).collect();
        assert_eq!((sizes[0], least_vocabulary(262_144)), (262_144, 16_384));
        assert!(sizes.windows(2).all(|pair| pair[0] > pair[1]));
        assert_eq!(least_vocabulary(151_936), 18_992);
        assert_eq!(least_vocabulary(49_152), 18_432);
        assert_eq!(least_vocabulary(1024), 384);
    }
}
