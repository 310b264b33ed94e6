//! Random schemas: whatever the automaton accepts is valid in the eyes of an independent validator,
//! and what is valid, compact and in order is accepted.

use std::collections::{HashMap, HashSet};

use edgegen_templates::grammar::{Grammar, State};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::Language;

/// Schemas of all kinds.
fn schemas() -> impl Strategy<Value = Value> {
    let bounds = (0u32..4, prop::option::of(0u32..4));
    let string = bounds.clone().prop_map(|(min, more)| match more {
        Some(more) => json!({"type": "string", "minLength": min, "maxLength": min + more}),
        None => json!({"type": "string", "minLength": min}),
    });
    let number = (
        any::<bool>(),
        -500i64..500,
        0i64..900,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(whole, low, range, low_open, high_open)| {
            // Wide enough for a whole number within.
            let (low, high) = (low as f64 / 8.0, (low + range + 16) as f64 / 8.0);
            let kind = if whole { "integer" } else { "number" };
            let low_key = if low_open {
                "exclusiveMinimum"
            } else {
                "minimum"
            };
            let high_key = if high_open {
                "exclusiveMaximum"
            } else {
                "maximum"
            };
            json!({"type": kind, low_key: low, high_key: high})
        });
    let constant = prop_oneof![
        "[ab\"\\\\é☃\u{1}/]{0,3}".prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(json!(null)),
        Just(json!(1.5)),
        Just(json!({"b": [1, {}], "a": []})),
    ];
    let leaf = prop_oneof![
        string,
        number,
        prop::collection::vec(constant, 1..4).prop_map(|list| json!({"enum": list})),
        Just(json!({"type": "boolean"})),
        Just(json!({"type": ["null", "boolean"]})),
    ];
    leaf.prop_recursive(3, 20, 4, move |inner| {
        let names = prop::sample::subsequence(vec!["a", "ab", "b", "", "a\"\\", "é", "~/%"], 0..6);
        let object = names.prop_shuffle().prop_flat_map({
            let inner = inner.clone();
            move |names| {
                let count = names.len();
                let values = prop::collection::vec((inner.clone(), any::<bool>()), count);
                values.prop_map(move |values| {
                    let pairs = names.iter().zip(&values);
                    let required = pairs.clone().filter(|(_, (_, required))| *required);
                    let required: Vec<_> = required.map(|(name, _)| *name).collect();
                    let properties: Map<_, _> = pairs
                        .map(|(name, (value, _))| ((*name).to_owned(), value.clone()))
                        .collect();
                    json!({"type": "object", "properties": properties, "required": required})
                })
            }
        });
        let array = (inner.clone(), bounds.clone()).prop_map(|(items, (min, more))| match more {
            Some(more) => {
                json!({"type": "array", "items": items, "minItems": min, "maxItems": min + more})
            }
            None => json!({"type": "array", "items": items, "minItems": min}),
        });
        let any_of = prop::collection::vec(inner, 1..4).prop_map(|list| json!({"anyOf": list}));
        prop_oneof![object, array, any_of]
    })
}

/// What chooses among many: proptest's source of randomness in another form.
struct Choices(u64);

impl Choices {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % count
    }
}

/// The states that bytes lead to from each state, and the number of bytes to an end.
struct Walks {
    next: HashMap<State, Vec<(u8, State)>>,
    to_end: HashMap<State, usize>,
}

impl Walks {
    fn of(grammar: &Grammar<'_>) -> Self {
        let mut next: HashMap<State, Vec<(u8, State)>> = HashMap::new();
        let mut before: HashMap<State, Vec<State>> = HashMap::new();
        let mut queue = vec![State::default()];
        while let Some(state) = queue.pop() {
            if next.contains_key(&state) {
                continue;
            }
            let edges =
                (0..=u8::MAX).filter_map(|byte| Some((byte, grammar.after(state, &[byte])?)));
            let edges: Vec<_> = edges.collect();
            for &(_, to) in &edges {
                before.entry(to).or_default().push(state);
                queue.push(to);
            }
            next.insert(state, edges);
        }
        let mut to_end = HashMap::new();
        let mut ring: HashSet<State> = next
            .keys()
            .copied()
            .filter(|&state| grammar.distance(state) == 0)
            .collect();
        for distance in 0.. {
            ring.retain(|state| !to_end.contains_key(state));
            if ring.is_empty() {
                break;
            }
            to_end.extend(ring.iter().map(|&state| (state, distance)));
            ring = ring
                .iter()
                .filter_map(|state| before.get(state))
                .flatten()
                .copied()
                .collect();
        }
        Self { next, to_end }
    }

    /// A text: random bytes, so many at first, then those that lead to an end soonest.
    fn text(&self, random: usize, choices: &mut Choices) -> String {
        let (mut state, mut text) = (State::default(), Vec::new());
        while self.to_end[&state] > 0 || (text.len() < random && choices.below(3) > 0) {
            let edges = &self.next[&state];
            if edges.is_empty() {
                break;
            }
            let nearest = edges.iter().min_by_key(|(_, to)| self.to_end[to]).unwrap();
            let &(byte, to) = match text.len() < random {
                true => &edges[choices.below(edges.len())],
                false => nearest,
            };
            text.push(byte);
            state = to;
        }
        String::from_utf8(text).expect("texts are UTF-8")
    }
}

/// A valid text, compact and with properties in order.
fn instance(schema: &Value, choices: &mut Choices) -> String {
    let count = |low: &str, high: &str, choices: &mut Choices| {
        let low = schema.get(low).map_or(0, |low| low.as_u64().unwrap()) as usize;
        let high = schema
            .get(high)
            .map_or(low + 3, |high| high.as_u64().unwrap() as usize);
        low + choices.below(high - low + 1)
    };
    if let Some(list) = schema.get("enum") {
        let list = list.as_array().unwrap();
        return list[choices.below(list.len())].to_string();
    }
    if let Some(list) = schema.get("anyOf") {
        let list = list.as_array().unwrap();
        return instance(&list[choices.below(list.len())], choices);
    }
    match schema["type"].as_str() {
        None => ["null", "true", "false"][choices.below(3)].into(),
        Some("boolean") => ["true", "false"][choices.below(2)].into(),
        Some("string") => {
            let characters = [
                'a',
                ' ',
                '"',
                '\\',
                '\n',
                '\t',
                '/',
                '~',
                '\u{7f}',
                'é',
                '\u{7ff}',
                '\u{800}',
                '☃',
                '\u{d7ff}',
                '\u{e000}',
                '\u{ffff}',
                '\u{10000}',
                '🙂',
                '\u{10ffff}',
            ];
            let count = count("minLength", "maxLength", choices);
            let text: String = (0..count)
                .map(|_| characters[choices.below(characters.len())])
                .collect();
            Value::from(text).to_string()
        }
        Some("array") => {
            let count = count("minItems", "maxItems", choices);
            let items: Vec<_> = (0..count)
                .map(|_| instance(&schema["items"], choices))
                .collect();
            format!("[{}]", items.join(","))
        }
        Some("object") => {
            let required = schema["required"].as_array().unwrap();
            let mut members = Vec::new();
            for (name, value) in schema["properties"].as_object().unwrap() {
                if required.contains(&json!(name)) || choices.below(2) == 0 {
                    members.push(format!(
                        "{}:{}",
                        Value::from(name.as_str()),
                        instance(value, choices)
                    ));
                }
            }
            format!("{{{}}}", members.join(","))
        }
        Some(kind) => {
            // The first number from a random place on that the bounds allow.
            let bound = |key: &str| {
                schema
                    .get(key)
                    .map(|bound| (bound.as_f64().unwrap() * 1000.0) as i64)
            };
            let low = bound("minimum")
                .or(bound("exclusiveMinimum").map(|low| low + 1))
                .unwrap();
            let high = bound("maximum")
                .or(bound("exclusiveMaximum").map(|high| high - 1))
                .unwrap();
            let unit = if kind == "integer" { 1000 } else { 1 };
            let (low, high) = (-(-low).div_euclid(unit), high.div_euclid(unit));
            let n = (low + choices.below((high - low + 1) as usize) as i64) * unit;
            (n as f64 / 1000.0).to_string()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_is_valid_and_what_is_valid_is_accepted(schema in schemas(), seed in any::<u64>()) {
        let language = Language::of(schema.to_string().as_bytes()).map_err(TestCaseError::fail)?;
        let validator = jsonschema::validator_for(&schema).unwrap();
        let map = Walks::of(&language.grammar());
        let mut choices = Choices(seed);
        for random in 0..40 {
            let text = map.text(random, &mut choices);
            prop_assert!(language.has(&text), "{} {}", schema, text);
            let value = serde_json::from_str(&text).map_err(|error| TestCaseError::fail(format!("{schema} {text}: {error}")))?;
            prop_assert!(validator.is_valid(&value), "{} {}", schema, text);
            let text = instance(&schema, &mut choices);
            prop_assert!(validator.is_valid(&serde_json::from_str(&text).unwrap()), "{} {}", schema, text);
            prop_assert!(language.has(&text), "{} {}", schema, text);
        }
    }
}
