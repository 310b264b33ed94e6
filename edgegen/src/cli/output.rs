//! Files that a command writes: looked at before its work, and written whole or not at all.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::emit::parent;
use crate::error::{Error, Kind, Remedy, Result, Setting};

/// Refuses a place that cannot be written, and a file that exists unless `force` is set.
pub(super) fn check(out: &Path, force: bool) -> Result<()> {
    tempfile::tempfile_in(parent(out)).map_err(|error| Error::output("write it", out, &error))?;
    if fs::symlink_metadata(out).is_err() {
        return Ok(());
    }
    if !out.is_file() {
        return Err(refuse(out, "something is there that is no file").remedy(another()));
    }
    if !force {
        let replace = Remedy::from("replace it with ").set(Setting::on("force"));
        return Err(refuse(out, "the file exists").remedy(another().or(replace)));
    }
    Ok(())
}

/// Refuses a file that is one of the command's `inputs`, by whatever name, or lies in one of them.
pub(super) fn check_apart<'a>(
    out: &Path,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<()> {
    let Ok(file) = fs::canonicalize(out) else {
        return Ok(());
    };
    for input in inputs
        .into_iter()
        .filter_map(|input| fs::canonicalize(input).ok())
    {
        if file == input {
            return Err(refuse(out, "this is a file that is read").remedy(another()));
        }
        if file.parent() == Some(&input) {
            return Err(refuse(out, "the file is in a folder that is read").remedy(another()));
        }
    }
    Ok(())
}

fn refuse(out: &Path, problem: &str) -> Error {
    Error::of(Kind::Option, problem).in_file(out)
}

fn another() -> Remedy {
    Remedy::from("give another file")
}

/// Writes a file by way of a new one beside it. `what` it is, with its article, is for messages.
pub(super) fn write(what: &str, out: &Path, text: &str) -> Result<()> {
    // A link stays one.
    let path = fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
        .tempfile_in(parent(&path))
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            Ok(file.persist(&path)?)
        })
        .map(|_| ())
        .map_err(|error| Error::output(&format!("write {what}"), out, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_kept_unless_it_may_be_replaced() {
        let place = tempfile::tempdir().unwrap();
        let (out, input) = (place.path().join("out"), place.path().join("input"));
        let refused = |out: &Path, force| check(out, force).unwrap_err().to_string();
        fs::write(&input, "read").unwrap();
        check(&out, false).unwrap();
        write("it", &out, "first").unwrap();
        assert!(refused(&out, false).contains("the file exists"));
        check(&out, true).unwrap();
        write("it", &out, "second").unwrap();
        assert_eq!(fs::read_to_string(&out).unwrap(), "second");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
        assert!(refused(place.path(), true).contains("no file"));
        let below = place.path().join("nothing/out");
        assert!(refused(&below, true).contains("make the folder that it is in first"));
        let below = input.join("out");
        assert!(refused(&below, true).contains("a part of the path is a file"));
        assert!(write("it", &below, "text").is_err());
    }

    #[test]
    fn what_is_read_is_not_written() {
        let place = tempfile::tempdir().unwrap();
        let [file, folder] = ["file", "folder"].map(|name| place.path().join(name));
        let [within, below] = ["within", "below/deep"].map(|name| folder.join(name));
        fs::create_dir_all(folder.join("below")).unwrap();
        for file in [&file, &within, &below] {
            fs::write(file, "read").unwrap();
        }
        let check = |out: &Path| check_apart(out, [file.as_path(), &folder]);
        let refused = |out: &Path| check(out).unwrap_err().to_string();
        assert!(refused(&file).contains("a file that is read"));
        assert!(refused(&place.path().join("folder/../file")).contains("a file that is read"));
        assert!(refused(&within).contains("in a folder that is read"));
        check(&below).unwrap();
        check(&folder.join("new")).unwrap();
        #[cfg(unix)]
        {
            let link = place.path().join("link");
            std::os::unix::fs::symlink(&within, &link).unwrap();
            assert!(refused(&link).contains("in a folder that is read"));
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_link_stays_one() {
        let place = tempfile::tempdir().unwrap();
        let (file, link) = (place.path().join("file"), place.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write("it", &link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }
}
