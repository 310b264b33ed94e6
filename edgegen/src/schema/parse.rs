//! The text of a schema → the checked subset.

use serde_json::{Map, Value};

use crate::error::{Error, Result};

use super::node::{Node, Numbers, ONE, Property};

/// Deepest nesting, references included.
const MAX_DEPTH: usize = 48;
/// Greatest count in `maxLength`, `maxItems` and the like.
const MAX_COUNT: u64 = 10_000;
/// Most nodes, so that references cannot multiply without bound.
const MAX_NODES: usize = 100_000;
/// Greatest magnitude of a bound.
const MAX_NUMBER: f64 = 1e15;

/// Keywords that say nothing about what is valid.
const ANNOTATIONS: [&str; 11] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
];

const SUPPORTED: &str = "supported are type, enum, const, anyOf, oneOf (of alternatives that exclude each other), $ref to #/…, \
     properties, required, additionalProperties: false, items, minItems, maxItems, minLength, maxLength, \
     minimum, maximum, exclusiveMinimum, exclusiveMaximum and multipleOf";

type Object = Map<String, Value>;

/// Parses and checks a schema.
///
/// # Errors
/// Names the place, as a JSON pointer, and what is wrong there.
pub(super) fn parse(text: &[u8]) -> Result<Node> {
    let root: Value = serde_json::from_slice(text)
        .map_err(|error| Error::new(format!("the schema is not JSON: {error}")))?;
    let mut parser = Parser {
        root: &root,
        nodes: 0,
    };
    parser.node(&root, "#", 0)
}

struct Parser<'a> {
    root: &'a Value,
    nodes: usize,
}

fn refuse<T>(place: &str, problem: impl Into<String>) -> Result<T> {
    Err(Error::new(problem).at(place).remedy(SUPPORTED))
}

impl<'a> Parser<'a> {
    fn node(&mut self, schema: &'a Value, place: &str, depth: usize) -> Result<Node> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(
                Error::new("the schema is nested too deeply, or refers to itself")
                    .at(place)
                    .remedy(
                        "an automaton has no stack: write the levels that are needed one by one",
                    ),
            );
        }
        let Value::Object(object) = schema else {
            return refuse(place, "a schema that allows any value cannot be compiled");
        };
        if let Some(target) = object.get("$ref") {
            only(object, &["$ref"], place)?;
            let target = self.resolve(target, place)?;
            return self.node(target, place, depth + 1);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(alternatives) = object.get(keyword) {
                return self.alternatives(object, keyword, alternatives, place, depth);
            }
        }
        if object.contains_key("enum") || object.contains_key("const") {
            return literals(object, place);
        }
        match object.get("type") {
            Some(Value::String(kind)) => self.of_type(kind, object, place, depth),
            Some(Value::Array(kinds)) if !kinds.is_empty() => {
                only(object, &all_keywords(kinds), place)?;
                let nodes = kinds.iter().map(|kind| match kind.as_str() {
                    Some("object" | "array") => refuse(
                        place,
                        "of several types none may be an object or array; use anyOf",
                    ),
                    Some(kind) => simple(kind, object, place),
                    None => refuse(place, "`type` must name types"),
                });
                nodes.collect::<Result<_>>().map(Node::AnyOf)
            }
            Some(_) => refuse(place, "`type` must name a type"),
            None => refuse(
                place,
                "the schema names no type, enum, const or alternatives",
            ),
        }
    }

    fn of_type(
        &mut self,
        kind: &str,
        object: &'a Object,
        place: &str,
        depth: usize,
    ) -> Result<Node> {
        match kind {
            "object" => self.object(object, place, depth),
            "array" => self.array(object, place, depth),
            _ => {
                only(object, &[&["type"], keywords(kind)].concat(), place)?;
                simple(kind, object, place)
            }
        }
    }

    fn resolve(&self, target: &Value, place: &str) -> Result<&'a Value> {
        let pointer = target
            .as_str()
            .and_then(|target| target.strip_prefix('#'))
            .map(|pointer| pointer.replace("%25", "%"));
        match pointer.and_then(|pointer| self.root.pointer(&pointer)) {
            Some(found) => Ok(found),
            None => refuse(place, format!("{target} refers to nothing in this schema")),
        }
    }

    fn alternatives(
        &mut self,
        object: &'a Object,
        keyword: &str,
        alternatives: &'a Value,
        place: &str,
        depth: usize,
    ) -> Result<Node> {
        only(object, &[keyword], place)?;
        let Some(list) = alternatives.as_array().filter(|list| !list.is_empty()) else {
            return refuse(place, format!("`{keyword}` must be a list of schemas"));
        };
        let nodes = list
            .iter()
            .enumerate()
            .map(|(index, schema)| {
                self.node(schema, &format!("{place}/{keyword}/{index}"), depth + 1)
            })
            .collect::<Result<Vec<_>>>()?;
        if keyword == "oneOf" {
            for (index, node) in nodes.iter().enumerate() {
                if let Some(other) = nodes[..index]
                    .iter()
                    .position(|other| !exclude(node, other))
                {
                    return refuse(
                        place,
                        format!(
                            "alternatives {other} and {index} of oneOf are not known to exclude each other; use anyOf, \
                             or a required property with different constants"
                        ),
                    );
                }
            }
        }
        Ok(Node::AnyOf(nodes))
    }

    fn object(&mut self, object: &'a Object, place: &str, depth: usize) -> Result<Node> {
        only(
            object,
            &["type", "properties", "required", "additionalProperties"],
            place,
        )?;
        if let Some(other) = object.get("additionalProperties")
            && !other.is_boolean()
        {
            return refuse(
                place,
                "`additionalProperties` must be true or false; none are written",
            );
        }
        let properties = match object.get("properties") {
            None if !object.contains_key("required") => return Ok(Node::Object(Vec::new())),
            Some(Value::Object(properties)) => properties,
            _ => {
                return refuse(
                    place,
                    "`properties` must be an object with all that is required",
                );
            }
        };
        let mut required = Vec::new();
        match object.get("required") {
            None => {}
            Some(Value::Array(names)) => {
                for name in names {
                    match name.as_str() {
                        Some(name) if properties.contains_key(name) => required.push(name),
                        _ => {
                            return refuse(
                                place,
                                format!("{name} is required and not among the properties"),
                            );
                        }
                    }
                }
            }
            Some(_) => return refuse(place, "`required` must be a list of names"),
        }
        let properties = properties
            .iter()
            .map(|(name, schema)| {
                let value = self.node(schema, &format!("{place}/properties/{name}"), depth + 1)?;
                Ok(Property {
                    name: Value::from(name.as_str()).to_string(),
                    value,
                    required: required.contains(&name.as_str()),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Node::Object(properties))
    }

    fn array(&mut self, object: &'a Object, place: &str, depth: usize) -> Result<Node> {
        only(object, &["type", "items", "minItems", "maxItems"], place)?;
        let (min, max) = counts(object, "minItems", "maxItems", place)?;
        match object.get("items") {
            Some(items) => Ok(Node::Array {
                items: Box::new(self.node(items, &format!("{place}/items"), depth + 1)?),
                min,
                max,
            }),
            None => refuse(place, "an array needs `items`"),
        }
    }
}

/// The keywords of a type, beside `type`.
fn keywords(kind: &str) -> &'static [&'static str] {
    match kind {
        "string" => &["minLength", "maxLength"],
        "number" | "integer" => &[
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
        ],
        _ => &[],
    }
}

fn all_keywords(kinds: &[Value]) -> Vec<&'static str> {
    let own = kinds.iter().filter_map(Value::as_str).flat_map(keywords);
    own.copied().chain(["type"]).collect()
}

/// Refuses keywords that are neither annotations nor these.
fn only(object: &Object, keywords: &[&str], place: &str) -> Result<()> {
    let known = |key: &str| keywords.contains(&key) || ANNOTATIONS.contains(&key);
    match object.keys().find(|key| !known(key)) {
        None => Ok(()),
        Some(key) => refuse(
            place,
            format!(
                "`{key}` is not supported here (beside {})",
                keywords.join(", ")
            ),
        ),
    }
}

fn simple(kind: &str, object: &Object, place: &str) -> Result<Node> {
    match kind {
        "string" => {
            let (min, max) = counts(object, "minLength", "maxLength", place)?;
            Ok(Node::String { min, max })
        }
        "boolean" => Ok(Node::Boolean),
        "null" => Ok(Node::Null),
        "number" | "integer" => numbers(kind == "integer", object, place).map(Node::Number),
        _ => refuse(place, format!("there is no type {kind:?}")),
    }
}

fn counts(object: &Object, low: &str, high: &str, place: &str) -> Result<(u32, Option<u32>)> {
    let count = |key: &str| match object.get(key) {
        None => Ok(None),
        Some(value) => match value.as_u64().filter(|&count| count <= MAX_COUNT) {
            Some(count) => Ok(Some(count as u32)),
            None => refuse(
                place,
                format!("`{key}` must be a whole number up to {MAX_COUNT}"),
            ),
        },
    };
    let (min, max) = (count(low)?.unwrap_or(0), count(high)?);
    if max.is_some_and(|max| max < min) {
        return refuse(
            place,
            format!("`{high}` is less than `{low}`: nothing is valid"),
        );
    }
    Ok((min, max))
}

fn literals(object: &Object, place: &str) -> Result<Node> {
    only(object, &["enum", "const", "type"], place)?;
    let list = match (object.get("enum"), object.get("const")) {
        (Some(Value::Array(list)), None) if !list.is_empty() => &list[..],
        (None, Some(value)) => std::slice::from_ref(value),
        _ => return refuse(place, "either `const`, or `enum` with a list of values"),
    };
    if let Some(kind) = object.get("type") {
        let is = |value: &Value, kind: &Value| match kind.as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("null") => value.is_null(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            _ => false,
        };
        let kinds = kind
            .as_array()
            .map_or(std::slice::from_ref(kind), |list| list);
        if let Some(value) = list
            .iter()
            .find(|value| !kinds.iter().any(|kind| is(value, kind)))
        {
            return refuse(place, format!("{value} is not of the type {kind}"));
        }
    }
    Ok(Node::Literals(list.iter().map(Value::to_string).collect()))
}

fn numbers(integer: bool, object: &Object, place: &str) -> Result<Numbers> {
    let bound = |key: &str| match object.get(key) {
        None => Ok(None),
        Some(value) => match value.as_f64().filter(|bound| bound.abs() <= MAX_NUMBER) {
            Some(bound) => Ok(Some(bound)),
            None => refuse(
                place,
                format!("`{key}` must be a number up to {MAX_NUMBER:e}"),
            ),
        },
    };
    // The nearest thousandth inside the bound, judged by the numbers that a reader will see.
    let inside = |key: &str, exclusive: &str, up: bool| -> Result<Option<i64>> {
        let mut best: Option<i64> = None;
        for (bound, strict) in [(bound(key)?, false), (bound(exclusive)?, true)] {
            let Some(bound) = bound else { continue };
            let near = (bound * ONE as f64).round() as i64;
            let fits = |n: i64| {
                let value = n as f64 / ONE as f64;
                match (up, strict) {
                    (true, false) => value >= bound,
                    (true, true) => value > bound,
                    (false, false) => value <= bound,
                    (false, true) => value < bound,
                }
            };
            let order = if up {
                [near - 1, near, near + 1]
            } else {
                [near + 1, near, near - 1]
            };
            // Beyond 2^53 thousandths neighbours are one number; only whole bounds are there.
            let n = order.into_iter().find(|&n| fits(n)).unwrap_or(near);
            best = Some(match best {
                None => n,
                Some(other) if up => other.max(n),
                Some(other) => other.min(n),
            });
        }
        Ok(best)
    };
    let min = inside("minimum", "exclusiveMinimum", true)?;
    let max = inside("maximum", "exclusiveMaximum", false)?;
    let mut step = if integer { ONE } else { 1 };
    if let Some(multiple) = bound("multipleOf")? {
        let thousandths = (multiple * ONE as f64).round();
        if !(thousandths >= 1.0 && (thousandths / ONE as f64 - multiple).abs() < 1e-12) {
            return refuse(place, "`multipleOf` must be a positive multiple of 0.001");
        }
        step = least_common_multiple(step, thousandths as i64);
    }
    Ok(Numbers { min, max, step })
}

fn least_common_multiple(a: i64, b: i64) -> i64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b)
}

/// Whether no value can be valid against both.
fn exclude(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (Node::AnyOf(list), other) | (other, Node::AnyOf(list)) => {
            list.iter().all(|node| exclude(node, other))
        }
        // `1` and `1.0` are one value, so texts alone do not tell.
        (Node::Literals(a), Node::Literals(b)) => {
            let value = |text: &String| -> Value { serde_json::from_str(text).unwrap_or_default() };
            let equal =
                |x: &Value, y: &Value| x == y || (x.is_number() && x.as_f64() == y.as_f64());
            !a.iter()
                .any(|x| b.iter().any(|y| equal(&value(x), &value(y))))
        }
        (Node::Literals(texts), other) | (other, Node::Literals(texts)) => {
            texts.iter().all(|text| kind_of_text(text) != kind(other))
        }
        (Node::Object(a), Node::Object(b)) => a.iter().any(|x| {
            x.required
                && b.iter()
                    .any(|y| y.required && x.name == y.name && exclude(&x.value, &y.value))
        }),
        _ => kind(a) != kind(b),
    }
}

/// The first letter of a compact JSON text tells its type.
fn kind_of_text(text: &str) -> char {
    match text.chars().next() {
        Some('f' | 't') => 'b',
        Some('-' | '0'..='9') | None => '0',
        Some(first) => first,
    }
}

fn kind(node: &Node) -> char {
    match node {
        Node::String { .. } => '"',
        Node::Number(_) => '0',
        Node::Boolean => 'b',
        Node::Null => 'n',
        Node::Array { .. } => '[',
        Node::Object(_) => '{',
        Node::Literals(_) | Node::AnyOf(_) => '?',
    }
}
