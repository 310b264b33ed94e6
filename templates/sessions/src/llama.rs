//! A random model with a chat template, a system message and two tokens that stop.

generated_crate!("llama");
