//! `emit --schema`: whatever the weights, the sampling and the limit, a crate's answer is valid.

use std::path::Path;

use serde_json::{Value, json};
use tests::{Recipe, Target, paths, run};

fn schema() -> Value {
    json!({"type": "object", "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 20},
        "stars": {"type": "integer", "minimum": 1, "maximum": 5},
        "price": {"type": ["number", "null"], "minimum": 0, "maximum": 99.5},
        "tags": {"type": "array", "items": {"enum": ["new", "für", "☃"]}, "maxItems": 2}
    }, "required": ["title", "stars"], "additionalProperties": false})
}

fn answers_are_valid_whatever_the_weights() {
    let schema = schema();
    let file = paths::work("schemas").join("review.json");
    std::fs::write(&file, schema.to_string()).unwrap();
    let option = format!("--schema={}", file.display());
    let random = paths::tiny();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let recipes = [
        Recipe::new("schema-random", &random, "host", "q8"),
        Recipe::built_in("schema-homectl", "host", "q4"),
    ];
    for recipe in recipes {
        let program = Target::Host.build(&recipe.with(&option).for_one_cpu().emit());
        for seed in 0..40 {
            let temperature = ["0", "0.7", "1.5", "20"][seed % 4];
            let limit = (24 + seed).to_string();
            let seed = seed.to_string();
            let prompt = ["a review of a lamp", "x", "{\"", "Ünïcode \u{1f642}"][seed.len() % 4];
            let args = [
                prompt,
                "--temperature",
                temperature,
                "--seed",
                &seed,
                "--max-tokens",
                &limit,
            ];
            let found = program.json("generate", &args);
            let text = found["text"].as_str().unwrap();
            let value =
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(validator.is_valid(&value), "{text}");
        }
    }
}

fn bad_schemas_and_limits_are_refused() {
    let file = paths::work("schemas").join("pattern.json");
    std::fs::write(&file, r#"{"type":"string","pattern":"a"}"#).unwrap();
    let folder = paths::work("schemas").join("never");
    let emit = |schema: &Path| {
        Recipe::built_in("never", "host", "q4")
            .with(&format!("--schema={}", schema.display()))
            .command(&folder)
    };
    for (schema, problem) in [
        (&file, "`pattern` is not supported"),
        (&folder.join("none.json"), "cannot read the schema"),
    ] {
        let output = run::output(&mut emit(schema));
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(problem) && said.contains("help: "), "{said}");
        assert!(!folder.exists());
    }

    let program = Target::Host.build(&Recipe::homectl().emit());
    let output = program.run(&["generate", "lights on", "--max-tokens", "2"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the shortest answer has"), "{said}");
}

tests::trials![
    bad_schemas_and_limits_are_refused;
    long: answers_are_valid_whatever_the_weights,
];
