//! Parts of a block as arrays.

/// `N` bytes from `at` on. With both known at compile time there is no check at run time.
#[inline(always)]
pub fn array<const N: usize>(bytes: &[u8], at: usize) -> &[u8; N] {
    match bytes[at..].first_chunk() {
        Some(array) => array,
        None => panic!("the part ends beyond its block"),
    }
}
