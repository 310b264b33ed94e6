//! JSON Schemas.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use edgegen::model::{
    ByteLevel, PreTokenizer, Scheme, Token, TokenClass, Tokenizer, TokenizerParts,
};
use edgegen::schema::{Grammar, compile};
use edgegen_templates::grammar::State;
use serde_json::{Map, Value, json};

use crate::faults::{spoil_json, text};
use crate::input::{Input, assert_printable};

/// A schema is refused, or its shortest answer and one more are valid in the eyes of another
/// implementation.
pub fn schema(data: &[u8]) {
    let (schema, choices) = match Input::new(data) {
        Input::File(bytes) => (bytes.to_vec(), bytes),
        Input::Recipe(kind, u) => recipe(kind, u).unwrap_or_default(),
    };
    let tokenizer = &*TOKENIZER;
    let grammar = match compile(&schema, tokenizer) {
        Err(error) => return assert_printable(&error.to_string()),
        Ok(grammar) => grammar,
    };
    let schema: Value = serde_json::from_slice(&schema).expect("it was compiled");
    // What the specification itself refuses has no answers to compare.
    let Ok(validator) = jsonschema::validator_for(&schema) else {
        return;
    };
    for more in [0, 40] {
        let answer = answer(&grammar, more, choices);
        let value: Value = serde_json::from_slice(&answer)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&answer)));
        assert!(validator.is_valid(&value), "{schema}\n{value}");
    }
}

/// All bytes, a few texts of several, and a token that ends.
static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let texts = [
        r#"{""#, r#"":"#, "true", "null", "00", r#"",""#, "ab", "\u{e9}",
    ];
    let bytes = (0..=u8::MAX).map(|byte| vec![byte]);
    let normal = bytes.chain(texts.map(|text| text.as_bytes().to_vec()));
    let mut tokens: Vec<Token> = normal
        .map(|bytes| Token {
            bytes,
            class: TokenClass::Normal,
        })
        .collect();
    let end = tokens.len() as u32;
    tokens.push(Token {
        bytes: b"<|end|>".to_vec(),
        class: TokenClass::Control,
    });
    let scheme = Scheme::ByteLevel(ByteLevel {
        pre_tokenizer: PreTokenizer::Gpt2,
        ignore_merges: false,
        nfc: false,
        lowercase: false,
    });
    Tokenizer::new(TokenizerParts {
        scheme,
        tokens,
        merges: Vec::new(),
        added: Vec::new(),
        bos: None,
        eos: Some(end),
        add_bos: false,
        add_eos: false,
        stop: vec![end],
    })
    .expect("a tokenizer")
});

/// An answer of at most `more` tokens above the least; which token comes next, of those that may,
/// the bytes say.
fn answer(grammar: &Grammar, more: usize, choices: &[u8]) -> Vec<u8> {
    let tables = TOKENIZER.tables();
    let tokenizer = tables.runtime();
    let grammar = grammar.runtime();
    let mut choices = choices.iter().copied().chain(std::iter::repeat(0));
    let mut state = State::default();
    let mut bytes = Vec::new();
    let mut room = grammar.distance(state) + more;
    while !grammar.is_end(state) && room > 0 {
        let mut values = vec![1.0; TOKENIZER.tokens().len()];
        grammar.keep(state, room, &tokenizer, &mut values, 0.0);
        let allowed: Vec<u32> = (0..)
            .zip(&values)
            .filter(|(_, v)| **v > 0.0)
            .map(|(id, _)| id)
            .collect();
        assert!(!allowed.is_empty(), "no token may follow {bytes:?}");
        let choice = usize::from(choices.next().expect("endless"));
        let token = allowed[choice % allowed.len()];
        if tokenizer.is_stop(token) {
            break;
        }
        let piece = tokenizer.piece(token);
        bytes.extend(piece);
        state = grammar.after(state, piece).expect("it is allowed");
        room -= 1;
    }
    bytes
}

pub fn files() -> Vec<Vec<u8>> {
    let pair = json!({"type": "array", "items": {"$ref": "#/$defs/p"}, "minItems": 1,
        "maxItems": 2, "$defs": {"p": {"type": "number", "multipleOf": 0.25, "maximum": 9}}});
    let either = json!({"oneOf": [
        {"type": "object", "properties": {"k": {"const": "a"}, "n": {"type": "integer"}},
            "required": ["k", "n"]},
        {"type": ["string", "null"], "maxLength": 3},
    ]});
    let files = [pair, either];
    files.map(|file| file.to_string().into_bytes()).into()
}

fn recipe(kind: u8, mut u: Unstructured<'_>) -> Result<(Vec<u8>, &[u8])> {
    let mut schema = node(&mut u, 3)?;
    if kind % 2 == 1 {
        spoil_json(&mut u, &mut schema)?;
    }
    if kind / 2 == 1 {
        schema = json!({"$defs": {"a": schema, "b": node(&mut u, 1)?}, "type": "array",
            "items": {"$ref": "#/$defs/a"}, "maxItems": 2});
    }
    let choices = u.take_rest();
    Ok((schema.to_string().into_bytes(), choices))
}

/// A schema of the supported subset, or nearly.
fn node(u: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let kinds = if depth == 0 { 6 } else { 10 };
    Ok(match u.int_in_range(0..=kinds)? {
        0 => json!({"type": "null"}),
        1 => json!({"type": *u.choose(&["boolean", "string", "integer", "number"])?}),
        2 => with(
            u,
            json!({"type": "string"}),
            &["minLength", "maxLength"],
            count,
        )?,
        3 | 4 => {
            let kind = *u.choose(&["integer", "number"])?;
            let bounds = [
                "minimum",
                "maximum",
                "exclusiveMinimum",
                "exclusiveMaximum",
                "multipleOf",
            ];
            with(u, json!({"type": kind}), &bounds, bound)?
        }
        5 => json!({"enum": [literal(u)?, literal(u)?]}),
        6 => json!({"const": literal(u)?}),
        7 => {
            let items = node(u, depth - 1)?;
            let array = json!({"type": "array", "items": items});
            with(u, array, &["minItems", "maxItems"], count)?
        }
        8 => json!({"anyOf": [node(u, depth - 1)?, node(u, depth - 1)?]}),
        9 => json!({"oneOf": [node(u, depth - 1)?, node(u, depth - 1)?]}),
        _ => object(u, depth - 1)?,
    })
}

fn object(u: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for _ in 0..u.int_in_range(0..=3)? {
        let name = match u.ratio(3, 4)? {
            true => u.choose(&["a", "b", "kind"])?.to_string(),
            false => text(u)?,
        };
        let value = node(u, depth)?;
        if properties.insert(name.clone(), value).is_none() && u.arbitrary()? {
            required.push(name);
        }
    }
    Ok(json!({"type": "object", "properties": properties, "required": required}))
}

/// The schema with some of the keywords.
fn with(
    u: &mut Unstructured<'_>,
    mut schema: Value,
    keywords: &[&str],
    value: fn(&mut Unstructured<'_>) -> Result<Value>,
) -> Result<Value> {
    for &keyword in keywords {
        if u.ratio(1, 3)? {
            schema[keyword] = value(u)?;
        }
    }
    Ok(schema)
}

fn count(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(json!(u.int_in_range(0..=12)?))
}

fn bound(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=3)? {
        0 => json!(u.int_in_range(-20..=20)?),
        1 => json!(f64::from(u.int_in_range(-4000..=4000)?) / 1000.0),
        2 => json!(u.int_in_range(-1_000_000_000_000_000i64..=1_000_000_000_000_000)?),
        _ => json!(*u.choose(&[0.0, -0.0, 0.001, 0.25, 1e-9, 1e15, 9.5])?),
    })
}

fn literal(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=5)? {
        0 => Value::Null,
        1 => json!(true),
        2 => bound(u)?,
        3 => json!([1, {"x": "y"}]),
        _ => json!(text(u)?),
    })
}
