//! The `edge_model!` macro.
