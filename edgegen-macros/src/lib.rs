//! `edge_model!`: a language model as a module of your crate.

mod expand;
mod input;

use proc_macro::TokenStream;

/// Compiles a model into a module: the same code as `edgegen emit` writes,
/// through the same functions, with the weights in the binary.
///
/// ```text
/// edgegen_macros::edge_model! {
///     /// Answers.
///     pub mod assistant {
///         model: "models/tiny.bin",   // a GGUF file, a Hugging Face folder, a llama2.c checkpoint;
///                                     // the built-in homectl if absent
///         tokenizer: "models/tok.bin",// of a llama2.c checkpoint; beside it if absent
///         lora: "models/adapter:0.5", // a LoRA adapter to add; ["a", "b"] are two
///         platform: "host",           // a built-in profile, or a profile's TOML file; must be there
///         cpu: "x86-64-v3",           // the one CPU to compile for
///         quant: "q8",                // keep (if absent), f32, f16, q8, q4m, q4, t4, t3 or t2
///         tensors: { embedding: "t4" }, // other formats for some matrices
///         calibrate: true,            // q8, q4 and q4m by a text; t4, t3 and t2 are in any case
///         vocab_size: 8192,           // tokens to keep, those most frequent in the text
///         intermediate_size: 1024,    // feed-forward neurons of each layer to keep
///         kv_heads: 2,                // key-value heads of each layer to keep
///         layers: 28,                 // layers to keep
///         calibration: "words.txt",   // text of the kind that the model will see
///         kv_cache: "i8",             // number format of the KV cache: f32 (if absent) or i8
///         context: 96,                // tokens of a session
///         answer_cache: 0,            // tokens kept to give an answer again
///         schema: "answer.json",      // a JSON Schema that every answer is valid against
///         system: "Be brief.",        // the system message of chats that give none
///         allow_oversize: true,       // exceed the profile's limits
///     }
/// }
/// // In place of quant, tensors, calibrate and what is to be kept, `plan: "plan.toml"` has what
/// // `edgegen plan --out` found.
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
