//! From a name to a path.

mod cached;
mod choice;
mod client;
mod download;
mod environment;
mod listing;
mod patience;
mod repository;

use std::cell::Cell;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::import::{WEIGHTS, WEIGHTS_INDEX, files_beside, weight_files};
use crate::progress::Bytes;
use crate::size::format_size;

use super::Name;
use super::name::is_commit;
use cached::{cached, complete};
use choice::{Choice, choose};
use client::{Client, escaped};
use download::download;
use environment::Environment;
use listing::Listing;
use repository::Repository;

/// What belongs to the weights of a folder, and is for people.
const TERMS: [&str; 6] = [
    "LICENSE",
    "LICENSE.md",
    "LICENSE.txt",
    "NOTICE",
    "NOTICE.txt",
    "README.md",
];

/// The longest list of files, in bytes.
const MOST_LISTING: u64 = 1 << 25;

/// The longest file beside the weights, in bytes: a tokenizer of a million tokens.
const MOST_SMALL: u64 = 1 << 27;

/// The folder or file of a model in the hub's cache. What is missing of it is fetched, unless
/// `offline` or `HF_HUB_OFFLINE` is set. `progress` is told the bytes that are there, and all.
///
/// # Errors
///
/// When the hub cannot be reached or refuses, has no such model, or none that is read; when nothing
/// may be fetched and something is missing; and when the cache cannot be read or written.
pub fn fetch(name: &Name, offline: bool, progress: Bytes<'_>) -> Result<PathBuf> {
    find(name, offline, progress).map_err(|error| error.in_file(Path::new(&name.to_string())))
}

fn find(name: &Name, offline: bool, progress: Bytes<'_>) -> Result<PathBuf> {
    let environment = Environment::read()?;
    let repository = Repository::new(&environment.cache, name);
    if offline || environment.offline {
        return cached(name, &repository);
    }
    if let Some(path) = complete(name, &repository)? {
        return Ok(path);
    }
    let client = Client::new(&environment, name)?;
    let listing = format!(
        "/api/models/{}/{}/revision/{}?blobs=true",
        name.owner,
        name.model,
        escaped(name.revision())
    );
    let listing = Listing::parse(&client.bytes(&listing, MOST_LISTING)?)?;
    if is_commit(name.revision()) && name.revision() != listing.commit {
        let what = format!("it has commit {} for this one", listing.commit);
        return Err(client.unexpected(&what));
    }
    let choice = choose(&listing.sizes(), name)?;
    let fetching = Fetching {
        name,
        client,
        repository,
        listing,
        progress,
        done: Cell::new(0),
        all: Cell::new(0),
    };
    let path = match choice {
        Choice::Folder => fetching.folder()?,
        Choice::Files(paths) => {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            fetching.files(&paths, u64::MAX)?;
            fetching.snapshot().join(paths[0])
        }
    };
    let commit = &fetching.listing.commit;
    fetching.repository.set_commit(name.revision(), commit)?;
    Ok(path)
}

/// A model that is being fetched.
struct Fetching<'a> {
    name: &'a Name,
    client: Client<'a>,
    repository: Repository,
    listing: Listing,
    progress: Bytes<'a>,
    /// Bytes of files that are there, and of all that are wanted.
    done: Cell<u64>,
    all: Cell<u64>,
}

impl Fetching<'_> {
    fn snapshot(&self) -> PathBuf {
        self.repository.snapshot(&self.listing.commit)
    }

    /// The files of a folder, weights last: where they are, the rest is too.
    fn folder(&self) -> Result<PathBuf> {
        let commit = &self.listing.commit;
        let is_listed = |path: &str| self.listing.files.contains_key(path);
        let mut small = files_beside(is_listed);
        for path in small.iter().filter(|path| !is_listed(path)) {
            self.repository.set_absent(commit, path)?;
        }
        let sharded = !is_listed(WEIGHTS);
        small.extend(TERMS.into_iter().chain(sharded.then_some(WEIGHTS_INDEX)));
        small.retain(|path| is_listed(path));
        self.files(&small, MOST_SMALL)?;
        let weights = match sharded {
            true => weight_files(&self.snapshot())?,
            false => vec![WEIGHTS.to_owned()],
        };
        let weights: Vec<&str> = weights.iter().map(String::as_str).collect();
        self.files(&weights, u64::MAX)?;
        Ok(self.snapshot())
    }

    /// Fetches files of at most so many bytes.
    fn files(&self, paths: &[&str], most: u64) -> Result<()> {
        let mut files = Vec::new();
        for path in paths {
            let content = self.listing.files.get(*path).ok_or_else(|| {
                Error::new(format!("the model has no {path:?}, which is a part of it"))
                    .remedy("give another model or revision: this one is not whole")
            })?;
            if content.size > most {
                let size = format_size(content.size);
                let problem = format!(
                    "{path:?} has {size}, and at most {} are fetched",
                    format_size(most)
                );
                return Err(Error::unsupported(problem).remedy("give another model"));
            }
            self.all.set(self.all.get().saturating_add(content.size));
            files.push((path, content));
        }
        let commit = &self.listing.commit;
        for (path, content) in files {
            let pointer = self.snapshot().join(path);
            let is_there = pointer
                .metadata()
                .is_ok_and(|file| file.len() == content.size);
            if !is_there {
                let parts: Vec<String> = path.split('/').map(escaped).collect();
                let address = format!(
                    "/{}/{}/resolve/{commit}/{}",
                    self.name.owner,
                    self.name.model,
                    parts.join("/")
                );
                let tell = |bytes| (self.progress)(self.done.get() + bytes, self.all.get());
                download(&self.client, &address, content, &self.repository, tell)?;
                self.repository.link(commit, path, &content.hash)?;
            }
            self.done.set(self.done.get().saturating_add(content.size));
            (self.progress)(self.done.get(), self.all.get());
        }
        Ok(())
    }
}
