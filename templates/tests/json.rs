//! What a generated crate's program prints with `--json`.

#[path = "../program/cli/json.rs"]
mod json;

use json::Object;

#[test]
fn an_object_is_json() {
    let inner = Object::new().plain("id", 7).end();
    let object = Object::new()
        .text("text", "a \"b\"\\\n\u{1}é")
        .plain("whole", 3)
        .plain("part", -0.5)
        .plain("ok", true)
        .list("objects", [inner])
        .end();
    let expected =
        r#"{"text":"a \"b\"\\\n\u0001é","whole":3,"part":-0.5,"ok":true,"objects":[{"id":7}]}"#;
    assert_eq!(object, expected);
}

/// A model with wild weights computes such numbers, and JSON has none of them.
#[test]
fn what_is_no_number_is_null() {
    let object = Object::new()
        .plain("a", f32::NAN)
        .plain("b", f64::INFINITY)
        .plain("c", f64::NEG_INFINITY)
        .end();
    assert_eq!(object, r#"{"a":null,"b":null,"c":null}"#);
}
