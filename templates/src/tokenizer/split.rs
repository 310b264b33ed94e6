//! The pre-tokenizers' regular expressions as scanners: each returns the
//! length in bytes of the first match, which is never zero for non-empty text.

use super::unicode::{is_letter, is_number, is_space};

/// GPT-2:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
///
/// With `lone_digits` the text is cut around each `\p{N}` first (SmolLM). With `lowercase` the
/// matches are those of the text with small letters; U+0130 alone becomes two characters then, and
/// only beside it a word may be cut otherwise.
pub(super) fn gpt2(text: &str, lone_digits: bool, lowercase: bool) -> usize {
    let lone = |c| lone_digits && is_number(c);
    let small = |c: char| {
        if lowercase { c.to_ascii_lowercase() } else { c }
    };
    if let Some(len) = contraction(text, small) {
        return len;
    }
    let skipped = usize::from(text.starts_with(' '));
    let rest = &text[skipped..];
    match rest.chars().next() {
        Some(c) if lone(c) && skipped == 0 => c.len_utf8(),
        Some(c) if lone(c) || is_space(c) => spaces(text, lone),
        Some(c) if is_letter(c) => skipped + run(rest, is_letter),
        Some(c) if is_number(c) => skipped + run(rest, is_number),
        Some(_) => skipped + run(rest, is_other),
        None => spaces(text, lone),
    }
}

/// Llama 3 (three digits) and Qwen 2 (one):
/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
pub(super) fn llama3(text: &str, max_digits: usize) -> usize {
    if let Some(len) = contraction(text, fold) {
        return len;
    }
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return 0;
    };
    if is_letter(first) {
        return run(text, is_letter);
    }
    if is_number(first) {
        let digits = text.chars().take(max_digits);
        return digits
            .take_while(|&c| is_number(c))
            .map(char::len_utf8)
            .sum();
    }
    if !is_newline(first) && chars.next().is_some_and(is_letter) {
        let skipped = first.len_utf8();
        return skipped + run(&text[skipped..], is_letter);
    }
    let skipped = usize::from(first == ' ');
    let others = run(&text[skipped..], is_other);
    if others > 0 {
        let end = skipped + others;
        return end + run(&text[end..], is_newline);
    }
    match text[..run(text, is_space)].rfind(is_newline) {
        Some(newline) => newline + 1,
        None => spaces(text, |_| false),
    }
}

/// Spaces, then what is up to the next space.
pub(super) fn spaces_then_word(text: &str, is_space: impl Fn(char) -> bool) -> usize {
    let word = run(text, &is_space);
    word + run(&text[word..], |c| !is_space(c))
}

/// `\s+(?!\S)|\s+`, where the text ends before a character of `end`.
fn spaces(text: &str, end: impl Fn(char) -> bool) -> usize {
    let len = run(text, is_space);
    let last = text[..len].chars().next_back().map_or(0, char::len_utf8);
    if len == last || text[len..].chars().next().is_none_or(end) {
        len
    } else {
        len - last
    }
}

/// `'s|'t|'re|'ve|'m|'ll|'d`, the characters folded.
fn contraction(text: &str, fold: impl Fn(char) -> char) -> Option<usize> {
    let rest = text.strip_prefix('\'')?;
    let mut chars = rest.chars();
    let first = chars.next()?;
    let second = chars.next().map(&fold);
    match (fold(first), second) {
        ('s' | 't' | 'm' | 'd', _) => Some(1 + first.len_utf8()),
        ('r' | 'v', Some('e')) | ('l', Some('l')) => Some(3),
        _ => None,
    }
}

/// Unicode's simple case folding, as far as contractions need it.
fn fold(c: char) -> char {
    match c {
        'ſ' => 's',
        _ => c.to_ascii_lowercase(),
    }
}

/// The length of the leading characters of a class.
fn run(text: &str, class: impl Fn(char) -> bool) -> usize {
    text.find(|c| !class(c)).unwrap_or(text.len())
}

fn is_newline(c: char) -> bool {
    matches!(c, '\r' | '\n')
}

fn is_other(c: char) -> bool {
    !is_space(c) && !is_letter(c) && !is_number(c)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::String;
    use std::vec::Vec;

    use fancy_regex::Regex;
    use proptest::prelude::*;

    use super::{gpt2, is_letter, is_number, is_space, llama3};

    const GPT2: &str =
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// Text in which the expressions' cases meet, and any text at all.
    fn text() -> impl Strategy<Value = String> {
        let dense = prop::collection::vec(
            prop::sample::select(
                &[
                    "'", "s", "S", "ſ", "t", "re", "vE", "ll", "L", "d", " ", "  ", "\n", "\r\n",
                    "\t", "\u{a0}", "\u{85}", "1", "23", "٣", "½", "a", "é", "你", "!", "_", "🦀",
                    "\u{301}", "\u{3000}",
                ][..],
            ),
            0..16,
        )
        .prop_map(|parts| parts.concat());
        prop_oneof![dense, any::<String>()]
    }

    fn split(text: &str, first: impl Fn(&str) -> usize) -> Vec<&str> {
        let mut words = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (word, after) = rest.split_at(first(rest));
            words.push(word);
            rest = after;
        }
        words
    }

    fn matches<'t>(regex: &Regex, text: &'t str) -> Vec<&'t str> {
        regex
            .find_iter(text)
            .map(|found| found.unwrap().as_str())
            .collect()
    }

    #[test]
    fn scanners_equal_the_regular_expressions() {
        let [gpt2_regex, llama3_regex, qwen2_regex, digit] =
            [GPT2, LLAMA3, QWEN2, r"\p{N}|\P{N}+"].map(|regex| Regex::new(regex).unwrap());
        let config = ProptestConfig {
            cases: 4096,
            ..ProptestConfig::default()
        };
        proptest!(config, |(text in text())| {
            prop_assert_eq!(split(&text, |t| gpt2(t, false, false)), matches(&gpt2_regex, &text));
            prop_assert_eq!(split(&text, |t| llama3(t, 3)), matches(&llama3_regex, &text));
            prop_assert_eq!(split(&text, |t| llama3(t, 1)), matches(&qwen2_regex, &text));
            let smollm: Vec<&str> = matches(&digit, &text)
                .into_iter()
                .flat_map(|part| matches(&gpt2_regex, part))
                .collect();
            prop_assert_eq!(split(&text, |t| gpt2(t, true, false)), smollm);
            let text = text.replace('\u{130}', "");
            let lower: String = text.chars().flat_map(char::to_lowercase).collect();
            let words = split(&text, |t| gpt2(t, false, true));
            let words: Vec<String> = words
                .into_iter()
                .map(|word| word.chars().flat_map(char::to_lowercase).collect())
                .collect();
            prop_assert_eq!(words, matches(&gpt2_regex, &lower));
        });
    }

    /// What the scanner relies on to read the text as it was.
    #[test]
    fn small_letters_are_of_the_same_class() {
        for c in (0..=0x10_ffff)
            .filter_map(char::from_u32)
            .filter(|&c| c != '\u{130}')
        {
            let mut small = c.to_lowercase();
            let (Some(first), None) = (small.next(), small.next()) else {
                panic!("{c:?} becomes more than one character");
            };
            let classes = |c| (is_letter(c), is_number(c), is_space(c));
            // Characters newer than the tables are of no class, but their small letters may be.
            if classes(c) != (false, false, false) {
                assert_eq!(classes(c), classes(first), "{c:?}");
            }
        }
    }
}
