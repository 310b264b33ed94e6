//! Reads little-endian fields, never past the end.

use crate::error::{Error, Result};

/// A place in a file's bytes.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Offset from the file's start.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        if count > self.left() {
            return Err(Error::new(format!(
                "{count} bytes are due at offset {}, the file has {} left",
                self.at,
                self.left()
            ))
            .at("header")
            .remedy("the file is truncated or damaged; fetch it again"));
        }
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A count of items of at least `least` bytes each: never more than can follow.
    pub(super) fn count(&mut self, least: usize, what: &str) -> Result<usize> {
        let at = self.at;
        let count = self.u64()?;
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= self.left() / least)
            .ok_or_else(|| {
                Error::new(format!(
                    "{count} {what} at offset {at} do not fit in the {} bytes left",
                    self.left()
                ))
                .at("header")
                .remedy("the file is truncated or damaged; fetch it again")
            })
    }

    /// The bytes of a string: its length as u64, then what should be UTF-8.
    pub(super) fn text(&mut self) -> Result<&'a [u8]> {
        let length = self.count(1, "bytes of text")?;
        self.take(length)
    }

    /// A string that is UTF-8.
    pub(super) fn string(&mut self) -> Result<&'a str> {
        let text = self.text()?;
        let at = self.at - text.len();
        std::str::from_utf8(text).map_err(|_| {
            Error::new(format!("the text at offset {at} is not UTF-8"))
                .at("header")
                .remedy("the file is damaged; fetch or convert it again")
        })
    }
}
