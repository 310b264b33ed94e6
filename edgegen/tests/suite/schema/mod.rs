//! Answers bound to a JSON Schema: valid in the eyes of an independent validator, whatever the
//! logits; masks as a brute-force check finds them; and what is outside the subset is refused.

mod numbers;
mod refusals;
mod validity;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use edgegen::bind;
use edgegen::import::{BUILT_IN_SCHEMA, built_in};
use edgegen::model::{
    ByteLevel, Model, PreTokenizer, Scheme, Token, TokenClass, Tokenizer, TokenizerParts,
};
use edgegen::schema::{self, compile};
use edgegen_templates::grammar::{Grammar, State};
use edgegen_templates::options::Options;
use edgegen_templates::sampler::Sampler;
use proptest::prelude::*;
use serde_json::{Value, json};

fn schemas() -> Vec<Value> {
    vec![
        serde_json::from_slice(BUILT_IN_SCHEMA).unwrap(),
        json!({"type": "object", "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 12},
            "note": {"type": "string"},
            "age": {"type": "integer", "minimum": 0, "maximum": 130},
            "height": {"type": "number", "minimum": 0.5, "exclusiveMaximum": 2.75},
            "tags": {"type": "array", "items": {"enum": ["a", "b\"\\", "ä☃", 7, null, {"x": [1]}]}, "maxItems": 3},
            "alive": {"type": "boolean"}
        }, "required": ["name", "height"]}),
        json!({"oneOf": [
            {"type": "object", "properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind", "n"]},
            {"type": "object", "properties": {"kind": {"const": "b"}, "s": {"type": "string"}}, "required": ["kind"]},
            {"type": ["number", "null"], "exclusiveMinimum": -3.5},
        ]}),
        json!({"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/pair"},
            "$defs": {"pair": {"type": "array", "items": {"type": "number", "multipleOf": 0.25, "minimum": -9, "maximum": 9}, "minItems": 2, "maxItems": 2}}}),
        json!({"type": "object", "properties": {
            "a": {"type": "null"}, "b": {"type": "boolean"}, "c": {"type": "integer", "multipleOf": 7, "minimum": -100, "maximum": 900}
        }}),
        json!({"type": "string", "maxLength": 3}),
        json!({"type": "integer"}),
        json!({"const": {"fixed": [true, 1.5, "text"]}}),
        json!({"type": "array", "items": {"type": "number", "enum": [1, 2.5]}, "maxItems": 2}),
        json!({"type": "array", "items": {"type": ["integer", "string", "null"], "enum": [7, "a", null]}, "maxItems": 2}),
    ]
}

/// The texts that a schema allows.
pub struct Language(schema::Grammar);

impl Language {
    /// As the built-in model would write them; or the refusal's message.
    pub fn of(schema: &[u8]) -> Result<Self, String> {
        static MODEL: LazyLock<Model> = LazyLock::new(|| built_in().unwrap());
        compile(schema, MODEL.tokenizer())
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// The grammar of the generated crate.
    pub fn grammar(&self) -> Grammar<'_> {
        self.0.runtime()
    }

    /// Whether a text is one of them.
    pub fn has(&self, text: &str) -> bool {
        let grammar = self.grammar();
        let state = grammar.after(State::default(), text.as_bytes());
        state.is_some_and(|state| grammar.distance(state) == 0)
    }
}

fn model(schema: &Value) -> Model {
    let text = serde_json::to_vec(schema).unwrap();
    bind::schema(built_in().unwrap(), &text).unwrap()
}

/// Each schema with the built-in model bound to it.
fn models() -> &'static [(Value, Model)] {
    static MODELS: LazyLock<Vec<(Value, Model)>> = LazyLock::new(|| {
        let pairs = schemas().into_iter().map(|schema| {
            let model = model(&schema);
            (schema, model)
        });
        pairs.collect()
    });
    &MODELS
}

/// Tokens chosen among random logits, bound by the grammar, at most `room`.
fn answer(model: &Model, seed: u64, temperature: f32, room: usize) -> (String, usize) {
    let tables = model.tokenizer().tables();
    let tokenizer = tables.runtime();
    let grammar = model.grammar().unwrap().runtime();
    let mut sampler = Sampler::new(&Options {
        temperature,
        seed,
        top_k: 0,
        top_p: 1.0,
        ..Options::new()
    });
    let mut random = seed | 1;
    let (mut state, mut bytes, mut count) = (State::default(), Vec::new(), 0);
    while count < room && !grammar.is_end(state) {
        let mut logits: Vec<f32> = (0..model.architecture().vocab_size)
            .map(|_| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (random >> 40) as f32 / 1e5 - 80.0
            })
            .collect();
        let token = sampler.choose(&mut logits, |values, fill| {
            grammar.keep(state, room - count, &tokenizer, values, fill);
        });
        if tokenizer.is_stop(token) {
            break;
        }
        let piece = tokenizer.piece(token);
        state = grammar
            .after(state, piece)
            .expect("an allowed token leads somewhere");
        bytes.extend_from_slice(piece);
        count += 1;
    }
    (String::from_utf8(bytes).expect("answers are UTF-8"), count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Random logits stand for any weights and any prompt; small rooms for a limit that nears.
    #[test]
    fn answers_are_valid(seed in any::<u64>(), temperature in prop_oneof![Just(0.0f32), 0.1f32..5.0], extra in 0usize..40) {
        for (schema, model) in models() {
            let least = model.grammar().unwrap().runtime().distance(State::default());
            for room in [least, least + extra, 400] {
                let (text, count) = answer(model, seed, temperature, room);
                prop_assert!(count <= room);
                let value: Value = serde_json::from_str(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
                let validator = jsonschema::validator_for(schema).unwrap();
                prop_assert!(validator.is_valid(&value), "{schema}\n{text}");
            }
        }
    }
}

/// All states, by the bytes that lead there.
fn states(grammar: &Grammar<'_>) -> Vec<State> {
    let mut known = HashSet::from([State::default()]);
    let mut queue = vec![State::default()];
    let mut at = 0;
    while let Some(&state) = queue.get(at) {
        for byte in 0..=u8::MAX {
            if let Some(next) = grammar.after(state, &[byte])
                && known.insert(next)
            {
                queue.push(next);
            }
        }
        at += 1;
    }
    queue
}

/// Every token at every state: allowed exactly if its bytes are, and some tokens after it end the
/// answer; near a limit, if they do so in time.
#[test]
fn masks_equal_brute_force() {
    for (schema, model) in models() {
        check_masks(
            &model.grammar().unwrap().runtime(),
            model.tokenizer(),
            schema,
        );
    }
}

/// A vocabulary in which some texts cannot be spelled, some tokens are there twice, some are long,
/// and some are no text. So many that have no use come first.
fn odd_tokenizer(unused: usize) -> Tokenizer {
    let token = |bytes: &[u8], class| Token {
        bytes: bytes.to_vec(),
        class,
    };
    let mut tokens = vec![token(b"1", TokenClass::Unused); unused];
    let bytes = (0x20..=0xF4u8).filter(|byte| !b"7\\e".contains(byte));
    tokens.extend(bytes.map(|byte| token(&[byte], TokenClass::Byte)));
    let texts = [
        "{\"",
        "\":",
        "ab",
        "abc",
        "abcd",
        "ab",
        "77",
        "\\n",
        "tru",
        "e}",
        "12",
        "ä☃",
        "null,null",
    ];
    tokens.extend(texts.map(|text| token(text.as_bytes(), TokenClass::Normal)));
    tokens.push(token("ab\"".repeat(40).as_bytes(), TokenClass::Normal));
    tokens.push(token("a".repeat(300).as_bytes(), TokenClass::UserDefined));
    let classes = [
        TokenClass::Control,
        TokenClass::Unknown,
        TokenClass::Normal,
        TokenClass::Control,
    ];
    tokens.extend(classes.map(|class| token(b"1", class)));
    let last = tokens.len() as u32 - 1;
    Tokenizer::new(TokenizerParts {
        scheme: Scheme::ByteLevel(ByteLevel {
            pre_tokenizer: PreTokenizer::Gpt2,
            ignore_merges: false,
            nfc: false,
            lowercase: false,
        }),
        tokens,
        merges: Vec::new(),
        added: Vec::new(),
        bos: None,
        eos: Some(last),
        add_bos: false,
        add_eos: false,
        // One of them is a text.
        stop: vec![last, last - 1],
    })
    .unwrap()
}

#[test]
fn masks_of_an_odd_vocabulary_equal_brute_force() {
    let small = [
        json!({"enum": [1, 12, 123, 17, 177, "a7", "ab"]}),
        json!({"type": "array", "items": {"enum": [null, true, 7]}}),
        json!({"type": "object", "properties": {"ab": {"type": "string"}, "abc": {"type": "boolean"}, "abcd": {"type": "integer"}}}),
    ];
    let further = &schemas()[3..7];
    for (unused, schemas) in [(0, further), (0, &small), (70_000, &small)] {
        let tokenizer = odd_tokenizer(unused);
        for schema in schemas {
            let grammar = compile(schema.to_string().as_bytes(), &tokenizer).unwrap();
            check_masks(&grammar.runtime(), &tokenizer, schema);
        }
    }
    for schema in [
        json!({"const": 7}),
        json!({"type": "boolean"}),
        json!({"const": "e"}),
    ] {
        let compiled = compile(schema.to_string().as_bytes(), &odd_tokenizer(0));
        let error = compiled.unwrap_err().to_string();
        assert!(
            error.contains("the vocabulary has no tokens for what the schema needs"),
            "{error}"
        );
    }
}

fn check_masks(grammar: &Grammar<'_>, model: &Tokenizer, schema: &Value) {
    let tables = model.tables();
    let tokenizer = tables.runtime();
    let states = states(grammar);
    let text = |class| {
        matches!(
            class,
            TokenClass::Normal | TokenClass::UserDefined | TokenClass::Byte
        )
    };
    let vocabulary: Vec<(u32, &[u8])> = (0..)
        .zip(model.tokens())
        .filter(|(id, token)| {
            text(token.class) && !token.bytes.is_empty() && !model.stop().contains(id)
        })
        .map(|(id, token)| (id, &token.bytes[..]))
        .collect();
    let ends = |state| grammar.distance(state) == 0;
    // Distances anew, by relaxation until nothing changes.
    let mut least: HashMap<State, usize> = states
        .iter()
        .filter(|&&s| ends(s))
        .map(|&s| (s, 0))
        .collect();
    loop {
        let before = least.len();
        let known = least.clone();
        for &state in &states {
            let steps = vocabulary
                .iter()
                .filter_map(|(_, bytes)| known.get(&grammar.after(state, bytes)?));
            if let Some(steps) = steps.min()
                && !least.contains_key(&state)
            {
                least.insert(state, steps + 1);
            }
        }
        if least.len() == before {
            break;
        }
    }
    for &state in &states {
        for room in [usize::MAX, 1, 2, 5] {
            let mut values = vec![1.0; model.tokens().len()];
            grammar.keep(state, room, &tokenizer, &mut values, 0.0);
            let mut expected = vec![0.0; values.len()];
            for &(id, bytes) in &vocabulary {
                let next = grammar
                    .after(state, bytes)
                    .and_then(|next| least.get(&next));
                if next.is_some_and(|&steps| steps < room) {
                    expected[id as usize] = 1.0;
                }
            }
            for &stop in tokenizer.stop {
                expected[stop as usize] = f32::from(ends(state));
            }
            assert_eq!(values, expected, "{schema} {state:?} {room}");
        }
        if let Some(&steps) = least.get(&state) {
            assert_eq!(grammar.distance(state), steps, "{schema} {state:?}");
        }
    }
}

/// The automaton takes what the validator takes, as far as it is compact and in order.
#[test]
fn compact_texts_are_judged_as_by_the_validator() {
    let schema = &schemas()[1];
    let model = model(schema);
    let grammar = model.grammar().unwrap().runtime();
    let validator = jsonschema::validator_for(schema).unwrap();
    let names = [r#""""#, r#""x""#, r#""ab\"c""#, r#""thirteen char""#, "1"];
    let heights = [
        "0.5", "0.499", "1", "2.749", "2.75", "2.7", "-1", "3", r#""1""#,
    ];
    let ages = [
        "",
        r#""age":0,"#,
        r#""age":130,"#,
        r#""age":131,"#,
        r#""age":-1,"#,
        r#""age":12,"#,
    ];
    let tags = [
        "",
        r#","tags":[]"#,
        r#","tags":["a",7,null]"#,
        r#","tags":["a","a","a","a"]"#,
        r#","tags":[{"x":[1]}]"#,
        r#","tags":["c"]"#,
    ];
    for name in names {
        for height in heights {
            for age in ages {
                for tags in tags {
                    let text = format!(r#"{{"name":{name},{age}"height":{height}{tags}}}"#);
                    let accepted = grammar
                        .after(State::default(), text.as_bytes())
                        .is_some_and(|state| grammar.distance(state) == 0);
                    let value: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(accepted, validator.is_valid(&value), "{text}");
                }
            }
        }
    }
}

/// The same schema gives the same bytes: those of homectl's are known.
#[test]
fn tables_are_reproducible() {
    use sha2::{Digest, Sha256};
    let homectl = built_in().unwrap();
    let digest = Sha256::digest(homectl.grammar().unwrap().blob());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "ebcf8c6062cf267b00a475cd7a043ef648cb909895bde2e8c2ac3d1f9305ae9f"
    );
    for (schema, compiled) in models() {
        assert_eq!(model(schema).grammar(), compiled.grammar());
    }
}
