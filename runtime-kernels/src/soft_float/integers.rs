//! Bytes and words of eight rows, as scalar code has them.

use super::super::isa::Integers;
use super::SoftFloat;

macro_rules! as_scalar {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: $type),*) -> $result {
            self.0.$name($($argument),*)
        }
    )*};
}

impl Integers for SoftFloat {
    type Bytes = [u8; 32];
    type Words = [i32; 8];

    as_scalar! {
        bytes(bytes: &[u8; 32]) -> [u8; 32];
        and(bytes: [u8; 32], mask: u8) -> [u8; 32];
        or(a: [u8; 32], b: [u8; 32]) -> [u8; 32];
        shr(bytes: [u8; 32], n: u32, mask: u8) -> [u8; 32];
        shl(bytes: [u8; 32], n: u32, mask: u8) -> [u8; 32];
        triple(bytes: [u8; 32]) -> [u8; 32];
        carry_of_triple(bytes: [u8; 32]) -> [u8; 32];
        lookup(levels: &[i8; 16], bytes: [u8; 32]) -> [u8; 32];
        all(integer: i32) -> [i32; 8];
        words(bytes: &[u8; 32]) -> [i32; 8];
        halves(bytes: &[u8; 16]) -> [i32; 8];
        field(words: [i32; 8], n: u32, mask: u32) -> [i32; 8];
        signed_byte(words: [i32; 8], n: u32) -> [i32; 8];
        add_shifted(a: [i32; 8], b: [i32; 8], n: u32) -> [i32; 8];
        add_multiple(acc: [i32; 8], a: [i32; 8], b: [i32; 8]) -> [i32; 8];
        to_bytes(words: [i32; 8]) -> [u8; 32];
        to_f32(words: [i32; 8]) -> [f32; 8];
    }
}
