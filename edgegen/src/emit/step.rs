//! Operations as code of the generated crate.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::graph::{Argument, Call, Memory, Tensors};
use crate::program::{Code, Operation, Place, Placed, Program, StateShape, Table, WeightFormat};

use super::literal::{constant, float, number};

/// The names of the places in the arena, as constants.
pub(super) struct Places(BTreeMap<Place, Ident>);

impl Places {
    /// Those of a program's operations. Places of one name that differ are numbered.
    pub(super) fn of(program: &Program) -> Self {
        let mut names = BTreeMap::new();
        let mut taken = BTreeMap::new();
        let stages = [&program.code.residual, &program.code.logits].into_iter();
        let of_operations = program
            .code
            .operations()
            .flat_map(|operation| operation.values().map(|values| values.place()));
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
    pub(super) fn constants(&self, code: &Code) -> TokenStream {
        let mut places: Vec<_> = self.0.iter().collect();
        places.sort_by_key(|(place, _)| (place.start, place.len));
        let constants = places.into_iter().map(|(place, name)| {
            let (start, end) = (number(place.start), number(place.start + place.len));
            let stride = number(place.stride);
            let value = quote!(Place::new(#start..#end, #stride));
            // The two that all models have, and the pass looks at.
            let doc = match place {
                place if *place == code.residual => " The residual stream.",
                place if *place == code.logits => " The logits.",
                _ => return quote!(const #name: Place = #value;),
            };
            quote! {
                #[doc = #doc]
                pub(crate) const #name: Place = #value;
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
                let types = format_of(operation).map(|format| {
                    let format = format_type(format);
                    quote!(::<#format, _>)
                });
                let values = arguments.iter().map(|(_, argument)| self.value(argument));
                let values = window(operation).into_iter().chain(values);
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
            match argument {
                Argument::Values(of) => {
                    values.push(name);
                    places.push(self.name(of.place()));
                }
                argument => {
                    let value = self.value(argument);
                    constants.push(quote!(#name: #value));
                    if matches!(argument, Argument::Tensors(Tensors::Table(_))) {
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
            Argument::Values(values) => {
                let name = self.name(values.place());
                quote!(#name)
            }
            Argument::Tensors(Tensors::Vector(vector)) => {
                let name = format_ident!("{}", vector.name);
                quote!(weights.#name)
            }
            Argument::Tensors(Tensors::Matrix(matrix)) => {
                let (name, blocks) = (format_ident!("{}", matrix.name), number(matrix.blocks()));
                quote!(&weights.#name, Const::<#blocks>)
            }
            Argument::Tensors(Tensors::Lookup(matrix)) => {
                let (name, blocks) = (format_ident!("{}", matrix.name), number(matrix.blocks()));
                quote!(&weights.#name, Const::<#blocks>, tokens)
            }
            Argument::Tensors(Tensors::Table(table)) => {
                let (name, bytes) = (format_ident!("{}", table.name), row_bytes(table));
                quote!(row(network.#name, #bytes, position))
            }
            Argument::Memory(Memory::State(kept)) => {
                let cache = cache(kept.shape);
                quote!(#cache.at(weights.state))
            }
            Argument::Number(value) => {
                let value = float(*value);
                quote!(#value)
            }
            Argument::Size(size) => {
                let size = number(*size);
                quote!(Const::<#size>)
            }
            Argument::Heads(shape) => {
                let cap = match shape.cap {
                    None => quote!(None),
                    Some(cap) => {
                        let cap = float(cap);
                        quote!(Some(#cap))
                    }
                };
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
                        cap: #cap,
                    }
                }
            }
        }
    }
}

/// The constant for the shape of a layer's part of the KV cache.
pub(super) fn cache(shape: StateShape) -> Ident {
    match shape.window {
        Some(window) => format_ident!("CACHE_{window}"),
        None => format_ident!("CACHE"),
    }
}

/// The constant for the bytes of a table's row.
pub(super) fn row_bytes(table: &Table) -> Ident {
    constant(&format!("{}_row_bytes", table.name))
}

/// Whether some operations read tables.
pub(super) fn reads_tables(operations: &[Operation]) -> bool {
    let mut tensors = operations.iter().flat_map(Operation::tensors);
    tensors.any(|tensors| matches!(tensors, Tensors::Table(_)))
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

/// The window of an attention: a type, so that nothing is left of windows where there are none.
fn window(operation: &Operation) -> Option<TokenStream> {
    let Operation::Attention { state, .. } = operation else {
        return None;
    };
    Some(match state.shape.window {
        None => quote!(All),
        Some(window) => {
            let window = number(window);
            quote!(Const::<#window>)
        }
    })
}

/// The formats of weights in use, widest first.
pub(super) fn formats(program: &Program) -> Vec<WeightFormat> {
    let formats: BTreeSet<WeightFormat> = program.code.operations().flat_map(format_of).collect();
    formats.into_iter().collect()
}

/// The type of a format.
pub(super) fn format_type(format: WeightFormat) -> Ident {
    format_ident!("{}", format.name().to_uppercase())
}

/// The format of the weights that an operation reads.
fn format_of(operation: &Operation) -> Option<WeightFormat> {
    operation.tensors().find_map(|tensors| match tensors {
        Tensors::Matrix(matrix) | Tensors::Lookup(matrix) => Some(matrix.format),
        Tensors::Vector(_) | Tensors::Table(_) => None,
    })
}
