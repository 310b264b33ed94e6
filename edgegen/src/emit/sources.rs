//! The Rust files of a generated crate, and the same as one module for the macro.

use std::collections::BTreeMap;
use std::fmt::Write;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::plain::markdown;
use crate::profile::Profile;
use crate::program::{Golden, Program};

use super::weights::Weights;
use super::{Options, isa, model, root, settings, step, tables};

/// Everything that the Rust files depend on.
pub(super) struct Source<'a> {
    pub(super) program: &'a Program,
    pub(super) golden: &'a Golden,
    pub(super) profile: &'a Profile,
    pub(super) options: &'a Options,
    pub(super) weights: Weights,
}

/// Modules that need `std`.
const STD: [&str; 3] = ["completion", "crew", "mapping"];
/// Modules that cannot do without `unsafe`.
const UNSAFE: [&str; 2] = ["kernels", "mapping"];
/// Modules whose items not every model uses.
const PARTLY_USED: [&str; 5] = ["chat", "frame", "grammar", "team", "tokenizer"];

impl Source<'_> {
    /// Path and text of every file below `src`, `benches` and `tests`.
    pub(super) fn files(&self) -> BTreeMap<String, String> {
        let name = self.options.name.replace('-', "_");
        let templates = self.weights.templates();
        let fill = |path: &str, text: &str| {
            // The benchmarks are a package in a folder of their own.
            let root = if path.starts_with("benches/") {
                ".."
            } else {
                "."
            };
            text.replace("{{session}}", templates.session)
                .replace("{{root}}", root)
                .replace("{{crate}}", &name)
        };
        let modules = self.modules();
        let library = self.library(&modules);
        let mut files: BTreeMap<String, String> = modules
            .into_iter()
            .map(|(path, text)| (format!("src/{path}"), text))
            .collect();
        for (path, text) in edgegen_templates::PROGRAM.iter().chain(templates.program) {
            files.insert((*path).to_owned(), fill(path, text));
        }
        files.insert("src/lib.rs".into(), library);
        files
    }

    /// The files of the library's modules, by path below `src`.
    fn modules(&self) -> BTreeMap<String, String> {
        let sets = self.profile.instruction_sets();
        let settings = settings(self.profile, self.options, self.weights.clone());
        let mut files = BTreeMap::from([
            (
                "model.rs".to_owned(),
                print(model::model(self.program, self.golden, &settings)),
            ),
            (
                "isa.rs".to_owned(),
                print(isa::isa(&sets, self.profile.target())),
            ),
            (
                "tables.rs".to_owned(),
                print(tables::tables(self.program, &self.weights)),
            ),
        ]);
        let templates = self.weights.templates();
        for (path, text) in edgegen_templates::FILES.iter().chain(templates.files) {
            files.insert((*path).to_owned(), without_tests(text));
        }
        files.insert(
            "tokenizer/known.rs".to_owned(),
            print(tables::known(self.program)),
        );
        let needed = isa::Needed {
            sets: &sets,
            formats: &step::formats(self.program),
            cache: self.program.shapes.kv_cache,
            rows: step::kernels(self.program),
        };
        for (path, text) in isa::kernels(&needed) {
            files.insert(format!("kernels/{path}"), text);
        }
        files
    }

    /// `lib.rs`, which declares the modules.
    fn library(&self, modules: &BTreeMap<String, String>) -> String {
        let names = top_level(modules);
        let mut text = format!(
            "//! {}, compiled by edgegen {}.\n//!\n\
             //! [`Session`] is a conversation with the model; `README.md` says what is inside.\n//!\n",
            markdown(&self.program.provenance.model),
            env!("CARGO_PKG_VERSION")
        );
        text.push_str(&root::example(self.options));
        text.push_str(
            "//!\n//! # Modules\n//!\n\
             //! Stepping into an answer leads through `generation`, `session`, `isa`, `pass`, `model`,\n\
             //! `frame`, `team` and `kernels`, in this order.\n//!\n",
        );
        for name in &names {
            let _ = writeln!(text, "//! - `{name}`: {}", summary(file(modules, name)));
        }
        text.push_str(
            "#![no_std]\n#![warn(missing_docs)]\n\n\
             #[cfg(feature = \"std\")]\nextern crate std;\n\n",
        );
        for name in &names {
            if !UNSAFE.contains(&name.as_str()) {
                text.push_str("#[forbid(unsafe_code)]\n");
            }
            let visibility = if public(name) { "pub " } else { "" };
            text.push_str(&attributes(name));
            text.push_str(&format!("{visibility}mod {name};\n"));
        }
        text.push('\n');
        text.push_str(&root::items(self.program, self.profile, self.options));
        text
    }

    /// The library as the content of one module: for the macro.
    fn module(&self) -> TokenStream {
        let modules = self.modules();
        let names = top_level(&modules);
        let declarations = names.iter().map(|name| {
            let visibility = public(name).then(|| quote!(pub));
            let attributes: TokenStream = attributes(name).parse().expect("attributes are Rust");
            let body = inline(&modules, name);
            let ident = format_ident!("{name}");
            quote! { #attributes #visibility mod #ident { #body } }
        });
        let items: TokenStream = root::items(self.program, self.profile, self.options)
            .parse()
            .expect("items are Rust");
        quote! {
            #![allow(
                dead_code,
                unused_imports,
                missing_docs,
                clippy::all,
                clippy::pedantic,
                reason = "generated by edgegen"
            )]
            #(#declarations)*
            #items
        }
    }
}

/// The same code as [`emit`](super::emit) writes, as the content of a module.
/// Weights are included from `folder`, which must hold [`weight_files`](super::weight_files).
pub fn module(
    program: &Program,
    golden: &Golden,
    profile: &Profile,
    options: &Options,
    folder: &str,
) -> String {
    let source = Source {
        program,
        golden,
        profile,
        options,
        weights: Weights::InFolder(folder.to_owned()),
    };
    print(resolve_features(source.module(), profile.std()))
}

/// Modules that users reach.
fn public(name: &str) -> bool {
    matches!(name, "tokenizer" | "chat")
}

/// Modules that are generated: formatted, but not as rustfmt would.
const GENERATED: [&str; 3] = ["isa", "model", "tables"];

fn attributes(name: &str) -> String {
    let mut text = String::new();
    if STD.contains(&name) {
        text.push_str("#[cfg(feature = \"std\")]\n");
    }
    if PARTLY_USED.contains(&name) {
        text.push_str("#[allow(dead_code, reason = \"not every model uses all of it\")]\n");
    }
    if GENERATED.contains(&name) {
        text.push_str("#[rustfmt::skip]\n");
    }
    text
}

/// Names of the modules right below the root.
fn top_level(modules: &BTreeMap<String, String>) -> Vec<String> {
    let mut names: Vec<String> = modules
        .keys()
        .map(|path| match path.split_once('/') {
            Some((folder, _)) => folder.to_owned(),
            None => path.trim_end_matches(".rs").to_owned(),
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The text of a module.
fn file<'a>(modules: &'a BTreeMap<String, String>, path: &str) -> &'a str {
    modules
        .get(&format!("{path}.rs"))
        .or_else(|| modules.get(&format!("{path}/mod.rs")))
        .expect("every declared module has a file")
}

/// The sentence that a module begins with.
fn summary(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("//! ")
}

/// A module's file with the files of its own modules in place.
fn inline(modules: &BTreeMap<String, String>, path: &str) -> TokenStream {
    let text = file(modules, path);
    let mut file: syn::File = syn::parse_str(text).expect("the emitter's files are Rust");
    place(modules, path, &mut file.items);
    let (attributes, items) = (file.attrs, file.items);
    quote!(#(#attributes)* #(#items)*)
}

fn place(modules: &BTreeMap<String, String>, path: &str, items: &mut [syn::Item]) {
    for item in items {
        let syn::Item::Mod(module) = item else {
            continue;
        };
        let below = format!("{path}/{}", module.ident);
        match &mut module.content {
            Some((_, items)) => place(modules, &below, items),
            None => {
                let body = inline(modules, &below);
                let (attributes, visibility, ident) = (&module.attrs, &module.vis, &module.ident);
                *item = syn::parse_quote! {
                    #(#attributes)* #visibility mod #ident { #body }
                };
            }
        }
    }
}

/// A feature of the generated crate is no feature of the macro's user: whether
/// there is `std` is known here.
fn resolve_features(tokens: TokenStream, std: bool) -> TokenStream {
    let (yes, no) = ("all ()", "any ()");
    let text = tokens.to_string();
    let value = if std { yes } else { no };
    text.replace("feature = \"std\"", value)
        .parse()
        .expect("tokens stay tokens")
}

/// A template without its unit tests, which stand last and need what the crate has not.
pub(super) fn without_tests(text: &str) -> String {
    match text.split_once("\n#[cfg(test)]\n") {
        Some((code, _)) => code.to_owned(),
        None => text.to_owned(),
    }
}

/// Formats tokens, with a blank line before each item that is more than a line.
fn print(tokens: TokenStream) -> String {
    let file = syn::parse2(tokens).expect("the emitter's tokens are Rust");
    let mut text = String::new();
    let mut previous = "";
    for line in prettyplease::unparse(&file).lines() {
        let attribute = |line: &str| line.starts_with("///") || line.starts_with("#[");
        let begins = attribute(line)
            || [
                "fn ",
                "const fn ",
                "pub fn ",
                "pub(crate) ",
                "impl",
                "struct ",
                "static ",
                "use ",
            ]
            .iter()
            .any(|start| line.starts_with(start));
        let continues = attribute(previous)
            || ["static ", "use "]
                .iter()
                .any(|start| line.starts_with(start) && previous.starts_with(start));
        if begins && !continues && !previous.is_empty() {
            text.push('\n');
        }
        text.push_str(line);
        text.push('\n');
        previous = line;
    }
    text
}
