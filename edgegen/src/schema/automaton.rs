//! A regular expression → a deterministic automaton over bytes, each state of which leads to an end.

use std::collections::HashMap;

use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};

use crate::error::{Error, Result};

/// A deterministic automaton. State 0 is the beginning.
#[derive(Debug, Clone)]
pub(super) struct Automaton {
    pub(super) states: Vec<State>,
}

/// A state: where each byte leads, and whether the text may end here.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// Lowest byte, highest byte, next state; ascending.
    pub(super) edges: Vec<(u8, u8, u32)>,
    pub(super) accepts: bool,
}

impl Automaton {
    /// The state after a byte.
    pub(super) fn next(&self, state: u32, byte: u8) -> Option<u32> {
        let edges = &self.states[state as usize].edges;
        let edge = edges.iter().find(|&&(_, high, _)| byte <= high)?;
        (edge.0 <= byte).then_some(edge.2)
    }
}

/// Most states; a state is two bytes in the tables.
const MAX_STATES: usize = 1 << 16;
/// Most memory of each step on the way there.
const MAX_BYTES: usize = 32 << 20;

/// Builds the automaton.
///
/// # Errors
///
/// When it has too many states, or accepts nothing.
pub(super) fn build(pattern: &str) -> Result<Automaton> {
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .match_kind(MatchKind::All)
        .accelerate(false)
        .dfa_size_limit(Some(MAX_BYTES))
        .determinize_size_limit(Some(MAX_BYTES));
    let nfa = thompson::Config::new()
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(MAX_BYTES));
    let dfa = dense::Builder::new()
        .configure(config)
        .thompson(nfa)
        .build(pattern)
        .map_err(|_| too_large())?;
    let start = dfa
        .start_state(&start::Config::new().anchored(Anchored::Yes))
        .map_err(|error| Error::new(format!("the schema has no automaton: {error}")))?;
    let (edges, accepts) = walk(&dfa, start)?;
    let automaton = minimal(&trim(&edges, &accepts)?);
    if automaton.states.len() > MAX_STATES {
        return Err(too_large());
    }
    Ok(automaton)
}

fn too_large() -> Error {
    Error::new(format!("the schema needs more than {MAX_STATES} states"))
        .remedy("lower `maxLength`, `maxItems` or the number of alternatives")
}

type Edges = Vec<Vec<(u8, usize)>>;

/// All states that can be reached, in order of discovery.
fn walk(dfa: &dense::DFA<Vec<u32>>, start: StateID) -> Result<(Edges, Vec<bool>)> {
    let mut ids = HashMap::from([(start, 0)]);
    let mut queue = vec![start];
    let (mut edges, mut accepts) = (Vec::new(), Vec::new());
    while let Some(&state) = queue.get(edges.len()) {
        let mut out = Vec::new();
        for byte in 0..=u8::MAX {
            let next = dfa.next_state(state, byte);
            if dfa.is_dead_state(next) {
                continue;
            }
            let count = ids.len();
            let id = *ids.entry(next).or_insert(count);
            if id == count {
                queue.push(next);
            }
            out.push((byte, id));
        }
        edges.push(out);
        accepts.push(dfa.is_match_state(dfa.next_eoi_state(state)));
    }
    Ok((edges, accepts))
}

/// Drops states from which nothing is accepted, and joins neighbouring bytes.
fn trim(edges: &Edges, accepts: &[bool]) -> Result<Automaton> {
    let mut before = vec![Vec::new(); edges.len()];
    for (state, out) in edges.iter().enumerate() {
        for &(_, next) in out {
            before[next].push(state);
        }
    }
    let mut live = accepts.to_vec();
    let mut queue: Vec<usize> = (0..live.len()).filter(|&state| live[state]).collect();
    while let Some(state) = queue.pop() {
        for &previous in &before[state] {
            if !std::mem::replace(&mut live[previous], true) {
                queue.push(previous);
            }
        }
    }
    if !live[0] {
        return Err(Error::new("no value is valid against the schema"));
    }
    let mut count = 0;
    let ids: Vec<usize> = live
        .iter()
        .map(|&live| {
            count += usize::from(live);
            count.wrapping_sub(1)
        })
        .collect();
    let mut states = Vec::with_capacity(count);
    for (state, out) in edges.iter().enumerate().filter(|&(state, _)| live[state]) {
        let live = out.iter().filter(|&&(_, next)| live[next]);
        let edges = joined(live.map(|&(byte, next)| (byte, byte, ids[next] as u32)));
        states.push(State {
            edges,
            accepts: accepts[state],
        });
    }
    Ok(Automaton { states })
}

/// Joins states that no text tells apart: classes by what is accepted, refined by where edges lead
/// until none is split (Moore 1956).
fn minimal(automaton: &Automaton) -> Automaton {
    let states = &automaton.states;
    let mut classes: Vec<u32> = states
        .iter()
        .map(|state| u32::from(state.accepts))
        .collect();
    let mut count = 0;
    loop {
        let mut known = HashMap::new();
        let refined: Vec<u32> = states
            .iter()
            .zip(&classes)
            .map(|(state, &class)| {
                let edges: Vec<_> = joined(
                    state
                        .edges
                        .iter()
                        .map(|&(low, high, next)| (low, high, classes[next as usize])),
                );
                let index = known.len() as u32;
                *known.entry((class, edges)).or_insert(index)
            })
            .collect();
        let before = std::mem::replace(&mut count, known.len());
        classes = refined;
        if count == before {
            break;
        }
    }
    // Classes are numbered by their first states, so the beginning stays first.
    let mut states = vec![State::default(); count];
    for (state, &class) in automaton.states.iter().zip(&classes) {
        let edges = state.edges.iter();
        states[class as usize] = State {
            edges: joined(edges.map(|&(low, high, next)| (low, high, classes[next as usize]))),
            accepts: state.accepts,
        };
    }
    Automaton { states }
}

/// Edges with neighbouring bytes to the same state made one.
fn joined(edges: impl Iterator<Item = (u8, u8, u32)>) -> Vec<(u8, u8, u32)> {
    let mut joined: Vec<(u8, u8, u32)> = Vec::new();
    for (low, high, next) in edges {
        match joined.last_mut() {
            Some(last) if last.2 == next && u16::from(last.1) + 1 == u16::from(low) => {
                last.1 = high
            }
            _ => joined.push((low, high, next)),
        }
    }
    joined
}
