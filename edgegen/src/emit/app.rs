//! The packages around a crate for developers of apps.

use serde_json::json;

use crate::profile::{App, Profile};
use crate::program::{Golden, Program};

use super::Options;

/// Path and text of their files.
pub(super) fn files(
    program: &Program,
    golden: &Golden,
    profile: &Profile,
    options: &Options,
) -> Vec<(String, String)> {
    let Some(app) = profile.app() else {
        return Vec::new();
    };
    let templates = match app {
        App::Browser => edgegen_templates::WEB,
        App::Android => edgegen_templates::ANDROID,
        App::Ios => edgegen_templates::IOS,
    };
    let library = options.name.replace('-', "_");
    let fill = |text: &str| {
        text.replace("{{package}}", &options.name)
            .replace("{{crate}}", &library)
            .replace("{{target}}", profile.target())
            .replace("{{abi}}", abi(profile.target()))
    };
    let mut files: Vec<(String, String)> = templates
        .iter()
        .map(|(path, text)| ((*path).to_owned(), fill(text)))
        .collect();
    if app == App::Browser {
        // The weights are in the order in which the network uses them.
        let weights: Vec<String> = super::weight_files(program).map(|(name, _)| name).collect();
        let model = json!({
            "name": options.name,
            "hash": format!("{:016x}", golden.logits),
            "chat": program.chat.is_some(),
            "files": weights,
        });
        files.push(("web/model.json".into(), format!("{model:#}\n")));
    }
    files
}

/// The name that Android has for a target's architecture.
fn abi(target: &str) -> &'static str {
    match target.split('-').next() {
        Some("x86_64") => "x86_64",
        Some("i686") => "x86",
        Some("aarch64") => "arm64-v8a",
        _ => "armeabi-v7a",
    }
}
