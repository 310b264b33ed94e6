//! Where the weights are.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::profile::{App, Profile};

/// Where a crate has its weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Placement {
    /// In the program.
    #[default]
    Embedded,
    /// In a file beside the program, or in a flash partition.
    External,
}

impl Placement {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Embedded, Self::External];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::External => "external",
        }
    }

    /// What a profile's crate makes of this wish.
    pub(crate) fn on(self, profile: &Profile) -> Result<Self> {
        match (self, profile.app()) {
            // The package takes the weights out of the module, as shards with hashes.
            (_, Some(App::Browser)) => Ok(Self::Embedded),
            (Self::External, Some(App::Ios)) => Err(Error::option(
                "weights",
                "the package for iOS has its weights in the library",
            )
            .remedy("leave it at `embedded`")),
            (placement, _) => Ok(placement),
        }
    }
}

impl FromStr for Placement {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|placement| placement.name() == text)
            .ok_or_else(|| format!("unknown place of weights `{text}`"))
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
