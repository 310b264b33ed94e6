//! The Rust files of a generated crate, and the same as one module for the macro.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::plan::instruction_sets;
use crate::profile::Profile;
use crate::program::{Golden, Program};

use super::weights::Weights;
use super::{Options, isa, model, root, settings, tables};

/// Everything that the Rust files depend on.
pub(super) struct Source<'a> {
    pub(super) program: &'a Program,
    pub(super) golden: &'a Golden,
    pub(super) profile: &'a Profile,
    pub(super) options: &'a Options,
    pub(super) weights: Weights,
}

/// Modules that need `std`.
const STD: [&str; 1] = ["crew"];
/// Modules whose items not every model uses.
const PARTLY_USED: [&str; 4] = ["chat", "frame", "team", "tokenizer"];

impl Source<'_> {
    /// Path and text of every file below `src`, `benches` and `tests`.
    pub(super) fn files(&self) -> BTreeMap<String, String> {
        let name = self.options.name.replace('-', "_");
        let fill = |text: &str| text.replace("{{crate}}", &name);
        let mut files: BTreeMap<String, String> = self
            .modules()
            .into_iter()
            .map(|(path, text)| (format!("src/{path}"), text))
            .collect();
        for (path, text) in edgegen_templates::PROGRAM {
            files.insert((*path).to_owned(), fill(text));
        }
        files.insert("src/lib.rs".into(), self.library());
        files
    }

    /// The files of the library's modules, by path below `src`.
    fn modules(&self) -> BTreeMap<String, String> {
        let sets = instruction_sets(self.profile);
        let settings = settings(self.profile, self.options, self.weights.clone());
        let mut files = BTreeMap::from([
            (
                "model.rs".to_owned(),
                print(model::model(self.program, self.golden, &settings)),
            ),
            ("isa.rs".to_owned(), print(isa::isa(&sets))),
            (
                "tables.rs".to_owned(),
                print(tables::tables(self.program, &self.weights)),
            ),
        ]);
        for (path, text) in edgegen_templates::FILES {
            files.insert((*path).to_owned(), (*text).to_owned());
        }
        for (path, text) in isa::kernels(&sets, &model::formats(self.program)) {
            files.insert(format!("kernels/{path}"), text);
        }
        files
    }

    fn library(&self) -> String {
        let modules = self.modules();
        let names = top_level(&modules);
        let declarations = names.iter().map(|name| {
            let ident = format_ident!("{name}");
            let attributes = attributes(name);
            let forbid = (name != "kernels").then(|| quote!(#[forbid(unsafe_code)]));
            let visibility = public(name).then(|| quote!(pub));
            quote! { #attributes #forbid #visibility mod #ident; }
        });
        let items = root::items(
            self.program,
            self.profile,
            self.options,
            &quote!(#(#declarations)*),
        );
        let about = format!(
            " {}, compiled by edgegen {}.",
            self.program.provenance.model,
            env!("CARGO_PKG_VERSION")
        );
        print(quote! {
            #![doc = #about]
            //!
            //! [`Session`] is a conversation with the model; `README.md` says what is inside.
            #![no_std]
            #![warn(missing_docs)]

            #[cfg(feature = "std")]
            extern crate std;

            #items
        })
    }

    /// The library as the content of one module: for the macro.
    fn module(&self) -> TokenStream {
        let modules = self.modules();
        let names = top_level(&modules);
        let declarations = names.iter().map(|name| {
            let visibility = public(name).then(|| quote!(pub));
            let attributes = attributes(name);
            let body = inline(&modules, name);
            let ident = format_ident!("{name}");
            quote! { #attributes #visibility mod #ident { #body } }
        });
        root::items(
            self.program,
            self.profile,
            self.options,
            &quote!(#(#declarations)*),
        )
    }
}

/// The same code as [`emit`](super::emit) writes, as the content of a module.
/// Weights are included from `folder`, which must hold
/// [`weight_files`](super::weight_files).
pub fn module(
    program: &Program,
    golden: &Golden,
    profile: &Profile,
    options: &Options,
    folder: &str,
) -> TokenStream {
    let source = Source {
        program,
        golden,
        profile,
        options,
        weights: Weights::InFolder(folder.to_owned()),
    };
    resolve_features(source.module(), profile.std())
}

/// Modules that users reach.
fn public(name: &str) -> bool {
    matches!(name, "tokenizer" | "chat")
}

fn attributes(name: &str) -> TokenStream {
    let std = STD.contains(&name).then(|| quote!(#[cfg(feature = "std")]));
    let allow = PARTLY_USED
        .contains(&name)
        .then(|| quote!(#[allow(dead_code, reason = "not every model uses all of it")]));
    quote!(#std #allow)
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

/// A module's file with the files of its own modules in place.
fn inline(modules: &BTreeMap<String, String>, path: &str) -> TokenStream {
    let text = modules
        .get(&format!("{path}.rs"))
        .or_else(|| modules.get(&format!("{path}/mod.rs")))
        .expect("every declared module has a file");
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

/// Formats tokens, under a header.
fn print(tokens: TokenStream) -> String {
    let file = syn::parse2(tokens).expect("the emitter's tokens are Rust");
    prettyplease::unparse(&file)
}
