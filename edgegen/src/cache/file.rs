//! Files of the cache: there whole, or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How a file is called until it is whole.
const UNFINISHED: &str = ".unfinished-";

/// Nobody writes one for so long: what is older was left by a process that was killed.
const LEFT: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes a file in place of the one of that name, if there is one.
pub(crate) fn write(folder: &Path, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    sweep(folder, SystemTime::now())?;
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(folder)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.persist(folder.join(name))?;
    Ok(())
}

fn sweep(folder: &Path, now: SystemTime) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            continue;
        }
        let time = entry.metadata().and_then(|metadata| metadata.modified());
        let age = time.map(|time| now.duration_since(time).unwrap_or_default());
        if age.is_ok_and(|age| age > LEFT) {
            // Another process may be faster.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_goes_and_what_is_written_or_whole_stays() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("files");
        write(&folder, "whole", &[b"one", b"two"]).unwrap();
        assert_eq!(fs::read(folder.join("whole")).unwrap(), b"onetwo");
        let old = folder.join(format!("{UNFINISHED}old"));
        let new = folder.join(format!("{UNFINISHED}new"));
        for file in [&old, &new] {
            fs::write(file, "on").unwrap();
        }
        let aged = |path: &Path| {
            let file = fs::File::options().append(true).open(path).unwrap();
            let age = LEFT + Duration::from_secs(60);
            file.set_modified(SystemTime::now() - age).unwrap();
        };
        aged(&old);
        aged(&folder.join("whole"));
        write(&folder, "other", &[]).unwrap();
        assert!(!old.exists() && new.exists() && folder.join("whole").exists());
        write(&folder, "whole", &[b"three"]).unwrap();
        assert_eq!(fs::read(folder.join("whole")).unwrap(), b"three");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
    }
}
