//! What a token is merged from.

use std::collections::{BTreeSet, HashMap};

use crate::model::tables::byte_tokens;
use crate::model::{Scheme, Tokenizer};

/// The merges of a tokenizer, to follow how they make a token.
///
/// Inside a text, a token is made by the same merges as alone: those within it happen in the same
/// order, whatever happens around them.
pub(super) struct Derivations<'t> {
    tokenizer: &'t Tokenizer,
    /// Rank and result of each pair.
    merges: HashMap<(u32, u32), (u32, u32)>,
    bytes: [Option<u32>; 256],
}

impl<'t> Derivations<'t> {
    pub(super) fn new(tokenizer: &'t Tokenizer) -> Self {
        let merges = tokenizer.merges().iter();
        Self {
            tokenizer,
            merges: merges
                .map(|merge| ((merge.left, merge.right), (merge.rank, merge.merged)))
                .collect(),
            bytes: byte_tokens(tokenizer),
        }
    }

    /// The token and all tokens that it is merged from; the token alone where merges do not lead
    /// to it.
    pub(super) fn of(&self, id: u32) -> BTreeSet<u32> {
        let mut symbols = self.first_symbols(id);
        let mut seen: BTreeSet<u32> = symbols.iter().copied().collect();
        while let Some((at, merged)) = self.next(&symbols) {
            symbols[at] = merged;
            symbols.remove(at + 1);
            seen.insert(merged);
        }
        if symbols != [id] {
            return BTreeSet::from([id]);
        }
        // Larger symbols are characters without a token.
        seen.split_off(&(self.tokenizer.tokens().len() as u32));
        seen
    }

    /// Where the next merge is, and what it makes: the lowest rank first, of equals the leftmost.
    fn next(&self, symbols: &[u32]) -> Option<(usize, u32)> {
        symbols
            .windows(2)
            .enumerate()
            .filter_map(|(at, pair)| {
                let &(rank, merged) = self.merges.get(&(pair[0], pair[1]))?;
                Some((rank, at, merged))
            })
            .min()
            .map(|(_, at, merged)| (at, merged))
    }

    fn first_symbols(&self, id: u32) -> Vec<u32> {
        let bytes = &self.tokenizer.tokens()[id as usize].bytes;
        let of_bytes = |bytes: &[u8]| -> Vec<u32> {
            let tokens = bytes
                .iter()
                .filter_map(|&byte| self.bytes[usize::from(byte)]);
            tokens.collect()
        };
        match (self.tokenizer.scheme(), std::str::from_utf8(bytes)) {
            (Scheme::SentencePiece(scheme), Ok(text)) => text
                .chars()
                .flat_map(|c| match scheme.symbol(c) {
                    Some(symbol) => vec![symbol],
                    None => of_bytes(c.encode_utf8(&mut [0; 4]).as_bytes()),
                })
                .collect(),
            _ => of_bytes(bytes),
        }
    }
}
