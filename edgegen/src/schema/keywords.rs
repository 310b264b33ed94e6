//! The keywords of JSON Schema: which are supported where, and what to write in place of others.

use crate::error::{Error, Remedy, Result, similar};

use super::json::{Json, Object};
use super::place::Place;

/// Keywords that say nothing about what is valid.
const ANNOTATIONS: [&str; 12] = [
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
    "writeOnly",
];

/// Keywords that stand for themselves, whatever the type.
const FORMS: [&str; 6] = ["type", "enum", "const", "anyOf", "oneOf", "$ref"];

const TYPES: [&str; 7] = [
    "string", "number", "integer", "boolean", "null", "array", "object",
];

/// What a type may be.
pub(super) const TYPES_HELP: &str =
    "there are string, number, integer, boolean, null, array and object";

/// Keywords that are not supported, and what to do.
const UNSUPPORTED: [(&[&str], &str); 14] = [
    (
        &["format", "pattern"],
        "list the texts that are possible with `enum`, or bound their length with `minLength` and `maxLength`",
    ),
    (&["allOf"], "write what all of them say into one schema"),
    (&["not"], "say what a value may be, with `enum` or `anyOf`"),
    (
        &["if", "then", "else"],
        "use `anyOf`, of objects that differ in a required property with a `const`",
    ),
    (
        &["dependentRequired", "dependentSchemas", "dependencies"],
        "use `anyOf`, with an object for each set of properties",
    ),
    (
        &[
            "patternProperties",
            "propertyNames",
            "unevaluatedProperties",
        ],
        "name each property in `properties`; an answer has no others",
    ),
    (
        &["minProperties", "maxProperties"],
        "say with `required` which properties there must be; an answer has none that is not named",
    ),
    (
        &["uniqueItems"],
        "leave it out, and look for items that are there twice in the answer",
    ),
    (
        &["prefixItems", "additionalItems", "unevaluatedItems"],
        "use an object with a property for each item",
    ),
    (
        &["contains", "minContains", "maxContains"],
        "say with `items` what all items are",
    ),
    (
        &["nullable"],
        "write null among the types: \"type\": [\"string\", \"null\"]",
    ),
    (
        &["contentEncoding", "contentMediaType", "contentSchema"],
        "leave it out: the text of a string is not looked into",
    ),
    (
        &["writeOnly"],
        "leave it out: it says nothing about an answer",
    ),
    (
        &[
            "$anchor",
            "$dynamicAnchor",
            "$dynamicRef",
            "$recursiveAnchor",
            "$recursiveRef",
            "$vocabulary",
            "id",
        ],
        "refer to a schema in `$defs` with `$ref`: \"#/$defs/name\"",
    ),
];

/// Keywords of a type, beside `type`.
pub(super) fn of_type(kind: &str) -> &'static [&'static str] {
    match kind {
        "string" => &["minLength", "maxLength"],
        "number" | "integer" => &[
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
        ],
        "array" => &["items", "minItems", "maxItems"],
        "object" => &["properties", "required", "additionalProperties"],
        _ => &[],
    }
}

/// Whether a keyword says nothing about what is valid.
pub(super) fn is_annotation(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword)
}

/// A refusal: where, what and what to do.
pub(super) fn refuse<T>(
    place: &Place,
    problem: impl Into<String>,
    remedy: impl Into<Remedy>,
) -> Result<T> {
    Err(Error::new(problem).at(place.to_string()).remedy(remedy))
}

/// Refuses keywords that are supported nowhere, and an `$id` that changes what references mean.
pub(super) fn check_names(object: &Object<'_>, place: &Place) -> Result<()> {
    if object.contains_key("$id") && !place.is_root() {
        return refuse(
            place,
            "`$id` below the root is not supported",
            "leave it out: references are from the root of the whole schema",
        );
    }
    // An integer has those of a number.
    let types = TYPES.iter().filter(|&&kind| kind != "integer");
    let of_types = types.flat_map(|kind| of_type(kind));
    let supported: Vec<&str> = FORMS.iter().chain(of_types).copied().collect();
    let unknown = |key: &&String| !supported.contains(&key.as_str()) && !is_annotation(key);
    let Some(keyword) = object.keys().find(unknown) else {
        return Ok(());
    };
    let known = UNSUPPORTED.iter();
    let known = known
        .clone()
        .find(|(keywords, _)| keywords.contains(&keyword.as_str()));
    if let Some((_, remedy)) = known {
        let error = Error::unsupported(format!("`{keyword}` is not supported"));
        return Err(error.at(place.to_string()).remedy(*remedy));
    }
    let candidates: Vec<&str> = supported.iter().chain(&ANNOTATIONS).copied().collect();
    refuse(
        place,
        format!("there is no keyword `{keyword}`"),
        match similar(keyword, &candidates) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("leave it out; supported are {}", supported.join(", ")),
        },
    )
}

/// The name of a type.
pub(super) fn type_name<'n>(kind: &'n Json<'_>, place: &Place) -> Result<&'n str> {
    match kind {
        Json::String(name) if TYPES.contains(&name.as_str()) => Ok(name),
        other => {
            let near = match other {
                Json::String(name) => similar(name, &TYPES),
                _ => None,
            };
            refuse(
                place,
                format!("there is no type {other}"),
                match near {
                    Some(near) => format!("did you mean `{near}`? {TYPES_HELP}"),
                    None => TYPES_HELP.into(),
                },
            )
        }
    }
}

/// What to do where nothing says what a value is.
pub(super) fn help_without_type(object: &Object<'_>) -> String {
    let of_it = |kind: &&&str| {
        of_type(kind)
            .iter()
            .any(|keyword| object.contains_key(*keyword))
    };
    match TYPES.iter().find(of_it) {
        Some(kind) => format!("add \"type\": \"{kind}\""),
        None => "say what is wanted, for instance {\"type\": \"string\"}".into(),
    }
}
