//! `edgegen new`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::emit::{Files, create_folder, cross};
use crate::error::{Error, Result};
use crate::import::BUILT_IN_PROMPT;
use crate::profile::Profile;

use super::{json, name};

/// Make a program around the macro `edge_model!`, with what builds it for a platform
#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder of the program; its last part is the crate's name
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

/// The profile's file in the program, if it is no built-in one.
const PROFILE: &str = "profile.toml";

pub(super) fn run(args: &Args) -> Result<String> {
    let profile = Profile::load(&args.platform)?;
    if !profile.std() || profile.app().is_some() {
        let problem = format!("`{}` runs no programs with `main`", profile.name());
        return Err(Error::new(problem)
            .at("--platform")
            .remedy("`edgegen emit` makes a crate for it"));
    }
    let package = args.path.file_name().and_then(|name| name.to_str());
    let package = package.unwrap_or_default();
    name::check(package)?;
    if args.path.exists() {
        return Err(Error::new("it is there already")
            .in_file(&args.path)
            .remedy("give another folder"));
    }
    let built_in = Profile::built_in().any(|built_in| built_in.name() == args.platform);
    let platform = if built_in { &args.platform } else { PROFILE };
    let cross_compiled = Profile::load("host")?.target() != profile.target();
    let (cargo, install) = if cross_compiled {
        ("cross", "\n      - run: cargo install cross --locked")
    } else {
        ("cargo", "")
    };
    let values = [
        ("{{package}}", package),
        ("{{platform}}", platform),
        ("{{target}}", profile.target()),
        ("{{edgegen}}", &dependency(args.edgegen.as_deref())?),
        ("{{cargo}}", cargo),
        ("{{install}}", install),
    ];
    let fill = |text: &str| {
        values.iter().fold(text.to_owned(), |text, (key, value)| {
            text.replace(key, value)
        })
    };
    let mut texts: BTreeMap<&str, String> = edgegen_templates::NEW
        .iter()
        .map(|(path, text)| (*path, fill(text)))
        .collect();
    if cross_compiled {
        texts.insert("Cross.toml", cross(&profile));
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
        let next = if cross_compiled {
            "cross build --release".to_owned()
        } else {
            format!("cargo run --release -- {BUILT_IN_PROMPT}")
        };
        format!(
            "program  {package} in {}\nnext     {next}\n",
            args.path.display()
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
