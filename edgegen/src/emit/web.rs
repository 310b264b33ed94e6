//! The package for web browsers around a crate.

use serde_json::json;

use crate::program::{Golden, Program};

use super::Options;

/// Path and text of its files.
pub(super) fn files(
    program: &Program,
    golden: &Golden,
    options: &Options,
) -> Vec<(String, String)> {
    let fill = |text: &str| text.replace("{{package}}", &options.name);
    let mut files: Vec<(String, String)> = edgegen_templates::WEB
        .iter()
        .map(|(path, text)| ((*path).to_owned(), fill(text)))
        .collect();
    // The weights are in the order in which the network uses them.
    let weights: Vec<String> = super::weight_files(program).map(|(name, _)| name).collect();
    let model = json!({
        "name": options.name,
        "hash": format!("{:016x}", golden.logits),
        "chat": program.chat.is_some(),
        "files": weights,
    });
    files.push(("web/model.json".into(), format!("{model:#}\n")));
    files
}
