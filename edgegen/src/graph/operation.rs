//! The operations of a network, a row each. From the row follow the operation's text, its
//! interpretation, its code, its cost, and what makes two layers alike.

use runtime_kernels::{self as kernels, Isa};

use super::kinds::kind::{Heads, Number, Size};
use super::kinds::{
    Argument, In, Kind, Lookup, Map, Matrix, Out, Outs, References, Scratch, State, Table, Tensors,
    Update, Values, Vector,
};
use super::run::{Constant, Machine, Operand};

/// How an operation is called in the generated crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// A kernel that computes a token from its own values: the name of its type.
    Kernel(&'static str),
    /// A method of the frame.
    Method(&'static str),
}

macro_rules! operations {
    (
        rows { $(
            $(#[$row_meta:meta])*
            $Row:ident: $Kernel:ident [$($value:ident: $Value:ident),*]
                { $($constant:ident: $Constant:ident),* }
        )* }
        calls { $(
            $(#[$call_meta:meta])*
            $Call:ident: $method:ident($($argument:ident: $Argument:ident),*)
        )* }
    ) => {
        /// One step over the tokens of a batch.
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) enum Operation<R: References> {
            $($(#[$row_meta])* $Row {
                $($value: <$Value as Kind>::Of<R>,)*
                $($constant: <$Constant as Kind>::Of<R>,)*
            },)*
            $($(#[$call_meta])* $Call { $($argument: <$Argument as Kind>::Of<R>,)* },)*
        }

        /// The kernels that compute a token from its own values.
        pub(crate) const KERNELS: &[&str] = &[$(stringify!($Kernel)),*];

        impl<R: References> Operation<R> {
            /// How it is called.
            pub(crate) fn call(&self) -> Call {
                match self {
                    $(Self::$Row { .. } => Call::Kernel(stringify!($Kernel)),)*
                    $(Self::$Call { .. } => Call::Method(stringify!($method)),)*
                }
            }

            /// Its name.
            pub(crate) fn name(&self) -> &'static str {
                match self {
                    $(Self::$Row { .. } => stringify!($Row),)*
                    $(Self::$Call { .. } => stringify!($Call),)*
                }
            }

            /// What it is given, by name, in the order of its row.
            pub(crate) fn arguments(&self) -> Vec<(&'static str, Argument<'_, R>)> {
                match self {
                    $(Self::$Row { $($value,)* $($constant,)* } => vec![
                        $((stringify!($value), <$Value as Kind>::argument::<R>($value)),)*
                        $((stringify!($constant), <$Constant as Kind>::argument::<R>($constant)),)*
                    ],)*
                    $(Self::$Call { $($argument,)* } => vec![
                        $((stringify!($argument), <$Argument as Kind>::argument::<R>($argument)),)*
                    ],)*
                }
            }

            /// The same with other references.
            pub(crate) fn map<S: References>(&self, map: &mut impl Map<R, S>) -> Operation<S> {
                match self {
                    $(Self::$Row { $($value,)* $($constant,)* } => Operation::$Row {
                        $($value: <$Value as Kind>::map($value, map),)*
                        $($constant: <$Constant as Kind>::map($constant, map),)*
                    },)*
                    $(Self::$Call { $($argument,)* } => Operation::$Call {
                        $($argument: <$Argument as Kind>::map($argument, map),)*
                    },)*
                }
            }

            /// Runs it.
            pub(crate) fn run<'w, M: Machine<'w, R>>(&self, machine: &mut M) {
                match self {
                    $(Self::$Row { $($value,)* $($constant,)* } => {
                        let places = [$(<$Value as Operand>::place(machine, $value)),*];
                        $(let $constant = <$Constant as Constant>::ready(machine, $constant);)*
                        machine.rows(places, |isa, _position, [$($value),*]| {
                            isa.run(kernels::$Kernel {
                                $($value,)*
                                $($constant: <$Constant as Constant>::at(&$constant, _position),)*
                            });
                        });
                    })*
                    $(Self::$Call { $($argument,)* } => machine.$method($($argument),*),)*
                }
            }
        }
    };
}

impl<R: References> Operation<R> {
    /// The values among what it is given.
    pub(crate) fn values(&self) -> impl Iterator<Item = Values<'_, R>> {
        let arguments = self.arguments().into_iter();
        arguments.filter_map(|(_, argument)| match argument {
            Argument::Values(values) => Some(values),
            _ => None,
        })
    }

    /// The tensors among what it is given.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = Tensors<'_, R>> {
        let arguments = self.arguments().into_iter();
        arguments.filter_map(|(_, argument)| match argument {
            Argument::Tensors(tensors) => Some(tensors),
            _ => None,
        })
    }
}

operations! {
    // Kernels that compute a token from its own values: `Name: Kernel [values] { constants }`, with
    // the names of the kernel's fields.
    rows {
        /// `out = rms_norm(x) * gain`.
        RmsNorm: RmsNorm [x: In, out: Out] { gain: Vector, eps: Number, size: Size }
        /// `x += bias`.
        AddBias: AddBias [x: Update] { bias: Vector }
        /// `out = layer_norm(x) * gain + bias`.
        LayerNorm: LayerNorm [x: In, out: Out] { gain: Vector, bias: Vector, eps: Number, size: Size }
        /// `out = layer_norm(x) * gain`.
        LayerNormGain: LayerNormGain [x: In, out: Out] { gain: Vector, eps: Number, size: Size }
        /// Each head as `rms_norm`.
        HeadNorm: HeadNorm [x: Update] { gain: Vector, eps: Number, heads: Size, head_dim: Size }
        /// Each head as `layer_norm`, with a gain of its own.
        HeadLayerNorm: HeadLayerNorm [x: Update] {
            gain: Vector, eps: Number, heads: Size, head_dim: Size
        }
        /// `x += row` of the token's position.
        AddPosition: AddBias [x: Update] { bias: Table }
        /// Rotates heads by the token's position.
        Rope: Rope [x: Update] { heads: Size, head_dim: Size, half: Size, table: Table }
        /// `out = silu(gate) * up`.
        SiluMul: SiluMul [gate: In, up: In, out: Out] {}
        /// `out = gelu(gate) * up`.
        GeluMul: GeluMul [gate: In, up: In, out: Out] {}
        /// `out = max(0, gate)² * up`.
        Relu2Mul: Relu2Mul [gate: In, up: In, out: Out] {}
        /// `x = gelu(x)` by `tanh`.
        Gelu: Gelu [x: Update] {}
        /// `x = gelu(x)` by `erf`.
        GeluErf: GeluErf [x: Update] {}
        /// `x = max(0, x)²`.
        Relu2: Relu2 [x: Update] {}
        /// `x` as 8 bits tell it.
        RoundI8: RoundI8 [x: Update] {}
        /// `x += y`.
        Add: AddAssign [x: Update, y: In] {}
        /// `x *= factor`.
        Scale: Scale [x: Update] { factor: Number }
        /// `x = cap * tanh(x / cap)`.
        SoftCap: SoftCap [x: Update] { cap: Number }
        /// Zeroes padding that is read and that no operation writes.
        Zero: Zero [x: Scratch] {}
    }
    // What looks at other tokens, or at weights in some format: methods of the frame.
    calls {
        /// The tokens' rows of the embedding.
        Embed: embed(matrix: Lookup, out: Out)
        /// Activations to blocks of i8, for the integer products that follow; so many blocks share a
        /// scale.
        Quantize: quantize(input: In, shared: Size)
        /// `out = matrix × input`; integer formats read the last quantized activations.
        MatMul: mat_mul(matrix: Matrix, input: In, out: Outs)
        /// Keeps the keys and values of the tokens.
        Store: store(state: State, key: In, value: In)
        /// Causal attention over what is kept.
        Attention: attention(shape: Heads, state: State, query: In, scores: Scratch, out: Out)
    }
}
