//! Files of weights, and how they come into memory.

use arbitrary::{Result, Unstructured};
use edgegen_templates::mapping::Content;
use edgegen_templates::weight_file::{HEADER_BYTES, MAGIC, VERSION, check, hash};

use crate::faults::{number, spoil_bytes};
use crate::input::{Input, with_folder};

const DIGEST: u64 = 0x0123_4567_89ab_cdef;
/// Bytes of a whole file.
const LEN: usize = HEADER_BYTES + 320;

/// A file is taken exactly if it begins with a right one; a mapped one is what was written.
pub fn weights(data: &[u8]) {
    let (bytes, on_disk) = match Input::new(data) {
        Input::File(bytes) => (bytes.to_vec(), false),
        Input::Recipe(kind, u) => (recipe(kind, u).unwrap_or_default(), kind == 0),
    };
    let taken = match check(&bytes, DIGEST, LEN) {
        Ok(()) => true,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    };
    assert_eq!(taken, is_right(&bytes));
    if on_disk {
        with_folder(|folder| {
            let path = folder.join("x.weights");
            std::fs::write(&path, &bytes).unwrap();
            let content = Content::open(&path, LEN).unwrap();
            assert!(*content == bytes[..bytes.len().min(LEN)]);
        });
    }
}

pub fn files() -> Vec<Vec<u8>> {
    let weights = [7; LEN - HEADER_BYTES];
    vec![[&header(&weights)[..], &weights].concat()]
}

/// By comparison with what a right file begins with.
fn is_right(bytes: &[u8]) -> bool {
    let Some(file) = bytes.get(..LEN) else {
        return false;
    };
    let weights = &file[HEADER_BYTES..];
    file[..40] == header(weights)[..40]
}

fn header(weights: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    let fields = [VERSION, DIGEST, LEN as u64, hash(weights)];
    for (place, field) in header[8..40].chunks_exact_mut(8).zip(fields) {
        place.copy_from_slice(&field.to_le_bytes());
    }
    header
}

fn recipe(kind: u8, mut u: Unstructured<'_>) -> Result<Vec<u8>> {
    let u = &mut u;
    let weights: [u8; LEN - HEADER_BYTES] = match u.arbitrary()? {
        true => u.arbitrary()?,
        false => [7; LEN - HEADER_BYTES],
    };
    let mut bytes = [&header(&weights)[..], &weights].concat();
    match kind {
        0 | 1 => {}
        2 => {
            let at = 8 * u.int_in_range(0..=7)?;
            bytes[at..at + 8].copy_from_slice(&number(u)?.to_le_bytes());
        }
        3 => bytes.extend(u.arbitrary::<&[u8]>()?),
        _ => spoil_bytes(u, &mut bytes, LEN)?,
    }
    Ok(bytes)
}
