//! The statics that hold the weight files.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::program::Program;

use super::model::{constant, number};

/// Where the generated code finds the weight files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weights {
    /// In `weights/` beside `src/`.
    InCrate,
    /// In a folder, by absolute path: for the macro.
    InFolder(String),
}

impl Weights {
    /// The path that `include_bytes!` gets.
    pub(super) fn path(&self, file: &str) -> String {
        match self {
            Self::InCrate => format!("../weights/{file}"),
            Self::InFolder(folder) => format!("{folder}/{file}"),
        }
    }
}

/// The static that holds a weight file.
pub(super) fn name(file: &str) -> Ident {
    constant(&format!("{file}_file"))
}

/// One aligned static for each file.
pub(super) fn statics(program: &Program, weights: &Weights) -> TokenStream {
    let statics = program.files.files().iter().map(|file| {
        let name = name(&file.name);
        let len = number(file.bytes.len());
        let path = weights.path(&format!("{}.bin", file.name));
        quote! {
            static #name: Aligned<[u8; #len]> = Aligned(*include_bytes!(#path));
        }
    });
    quote! {
        /// Weights at the start of a cache line.
        #[repr(C, align(64))]
        struct Aligned<T>(T);

        /// `len` bytes of a weight file.
        const fn slice(file: &'static [u8], start: usize, len: usize) -> &'static [u8] {
            file.split_at(start).1.split_at(len).0
        }

        #(#statics)*
    }
}
