//! A new session, with the weights from their file.

use std::path::PathBuf;

use super::Failure;
use super::args::Args;
use super::model::{Memory, Session, WEIGHTS_FILE, Weights};

/// The options that say where the weights are.
pub const HELP: &str = "  --weights PATH     the file of weights (default: beside the program)\n";

pub fn session(args: &mut Args) -> Result<Session<Box<Memory>>, Failure> {
    let path = match args.value("--weights")? {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe()
            .map_err(|error| Failure::Refused(format!("cannot find this program: {error}")))?
            .with_file_name(WEIGHTS_FILE),
    };
    let weights = Weights::open(&path).map_err(|error| {
        Failure::Refused(format!(
            "{}: {error}\n  help: copy {WEIGHTS_FILE} from the crate's folder to beside this \
             program, or say where it is with --weights PATH",
            path.display()
        ))
    })?;
    Ok(Session::new(weights))
}
