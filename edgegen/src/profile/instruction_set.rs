//! The instruction sets that there are kernels for.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What an instruction set is known by.
#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    module: &'static str,
    token: &'static str,
    architecture: Option<&'static str>,
    features: &'static [&'static str],
    borrows: &'static [&'static str],
}

macro_rules! instruction_set {
    ($($module:ident::$token:ident in [$($arch:literal)?] {
        about: $about:literal,
        name: $name:literal,
        features: $features:expr,
        borrows: $borrows:expr,
    })*) => {
        /// An instruction set, with the name that profiles use.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum InstructionSet {
            $(
                #[doc = $about]
                #[serde(rename = $name)]
                $token,
            )*
        }

        impl InstructionSet {
            /// Every instruction set; on one architecture, a later one is better.
            pub const ALL: &[Self] = &[$(Self::$token),*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$token => Row {
                        name: $name,
                        module: stringify!($module),
                        token: stringify!($token),
                        architecture: {
                            let architecture: &[&str] = &[$($arch)?];
                            architecture.first().copied()
                        },
                        features: &$features,
                        borrows: &$borrows,
                    },)*
                }
            }
        }
    };
}

runtime_kernels::instruction_sets!(instruction_set);

impl InstructionSet {
    /// The name in a profile.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Its module in `runtime-kernels`.
    pub(crate) fn module(self) -> &'static str {
        self.row().module
    }

    /// The type there that proves it.
    pub(crate) fn token(self) -> &'static str {
        self.row().token
    }

    /// The modules that its own cannot do without.
    pub(crate) fn borrows(self) -> &'static [&'static str] {
        self.row().borrows
    }

    /// The one architecture (`target_arch`) that has it; `None`: all.
    pub(crate) fn architecture(self) -> Option<&'static str> {
        self.row().architecture
    }

    /// Whether code for this set can run on some device of the target triple.
    pub fn fits(self, target: &str) -> bool {
        let architecture = match target.split('-').next().unwrap_or_default() {
            "arm64e" => "aarch64",
            other => other,
        };
        self.architecture().is_none_or(|own| own == architecture)
    }

    /// What the set is made of, as the compiler's target features.
    pub fn features(self) -> &'static [&'static str] {
        self.row().features
    }

    /// Whether a running program can find out that it has this set.
    /// A WebAssembly module with unknown instructions does not even load.
    pub fn is_detectable(self) -> bool {
        !self.features().is_empty() && self.architecture() != Some("wasm32")
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
