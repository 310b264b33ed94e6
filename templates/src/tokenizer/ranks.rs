//! The ranks of a word's pairs, with the lowest found in logarithmic time.

/// No rank: a pair that does not merge.
pub(super) const NONE: u32 = u32::MAX;

/// What is no rank: marks of the caller's, and [`NONE`].
pub(super) const NO_RANK: u32 = 1 << 31;

/// Entries of a block, of which the level above knows the lowest.
const BLOCK: usize = 16;

/// Levels above the ranks: more than the buffer of any machine has room for.
const LEVELS: usize = 8;

/// Ranks by place, and above them level by level the lowest of each block. There are as many levels
/// as the buffer has room for; what is above the last is searched entry by entry.
pub(super) struct Ranks<'r> {
    /// Level after level.
    words: &'r mut [u32],
    /// Where each level begins, and the last ends.
    starts: [usize; LEVELS + 1],
    /// The last level.
    top: usize,
}

impl<'r> Ranks<'r> {
    /// The first `count` entries of the buffer are the ranks; what follows is for the levels.
    pub(super) fn new(words: &'r mut [u32], count: usize) -> Self {
        let mut ranks = Self {
            words,
            starts: [0; LEVELS + 1],
            top: 0,
        };
        ranks.starts[1] = count;
        let mut len = count;
        while len > BLOCK && ranks.top + 1 < LEVELS {
            let start = ranks.starts[ranks.top + 1];
            len = len.div_ceil(BLOCK);
            if start + len > ranks.words.len() {
                break;
            }
            for block in 0..len {
                ranks.words[start + block] = ranks.lowest_of(ranks.top, block);
            }
            ranks.top += 1;
            ranks.starts[ranks.top + 1] = start + len;
        }
        ranks
    }

    /// The entry at a place.
    pub(super) fn get(&self, place: usize) -> u32 {
        self.words[place]
    }

    /// Sets the entry at a place.
    pub(super) fn set(&mut self, place: usize, rank: u32) {
        self.words[place] = rank;
        let mut block = place;
        for level in 0..self.top {
            block /= BLOCK;
            let lowest = self.lowest_of(level, block);
            let above = &mut self.words[self.starts[level + 1] + block];
            if *above == lowest {
                return;
            }
            *above = lowest;
        }
    }

    /// The first place of the lowest rank, if there is a rank.
    pub(super) fn lowest(&self) -> Option<usize> {
        let top = &self.words[self.starts[self.top]..self.starts[self.top + 1]];
        let lowest = least(top);
        if lowest >= NO_RANK {
            return None;
        }
        let mut place = first(top, lowest);
        for level in (0..self.top).rev() {
            place = place * BLOCK + first(self.block(level, place), lowest);
        }
        Some(place)
    }

    fn lowest_of(&self, level: usize, block: usize) -> u32 {
        least(self.block(level, block))
    }

    fn block(&self, level: usize, block: usize) -> &[u32] {
        let (start, end) = (self.starts[level], self.starts[level + 1]);
        let start = start + block * BLOCK;
        &self.words[start..end.min(start + BLOCK)]
    }
}

fn least(entries: &[u32]) -> u32 {
    entries.iter().fold(NONE, |least, &entry| least.min(entry))
}

/// The first place of an entry that is there.
fn first(entries: &[u32], wanted: u32) -> usize {
    entries.iter().take_while(|&&entry| entry != wanted).count()
}
