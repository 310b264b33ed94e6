//! The terms of a crate: those of its code, and those of its weights.

use std::fmt::Write;

use crate::model::Licence;
use crate::program::Program;

/// The terms of the code, as an SPDX expression.
pub(super) const CODE: &str = env!("CARGO_PKG_LICENSE");

/// Where the texts of a licence are.
fn folder(of: usize) -> String {
    match of {
        0 => "licences/model".into(),
        adapter => format!("licences/adapter-{adapter}"),
    }
}

/// Path and text of the files with terms.
pub(super) fn files(program: &Program) -> Vec<(String, String)> {
    let licences = program.provenance.licences.iter().enumerate();
    let copied = licences.flat_map(|(at, licence)| {
        let files = licence.files.iter();
        files.map(move |file| (format!("{}/{}", folder(at), file.name), file.text.clone()))
    });
    let own = [
        ("LICENSE-MIT", include_str!("../../LICENSE-MIT").to_owned()),
        (
            "LICENSE-APACHE",
            include_str!("../../LICENSE-APACHE").to_owned(),
        ),
        ("NOTICE", notice(program)),
    ];
    let own = own.map(|(path, text)| (path.to_owned(), text));
    own.into_iter().chain(copied).collect()
}

/// `NOTICE`: what must go with copies of the crate, and of programs that hold it.
fn notice(program: &Program) -> String {
    let provenance = &program.provenance;
    let mut text = "The code and the weights of this crate are under terms of their own. Give this file to \
                    whom you\ngive the crate or a program with it.\n\n\
                    The code: kernels and templates of edgegen, at your choice under the MIT licence\n\
                    (LICENSE-MIT) or the Apache License, Version 2.0 (LICENSE-APACHE).\n"
        .to_owned();
    for (at, licence) in provenance.licences.iter().enumerate() {
        let what = match at {
            0 => "The weights",
            _ => "The LoRA adapter in the weights",
        };
        let _ = write!(text, "\n{what}: {}\n", licence.of);
        text += &terms(licence, &folder(at));
    }
    text += "\nedgegen changed the weights: they are stored in another form, and compressed as README.md says.\n";
    text
}

/// The terms of weights.
fn terms(licence: &Licence, folder: &str) -> String {
    let mut text = String::new();
    let mut row = |what: &str, value: &str| {
        let _ = writeln!(text, "  {what:<10} {value}");
    };
    match licence.stated() {
        Some(stated) => row("licence", stated),
        None => row(
            "licence",
            "not stated: find it out before you pass the weights on",
        ),
    }
    for (what, value) in [
        ("its text", &licence.link),
        ("made by", &licence.author),
        ("from", &licence.source),
    ] {
        value.iter().for_each(|value| row(what, value));
    }
    licence.bases.iter().for_each(|base| row("made from", base));
    for file in &licence.files {
        row("text", &format!("{folder}/{}", file.name));
    }
    for name in &licence.not_copied {
        row(
            "not here",
            &format!(
                "{name}, which is no text, a long one or a link to elsewhere: ship it as well"
            ),
        );
    }
    for notice in licence.notices() {
        let _ = write!(text, "\n{notice}\n");
    }
    text
}
