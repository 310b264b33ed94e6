//! Under which terms a model's weights are, and what these terms want said.

use serde::Serialize;

use crate::plain::plain;

use super::MOST_NAME;

/// The most bytes of a licence's name, an address or an author.
const MOST: usize = MOST_NAME;

/// What a model's files, or an adapter's, say of their licence and where they are from. Texts are as
/// stated, each in one line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Licence {
    /// What it is of.
    pub of: String,
    /// The hub's identifier, such as `apache-2.0` or `gemma`; `other` where `name` says more.
    pub id: Option<String>,
    /// The name of a licence that has no identifier.
    pub name: Option<String>,
    /// Where its text is.
    pub link: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Where it is from.
    pub source: Option<String>,
    /// What it was made from.
    pub bases: Vec<String>,
    /// Texts that came with it.
    pub files: Vec<LicenceFile>,
    /// Names of files that came with it and are no texts that can be copied.
    pub not_copied: Vec<String>,
}

/// A licence's text, or a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LicenceFile {
    /// The file's name, of letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// All of it.
    #[serde(skip)]
    pub text: String,
}

/// Identifiers of licences, and what they want to stand in a text file beside copies, or to be shown.
///
/// Sources: Llama 2, 3, 3.1, 3.2 and 3.3 Community License Agreement, section 1.b; Gemma Terms of Use,
/// section 3.1.
const NOTICES: [(&str, &[&str]); 6] = [
    (
        "gemma",
        &[
            "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms",
        ],
    ),
    (
        "llama2",
        &[
            "Llama 2 is licensed under the LLAMA 2 Community License, Copyright (c) Meta Platforms, Inc. All \
           Rights Reserved.",
        ],
    ),
    (
        "llama3",
        &[
            "Built with Meta Llama 3",
            "Meta Llama 3 is licensed under the Meta Llama 3 Community License, Copyright © Meta Platforms, \
             Inc. All Rights Reserved.",
        ],
    ),
    (
        "llama3.1",
        &[
            "Built with Llama",
            "Llama 3.1 is licensed under the Llama 3.1 Community License, Copyright © Meta Platforms, Inc. \
             All Rights Reserved.",
        ],
    ),
    (
        "llama3.2",
        &[
            "Built with Llama",
            "Llama 3.2 is licensed under the Llama 3.2 Community License, Copyright © Meta Platforms, Inc. \
             All Rights Reserved.",
        ],
    ),
    (
        "llama3.3",
        &[
            "Built with Llama",
            "Llama 3.3 is licensed under the Llama 3.3 Community License, Copyright © Meta Platforms, Inc. \
             All Rights Reserved.",
        ],
    ),
];

impl Licence {
    /// The same with texts that are fit to be shown, and without those that say nothing.
    pub(super) fn shown(self) -> Self {
        let line = |text: String| plain(text.trim(), MOST);
        let stated = |text: Option<String>| text.map(line).filter(|text| !text.is_empty());
        Self {
            of: line(self.of),
            id: stated(self.id),
            name: stated(self.name),
            link: stated(self.link),
            author: stated(self.author),
            source: stated(self.source),
            bases: self
                .bases
                .into_iter()
                .filter_map(|base| stated(Some(base)))
                .collect(),
            files: self.files,
            not_copied: self.not_copied.into_iter().map(line).collect(),
        }
    }

    /// What the licence is called, if anything says so.
    pub fn stated(&self) -> Option<&str> {
        match (self.id.as_deref(), &self.name) {
            (None | Some("other" | "unknown"), Some(name)) => Some(name),
            (Some("unknown"), None) => None,
            (id, _) => id,
        }
    }

    /// What the licence wants to be said, if it is known here to want that.
    pub fn notices(&self) -> &'static [&'static str] {
        let stated = self.stated().unwrap_or_default().to_lowercase();
        let found = NOTICES.into_iter().find(|(id, _)| *id == stated);
        found.map_or(&[], |(_, notices)| notices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_counts_where_the_identifier_says_nothing() {
        let notices = |id: Option<&str>, name: Option<&str>| {
            let licence = Licence {
                id: id.map(str::to_owned),
                name: name.map(str::to_owned),
                ..Licence::default()
            };
            licence.notices().len()
        };
        assert_eq!(notices(Some("llama3.2"), None), 2);
        assert_eq!(notices(Some("other"), Some("Gemma")), 1);
        assert_eq!(notices(None, Some("llama2")), 1);
        assert_eq!(notices(Some("mit"), Some("llama2")), 0);
        assert_eq!(notices(Some("other"), None), 0);
        assert_eq!(notices(Some("unknown"), Some("Gemma")), 1);
        assert_eq!(notices(None, None), 0);
    }
}
