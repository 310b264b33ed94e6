//! Look-ups in the baked tables.

use super::Tokenizer;
use super::class::Class;
use super::split::Characters;

/// An added token, and how it is found.
#[derive(Clone, Copy)]
pub(super) struct Added {
    pub(super) id: u32,
    flags: u32,
}

impl Added {
    /// Found only where special tokens are asked for: flag 1.
    fn special(self) -> bool {
        self.flags & 1 != 0
    }

    /// Swallows white space on its left: flag 2.
    pub(super) fn strip_left(self) -> bool {
        self.flags & 2 != 0
    }

    /// Swallows white space on its right: flag 4.
    pub(super) fn strip_right(self) -> bool {
        self.flags & 4 != 0
    }

    /// Found in the text as the model takes it, not as it is written: flag 8.
    fn late(self) -> bool {
        self.flags & 8 != 0
    }

    /// The symbol whose bytes it is found by: its own, if the flags above those are 0.
    fn symbol(self) -> u32 {
        match self.flags >> 4 {
            0 => self.id,
            symbol => symbol,
        }
    }
}

/// What two neighbours become.
#[derive(Clone, Copy)]
pub(super) struct Merge {
    /// Priority; 0 is first.
    pub(super) rank: u32,
    /// The symbol that they become.
    pub(super) merged: u32,
}

/// The hash of a pair of symbols: the slot is `hash * slots >> 32`.
#[doc(hidden)]
pub const fn merge_hash(left: u32, right: u32) -> u32 {
    let mixed = (left ^ right.rotate_left(16)).wrapping_mul(0x9e37_79b1);
    (mixed ^ (mixed >> 15) ^ right).wrapping_mul(0x85eb_ca6b)
}

impl Tokenizer<'_> {
    /// The bytes of a token or of a character without a token.
    pub(super) fn symbol_bytes(&self, symbol: u32) -> &[u8] {
        let index = symbol as usize;
        let start = match index {
            0 => 0,
            _ => entry(self.piece_ends, index - 1) as usize,
        };
        &self.piece_bytes[start..entry(self.piece_ends, index) as usize]
    }

    /// The token of a byte, if it has one.
    pub(super) fn byte(&self, byte: u8) -> Option<u32> {
        Some(entry(self.bytes, byte as usize)).filter(|&id| id != u32::MAX)
    }

    /// The symbol of a character, if it has one.
    pub(super) fn char(&self, c: char) -> Option<u32> {
        let index = partition_point(self.alphabet.len() / 8, |index| {
            entry(self.alphabet, 2 * index) < c as u32
        });
        (index < self.alphabet.len() / 8 && entry(self.alphabet, 2 * index) == c as u32)
            .then(|| entry(self.alphabet, 2 * index + 1))
    }

    /// The class of a character, by the table.
    pub(super) fn class(&self, c: char) -> Class {
        let run = partition_point(self.classes.len() / 4, |index| {
            entry(self.classes, index) >> Class::BITS <= c as u32
        });
        match run {
            0 => Class::Other,
            _ => Class::of(entry(self.classes, run - 1)),
        }
    }

    /// The token that is a whole word, if there is one.
    pub(super) fn word(&self, word: &impl Characters) -> Option<u32> {
        let compare = |index| {
            let token = self.symbol_bytes(entry(self.words, index));
            token.iter().copied().cmp(word.clone().flat_map(utf8))
        };
        let count = self.words.len() / 4;
        let index = partition_point(count, |index| compare(index).is_lt());
        (index < count && compare(index).is_eq()).then(|| entry(self.words, index))
    }

    /// What two neighbours become, if they merge.
    pub(super) fn merge(&self, left: u32, right: u32) -> Option<Merge> {
        let slots = self.merges.len() / 16;
        let mut slot = ((merge_hash(left, right) as u64 * slots as u64) >> 32) as usize;
        loop {
            if slot == slots {
                slot = 0;
            }
            let record = self.merges.get(16 * slot..16 * slot + 16)?;
            if entry(record, 0) == u32::MAX {
                return None;
            }
            if entry(record, 0) == left && entry(record, 1) == right {
                return Some(Merge {
                    rank: entry(record, 2),
                    merged: entry(record, 3),
                });
            }
            slot += 1;
        }
    }

    /// The text that an added token is found by.
    pub(super) fn added_text(&self, added: Added) -> &[u8] {
        self.symbol_bytes(added.symbol())
    }

    /// The longest added token that a text of these bytes begins with: of those that are found
    /// in it as it is written, or `late` of the others.
    pub(super) fn added_at(
        &self,
        text: impl Iterator<Item = u8> + Clone,
        late: bool,
        parse_special: bool,
    ) -> Option<Added> {
        let count = self.added.len() / 8;
        let first = text.clone().next()?;
        let added = |index| Added {
            id: entry(self.added, 2 * index),
            flags: entry(self.added, 2 * index + 1),
        };
        let from = partition_point(count, |index| self.added_text(added(index))[0] < first);
        (from..count)
            .map(added)
            .take_while(|&added| self.added_text(added)[0] == first)
            .filter(|added| added.late() == late && (parse_special || !added.special()))
            .find(|&added| {
                let found_by = self.added_text(added).iter().copied();
                let mut text = text.clone();
                found_by.map(Some).all(|byte| text.next() == byte)
            })
    }
}

/// The bytes of a character.
pub(super) fn utf8(c: char) -> impl Iterator<Item = u8> + Clone {
    let mut bytes = [0; 4];
    let len = c.encode_utf8(&mut bytes).len();
    bytes.into_iter().take(len)
}

/// Element `index` of a table of little-endian `u32`.
pub(super) fn entry(table: &[u8], index: usize) -> u32 {
    let bytes = &table[4 * index..4 * index + 4];
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// The first index below `count` that is not `before`, else `count`.
pub(super) fn partition_point(count: usize, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
