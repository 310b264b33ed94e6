//! Answers that always parse: which tokens may come next.
//!
//! Over tables that edgegen built from a JSON Schema and the vocabulary. No allocation and no search:
//! a state's mask is a read, and a token's bytes are walked once.

use super::tokenizer::Tokenizer;

/// An automaton over bytes, with the tokens that each state allows. What edgegen builds is
/// consistent; nothing is checked here. Numbers in the tables are little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grammar<'t> {
    /// For each state its first edge (`u32`), its mask (`u16`) and the least number of tokens to
    /// a whole answer (`u16`); then once more the number of edges.
    pub states: &'t [u8],
    /// Lowest byte, highest byte, next state (`u16`).
    pub edges: &'t [u8],
    /// Where each mask ends in `masks` (`u32`).
    pub mask_ends: &'t [u8],
    /// A mask is a bit for each token or, where that is shorter, the ids in ascending order
    /// (`u16`, or `u32` if there are more than 65,536 tokens).
    pub masks: &'t [u8],
    /// Number of tokens.
    pub vocab_size: u32,
    /// The greatest number of tokens that any state is away from a whole answer.
    pub longest: u32,
}

/// A state of the automaton; the default is the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct State(u16);

const STATE_BYTES: usize = 8;
const EDGE_BYTES: usize = 4;

impl Grammar<'_> {
    /// Whether the answer is whole and nothing can follow.
    pub fn is_end(&self, state: State) -> bool {
        self.first_edge(state.0 as usize) == self.first_edge(state.0 as usize + 1)
    }

    /// The least number of tokens from here to a whole answer; 0 if it is whole.
    pub fn distance(&self, state: State) -> usize {
        u16_at(self.states, state.0 as usize * STATE_BYTES + 6) as usize
    }

    /// The state after further bytes; `None` where they cannot follow.
    pub fn after(&self, state: State, bytes: &[u8]) -> Option<State> {
        bytes.iter().try_fold(state, |State(state), &byte| {
            let first = self.first_edge(state as usize) * EDGE_BYTES;
            let end = self.first_edge(state as usize + 1) * EDGE_BYTES;
            let edges = self.edges[first..end].chunks_exact(EDGE_BYTES);
            let edge = edges.into_iter().find(|edge| byte <= edge[1])?;
            (edge[0] <= byte).then(|| State(u16_at(edge, 2)))
        })
    }

    /// Sets the values of all tokens that must not come next to `fill`, where the answer may still
    /// have `room` tokens. A stop token may come where the answer is whole. If the state's distance
    /// is within the room, some token is left.
    pub fn keep(
        &self,
        state: State,
        room: usize,
        tokenizer: &Tokenizer<'_>,
        values: &mut [f32],
        fill: f32,
    ) {
        let mask = self.mask(state);
        if mask.len() == self.bitmap_len() {
            let (groups, rest) = values.split_at_mut(values.len().min(self.vocab_size as usize));
            for (group, &bits) in groups.chunks_mut(8).zip(mask) {
                for (bit, value) in group.iter_mut().enumerate() {
                    if bits >> bit & 1 == 0 {
                        *value = fill;
                    }
                }
            }
            rest.fill(fill);
        } else {
            let mut from = 0;
            for id in self.ids(mask) {
                values[from..id as usize].fill(fill);
                from = id as usize + 1;
            }
            values[from..].fill(fill);
        }
        // The end is near only for the last few tokens of a limit.
        if room <= self.longest as usize {
            for (id, value) in (0..).zip(values) {
                if *value != fill && !self.ends_within(state, room, tokenizer, id) {
                    *value = fill;
                }
            }
        }
    }

    /// Whether a token that the mask allows leaves room to end the answer.
    fn ends_within(
        &self,
        state: State,
        room: usize,
        tokenizer: &Tokenizer<'_>,
        token: u32,
    ) -> bool {
        if tokenizer.is_stop(token) && self.distance(state) == 0 {
            return true;
        }
        let next = self.after(state, tokenizer.piece(token));
        next.is_some_and(|next| self.distance(next) < room)
    }

    fn mask(&self, state: State) -> &[u8] {
        let mask = u16_at(self.states, state.0 as usize * STATE_BYTES + 4) as usize;
        let start = match mask {
            0 => 0,
            _ => u32_at(self.mask_ends, 4 * (mask - 1)) as usize,
        };
        &self.masks[start..u32_at(self.mask_ends, 4 * mask) as usize]
    }

    /// The ids in a mask that is no bitmap.
    fn ids<'m>(&self, mask: &'m [u8]) -> impl Iterator<Item = u32> + use<'m> {
        let wide = self.vocab_size > 1 << 16;
        let width = if wide { 4 } else { 2 };
        mask.chunks_exact(width).map(move |id| match wide {
            true => u32_at(id, 0),
            false => u32::from(u16_at(id, 0)),
        })
    }

    fn bitmap_len(&self) -> usize {
        self.vocab_size.div_ceil(8) as usize
    }

    fn first_edge(&self, state: usize) -> usize {
        u32_at(self.states, state * STATE_BYTES) as usize
    }
}

fn u16_at(table: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([table[at], table[at + 1]])
}

fn u32_at(table: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([table[at], table[at + 1], table[at + 2], table[at + 3]])
}
