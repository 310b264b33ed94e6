//! The generated struct of weights, as slices of the files that hold them.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::program::{Matrix, Operation, Program};

use super::model::{Run, number};
use super::weights::Weights;

/// The weights as the pass takes them: a struct of slices, and its value.
pub(super) fn network(program: &Program, runs: &[Run<'_>], weights: &Weights) -> TokenStream {
    let operations = |operations: &[Operation]| -> TokenStream {
        let values = operations
            .iter()
            .filter_map(|operation| value(program, weights, operation));
        quote!(#(#values),*)
    };
    let rope = weights.slice(program, &program.rope.part);
    let embedding = parts(program, weights, &program.embedding);
    let embedding_parts = number(program.embedding.parts.len());
    let (tables, layers): (Vec<_>, Vec<_>) = runs
        .iter()
        .map(|run| {
            let (kind, table) = (run.kind(), run.table());
            let count = number(run.layers.len());
            let values = run.layers.iter().map(|layer| {
                let values = operations(&layer.operations);
                quote!(#kind { #values })
            });
            (
                quote!(#table: [#kind<'w>; #count]),
                quote!(#table: [#(#values),*]),
            )
        })
        .unzip();
    let head_fields = program.head.iter().filter_map(field);
    let head = operations(&program.head);
    let value = weights.network(
        program,
        &quote! {
            Network {
                rope: #rope,
                embedding: #embedding,
                #(#layers,)*
                head: Head { #head },
            }
        },
    );
    quote! {
        /// The weights, as the pass takes them.
        pub(crate) struct Network<'w> {
            /// Rotations: `[position][cos, sin][pair]`.
            rope: &'w [u8],
            embedding: [&'w [u8]; #embedding_parts],
            #(#tables,)*
            head: Head<'w>,
        }

        /// The weights after the last layer.
        struct Head<'w> { #(#head_fields),* }

        /// `len` bytes of a weight file.
        const fn slice(file: &[u8], start: usize, len: usize) -> &[u8] {
            file.split_at(start).1.split_at(len).0
        }

        #value
    }
}

/// The field for an operation's weights, if it has any.
pub(super) fn field(operation: &Operation) -> Option<TokenStream> {
    Some(match operation {
        Operation::RmsNorm { name, .. } | Operation::AddBias { name, .. } => {
            let name = format_ident!("{name}");
            quote!(#name: &'w [u8])
        }
        Operation::MatMul { name, matrix, .. } => {
            let (name, parts) = (format_ident!("{name}"), number(matrix.parts.len()));
            quote!(#name: [&'w [u8]; #parts])
        }
        _ => return None,
    })
}

fn value(program: &Program, weights: &Weights, operation: &Operation) -> Option<TokenStream> {
    Some(match operation {
        Operation::RmsNorm {
            name, gain: vector, ..
        }
        | Operation::AddBias {
            name, bias: vector, ..
        } => {
            let name = format_ident!("{name}");
            let slice = weights.slice(program, &vector.part);
            quote!(#name: #slice)
        }
        Operation::MatMul { name, matrix, .. } => {
            let (name, parts) = (format_ident!("{name}"), parts(program, weights, matrix));
            quote!(#name: #parts)
        }
        _ => return None,
    })
}

fn parts(program: &Program, weights: &Weights, matrix: &Matrix) -> TokenStream {
    let parts = matrix.parts.iter().map(|part| weights.slice(program, part));
    quote!([#(#parts),*])
}
