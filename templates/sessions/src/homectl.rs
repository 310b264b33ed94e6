//! The built-in model: its answers are bound to a JSON Schema.

generated_crate!("homectl");
