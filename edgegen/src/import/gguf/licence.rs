//! What GGUF's metadata says of the licence and where the model is from.

use super::metadata::Metadata;
use crate::error::Result;
use crate::model::Licence;

/// The most models that a model may be made from: a merge of more would be odd.
const MOST_BASES: usize = 16;

/// Where a model is from: the first that is there, that of the model itself before its source's.
const SOURCES: [&str; 6] = [
    "general.repo_url",
    "general.url",
    "general.huggingface.repository",
    "general.source.repo_url",
    "general.source.url",
    "general.source.huggingface.repository",
];

/// Reads the keys `general.license` and their like (ggml's docs/gguf.md).
pub(super) fn read(metadata: &Metadata) -> Result<Licence> {
    let text = |key: &str| metadata.shown(key).map(str::to_owned);
    let first = |keys: &[&str]| keys.iter().find_map(|key| text(key));
    let count = metadata.size("general.base_model.count")?.unwrap_or(0);
    let mut bases = Vec::new();
    for at in 0..count.min(MOST_BASES) {
        let key = |part: &str| format!("general.base_model.{at}.{part}");
        bases.extend(first(&[&key("repo_url"), &key("url"), &key("name")]));
    }
    Ok(Licence {
        id: text("general.license"),
        name: text("general.license.name"),
        link: text("general.license.link"),
        author: first(&["general.author", "general.organization"]),
        source: first(&SOURCES),
        bases,
        ..Licence::default()
    })
}
