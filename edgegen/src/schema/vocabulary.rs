//! A vocabulary as a tree of its tokens' bytes: which of them each state of an automaton allows.

use crate::model::{TokenClass, Tokenizer};

use super::automaton::Automaton;

/// The tokens that are text, by their bytes.
pub(super) struct Vocabulary {
    /// Beginnings of tokens: each is followed by those that it begins, in the order of bytes.
    beginnings: Vec<Beginning>,
    /// Ids of tokens in the order of their bytes.
    ids: Vec<u32>,
    /// Number of bytes of the longest token.
    longest: usize,
}

/// What one token or many begin with.
struct Beginning {
    /// Its last byte.
    byte: u8,
    /// Number of bytes before that.
    depth: u16,
    /// Behind the last of those that it begins.
    end: u32,
    /// Where in `ids` the tokens begin that consist of it; they end where those of the next do.
    tokens: u32,
}

impl Vocabulary {
    pub(super) fn new(tokenizer: &Tokenizer) -> Self {
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
        let mut beginnings: Vec<Beginning> = Vec::new();
        // Those of the last token.
        let mut open: Vec<usize> = Vec::new();
        for (&(bytes, _), token) in tokens.iter().zip(0..) {
            let known = |&(&byte, &index): &(&u8, &usize)| beginnings[index].byte == byte;
            let common = bytes.iter().zip(&open).take_while(known).count();
            for index in open.drain(common..) {
                beginnings[index].end = beginnings.len() as u32;
            }
            for (&byte, depth) in bytes.iter().zip(0..).skip(common) {
                open.push(beginnings.len());
                beginnings.push(Beginning {
                    byte,
                    depth,
                    end: 0,
                    tokens: token,
                });
            }
        }
        for index in open {
            beginnings[index].end = beginnings.len() as u32;
        }
        Self {
            beginnings,
            ids: tokens.iter().map(|&(_, id)| id).collect(),
            longest: tokens
                .iter()
                .map(|(bytes, _)| bytes.len())
                .max()
                .unwrap_or(0),
        }
    }

    /// Calls `found` with the tokens that a state allows, and where they lead. What tokens begin
    /// with in common is walked once, and a beginning that leads nowhere is passed over.
    pub(super) fn walk(&self, table: &Table, state: u32, mut found: impl FnMut(&[u32], u32)) {
        // The states before each byte.
        let mut path = vec![state; self.longest + 1];
        let mut at = 0;
        while let Some(beginning) = self.beginnings.get(at) {
            let depth = usize::from(beginning.depth);
            let Some(next) = table.next(path[depth], beginning.byte) else {
                at = beginning.end as usize;
                continue;
            };
            path[depth + 1] = next;
            at += 1;
            let behind = self.beginnings.get(at);
            let end = behind.map_or(self.ids.len(), |next| next.tokens as usize);
            let tokens = &self.ids[beginning.tokens as usize..end];
            if !tokens.is_empty() {
                found(tokens, next);
            }
        }
    }
}

/// Where each byte leads from each state, at once.
pub(super) struct Table {
    /// Bytes that lead to the same states from all.
    classes: [u8; 256],
    /// Number of classes.
    width: usize,
    /// For each state and class the next state, or [`Table::NONE`].
    next: Vec<u16>,
}

impl Table {
    const NONE: u16 = u16::MAX;

    pub(super) fn new(automaton: &Automaton) -> Self {
        let edges = || automaton.states.iter().flat_map(|state| &state.edges);
        let mut begins = [false; 256];
        for edge in edges() {
            begins[edge.low as usize] = true;
            if let Some(behind) = edge.high.checked_add(1) {
                begins[behind as usize] = true;
            }
        }
        let mut classes = [0; 256];
        for byte in 1..256 {
            classes[byte] = classes[byte - 1] + u8::from(begins[byte]);
        }
        let width = usize::from(classes[255]) + 1;
        let mut next = vec![Self::NONE; width * automaton.states.len()];
        for (state, row) in automaton.states.iter().zip(next.chunks_exact_mut(width)) {
            for edge in &state.edges {
                let (low, high) = (classes[edge.low as usize], classes[edge.high as usize]);
                row[low as usize..=high as usize].fill(edge.next as u16);
            }
        }
        Self {
            classes,
            width,
            next,
        }
    }

    fn next(&self, state: u32, byte: u8) -> Option<u32> {
        let class = usize::from(self.classes[byte as usize]);
        let next = self.next[state as usize * self.width + class];
        (next != Self::NONE).then_some(u32::from(next))
    }
}
