//! What a session of a generated crate takes of RAM.

use crate::error::Result;
use crate::memory;
use crate::profile::Profile;

use super::{Placement, Shapes};

/// Bytes for each token of the context that a session without an allocator keeps for prompts:
/// `Scratch` in `templates/src/scratch.rs`.
const PROMPT_BYTES: usize = 24;

/// Bytes of the KV cache, the tokens in it, and answers to give again.
pub(crate) fn cache_bytes(shapes: &Shapes) -> usize {
    (shapes.kv_cache_len() + shapes.context + shapes.answer_cache) * size_of::<f32>()
}

/// Bytes of the buffers, and of the session beside them: the size of `Session<&mut Memory>` in
/// `templates/src/session.rs`, built for the profile's target and with `std` where that has it.
pub(crate) fn working_bytes(shapes: &Shapes, profile: &Profile, weights: Placement) -> usize {
    let pointer = profile.pointer_bytes();
    let session = [
        match weights {
            Placement::Embedded => 0,
            Placement::External => 2 * pointer,
        },
        // The memory's place, the position, tokens that are owed, the turn, threads, the batch.
        6 * pointer,
        // What was written.
        usize::from(shapes.slack().is_some()) * pointer,
        match profile.std() {
            // Two vectors.
            true => 6 * pointer,
            false => PROMPT_BYTES * shapes.context,
        },
        shapes.activation_blocks * size_of::<runtime_kernels::Q8Block>(),
        // An enum, whose only variant takes no room.
        usize::from(profile.instruction_sets().len() > 1),
    ];
    let session: usize = session.iter().sum();
    shapes.arena * size_of::<f32>() + session.next_multiple_of(pointer)
}

/// Whether this machine has the memory for so many sessions of each at once.
///
/// # Errors
///
/// Says how many bytes they take.
pub(crate) fn check_sessions(count: usize, of_each: &[&Shapes]) -> Result<()> {
    let bytes = of_each.iter().map(|shapes| {
        let floats = shapes.kv_cache_len() + shapes.arena;
        let blocks = shapes.activation_blocks;
        floats * size_of::<f32>() + blocks * size_of::<runtime_kernels::Q8Block>()
    });
    let bytes = count * bytes.sum::<usize>();
    let contexts = of_each.iter().map(|shapes| shapes.context);
    let context = contexts.max().unwrap_or(0);
    let what_takes = match count * of_each.len() {
        1 => format!("a session of {context} tokens takes"),
        count => format!("{count} sessions of {context} tokens take"),
    };
    memory::check(&what_takes, bytes)
}

/// Bytes of RAM of a session: `RAM_BYTES` of the generated crate.
pub fn ram_bytes(shapes: &Shapes, profile: &Profile, weights: Placement) -> usize {
    cache_bytes(shapes) + working_bytes(shapes, profile, weights)
}
