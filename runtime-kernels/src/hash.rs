//! A hash of results, for the golden test, and of what is read from files.

/// A hash of the bits of f32 values in order: FNV-1a (Fowler, Noll, Vo) over 32-bit words.
///
/// 0.0 and -0.0 differ.
#[derive(Clone, Copy, Debug)]
pub struct BitHash(u64);

impl BitHash {
    /// Of no values.
    #[allow(clippy::new_without_default, reason = "nothing is generic over it")]
    pub const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes further values.
    pub fn update(&mut self, values: &[f32]) {
        for value in values {
            self.word(value.to_bits());
        }
    }

    /// Takes a further word.
    #[inline(always)]
    pub fn word(&mut self, word: u32) {
        self.0 = (self.0 ^ u64::from(word)).wrapping_mul(0x100_0000_01b3);
    }

    /// The hash of all values so far.
    pub const fn finish(self) -> u64 {
        self.0
    }
}
