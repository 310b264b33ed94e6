//! A profile's TOML file: its fields, and what must hold between them.

use super::{InstructionSet, NumberType, Profile};
use crate::error::{Error, Result};
use crate::size::{Bandwidth, Size, format_size};
use crate::toml_file::{self, line_at};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

/// The fields of a profile's file, in the order in which `edgegen platforms NAME` prints them.
/// Sizes are texts such as `"512 MB"` (KB, MB and GB of 10^3, 10^6 and 10^9 bytes; KiB, MiB and
/// GiB of 2^10, 2^20 and 2^30).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What `--platform` calls it: letters, digits, `_` and `-`.
    name: Spanned<String>,
    /// One line for people.
    description: Spanned<String>,
    /// Rust's target triple.
    target: Spanned<String>,
    /// Whether the target has the standard library: threads, files, detection of instruction sets.
    std: bool,
    /// Whether the program holds the C library; false if absent.
    crt_static: Option<Spanned<bool>>,
    /// The instruction set that every such device has.
    baseline: Spanned<InstructionSet>,
    /// Instruction sets that a device may have, best first; none if absent.
    #[serde(default)]
    optional: Vec<Spanned<InstructionSet>>,
    /// Number types of weights that suit the device, the preferred one first.
    number_types: Spanned<Vec<NumberType>>,
    /// Context in tokens, where the user names none and the model was trained for no less.
    default_context: Spanned<u64>,
    /// Tokens of a prompt that are computed together.
    batch: Spanned<u64>,
    /// Most threads that the program uses; 1 without `std`.
    threads: Spanned<u64>,
    /// What a crate may take.
    #[serde(default)]
    limits: Limits,
    /// What the device has; unknown if absent.
    memory: Option<Memory>,
    /// How fast the device is, as far as it is known.
    #[serde(default)]
    speed: Speed,
}

/// The table `[limits]`; a limit that is absent is none.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Limits {
    /// Most bytes of weights and tables, as a size.
    model_size: Option<Spanned<Size>>,
    /// Most bytes of a session (KV cache and activations), as a size.
    ram: Option<Spanned<Size>>,
}

/// The table `[memory]`: what a model may take is `device_ram` without the two shares.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    /// RAM of the device, as a size.
    device_ram: Spanned<Size>,
    /// Share of it, from 0 to 1, that the operating system and other programs take.
    os_overhead: Spanned<f64>,
    /// Share of it, from 0 to 1, that shall stay free.
    safety_margin: Spanned<f64>,
    /// Whether weights are read in place from flash and take no RAM; false if absent.
    #[serde(default)]
    weights_in_flash: bool,
}

/// The table `[speed]`, with all of the profile's threads.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Speed {
    /// Bytes a second at which weights are read, from RAM or flash, such as `"4 GB/s"`.
    read_bandwidth: Option<Bandwidth>,
    /// Multiply-adds a second of the integer kernels on weights in the cache.
    int8_rate: Option<Spanned<u64>>,
}

pub(super) fn parse(text: &str) -> Result<Profile> {
    let compare = "`edgegen platforms raspberry_pi` prints a profile to compare with";
    let file: File = toml_file::parse(text, compare)?;
    let check = Check { text };
    check.name(&file.name)?;
    check.description(&file.description)?;
    check.target(&file.target)?;
    check.crt_static(&file)?;
    check.instruction_sets(&file)?;
    check.number_types(&file.number_types)?;
    let default_context = check.range("default_context", &file.default_context, 1, 1 << 20)?;
    let batch = check.range("batch", &file.batch, 1, 512)?;
    let threads = check.range("threads", &file.threads, 1, 256)?;
    if threads > 1 && !file.std {
        return Err(check.refuse(
            "threads",
            file.threads.span(),
            "a target without `std` has no threads",
            "write `threads = 1`",
        ));
    }
    let memory = file.memory.as_ref().map(|m| check.memory(m)).transpose()?;
    if let Some(memory) = &memory {
        check.limits(&file.limits, memory)?;
    }
    if let Some(rate) = &file.speed.int8_rate {
        check.range("int8_rate", rate, 1, i64::MAX as u64)?;
    }
    Ok(Profile {
        name: file.name.into_inner(),
        description: file.description.into_inner(),
        target: file.target.into_inner(),
        std: file.std,
        crt_static: file.crt_static.is_some_and(Spanned::into_inner),
        baseline: file.baseline.into_inner(),
        optional: file.optional.into_iter().map(Spanned::into_inner).collect(),
        number_types: file.number_types.into_inner(),
        default_context,
        batch,
        threads,
        model_size: file.limits.model_size.map(|s| s.into_inner().0),
        ram: file.limits.ram.map(|s| s.into_inner().0),
        memory,
        speed: super::Speed {
            read_bandwidth: file.speed.read_bandwidth.map(|b| b.0),
            int8_rate: file.speed.int8_rate.map(Spanned::into_inner),
        },
    })
}

/// The checks that single fields' types cannot make.
struct Check<'a> {
    text: &'a str,
}

impl Check<'_> {
    fn name(&self, name: &Spanned<String>) -> Result<()> {
        let text = name.get_ref();
        let ok = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if text.is_empty() || text.len() > 64 || !text.bytes().all(ok) {
            return Err(self.refuse(
                "name",
                name.span(),
                "not a profile's name",
                "use up to 64 letters, digits, `_` and `-`",
            ));
        }
        Ok(())
    }

    fn description(&self, description: &Spanned<String>) -> Result<()> {
        let text = description.get_ref();
        if text.len() > 200 || text.chars().any(char::is_control) {
            return Err(self.refuse(
                "description",
                description.span(),
                "not one line of at most 200 bytes",
                "shorten it",
            ));
        }
        Ok(())
    }

    fn target(&self, target: &Spanned<String>) -> Result<()> {
        let text = target.get_ref();
        let part = |p: &str| {
            !p.is_empty()
                && p.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
        };
        if text.len() > 64 || text.split('-').count() < 2 || !text.split('-').all(part) {
            return Err(self.refuse(
                "target",
                target.span(),
                &format!("`{text}` is not a target triple"),
                "`rustc --print target-list` shows them",
            ));
        }
        if ["i386", "i486", "i586"].contains(&text.split('-').next().unwrap_or_default()) {
            return Err(self.refuse(
                "target",
                target.span(),
                "the x87 unit of this target rounds differently from all others",
                "use an i686 or x86_64 target",
            ));
        }
        Ok(())
    }

    fn crt_static(&self, file: &File) -> Result<()> {
        match &file.crt_static {
            Some(field) if *field.get_ref() && !file.std => Err(self.refuse(
                "crt_static",
                field.span(),
                "a target without `std` has no C library",
                "remove it",
            )),
            _ => Ok(()),
        }
    }

    fn instruction_sets(&self, file: &File) -> Result<()> {
        let target = file.target.get_ref();
        let fits = |field: &str, set: &Spanned<InstructionSet>| {
            if set.get_ref().fits(target) {
                return Ok(());
            }
            let possible: Vec<_> = InstructionSet::ALL
                .iter()
                .filter(|s| s.fits(target))
                .map(|set| set.name())
                .collect();
            Err(self.refuse(
                field,
                set.span(),
                &format!("{} does not exist on `{target}`", set.get_ref()),
                &format!("possible there: {}", possible.join(", ")),
            ))
        };
        fits("baseline", &file.baseline)?;
        let mut better_than = None;
        for set in &file.optional {
            let refuse = |problem: &str, remedy: &str| {
                Err(self.refuse("optional", set.span(), problem, remedy))
            };
            fits("optional", set)?;
            let this = *set.get_ref();
            if this <= *file.baseline.get_ref() {
                return refuse(
                    &format!(
                        "{this} adds nothing to the baseline {}",
                        file.baseline.get_ref()
                    ),
                    "remove it",
                );
            }
            if !this.is_detectable() || !file.std {
                return refuse(
                    &format!("the program cannot find out at run time whether it has {this}"),
                    "make it the baseline, or remove it",
                );
            }
            if better_than.is_some_and(|last| this >= last) {
                return refuse(
                    "not in order, or twice",
                    "list the best one first, each once",
                );
            }
            better_than = Some(this);
        }
        Ok(())
    }

    fn number_types(&self, types: &Spanned<Vec<NumberType>>) -> Result<()> {
        let list = types.get_ref();
        if list.is_empty() || (1..list.len()).any(|i| list[..i].contains(&list[i])) {
            return Err(self.refuse(
                "number_types",
                types.span(),
                "empty, or a type is there twice",
                "list some of f32, f16, int8, int4, the preferred one first, each once",
            ));
        }
        Ok(())
    }

    fn memory(&self, memory: &Memory) -> Result<super::Memory> {
        let share = |field: &str, share: &Spanned<f64>| {
            let value = *share.get_ref();
            if (0.0..1.0).contains(&value) {
                return Ok(value);
            }
            Err(self.refuse(
                field,
                share.span(),
                &format!("{value} is no share of the RAM"),
                "use a number from 0 to below 1",
            ))
        };
        let os_overhead = share("os_overhead", &memory.os_overhead)?;
        let safety_margin = share("safety_margin", &memory.safety_margin)?;
        if os_overhead + safety_margin >= 1.0 {
            return Err(self.refuse(
                "safety_margin",
                memory.safety_margin.span(),
                &format!("with `os_overhead` {os_overhead} it leaves no RAM for a model"),
                "lower one of the two: their sum must be below 1",
            ));
        }
        Ok(super::Memory {
            device_ram: memory.device_ram.get_ref().0,
            os_overhead,
            safety_margin,
            weights_in_flash: memory.weights_in_flash,
        })
    }

    /// A limit that the device does not even have is a mistake in one of the two.
    fn limits(&self, limits: &Limits, memory: &super::Memory) -> Result<()> {
        let in_ram = |limit| (!memory.weights_in_flash).then_some(limit).flatten();
        let model_size = in_ram(limits.model_size.as_ref());
        for (field, limit) in [("model_size", model_size), ("ram", limits.ram.as_ref())] {
            if let Some(limit) = limit
                && limit.get_ref().0 > memory.device_ram
            {
                return Err(self.refuse(
                    field,
                    limit.span(),
                    &format!(
                        "the limit exceeds the device's RAM, {}",
                        format_size(memory.device_ram)
                    ),
                    "lower it, or correct `device_ram`",
                ));
            }
        }
        Ok(())
    }

    fn range(&self, field: &str, value: &Spanned<u64>, least: u64, most: u64) -> Result<usize> {
        match usize::try_from(*value.get_ref()) {
            Ok(v) if (least..=most).contains(&(v as u64)) => Ok(v),
            _ => Err(self.refuse(
                field,
                value.span(),
                &format!("{} is out of range", value.get_ref()),
                &format!("use a number from {least} to {most}"),
            )),
        }
    }

    fn refuse(&self, field: &str, span: Range<usize>, problem: &str, remedy: &str) -> Error {
        let line = line_at(self.text, span.start);
        Error::new(problem)
            .at(format!("line {line}, `{field}`"))
            .remedy(remedy)
    }
}
