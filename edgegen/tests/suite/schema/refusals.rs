//! What is outside the subset, or allows nothing, is refused: where, what, and what to do.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Language;

fn refusal(schema: &str) -> String {
    match Language::of(schema.as_bytes()) {
        Ok(_) => panic!("accepted: {schema}"),
        Err(error) => error,
    }
}

/// The beginning of each message, and a part of its help.
fn check(cases: &[(Value, &str, &str)]) {
    for (schema, begins, help) in cases {
        let error = refusal(&schema.to_string());
        assert!(error.starts_with(begins), "{schema}: {error}");
        let (_, said) = error.split_once("\n  help: ").expect("there is help");
        assert!(said.contains(help), "{schema}: {error}");
    }
}

#[test]
fn keywords() {
    let inside = |schema: Value| json!({"type": "object", "properties": {"x": schema}});
    check(&[
        (
            json!({"allOf": [{"type": "null"}]}),
            "#: `allOf` is not supported",
            "into one schema",
        ),
        (
            inside(json!({"not": {"type": "null"}})),
            "#/properties/x: `not` is not supported",
            "`enum` or `anyOf`",
        ),
        (
            inside(json!({"type": "string", "format": "date"})),
            "#/properties/x: `format` is not supported",
            "`maxLength`",
        ),
        (
            json!({"type": "string", "pattern": "a+"}),
            "#: `pattern` is not supported",
            "`enum`",
        ),
        (
            json!({"if": {}, "type": "string"}),
            "#: `if` is not supported",
            "`anyOf`",
        ),
        (
            json!({"type": "string", "nullable": true}),
            "#: `nullable` is not supported",
            "\"null\"]",
        ),
        (
            json!({"type": "array", "items": {"type": "null"}, "uniqueItems": true}),
            "#: `uniqueItems` is not supported",
            "leave it out",
        ),
        (
            json!({"type": "object", "patternProperties": {}}),
            "#: `patternProperties` is not supported",
            "name each property",
        ),
        (
            json!({"$anchor": "a", "type": "null"}),
            "#: `$anchor` is not supported",
            "#/$defs/name",
        ),
        (
            json!({"type": "string", "minLenght": 1}),
            "#: there is no keyword `minLenght`",
            "did you mean `minLength`?",
        ),
        (
            json!({"type": "string", "MAXLENGTH": 1}),
            "#: there is no keyword `MAXLENGTH`",
            "did you mean `maxLength`?",
        ),
        (
            json!({"type": "string", "frobnicate": 1}),
            "#: there is no keyword `frobnicate`",
            "supported are type,",
        ),
        (
            json!({"type": "string", "pipe": 1}),
            "#: there is no keyword `pipe`",
            "supported are type,",
        ),
        // By name, even where it would change nothing, and before all else that is wrong.
        (
            json!({"type": "objct", "uniqueItems": false}),
            "#: `uniqueItems` is not supported",
            "leave it out",
        ),
        (
            json!({"type": "integer", "minLength": 3}),
            "#: `minLength` is not supported beside `type`: \"integer\"",
            "supported here are minimum,",
        ),
        (
            json!({"enum": [1], "minimum": 0}),
            "#: `minimum` is not supported beside `enum` or `const`",
            "leave `minimum` out",
        ),
        (
            json!({"anyOf": [{"type": "null"}], "type": "null"}),
            "#: `type` is not supported beside `anyOf`",
            "leave `type` out",
        ),
        (
            json!({"$ref": "#/$defs/a", "type": "null", "$defs": {"a": {"type": "null"}}}),
            "#: `type` is not supported beside `$ref`",
            "leave `type` out",
        ),
        (
            json!({"anyOf": [{"type": "null"}], "oneOf": [{"type": "null"}]}),
            "#: `oneOf` is not supported beside `anyOf`",
            "leave `oneOf` out",
        ),
    ]);
}

#[test]
fn annotations_say_nothing() {
    for (key, value) in [
        (
            "$schema",
            json!("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("$id", json!("https://example.com/a")),
        ("$comment", json!("for people")),
        ("$defs", json!({})),
        ("definitions", json!({})),
        ("title", json!("A")),
        ("description", json!("what it is")),
        ("default", json!(false)),
        ("examples", json!([true])),
        ("deprecated", json!(true)),
        ("readOnly", json!(true)),
        ("writeOnly", json!(true)),
    ] {
        let language = Language::of(
            json!({"type": "boolean", key: value})
                .to_string()
                .as_bytes(),
        );
        let language = language.unwrap_or_else(|error| panic!("{key}: {error}"));
        assert!(
            language.has("true") && language.has("false") && !language.has("1"),
            "{key}"
        );
    }
}

/// A constant is of the types that its value has, and of no other.
#[test]
fn a_constant_is_of_its_type() {
    for (value, its) in [
        (json!(null), &["null"][..]),
        (json!(true), &["boolean"]),
        (json!(7), &["integer", "number"]),
        (json!(7.5), &["number"]),
        (json!("a"), &["string"]),
        (json!([7]), &["array"]),
        (json!({"a": 7}), &["object"]),
    ] {
        for kind in [
            "null", "boolean", "integer", "number", "string", "array", "object",
        ] {
            let schema = json!({"type": kind, "const": value}).to_string();
            match Language::of(schema.as_bytes()) {
                Ok(language) => assert!(its.contains(&kind) && language.has(&value.to_string())),
                Err(error) => {
                    assert!(!its.contains(&kind), "{error}");
                    assert!(error.contains("is not of the type"), "{error}");
                }
            }
        }
    }
}

#[test]
fn types() {
    check(&[
        (
            json!({"type": "objct"}),
            "#: there is no type \"objct\"",
            "did you mean `object`?",
        ),
        (
            json!({"type": "Int"}),
            "#: there is no type \"Int\"",
            "there are string, number,",
        ),
        (
            json!({"type": ["string", "nul"]}),
            "#: there is no type \"nul\"",
            "did you mean `null`?",
        ),
        (
            json!({"enum": ["a"], "type": "strin"}),
            "#: there is no type \"strin\"",
            "did you mean `string`?",
        ),
        (
            json!({"type": []}),
            "#: `type` must name a type",
            "there are string,",
        ),
        (
            json!({"type": 3}),
            "#: `type` must name a type, and not be 3",
            "there are string,",
        ),
        (
            json!({"type": ["string", "object"]}),
            "#: of several types none may be an object",
            "anyOf",
        ),
        (
            json!({}),
            "#: the schema names no type",
            "say what is wanted",
        ),
        (
            json!({"properties": {}}),
            "#: the schema names no type",
            "add \"type\": \"object\"",
        ),
        (
            json!({"minimum": 1}),
            "#: the schema names no type",
            "add \"type\": \"number\"",
        ),
        (
            json!(true),
            "#: a schema must be an object",
            "say what is wanted",
        ),
        (
            json!({"type": "array", "items": false}),
            "#/items: a schema must be an object",
            "`false` allows nothing",
        ),
        (
            json!({"type": "array", "items": []}),
            "#/items: a schema must be an object",
            "{\"type\": …}",
        ),
        (
            json!({"type": "array"}),
            "#: an array needs `items`",
            "\"items\":",
        ),
        (
            json!({"type": "object", "properties": []}),
            "#: `properties` must be an object",
            "its schema",
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "null"}}),
            "#: `additionalProperties` must be",
            "`properties`",
        ),
        (
            json!({"type": "object", "required": "a"}),
            "#: `required` must be a list",
            "\"required\": [",
        ),
        (
            json!({"type": "string", "minLength": "3"}),
            "#: `minLength` must be a whole number from 0 to 10000, and is \"3\"",
            "correct it",
        ),
        (
            json!({"type": "string", "minLength": -1}),
            "#: `minLength` must be a whole number",
            "correct it",
        ),
        (
            json!({"type": "string", "maxLength": 1.5}),
            "#: `maxLength` must be a whole number",
            "correct it",
        ),
        (
            json!({"type": "string", "maxLength": 10_001}),
            "#: `maxLength` must be a whole number",
            "leave it out",
        ),
        (
            json!({"type": "number", "minimum": "1"}),
            "#: `minimum` must be a number, and is \"1\"",
            "correct it",
        ),
        (
            json!({"type": "number", "exclusiveMinimum": true}),
            "#: `exclusiveMinimum` must be a number, and is true",
            "correct it",
        ),
    ]);
}

#[test]
fn what_allows_nothing() {
    let optional = |schema: Value| json!({"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}, schema]}}});
    let place = "#/properties/a/anyOf/1: no value is possible: ";
    let fifteen = "at most fifteen digits";
    let told = |rest: &str| format!("{place}{rest}");
    for (schema, rest, help) in [
        (
            json!({"type": "integer", "minimum": 10, "maximum": 5}),
            "integer, `minimum` 10, `maximum` 5",
            fifteen,
        ),
        (
            json!({"type": "number", "minimum": 1, "exclusiveMaximum": 1}),
            "number, `minimum` 1, `exclusiveMaximum` 1",
            fifteen,
        ),
        (
            json!({"type": "number", "exclusiveMinimum": 1, "maximum": 1}),
            "number, `exclusiveMinimum` 1, `maximum` 1",
            fifteen,
        ),
        (
            json!({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2}),
            "integer, `exclusiveMinimum` 1",
            fifteen,
        ),
        (
            json!({"type": "number", "exclusiveMinimum": 0.001, "exclusiveMaximum": 0.002}),
            "number, `exclusiveMinimum` 0.001",
            fifteen,
        ),
        (
            json!({"type": "integer", "minimum": 1, "maximum": 6, "multipleOf": 7}),
            "integer, `minimum` 1, `maximum` 6, `multipleOf` 7",
            fifteen,
        ),
        (
            json!({"type": "number", "minimum": 0.1, "maximum": 0.2, "multipleOf": 0.25}),
            "number, `minimum` 0.1",
            fifteen,
        ),
        (
            json!({"type": "integer", "minimum": 1e15}),
            "integer, `minimum` 1000000000000000.0",
            fifteen,
        ),
        (
            json!({"type": "integer", "maximum": -1_000_000_000_000_000i64}),
            "integer, `maximum` -1000000000000000",
            fifteen,
        ),
        (
            json!({"type": ["null", "integer"], "minimum": 3, "maximum": 2}),
            "integer, `minimum` 3",
            fifteen,
        ),
        (
            json!({"type": "string", "minLength": 3, "maxLength": 2}),
            "`minLength` is 3, `maxLength` 2",
            "raise `maxLength`",
        ),
        (
            json!({"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 1}),
            "`minItems` is 2, `maxItems` 1",
            "raise `maxItems`",
        ),
        (json!({"enum": []}), "`enum` is empty", "list the values"),
    ] {
        check(&[(optional(schema), &told(rest), help)]);
    }
    check(&[
        (
            json!({"anyOf": []}),
            "#: `anyOf` must be a list of schemas, and not empty",
            "at least one",
        ),
        (
            json!({"oneOf": {}}),
            "#: `oneOf` must be a list",
            "at least one",
        ),
        (
            json!({"enum": 1}),
            "#: `enum` must be a list of values",
            "\"const\"",
        ),
        (
            json!({"enum": [1], "const": 1}),
            "#: `enum` and `const` are both there",
            "keep one",
        ),
        (
            json!({"enum": ["a"], "type": "integer"}),
            "#: \"a\" is not of the type \"integer\"",
            "correct",
        ),
        (
            json!({"const": 1.5, "type": ["integer", "null"]}),
            "#: 1.5 is not of the type [\"integer\",\"null\"]",
            "correct",
        ),
        (
            json!({"type": "object", "properties": {"x": {"type": "null"}}, "required": ["y"]}),
            "#: \"y\" is required and not among the properties",
            "add it to `properties`",
        ),
        (
            json!({"type": "object", "required": ["y"]}),
            "#: \"y\" is required",
            "add it",
        ),
        (
            json!({"type": "object", "properties": {"x": {"type": "null"}}, "required": [1]}),
            "#: 1 is required",
            "add it",
        ),
        (
            json!({"type": "number", "multipleOf": 0.5}),
            "#: `multipleOf` has more than 10,000 multiples: `multipleOf` 0.5",
            "closer",
        ),
        (
            json!({"type": "integer", "multipleOf": 2, "minimum": 0, "maximum": 20_000}),
            "#: `multipleOf` has more than 10,000 multiples",
            "closer",
        ),
        (
            json!({"type": "number", "multipleOf": 0.3333}),
            "#: `multipleOf` must be a positive multiple of 0.001",
            "three digits",
        ),
        (
            json!({"type": "number", "multipleOf": 0}),
            "#: `multipleOf` must be a positive multiple",
            "three digits",
        ),
        (
            json!({"type": "number", "multipleOf": -1}),
            "#: `multipleOf` must be a positive multiple",
            "three digits",
        ),
        (
            json!({"type": "number", "multipleOf": 1e15}),
            "#: `multipleOf` must be a positive multiple of 0.001 below 1e15",
            "three digits",
        ),
    ]);
    let error =
        refusal(r#"{"type":"number","minimum":0,"maximum":1,"multipleOf":0.0010000000001}"#);
    assert!(error.starts_with("#: `multipleOf` must be a positive multiple of 0.001 below 1e15, and is 0.0010000000001"), "{error}");
}

#[test]
fn references() {
    let back = "`$ref` leads back to itself";
    let nothing = "refers to nothing";
    for (schema, begins) in [
        (json!({"$ref": "#"}), format!("#: the {back}")),
        (
            json!({"type": "object", "properties": {"n": {"$ref": "#"}}}),
            format!("#/properties/n: the {back}"),
        ),
        (
            json!({"$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}),
            format!("#/$defs/a/items: the {back}"),
        ),
        (
            json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
            format!("#/$defs/b: the {back}"),
        ),
        (
            json!({"$ref": "#/$defs/none"}),
            format!("#: `$ref`: \"#/$defs/none\" {nothing}"),
        ),
        (
            json!({"$ref": "http://example.org/other"}),
            format!("#: `$ref`: \"http://example.org/other\" {nothing}"),
        ),
        (
            json!({"$ref": "#name"}),
            format!("#: `$ref`: \"#name\" {nothing}"),
        ),
        (
            json!({"$ref": "#/a%2"}),
            format!("#: `$ref`: \"#/a%2\" {nothing}"),
        ),
        (json!({"$ref": 1}), format!("#: `$ref`: 1 {nothing}")),
        (
            // The place is where the schema is, not where it is used; names are escaped.
            json!({"type": "array", "items": {"$ref": "#/$defs/a~1b"}, "$defs": {"a/b": {"type": "strin"}}}),
            "#/$defs/a~1b: there is no type".into(),
        ),
        (
            json!({"$id": "http://a/", "type": "array", "items": {"$id": "b", "$ref": "#/$defs/c", "$defs": {"c": {"type": "null"}}}, "$defs": {"c": {"type": "string"}}}),
            "#/items: `$id` below the root is not supported".into(),
        ),
        (
            json!({"$ref": "#/$defs/b/$defs/c", "$defs": {"b": {"$id": "b", "$defs": {"c": {"$ref": "#/$defs/d"}}}, "d": {"type": "null"}}}),
            "#: `$ref`: \"#/$defs/b/$defs/c\" leads through a schema with an `$id`".into(),
        ),
    ] {
        check(&[(schema, &begins, "")]);
    }
    for schema in [
        json!({"$ref": "#/$defs/~01", "$defs": {"~1": {"type": "null"}, "/": {"type": "string"}}}),
        json!({"$ref": "#/$defs/a%20b%25~1%C3%A9", "$defs": {"a b%/é": {"type": "null"}}}),
        json!({"$id": "http://a/", "$ref": "#/$defs/a/anyOf/1", "$defs": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}),
    ] {
        let language = Language::of(schema.to_string().as_bytes()).unwrap();
        assert!(language.has("null") && !language.has("\"\""), "{schema}");
    }
}

/// Alternatives of oneOf: those that a value can be valid against twice are refused.
#[test]
fn alternatives() {
    let tagged = |tag: Value, more: Value| json!({"type": "object", "properties": {"t": tag, "v": more}, "required": ["t", "v"]});
    let integer = || json!({"type": "integer"});
    let overlapping = [
        vec![integer(), json!({"type": "number"})],
        vec![json!({"const": 1}), json!({"const": 1.0})],
        vec![json!({"const": 0}), json!({"enum": [1, -0.0]})],
        vec![
            json!({"const": {"a": 1, "b": 2}}),
            json!({"const": {"b": 2, "a": 1.0}}),
        ],
        vec![json!({"const": "a"}), json!({"type": "string"})],
        vec![
            json!({"const": "a"}),
            json!({"type": "null"}),
            json!({"type": "string"}),
        ],
        vec![
            json!({"const": {}}),
            json!({"type": "object", "properties": {}}),
        ],
        vec![
            json!({"anyOf": [{"type": "null"}, {"const": 1}]}),
            json!({"enum": [2, 1]}),
        ],
        vec![
            tagged(json!({"const": 1}), integer()),
            tagged(json!({"const": 1}), json!({"type": "number"})),
        ],
        vec![
            tagged(json!({"const": 1}), integer()),
            json!({"type": "object", "properties": {"t": {"const": 2}}}),
        ],
        // The first two differ in t, and the third from neither.
        vec![
            tagged(json!({"const": 1}), integer()),
            tagged(json!({"const": 2}), integer()),
            tagged(json!({"enum": [1, 2]}), integer()),
        ],
    ];
    for list in overlapping {
        let error = refusal(&json!({"oneOf": list}).to_string());
        assert!(
            error.starts_with("#/oneOf: alternatives ")
                && error.contains("not known to exclude each other"),
            "{list:?}: {error}"
        );
    }
    let error = refusal(&json!({"oneOf": [{"type": "null"}, {"const": "a"}, {"type": "boolean"}, {"enum": ["b", "a"]}]}).to_string());
    assert!(
        error.starts_with("#/oneOf: alternatives 1 and 3 "),
        "{error}"
    );
    let exclusive = [
        vec![
            integer(),
            json!({"type": ["string", "null", "boolean"]}),
            json!({"type": "array", "items": {"type": "null"}}),
        ],
        vec![
            json!({"const": 1}),
            json!({"const": "1"}),
            json!({"const": [1]}),
            json!({"type": "null"}),
        ],
        vec![json!({"enum": [1, 1.0]}), json!({"type": "string"})],
        vec![
            tagged(json!({"const": 1}), integer()),
            tagged(json!({"const": 2}), integer()),
        ],
        vec![
            tagged(integer(), json!({"const": 1})),
            tagged(json!({"type": "string"}), json!({"const": 1})),
        ],
        // Each two differ in one property, and no property tells all apart.
        vec![
            tagged(json!({"const": 1}), json!({"const": 1})),
            tagged(json!({"const": 1}), json!({"const": 2})),
            tagged(json!({"const": 2}), json!({"const": 1})),
        ],
        // Two parts of one alternative may overlap.
        vec![
            json!({"anyOf": [integer(), {"type": "number"}, {"const": 3}]}),
            json!({"type": "null"}),
        ],
        vec![
            json!({"anyOf": [tagged(json!({"const": 1}), integer()), tagged(json!({"const": 1}), integer())]}),
            tagged(json!({"const": 2}), integer()),
        ],
    ];
    for list in exclusive {
        let schema = json!({"oneOf": list});
        Language::of(schema.to_string().as_bytes())
            .unwrap_or_else(|error| panic!("{schema}: {error}"));
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for (text, problem) in [
        ("{", "line 1 column 1"),
        (
            r#"{"type":"null","type":"string"}"#,
            "\"type\" is there twice",
        ),
        (r#"{"const":1e999}"#, "number out of range"),
        ("", "EOF"),
        ("\u{feff}{}", "expected value"),
    ] {
        let error = refusal(text);
        assert!(
            error.starts_with("the schema is not JSON: ") && error.contains(problem),
            "{error}"
        );
    }
}

proptest! {
    /// A hostile schema is refused or compiled, and nothing else.
    #[test]
    fn any_text_is_refused_or_compiled(text in prop_oneof![
        any::<Vec<u8>>(),
        "\\{\"(type|anyOf|enum|const|items|minimum|[$]ref)\":(\"(string|object|array|number|#|#/a)\"|[0-9]{1,20}|\\[\\]|\\{\\}|null|true)\\}".prop_map(String::into_bytes),
    ]) {
        let _ = Language::of(&text);
    }
}
