//! Files of safetensors: the length of a header, the header in JSON, and what it is of.

use arbitrary::{Result, Unstructured};
use serde_json::Value;

use crate::faults::spoil_json;

/// The header of a right file.
pub fn header(file: &[u8]) -> Value {
    serde_json::from_slice(&file[8..end_of_header(file)]).expect("JSON")
}

/// Faults in the header of a right file.
pub fn spoil_header(u: &mut Unstructured<'_>, file: &mut Vec<u8>) -> Result<()> {
    let mut header = header(file);
    spoil_json(u, &mut header)?;
    let data = file.split_off(end_of_header(file));
    let header = header.to_string();
    let len = (header.len() as u64).to_le_bytes();
    *file = [&len, header.as_bytes(), &data].concat();
    Ok(())
}

fn end_of_header(file: &[u8]) -> usize {
    let (len, _) = file.split_first_chunk().expect("a length");
    8 + u64::from_le_bytes(*len) as usize
}
