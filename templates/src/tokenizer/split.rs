//! The pre-tokenizers' regular expressions as scanners: each returns how many characters the first
//! match has, which are never none of a text that has any.

use super::class::Class;
use super::unicode::{is_digit, is_letter, is_number, is_space};

/// The characters of a text, read from the front.
pub(super) trait Characters: Iterator<Item = char> + Clone {
    /// The first character.
    fn first(&self) -> Option<char> {
        self.clone().next()
    }

    /// Whether the first character is of a class.
    fn begins(&self, class: impl FnOnce(char) -> bool) -> bool {
        self.first().is_some_and(class)
    }

    /// What follows so many characters.
    fn after(&self, count: usize) -> Self {
        let mut rest = self.clone();
        rest.by_ref().take(count).for_each(drop);
        rest
    }

    /// How many characters of a class the text begins with.
    fn run(&self, class: impl Fn(char) -> bool) -> usize {
        self.clone().take_while(|&c| class(c)).count()
    }
}

impl<T: Iterator<Item = char> + Clone> Characters for T {}

/// GPT-2:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
///
/// With `lone_digits` the text is cut around each digit first (SmolLM). With `lowercase` the
/// matches are those of the text with small letters; U+0130 alone becomes two characters then, and
/// only beside it a word may be cut otherwise.
pub(super) fn gpt2(text: impl Characters, lone_digits: bool, lowercase: bool) -> usize {
    let lone = |c| lone_digits && is_digit(c);
    let small = |c: char| {
        if lowercase { c.to_ascii_lowercase() } else { c }
    };
    if let Some(len) = contraction(&text, small) {
        return len;
    }
    let skipped = usize::from(text.begins(|c| c == ' '));
    let rest = text.after(skipped);
    match rest.first() {
        Some(c) if lone(c) && skipped == 0 => 1,
        Some(c) if lone(c) || is_space(c) => spaces(&text, lone),
        Some(c) if is_letter(c) => skipped + rest.run(is_letter),
        Some(c) if is_number(c) => skipped + rest.run(is_number),
        Some(_) => skipped + rest.run(|c| is_other(c) && !lone(c)),
        None => spaces(&text, lone),
    }
}

/// Llama 3 (three digits) and Qwen 2 (one):
/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
pub(super) fn llama3(text: impl Characters, max_digits: usize) -> usize {
    lettered(text, max_digits, is_letter, is_letter)
}

/// Llama 3's expression where marks belong to words: `(?:\p{L}\p{M}*)+` for `\p{L}+` (EXAONE 4);
/// with `lead`, `[\p{L}\p{M}]` for `\p{L}` wherever a word begins or ends by it (Qwen 3.5).
pub(super) fn marked(text: impl Characters, lead: bool, class: impl Fn(char) -> Class) -> usize {
    let is_part = |c| is_letter(c) || class(c) == Class::Mark;
    match lead {
        true => lettered(text, 1, is_part, is_part),
        false => lettered(text, 1, is_letter, is_part),
    }
}

/// Llama 3's expression with words that begin with a character of `begins` and go on with
/// `continues`.
fn lettered(
    text: impl Characters,
    max_digits: usize,
    begins: impl Fn(char) -> bool,
    continues: impl Fn(char) -> bool,
) -> usize {
    if let Some(len) = contraction(&text, fold) {
        return len;
    }
    let skipped = text.begins(|c| !begins(c) && !is_newline(c) && !is_number(c));
    let skipped = usize::from(skipped);
    let rest = text.after(skipped);
    match rest.begins(&begins) {
        true => skipped + rest.run(continues),
        false => between_words(text, max_digits, begins, is_newline),
    }
}

/// `\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`, with other letters and another
/// class after signs.
pub(super) fn between_words(
    text: impl Characters,
    max_digits: usize,
    is_letter: impl Fn(char) -> bool,
    after_signs: impl Fn(char) -> bool,
) -> usize {
    if let digits @ 1.. = digits(&text, max_digits) {
        return digits;
    }
    let is_sign = |c| !is_space(c) && !is_letter(c) && !is_number(c);
    if let signs @ 1.. = signs(&text, is_sign, after_signs) {
        return signs;
    }
    lines_or_spaces(&text, |_| false)
}

/// `\p{N}{1,3}`, or nothing.
pub(super) fn digits(text: &impl Characters, max: usize) -> usize {
    text.clone().take(max).run(is_number)
}

/// A space or none, signs, and what may follow them, or nothing.
pub(super) fn signs(
    text: &impl Characters,
    is_sign: impl Fn(char) -> bool,
    after: impl Fn(char) -> bool,
) -> usize {
    let skipped = usize::from(text.begins(|c| c == ' '));
    let rest = text.after(skipped);
    match rest.run(is_sign) {
        0 => 0,
        signs => skipped + signs + rest.after(signs).run(after),
    }
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+`, where the text ends before a character of `end`.
pub(super) fn lines_or_spaces(text: &impl Characters, end: impl Fn(char) -> bool) -> usize {
    let spaces_and_lines = text.clone().take_while(|&c| is_space(c));
    let places = spaces_and_lines.zip(1..).filter(|&(c, _)| is_newline(c));
    match places.last() {
        Some((_, newline)) => newline,
        None => spaces(text, end),
    }
}

/// Spaces, then what is up to the next space.
pub(super) fn spaces_then_word(text: &impl Characters, is_space: impl Fn(char) -> bool) -> usize {
    let spaces = text.run(&is_space);
    spaces + text.after(spaces).run(|c| !is_space(c))
}

/// `\s+(?!\S)|\s+`, where the text ends before a character of `end`.
fn spaces(text: &impl Characters, end: impl Fn(char) -> bool) -> usize {
    match text.run(is_space) {
        len @ 2.. if text.after(len).begins(|c| !end(c)) => len - 1,
        len => len,
    }
}

/// `'s|'t|'re|'ve|'m|'ll|'d`, the characters folded.
pub(super) fn contraction(text: &impl Characters, fold: impl Fn(char) -> char) -> Option<usize> {
    let mut chars = text.clone();
    let quote = chars.next();
    quote.filter(|&quote| quote == '\'')?;
    let first = chars.next()?;
    let second = chars.next().map(&fold);
    match (fold(first), second) {
        ('s' | 't' | 'm' | 'd', _) => Some(2),
        ('r' | 'v', Some('e')) | ('l', Some('l')) => Some(3),
        _ => None,
    }
}

/// Unicode's simple case folding, as far as contractions need it.
pub(super) fn fold(c: char) -> char {
    match c {
        'ſ' => 's',
        _ => c.to_ascii_lowercase(),
    }
}

pub(super) fn is_newline(c: char) -> bool {
    matches!(c, '\r' | '\n')
}

fn is_other(c: char) -> bool {
    !is_space(c) && !is_letter(c) && !is_number(c)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::str::Chars;
    use std::string::String;
    use std::vec::Vec;

    use fancy_regex::Regex;
    use proptest::prelude::*;

    use super::{Class, gpt2, is_letter, is_number, is_space, llama3, marked};
    use crate::tokenizer::{cased::cased, hunyuan::hunyuan};

    const GPT2: &str =
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    const DIGIT: &str = r"[\p{N}\x{11de0}-\x{11de9}\x{16ff4}-\x{16ff6}]|[^\p{N}\x{11de0}-\x{11de9}\x{16ff4}-\x{16ff6}]+";
    const EXAONE4: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    const HUNYUAN: [&str; 3] = [
        r"\p{N}{1,3}",
        r"[\u{4e00}-\u{9fa5}\u{3040}-\u{30ff}]+",
        r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
    ];

    /// Characters in which the expressions' cases meet, and any text at all.
    fn text() -> impl Strategy<Value = String> {
        let dense = prop::collection::vec(
            prop::sample::select(
                &[
                    "'",
                    "s",
                    "S",
                    "ſ",
                    "t",
                    "re",
                    "vE",
                    "ll",
                    "L",
                    "d",
                    " ",
                    "  ",
                    "\n",
                    "\r\n",
                    "\t",
                    "\u{a0}",
                    "\u{85}",
                    "1",
                    "23",
                    "٣",
                    "½",
                    "a",
                    "é",
                    "你",
                    "!",
                    "_",
                    "🦀",
                    "\u{301}",
                    "\u{3000}",
                    "\u{903}",
                    "A",
                    "É",
                    "ǅ",
                    "ʰ",
                    "か",
                    "゛",
                    "\u{3099}",
                    "龦",
                    "\u{11de0}",
                    "/",
                    "$",
                    "\u{1}",
                    "\u{200b}",
                    "\u{e000}",
                    "²",
                ][..],
            ),
            0..24,
        )
        .prop_map(|parts| parts.concat());
        prop_oneof![dense, any::<String>()]
    }

    fn split<'t>(text: &'t str, first: impl Fn(Chars<'t>) -> usize) -> Vec<&'t str> {
        let mut words = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let count = first(rest.chars());
            let end = rest.char_indices().nth(count);
            let (word, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
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

    /// The parts that expressions cut one after another, with what is between their matches.
    fn parts<'t>(regexes: &[Regex], text: &'t str) -> Vec<&'t str> {
        let Some((regex, others)) = regexes.split_first() else {
            return [text].into_iter().filter(|text| !text.is_empty()).collect();
        };
        let (mut found, mut at) = (Vec::new(), 0);
        for word in regex.find_iter(text).map(Result::unwrap) {
            found.extend(parts(others, &text[at..word.start()]));
            found.extend(parts(others, word.as_str()));
            at = word.end();
        }
        found.extend(parts(others, &text[at..]));
        found
    }

    /// The classes that a model's table has, by an expression each.
    fn class(classes: &[(Regex, Class)], c: char) -> Class {
        let mut utf8 = [0; 4];
        let text = c.encode_utf8(&mut utf8);
        let found = classes
            .iter()
            .find(|(regex, _)| regex.is_match(text).unwrap());
        found.map_or(Class::Other, |(_, class)| *class)
    }

    #[test]
    fn scanners_with_classes_equal_the_regular_expressions() {
        let [exaone4, qwen35, gpt4o, tekken] =
            [EXAONE4, QWEN35, GPT4O, TEKKEN].map(|regex| Regex::new(regex).unwrap());
        let stages = HUNYUAN.map(|regex| Regex::new(regex).unwrap());
        let all = [
            (r"\p{M}", Class::Mark),
            (r"[\p{P}\p{S}]", Class::Sign),
            (r"[\p{Lu}\p{Lt}]", Class::Capital),
            (r"\p{Ll}", Class::Small),
        ];
        let all = all.map(|(regex, class)| (Regex::new(regex).unwrap(), class));
        let class = |c| class(&all, c);
        let config = ProptestConfig {
            cases: 4096,
            ..ProptestConfig::default()
        };
        proptest!(config, |(text in text())| {
            prop_assert_eq!(split(&text, |t| marked(t, false, class)), matches(&exaone4, &text));
            prop_assert_eq!(split(&text, |t| marked(t, true, class)), matches(&qwen35, &text));
            prop_assert_eq!(split(&text, |t| cased(t, 3, true, class)), matches(&gpt4o, &text));
            prop_assert_eq!(split(&text, |t| cased(t, 1, false, class)), matches(&tekken, &text));
            prop_assert_eq!(split(&text, |t| hunyuan(t, class)), parts(&stages, &text));
        });
    }

    #[test]
    fn scanners_equal_the_regular_expressions() {
        let [gpt2_regex, llama3_regex, qwen2_regex, digit] =
            [GPT2, LLAMA3, QWEN2, DIGIT].map(|regex| Regex::new(regex).unwrap());
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
