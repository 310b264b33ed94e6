//! JSON with its numbers as they are written: what a schema says is exact, a double is not.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// A value.
#[derive(Debug)]
pub(super) enum Json<'t> {
    Null,
    Boolean(bool),
    /// A number's text.
    Number(&'t str),
    String(String),
    Array(Vec<Self>),
    Object(Object<'t>),
}

/// The members of an object, in the order of the text.
pub(super) type Object<'t> = IndexMap<String, Json<'t>>;

/// Reads a text.
///
/// # Errors
///
/// When it is not JSON, is nested too deeply for serde_json (128 levels), or names a member of an
/// object twice.
pub(super) fn read(text: &[u8]) -> Result<Json<'_>> {
    let refuse = |error: serde_json::Error| {
        let problem = error.to_string();
        let remedy = match problem.starts_with("recursion limit") {
            true => "lessen its nesting",
            false => "correct the text at this place",
        };
        Error::new(format!("the schema is not JSON: {problem}")).remedy(remedy)
    };
    // Bounds the depth, and says where a text is wrong.
    serde_json::from_slice::<Value>(text).map_err(refuse)?;
    let raw: &RawValue = serde_json::from_slice(text).map_err(refuse)?;
    value(raw).map_err(refuse)
}

fn value(raw: &RawValue) -> serde_json::Result<Json<'_>> {
    let text = raw.get();
    Ok(match text.as_bytes() {
        [b'{', ..] => {
            let mut object = Object::new();
            for (name, raw) in serde_json::from_str::<Members<'_>>(text)?.0 {
                if object.contains_key(&name) {
                    let name = Value::from(name);
                    return Err(serde::de::Error::custom(format!("{name} is there twice")));
                }
                object.insert(name, value(raw)?);
            }
            Json::Object(object)
        }
        [b'[', ..] => {
            let list: Vec<&RawValue> = serde_json::from_str(text)?;
            Json::Array(list.into_iter().map(value).collect::<Result<_, _>>()?)
        }
        [b'"', ..] => Json::String(serde_json::from_str(text)?),
        [b't' | b'f', ..] => Json::Boolean(text == "true"),
        [b'n', ..] => Json::Null,
        _ => Json::Number(text),
    })
}

/// The members of an object, all of them.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'t> Deserialize<'t> for Members<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'t> Visitor<'t> for InOrder {
            type Value = Members<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The value as compact JSON text.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(text) => f.write_str(text),
            Self::String(text) => write!(f, "{}", quoted(text)),
            Self::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    let before = if index == 0 { "[" } else { "," };
                    write!(f, "{before}{value}")?;
                }
                f.write_str(if list.is_empty() { "[]" } else { "]" })
            }
            Self::Object(object) => {
                for (index, (name, value)) in object.iter().enumerate() {
                    let before = if index == 0 { "{" } else { "," };
                    write!(f, "{before}{}:{value}", quoted(name))?;
                }
                f.write_str(if object.is_empty() { "{}" } else { "}" })
            }
        }
    }
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(".*", inner, 0..5)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        /// What is written with spaces or without comes out without, in the same order.
        #[test]
        fn texts_come_back_compact(value in json()) {
            let pretty = serde_json::to_vec_pretty(&value).unwrap();
            prop_assert_eq!(read(&pretty).unwrap().to_string(), value.to_string());
        }
    }

    #[test]
    fn numbers_stay_as_they_are_written() {
        let text = "[1.50,-0,12345678901234567890123,1E5]";
        assert_eq!(read(text.as_bytes()).unwrap().to_string(), text);
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for (text, problem) in [
            ("{", "line 1 column 1"),
            ("[1]\n 2", "line 2 column 2"),
            (r#"{"a":{"b":1,"b":2}}"#, "\"b\" is there twice"),
            (r#"["\ud800"]"#, "hex escape"),
            ("[\"\u{1}\"]", "control character"),
            ("[01]", "invalid number"),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
        assert!(read(b"\"\xff\"").is_err());
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(read(deep(127).as_bytes()).is_ok());
        for levels in [129, 500_000] {
            let error = read(deep(levels).as_bytes()).unwrap_err().to_string();
            assert!(error.contains("recursion limit exceeded"), "{error}");
        }
    }
}
