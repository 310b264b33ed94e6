//! What stands between the braces of `edge_model!`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;

use edgegen::error::{Error, Setting, Value};
use edgegen::import::Adapter;
use edgegen::model::Role;
use edgegen::profile::Profile;
use edgegen::recipe::{self, Compression, Recipe};
use proc_macro2::{Ident, Span};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, LitBool, LitInt, LitStr, Token, Visibility};

/// A module with its options.
pub(crate) struct Input {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
    pub(crate) recipe: Recipe,
    /// Where the values of options are, by name.
    spans: BTreeMap<String, Span>,
}

const KEYS: [&str; 20] = [
    "model",
    "tokenizer",
    "lora",
    "platform",
    "cpu",
    "quant",
    "tensors",
    "calibrate",
    "vocab_size",
    "intermediate_size",
    "kv_heads",
    "layers",
    "plan",
    "calibration",
    "kv_cache",
    "context",
    "answer_cache",
    "schema",
    "system",
    "allow_oversize",
];

/// An option as it stands between the braces; nothing for one that the macro has not.
pub(crate) fn written(setting: &Setting) -> Option<String> {
    let option = setting.option();
    if !KEYS.contains(&option) {
        return None;
    }
    match setting.value() {
        Value::None => Some(option.to_owned()),
        Value::On => Some(format!("{option}: true")),
        Value::Bare(value) => Some(format!("{option}: {value}")),
        Value::Text(value) => Some(format!("{option}: {value:?}")),
        _ => None,
    }
}

impl Input {
    /// The value of an option, else of the model, else of the platform.
    pub(crate) fn span(&self, option: &str) -> Span {
        let span = |option| self.spans.get(option).copied();
        span(option)
            .or_else(|| span("model"))
            .or_else(|| span("platform"))
            .unwrap_or_else(|| self.name.span())
    }
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        input.parse::<Token![mod]>()?;
        let name: Ident = input.parse()?;
        let body;
        syn::braced!(body in input);

        let mut recipe = Recipe::default();
        let mut spans = BTreeMap::new();
        while !body.is_empty() {
            let key: Ident = body.parse()?;
            body.parse::<Token![:]>()?;
            if spans.insert(key.to_string(), body.span()).is_some() {
                return Err(refusal(&key, format!("the option `{key}` is given twice")));
            }
            option(&mut recipe, &key, &body)?;
            if !body.is_empty() {
                body.parse::<Token![,]>()?;
            }
        }
        if !spans.contains_key("platform") {
            return Err(refusal(&name, Profile::missing().told(written)));
        }
        Ok(Self {
            attributes,
            visibility,
            name,
            recipe,
            spans,
        })
    }
}

/// Parses the value of an option.
fn option(recipe: &mut Recipe, key: &Ident, body: ParseStream<'_>) -> syn::Result<()> {
    let text = || Ok::<_, syn::Error>(body.parse::<LitStr>()?.value());
    let path = || Ok::<_, syn::Error>(Some(PathBuf::from(text()?)));
    let number = || body.parse::<LitInt>()?.base10_parse().map(Some);
    let flag = || Ok::<_, syn::Error>(body.parse::<LitBool>()?.value);
    let compression = &mut recipe.compression;
    match key.to_string().as_str() {
        "model" => recipe.model = path()?,
        "tokenizer" => recipe.beside.tokenizer = path()?,
        "lora" => recipe.beside.lora = adapters(body)?,
        "platform" => recipe.platform = text()?,
        "cpu" => recipe.cpu = Some(text()?),
        "quant" => compression.quant = parsed(&body.parse()?, recipe::quant)?,
        "tensors" => tensors(compression, body)?,
        "calibrate" => compression.calibrate = flag()?,
        "vocab_size" => compression.vocab_size = number()?,
        "intermediate_size" => compression.shape.intermediate_size = number()?,
        "kv_heads" => compression.shape.num_key_value_heads = number()?,
        "layers" => compression.shape.num_hidden_layers = number()?,
        "plan" => compression.plan = path()?,
        "calibration" => compression.calibration = path()?,
        "kv_cache" => compression.kv_cache = parsed(&body.parse()?, recipe::kv_cache)?,
        "context" => recipe.context = number()?,
        "answer_cache" => recipe.answer_cache = number()?,
        "schema" => recipe.schema = path()?,
        "system" => recipe.system = Some(text()?),
        "allow_oversize" => recipe.allow_oversize = flag()?,
        _ => {
            let error = Error::unknown("option", &key.to_string(), &KEYS);
            return Err(refusal(key, error.told(written)));
        }
    }
    Ok(())
}

/// `"adapter"`, or `["adapter", "other:0.5"]`
fn adapters(body: ParseStream<'_>) -> syn::Result<Vec<Adapter>> {
    let adapter = |text: LitStr| parsed(&text, |text| Adapter::parse(text.as_ref()));
    if !body.peek(syn::token::Bracket) {
        return Ok(vec![adapter(body.parse()?)?]);
    }
    let list;
    syn::bracketed!(list in body);
    let texts = list.parse_terminated(|text| text.parse::<LitStr>(), Token![,])?;
    texts.into_iter().map(adapter).collect()
}

/// `{ embedding: "t4", output: "q8" }`
fn tensors(compression: &mut Compression, body: ParseStream<'_>) -> syn::Result<()> {
    let list;
    syn::braced!(list in body);
    while !list.is_empty() {
        let key: Ident = list.parse()?;
        let role = Role::matrix(&key.to_string());
        let role = role.map_err(|error| refusal(&key, error.told(written)))?;
        list.parse::<Token![:]>()?;
        let format = parsed(&list.parse()?, recipe::format)?;
        if compression.tensors.insert(role, format).is_some() {
            return Err(refusal(
                &key,
                format!("the format of `{key}` is given twice"),
            ));
        }
        if !list.is_empty() {
            list.parse::<Token![,]>()?;
        }
    }
    Ok(())
}

fn parsed<T>(text: &LitStr, parse: impl Fn(&str) -> edgegen::error::Result<T>) -> syn::Result<T> {
    parse(&text.value()).map_err(|error| syn::Error::new(text.span(), error.told(written)))
}

fn refusal(at: &Ident, problem: impl Display) -> syn::Error {
    syn::Error::new(at.span(), problem)
}

#[cfg(test)]
mod tests {
    use edgegen::import::Beside;
    use edgegen::plan::Quant;
    use edgegen::program::{CacheFormat, WeightFormat};
    use edgegen::prune::Shape;

    use super::*;

    fn adapter(text: &str) -> Adapter {
        Adapter::parse(text.as_ref()).unwrap()
    }

    #[test]
    fn one_adapter_needs_no_list() {
        let input: Input = syn::parse_quote! { mod a { platform: "host", lora: "a:2" } };
        assert_eq!(input.recipe.beside.lora, [adapter("a:2")]);
    }

    #[test]
    fn every_option_is_of_the_recipe() {
        let input: Input = syn::parse_quote! {
            mod a {
                model: "m",
                tokenizer: "t",
                lora: ["a", "b:0.5"],
                platform: "host",
                cpu: "c",
                quant: "q8",
                tensors: { embedding: "t4" },
                calibrate: true,
                vocab_size: 300,
                intermediate_size: 32,
                kv_heads: 2,
                layers: 3,
                plan: "p",
                calibration: "text",
                kv_cache: "i8",
                context: 50,
                answer_cache: 60,
                schema: "s",
                system: "hello",
                allow_oversize: true,
            }
        };
        let expected = Recipe {
            model: Some("m".into()),
            beside: Beside {
                tokenizer: Some("t".into()),
                lora: ["a", "b:0.5"].map(adapter).into(),
            },
            platform: "host".into(),
            cpu: Some("c".into()),
            compression: Compression {
                quant: Quant::To(WeightFormat::Q8),
                tensors: [(Role::Embedding, WeightFormat::T4)].into(),
                calibrate: true,
                vocab_size: Some(300),
                shape: Shape {
                    intermediate_size: Some(32),
                    num_key_value_heads: Some(2),
                    num_hidden_layers: Some(3),
                },
                plan: Some("p".into()),
                calibration: Some("text".into()),
                kv_cache: CacheFormat::I8,
            },
            context: Some(50),
            answer_cache: Some(60),
            schema: Some("s".into()),
            system: Some("hello".into()),
            allow_oversize: true,
            ..Recipe::default()
        };
        assert_eq!(input.recipe, expected);
    }
}
