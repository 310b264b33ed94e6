//! The grammar over tables made by hand: the automaton of `a*b`, with masks of either kind.

use edgegen_templates::grammar::{Grammar, State};
use edgegen_templates::tokenizer::{Scheme, Tokenizer};

/// Bytes of the tokens that there are; all others have none.
const PIECES: [(u32, &str); 5] = [(1, "a"), (2, "b"), (5, "ab"), (6, "aa"), (9, "c")];
const STOP: u32 = 3;
/// What may come first or after some `a`.
const FIRST: [u32; 4] = [1, 2, 5, 6];

struct Tables {
    piece_ends: Vec<u8>,
    piece_bytes: Vec<u8>,
    states: Vec<u8>,
    edges: Vec<u8>,
    mask_ends: Vec<u8>,
    masks: Vec<u8>,
    vocab_size: u32,
}

impl Tables {
    /// The last token may come too: it is an `a`.
    fn new(vocab_size: u32, bitmaps: bool) -> Self {
        let (mut piece_ends, mut piece_bytes) = (Vec::new(), Vec::new());
        for id in 0..vocab_size {
            let piece = PIECES.iter().find(|piece| piece.0 == id);
            let piece = if id == vocab_size - 1 {
                "a"
            } else {
                piece.map_or("", |piece| piece.1)
            };
            piece_bytes.extend_from_slice(piece.as_bytes());
            piece_ends.extend((piece_bytes.len() as u32).to_le_bytes());
        }
        let mask = |ids: &[u32]| -> Vec<u8> {
            if bitmaps {
                let mut bits = vec![0; vocab_size.div_ceil(8) as usize];
                ids.iter()
                    .for_each(|&id| bits[id as usize / 8] |= 1 << (id % 8));
                return bits;
            }
            let wide = vocab_size > 1 << 16;
            ids.iter()
                .flat_map(|id| id.to_le_bytes()[..if wide { 4 } else { 2 }].to_vec())
                .collect()
        };
        let first = mask(&[&FIRST[..], &[vocab_size - 1]].concat());
        let last = mask(&[STOP]);
        let ends = [first.len(), first.len() + last.len()];
        // First edge, mask, distance: the beginning is one token from the end, and the end is whole.
        let state = |edge: u32, mask: u16, distance: u16| {
            [
                &edge.to_le_bytes()[..],
                &mask.to_le_bytes(),
                &distance.to_le_bytes(),
            ]
            .concat()
        };
        Self {
            piece_ends,
            piece_bytes,
            states: [state(0, 0, 1), state(2, 1, 0), 2u32.to_le_bytes().to_vec()].concat(),
            edges: vec![b'a', b'a', 0, 0, b'b', b'b', 1, 0],
            mask_ends: ends
                .iter()
                .flat_map(|&end| (end as u32).to_le_bytes())
                .collect(),
            masks: [first, last].concat(),
            vocab_size,
        }
    }

    fn tokenizer(&self) -> Tokenizer<'_> {
        Tokenizer {
            scheme: Scheme::Llama3 { max_digits: 3 },
            vocab_size: self.vocab_size,
            piece_ends: &self.piece_ends,
            piece_bytes: &self.piece_bytes,
            bytes: &[],
            longest: u32::MAX,
            alphabet: &[],
            words: &[],
            merges: &[],
            added: &[],
            late: false,
            classes: &[],
            nfc: &[],
            bos: None,
            eos: None,
            add_bos: false,
            add_eos: false,
            stop: &[STOP],
        }
    }

    fn grammar(&self) -> Grammar<'_> {
        Grammar {
            states: &self.states,
            edges: &self.edges,
            mask_ends: &self.mask_ends,
            masks: &self.masks,
            vocab_size: self.vocab_size,
            longest: 1,
        }
    }

    /// The tokens that are left of so many values.
    fn kept(&self, state: State, room: usize, values: usize) -> Vec<u32> {
        let mut values = vec![1.0; values];
        self.grammar()
            .keep(state, room, &self.tokenizer(), &mut values, -7.0);
        assert!(values.iter().all(|&value| value == 1.0 || value == -7.0));
        (0..)
            .zip(values)
            .filter(|&(_, value)| value == 1.0)
            .map(|(id, _)| id)
            .collect()
    }
}

#[test]
fn masks_of_either_kind_keep_what_may_come() {
    // Ids have two bytes up to 65,536 tokens.
    for vocab_size in [12, 16, 17, 1000, 65_536, 65_537, 65_544] {
        for bitmaps in [true, false] {
            let tables = Tables::new(vocab_size, bitmaps);
            // A list of as many bytes as a bitmap has would be taken for one.
            if !bitmaps && tables.grammar().vocab_size < 1000 {
                continue;
            }
            let grammar = tables.grammar();
            let begin = State::default();
            let end = grammar.after(begin, b"aab").expect("it is whole");
            assert!(grammar.is_end(end) && !grammar.is_end(begin));
            assert_eq!((grammar.distance(begin), grammar.distance(end)), (1, 0));
            assert_eq!(grammar.after(begin, b"aaa"), Some(begin));
            for refused in [&b"c"[..], b"A", b"ba", b"bb", b"ac", b"\0", b"\xff"] {
                assert_eq!(grammar.after(begin, refused), None, "{refused:?}");
            }
            let all = [&FIRST[..], &[vocab_size - 1]].concat();
            for values in [vocab_size as usize, vocab_size as usize + 9] {
                assert_eq!(tables.kept(begin, usize::MAX, values), all);
                assert_eq!(tables.kept(begin, 2, values), all);
                // With room for one token, it must end the answer.
                assert_eq!(tables.kept(begin, 1, values), [2, 5]);
                for room in [0, 1, 2, usize::MAX] {
                    assert_eq!(tables.kept(end, room, values), [STOP]);
                }
            }
        }
    }
}
