//! What is written is nothing that is read.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

use super::{another_folder, parent};

/// Refuses the folder `out` if it is one of `inputs`, or if one of them is where a file of a path in
/// `written` will be, by whatever names.
///
/// # Errors
///
/// As said.
pub fn check_apart<'p>(
    out: &Path,
    written: impl IntoIterator<Item = &'p str>,
    inputs: &[PathBuf],
) -> Result<()> {
    // In a new folder there is nothing.
    let Ok(folder) = fs::canonicalize(out) else {
        return Ok(());
    };
    let refuse = |problem: &str, path: &Path| {
        let error = Error::of(Kind::Option, problem).in_file(path);
        Err(error.remedy(another_folder()))
    };
    let mut folders = inputs
        .iter()
        .filter_map(|input| fs::canonicalize(input).ok());
    if folders.any(|input| input == folder) {
        return refuse("the model or its adapter is read from this folder", out);
    }
    let places: Vec<PathBuf> = inputs.iter().filter_map(|input| place(input)).collect();
    let mut written = written.into_iter();
    match written.find(|path| places.contains(&folder.join(path))) {
        Some(path) => refuse("this file is read, and would be replaced", &out.join(path)),
        None => Ok(()),
    }
}

/// Where the entry of a path is: a link of that name, not what it leads to.
pub(crate) fn place(path: &Path) -> Option<PathBuf> {
    Some(fs::canonicalize(parent(path)).ok()?.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_stays() {
        let place = tempfile::tempdir().unwrap();
        let [model, other] = ["model", "other"].map(|name| place.path().join(name));
        for folder in [&model, &other] {
            fs::create_dir_all(folder.join("src")).unwrap();
        }
        let [card, code] = [model.join("README.md"), other.join("src/lib.rs")];
        for file in [&card, &code] {
            fs::write(file, "read").unwrap();
        }
        let written = ["README.md", "src/lib.rs"];
        let refused = |out: &Path, inputs: &[&PathBuf], problem: &str| {
            let inputs: Vec<PathBuf> = inputs.iter().copied().cloned().collect();
            let error = check_apart(out, written, &inputs).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
        };
        let of_folder = "is read from this folder";
        let inputs = [card.clone(), model.clone()];
        for out in ["model", "model/.", "model/src/..", "other/../model"] {
            refused(&place.path().join(out), &[&card, &model], of_folder);
        }
        refused(&model, &[&card], "README.md: this file is read");
        refused(
            &other,
            &[&other.join("src/../src/./lib.rs")],
            "lib.rs: this file is read",
        );
        for (out, inputs) in [
            (&other, &inputs[..]),
            (&model.join("crate"), &inputs),
            (&place.path().to_owned(), &inputs),
            (&model, std::slice::from_ref(&code)),
            (&model, &[model.join("model.gguf")]),
        ] {
            check_apart(out, written, inputs).unwrap();
        }
        #[cfg(unix)]
        {
            let link = place.path().join("link");
            std::os::unix::fs::symlink(&model, &link).unwrap();
            refused(&link, &[&card, &model], of_folder);
            refused(&model, &[&link], of_folder);
            refused(
                &model,
                &[&link.join("README.md")],
                "README.md: this file is read",
            );
            // The link is replaced, and what it leads to stays.
            fs::remove_file(&card).unwrap();
            std::os::unix::fs::symlink(&code, &card).unwrap();
            check_apart(&model, written, std::slice::from_ref(&code)).unwrap();
            refused(&model, &[&card], "README.md: this file is read");
        }
    }
}
