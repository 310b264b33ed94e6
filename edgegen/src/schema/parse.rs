//! The text of a schema → the checked subset.

use std::collections::{HashMap, HashSet};

use crate::error::Result;

use super::decimal::Decimal;
use super::exclusive::{Overlap, overlap};
use super::json::{Json, Object, quoted};
use super::keywords::{self, refuse};
use super::node::{Id, Kind, Nodes, Property};
use super::number::{Bounds, Unwritten};
use super::place::Place;

/// Deepest nesting, references included.
const MAX_DEPTH: usize = 48;
/// Greatest count in `maxLength`, `maxItems` and the like.
const MAX_COUNT: i64 = 10_000;
/// Most states before those are merged that no text tells apart.
const MAX_SIZE: u64 = 1 << 18;

/// Checks a schema.
///
/// # Errors
///
/// Names the place, as a JSON pointer, and what is wrong there.
pub(super) fn parse(root: &Json<'_>) -> Result<Nodes> {
    let mut parser = Parser {
        root,
        nodes: Nodes::new(),
        known: HashMap::new(),
    };
    parser.schema(root, Place::default(), 1)?;
    Ok(parser.nodes)
}

struct Parser<'j, 't> {
    root: &'j Json<'t>,
    nodes: Nodes,
    /// What each schema has become, by its address; `None` while it is being parsed.
    known: HashMap<*const Json<'t>, Option<Id>>,
}

impl<'j, 't> Parser<'j, 't> {
    /// The node of a schema at a depth.
    fn schema(&mut self, schema: &'j Json<'t>, place: Place, depth: usize) -> Result<Id> {
        let (mut schema, mut place) = (schema, place);
        // The last reference on the way.
        let mut reference = None;
        // The schema, and what it refers to, one after another.
        let mut chain = Vec::new();
        let id = loop {
            match self.known.get(&std::ptr::from_ref(schema)) {
                Some(&Some(id)) => break id,
                Some(None) => {
                    return refuse(
                        &reference.unwrap_or(place),
                        "the `$ref` leads back to itself: the schema has no end",
                        "an automaton has no stack: write the levels that are needed one by one",
                    );
                }
                None => {}
            }
            self.known.insert(schema, None);
            chain.push(std::ptr::from_ref(schema));
            let Json::Object(object) = schema else {
                return refuse(
                    &place,
                    "a schema must be an object",
                    match schema {
                        Json::Boolean(true) => {
                            "`true` allows any value, which cannot be compiled: say what is wanted"
                        }
                        Json::Boolean(false) => {
                            "`false` allows nothing: leave the property or alternative out"
                        }
                        _ => "write {\"type\": …}",
                    },
                );
            };
            keywords::check_names(object, &place)?;
            let Some(target) = object.get("$ref") else {
                break self.form(object, place, depth)?;
            };
            only(object, &["$ref"], "`$ref`", &place)?;
            let (found, at) = self.resolve(target, &place)?;
            schema = found;
            reference = Some(std::mem::replace(&mut place, at));
        };
        for schema in chain {
            self.known.insert(schema, Some(id));
        }
        Ok(id)
    }

    /// What a reference leads to, and where that is.
    fn resolve(&self, target: &Json<'_>, place: &Place) -> Result<(&'j Json<'t>, Place)> {
        let nothing = || {
            refuse(
                place,
                format!("`$ref`: {target} refers to nothing in this schema"),
                "a reference is # and a JSON pointer, such as \"#/$defs/name\"; other files are not read",
            )
        };
        let Json::String(text) = target else {
            return nothing();
        };
        let Some(pointer) = text.strip_prefix('#').and_then(percent_decoded) else {
            return nothing();
        };
        let mut names = pointer.split('/');
        if names.next() != Some("") {
            return nothing();
        }
        let (mut found, mut at) = (self.root, Place::default());
        for name in names {
            if let Json::Object(object) = found
                && let Some(Json::String(_)) = object.get("$id")
                && !at.is_root()
            {
                return refuse(
                    place,
                    format!("`$ref`: {target} leads through a schema with an `$id` of its own"),
                    "leave `$id` out below the root",
                );
            }
            let name = name.replace("~1", "/").replace("~0", "~");
            let next = match found {
                Json::Object(object) => object.get(&name),
                Json::Array(list) => name.parse().ok().and_then(|index: usize| list.get(index)),
                _ => None,
            };
            let Some(next) = next else {
                return nothing();
            };
            (found, at) = (next, at.below(name));
        }
        Ok((found, at))
    }

    /// The node of a schema that is not a reference.
    fn form(&mut self, object: &'j Object<'t>, place: Place, depth: usize) -> Result<Id> {
        if depth > MAX_DEPTH {
            return too_deep(&place);
        }
        let kind = if let Some(list) = object.get("anyOf") {
            only(object, &["anyOf"], "`anyOf`", &place)?;
            self.alternatives("anyOf", list, &place, depth)?
        } else if let Some(list) = object.get("oneOf") {
            only(object, &["oneOf"], "`oneOf`", &place)?;
            self.alternatives("oneOf", list, &place, depth)?
        } else if object.contains_key("enum") || object.contains_key("const") {
            literals(object, &place)?
        } else {
            self.types(object, &place, depth)?
        };
        self.add(kind, place)
    }

    fn add(&mut self, kind: Kind, place: Place) -> Result<Id> {
        let id = self.nodes.add(kind, place);
        let node = &self.nodes[id];
        if node.height > MAX_DEPTH {
            return too_deep(&node.place);
        }
        if node.size > MAX_SIZE {
            return Err(self.nodes.too_large(id));
        }
        Ok(id)
    }

    fn alternatives(
        &mut self,
        keyword: &str,
        list: &'j Json<'t>,
        place: &Place,
        depth: usize,
    ) -> Result<Kind> {
        let list = match list {
            Json::Array(list) if !list.is_empty() => list,
            _ => {
                return refuse(
                    place,
                    format!("`{keyword}` must be a list of schemas, and not empty"),
                    "give at least one alternative",
                );
            }
        };
        let place = place.below(keyword);
        let nodes = list.iter().enumerate();
        let nodes = nodes
            .map(|(index, schema)| self.schema(schema, place.below(index), depth + 1))
            .collect::<Result<Vec<_>>>()?;
        let size = nodes.iter().map(|&node| self.nodes[node].size);
        // What is too large is not compared.
        if keyword == "oneOf"
            && size.fold(0, u64::saturating_add) <= MAX_SIZE
            && let Some(overlap) = overlap(&self.nodes, &nodes)
        {
            return refuse(
                &place,
                match overlap {
                    Overlap::Between(a, b) => {
                        format!("alternatives {a} and {b} are not known to exclude each other")
                    }
                    Overlap::TooMany => "there are too many alternatives to compare".into(),
                },
                "use anyOf, or a required property with different constants in each alternative",
            );
        }
        Ok(Kind::AnyOf(nodes))
    }

    /// What `type` says.
    fn types(&mut self, object: &'j Object<'t>, place: &Place, depth: usize) -> Result<Kind> {
        let kinds = match object.get("type") {
            Some(Json::Array(kinds)) if !kinds.is_empty() => &kinds[..],
            Some(kind @ Json::String(_)) => std::slice::from_ref(kind),
            Some(kind) => {
                return refuse(
                    place,
                    format!("`type` must name a type, and not be {kind}"),
                    keywords::TYPES_HELP,
                );
            }
            None => {
                return refuse(
                    place,
                    "the schema names no type, enum, const or alternatives: any value is valid",
                    keywords::help_without_type(object),
                );
            }
        };
        let mut names = Vec::new();
        for kind in kinds {
            names.push(keywords::type_name(kind, place)?);
        }
        let allowed: Vec<&str> = names
            .iter()
            .flat_map(|kind| keywords::of_type(kind))
            .copied()
            .chain(["type"])
            .collect();
        only(
            object,
            &allowed,
            &format!("`type`: {}", object["type"]),
            place,
        )?;
        if let [kind] = names[..] {
            return match kind {
                "object" => self.object(object, place, depth),
                "array" => self.array(object, place, depth),
                _ => simple(kind, object, place),
            };
        }
        let mut nodes = Vec::new();
        for kind in names {
            if let "object" | "array" = kind {
                return refuse(
                    place,
                    "of several types none may be an object or an array",
                    "use anyOf with a schema for each type",
                );
            }
            let kind = simple(kind, object, place)?;
            nodes.push(self.add(kind, place.clone())?);
        }
        Ok(Kind::AnyOf(nodes))
    }

    fn object(&mut self, object: &'j Object<'t>, place: &Place, depth: usize) -> Result<Kind> {
        if let Some(other) = object.get("additionalProperties")
            && !matches!(other, Json::Boolean(_))
        {
            return refuse(
                place,
                "`additionalProperties` must be true or false",
                "an answer has named properties only, with either: name those that it needs in `properties`",
            );
        }
        let properties = match object.get("properties") {
            None => None,
            Some(Json::Object(properties)) => Some(properties),
            Some(_) => {
                return refuse(
                    place,
                    "`properties` must be an object",
                    "give each name its schema: {\"name\": {\"type\": \"string\"}}",
                );
            }
        };
        let mut required = HashSet::new();
        match object.get("required") {
            None => {}
            Some(Json::Array(names)) => {
                for name in names {
                    match name {
                        Json::String(name)
                            if properties.is_some_and(|all| all.contains_key(name)) =>
                        {
                            required.insert(name)
                        }
                        name => {
                            return refuse(
                                place,
                                format!("{name} is required and not among the properties"),
                                "an answer has named properties only: add it to `properties`",
                            );
                        }
                    };
                }
            }
            Some(_) => {
                return refuse(
                    place,
                    "`required` must be a list of names",
                    "write \"required\": [\"name\"] beside `properties`",
                );
            }
        }
        let below = place.below("properties");
        let properties = properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| {
                Ok(Property {
                    value: self.schema(schema, below.below(name), depth + 1)?,
                    name: quoted(name),
                    required: required.contains(name),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Kind::Object(properties))
    }

    fn array(&mut self, object: &'j Object<'t>, place: &Place, depth: usize) -> Result<Kind> {
        let (min, max) = counts(object, "minItems", "maxItems", place)?;
        match object.get("items") {
            Some(items) => Ok(Kind::Array {
                items: self.schema(items, place.below("items"), depth + 1)?,
                min,
                max,
            }),
            None => refuse(
                place,
                "an array needs `items`",
                "say what its items are: \"items\": {\"type\": \"string\"}",
            ),
        }
    }
}

fn too_deep<T>(place: &Place) -> Result<T> {
    refuse(
        place,
        format!("the schema is nested more than {MAX_DEPTH} levels deep"),
        "write it with fewer levels",
    )
}

/// The text of a URI's fragment.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        decoded.push(match byte {
            b'%' => (16 * digit(bytes.next())? + digit(bytes.next())?) as u8,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

/// Refuses keywords that have no meaning in a schema of this form.
fn only(object: &Object<'_>, keywords: &[&str], form: &str, place: &Place) -> Result<()> {
    let meaningless =
        |key: &&String| !keywords.contains(&key.as_str()) && !keywords::is_annotation(key);
    match object.keys().find(meaningless) {
        None => Ok(()),
        Some(key) => refuse(
            place,
            format!("`{key}` is not supported beside {form}"),
            match keywords {
                [form] => format!("leave `{key}` out, or move it into what `{form}` leads to"),
                _ => format!(
                    "leave `{key}` out; supported here are {}",
                    keywords.join(", ")
                ),
            },
        ),
    }
}

/// A string, a number, `true`, `false` or `null`.
fn simple(kind: &str, object: &Object<'_>, place: &Place) -> Result<Kind> {
    Ok(match kind {
        "string" => {
            let (min, max) = counts(object, "minLength", "maxLength", place)?;
            Kind::String { min, max }
        }
        "boolean" => Kind::Boolean,
        "null" => Kind::Null,
        _ => number(kind == "integer", object, place)?,
    })
}

fn counts(object: &Object<'_>, low: &str, high: &str, place: &Place) -> Result<(u32, Option<u32>)> {
    let count = |key: &str| {
        let Some(value) = object.get(key) else {
            return Ok(None);
        };
        if let Json::Number(text) = value
            && let (thousandths, true) = Decimal::new(text).thousandths()
            && thousandths % 1000 == 0
            && (0..=MAX_COUNT).contains(&(thousandths / 1000))
        {
            return Ok(Some((thousandths / 1000) as u32));
        }
        refuse(
            place,
            format!("`{key}` must be a whole number from 0 to {MAX_COUNT}, and is {value}"),
            "correct it, or leave it out",
        )
    };
    let (min, max) = (count(low)?.unwrap_or(0), count(high)?);
    match max {
        Some(max) if max < min => refuse(
            place,
            format!("no value is possible: `{low}` is {min}, `{high}` {max}"),
            format!("raise `{high}` or lower `{low}`"),
        ),
        _ => Ok((min, max)),
    }
}

fn literals(object: &Object<'_>, place: &Place) -> Result<Kind> {
    only(
        object,
        &["enum", "const", "type"],
        "`enum` or `const`",
        place,
    )?;
    let list = match (object.get("enum"), object.get("const")) {
        (Some(Json::Array(list)), None) if !list.is_empty() => &list[..],
        (None, Some(value)) => std::slice::from_ref(value),
        (Some(_), Some(_)) => {
            return refuse(
                place,
                "`enum` and `const` are both there",
                "keep one of them",
            );
        }
        (Some(Json::Array(_)), None) => {
            return refuse(
                place,
                "no value is possible: `enum` is empty",
                "list the values that are allowed",
            );
        }
        _ => {
            return refuse(
                place,
                "`enum` must be a list of values",
                "write \"enum\": [\"a\", \"b\"], or \"const\" with a single value",
            );
        }
    };
    if let Some(kind) = object.get("type") {
        let kinds = match kind {
            Json::Array(list) => &list[..],
            _ => std::slice::from_ref(kind),
        };
        let mut names = Vec::new();
        for kind in kinds {
            names.push(keywords::type_name(kind, place)?);
        }
        let fits = |value: &&Json<'_>| names.iter().any(|kind| is_of_type(value, kind));
        if let Some(value) = list.iter().find(|value| !fits(value)) {
            return refuse(
                place,
                format!("{value} is not of the type {kind}"),
                "correct the value or `type`, or leave `type` out",
            );
        }
    }
    Ok(Kind::Literals(list.iter().map(Json::to_string).collect()))
}

fn is_of_type(value: &Json<'_>, kind: &str) -> bool {
    match value {
        Json::Null => kind == "null",
        Json::Boolean(_) => kind == "boolean",
        Json::Number(text) => {
            kind == "number" || (kind == "integer" && Decimal::new(text).is_whole())
        }
        Json::String(_) => kind == "string",
        Json::Array(_) => kind == "array",
        Json::Object(_) => kind == "object",
    }
}

fn number(whole: bool, object: &Object<'_>, place: &Place) -> Result<Kind> {
    let mut bounds = Bounds::new(whole);
    let text = |key: &str| match object.get(key) {
        None => Ok(None),
        Some(Json::Number(text)) => Ok(Some(*text)),
        Some(value) => refuse(
            place,
            format!("`{key}` must be a number, and is {value}"),
            "correct it, or leave it out",
        ),
    };
    for (key, exclusive) in [("minimum", false), ("exclusiveMinimum", true)] {
        if let Some(bound) = text(key)? {
            bounds.at_least(bound, exclusive);
        }
    }
    for (key, exclusive) in [("maximum", false), ("exclusiveMaximum", true)] {
        if let Some(bound) = text(key)? {
            bounds.at_most(bound, exclusive);
        }
    }
    if let Some(step) = text("multipleOf")?
        && !bounds.multiples_of(step)
    {
        return refuse(
            place,
            format!("`multipleOf` must be a positive multiple of 0.001 below 1e15, and is {step}"),
            "give one such as 5, 0.5 or 0.001: numbers have at most three digits after the point",
        );
    }
    let given = || {
        let keys = [
            "minimum",
            "exclusiveMinimum",
            "maximum",
            "exclusiveMaximum",
            "multipleOf",
        ];
        let given = keys.map(|key| object.get(key).map(|value| format!("`{key}` {value}")));
        given.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    match bounds.numbers() {
        Ok(numbers) => Ok(Kind::Number(numbers)),
        Err(Unwritten::None) => refuse(
            place,
            format!(
                "no value is possible: {} {}",
                if whole { "integer," } else { "number," },
                given()
            ),
            "correct the bounds; numbers have at most fifteen digits, of which at most three follow the point",
        ),
        Err(Unwritten::TooMany) => refuse(
            place,
            format!("`multipleOf` has more than 10,000 multiples: {}", given()),
            match whole {
                true => "give `minimum` and `maximum` that are closer",
                false => "give `minimum` and `maximum` that are closer, or use an integer",
            },
        ),
    }
}
