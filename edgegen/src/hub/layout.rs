//! Names in the hub's cache, as the Python package `huggingface_hub` lays it out:
//! `models--OWNER--NAME/snapshots/COMMIT/FILE`.

use std::path::Path;

use super::Name;
use super::name::is_commit;

/// The folder of a repository's snapshots.
pub(super) const SNAPSHOTS: &str = "snapshots";

/// What the name of a model's repository begins with.
pub(super) const KIND: &str = "models--";

/// What is between owner and model in it.
pub(super) const BETWEEN: &str = "--";

/// Where a file or a folder in the cache comes from, if it is in one.
pub(crate) fn origin(path: &Path) -> Option<Name> {
    // A file is a link to what has another name.
    let path = match path.file_name().filter(|_| !path.is_dir()) {
        Some(file) => {
            let parent = path.parent().filter(|parent| *parent != Path::new(""));
            let parent = parent.unwrap_or(Path::new("."));
            parent.canonicalize().ok()?.join(file)
        }
        None => path.canonicalize().ok()?,
    };
    path.ancestors().find_map(|snapshot| {
        let commit = snapshot.file_name()?.to_str()?;
        let snapshots = snapshot.parent()?;
        let repository = snapshots.parent()?.file_name()?.to_str()?;
        if !is_commit(commit) || snapshots.file_name()? != SNAPSHOTS {
            return None;
        }
        let (owner, model) = repository.strip_prefix(KIND)?.split_once(BETWEEN)?;
        let parts = path.strip_prefix(snapshot).ok()?.iter();
        let parts = parts
            .map(|part| part.to_str())
            .collect::<Option<Vec<_>>>()?;
        let file = (!parts.is_empty()).then(|| parts.join("/"));
        Name::at(owner, model, commit, file.as_deref())
    })
}

/// The folder of the repository in the cache that a snapshot is of; files are links into it.
pub(crate) fn repository(snapshot: &Path) -> Option<&Path> {
    let snapshots = snapshot.parent()?;
    let repository = snapshots.parent()?;
    let name = repository.file_name()?.to_str()?;
    let is_one = snapshots.file_name()? == SNAPSHOTS && name.starts_with(KIND);
    is_one.then_some(repository)
}

/// What to call the model in a folder of the cache.
pub(crate) fn called(folder: &Path) -> Option<String> {
    origin(folder).map(|name| name.model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn what_is_in_a_snapshot_has_an_origin() {
        let cache = tempfile::tempdir().unwrap();
        let repository = cache.path().join("models--a--b");
        let snapshot = repository.join(SNAPSHOTS).join(COMMIT);
        fs::create_dir_all(snapshot.join("c")).unwrap();
        for file in ["d.gguf", "c/e.gguf"] {
            fs::write(snapshot.join(file), "").unwrap();
        }
        let origin = |path: &Path| origin(path).map(|name| name.to_string());
        for (path, file) in [
            (snapshot.clone(), ""),
            (snapshot.join("."), ""),
            (snapshot.join("d.gguf"), ":d.gguf"),
            (snapshot.join("c/../c/e.gguf"), ":c/e.gguf"),
        ] {
            let expected = format!("hf:a/b@{COMMIT}{file}");
            assert_eq!(origin(&path), Some(expected), "{}", path.display());
        }
        assert_eq!(called(&snapshot).as_deref(), Some("b"));
        for path in [&repository, &repository.join(SNAPSHOTS), cache.path()] {
            assert_eq!(origin(path), None, "{}", path.display());
        }
    }
}
