//! The generated statics of the tokenizer, the chat template, the grammar and the prefix.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::model::tables::Field;
use crate::model::{ChatPiece, ChatTemplate};
use crate::program::{Prefix, Program};
use crate::schema::Grammar;

use super::literal::number;
use super::weights::Weights;

/// `tables.rs`.
pub(super) fn tables(program: &Program, weights: &Weights) -> TokenStream {
    let len = number(program.tokenizer.blob().len());
    let path = weights.path("tokenizer.bin");
    let fields = program.tokenizer.fields();
    let (imports, _) = scheme(program);
    let fields = fields.iter().map(|(name, field)| {
        let name = format_ident!("{name}");
        match field {
            Field::Section(range) => {
                let (start, end) = (number(range.start), number(range.end));
                quote!(#name: section(&TABLES, #start, #end))
            }
            Field::Expression(text) => {
                let value: TokenStream = text.parse().expect("an expression of Rust");
                quote!(#name: #value)
            }
        }
    });
    let chat_import = program.chat.is_some().then(|| quote!(, Piece));
    let chat = chat(program.chat.as_ref());
    let grammar = grammar(program.grammar.as_ref(), weights);
    let prefix = prefix(&program.prefix, weights);
    quote! {
        //! The tables of the tokenizer, the chat template, the grammar and the prefix.

        use super::chat::{ChatTemplate #chat_import};
        use super::grammar::Grammar;
        use super::prefix::Prefix;
        use super::tokenizer::{#imports, Tokenizer};

        static TABLES: [u8; #len] = *include_bytes!(#path);

        const fn section(table: &'static [u8], start: usize, end: usize) -> &'static [u8] {
            table.split_at(end).0.split_at(start).1
        }

        /// The tokenizer.
        pub static TOKENIZER: Tokenizer<'static> = Tokenizer { #(#fields),* };

        #chat
        #grammar
        #prefix
    }
}

/// `tokenizer/known.rs`.
pub(super) fn known(program: &Program) -> TokenStream {
    let (imports, scheme) = scheme(program);
    let nfc = program.tokenizer.is_normalized();
    let late = program.tokenizer.is_late();
    quote! {
        //! What is known of the tokenizer when this is compiled.

        use super::{#imports};

        /// How text becomes the first symbols.
        pub(super) const SCHEME: Option<Scheme> = Some(#scheme);
        /// Whether texts are put into normalization form C first.
        pub(super) const NFC: Option<bool> = Some(#nfc);
        /// Whether added tokens are found in texts as the model takes them.
        pub(super) const LATE: Option<bool> = Some(#late);
    }
}

/// The scheme as an expression, and the names that it needs.
fn scheme(program: &Program) -> (TokenStream, TokenStream) {
    let scheme = program.tokenizer.scheme();
    let imports = match scheme.contains("SpacePrefix") {
        true => quote!(Scheme, SpacePrefix),
        false => quote!(Scheme),
    };
    (imports, scheme.parse().expect("an expression of Rust"))
}

fn prefix(prefix: &Prefix, weights: &Weights) -> TokenStream {
    let tokens = prefix.tokens().iter().map(|&id| number(id as usize));
    let cache = if prefix.is_empty() {
        quote!(&[])
    } else {
        let path = weights.path("prefix.bin");
        quote!(include_bytes!(#path))
    };
    quote! {
        /// The beginning of every chat with the crate's own system message, if it has one.
        pub(crate) static PREFIX: Prefix<'static> = Prefix {
            tokens: &[#(#tokens),*],
            cache: #cache,
        };
    }
}

fn grammar(grammar: Option<&Grammar>, weights: &Weights) -> TokenStream {
    let Some(grammar) = grammar else {
        return quote! {
            /// Which answers the model may give: all.
            pub static GRAMMAR: Option<Grammar<'static>> = None;
        };
    };
    let len = number(grammar.blob().len());
    let path = weights.path("grammar.bin");
    let [states, edges, mask_ends, masks] = grammar.sections().each_ref().map(|range| {
        let (start, end) = (number(range.start), number(range.end));
        quote!(section(&ANSWERS, #start, #end))
    });
    let runtime = grammar.runtime();
    let vocab_size = number(runtime.vocab_size as usize);
    let longest = number(runtime.longest as usize);
    quote! {
        static ANSWERS: [u8; #len] = *include_bytes!(#path);

        /// Which answers the model may give: those that its JSON Schema allows.
        pub static GRAMMAR: Option<Grammar<'static>> = Some(Grammar {
            states: #states,
            edges: #edges,
            mask_ends: #mask_ends,
            masks: #masks,
            vocab_size: #vocab_size,
            longest: #longest,
        });
    }
}

fn chat(template: Option<&ChatTemplate>) -> TokenStream {
    let value = match template {
        None => quote!(None),
        Some(template) => {
            let without_system = pieces(&template.without_system);
            let with_system = match &template.with_system {
                Some(list) => {
                    let list = pieces(list);
                    quote!(Some(#list))
                }
                None => quote!(None),
            };
            quote! {
                Some(ChatTemplate {
                    with_system: #with_system,
                    without_system: #without_system,
                })
            }
        }
    };
    quote! {
        /// The chat template, if the model has one.
        pub static CHAT: Option<ChatTemplate<'static>> = #value;
    }
}

fn pieces(pieces: &[ChatPiece]) -> TokenStream {
    let pieces = pieces.iter().map(|piece| match piece {
        ChatPiece::Literal(text) => quote!(Piece::Literal(#text)),
        ChatPiece::System => quote!(Piece::System),
        ChatPiece::SystemTrimmed => quote!(Piece::SystemTrimmed),
        ChatPiece::User => quote!(Piece::User),
        ChatPiece::UserTrimmed => quote!(Piece::UserTrimmed),
    });
    quote!(&[#(#pieces),*])
}
