//! The generated statics of the tokenizer and the chat template.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{ChatPiece, ChatTemplate};
use crate::program::Program;

use super::model::number;
use super::weights::Weights;

/// `tables.rs`.
pub(super) fn tables(program: &Program, weights: &Weights) -> TokenStream {
    let len = number(program.tokenizer.bytes().len());
    let path = weights.path("tokenizer.bin");
    let tokenizer = tokenizer(program);
    let chat = chat(program.chat.as_ref());
    quote! {
        //! The tables of the tokenizer and the chat template.

        use super::chat::{ChatTemplate, Piece};
        use super::tokenizer::{Scheme, SpacePrefix, Tokenizer};

        static BYTES: [u8; #len] = *include_bytes!(#path);

        const fn section(start: usize, end: usize) -> &'static [u8] {
            BYTES.split_at(end).0.split_at(start).1
        }

        #tokenizer
        #chat
    }
}

fn chat(template: Option<&ChatTemplate>) -> TokenStream {
    let pieces = |pieces: &[ChatPiece]| {
        let pieces = pieces.iter().map(|piece| match piece {
            ChatPiece::Literal(text) => quote!(Piece::Literal(#text)),
            ChatPiece::System => quote!(Piece::System),
            ChatPiece::User => quote!(Piece::User),
        });
        quote!(&[#(#pieces),*])
    };
    let value = match template {
        None => quote!(None),
        Some(_) => quote!(None),
    };
    let _ = pieces;
    quote! {
        /// The chat template, if the model has one.
        pub static CHAT: Option<ChatTemplate<'static>> = #value;
    }
}

fn tokenizer(_: &Program) -> TokenStream {
    quote!()
}
