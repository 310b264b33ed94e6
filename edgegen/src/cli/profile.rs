//! `edgegen profile`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::emit::{check_destination, probe, write};
use crate::error::{Error, Kind, Remedy, Result, Setting};
use crate::profile::Profile;
use edgegen_templates::probe::Machine;

use super::platforms::File;
use super::{json, output, progress, shown_path};

/// Measure this machine, or write a program that measures another, and get a profile of it
#[derive(clap::Args)]
pub(super) struct Args {
    /// File of the profile [default: print it]
    #[arg(long, value_name = "FILE", group = "written")]
    out: Option<PathBuf>,
    /// Folder for a crate without dependencies that prints the profile of the device it runs on
    #[arg(long, value_name = "DIR", group = "written")]
    emit_probe: Option<PathBuf>,
    /// Replace what is there
    #[arg(long, requires = "written")]
    force: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// The profile's name, if its file gives none.
const NAME: &str = "my_device";

pub(super) fn run(args: &Args) -> Result<String> {
    if let Some(folder) = &args.emit_probe {
        return emit_probe(folder, args);
    }
    // What is wrong with the destination shows before the work.
    if let Some(out) = &args.out {
        output::check(out, args.force)?;
    }
    let machine = progress::spin("measuring this machine", Machine::measure);
    let name = args.out.as_deref().map_or(NAME.into(), name);
    let text = machine.profile(&name);
    let profile = Profile::parse(&text)?;
    if let Some(out) = &args.out {
        output::write("the profile", out, &text)?;
    }
    Ok(if args.json {
        json(&serde_json::json!({
            "profile": File::new(&profile),
            "one_thread_bandwidth": machine.one_thread_bandwidth,
            "path": args.out.as_ref().map(|out| out.to_string_lossy()),
        }))
    } else {
        match &args.out {
            Some(out) => format!("profile  {name} in {}\n", shown_path(out)),
            None => text,
        }
    })
}

fn emit_probe(folder: &Path, args: &Args) -> Result<String> {
    let probe_folder = |error: Error| error.with_option("out", "emit_probe");
    check_destination(folder, args.force).map_err(probe_folder)?;
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    if !args.force && !manifest.is_empty() && !manifest.contains("name = \"edgegen-probe\"") {
        return Err(Error::of(Kind::Option, "the folder has another crate")
            .in_file(folder)
            .remedy(
                Remedy::from("give another folder")
                    .or(Remedy::from("replace the crate with ").set(Setting::on("force"))),
            ));
    }
    let report = write(&probe(), folder, args.force).map_err(probe_folder)?;
    Ok(if args.json {
        json(&serde_json::json!({
            "path": folder.to_string_lossy(),
            "written": report.written,
            "unchanged": report.unchanged,
            "removed": report.removed,
        }))
    } else {
        format!(
            "crate    edgegen-probe in {}\n\
             next     build it with `cargo build --release --target TRIPLE`, and run it on the device\n",
            shown_path(folder)
        )
    })
}

/// The profile's name, after its file.
fn name(out: &Path) -> String {
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let name: String = stem.chars().take(64).map(fit).collect();
    if name.is_empty() { NAME.into() } else { name }
}
