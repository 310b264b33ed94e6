//! The file of weights, for a crate that has them outside its program.
//!
//! Numbers are little-endian:
//!
//! | bytes | |
//! |---|---|
//! | 0 to 8 | [`MAGIC`] |
//! | 8 to 16 | [`VERSION`] |
//! | 16 to 24 | the digest of the model and its crate |
//! | 24 to 32 | bytes of the file |
//! | 32 to 40 | the [hash] of what follows the header |
//! | 40 to 64 | zeros |
//! | from 64 on | the weights, each matrix at a multiple of 64 |

use core::fmt;

use super::kernels::BitHash;

/// Bytes before the weights.
pub const HEADER_BYTES: usize = 64;
/// How the file begins.
pub const MAGIC: [u8; 8] = *b"edgegenW";
/// The version of this format.
pub const VERSION: u64 = 1;

/// Why a file is not taken for the weights.
#[derive(Debug)]
#[non_exhaustive]
pub enum WeightsError {
    /// The system cannot read it.
    #[cfg(feature = "std")]
    Unreadable(std::io::Error),
    /// It does not begin as a file of weights.
    NotWeights,
    /// It is of another version of the format.
    OtherVersion(u64),
    /// The weights are of another model, or of another crate of this model.
    OtherModel {
        /// The digest in the file.
        found: u64,
        /// The digest of this crate.
        expected: u64,
    },
    /// The file ends too early.
    TooShort {
        /// Its bytes.
        bytes: usize,
        /// The bytes that it should have.
        needed: usize,
    },
    /// Bytes of the file were changed.
    Changed,
}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "std")]
            Self::Unreadable(error) => write!(f, "cannot read: {error}"),
            Self::NotWeights => f.write_str("this is no file of weights"),
            Self::OtherVersion(version) => {
                write!(f, "its format is version {version}, not {VERSION}")
            }
            Self::OtherModel { found, expected } => write!(
                f,
                "the weights are of another model: {found:016x}, not {expected:016x}"
            ),
            Self::TooShort { bytes, needed } => {
                write!(f, "the file is cut off: {bytes} bytes of {needed}")
            }
            Self::Changed => f.write_str("bytes of the file were changed"),
        }
    }
}

impl core::error::Error for WeightsError {}

/// Checks that the bytes begin with a whole and unchanged file of `len` bytes, made for the crate
/// of this digest. More bytes may follow, as in a flash partition.
///
/// # Errors
///
/// The first of the [`WeightsError`]s that is true.
pub fn check(bytes: &[u8], digest: u64, len: usize) -> Result<(), WeightsError> {
    let too_short = || WeightsError::TooShort {
        bytes: bytes.len(),
        needed: len,
    };
    let (header, _) = bytes
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or_else(too_short)?;
    let fields = header.as_chunks().0;
    let [version, found, file_bytes, file_hash] =
        [1, 2, 3, 4].map(|at| u64::from_le_bytes(fields[at]));
    if fields[0] != MAGIC {
        return Err(WeightsError::NotWeights);
    }
    if version != VERSION {
        return Err(WeightsError::OtherVersion(version));
    }
    if found != digest {
        return Err(WeightsError::OtherModel {
            found,
            expected: digest,
        });
    }
    let weights = bytes.get(HEADER_BYTES..len).ok_or_else(too_short)?;
    if file_bytes != len as u64 || file_hash != hash(weights) {
        return Err(WeightsError::Changed);
    }
    Ok(())
}

/// A hash that finds what was changed by accident: [`BitHash`] of eight lanes, each over every
/// eighth word, so that it keeps up with memory. Bytes count as padded with zeros to a multiple
/// of 32.
pub fn hash(bytes: &[u8]) -> u64 {
    let mut lanes = [BitHash::new(); 8];
    let mut add = |block: &[u8; 32]| {
        for (lane, &word) in lanes.iter_mut().zip(block.as_chunks().0) {
            lane.word(u32::from_le_bytes(word));
        }
    };
    let (blocks, tail) = bytes.as_chunks();
    blocks.iter().for_each(&mut add);
    if !tail.is_empty() {
        let mut padded = [0; 32];
        padded[..tail.len()].copy_from_slice(tail);
        add(&padded);
    }
    let mut all = BitHash::new();
    for lane in lanes.map(BitHash::finish) {
        all.word(lane as u32);
        all.word((lane >> 32) as u32);
    }
    all.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    const DIGEST: u64 = 0x0123_4567_89ab_cdef;

    fn file(weights: &[u8]) -> Vec<u8> {
        let len = (HEADER_BYTES + weights.len()) as u64;
        let mut bytes = MAGIC.to_vec();
        for field in [VERSION, DIGEST, len, hash(weights)] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.resize(HEADER_BYTES, 0);
        bytes.extend(weights);
        bytes
    }

    fn weights() -> Vec<u8> {
        (0..640u32).map(|i| (i * i) as u8).collect()
    }

    #[test]
    fn a_whole_file_is_taken_with_what_follows_it() {
        let mut bytes = file(&weights());
        let len = bytes.len();
        check(&bytes, DIGEST, len).unwrap();
        bytes.extend([0xff; 100]);
        check(&bytes, DIGEST, len).unwrap();
    }

    /// Every bit counts, but for the padding of the header.
    #[test]
    fn every_changed_bit_is_noticed() {
        let bytes = file(&weights());
        for at in (0..40).chain(HEADER_BYTES..bytes.len()) {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                let error = check(&changed, DIGEST, bytes.len()).unwrap_err();
                let found = match at {
                    0..8 => matches!(error, WeightsError::NotWeights),
                    8..16 => matches!(error, WeightsError::OtherVersion(_)),
                    16..24 => matches!(error, WeightsError::OtherModel { .. }),
                    _ => matches!(error, WeightsError::Changed),
                };
                assert!(found, "byte {at}: {error}");
            }
        }
    }

    /// Also where no whole 32 bytes are left.
    #[test]
    fn every_byte_of_every_length_counts() {
        for len in 0..100 {
            let bytes = std::vec![0x5a; len];
            let mut changed = bytes.clone();
            for at in 0..len {
                changed[at] ^= 1;
                assert_ne!(hash(&changed), hash(&bytes), "byte {at} of {len}");
                changed[at] ^= 1;
            }
        }
    }

    #[test]
    fn two_changes_of_one_lane_do_not_cancel() {
        let mut bytes = file(&weights());
        let len = bytes.len();
        for at in [67, 99] {
            bytes[at] ^= 0x80;
        }
        assert!(check(&bytes, DIGEST, len).is_err());
        bytes.swap(67, 99);
        assert!(check(&bytes, DIGEST, len).is_err());
    }

    #[test]
    fn a_file_that_was_cut_off_says_by_how_much() {
        let bytes = file(&weights());
        for len in [0, 63, 64, bytes.len() - 1] {
            let error = check(&bytes[..len], DIGEST, bytes.len()).unwrap_err();
            let said = error.to_string();
            assert_eq!(
                said,
                std::format!("the file is cut off: {len} bytes of 704")
            );
        }
    }
}
