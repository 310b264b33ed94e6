//! The KV cache of the program's prefix.

use runtime_kernels::{Cache, F32Cache, I8Cache};

use crate::program::{CacheFormat, Program, ROW_PADDING};

use super::{Interpreter, Observer, kept};

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
    let words = match shapes.kv_cache {
        CacheFormat::F32 => beginning(&interpreter, F32Cache, positions),
        CacheFormat::I8 => beginning(&interpreter, I8Cache, positions),
    };
    program.prefix.set_cache(&words);
}

/// The first `positions` of the KV cache.
fn beginning<C: Cache>(interpreter: &Interpreter<'_>, format: C, positions: usize) -> Vec<f32> {
    let shapes = interpreter.program.shapes();
    let states = shapes.states().map(|state| kept(shapes, state, format));
    states
        .flat_map(|state| state.beginning(positions))
        .flat_map(|range| &interpreter.cache[range])
        .copied()
        .collect()
}

struct Unobserved;

impl Observer for Unobserved {}
