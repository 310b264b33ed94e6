//! A nondeterministic automaton → the least deterministic one, each state of which leads to an end.

use std::collections::HashMap;

use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson::NFA;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};

use super::minimal;

/// A deterministic automaton. State 0 is the beginning.
#[derive(Debug, Clone)]
pub(super) struct Automaton {
    pub(super) states: Vec<State>,
}

/// A state: where each byte leads, and whether the text may end here.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// Ascending.
    pub(super) edges: Vec<Edge>,
    pub(super) accepts: bool,
}

/// A range of bytes, ends included, and the next state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) low: u8,
    pub(super) high: u8,
    pub(super) next: u32,
}

/// Most states: one less than two bytes tell apart, so that a distance from one to the end is less
/// than [`u16::MAX`].
pub(super) const MAX_STATES: usize = u16::MAX as usize;
/// Most memory of each step on the way there.
pub(super) const MAX_BYTES: usize = 64 << 20;

/// Most edges before states are merged.
const MAX_EDGES: usize = 1 << 22;

/// Builds the automaton; `None` if it takes more than [`MAX_STATES`], or too much on the way there.
/// Each state of the other must lead to an end.
pub(super) fn build(nfa: &NFA) -> Option<Automaton> {
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .match_kind(MatchKind::All)
        .accelerate(false)
        .dfa_size_limit(Some(MAX_BYTES))
        .determinize_size_limit(Some(MAX_BYTES));
    let dfa = dense::Builder::new()
        .configure(config)
        .build_from_nfa(nfa)
        .ok()?;
    let start = start::Config::new().anchored(Anchored::Yes);
    let automaton = walked(&dfa, dfa.start_state(&start).ok()?)?;
    let automaton = merged(&automaton, &minimal::classes(&automaton));
    (automaton.states.len() <= MAX_STATES).then_some(automaton)
}

/// All states that can be reached, in order of discovery. An edge is a class of bytes: two that
/// share a byte have the same. `None` if there are more than [`MAX_EDGES`].
fn walked(dfa: &dense::DFA<Vec<u32>>, start: StateID) -> Option<Automaton> {
    let class = |byte: &u8| dfa.byte_classes().get(*byte);
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    let classes: Vec<&[u8]> = bytes.chunk_by(|a, b| class(a) == class(b)).collect();
    let dead = |next: StateID| dfa.is_dead_state(next);
    let accepts = |state| dfa.is_match_state(dfa.next_eoi_state(state));
    // One byte behind an end, a search knows that it was one.
    let behind = |state| {
        let mut next = classes.iter().map(|bytes| dfa.next_state(state, bytes[0]));
        dfa.is_match_state(state) && next.all(dead)
    };
    let mut ids = HashMap::from([(start, 0)]);
    let mut queue = vec![start];
    let mut states = Vec::new();
    let mut count = 0;
    while let Some(&state) = queue.get(states.len()) {
        let mut edges = Vec::new();
        for bytes in &classes {
            let (low, high) = (bytes[0], bytes[bytes.len() - 1]);
            let next = dfa.next_state(state, low);
            if dead(next) || behind(next) {
                continue;
            }
            let new = ids.len() as u32;
            let id = *ids.entry(next).or_insert(new);
            if id == new {
                queue.push(next);
            }
            edges.push(Edge {
                low,
                high,
                next: id,
            });
        }
        count += edges.len();
        if count > MAX_EDGES {
            return None;
        }
        states.push(State {
            edges,
            accepts: accepts(state),
        });
    }
    Some(Automaton { states })
}

/// Makes one state of each class. Classes are numbered by their first states, so the beginning
/// stays first.
fn merged(automaton: &Automaton, classes: &[u32]) -> Automaton {
    let mut states: Vec<State> = Vec::new();
    for (state, &class) in automaton.states.iter().zip(classes) {
        if class as usize == states.len() {
            let edges = state.edges.iter();
            states.push(State {
                edges: joined(edges.map(|&edge| Edge {
                    next: classes[edge.next as usize],
                    ..edge
                })),
                accepts: state.accepts,
            });
        }
    }
    Automaton { states }
}

/// Edges with neighbouring bytes to the same state made one.
fn joined(edges: impl Iterator<Item = Edge>) -> Vec<Edge> {
    let mut joined: Vec<Edge> = Vec::new();
    for edge in edges {
        match joined.last_mut() {
            Some(last) if last.next == edge.next && last.high.checked_add(1) == Some(edge.low) => {
                last.high = edge.high;
            }
            _ => joined.push(edge),
        }
    }
    joined
}
