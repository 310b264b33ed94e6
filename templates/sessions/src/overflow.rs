//! A random model whose weights are finite and whose logits are not, bound to a JSON Schema.

generated_crate!("overflow");
