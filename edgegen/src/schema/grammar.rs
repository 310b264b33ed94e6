//! Automaton × vocabulary → the tables of the generated crate.

use std::collections::HashMap;
use std::ops::Range;

use edgegen_templates::grammar as runtime;

use crate::error::{Error, Result};
use crate::model::{TokenClass, Tokenizer};

use super::automaton::Automaton;

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

impl Grammar {
    /// Finds out which tokens each state allows.
    ///
    /// # Errors
    ///
    /// When no sequence of tokens spells an answer, or there are too many masks.
    pub(super) fn new(automaton: &Automaton, tokenizer: &Tokenizer) -> Result<Self> {
        let vocabulary = Vocabulary::new(tokenizer);
        let reached: Vec<Vec<(u32, u32)>> = (0..automaton.states.len())
            .map(|state| vocabulary.reached(automaton, state as u32))
            .collect();
        let distances = distances(automaton, &reached);
        if distances[0] == NEVER {
            return Err(
                Error::new("the vocabulary has no tokens for what the schema needs").remedy(
                    "the schema's names and values must be spelled in bytes that the tokenizer has",
                ),
            );
        }
        let vocab_size = tokenizer.tokens().len() as u32;
        let mut masks = Masks::new(vocab_size);
        let (mut states, mut edges) = (Vec::new(), Vec::new());
        for (state, out) in automaton.states.iter().enumerate() {
            let stop = tokenizer.stop().iter().copied().filter(|_| out.accepts);
            let mut ids: Vec<u32> = reached[state]
                .iter()
                .filter(|&&(_, next)| distances[next as usize] != NEVER)
                .map(|&(id, _)| id)
                .chain(stop)
                .collect();
            ids.sort_unstable();
            let mask = masks.index(&ids)?;
            states.extend(((edges.len() / 4) as u32).to_le_bytes());
            states.extend(mask.to_le_bytes());
            states.extend(distances[state].to_le_bytes());
            for &(low, high, next) in &out.edges {
                edges.extend([low, high]);
                edges.extend((next as u16).to_le_bytes());
            }
        }
        states.extend(((edges.len() / 4) as u32).to_le_bytes());
        let longest = distances
            .iter()
            .filter(|&&distance| distance != NEVER)
            .max();
        let mut blob = Vec::new();
        let sections = [states, edges, masks.ends, masks.bytes].map(|table| {
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

/// The tokens that are text, by their bytes.
struct Vocabulary<'t> {
    tokens: Vec<(&'t [u8], u32)>,
}

impl<'t> Vocabulary<'t> {
    fn new(tokenizer: &'t Tokenizer) -> Self {
        let text = |class| {
            matches!(
                class,
                TokenClass::Normal | TokenClass::UserDefined | TokenClass::Byte
            )
        };
        let mut tokens: Vec<(&[u8], u32)> = tokenizer
            .tokens()
            .iter()
            .zip(0..)
            .filter(|(token, id)| {
                text(token.class) && !token.bytes.is_empty() && !tokenizer.stop().contains(id)
            })
            .map(|(token, id)| (&token.bytes[..], id))
            .collect();
        tokens.sort_unstable();
        Self { tokens }
    }

    /// The tokens that a state allows, and where they lead. Tokens are in order, so what they
    /// begin with in common is walked once, and a beginning that leads nowhere is passed over.
    fn reached(&self, automaton: &Automaton, state: u32) -> Vec<(u32, u32)> {
        let mut reached = Vec::new();
        // The states after each byte of the last token.
        let mut path: Vec<u32> = Vec::new();
        let mut last: &[u8] = &[];
        let mut at = 0;
        while let Some(&(bytes, id)) = self.tokens.get(at) {
            let common = bytes.iter().zip(last).take_while(|(a, b)| a == b).count();
            path.truncate(common);
            while path.len() < bytes.len() {
                let from = path.last().copied().unwrap_or(state);
                match automaton.next(from, bytes[path.len()]) {
                    Some(next) => path.push(next),
                    None => break,
                }
            }
            last = bytes;
            if path.len() == bytes.len() {
                reached.push((id, path[bytes.len() - 1]));
                at += 1;
            } else {
                let dead = &bytes[..=path.len()];
                at += self.tokens[at..].partition_point(|(bytes, _)| bytes.starts_with(dead));
            }
        }
        reached
    }
}

/// The least number of tokens from each state to an end.
fn distances(automaton: &Automaton, reached: &[Vec<(u32, u32)>]) -> Vec<u16> {
    let mut before: Vec<Vec<u32>> = vec![Vec::new(); reached.len()];
    for (state, tokens) in reached.iter().enumerate() {
        let mut next: Vec<u32> = tokens.iter().map(|&(_, next)| next).collect();
        next.sort_unstable();
        next.dedup();
        for next in next {
            before[next as usize].push(state as u32);
        }
    }
    let mut distances = vec![NEVER; reached.len()];
    let accepting = (0..reached.len()).filter(|&state| automaton.states[state].accepts);
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
    vocab_size: u32,
    known: HashMap<Vec<u8>, u16>,
    ends: Vec<u8>,
    bytes: Vec<u8>,
}

impl Masks {
    fn new(vocab_size: u32) -> Self {
        Self {
            vocab_size,
            known: HashMap::new(),
            ends: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// The index of the mask that allows these ids, which ascend.
    fn index(&mut self, ids: &[u32]) -> Result<u16> {
        let bitmap_len = self.vocab_size.div_ceil(8) as usize;
        let width = if self.vocab_size > 1 << 16 { 4 } else { 2 };
        let mask = if ids.len() * width < bitmap_len {
            let bytes = ids.iter().map(|id| id.to_le_bytes());
            bytes.flat_map(|id| id.into_iter().take(width)).collect()
        } else {
            let mut bits = vec![0; bitmap_len];
            for id in ids {
                bits[(id / 8) as usize] |= 1 << (id % 8);
            }
            bits
        };
        if let Some(&index) = self.known.get(&mask) {
            return Ok(index);
        }
        let index = u16::try_from(self.known.len());
        let end = u32::try_from(self.bytes.len() + mask.len());
        let (Ok(index), Ok(end)) = (index, end) else {
            return Err(Error::new("the schema's masks exceed 4 GB or 65,536")
                .remedy("lower `maxLength`, `maxItems` or the number of alternatives"));
        };
        self.bytes.extend_from_slice(&mask);
        self.ends.extend(end.to_le_bytes());
        self.known.insert(mask, index);
        Ok(index)
    }
}
