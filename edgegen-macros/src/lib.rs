//! `edge_model!`: a language model as a module of your crate.

mod expand;
mod input;

use proc_macro::TokenStream;

/// Compiles a model into a module: the same code as `edgegen emit` writes,
/// through the same functions, with the weights in the binary.
///
/// ```ignore
/// edgegen_macros::edge_model! {
///     /// Answers.
///     pub mod assistant {
///         model: "models/tiny.bin",   // a GGUF file, a Hugging Face folder, a llama2.c checkpoint;
///                                     // the built-in homectl if absent
///         tokenizer: "models/tok.bin",// of a llama2.c checkpoint; beside it if absent
///         platform: "host",           // a built-in profile, or a profile's TOML file; must be there
///         cpu: "x86-64-v3",           // the one CPU to compile for
///         quant: "q8",                // keep (if absent), f32, f16, q8, q4m, q4, t4, t3 or t2
///         tensors: { embedding: "t4" }, // other formats for some matrices
///         vocab_size: 8192,           // tokens to keep, those most frequent in the text
///         calibration: "words.txt",   // text of the kind that the model will see
///         context: 96,                // tokens of a session
///         answer_cache: 0,            // tokens kept to give an answer again
///         schema: "answer.json",      // a JSON Schema that every answer is valid against
///         system: "Be brief.",        // the system message of chats that give none
///         allow_oversize: true,       // exceed the profile's limits
///     }
/// }
///
/// let mut session = assistant::Session::new();
/// for piece in session.generate("hello", &assistant::Options::default())? {
///     print!("{piece}");
/// }
/// ```
///
/// There is no option for weights in a file beside the program (`edgegen emit --weights external`):
/// a macro has no place for a file that a program is shipped with.
///
/// Paths are relative to the invoking crate's manifest. Nothing is written to the sources: modules and
/// their weights are in the user's cache, by content, and made once on a machine. A change of a
/// file that was read rebuilds the crate. `docs/macro.md` says how, and what large models want.
///
/// # Errors
///
/// What `edgegen emit` would refuse is a compile error, with the same message,
/// at the option that it is about.
#[proc_macro]
pub fn edge_model(tokens: TokenStream) -> TokenStream {
    syn::parse(tokens)
        .and_then(expand::expand)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
