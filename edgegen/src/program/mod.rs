//! The compiled model: static shapes, operations in order, packed tables.

pub mod tokenizer;
