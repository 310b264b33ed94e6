//! The KV cache of the program's prefix.

use crate::program::{Program, ROW_PADDING};

use super::{Interpreter, Observer, cache_shape};

/// Runs the tokens of the program's prefix, if it has one, and keeps what they leave in the KV
/// cache: a device need not compute it, and has the same bits.
pub fn bake(program: &mut Program, threads: usize) {
    if program.prefix.is_empty() {
        return;
    }
    let tokens = program.prefix.tokens();
    let mut interpreter = Interpreter::new(program, threads);
    interpreter.feed(tokens, &mut Unobserved);
    let shapes = program.shapes();
    let positions = tokens.len().next_multiple_of(ROW_PADDING);
    let floats: Vec<f32> = cache_shape(shapes)
        .beginning(shapes.num_hidden_layers, positions)
        .flat_map(|range| &interpreter.cache[range])
        .copied()
        .collect();
    program.prefix.set_cache(&floats);
}

struct Unobserved;

impl Observer for Unobserved {}
