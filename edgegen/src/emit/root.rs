//! The generated `lib.rs`: modules, public names, and the limits.

use proc_macro2::TokenStream;
use quote::quote;

use crate::plan::mb;
use crate::profile::Profile;
use crate::program::Program;

use super::Options;

/// The items of the crate's root, without its attributes: also the body of
/// the module that the macro expands to. `modules` declares the files.
pub(super) fn items(
    program: &Program,
    profile: &Profile,
    options: &Options,
    modules: &TokenStream,
) -> TokenStream {
    let limits = limits(profile, options);
    let chat = program.chat.is_some().then(|| {
        quote! { pub use chat::ChatError; }
    });
    quote! {
        #modules

        #chat
        pub use error::Error;
        pub use generation::{Finish, Generation, Piece};
        pub use isa::InstructionSet;
        pub use model::{
            BATCH, CONTEXT, FLASH_BYTES, GOLDEN_LOGITS, HEAD_DIM, HIDDEN_SIZE, INTERMEDIATE_SIZE,
            MAX_THREADS, MEMORY_LEN, Memory, NAME, NUM_ATTENTION_HEADS, NUM_HIDDEN_LAYERS,
            NUM_KEY_VALUE_HEADS, VOCAB_SIZE,
        };
        pub use options::Options;
        pub use self_test::{SelfTest, Stage, self_test};
        pub use session::{RAM_BYTES, Session};
        pub use tables::TOKENIZER;

        #limits
    }
}

/// It fits, or it does not compile.
fn limits(profile: &Profile, options: &Options) -> TokenStream {
    if options.allow_oversize {
        return TokenStream::new();
    }
    let check = |size: TokenStream, what: &str, limit: Option<u64>| {
        limit.map(|limit| {
            let message = format!(
                "{what} exceeds the limit of the profile `{}`: {}",
                profile.name(),
                mb(limit)
            );
            let limit = super::model::number(limit as usize);
            quote! { const _: () = assert!(#size <= #limit, #message); }
        })
    };
    let flash = check(quote!(FLASH_BYTES), "flash", profile.model_size());
    let ram = check(quote!(RAM_BYTES), "RAM", profile.ram());
    quote! { #flash #ram }
}
