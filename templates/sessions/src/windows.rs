//! A random model three layers of which see the last tokens alone, and have room for few more.

generated_crate!("windows");
