//! Byte pair encoding (Sennrich et al. 2016, arXiv:1508.07909) in the caller's buffer.

use super::ranks::{NO_RANK, NONE, Ranks};
use super::split::Characters;
use super::tables::utf8;
use super::{EncodeError, Tokenizer};

/// The mark of a dead place. In the second place of a symbol it is less by the symbol's places, so
/// that no mark is [`NONE`] or a rank.
const DEAD: u32 = NONE - 1;

/// The most symbols of a word that is merged the plain way.
const SHORT: usize = 32;

/// The caller's buffer: finished ids, then the symbols of the word at work, of which at least as much is
/// kept free as they take: for the ranks of their pairs.
pub(super) struct Output<'o> {
    ids: &'o mut [u32],
    len: usize,
    symbols: usize,
}

impl<'o> Output<'o> {
    /// An empty output. Of a buffer beyond reason only so much is used as marks can count.
    pub(super) fn new(ids: &'o mut [u32]) -> Self {
        let most = ids.len().min(NO_RANK as usize);
        Self {
            ids: &mut ids[..most],
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
        let free = &mut self.ids[self.len..];
        let most = free.len().div_ceil(2);
        *free[..most].get_mut(self.symbols).ok_or(EncodeError)? = symbol;
        self.symbols += 1;
        Ok(())
    }
}

/// The first place of the symbol before the one at `place`, which is not the first.
fn before(symbols: &[u32], ranks: &Ranks<'_>, place: usize) -> usize {
    let last = place - 1;
    match last > 0 && is_dead(ranks.get(last - 1)) {
        true => symbols[last] as usize,
        false => last,
    }
}

/// Where the symbol at `place` ends.
fn after(ranks: &Ranks<'_>, place: usize, count: usize) -> usize {
    match place + 1 < count && is_dead(ranks.get(place)) {
        true => place + (DEAD - ranks.get(place)) as usize,
        false => place + 1,
    }
}

fn is_dead(mark: u32) -> bool {
    (NO_RANK..NONE).contains(&mark)
}

impl Tokenizer<'_> {
    /// Encodes a word of a byte-level tokenizer. Bytes without a token vanish
    /// before anything merges, as in Hugging Face's tokenizers.
    pub(super) fn encode_word(
        &self,
        word: impl Characters,
        out: &mut Output<'_>,
    ) -> Result<(), EncodeError> {
        if let Some(id) = self.word(&word) {
            return out.push(id);
        }
        let mut symbols = word.flat_map(utf8).filter_map(|byte| self.byte(byte));
        symbols.try_for_each(|symbol| out.push_symbol(symbol))?;
        self.finish_word(out)
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
                    for byte in utf8(c) {
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
        let (symbols, free) = out.ids[out.len..].split_at_mut(count);
        let count = self.merge_all(symbols, free);
        self.expand(count, out)
    }

    /// Merges until no pair merges, the pair of lowest rank first, of equal
    /// ranks the leftmost. Returns how many symbols are left.
    fn merge_all(&self, symbols: &mut [u32], free: &mut [u32]) -> usize {
        for place in 1..symbols.len() {
            free[place - 1] = self.rank(symbols[place - 1], symbols[place]);
        }
        match symbols.len() <= SHORT {
            true => self.merge_short(symbols, free),
            false => self.merge_long(symbols, free),
        }
    }

    #[inline]
    fn rank(&self, left: u32, right: u32) -> u32 {
        self.merge(left, right).map_or(NONE, |merge| merge.rank)
    }

    /// The plain way, quadratic: a step is a scan over one `u32` a symbol, and what follows moves up.
    fn merge_short(&self, symbols: &mut [u32], ranks: &mut [u32]) -> usize {
        let mut count = symbols.len();
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
                ranks[at - 1] = self.rank(symbols[at - 1], symbols[at]);
            }
            if at + 1 < count {
                ranks[at] = self.rank(symbols[at], symbols[at + 1]);
            }
        }
    }

    /// The fast way for a long word. Nothing moves before the end: a merged symbol stays at the place
    /// of its first part, and the other places of its parts are dead. Rank `place - 1` is that of the pair of the symbol at
    /// `place` and the one before it; of a dead place it is a mark: in the second place of a symbol
    /// [`DEAD`] less how many places the symbol takes. In the last place of a symbol of several,
    /// `symbols` has its first place.
    fn merge_long(&self, symbols: &mut [u32], free: &mut [u32]) -> usize {
        let count = symbols.len();
        let mut ranks = Ranks::new(free, count - 1);
        while let Some(place) = ranks.lowest() {
            let right = place + 1;
            let left = before(symbols, &ranks, right);
            let after = after(&ranks, right, count);
            let Some(merge) = self.merge(symbols[left], symbols[right]) else {
                break;
            };
            symbols[left] = merge.merged;
            symbols[after - 1] = left as u32;
            ranks.set(right - 1, DEAD);
            ranks.set(left, DEAD - (after - left) as u32);
            if left > 0 {
                let further = before(symbols, &ranks, left);
                ranks.set(left - 1, self.rank(symbols[further], merge.merged));
            }
            if after < count {
                ranks.set(after - 1, self.rank(merge.merged, symbols[after]));
            }
        }
        let (mut place, mut left) = (0, 0);
        while place < count {
            symbols[left] = symbols[place];
            left += 1;
            place = after(&ranks, place, count);
        }
        left
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
