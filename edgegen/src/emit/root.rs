//! The generated `lib.rs`: an example, public names, and the limits.
//!
//! Written as text in rustfmt's own form, since users may look at it first.

use std::fmt::Write;

use crate::profile::Profile;
use crate::program::{Placement, Program};
use crate::size::mb;

use super::Options;

/// The items after the modules: public names and limits. Also the end of the
/// module that the macro expands to.
pub(super) fn items(program: &Program, profile: &Profile, options: &Options) -> String {
    let mut text = String::new();
    let mut exports: Vec<(&str, &str)> = vec![
        (
            "completion::{Completion, MEMORY_USED_MB, collect}",
            "#[cfg(feature = \"std\")]\n",
        ),
        ("error::Error", ""),
        ("generation::{Answer, Finish, Generation, Step}", ""),
        ("golden::golden_token", ""),
        ("isa::InstructionSet", ""),
        ("model::{BATCH, CONTEXT, VOCAB_SIZE}", ""),
        ("model::{DEFAULT_THREADS, MAX_THREADS}", ""),
        ("model::{FLASH_BYTES, MEMORY_LEN, Memory}", ""),
        ("model::{GOLDEN_LOGITS, GOLDEN_STAGES}", ""),
        ("model::{HEAD_DIM, HIDDEN_SIZE, INTERMEDIATE_SIZE}", ""),
        (
            "model::{NAME, NUM_ATTENTION_HEADS, NUM_HIDDEN_LAYERS, NUM_KEY_VALUE_HEADS}",
            "",
        ),
        ("options::Options", ""),
        ("piece::Piece", ""),
        ("self_test::{SelfTest, Stage, self_test}", ""),
        ("session::{RAM_BYTES, Session}", ""),
        ("tables::{CHAT, TOKENIZER}", ""),
    ];
    if program.chat.is_none() {
        exports.retain(|(path, _)| !path.starts_with("tables"));
        exports.push(("tables::TOKENIZER", ""));
    }
    if options.weights == Placement::External {
        exports.push(("model::{WEIGHTS_BYTES, WEIGHTS_FILE}", ""));
        exports.push(("weight_file::WeightsError", ""));
        exports.push(("weights::Weights", ""));
    }
    exports.sort_unstable();
    for (path, cfg) in exports {
        let _ = writeln!(text, "{cfg}pub use {path};");
    }
    if !options.allow_oversize {
        limit(&mut text, profile, "FLASH_BYTES", profile.model_size());
        limit(&mut text, profile, "RAM_BYTES", profile.ram());
        if let Some(memory) = profile.memory() {
            let taken = if memory.weights_in_flash {
                "RAM_BYTES"
            } else {
                "FLASH_BYTES + RAM_BYTES"
            };
            limit(&mut text, profile, taken, Some(memory.budget()));
        }
    }
    text
}

/// An example for the library's documentation: one that compiles with and without `std`, which is
/// why the README has another.
pub(super) fn example(options: &Options) -> String {
    let library = options.name.replace('-', "_");
    let (names, parameter, argument) = match options.weights {
        Placement::Embedded => ("Error, Memory, Options, Session", "", ""),
        Placement::External => (
            "Error, Memory, Options, Session, Weights",
            ", weights: Weights",
            ", weights",
        ),
    };
    format!(
        r#"//! ```
//! use core::fmt::Write;
//!
//! use {library}::{{{names}}};
//!
//! /// Says how a story goes on, with a session in memory that the caller has.
//! fn tell(memory: &mut Memory{parameter}, out: &mut impl Write) -> Result<(), Error> {{
//!     let mut session = Session::with_memory(memory{argument})?;
//!     for piece in session.generate("Once upon a time", &Options::default())? {{
//!         let _ = write!(out, "{{piece}}");
//!     }}
//!     Ok(())
//! }}
//! ```
"#
    )
}

/// It fits, or it does not compile.
fn limit(text: &mut String, profile: &Profile, size: &str, limit: Option<u64>) {
    // What a pointer cannot reach is no limit, and no `usize`.
    let reach = u64::MAX >> (64 - 8 * profile.pointer_bytes());
    let Some(limit) = limit.filter(|&limit| limit <= reach) else {
        return;
    };
    let message = format!(
        "{size} exceeds the limit of the profile `{}`: {}",
        profile.name(),
        mb(limit)
    );
    let _ = write!(
        text,
        "\nconst _: () = assert!(\n    {size} <= {limit},\n    {message:?}\n);\n"
    );
}
