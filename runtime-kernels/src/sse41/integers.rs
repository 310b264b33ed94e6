//! Bytes and words of eight rows, two registers each.

use core::arch::x86_64::*;

use super::super::isa::Integers;
use super::super::map::map;
use super::Sse41;

impl Integers for Sse41 {
    type Bytes = [__m128i; 2];
    type Words = [__m128i; 2];

    #[inline(always)]
    fn bytes(self, bytes: &[u8; 32]) -> [__m128i; 2] {
        let at = bytes.as_ptr().cast::<__m128i>();
        // SAFETY: the token proves SSE4.1; the array is as long as the two unaligned loads.
        unsafe { [_mm_loadu_si128(at), _mm_loadu_si128(at.add(1))] }
    }

    #[inline(always)]
    fn and(self, bytes: [__m128i; 2], mask: u8) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        map(bytes, |bytes| unsafe {
            _mm_and_si128(bytes, _mm_set1_epi8(mask as i8))
        })
    }

    #[inline(always)]
    fn or(self, a: [__m128i; 2], b: [__m128i; 2]) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        unsafe { [_mm_or_si128(a[0], b[0]), _mm_or_si128(a[1], b[1])] }
    }

    // What comes from the neighbouring byte is not in the mask.
    #[inline(always)]
    fn shr(self, bytes: [__m128i; 2], n: u32, mask: u8) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        let shifted = map(bytes, |bytes| unsafe {
            _mm_srl_epi16(bytes, _mm_cvtsi32_si128(n as i32))
        });
        self.and(shifted, mask)
    }

    #[inline(always)]
    fn shl(self, bytes: [__m128i; 2], n: u32, mask: u8) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        let shifted = map(bytes, |bytes| unsafe {
            _mm_sll_epi16(bytes, _mm_cvtsi32_si128(n as i32))
        });
        self.and(shifted, mask)
    }

    #[inline(always)]
    fn triple(self, bytes: [__m128i; 2]) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        map(bytes, |bytes| unsafe {
            _mm_add_epi8(bytes, _mm_add_epi8(bytes, bytes))
        })
    }

    #[inline(always)]
    fn carry_of_triple(self, bytes: [__m128i; 2]) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        map(bytes, |bytes| unsafe {
            // A byte that is as great as the greater of both is as great as the limit: -1.
            let reaches = |limit: u8| {
                let most = _mm_max_epu8(bytes, _mm_set1_epi8(limit as i8));
                _mm_cmpeq_epi8(most, bytes)
            };
            let both = _mm_add_epi8(reaches(86), reaches(171));
            _mm_sub_epi8(_mm_setzero_si128(), both)
        })
    }

    #[inline(always)]
    fn lookup(self, levels: &[i8; 16], bytes: [__m128i; 2]) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1; the array is as long as the unaligned load.
        map(bytes, |bytes| unsafe {
            _mm_shuffle_epi8(_mm_loadu_si128(levels.as_ptr().cast()), bytes)
        })
    }

    #[inline(always)]
    fn all(self, integer: i32) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        unsafe { [_mm_set1_epi32(integer); 2] }
    }

    #[inline(always)]
    fn words(self, bytes: &[u8; 32]) -> [__m128i; 2] {
        self.bytes(bytes)
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 16]) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1; the array is as long as the unaligned load.
        unsafe {
            let halves = _mm_loadu_si128(bytes.as_ptr().cast());
            [
                _mm_cvtepu16_epi32(halves),
                _mm_cvtepu16_epi32(_mm_srli_si128::<8>(halves)),
            ]
        }
    }

    #[inline(always)]
    fn field(self, words: [__m128i; 2], n: u32, mask: u32) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        map(words, |words| unsafe {
            let shifted = _mm_srl_epi32(words, _mm_cvtsi32_si128(n as i32));
            _mm_and_si128(shifted, _mm_set1_epi32(mask as i32))
        })
    }

    #[inline(always)]
    fn signed_byte(self, words: [__m128i; 2], n: u32) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        map(words, |words| unsafe {
            let top = _mm_sll_epi32(words, _mm_cvtsi32_si128(24 - 8 * n as i32));
            _mm_srai_epi32::<24>(top)
        })
    }

    #[inline(always)]
    fn add_shifted(self, a: [__m128i; 2], b: [__m128i; 2], n: u32) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        let b = map(b, |b| unsafe {
            _mm_sll_epi32(b, _mm_cvtsi32_si128(n as i32))
        });
        add(a, b)
    }

    #[inline(always)]
    fn add_multiple(self, acc: [__m128i; 2], a: [__m128i; 2], b: [__m128i; 2]) -> [__m128i; 2] {
        // SAFETY: the token proves SSE4.1.
        let products = unsafe { [_mm_mullo_epi32(a[0], b[0]), _mm_mullo_epi32(a[1], b[1])] };
        add(acc, products)
    }

    #[inline(always)]
    fn to_bytes(self, words: [__m128i; 2]) -> [__m128i; 2] {
        words
    }

    #[inline(always)]
    fn to_f32(self, words: [__m128i; 2]) -> [__m128; 2] {
        // SAFETY: the token proves SSE4.1.
        map(words, |words| unsafe { _mm_cvtepi32_ps(words) })
    }
}

#[inline(always)]
fn add(a: [__m128i; 2], b: [__m128i; 2]) -> [__m128i; 2] {
    // SAFETY: every x86-64 CPU has SSE2.
    unsafe { [_mm_add_epi32(a[0], b[0]), _mm_add_epi32(a[1], b[1])] }
}
