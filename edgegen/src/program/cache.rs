//! The formats of a generated crate's KV cache.

use std::fmt;
use std::str::FromStr;

use runtime_kernels::{Cache, F32Cache, I8Cache, padded_head_words};

/// How the KV cache holds keys and values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CacheFormat {
    /// 32-bit floats.
    #[default]
    F32,
    /// 8-bit integers, with an f32 scale for each key and each value of a head.
    I8,
}

impl CacheFormat {
    /// Every format, widest first.
    pub const ALL: [Self; 2] = [Self::F32, Self::I8];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => F32Cache::NAME,
            Self::I8 => I8Cache::NAME,
        }
    }

    /// The name of the type in the kernels.
    pub(crate) fn kernel(self) -> &'static str {
        match self {
            Self::F32 => "F32Cache",
            Self::I8 => "I8Cache",
        }
    }

    /// Words of 4 bytes that a key or a value of a head takes.
    pub fn words(self, head_dim: usize) -> usize {
        match self {
            Self::F32 => padded_head_words::<F32Cache>(head_dim),
            Self::I8 => padded_head_words::<I8Cache>(head_dim),
        }
    }

    /// The widest head that it can hold.
    pub fn max_head_dim(self) -> usize {
        match self {
            Self::F32 => usize::MAX,
            Self::I8 => runtime_kernels::caches::i8::MAX_HEAD_DIM,
        }
    }
}

impl fmt::Display for CacheFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CacheFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| format!("unknown format of the KV cache `{text}`"))
    }
}
