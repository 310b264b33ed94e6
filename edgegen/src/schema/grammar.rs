//! Automaton × vocabulary → the tables of the generated crate.

use std::ops::Range;

use edgegen_templates::grammar as runtime;
use indexmap::IndexSet;

use crate::error::{Error, Result};
use crate::model::Tokenizer;

use super::automaton::Automaton;
use super::vocabulary::{Table, Vocabulary};

/// The tables of a grammar, packed. The same schema and tokenizer give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grammar {
    blob: Vec<u8>,
    /// States, edges, ends of masks, masks.
    sections: [Range<usize>; 4],
    vocab_size: u32,
    longest: u32,
}

/// No way to an end.
const NEVER: u16 = u16::MAX;
/// Most bytes of all masks.
const MAX_MASKS: usize = 64 << 20;
/// Most pairs of states, one of which a token leads to from the other.
const MAX_PAIRS: usize = 1 << 25;

impl Grammar {
    /// Finds out which tokens each state allows.
    ///
    /// # Errors
    ///
    /// When no sequence of tokens spells an answer, or the masks are too large.
    pub(super) fn new(automaton: &Automaton, tokenizer: &Tokenizer) -> Result<Self> {
        let vocab_size = tokenizer.tokens().len() as u32;
        let Tables {
            mask_of,
            masks,
            distances,
        } = tables(automaton, tokenizer)?;
        let (mut states, mut edges) = (Vec::new(), Vec::new());
        for ((state, mask), distance) in automaton.states.iter().zip(mask_of).zip(&distances) {
            states.extend(((edges.len() / 4) as u32).to_le_bytes());
            states.extend(mask.to_le_bytes());
            states.extend(distance.to_le_bytes());
            for edge in &state.edges {
                edges.extend([edge.low, edge.high]);
                edges.extend((edge.next as u16).to_le_bytes());
            }
        }
        states.extend(((edges.len() / 4) as u32).to_le_bytes());
        let (mut ends, mut bits) = (Vec::new(), Vec::new());
        for mask in masks {
            bits.extend(mask);
            ends.extend((bits.len() as u32).to_le_bytes());
        }
        let longest = distances
            .iter()
            .filter(|&&distance| distance != NEVER)
            .max();
        let mut blob = Vec::new();
        let sections = [states, edges, ends, bits].map(|table| {
            let start = blob.len();
            blob.extend_from_slice(&table);
            start..blob.len()
        });
        Ok(Self {
            blob,
            sections,
            vocab_size,
            longest: longest.map_or(0, |&longest| u32::from(longest)),
        })
    }

    /// The grammar that the generated crate contains.
    pub fn runtime(&self) -> runtime::Grammar<'_> {
        let [states, edges, mask_ends, masks] = self
            .sections
            .each_ref()
            .map(|range| &self.blob[range.clone()]);
        runtime::Grammar {
            states,
            edges,
            mask_ends,
            masks,
            vocab_size: self.vocab_size,
            longest: self.longest,
        }
    }

    /// All tables, one after another: `weights/grammar.bin`.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Where in the blob the tables are, in the order of the run-time fields.
    pub(crate) fn sections(&self) -> &[Range<usize>; 4] {
        &self.sections
    }
}

/// What the tokens of a vocabulary do in an automaton.
struct Tables {
    /// The mask of each state.
    mask_of: Vec<u16>,
    /// In the order of their first states.
    masks: Vec<Vec<u8>>,
    /// The least number of tokens from each state to an end.
    distances: Vec<u16>,
}

fn tables(automaton: &Automaton, tokenizer: &Tokenizer) -> Result<Tables> {
    let vocabulary = Vocabulary::new(tokenizer);
    let vocab_size = tokenizer.tokens().len();
    let table = Table::new(automaton);
    let stop = |state: usize| {
        let stop = tokenizer.stop().iter().copied();
        stop.filter(move |_| automaton.states[state].accepts)
    };
    let count = automaton.states.len();
    let mut masks = Masks::new(vocab_size);
    let mut before: Vec<Vec<u32>> = vec![Vec::new(); count];
    let mut last_seen = vec![u32::MAX; count];
    let mut pairs = 0;
    let mut mask_of = Vec::with_capacity(count);
    for state in 0..count {
        let mut ids: Vec<u32> = stop(state).collect();
        vocabulary.walk(&table, state as u32, |tokens, next| {
            ids.extend(tokens);
            if std::mem::replace(&mut last_seen[next as usize], state as u32) != state as u32 {
                before[next as usize].push(state as u32);
                pairs += 1;
            }
        });
        if pairs > MAX_PAIRS {
            return Err(too_large(vocab_size));
        }
        mask_of.push(masks.index(ids)?);
    }
    let distances = distances(automaton, &before);
    if distances[0] == NEVER {
        return Err(
            Error::new("the vocabulary has no tokens for what the schema needs").remedy(
                "the schema's names and values must be spelled in bytes that the tokenizer has",
            ),
        );
    }
    // Tokens that lead to where no end can be spelled are taken out.
    let blind = (0..count).filter(|&state| distances[state] == NEVER);
    let mut again: Vec<u32> = blind
        .flat_map(|state| before[state].iter().copied())
        .collect();
    again.sort_unstable();
    again.dedup();
    for state in again {
        let mut ids: Vec<u32> = stop(state as usize).collect();
        vocabulary.walk(&table, state, |tokens, next| {
            if distances[next as usize] != NEVER {
                ids.extend(tokens);
            }
        });
        mask_of[state as usize] = masks.index(ids)?;
    }
    let mut used = IndexSet::new();
    let mask_of = mask_of
        .iter()
        .map(|mask| used.insert_full(mask).0 as u16)
        .collect();
    let masks = used
        .iter()
        .map(|&&mask| masks.known[mask].clone())
        .collect();
    Ok(Tables {
        mask_of,
        masks,
        distances,
    })
}

fn too_large(vocab_size: usize) -> Error {
    Error::new(format!(
        "the schema's tables for {vocab_size} tokens take more than {} MB",
        MAX_MASKS >> 20
    ))
    .remedy("lower `maxLength`, `maxItems` or the number of properties and alternatives, or keep fewer tokens")
}

/// The least number of tokens from each state to an end, where tokens lead to each state from those
/// `before` it.
fn distances(automaton: &Automaton, before: &[Vec<u32>]) -> Vec<u16> {
    let mut distances = vec![NEVER; before.len()];
    let accepting = (0..before.len()).filter(|&state| automaton.states[state].accepts);
    let mut ring: Vec<u32> = accepting.map(|state| state as u32).collect();
    for distance in 0..NEVER {
        let mut next = Vec::new();
        for &state in &ring {
            if distances[state as usize] == NEVER {
                distances[state as usize] = distance;
                next.extend(&before[state as usize]);
            }
        }
        if next.is_empty() {
            break;
        }
        ring = next;
    }
    distances
}

/// Masks, each kept once.
struct Masks {
    vocab_size: usize,
    known: IndexSet<Vec<u8>>,
    bytes: usize,
}

impl Masks {
    fn new(vocab_size: usize) -> Self {
        Self {
            vocab_size,
            known: IndexSet::new(),
            bytes: 0,
        }
    }

    /// The index of the mask that allows these ids.
    fn index(&mut self, mut ids: Vec<u32>) -> Result<usize> {
        let bitmap_len = self.vocab_size.div_ceil(8);
        let width = if self.vocab_size > 1 << 16 { 4 } else { 2 };
        let mask: Vec<u8> = if ids.len() * width < bitmap_len {
            ids.sort_unstable();
            let bytes = ids.iter().map(|id| id.to_le_bytes());
            bytes.flat_map(|id| id.into_iter().take(width)).collect()
        } else {
            let mut bits = vec![0; bitmap_len];
            for id in ids {
                bits[(id / 8) as usize] |= 1 << (id % 8);
            }
            bits
        };
        let len = mask.len();
        let (index, new) = self.known.insert_full(mask);
        if new {
            self.bytes += len;
        }
        if self.bytes > MAX_MASKS {
            return Err(too_large(self.vocab_size));
        }
        Ok(index)
    }
}
