//! A small SentencePiece vocabulary: three special tokens, 256 bytes, a few pieces,
//! and single characters up to the size.

/// A piece with its score and GGUF's number of its kind.
pub struct Piece {
    pub text: String,
    pub score: f32,
    pub kind: i32,
}

/// Pieces in SentencePiece's notation.
pub fn pieces(size: usize) -> Vec<Piece> {
    let piece = |text: &str, score: f32, kind: i32| Piece {
        text: text.to_owned(),
        score,
        kind,
    };
    let mut pieces = vec![
        piece("<unk>", 0.0, 2),
        piece("<s>", 0.0, 3),
        piece("</s>", 0.0, 3),
    ];
    pieces.extend((0..256).map(|byte| piece(&format!("<0x{byte:02X}>"), 0.0, 6)));
    for (text, score) in [
        ("▁a", -1.0),
        ("ab", -2.0),
        ("▁ab", -3.0),
        ("▁", -9.0),
        ("a", -9.0),
        ("b", -9.0),
    ] {
        pieces.push(piece(text, score, 1));
    }
    assert!(size >= pieces.len(), "room for the vocabulary");
    let rest = size - pieces.len();
    pieces.extend(
        ('\u{4E00}'..)
            .take(rest)
            .map(|c| piece(&c.to_string(), -20.0, 1)),
    );
    pieces
}

/// The merges of [`pieces`], first things first.
pub const MERGES: [[&str; 2]; 4] = [["▁", "a"], ["a", "b"], ["▁a", "b"], ["▁", "ab"]];

/// A text, and its ids in every format.
pub const TEXT: &str = "ab b\u{4E00}é";
pub const IDS: [u32; 7] = [1, 261, 262, 264, 265, 198, 172];
