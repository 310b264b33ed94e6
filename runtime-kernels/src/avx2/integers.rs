//! Bytes and words of eight rows, a register each.

use core::arch::x86_64::*;

use super::super::isa::Integers;
use super::HasAvx2;

impl<A: HasAvx2> Integers for A {
    type Bytes = __m256i;
    type Words = __m256i;

    #[inline(always)]
    fn bytes(self, bytes: &[u8; 32]) -> __m256i {
        // SAFETY: the token proves AVX2; the array is as long as the unaligned load.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn and(self, bytes: __m256i, mask: u8) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_and_si256(bytes, _mm256_set1_epi8(mask as i8)) }
    }

    #[inline(always)]
    fn or(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_or_si256(a, b) }
    }

    // What comes from the neighbouring byte is not in the mask.
    #[inline(always)]
    fn shr(self, bytes: __m256i, n: u32, mask: u8) -> __m256i {
        // SAFETY: the token proves AVX2.
        let shifted = unsafe { _mm256_srl_epi16(bytes, _mm_cvtsi32_si128(n as i32)) };
        self.and(shifted, mask)
    }

    #[inline(always)]
    fn shl(self, bytes: __m256i, n: u32, mask: u8) -> __m256i {
        // SAFETY: the token proves AVX2.
        let shifted = unsafe { _mm256_sll_epi16(bytes, _mm_cvtsi32_si128(n as i32)) };
        self.and(shifted, mask)
    }

    #[inline(always)]
    fn triple(self, bytes: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_add_epi8(bytes, _mm256_add_epi8(bytes, bytes)) }
    }

    #[inline(always)]
    fn carry_of_triple(self, bytes: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe {
            // A byte that is as great as the greater of both is as great as the limit: -1.
            let reaches = |limit: u8| {
                let most = _mm256_max_epu8(bytes, _mm256_set1_epi8(limit as i8));
                _mm256_cmpeq_epi8(most, bytes)
            };
            let both = _mm256_add_epi8(reaches(86), reaches(171));
            _mm256_sub_epi8(_mm256_setzero_si256(), both)
        }
    }

    #[inline(always)]
    fn lookup(self, levels: &[i8; 16], bytes: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2; the array is as long as the unaligned load.
        unsafe {
            let levels = _mm256_broadcastsi128_si256(_mm_loadu_si128(levels.as_ptr().cast()));
            _mm256_shuffle_epi8(levels, bytes)
        }
    }

    #[inline(always)]
    fn all(self, integer: i32) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_set1_epi32(integer) }
    }

    #[inline(always)]
    fn words(self, bytes: &[u8; 32]) -> __m256i {
        self.bytes(bytes)
    }

    #[inline(always)]
    fn halves(self, bytes: &[u8; 16]) -> __m256i {
        // SAFETY: the token proves AVX2; the array is as long as the unaligned load.
        unsafe { _mm256_cvtepu16_epi32(_mm_loadu_si128(bytes.as_ptr().cast())) }
    }

    #[inline(always)]
    fn field(self, words: __m256i, n: u32, mask: u32) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe {
            let shifted = _mm256_srl_epi32(words, _mm_cvtsi32_si128(n as i32));
            _mm256_and_si256(shifted, _mm256_set1_epi32(mask as i32))
        }
    }

    #[inline(always)]
    fn signed_byte(self, words: __m256i, n: u32) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe {
            let top = _mm256_sll_epi32(words, _mm_cvtsi32_si128(24 - 8 * n as i32));
            _mm256_srai_epi32::<24>(top)
        }
    }

    #[inline(always)]
    fn add_shifted(self, a: __m256i, b: __m256i, n: u32) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_add_epi32(a, _mm256_sll_epi32(b, _mm_cvtsi32_si128(n as i32))) }
    }

    #[inline(always)]
    fn add_multiple(self, acc: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_add_epi32(acc, _mm256_mullo_epi32(a, b)) }
    }

    #[inline(always)]
    fn to_bytes(self, words: __m256i) -> __m256i {
        words
    }

    #[inline(always)]
    fn to_f32(self, words: __m256i) -> __m256 {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_cvtepi32_ps(words) }
    }
}
