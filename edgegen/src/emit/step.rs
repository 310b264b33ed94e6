//! Operations as code of the generated crate.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::graph::{Argument, Call};
use crate::program::{Operation, Place, Placed, Program, WeightFormat};

use super::literal::{constant, float, number};

/// The names of the places in the arena, as constants.
pub(super) struct Places(BTreeMap<Place, Ident>);

impl Places {
    /// Those of a program's operations. Places of one name that differ are numbered.
    pub(super) fn of(program: &Program) -> Self {
        let mut names = BTreeMap::new();
        let mut taken = BTreeMap::new();
        let stages = [&program.code.residual, &program.code.logits].into_iter();
        let of_operations = program.code.operations().flat_map(places);
        for place in stages.chain(of_operations) {
            if !names.contains_key(place) {
                let count = taken.entry(place.name.as_str()).or_insert(0);
                *count += 1;
                let name = match count {
                    1 => place.name.clone(),
                    count => format!("{}_{count}", place.name),
                };
                names.insert(place.clone(), constant(&name));
            }
        }
        Self(names)
    }

    /// A place's constant.
    pub(super) fn name(&self, place: &Place) -> &Ident {
        &self.0[place]
    }

    /// The constants, as they lie in the arena.
    pub(super) fn constants(&self) -> TokenStream {
        let mut places: Vec<_> = self.0.iter().collect();
        places.sort_by_key(|(place, _)| (place.start, place.len));
        let constants = places.into_iter().map(|(place, name)| {
            let (start, stride, len) =
                (number(place.start), number(place.stride), number(place.len));
            quote! {
                const #name: Place = Place::new(#start, #stride, #len);
            }
        });
        constants.collect()
    }

    /// An operation on `frame`.
    pub(super) fn step(&self, operation: &Operation) -> TokenStream {
        let arguments = operation.arguments();
        match operation.call() {
            Call::Kernel(kernel) => self.kernel(&format_ident!("{kernel}"), &arguments),
            Call::Method(method) => {
                let method = format_ident!("{method}");
                let format = arguments
                    .iter()
                    .find_map(|(_, argument)| format_of(argument));
                let types = format.map(|format| {
                    let format = format_type(format);
                    quote!(::<#format, _>)
                });
                let values = arguments.iter().map(|(_, argument)| self.value(argument));
                quote! { frame.#method #types(#(#values),*); }
            }
        }
    }

    fn kernel(
        &self,
        kernel: &Ident,
        arguments: &[(&'static str, Argument<'_, Placed>)],
    ) -> TokenStream {
        let mut values = Vec::new();
        let mut places = Vec::new();
        let mut constants = Vec::new();
        let mut position = quote!(_);
        for (name, argument) in arguments {
            let name = format_ident!("{name}");
            match place(argument) {
                Some(place) => {
                    values.push(name);
                    places.push(self.name(place));
                }
                None => {
                    let value = self.value(argument);
                    constants.push(quote!(#name: #value));
                    if matches!(argument, Argument::Table(_)) {
                        position = quote!(position);
                    }
                }
            }
        }
        quote! {
            frame.rows([#(#places),*], |isa, #position, [#(#values),*]| {
                isa.run(#kernel { #(#values,)* #(#constants),* });
            });
        }
    }

    /// An argument of a method, or a constant of a kernel.
    fn value(&self, argument: &Argument<'_, Placed>) -> TokenStream {
        match argument {
            Argument::In(place)
            | Argument::Out(place)
            | Argument::Update(place)
            | Argument::Outs(place)
            | Argument::Scratch(place) => {
                let name = self.name(place);
                quote!(#name)
            }
            Argument::Vector(vector) => {
                let name = format_ident!("{}", vector.name);
                quote!(weights.#name)
            }
            Argument::Matrix(matrix) => {
                let (name, blocks) = (format_ident!("{}", matrix.name), number(matrix.blocks()));
                quote!(&weights.#name, Const::<#blocks>)
            }
            Argument::Lookup(matrix) => {
                let (name, blocks) = (format_ident!("{}", matrix.name), number(matrix.blocks()));
                quote!(&weights.#name, Const::<#blocks>, tokens)
            }
            Argument::Table(table) => {
                let name = format_ident!("{}", table.name);
                let bytes = number(table.row * size_of::<f32>());
                quote!(row(network.#name, #bytes, position))
            }
            Argument::State(_) => quote!(CACHE, weights.state),
            Argument::Number(value) => {
                let value = float(*value);
                quote!(#value)
            }
            Argument::Size(size) => {
                let size = number(*size);
                quote!(Const::<#size>)
            }
            Argument::Heads(shape) => {
                let (heads, head_dim, heads_per_kv, scale) = (
                    number(shape.heads),
                    number(shape.head_dim),
                    number(shape.heads_per_kv),
                    float(shape.scale),
                );
                quote! {
                    AttentionShape {
                        heads: #heads,
                        head_dim: Const::<#head_dim>,
                        heads_per_kv: Const::<#heads_per_kv>,
                        scale: #scale,
                    }
                }
            }
        }
    }
}

/// What a function of some operations needs beside the frame and the weights.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    /// Tables, which are the network's.
    pub(super) network: bool,
    /// The tokens' ids.
    pub(super) tokens: bool,
}

impl Needs {
    pub(super) fn of(operations: &[Operation]) -> Self {
        let mut needs = Self::default();
        for (_, argument) in operations.iter().flat_map(Operation::arguments) {
            needs.network |= matches!(argument, Argument::Table(_));
            needs.tokens |= matches!(argument, Argument::Lookup(_));
        }
        needs
    }
}

/// The kernels of a program that compute a token from its own values.
pub(super) fn kernels(program: &Program) -> BTreeSet<&'static str> {
    let calls = program.code.operations().map(Operation::call);
    calls
        .filter_map(|call| match call {
            Call::Kernel(kernel) => Some(kernel),
            Call::Method(_) => None,
        })
        .collect()
}

/// The formats of weights in use, widest first.
pub(super) fn formats(program: &Program) -> Vec<WeightFormat> {
    let arguments = program.code.operations().flat_map(Operation::arguments);
    let formats: BTreeSet<WeightFormat> = arguments
        .filter_map(|(_, argument)| format_of(&argument))
        .collect();
    formats.into_iter().collect()
}

/// The type of a format.
pub(super) fn format_type(format: WeightFormat) -> Ident {
    format_ident!("{}", format.name().to_uppercase())
}

fn format_of(argument: &Argument<'_, Placed>) -> Option<WeightFormat> {
    match argument {
        Argument::Matrix(matrix) | Argument::Lookup(matrix) => Some(matrix.format),
        _ => None,
    }
}

fn places(operation: &Operation) -> impl Iterator<Item = &Place> {
    let arguments = operation.arguments().into_iter();
    arguments.filter_map(|(_, argument)| place(&argument))
}

fn place<'a>(argument: &Argument<'a, Placed>) -> Option<&'a Place> {
    match argument {
        Argument::In(place)
        | Argument::Out(place)
        | Argument::Update(place)
        | Argument::Outs(place)
        | Argument::Scratch(place) => Some(place),
        Argument::Vector(_)
        | Argument::Matrix(_)
        | Argument::Lookup(_)
        | Argument::Table(_)
        | Argument::State(_)
        | Argument::Number(_)
        | Argument::Size(_)
        | Argument::Heads(_) => None,
    }
}
