//! How people type: case, punctuation, errors.

use rand::RngExt;

use crate::random::{Rng, chance, pick};

/// Rows of a keyboard, for letters hit by mistake.
const ROWS: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

/// A command as somebody might type it; `errors` is the share with typing errors.
pub fn disturb(rng: &mut Rng, text: &str, errors: f64) -> String {
    let mut text = text.to_owned();
    if chance(rng, 0.25) {
        text = text.replace('\'', "");
    }
    if chance(rng, errors) {
        for _ in 0..if chance(rng, 0.3) { 2 } else { 1 } {
            text = misspell(rng, &text);
        }
    }
    text = match rng.random_range(0..100) {
        0..57 => text,
        57..88 => capitalize(&text),
        88..92 => text
            .split(' ')
            .map(capitalize)
            .collect::<Vec<_>>()
            .join(" "),
        _ => text.to_uppercase(),
    };
    if chance(rng, 0.25) {
        text += pick(rng, &[".", ".", "!", "?", "...", "!!"]);
    }
    text
}

/// The first letter large, and the word "i".
fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars
        .next()
        .map(|c| c.to_uppercase().to_string())
        .unwrap_or_default();
    (first + chars.as_str())
        .replace(" i ", " I ")
        .replace(" i'", " I'")
}

/// One error in one of the longer words.
fn misspell(rng: &mut Rng, text: &str) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let long: Vec<usize> = (0..words.len())
        .filter(|&i| words[i].len() >= 4 && words[i].bytes().all(|b| b.is_ascii_lowercase()))
        .collect();
    if long.is_empty() {
        return text.to_owned();
    }
    let word = &mut words[pick(rng, &long)];
    let mut letters: Vec<char> = word.chars().collect();
    let at = rng.random_range(1..letters.len());
    match rng.random_range(0..5) {
        0 => letters.swap(at - 1, at),
        1 => {
            letters.remove(at);
        }
        2 => letters.insert(at, letters[at]),
        _ => {
            let row = ROWS
                .iter()
                .find(|row| row.contains(letters[at]))
                .expect("a letter is on the keyboard");
            let keys: Vec<char> = row.chars().collect();
            let key = keys
                .iter()
                .position(|&c| c == letters[at])
                .expect("the row has it");
            let near = if key == 0 || (key + 1 < keys.len() && chance(rng, 0.5)) {
                key + 1
            } else {
                key - 1
            };
            if chance(rng, 0.5) {
                letters[at] = keys[near];
            } else {
                letters.insert(at, keys[near]);
            }
        }
    }
    *word = letters.into_iter().collect();
    words.join(" ")
}
