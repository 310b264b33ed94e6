//! Words that end where a capital letter follows a small one.

use super::class::Class;
use super::split::{Characters, between_words, contraction, fold, is_newline};
use super::unicode::{is_letter, is_number};

/// GPT-4o's expression (three digits) and Mistral's Tekken (one, without contractions). Two kinds
/// of word
/// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`
/// and the same with `+` before `*`, then
/// `\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
pub(super) fn cased(
    text: impl Characters,
    max_digits: usize,
    contractions: bool,
    class: impl Fn(char) -> Class,
) -> usize {
    let Some(word) = word_after_sign(&text, &class) else {
        return between_words(text, max_digits, is_letter, |c| is_newline(c) || c == '/');
    };
    match contractions {
        true => word + contraction(&text.after(word), fold).unwrap_or(0),
        false => word,
    }
}

/// A word, and one character before it that is no letter, no digit and no end of a line.
fn word_after_sign(text: &impl Characters, class: &impl Fn(char) -> Class) -> Option<usize> {
    let first = text.first()?;
    let alone = word(text, class);
    if is_letter(first) || is_number(first) || is_newline(first) {
        return alone.map(|word| word.len);
    }
    // A mark is a word too, and the better one where only capitals follow it.
    match (word(&text.after(1), class), alone) {
        (Some(Word { small: false, .. }), Some(alone)) => Some(alone.len),
        (Some(word), _) => Some(1 + word.len),
        (None, alone) => alone.map(|word| word.len),
    }
}

struct Word {
    len: usize,
    /// It is of the first kind: it ends with what is no capital.
    small: bool,
}

/// The word that a text begins with.
fn word(text: &impl Characters, class: &impl Fn(char) -> Class) -> Option<Word> {
    let is_capital = |c| class(c) == Class::Capital;
    let is_small = |c| class(c) == Class::Small;
    let is_part = |c| is_letter(c) || class(c) == Class::Mark;
    let head = text.run(|c| is_part(c) && !is_small(c));
    let rest = text.after(head);
    if rest.begins(is_small) {
        let len = head + rest.run(|c| is_part(c) && !is_capital(c));
        return Some(Word { len, small: true });
    }
    let others = text
        .clone()
        .take(head)
        .zip(1..)
        .filter(|&(c, _)| !is_capital(c));
    let without_capitals = others.last().map_or(0, |(_, len)| len);
    match (without_capitals, head) {
        (0, 0) => None,
        (0, len) => Some(Word { len, small: false }),
        (len, _) => Some(Word { len, small: true }),
    }
}
