//! Saving a session and going on later, on this machine or another.

use core::ops::DerefMut;

use super::error::Error;
use super::kernels::{BitHash, in_default_mode};
use super::memory::position_words;
use super::model::{CONTEXT, DIGEST, GOLDEN_LOGITS, Memory, STATES, VOCAB_SIZE};
use super::session::Session;

const MAGIC: [u8; 8] = *b"edgegen3";
/// Magic, the model's digest, the hash of its golden run, the position.
const HEADER_BYTES: usize = 32;
const HASH_BYTES: usize = 8;

fn state_bytes(position: usize) -> usize {
    let states = STATES.iter();
    let words = states.map(|state| state.cache.position_words() * state.cache.seen(position));
    HEADER_BYTES + 4 * (position + words.sum::<usize>()) + HASH_BYTES
}

impl<M: DerefMut<Target = Memory>> Session<M> {
    /// Bytes that [`save`](Self::save) writes.
    pub fn saved_bytes(&self) -> usize {
        state_bytes(self.position())
    }

    /// Writes the tokens that were fed and what the KV cache has of them that later tokens see, and
    /// returns the number of bytes: little-endian, the same on every machine.
    ///
    /// # Errors
    ///
    /// When the buffer is too small.
    pub fn save(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let needed = self.saved_bytes();
        let out = out
            .get_mut(..needed)
            .ok_or(Error::BufferTooSmall { needed })?;
        self.settle();
        let (header, rest) = out.split_at_mut(HEADER_BYTES);
        header[..8].copy_from_slice(&MAGIC);
        header[8..16].copy_from_slice(&DIGEST.to_le_bytes());
        header[16..24].copy_from_slice(&GOLDEN_LOGITS.to_le_bytes());
        header[24..].copy_from_slice(&(self.position() as u64).to_le_bytes());
        let (words, hash) = rest.split_at_mut(rest.len() - HASH_BYTES);
        let mut check = BitHash::new();
        let end = self.position();
        let places = (0..end).flat_map(|position| position_words(position, end));
        for (bytes, place) in words.as_chunks_mut().0.iter_mut().zip(places) {
            let value = self.memory[place];
            check.update(&[value]);
            *bytes = value.to_le_bytes();
        }
        hash.copy_from_slice(&check.finish().to_le_bytes());
        Ok(needed)
    }

    /// Takes a saved state over. Feed at least one token before asking for text.
    ///
    /// The hash in it finds accidents: a file that was cut, damaged or mixed up. It has no key, so
    /// whoever can write a state can make one that says anything of what was fed; let nobody
    /// else write where states are kept. Whatever it says, answers obey the schema.
    ///
    /// # Errors
    ///
    /// When the bytes are no state of this model, were changed, or hold what is no token or no
    /// finite number; the session is then as before.
    pub fn restore(&mut self, saved: &[u8]) -> Result<(), Error> {
        // What it holds may be no numbers, and their exceptions be traps.
        in_default_mode(|| self.restore_in_mode(saved))
    }

    fn restore_in_mode(&mut self, saved: &[u8]) -> Result<(), Error> {
        let (header, rest) = saved
            .split_at_checked(HEADER_BYTES)
            .ok_or(Error::InvalidState("it is too short"))?;
        if header[..8] != MAGIC {
            return Err(Error::InvalidState("it does not begin as one"));
        }
        if header[8..16] != DIGEST.to_le_bytes() {
            return Err(Error::InvalidState("it is another model's"));
        }
        if header[16..24] != GOLDEN_LOGITS.to_le_bytes() {
            return Err(Error::InvalidState(
                "another version of edgegen computed it, with other bits",
            ));
        }
        let mut position = [0; 8];
        position.copy_from_slice(&header[24..]);
        let position = usize::try_from(u64::from_le_bytes(position))
            .ok()
            .filter(|&position| position <= CONTEXT)
            .ok_or(Error::InvalidState("it is longer than the context"))?;
        if saved.len() != state_bytes(position) {
            return Err(Error::InvalidState("its length is wrong"));
        }
        let (words, hash) = rest.split_at(rest.len() - HASH_BYTES);
        let words = words.as_chunks().0;
        let mut check = BitHash::new();
        for &bytes in words {
            check.update(&[f32::from_le_bytes(bytes)]);
        }
        if hash != check.finish().to_le_bytes() {
            return Err(Error::InvalidState("its content was changed"));
        }
        let mut values = words.iter().map(|&bytes| f32::from_le_bytes(bytes));
        for at in 0..position {
            if !values.next().is_some_and(is_token) {
                return Err(Error::InvalidState("it holds what is no token"));
            }
            for cache in STATES.map(|state| state.cache) {
                let words = cache.position_words();
                if cache.is_seen(at, position) && !cache.are_finite(values.by_ref().take(words)) {
                    return Err(Error::InvalidState("it holds what is no finite number"));
                }
            }
        }
        let places = (0..position).flat_map(|at| position_words(at, position));
        for (place, &bytes) in places.zip(words) {
            self.memory[place] = f32::from_le_bytes(bytes);
        }
        self.next_turn();
        self.go_on_with(position);
        Ok(())
    }
}

/// Whether a word is a token as the memory holds them.
fn is_token(word: f32) -> bool {
    (word.to_bits() as usize) < VOCAB_SIZE
}
