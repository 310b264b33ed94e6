//! Parts of a block as arrays.

use super::map::map;

/// `N` bytes from `at` on. With both known at compile time there is no check at run time.
#[inline(always)]
pub fn array<const N: usize>(bytes: &[u8], at: usize) -> &[u8; N] {
    match bytes[at..].first_chunk() {
        Some(array) => array,
        None => panic!("the part ends beyond its block"),
    }
}

/// Four i8 as a word, the first in its lowest byte.
#[inline(always)]
#[allow(dead_code, reason = "not every instruction set takes words")]
pub fn word(x: [i8; 4]) -> i32 {
    i32::from_le_bytes(map(x, |x| x as u8))
}
