//! Where the generated code finds the weights.

use edgegen_templates::weight_file::{HEADER_BYTES, MAGIC, VERSION, hash};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::program::{Part, Program, joined};

use super::literal::{constant, number};

/// Where the generated code finds the weight files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weights {
    /// In `weights/` beside `src/`.
    InCrate,
    /// In a folder, by absolute path: for the macro.
    InFolder(String),
    /// In one file that is opened at run time; the tables alone are in `weights/`.
    Apart,
}

impl Weights {
    /// The path that `include_bytes!` gets.
    pub(super) fn path(&self, file: &str) -> String {
        match self {
            Self::InCrate | Self::Apart => format!("../weights/{file}"),
            Self::InFolder(folder) => format!("{folder}/{file}"),
        }
    }

    /// The templates for them.
    pub(super) fn templates(&self) -> &'static edgegen_templates::Placement {
        match self {
            Self::InCrate | Self::InFolder(_) => &edgegen_templates::EMBEDDED,
            Self::Apart => &edgegen_templates::EXTERNAL,
        }
    }

    /// Bytes on the device: weights, with the header of their file, and tables.
    pub(super) fn flash_bytes(&self, program: &Program) -> usize {
        match self {
            Self::InCrate | Self::InFolder(_) => program.flash_bytes(),
            Self::Apart => {
                program.flash_bytes() - program.files.total_bytes() + file_bytes(program)
            }
        }
    }

    /// The bytes of a part, as an expression.
    pub(super) fn slice(&self, program: &Program, part: &Part) -> TokenStream {
        let file = &program.files.files()[part.file].name;
        let file = match self {
            Self::InCrate | Self::InFolder(_) => {
                let name = name(file);
                quote!(&#name.0)
            }
            Self::Apart => {
                let name = local(file);
                quote!(#name)
            }
        };
        let (start, end) = (number(part.range.start), number(part.range.end));
        quote!(slice(#file, #start..#end))
    }

    /// The network of these weights: a static, or a function of the file's content.
    pub(super) fn network(&self, program: &Program, value: &TokenStream) -> TokenStream {
        match self {
            Self::InCrate | Self::InFolder(_) => {
                let statics = self.statics(program);
                quote! {
                    #statics
                    pub(crate) static NETWORK: Network<'static> = #value;
                }
            }
            Self::Apart => {
                let files = program.files.files().iter().zip(places(program));
                let files = files.map(|(file, start)| {
                    let name = local(&file.name);
                    let (start, end) = (number(start), number(start + file.bytes.len()));
                    quote!(let #name = slice(file, #start..#end);)
                });
                quote! {
                    impl<'w> Network<'w> {
                        /// Of the content of a file that was checked.
                        pub(crate) fn new(file: &'w [u8]) -> Self {
                            #(#files)*
                            #value
                        }
                    }
                }
            }
        }
    }

    /// One aligned static for each file.
    fn statics(&self, program: &Program) -> TokenStream {
        let statics = program.files.files().iter().map(|file| {
            let name = name(&file.name);
            let len = number(file.bytes.len());
            let path = self.path(&format!("{}.bin", file.name));
            quote! {
                static #name: Aligned<[u8; #len]> = Aligned(*include_bytes!(#path));
            }
        });
        quote! {
            /// Weights at the start of a cache line.
            #[repr(C, align(64))]
            struct Aligned<T>(T);

            #(#statics)*
        }
    }
}

/// The static that holds a weight file.
fn name(file: &str) -> Ident {
    constant(&format!("{file}_file"))
}

/// The variable that holds what would be a weight file in the one file of all.
fn local(file: &str) -> Ident {
    format_ident!("{file}_file")
}

fn places(program: &Program) -> Vec<usize> {
    joined(program.files.lens())
}

/// Bytes of the file that holds all weights.
pub(super) fn file_bytes(program: &Program) -> usize {
    places(program)[program.files.files().len()]
}

/// The file that holds all weights, as `weight_file.rs` describes it.
pub(super) fn file(program: &Program) -> Vec<u8> {
    let mut bytes = vec![0; file_bytes(program)];
    for (file, start) in program.files.files().iter().zip(places(program)) {
        bytes[start..][..file.bytes.len()].copy_from_slice(&file.bytes);
    }
    let (header, weights) = bytes.split_at_mut(HEADER_BYTES);
    let len = (HEADER_BYTES + weights.len()) as u64;
    let fields = [VERSION, program.digest(), len, hash(weights)].map(u64::to_le_bytes);
    for (place, field) in header
        .as_chunks_mut()
        .0
        .iter_mut()
        .zip([MAGIC].iter().chain(&fields))
    {
        *place = *field;
    }
    bytes
}
