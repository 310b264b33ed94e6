//! The golden data: what independent implementations say.

use serde_json::Value;

use crate::paths;

/// A JSON file of the golden data, such as `smollm2/prompts.json`.
pub fn read(path: &str) -> Value {
    let text = std::fs::read_to_string(paths::data(path)).expect("a readable golden file");
    serde_json::from_str(&text).expect("golden data is JSON")
}

/// The elements of a field that is a list.
pub fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field]
        .as_array()
        .unwrap_or_else(|| panic!("no list `{field}` in {value}"))
}

/// A field that is a list of token ids.
pub fn ids(value: &Value, field: &str) -> Vec<u64> {
    list(value, field)
        .iter()
        .map(|id| id.as_u64().expect("a token id"))
        .collect()
}

/// A field that is a string.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("no string `{field}` in {value}"))
}

/// A field that is a number.
pub fn number(value: &Value, field: &str) -> f64 {
    value[field]
        .as_f64()
        .unwrap_or_else(|| panic!("no number `{field}` in {value}"))
}
