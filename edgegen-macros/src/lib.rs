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
///         model: "models/tiny.bin",   // optional: a GGUF file, a Hugging Face folder, a llama2.c checkpoint;
///                                     // the built-in homectl if absent
///         platform: "host",           // a built-in profile, or a profile's TOML file
///         cpu: "x86-64-v3",           // optional: the one CPU to compile for
///         schema: "answer.json",      // optional: a JSON Schema that every answer is valid against
///         system: "Be brief.",        // optional: the system message of chats that give none
///         quant: "q8",                // keep (if absent), f32, f16, q8, q4m, q4, t4, t3 or t2
///         vocab_size: 8192,           // optional: tokens to keep, those most frequent in English
///         context: 96,                // optional: tokens of a session
///         answer_cache: 0,            // optional: tokens kept to give an answer again
///         tokenizer: "models/tok.bin",// optional: of a llama2.c checkpoint
///         allow_oversize: true,       // optional: exceed the profile's limits
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
/// Paths are relative to the invoking crate's manifest. The packed weights go
/// to the target folder, never to the sources; the module includes them with
/// `include_bytes!`.
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
