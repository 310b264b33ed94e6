//! Sessions over small models.
//!
//! The templates that need a generated model are modules here, the very files, once for each model
//! that the build script emits. Those that stand alone come from [`edgegen_templates`].

#![cfg(test)]
#![allow(
    clippy::duplicate_mod,
    reason = "a generated crate has the templates once, and this one has several models"
)]

/// What a generated crate consists of, for the model that the build script emitted by this name.
macro_rules! generated_crate {
    ($name:literal) => {
        pub use edgegen_templates::{chat, crew, frame, golden, grammar, kernels, team, tokenizer};

        #[path = "../../src/answers.rs"]
        pub mod answers;
        #[cfg(feature = "std")]
        #[path = "../../src/completion.rs"]
        pub mod completion;
        #[path = "../../src/error.rs"]
        pub mod error;
        #[path = "../../src/generation.rs"]
        pub mod generation;
        #[path = "../../src/lookup.rs"]
        pub mod lookup;
        #[path = "../../src/memory.rs"]
        pub mod memory;
        #[path = "../../src/options.rs"]
        pub mod options;
        #[path = "../../src/pass.rs"]
        pub mod pass;
        #[path = "../../src/piece.rs"]
        pub mod piece;
        #[path = "../../src/prefix.rs"]
        pub mod prefix;
        #[path = "../../src/sampler.rs"]
        pub mod sampler;
        #[path = "../../src/scratch.rs"]
        pub mod scratch;
        #[path = "../../src/self_test.rs"]
        pub mod self_test;
        #[path = "../../src/session.rs"]
        pub mod session;
        #[path = "../../src/state.rs"]
        pub mod state;
        #[path = "../../embedded/src/weights.rs"]
        pub mod weights;

        #[allow(missing_docs, reason = "`include!` takes no doc comment of a module")]
        pub mod isa {
            include!(concat!(env!("OUT_DIR"), "/", $name, "/src/isa.rs"));
        }
        #[allow(missing_docs, reason = "`include!` takes no doc comment of a module")]
        pub mod model {
            include!(concat!(env!("OUT_DIR"), "/", $name, "/src/model.rs"));
        }
        #[allow(missing_docs, reason = "`include!` takes no doc comment of a module")]
        pub mod tables {
            include!(concat!(env!("OUT_DIR"), "/", $name, "/src/tables.rs"));
        }

        #[cfg(all(test, feature = "std"))]
        #[path = "laws/mod.rs"]
        pub mod laws;
    };
}

pub mod homectl;
pub mod llama;
pub mod overflow;
pub mod windows;

#[cfg(all(test, feature = "std"))]
mod tests;
