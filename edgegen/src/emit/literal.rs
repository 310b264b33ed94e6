//! Numbers and names as tokens, as people write them.

use proc_macro2::{Ident, Literal, Span};

/// A name in the style of constants.
pub(super) fn constant(name: &str) -> Ident {
    Ident::new(&name.to_uppercase(), Span::call_site())
}

/// A number without a suffix, with separators.
pub(super) fn number(value: usize) -> Literal {
    grouped(&value.to_string(), 3, "")
}

/// A hash: hexadecimal, in groups of four.
pub(super) fn hex(value: u64) -> Literal {
    grouped(&format!("{value:016x}"), 4, "0x")
}

/// The shortest decimal that is this f32 and no other; it must be finite and positive.
pub(super) fn float(value: f32) -> Literal {
    format!("{value:e}").parse().expect("digits are a literal")
}

fn grouped(digits: &str, size: usize, prefix: &str) -> Literal {
    let mut text = String::from(prefix);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(size) {
            text.push('_');
        }
        text.push(digit);
    }
    text.parse().expect("digits are a literal")
}
