//! From the options to the module.

use std::env;
use std::path::{Path, PathBuf};

use edgegen::build;
use edgegen::error::Error;
use proc_macro2::TokenStream;
use quote::quote;

use crate::input::{Input, written};

/// Compiles the model, or finds it in the cache, and gives the module.
pub(crate) fn expand(input: Input) -> syn::Result<TokenStream> {
    let root = env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .ok_or_else(|| {
            syn::Error::new(input.name.span(), "cargo does not set CARGO_MANIFEST_DIR")
        })?;
    let recipe = input.recipe.clone().below(&root);
    let module = build::module(&recipe).map_err(|refusal| {
        let span = input.span(refusal.option());
        syn::Error::new(span, refusal.into_error().told(written))
    })?;
    for warning in module.warnings() {
        eprintln!("warning: {warning}");
    }
    let utf8 = |path: &Path| {
        path.to_str().map(str::to_owned).ok_or_else(|| {
            let error = Error::new("the path is not UTF-8, so that Rust code cannot name it");
            syn::Error::new(input.name.span(), error.in_file(path))
        })
    };
    let code = module.code(&input.name.to_string(), &utf8(module.folder())?);
    // By the compiler itself: proc-macro2 takes five times as long.
    let body: proc_macro::TokenStream = code.parse().expect("the emitter's files are Rust");
    let body = TokenStream::from(body);
    let sources = module.sources().iter().map(|path| utf8(path));
    let sources = sources.collect::<syn::Result<Vec<_>>>()?;
    let (attributes, visibility, name) = (&input.attributes, &input.visibility, &input.name);
    Ok(quote! {
        #(#attributes)*
        #visibility mod #name {
            #body

            /// Tells cargo what to watch. Nobody calls it, so that the compiler reads the files and
            /// leaves them at that.
            fn sources() {
                #(let _ = include_bytes!(#sources);)*
            }
        }
    })
}
