//! Byte pair encoding (Sennrich et al. 2016, arXiv:1508.07909) in the caller's buffer.

use super::{EncodeError, Tokenizer};

/// No merge.
const NONE: u32 = u32::MAX;

/// The caller's buffer: finished ids, then the symbols of the word at work in
/// the first half of what is free, and the ranks of its pairs in the second.
pub(super) struct Output<'o> {
    ids: &'o mut [u32],
    len: usize,
    symbols: usize,
}

impl<'o> Output<'o> {
    /// An empty output.
    pub(super) fn new(ids: &'o mut [u32]) -> Self {
        Self {
            ids,
            len: 0,
            symbols: 0,
        }
    }

    /// How many ids are finished.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds a finished id.
    pub(super) fn push(&mut self, id: u32) -> Result<(), EncodeError> {
        *self.ids.get_mut(self.len).ok_or(EncodeError)? = id;
        self.len += 1;
        Ok(())
    }

    /// Adds a symbol to the word at work.
    fn push_symbol(&mut self, symbol: u32) -> Result<(), EncodeError> {
        let count = self.symbols;
        *self.halves().0.get_mut(count).ok_or(EncodeError)? = symbol;
        self.symbols += 1;
        Ok(())
    }

    fn halves(&mut self) -> (&mut [u32], &mut [u32]) {
        let free = &mut self.ids[self.len..];
        free.split_at_mut(free.len().div_ceil(2))
    }
}

impl Tokenizer<'_> {
    /// Encodes a word of a byte-level tokenizer. Bytes without a token vanish
    /// before anything merges, as in Hugging Face's tokenizers.
    pub(super) fn encode_word(&self, word: &str, out: &mut Output<'_>) -> Result<(), EncodeError> {
        if let Some(id) = self.word(word) {
            return out.push(id);
        }
        self.push_bytes(word, out)?;
        self.finish_word(out)
    }

    /// Encodes a word of a byte-level tokenizer with its letters small, character by character, as
    /// Hugging Face's normalizer does.
    pub(super) fn encode_lowercase(
        &self,
        word: &str,
        out: &mut Output<'_>,
    ) -> Result<(), EncodeError> {
        for c in word.chars().flat_map(char::to_lowercase) {
            self.push_bytes(c.encode_utf8(&mut [0; 4]), out)?;
        }
        self.finish_word(out)
    }

    /// Adds the symbols of a text's bytes to the word at work.
    fn push_bytes(&self, text: &str, out: &mut Output<'_>) -> Result<(), EncodeError> {
        let mut symbols = text.bytes().filter_map(|byte| self.byte(byte));
        symbols.try_for_each(|symbol| out.push_symbol(symbol))
    }

    /// Encodes characters; those that are no symbol are bytes.
    pub(super) fn encode_chars(
        &self,
        chars: impl Iterator<Item = char>,
        out: &mut Output<'_>,
    ) -> Result<(), EncodeError> {
        for c in chars {
            match self.char(c) {
                Some(symbol) => out.push_symbol(symbol)?,
                None => {
                    let mut utf8 = [0; 4];
                    for byte in c.encode_utf8(&mut utf8).bytes() {
                        out.push_symbol(self.byte(byte).unwrap_or(NONE))?;
                    }
                }
            }
        }
        self.finish_word(out)
    }

    /// Merges the word at work and adds it to the finished ids.
    fn finish_word(&self, out: &mut Output<'_>) -> Result<(), EncodeError> {
        let count = core::mem::take(&mut out.symbols);
        let (symbols, ranks) = out.halves();
        let count = self.merge_all(&mut symbols[..count], ranks);
        self.expand(count, out)
    }

    /// Merges until no pair merges, the pair of lowest rank first, of equal
    /// ranks the leftmost. Returns how many symbols are left.
    ///
    /// Quadratic, but a step is a scan over one `u32` a symbol.
    fn merge_all(&self, symbols: &mut [u32], ranks: &mut [u32]) -> usize {
        let rank = |left, right| self.merge(left, right).map_or(NONE, |merge| merge.rank);
        let mut count = symbols.len();
        for index in 1..count {
            ranks[index - 1] = rank(symbols[index - 1], symbols[index]);
        }
        loop {
            let pairs = &ranks[..count.saturating_sub(1)];
            let lowest = pairs.iter().copied().min().unwrap_or(NONE);
            if lowest == NONE {
                return count;
            }
            let Some(at) = pairs.iter().position(|&rank| rank == lowest) else {
                return count;
            };
            let Some(merge) = self.merge(symbols[at], symbols[at + 1]) else {
                return count;
            };
            symbols[at] = merge.merged;
            symbols.copy_within(at + 2..count, at + 1);
            ranks.copy_within(at + 1..count - 1, at);
            count -= 1;
            if at > 0 {
                ranks[at - 1] = rank(symbols[at - 1], symbols[at]);
            }
            if at + 1 < count {
                ranks[at] = rank(symbols[at], symbols[at + 1]);
            }
        }
    }

    /// Turns characters without a token into byte tokens, from the right so
    /// that nothing is overwritten before it is read.
    fn expand(&self, count: usize, out: &mut Output<'_>) -> Result<(), EncodeError> {
        let free = &mut out.ids[out.len..];
        let width = |symbol: u32| match symbol < self.vocab_size {
            true => 1,
            false => self.symbol_bytes(symbol).len(),
        };
        let mut end: usize = free[..count].iter().map(|&symbol| width(symbol)).sum();
        out.len += end;
        if end > free.len() {
            return Err(EncodeError);
        }
        for index in (0..count).rev() {
            let symbol = free[index];
            if symbol < self.vocab_size {
                end -= 1;
                free[end] = symbol;
            } else {
                for &byte in self.symbol_bytes(symbol).iter().rev() {
                    end -= 1;
                    free[end] = self.byte(byte).unwrap_or(NONE);
                }
            }
        }
        Ok(())
    }
}
