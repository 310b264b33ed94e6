//! A model card, README.md, as far as its front matter speaks of licence and origin; and the texts of
//! licences beside it.

use std::collections::BTreeMap;

use crate::model::{Licence, LicenceFile};

use super::Folder;

const CARD: &str = "README.md";

/// The most bytes of a front matter that are looked at.
const MOST_FRONT_MATTER: usize = 1 << 16;

/// The longest text of a licence that is copied, in bytes, and how many.
const MOST_TEXT: usize = 1 << 20;
const MOST_FILES: usize = 16;

/// How names of files with terms begin, in capital letters.
const TERMS: [&str; 5] = ["LICENSE", "LICENCE", "NOTICE", "COPYING", "USE_POLICY"];

/// Whether a file of this name has terms.
fn is_terms(name: &str) -> bool {
    let capital = name.to_ascii_uppercase();
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    TERMS.iter().any(|start| capital.starts_with(start)) && name.chars().all(fits)
}

/// What a folder says of its licence. A file that is no text says nothing.
pub(super) fn read(folder: Folder<'_>) -> Licence {
    let mut licence = match folder.text(CARD, MOST_FRONT_MATTER) {
        Some(card) => from_card(&card),
        None => Licence::default(),
    };
    let names = folder.names().into_iter().filter(|name| is_terms(name));
    for name in names.take(MOST_FILES) {
        // One byte more shows that it is longer.
        match folder.text(&name, MOST_TEXT + 1) {
            Some(text) if text.len() <= MOST_TEXT && is_text(&text) => {
                licence.files.push(LicenceFile { name, text });
            }
            _ => licence.not_copied.push(name),
        }
    }
    licence
}

/// Whether nothing in it acts on a terminal.
fn is_text(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}'))
}

fn from_card(card: &str) -> Licence {
    let mut fields = front_matter(card);
    let mut one = |key: &str| fields.remove(key).map(|texts| texts.join(", "));
    Licence {
        id: one("license"),
        name: one("license_name"),
        link: one("license_link"),
        bases: fields.remove("base_model").unwrap_or_default(),
        ..Licence::default()
    }
}

/// The keys of the YAML between the first two lines `---`, with their texts: one, or those of a list.
/// What is nested, or goes over several lines, is left out.
fn front_matter(card: &str) -> BTreeMap<&str, Vec<String>> {
    let mut fields: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut lines = card.trim_start_matches('\u{feff}').lines();
    if lines.next().map(str::trim_end) != Some("---") {
        return fields;
    }
    let mut list = None;
    for line in lines.take_while(|line| line.trim_end() != "---") {
        if let Some(item) = line.trim_start().strip_prefix("- ") {
            let items = list.and_then(|key| fields.get_mut(key));
            items
                .into_iter()
                .for_each(|items| items.extend(scalar(item)));
        } else if let Some((key, value)) = line.split_once(':')
            && !key.starts_with(char::is_whitespace)
        {
            let value = value.trim();
            let inner = value
                .strip_prefix('[')
                .and_then(|value| value.strip_suffix(']'));
            let values = match inner {
                Some(inner) => inner.split(',').filter_map(scalar).collect(),
                None => scalar(value).into_iter().collect(),
            };
            list = value.is_empty().then_some(key);
            fields.insert(key, values);
        } else {
            list = None;
        }
    }
    fields.retain(|_, values| !values.is_empty());
    fields
}

/// A plain or quoted text of one line.
fn scalar(text: &str) -> Option<String> {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.split_once(quote).map(|(quoted, _)| quoted.to_owned());
        }
    }
    let plain = text
        .split_once(" #")
        .map_or(text, |(before, _)| before.trim_end());
    let is_more = plain.starts_with(['|', '>', '&', '*', '!', '{', '[', '#']) || plain == "null";
    (!plain.is_empty() && !is_more).then(|| plain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_matter_has_texts_and_lists() {
        let card = "---\r\nlicense: apache-2.0 # as the code\nlicense_name: 'a: b'\n\
                    base_model:\n- one/first\n  - \"one/second\"\ntags: [a, 'b']\n\
                    widget:\n  license: mit\nprompt: >-\n  license: gpl\n  text\nempty:\n---\nlicense: mit\n";
        let found = front_matter(card);
        let text = |key: &str| found.get(key).map(|texts| texts.join("|"));
        assert_eq!(text("license").as_deref(), Some("apache-2.0"));
        assert_eq!(text("license_name").as_deref(), Some("a: b"));
        assert_eq!(text("base_model").as_deref(), Some("one/first|one/second"));
        assert_eq!(text("tags").as_deref(), Some("a|b"));
        assert_eq!(found.len(), 4, "{found:?}");
        for none in ["", "license: mit\n", "# Title\n---\nlicense: mit\n---\n"] {
            assert!(front_matter(none).is_empty());
        }
    }

    #[test]
    fn terms_are_known_by_their_names() {
        for name in [
            "LICENSE",
            "license.txt",
            "LICENCE.md",
            "Notice.txt",
            "USE_POLICY.md",
        ] {
            assert!(is_terms(name), "{name}");
        }
        for name in [
            "README.md",
            "my-license",
            "LICENSE/x",
            "LICENSE\n",
            "LICENSE é",
        ] {
            assert!(!is_terms(name), "{name}");
        }
    }
}
