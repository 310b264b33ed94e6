//! `edgegen platforms`.

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::profile::{InstructionSet, NumberType, Profile, format_size};

use super::Output;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Profiles to show: names or TOML files [default: all built-in ones]
    #[arg(value_name = "P")]
    platforms: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    platforms: Vec<Platform>,
}

#[derive(Debug, Serialize)]
struct Platform {
    name: String,
    description: String,
    target: String,
    std: bool,
    baseline: InstructionSet,
    optional: Vec<InstructionSet>,
    number_types: Vec<NumberType>,
    default_context: usize,
    batch: usize,
    threads: usize,
    model_size_bytes: Option<u64>,
    ram_bytes: Option<u64>,
}

impl Platform {
    fn new(profile: &Profile) -> Self {
        Self {
            name: profile.name().to_owned(),
            description: profile.description().to_owned(),
            target: profile.target().to_owned(),
            std: profile.std(),
            baseline: profile.baseline(),
            optional: profile.optional().to_vec(),
            number_types: profile.number_types().to_vec(),
            default_context: profile.default_context(),
            batch: profile.batch(),
            threads: profile.threads(),
            model_size_bytes: profile.model_size(),
            ram_bytes: profile.ram(),
        }
    }

    fn text(&self) -> String {
        let size = |bytes: Option<u64>| bytes.map_or_else(|| "no limit".into(), format_size);
        let sets: Vec<&str> = [self.baseline]
            .iter()
            .chain(&self.optional)
            .map(|set| set.name())
            .collect();
        format!(
            "{}: {}\n  target            {}{}\n  model size        {}\n  RAM               {}\n  \
             instruction sets  {}\n  context           {} tokens, {} in a batch, {} threads\n",
            self.name,
            self.description,
            self.target,
            if self.std { "" } else { ", no std" },
            size(self.model_size_bytes),
            size(self.ram_bytes),
            sets.join(", "),
            self.default_context,
            self.batch,
            self.threads
        )
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Output> {
    let profiles: Vec<Profile> = if arguments.platforms.is_empty() {
        Profile::built_in().collect()
    } else {
        arguments
            .platforms
            .iter()
            .map(|name| Profile::load(name))
            .collect::<Result<_>>()?
    };
    let platforms: Vec<Platform> = profiles.iter().map(Platform::new).collect();
    let text: Vec<String> = platforms.iter().map(Platform::text).collect();
    Ok(Output::new(text.join("\n"), Report { platforms }))
}
