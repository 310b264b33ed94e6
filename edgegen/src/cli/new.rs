//! `edgegen new`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use edgegen_templates::{NEW, NEW_EMBEDDED, NEW_LIBRARY, NEW_PROGRAM};

use crate::emit::{Files, cargo_config, create_folder, cross};
use crate::error::{self, Error, Result};
use crate::import::BUILT_IN_PROMPT;
use crate::profile::Profile;

use super::{json, name, shown_path};

/// Make a crate around the macro `edge_model!`, with what builds it for a platform
#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder of the crate; its last part is the crate's name
    path: PathBuf,
    /// Built-in platform, or a profile's TOML file (see `edgegen platforms`)
    #[arg(long, value_name = "P")]
    platform: String,
    /// Folder of edgegen's sources to build with [default: the published crate]
    #[arg(long, value_name = "DIR")]
    edgegen: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// The profile's file in the crate, if it is no built-in one.
const PROFILE: &str = "profile.toml";

/// What is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A program that `cargo` builds here.
    Program,
    /// A program that `cross` builds.
    Cross,
    /// A library for a target that runs no programs.
    Library,
}

impl Kind {
    fn of(profile: &Profile) -> Result<Self> {
        Ok(if !profile.std() || profile.app().is_some() {
            Self::Library
        } else if Profile::load("host")?.target() == profile.target() {
            Self::Program
        } else {
            Self::Cross
        })
    }

    /// The commands of the workflow.
    fn steps(self, target: &str) -> Vec<String> {
        let (first, tool) = match self {
            Self::Program => (None, "cargo"),
            Self::Cross => (Some("cargo install cross --locked".to_owned()), "cross"),
            Self::Library => (Some(format!("rustup target add {target}")), "cargo"),
        };
        // A library's target runs no tests.
        let subcommands: &[&str] = match self {
            Self::Library => &["build"],
            _ => &["test", "build"],
        };
        let commands = subcommands
            .iter()
            .map(|subcommand| format!("{tool} {subcommand} --release --target {target}"));
        first.into_iter().chain(commands).collect()
    }

    /// What the user does next.
    fn next(self, target: &str) -> String {
        match self {
            Self::Program => format!("cargo run --release -- {BUILT_IN_PROMPT}"),
            Self::Cross => "cross build --release".to_owned(),
            Self::Library => self.steps(target).join(" && "),
        }
    }
}

pub(super) fn run(args: &Args) -> Result<String> {
    let profile = Profile::load(&args.platform)?;
    let kind = Kind::of(&profile)?;
    if fs::symlink_metadata(&args.path).is_ok() {
        return Err(Error::of(error::Kind::Option, "it is there already")
            .in_file(&args.path)
            .remedy("give another folder"));
    }
    let package = args.path.file_name().unwrap_or_default().to_string_lossy();
    let package = &*package;
    name::check(package).map_err(|error| error.set_in(&args.path))?;
    let built_in = Profile::built_in().any(|built_in| built_in.name() == args.platform);
    let steps = kind.steps(profile.target());
    let steps: String = steps
        .iter()
        .map(|step| format!("      - run: {step}\n"))
        .collect();
    let values = [
        ("{{package}}", package),
        (
            "{{platform}}",
            if built_in { &args.platform } else { PROFILE },
        ),
        ("{{edgegen}}", &dependency(args.edgegen.as_deref())?),
        ("{{steps}}", &steps),
    ];
    let source = match kind {
        Kind::Program | Kind::Cross => ("src/main.rs", NEW_PROGRAM),
        Kind::Library if profile.std() => ("src/lib.rs", NEW_LIBRARY),
        Kind::Library => ("src/lib.rs", NEW_EMBEDDED),
    };
    let fill = |text: &str| {
        values.iter().fold(text.to_owned(), |text, (key, value)| {
            text.replace(key, value)
        })
    };
    let mut texts: BTreeMap<&str, String> = NEW
        .iter()
        .chain([&source])
        .map(|(path, text)| (*path, fill(text)))
        .collect();
    if kind != Kind::Library {
        texts.insert("Cross.toml", cross(&profile));
    }
    if let Some(config) = cargo_config(&profile) {
        texts.insert(".cargo/config.toml", config);
    }
    if !built_in {
        let file = Path::new(&args.platform);
        let text = fs::read_to_string(file).map_err(|error| Error::io("read", file, &error))?;
        texts.insert(PROFILE, text);
    }
    let files: Files<'_> = texts
        .iter()
        .map(|(path, text)| (*path, text.as_bytes()))
        .collect();
    create_folder(&files, &args.path)?;
    Ok(if args.json {
        json(&serde_json::json!({
            "name": package,
            "path": args.path.to_string_lossy(),
            "platform": profile.name(),
            "files": texts.keys().collect::<Vec<_>>(),
        }))
    } else {
        let what = match kind {
            Kind::Library => "library",
            Kind::Program | Kind::Cross => "program",
        };
        format!(
            "{what:<9}{package} in {}\nnext     {}\n",
            shown_path(&args.path),
            kind.next(profile.target())
        )
    })
}

/// What the manifest says of the macro.
fn dependency(edgegen: Option<&Path>) -> Result<String> {
    let Some(folder) = edgegen else {
        return Ok(format!("{:?}", env!("CARGO_PKG_VERSION")));
    };
    let path = folder.join("edgegen-macros");
    let path = fs::canonicalize(&path).map_err(|error| Error::io("find", &path, &error))?;
    let path = toml::Value::String(path.to_string_lossy().into_owned());
    Ok(format!("{{ path = {path} }}"))
}
