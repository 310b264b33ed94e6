//! A profile's TOML file: its fields, and what must hold between them.

use super::size::Size;
use super::{InstructionSet, NumberType, Profile};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    description: Spanned<String>,
    target: Spanned<String>,
    std: bool,
    crt_static: Option<Spanned<bool>>,
    baseline: Spanned<InstructionSet>,
    #[serde(default)]
    optional: Vec<Spanned<InstructionSet>>,
    number_types: Spanned<Vec<NumberType>>,
    default_context: Spanned<u64>,
    batch: Spanned<u64>,
    threads: Spanned<u64>,
    #[serde(default)]
    limits: Limits,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Limits {
    model_size: Option<Size>,
    ram: Option<Size>,
}

pub(super) fn parse(text: &str) -> Result<Profile> {
    let file: File = toml::from_str(text).map_err(|e| {
        Error::new(e.to_string().trim_end().to_owned())
            .remedy("`edgegen platforms raspberry_pi` prints a profile to compare with")
    })?;
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
        model_size: file.limits.model_size.map(|s| s.0),
        ram: file.limits.ram.map(|s| s.0),
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
                .into_iter()
                .filter(|s| s.fits(target))
                .map(InstructionSet::name)
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
        let line = 1 + self.text[..span.start].matches('\n').count();
        Error::new(problem)
            .at(format!("line {line}, `{field}`"))
            .remedy(remedy)
    }
}
