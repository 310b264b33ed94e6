//! Words of three expressions, one after another: digits, Chinese and Japanese, then the rest.

use super::class::Class;
use super::split::{Characters, digits, is_newline, lines_or_spaces, signs};
use super::unicode::{is_letter, is_number, is_space};

/// Hunyuan's and DeepSeek 3's. The text is cut at `\p{N}{1,3}`, its parts at
/// `[一-龥\u3040-\u30ff]+`, and their parts at
/// `[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
///
/// What no expression matches is a word too.
pub(super) fn hunyuan(text: impl Characters, class: impl Fn(char) -> Class) -> usize {
    if let digits @ 1.. = digits(&text, 3) {
        return digits;
    }
    let eastern = text.begins(is_chinese_or_japanese);
    let ends = |c| is_number(c) || is_chinese_or_japanese(c) != eastern;
    let is_part = |c| !ends(c) && (is_letter(c) || class(c) == Class::Mark);
    let is_sign = |c| !ends(c) && class(c) == Class::Sign;
    let rest = text.after(1);
    match text.first() {
        Some(c) if c.is_ascii_punctuation() && rest.begins(|c| c.is_ascii_alphabetic()) => {
            return 1 + rest.run(|c| c.is_ascii_alphabetic());
        }
        Some(c) if is_part(c) => return text.run(is_part),
        Some(c) if !is_newline(c) && !is_sign(c) && rest.begins(is_part) => {
            return 1 + rest.run(is_part);
        }
        _ => {}
    }
    if let signs @ 1.. = signs(&text, is_sign, |c| is_newline(c) && !ends(c)) {
        return signs;
    }
    if text.begins(is_space) {
        return lines_or_spaces(&text, ends);
    }
    let others = text.run(|c| !ends(c) && !is_part(c) && !is_sign(c) && !is_space(c));
    match text.after(others).begins(is_part) {
        // The last one belongs to the word that follows.
        true => others.saturating_sub(1),
        false => others,
    }
}

fn is_chinese_or_japanese(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fa5}' | '\u{3040}'..='\u{30ff}')
}
