//! The generated struct of weights, as slices of the files that hold them.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::graph::{Argument, Memory, Tensors};
use crate::program::{Matrix, Operation, Program};

use super::literal::number;
use super::model::{LayerKind, Layers};
use super::step::row_bytes;
use super::weights::Weights;

/// The weights as the pass takes them: a struct of slices, and its value.
pub(super) fn network(program: &Program, layers: &Layers<'_>, weights: &Weights) -> TokenStream {
    let values = |operations: &[Operation]| values(program, weights, operations);
    let tables = &program.code.tables;
    let (table_fields, table_values): (Vec<_>, Vec<_>) = tables
        .iter()
        .map(|table| {
            let name = format_ident!("{}", table.name);
            let slice = weights.slice(program, &table.rows.part);
            (quote!(#name: &'w [u8]), quote!(#name: #slice))
        })
        .unzip();
    let rows = tables.iter().map(|table| {
        let doc = format!(" Bytes of a position's row of `{}`.", table.name);
        let (name, bytes) = (row_bytes(table), number(table.row * size_of::<f32>()));
        quote! {
            #[doc = #doc]
            const #name: usize = #bytes;
        }
    });
    let embedding = values(&program.code.embedding);
    let (count, one) = (number(layers.all.len()), layers.one());
    let of_layers = layers.all.iter().map(|&(operations, kind)| {
        let (name, values) = (layers.kinds[kind].name(), values(operations));
        match one {
            Some(_) => quote!(#name { #values }),
            None => quote!(AnyLayer::#name(#name { #values })),
        }
    });
    let layer = one.map_or_else(|| format_ident!("AnyLayer"), LayerKind::name);
    let head = values(&program.code.head);
    let value = weights.network(
        program,
        &quote! {
            Network {
                #(#table_values,)*
                embedding: Embedding { #embedding },
                layers: [#(#of_layers),*],
                head: Head { #head },
            }
        },
    );
    quote! {
        /// The weights, as the pass takes them, and tables of a row for each position.
        pub(crate) struct Network<'w> {
            #(#table_fields,)*
            embedding: Embedding<'w>,
            layers: [#layer<'w>; #count],
            head: Head<'w>,
        }

        #(#rows)*

        /// A range of a weight file's bytes.
        const fn slice(file: &[u8], range: Range<usize>) -> &[u8] {
            file.split_at(range.end).0.split_at(range.start).1
        }

        #value
    }
}

/// What a stage's operations hold: its name, its type, and its value.
struct Held {
    name: String,
    kind: TokenStream,
    value: TokenStream,
}

/// The fields of the weights of some operations.
pub(super) fn fields(
    program: &Program,
    weights: &Weights,
    operations: &[Operation],
) -> TokenStream {
    let fields = held(program, weights, operations).into_iter().map(|held| {
        let (name, kind) = (format_ident!("{}", held.name), held.kind);
        quote!(#name: #kind)
    });
    quote!(#(#fields),*)
}

fn values(program: &Program, weights: &Weights, operations: &[Operation]) -> TokenStream {
    let values = held(program, weights, operations).into_iter().map(|held| {
        let (name, value) = (format_ident!("{}", held.name), held.value);
        quote!(#name: #value)
    });
    quote!(#(#values),*)
}

/// What operations hold, each once.
fn held(program: &Program, weights: &Weights, operations: &[Operation]) -> Vec<Held> {
    let mut all: Vec<Held> = Vec::new();
    for (_, argument) in operations.iter().flat_map(Operation::arguments) {
        let held = match argument {
            Argument::Tensors(Tensors::Vector(vector)) => Held {
                name: vector.name.clone(),
                kind: quote!(&'w [u8]),
                value: weights.slice(program, &vector.part),
            },
            Argument::Tensors(Tensors::Matrix(matrix) | Tensors::Lookup(matrix)) => {
                let count = number(matrix.parts.len());
                Held {
                    name: matrix.name.clone(),
                    kind: quote!([&'w [u8]; #count]),
                    value: parts(program, weights, matrix),
                }
            }
            Argument::Memory(Memory::State(kept)) => {
                let value = number(kept.start);
                Held {
                    name: "state".to_owned(),
                    kind: quote!(usize),
                    value: quote!(#value),
                }
            }
            Argument::Values(_)
            | Argument::Tensors(Tensors::Table(_))
            | Argument::Number(_)
            | Argument::Size(_)
            | Argument::Heads(_) => continue,
        };
        if all.iter().all(|known| known.name != held.name) {
            all.push(held);
        }
    }
    all
}

fn parts(program: &Program, weights: &Weights, matrix: &Matrix) -> TokenStream {
    let parts = matrix.parts.iter().map(|part| weights.slice(program, part));
    quote!([#(#parts),*])
}
