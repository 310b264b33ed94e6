//! Unicode's normalization form C (UAX 15), a character at a time and without memory for the text:
//! also a letter with any number of marks takes time that grows with their number.

use core::str::Chars;

use super::tables::{entry, partition_point};

/// The characters of a text in normalization form C.
#[derive(Debug, Clone)]
pub(super) struct Nfc<'t> {
    /// What follows the marks.
    rest: Decomposed<'t>,
    /// The marks of the character that was given last.
    marks: Option<Marks<'t>>,
}

impl<'t> Nfc<'t> {
    /// The characters of a text.
    pub(super) fn new(text: &'t str, tables: Tables<'t>) -> Self {
        Self {
            rest: Decomposed {
                text: text.chars(),
                tables,
                parts: ['\0'; 4],
                at: 0,
                len: 0,
            },
            marks: None,
        }
    }

    /// The next character, where it is alone what it becomes: most are.
    fn inert(&mut self) -> Option<char> {
        if self.rest.at < self.rest.len {
            return None;
        }
        let mut text = self.rest.text.clone();
        let c = text.next()?;
        if !is_inert(c) || text.next().is_some_and(|next| !is_inert(next)) {
            return None;
        }
        self.rest.text.next()
    }
}

/// Whether a text is in normalization form C, as far as can be seen without tables.
pub(super) fn is_composed(text: &str) -> bool {
    text.chars().all(is_inert)
}

/// Whether a character is what it becomes, and joins none before it: so frequent ones are.
fn is_inert(c: char) -> bool {
    matches!(c, ..'\u{300}' | '\u{3400}'..='\u{a48c}')
}

impl Iterator for Nfc<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        if let Some(marks) = &mut self.marks {
            match marks.next() {
                None => self.marks = None,
                mark => return mark,
            }
        }
        if let Some(c) = self.inert() {
            return Some(c);
        }
        let tables = self.rest.tables;
        let start = self.rest.clone();
        let mut c = self.rest.next()?;
        if tables.class(c) != 0 {
            // A text begins with marks.
            let mut marks;
            (marks, self.rest) = Marks::new(start);
            let first = marks.next();
            self.marks = Some(marks);
            return first;
        }
        loop {
            let (mut marks, rest) = Marks::new(self.rest.clone());
            c = marks.join(c);
            self.rest = rest;
            if marks.left > 0 {
                self.marks = Some(marks);
                return Some(c);
            }
            // No mark is between this and the next.
            let mut ahead = self.rest.clone();
            let next = ahead.next().filter(|&next| tables.class(next) == 0);
            match next.and_then(|next| tables.composition(c, next)) {
                None => return Some(c),
                Some(whole) => (c, self.rest) = (whole, ahead),
            }
        }
    }
}

/// The most marks that one character takes up: no decomposition is longer by more.
const MOST_JOINED: usize = 3;

/// Marks beside each other, in the order of their classes. For each class they are looked through
/// once.
#[derive(Debug, Clone)]
struct Marks<'t> {
    start: Decomposed<'t>,
    count: usize,
    /// The class whose turn it is.
    class: u8,
    rest: Decomposed<'t>,
    /// The place of the next mark of `rest`.
    place: usize,
    /// Marks that are still to be given.
    left: usize,
    /// Places of marks that the character before them took up.
    joined: [usize; MOST_JOINED],
}

impl<'t> Marks<'t> {
    /// The marks that a text begins with, and what follows them.
    fn new(start: Decomposed<'t>) -> (Self, Decomposed<'t>) {
        let (mut rest, mut count) = (start.clone(), 0);
        loop {
            let mut ahead = rest.clone();
            match ahead.next() {
                Some(mark) if start.tables.class(mark) != 0 => (rest, count) = (ahead, count + 1),
                _ => break,
            }
        }
        let marks = Self {
            count,
            class: 0,
            rest: start.clone(),
            place: count,
            left: count,
            joined: [usize::MAX; MOST_JOINED],
            start,
        };
        (marks, rest)
    }

    /// What a character becomes with its marks, those gone that it took up.
    fn join(&mut self, c: char) -> char {
        let tables = self.start.tables;
        let (mut whole, mut before, mut joined) = (c, 0, 0);
        let mut marks = self.clone();
        while let Some((place, mark)) = marks.any() {
            let free = before < marks.class && joined < MOST_JOINED;
            match tables.composition(whole, mark).filter(|_| free) {
                None => before = marks.class,
                Some(more) => {
                    whole = more;
                    self.joined[joined] = place;
                    joined += 1;
                }
            }
        }
        self.left -= joined;
        whole
    }

    /// The next mark and its place, be it that it was taken up.
    fn any(&mut self) -> Option<(usize, char)> {
        let tables = self.start.tables;
        loop {
            while self.place < self.count {
                let mark = self.rest.next()?;
                self.place += 1;
                if tables.class(mark) == self.class {
                    return Some((self.place - 1, mark));
                }
            }
            let classes = self
                .start
                .clone()
                .take(self.count)
                .map(|mark| tables.class(mark));
            self.class = classes.filter(|&class| class > self.class).min()?;
            (self.rest, self.place) = (self.start.clone(), 0);
        }
    }

    fn next(&mut self) -> Option<char> {
        if self.left == 0 {
            return None;
        }
        loop {
            let (place, mark) = self.any()?;
            if !self.joined.contains(&place) {
                self.left -= 1;
                return Some(mark);
            }
        }
    }
}

/// The characters of a text, each taken apart as far as it goes.
#[derive(Debug, Clone)]
struct Decomposed<'t> {
    text: Chars<'t>,
    tables: Tables<'t>,
    /// Parts of a character; from `at` to `len` they are still to be given.
    parts: [char; 4],
    at: usize,
    len: usize,
}

impl Iterator for Decomposed<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        if self.at == self.len {
            let c = self.text.next()?;
            (self.at, self.len) = (0, 0);
            for part in self.tables.decomposition(c) {
                self.parts[self.len] = part;
                self.len += 1;
            }
            if self.len == 0 {
                return Some(c);
            }
        }
        self.at += 1;
        Some(self.parts[self.at - 1])
    }
}

/// The tables, little-endian `u32`: the number of marks and of characters that have parts, then
/// marks with their classes in the lowest eight bits, ascending; pairs of a character that has parts
/// and the place of the first of them, ascending, with one more pair for the end; compositions of
/// two characters and what they become, ascending; and all parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables<'t>(pub(super) &'t [u8]);

/// The numbers of marks, of characters that have parts and of compositions.
const HEADER: usize = 3;

/// Hangul: the first syllable, and of leading consonants, vowels and trailing consonants the first
/// and how many there are (Unicode, 3.12). The first trailing consonant is none.
const SYLLABLES: u32 = 0xac00;
const LEADING: (u32, u32) = (0x1100, 19);
const VOWELS: (u32, u32) = (0x1161, 21);
const TRAILING: (u32, u32) = (0x11a7, 28);

impl<'t> Tables<'t> {
    /// The canonical combining class: 0 of what is no mark.
    fn class(self, c: char) -> u8 {
        if c < '\u{300}' {
            return 0;
        }
        let count = entry(self.0, 0) as usize;
        let mark = |index| entry(self.0, HEADER + index);
        let index = partition_point(count, |index| mark(index) >> 8 < c as u32);
        match index < count && mark(index) >> 8 == c as u32 {
            true => mark(index) as u8,
            false => 0,
        }
    }

    /// The full canonical decomposition; nothing where it is the character itself.
    fn decomposition(self, c: char) -> impl Iterator<Item = char> + use<'t> {
        let hangul = syllable(c).into_iter().flatten().flatten();
        let range = match c < '\u{c0}' {
            true => 0..0,
            false => self.parts_of(c),
        };
        let parts = range.filter_map(move |index| char::from_u32(entry(self.0, index)));
        hangul.chain(parts)
    }

    fn parts_of(self, c: char) -> core::ops::Range<usize> {
        let [marks, count, compositions] = [0, 1, 2].map(|index| entry(self.0, index) as usize);
        let start = HEADER + marks;
        let pool = start + 2 * (count + 1) + 3 * compositions;
        let index = partition_point(count, |index| entry(self.0, start + 2 * index) < c as u32);
        if index == count || entry(self.0, start + 2 * index) != c as u32 {
            return 0..0;
        }
        let place = |index: usize| pool + entry(self.0, start + 2 * index + 1) as usize;
        place(index)..place(index + 1)
    }

    /// What two characters become, if they become one.
    fn composition(self, left: char, right: char) -> Option<char> {
        if let Some(hangul) = join_hangul(left as u32, right as u32) {
            return char::from_u32(hangul);
        }
        let [marks, parts, count] = [0, 1, 2].map(|index| entry(self.0, index) as usize);
        let start = HEADER + marks + 2 * (parts + 1);
        let pair = |index: usize| {
            let at = start + 3 * index;
            (entry(self.0, at), entry(self.0, at + 1))
        };
        let wanted = (left as u32, right as u32);
        let index = partition_point(count, |index| pair(index) < wanted);
        match index < count && pair(index) == wanted {
            true => char::from_u32(entry(self.0, start + 3 * index + 2)),
            false => None,
        }
    }
}

/// The parts of a syllable of Hangul.
fn syllable(c: char) -> Option<[Option<char>; 3]> {
    let index = (c as u32).checked_sub(SYLLABLES)?;
    let leading = index / (VOWELS.1 * TRAILING.1);
    if leading >= LEADING.1 {
        return None;
    }
    let trailing = index % TRAILING.1;
    Some([
        char::from_u32(LEADING.0 + leading),
        char::from_u32(VOWELS.0 + index / TRAILING.1 % VOWELS.1),
        char::from_u32(TRAILING.0 + trailing).filter(|_| trailing > 0),
    ])
}

/// The syllable of a leading consonant and a vowel, or of a syllable without a trailing consonant
/// and one.
fn join_hangul(left: u32, right: u32) -> Option<u32> {
    let within = |c: u32, (first, count): (u32, u32)| {
        let index = c.checked_sub(first)?;
        (index < count).then_some(index)
    };
    if let (Some(leading), Some(vowel)) = (within(left, LEADING), within(right, VOWELS)) {
        return Some(SYLLABLES + (leading * VOWELS.1 + vowel) * TRAILING.1);
    }
    let all = LEADING.1 * VOWELS.1 * TRAILING.1;
    let syllable = within(left, (SYLLABLES, all)).filter(|index| index % TRAILING.1 == 0)?;
    let trailing = within(right, TRAILING).filter(|&index| index > 0)?;
    Some(SYLLABLES + syllable + trailing)
}
