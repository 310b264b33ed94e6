//! What stands between the braces of `edge_model!`.

use edgegen::plan::Quant;
use proc_macro2::{Ident, Span};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, LitBool, LitInt, LitStr, Token, Visibility};

/// A module with its options.
pub(crate) struct Input {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
    /// The built-in model, if absent.
    pub(crate) model: Option<LitStr>,
    pub(crate) schema: Option<LitStr>,
    pub(crate) system: Option<LitStr>,
    pub(crate) platform: LitStr,
    pub(crate) cpu: Option<LitStr>,
    pub(crate) quant: Quant,
    pub(crate) vocab_size: Option<(usize, Span)>,
    pub(crate) context: Option<(usize, Span)>,
    pub(crate) answer_cache: Option<usize>,
    pub(crate) tokenizer: Option<LitStr>,
    pub(crate) allow_oversize: bool,
}

const KEYS: &str = "model, schema, system, platform, cpu, quant, vocab_size, context, \
    answer_cache, tokenizer, allow_oversize";

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        input.parse::<Token![mod]>()?;
        let name: Ident = input.parse()?;
        let body;
        syn::braced!(body in input);

        let (mut model, mut schema, mut system, mut tokenizer) = (None, None, None, None);
        let (mut platform, mut cpu, mut quant) = (None, None, None);
        let mut vocab_size = None;
        let (mut context, mut answer_cache, mut allow_oversize) = (None, None, None);
        while !body.is_empty() {
            let key: Ident = body.parse()?;
            body.parse::<Token![:]>()?;
            match key.to_string().as_str() {
                "model" => set(&mut model, &key, body.parse::<LitStr>()?)?,
                "schema" => set(&mut schema, &key, body.parse::<LitStr>()?)?,
                "system" => set(&mut system, &key, body.parse::<LitStr>()?)?,
                "platform" => set(&mut platform, &key, body.parse::<LitStr>()?)?,
                "cpu" => set(&mut cpu, &key, body.parse::<LitStr>()?)?,
                "tokenizer" => set(&mut tokenizer, &key, body.parse::<LitStr>()?)?,
                "quant" => set(&mut quant, &key, parse_quant(&body.parse()?)?)?,
                "vocab_size" => {
                    let number: LitInt = body.parse()?;
                    let value = (number.base10_parse()?, number.span());
                    set(&mut vocab_size, &key, value)?;
                }
                "context" => {
                    let number: LitInt = body.parse()?;
                    set(&mut context, &key, (number.base10_parse()?, number.span()))?;
                }
                "answer_cache" => {
                    let number: LitInt = body.parse()?;
                    set(&mut answer_cache, &key, number.base10_parse()?)?;
                }
                "allow_oversize" => {
                    set(&mut allow_oversize, &key, body.parse::<LitBool>()?.value)?;
                }
                _ => {
                    return Err(syn::Error::new(
                        key.span(),
                        format!("unknown option `{key}`: there are {KEYS}"),
                    ));
                }
            }
            if !body.is_empty() {
                body.parse::<Token![,]>()?;
            }
        }
        let missing =
            |key: &str| syn::Error::new(name.span(), format!("the option `{key}` is missing"));
        Ok(Self {
            model,
            schema,
            system,
            platform: platform.ok_or_else(|| missing("platform"))?,
            cpu,
            quant: quant.unwrap_or_default(),
            vocab_size,
            context,
            answer_cache,
            tokenizer,
            allow_oversize: allow_oversize.unwrap_or(false),
            attributes,
            visibility,
            name,
        })
    }
}

fn set<T>(place: &mut Option<T>, key: &Ident, value: T) -> syn::Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(syn::Error::new(
            key.span(),
            format!("the option `{key}` is given twice"),
        )),
    }
}

fn parse_quant(text: &LitStr) -> syn::Result<Quant> {
    text.value().parse().map_err(|problem| {
        syn::Error::new(
            text.span(),
            format!("{problem}: there are keep, f32, f16, q8, q4m, q4, t4, t3 and t2"),
        )
    })
}
