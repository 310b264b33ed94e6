//! What operations are given. Each kind is known once to every stage: how it is printed, emitted, run,
//! counted and compared.

use std::fmt::Debug;

use super::Heads;

/// Kinds that stand for different things before and after places are given.
macro_rules! references {
    ($(
        $(#[$group:meta])*
        $Group:ident { $($(#[$meta:meta])* $Kind:ident $map:ident),* $(,)? }
    )*) => {
        /// What operations refer to: values and tensors of the graph, or places in memory and files.
        pub(crate) trait References: Clone + Debug + PartialEq {
            $($($(#[$meta])* type $Kind: Clone + Debug + PartialEq;)*)*
        }

        $(
            $(#[$group])*
            #[derive(Debug)]
            pub(crate) enum $Group<'a, R: References> {
                $($(#[$meta])* $Kind(&'a R::$Kind),)*
            }
        )*

        /// An argument of an operation.
        #[derive(Debug)]
        pub(crate) enum Argument<'a, R: References> {
            $($(#[$group])* $Group($Group<'a, R>),)*
            /// A constant.
            Number(f32),
            /// A shape.
            Size(usize),
            /// The shape of an attention.
            Heads(&'a Heads),
        }

        /// Replaces what operations refer to.
        pub(crate) trait Map<R: References, S: References> {
            $($(fn $map(&mut self, of: &R::$Kind) -> S::$Kind;)*)*
        }

        $($(
            $(#[$meta])*
            pub(crate) enum $Kind {}

            impl Kind for $Kind {
                type Of<R: References> = R::$Kind;

                fn argument<R: References>(of: &R::$Kind) -> Argument<'_, R> {
                    Argument::$Group($Group::$Kind(of))
                }

                fn map<R: References, S: References>(
                    of: &R::$Kind,
                    map: &mut impl Map<R, S>,
                ) -> S::$Kind {
                    map.$map(of)
                }
            }
        )*)*
    };
}

/// A kind of argument.
pub(crate) trait Kind {
    /// What is given.
    type Of<R: References>: Clone + Debug + PartialEq;

    fn argument<R: References>(of: &Self::Of<R>) -> Argument<'_, R>;

    fn map<R: References, S: References>(of: &Self::Of<R>, map: &mut impl Map<R, S>)
    -> Self::Of<S>;
}

references! {
    /// Values of the tokens.
    Values {
        /// A value that is read.
        In input,
        /// A value that is written.
        Out output,
        /// A value that is written where the one lies that it is made of.
        Update update,
        /// Values that are written side by side.
        Outs outputs,
        /// Memory that an operation has to itself.
        Scratch scratch,
    }
    /// What lies in files of weights.
    Tensors {
        /// A tensor of one row, as f32.
        Vector vector,
        /// The rows of tensors of which a product is made.
        Matrix matrix,
        /// A tensor of which single rows are read.
        Lookup lookup,
        /// A row for each position.
        Table table,
    }
    /// What is kept from token to token.
    Memory {
        /// Of one attention, or what else remembers.
        State state,
    }
}

/// Kinds that are the same everywhere.
macro_rules! constants {
    ($($Kind:ident $of:ty, $argument:expr;)*) => {
        $(
            pub(crate) enum $Kind {}

            impl Kind for $Kind {
                type Of<R: References> = $of;

                fn argument<R: References>(of: &$of) -> Argument<'_, R> {
                    $argument(of)
                }

                fn map<R: References, S: References>(of: &$of, _: &mut impl Map<R, S>) -> $of {
                    of.clone()
                }
            }
        )*
    };
}

/// The kind of [`Heads`].
pub(crate) mod kind {
    use super::{Argument, Kind, Map, References};

    constants! {
        Number f32, |of: &f32| Argument::Number(*of);
        Size usize, |of: &usize| Argument::Size(*of);
        Heads super::Heads, Argument::Heads;
    }
}
