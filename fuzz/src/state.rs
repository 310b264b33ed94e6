//! Saved states of a session.

use arbitrary::{Result, Unstructured};
use runtime_kernels::BitHash;

use crate::faults::{number, spoil_bytes};
use crate::input::Input;

#[allow(missing_docs, clippy::all, reason = "it is generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/tiny.rs"));
}
use generated::tiny::{CONTEXT, Memory, Options, Session};

/// Magic, the model's digest, the hash of its golden run, the position.
const HEADER_BYTES: usize = 32;

/// A state is refused and the session is as before, or it is taken over whole and can go on.
pub fn state(data: &[u8]) {
    let saved = match Input::new(data) {
        Input::File(bytes) => bytes.to_vec(),
        Input::Recipe(kind, u) => recipe(kind, u).unwrap_or_default(),
    };
    let mut session = session();
    session.feed(&[3, 4]).expect("there is room");
    let before = save(&mut session);
    match session.restore(&saved) {
        Err(_) => assert!(save(&mut session) == before, "the session is another"),
        Ok(()) => {
            assert!(save(&mut session) == saved, "the state is another");
            let options = Options {
                max_tokens: 4,
                ..Options::default()
            };
            let position = session.position();
            if position < CONTEXT {
                let generation = session.generate_tokens(&[5], &options);
                assert!(generation.expect("there is room").count() <= 5);
                session.truncate(position);
                assert!(save(&mut session) == saved, "what came after is left");
            }
            let generation = session.generate("the", &options);
            assert!(generation.expect("there is room").count() <= 5);
        }
    }
}

pub fn files() -> Vec<Vec<u8>> {
    let mut session = session();
    session.feed(&[3, 4, 5]).expect("there is room");
    vec![save(&mut session)]
}

fn session() -> Session<Box<Memory>> {
    let mut session = Session::new();
    session.set_threads(1);
    session
}

fn save(session: &mut Session<Box<Memory>>) -> Vec<u8> {
    let mut bytes = vec![0; session.saved_bytes()];
    session.save(&mut bytes).expect("there is room");
    bytes
}

/// A state of some tokens with faults, under the right hash or not.
fn recipe(kind: u8, mut u: Unstructured<'_>) -> Result<Vec<u8>> {
    let u = &mut u;
    let mut session = session();
    let count = u.int_in_range(0..=CONTEXT)?;
    let tokens: Vec<u32> = (3..).take(count).collect();
    if !tokens.is_empty() {
        session.feed(&tokens).expect("there is room");
    }
    let mut saved = save(&mut session);
    let words = saved.len() - 8;
    match kind {
        // A word of the content.
        0..4 if count > 0 => {
            for _ in 0..u.int_in_range(0..=4)? {
                let at = HEADER_BYTES + 4 * u.choose_index((words - HEADER_BYTES) / 4)?;
                let word = match u.int_in_range(0..=3)? {
                    0 => number(u)? as u32,
                    1 => {
                        f32::to_bits(*u.choose(&[f32::NAN, f32::INFINITY, f32::MAX, -1.0, 1e30])?)
                    }
                    2 => u32::from(u.arbitrary::<u16>()?),
                    _ => u.arbitrary()?,
                };
                saved[at..at + 4].copy_from_slice(&word.to_le_bytes());
            }
        }
        4 => {
            let at = 8 * u.int_in_range(0..=3)?;
            saved[at..at + 8].copy_from_slice(&number(u)?.to_le_bytes());
        }
        _ => spoil_bytes(u, &mut saved, words)?,
    }
    if kind < 7 && saved.len() >= HEADER_BYTES + 8 {
        sign(&mut saved);
    }
    Ok(saved)
}

/// Writes the hash of the content.
fn sign(saved: &mut [u8]) {
    let (content, hash) = saved.split_at_mut(saved.len() - 8);
    let mut check = BitHash::new();
    for &bytes in content[HEADER_BYTES..].as_chunks().0 {
        check.word(u32::from_le_bytes(bytes));
    }
    hash.copy_from_slice(&check.finish().to_le_bytes());
}
