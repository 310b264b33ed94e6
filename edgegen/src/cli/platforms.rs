//! `edgegen platforms`.

use crate::error::Result;
use crate::profile::{self, InstructionSet, NumberType, Profile};
use crate::size::exact_size;
use serde::Serialize;

use super::json;

/// List the built-in platforms, or print profiles in full
#[derive(clap::Args)]
pub(super) struct Args {
    /// Built-in platforms or profiles' TOML files to print, to copy from
    #[arg(value_name = "P")]
    platforms: Vec<String>,
    /// Print one JSON object; its `platforms` have the fields of a profile's file
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(args: &Args) -> Result<String> {
    let profiles: Vec<Profile> = if args.platforms.is_empty() {
        Profile::built_in().collect()
    } else {
        args.platforms
            .iter()
            .map(|platform| Profile::load(platform))
            .collect::<Result<_>>()?
    };
    let files: Vec<File<'_>> = profiles.iter().map(File::new).collect();
    Ok(if args.json {
        json(&serde_json::json!({ "platforms": files }))
    } else if args.platforms.is_empty() {
        table(&files)
    } else {
        let texts: Vec<String> = files.iter().map(File::toml).collect();
        texts.join("\n")
    })
}

/// A profile as its TOML file has it.
#[derive(Serialize)]
pub(super) struct File<'a> {
    name: &'a str,
    description: &'a str,
    target: &'a str,
    std: bool,
    crt_static: bool,
    baseline: InstructionSet,
    optional: &'a [InstructionSet],
    number_types: &'a [NumberType],
    default_context: usize,
    batch: usize,
    threads: usize,
    limits: Limits,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Memory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<Speed>,
}

#[derive(Serialize)]
struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    model_size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ram: Option<String>,
}

#[derive(Serialize)]
struct Memory {
    device_ram: String,
    os_overhead: f64,
    safety_margin: f64,
    weights_in_flash: bool,
}

#[derive(Serialize)]
struct Speed {
    #[serde(skip_serializing_if = "Option::is_none")]
    read_bandwidth: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    int8_rate: Option<u64>,
}

impl<'a> File<'a> {
    pub(super) fn new(profile: &'a Profile) -> Self {
        Self {
            name: profile.name(),
            description: profile.description(),
            target: profile.target(),
            std: profile.std(),
            crt_static: profile.crt_static(),
            baseline: profile.baseline(),
            optional: profile.optional(),
            number_types: profile.number_types(),
            default_context: profile.default_context(),
            batch: profile.batch(),
            threads: profile.threads(),
            limits: Limits {
                model_size: profile.model_size().map(exact_size),
                ram: profile.ram().map(exact_size),
            },
            memory: profile.memory().map(|memory| Memory {
                device_ram: exact_size(memory.device_ram),
                os_overhead: memory.os_overhead,
                safety_margin: memory.safety_margin,
                weights_in_flash: memory.weights_in_flash,
            }),
            speed: (profile.speed() != profile::Speed::default()).then(|| Speed {
                read_bandwidth: profile
                    .speed()
                    .read_bandwidth
                    .map(|bytes| exact_size(bytes) + "/s"),
                int8_rate: profile.speed().int8_rate,
            }),
        }
    }

    fn toml(&self) -> String {
        toml::to_string(self).expect("a profile came from TOML")
    }
}

fn table(files: &[File<'_>]) -> String {
    let rows = files.iter().map(|file| {
        let sets = [file.baseline]
            .into_iter()
            .chain(file.optional.iter().copied());
        let limit = |limit: &Option<String>| limit.clone().unwrap_or_else(|| "-".into());
        [
            file.name.to_owned(),
            file.target.to_owned(),
            sets.map(InstructionSet::name)
                .collect::<Vec<_>>()
                .join(", "),
            file.default_context.to_string(),
            limit(&file.limits.model_size),
            limit(&file.limits.ram),
            file.description.to_owned(),
        ]
    });
    let head = [
        "name",
        "target",
        "instruction sets",
        "context",
        "model",
        "RAM",
        "description",
    ];
    let rows: Vec<[String; 7]> = [head.map(str::to_owned)].into_iter().chain(rows).collect();
    let widths: [usize; 7] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    });
    let lines = rows.iter().map(|row| {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    });
    lines.collect()
}
