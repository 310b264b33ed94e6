//! What a device can do and how much it holds: a platform profile.

mod cpu;
mod file;
mod instruction_set;
mod memory;

pub use instruction_set::InstructionSet;
pub use memory::{Memory, Speed};

use crate::error::{Error, Kind, Remedy, Result};
use crate::small_file;
use std::path::Path;

/// A checked platform profile: the instruction sets fit the target, every number is in its range.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    name: String,
    description: String,
    target: String,
    std: bool,
    crt_static: bool,
    baseline: InstructionSet,
    optional: Vec<InstructionSet>,
    number_types: Vec<NumberType>,
    default_context: usize,
    batch: usize,
    threads: usize,
    model_size: Option<u64>,
    ram: Option<u64>,
    memory: Option<Memory>,
    speed: Speed,
}

/// A kind of number that weights are stored in; profiles say which they prefer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberType {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 8-bit integers with a scale a block.
    Int8,
    /// 4-bit integers with a scale a block.
    Int4,
}

/// A kind of app that a crate comes with a package for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// An npm package for pages.
    Browser,
    /// A Gradle module for Android.
    Android,
    /// A Swift package for iOS.
    Ios,
}

/// The names of the built-in profiles.
fn names() -> Vec<String> {
    Profile::built_in().map(|profile| profile.name).collect()
}

/// All that `--platform` may be.
fn all(names: &[String]) -> String {
    let names = names.join(", ");
    format!("the built-in ones are {names}; a path to a profile's TOML file is possible too")
}

impl Profile {
    /// The built-in profile of that name, or else the profile in the TOML file at that path.
    ///
    /// # Errors
    ///
    /// The name is unknown and no such file exists, or the file is no profile.
    pub fn load(name_or_path: &str) -> Result<Self> {
        if let Some(profile) = Self::built_in().find(|p| p.name == name_or_path) {
            return Ok(profile);
        }
        let path = Path::new(name_or_path);
        let looks_like_a_path = path.components().count() > 1 || path.extension().is_some();
        if !looks_like_a_path && !path.exists() {
            let known = names();
            let words: Vec<&str> = known.iter().map(String::as_str).collect();
            let problem = format!("unknown platform `{name_or_path}`");
            let remedy = Remedy::similar(name_or_path, &words, all(&known));
            return Err(Error::of(Kind::Option, problem).remedy(remedy));
        }
        Self::parse(&read(path)?).map_err(|e| e.in_file(path))
    }

    /// The file that [`Self::load`] reads, unless the profile is a built-in one.
    pub(crate) fn file(name_or_path: &str) -> Option<&Path> {
        let built_in = Self::built_in().any(|profile| profile.name == name_or_path);
        (!built_in).then(|| Path::new(name_or_path))
    }

    /// Reads a profile from the text of its TOML file.
    ///
    /// # Errors
    ///
    /// The text is no TOML, a field is missing or unknown, or a value is out of its range or
    /// contradicts another; the message points to the line.
    pub fn parse(text: &str) -> Result<Self> {
        file::parse(text)
    }

    /// The built-in profiles, `host` last.
    ///
    /// `host` is the only one that depends on the machine, and only on the architecture that
    /// edgegen was compiled for: aarch64 gives `aarch64-unknown-linux-gnu`, all others
    /// `x86_64-unknown-linux-gnu`. What the processor can do is found by the emitted program.
    pub fn built_in() -> impl Iterator<Item = Self> {
        BUILT_IN
            .iter()
            .map(|text| Self::parse(text).expect("a test parses each built-in profile"))
    }

    /// What is said where no platform is named.
    pub fn missing() -> Error {
        Error::of(Kind::Option, "the option `platform` is missing").remedy(all(&names()))
    }

    /// What `--platform` calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One line for people.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The target triple that the crate is for.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether the target has the standard library: threads, files, detection of instruction sets.
    pub fn std(&self) -> bool {
        self.std
    }

    /// Whether the program holds the C library, and so runs whichever one a device has.
    pub fn crt_static(&self) -> bool {
        self.crt_static
    }

    /// The developers that the crate's target belongs to, beside those of Rust and C.
    pub fn app(&self) -> Option<App> {
        match &*self.target {
            "wasm32-unknown-unknown" => Some(App::Browser),
            target if target.ends_with("-android") => Some(App::Android),
            target if target.contains("-apple-ios") => Some(App::Ios),
            _ => None,
        }
    }

    /// The instruction set that every such device has.
    pub fn baseline(&self) -> InstructionSet {
        self.baseline
    }

    /// Instruction sets beyond the baseline that a device may have, best first.
    pub fn optional(&self) -> &[InstructionSet] {
        &self.optional
    }

    /// Number types in order of preference.
    pub fn number_types(&self) -> &[NumberType] {
        &self.number_types
    }

    /// Context in tokens, where the user names none and the model was trained for no less.
    pub fn default_context(&self) -> usize {
        self.default_context
    }

    /// Tokens that a prefill takes at once.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Most threads that the program uses; 1 without `std`.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The instruction sets that a crate for it holds, slowest first.
    pub fn instruction_sets(&self) -> Vec<InstructionSet> {
        let mut sets = vec![self.baseline()];
        if self.std() {
            sets.extend(self.optional().iter().rev().copied());
        }
        sets
    }

    /// Limit of the model's size in bytes; `None` is no limit.
    pub fn model_size(&self) -> Option<u64> {
        self.model_size
    }

    /// Limit of the RAM in bytes; `None` is no limit.
    pub fn ram(&self) -> Option<u64> {
        self.ram
    }

    /// The device's memory, if it is known.
    pub fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// Whether the weights take of the device's RAM, as far as it is known.
    pub fn weights_in_ram(&self) -> bool {
        self.memory().is_some_and(|memory| !memory.weights_in_flash)
    }

    /// The device's speed, as far as it is known.
    pub fn speed(&self) -> Speed {
        self.speed
    }

    /// Bytes of a pointer on the target.
    pub fn pointer_bytes(&self) -> usize {
        let architecture = self.target.split('-').next().unwrap_or_default();
        let narrow = architecture == "arm64_32"
            || self.target.ends_with("x32")
            || self.target.contains("ilp32");
        if !narrow && (architecture.contains("64") || architecture == "s390x") {
            8
        } else {
            4
        }
    }
}

/// The file's text, if it is one and of a profile's size.
fn read(path: &Path) -> Result<String> {
    small_file::read_text("the profile", path, MAX_FILE)
}

const MAX_FILE: u64 = 64 << 10;

const BUILT_IN: [&str; 7] = [
    include_str!("built_in/android.toml"),
    include_str!("built_in/ios.toml"),
    include_str!("built_in/raspberry_pi.toml"),
    include_str!("built_in/raspberry_pi_32.toml"),
    include_str!("built_in/esp32.toml"),
    include_str!("built_in/browser.toml"),
    if cfg!(target_arch = "aarch64") {
        include_str!("built_in/host_aarch64.toml")
    } else {
        include_str!("built_in/host_x86_64.toml")
    },
];

#[cfg(test)]
mod tests;
