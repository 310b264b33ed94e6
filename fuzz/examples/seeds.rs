//! `seeds FOLDER` writes what fuzzing starts with, in a folder for each target.

use std::fs;
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let root = PathBuf::from(std::env::args_os().nth(1).expect("a folder"));
    for (number, (target, bytes)) in edgegen_fuzz::seeds().into_iter().enumerate() {
        let folder = root.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("seed-{number}")), bytes)?;
    }
    Ok(())
}
