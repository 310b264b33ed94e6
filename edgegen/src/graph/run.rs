//! Running operations: what a machine must offer, and what each kind of argument asks of it.

use std::borrow::Cow;

use runtime_kernels::Isa;

use super::Heads;
use super::kinds::{In, Kind, Out, References, Scratch, Table, Update, Vector, kind};

/// Runs operations.
pub(crate) trait Machine<'w, R: References> {
    /// The instruction set.
    type Isa: Isa;
    /// Where a token's part of a value is.
    type Place: Copy;

    fn input(&self, of: &R::In) -> Self::Place;
    fn output(&self, of: &R::Out) -> Self::Place;
    fn update(&self, of: &R::Update) -> Self::Place;
    fn scratch(&self, of: &R::Scratch) -> Self::Place;

    /// Little-endian f32.
    fn vector(&self, of: &R::Vector) -> Cow<'w, [u8]>;

    /// Little-endian f32, a row for each position.
    fn table(&self, of: &R::Table) -> Rows<'w>;

    /// Runs a kernel on each token: on its values, and by its position.
    fn rows<const N: usize>(
        &mut self,
        places: [Self::Place; N],
        kernel: impl Fn(Self::Isa, usize, [&mut [f32]; N]) + Sync,
    );

    fn embed(&mut self, matrix: &R::Lookup, out: &R::Out);
    fn quantize(&mut self, input: &R::In, shared: &usize);
    fn mat_mul(&mut self, matrix: &R::Matrix, input: &R::In, out: &R::Outs);
    fn store(&mut self, state: &R::State, key: &R::In, value: &R::In);
    fn attention(
        &mut self,
        shape: &Heads,
        state: &R::State,
        query: &R::In,
        scores: &R::Scratch,
        out: &R::Out,
    );
}

/// A row for each position.
pub(crate) struct Rows<'w> {
    /// All rows.
    pub(crate) bytes: Cow<'w, [u8]>,
    /// Bytes of a row.
    pub(crate) row: usize,
}

/// Kinds of values that a kernel of rows works on.
pub(crate) trait Operand: Kind {
    fn place<'w, R: References, M: Machine<'w, R>>(machine: &M, of: &Self::Of<R>) -> M::Place;
}

macro_rules! operands {
    ($($Kind:ident $place:ident),*) => {
        $(impl Operand for $Kind {
            fn place<'w, R: References, M: Machine<'w, R>>(
                machine: &M,
                of: &Self::Of<R>,
            ) -> M::Place {
                machine.$place(of)
            }
        })*
    };
}

operands!(In input, Out output, Update update, Scratch scratch);

/// Kinds of constants that a kernel of rows is given.
pub(crate) trait Constant: Kind {
    /// For all tokens.
    type Ready<'w>: Sync;
    /// For the token at a position.
    type At<'a>;

    fn ready<'w, R: References>(machine: &impl Machine<'w, R>, of: &Self::Of<R>)
    -> Self::Ready<'w>;

    fn at<'a>(ready: &'a Self::Ready<'_>, position: usize) -> Self::At<'a>;
}

impl Constant for Vector {
    type Ready<'w> = Cow<'w, [u8]>;
    type At<'a> = &'a [u8];

    fn ready<'w, R: References>(
        machine: &impl Machine<'w, R>,
        of: &Self::Of<R>,
    ) -> Self::Ready<'w> {
        machine.vector(of)
    }

    fn at<'a>(ready: &'a Self::Ready<'_>, _: usize) -> &'a [u8] {
        ready
    }
}

impl Constant for Table {
    type Ready<'w> = Rows<'w>;
    type At<'a> = &'a [u8];

    fn ready<'w, R: References>(
        machine: &impl Machine<'w, R>,
        of: &Self::Of<R>,
    ) -> Self::Ready<'w> {
        machine.table(of)
    }

    fn at<'a>(ready: &'a Self::Ready<'_>, position: usize) -> &'a [u8] {
        &ready.bytes[position * ready.row..][..ready.row]
    }
}

macro_rules! plain {
    ($($Kind:ident $of:ty),*) => {
        $(impl Constant for kind::$Kind {
            type Ready<'w> = $of;
            type At<'a> = $of;

            fn ready<'w, R: References>(_: &impl Machine<'w, R>, of: &$of) -> $of {
                *of
            }

            fn at(ready: &$of, _: usize) -> $of {
                *ready
            }
        })*
    };
}

plain!(Number f32, Size usize);
