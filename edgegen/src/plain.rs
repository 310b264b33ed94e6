//! Text from files, made fit for a line of a terminal, a message or a document.

/// One line without hidden effects: control characters, line breaks and what turns or hides text
/// are written as in Rust (`\u{1b}`), and of more than `most` bytes the middle is left out.
pub(crate) fn plain(text: &str, most: usize) -> String {
    if text.len() <= most {
        return escaped(text);
    }
    let head = text.floor_char_boundary(most / 3 * 2);
    let tail = text.ceil_char_boundary(text.len() - most / 3);
    format!("{} … {}", escaped(&text[..head]), escaped(&text[tail..]))
}

fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// Whether a character does something in place of being seen: controls, line separators, joiners,
/// directions, and tags.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Plain text as Markdown shows it, also at the beginning of a line and in a table.
pub(crate) fn markdown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let after = rest.peek().copied().unwrap_or(' ');
        let marks = match c {
            '_' => !(before.is_alphanumeric() && after.is_alphanumeric()),
            '.' | ')' => after == ' ' && shown.bytes().all(|byte| byte.is_ascii_digit()),
            '-' | '+' | '=' => shown.is_empty(),
            _ => "\\`*[]<>|&~#!$".contains(c),
        };
        if marks {
            shown.push('\\');
        }
        shown.push(c);
        before = c;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_acts_is_spelled_out() {
        for (text, line) in [
            ("naïve 中文 नमस्ते", "naïve 中文 नमस्ते"),
            ("a\u{1b}[2Jb", r"a\u{1b}[2Jb"),
            ("ok\nerror: no\r\0\t", r"ok\nerror: no\r\u{0}\t"),
            (
                "a\u{202e}b\u{2066}c\u{200b}",
                r"a\u{202e}b\u{2066}c\u{200b}",
            ),
            ("\u{9b}31m\u{2028}", r"\u{9b}31m\u{2028}"),
        ] {
            assert_eq!(plain(text, 100), line);
        }
    }

    #[test]
    fn of_a_long_text_both_ends_are_seen() {
        let text = format!("first{}last", "é".repeat(1 << 20));
        let line = plain(&text, 30);
        assert!(
            line.starts_with("firsté") && line.ends_with("élast"),
            "{line}"
        );
        assert!(line.contains(" … ") && line.len() < 40, "{line}");
    }

    #[test]
    fn markdown_shows_what_is_there() {
        for (text, shown) in [
            ("SmolLM2_135M v1.1 (q4)", "SmolLM2_135M v1.1 (q4)"),
            ("a | <b>&amp; `c`", r"a \| \<b\>\&amp; \`c\`"),
            ("![x](y) *z* __w__", r"\!\[x\](y) \*z\* \_\_w\_\_"),
            ("# a", r"\# a"),
            ("- a - b", r"\- a - b"),
            ("1. a", r"1\. a"),
        ] {
            assert_eq!(markdown(text), shown);
        }
    }

    proptest! {
        #[test]
        fn no_text_acts_and_none_is_long(text in any::<String>(), most in 0usize..60) {
            let line = plain(&text, most);
            prop_assert!(!line.chars().any(|c| c.is_control() || acts(c)));
            // The longest form of a character is `\u{e0001}`, of three bytes or more.
            prop_assert!(line.len() <= 10 * most + 5);
        }
    }
}
