//! A file of the hub in the cache: continued where it was left, and checked.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use ureq::http::{HeaderMap, StatusCode, header};

use crate::error::{Error, Result};

use super::client::Client;
use super::listing::Content;
use super::patience::{Failure, patiently};
use super::repository::{Repository, create_dir_all};

/// Bytes that are taken at a time.
const PIECE: usize = 1 << 18;

/// Puts the content that is at an address into the repository, unless it is there. `tell` is told how
/// many of its bytes are there.
///
/// # Errors
///
/// When the hub cannot be asked or refuses, the content is another than the hub says, or the cache
/// cannot be written.
pub(super) fn download(
    client: &Client<'_>,
    address: &str,
    content: &Content,
    repository: &Repository,
    tell: impl Fn(u64),
) -> Result<()> {
    let blob = repository.blob(&content.hash);
    let is_there = || fs::metadata(&blob).is_ok_and(|blob| blob.len() == content.size);
    if !is_there() {
        let _lock = repository.lock(&content.hash)?;
        if !is_there() {
            create_dir_all(blob.parent().expect("a blob is in a folder"))?;
            let part = blob.with_extension("incomplete");
            patiently(|| receive(client, address, content.size, &part, &tell))?;
            check(content, &part)?;
            fs::rename(&part, &blob)
                .map_err(|error| Error::output("put in place", &blob, &error))?;
        }
    }
    tell(content.size);
    Ok(())
}

/// Takes what is missing of a file of `size` bytes.
fn receive(
    client: &Client<'_>,
    address: &str,
    size: u64,
    path: &Path,
    tell: &impl Fn(u64),
) -> Result<(), Failure> {
    let there = fs::metadata(path).map(|part| part.len()).ok();
    if there == Some(size) {
        return Ok(());
    }
    let before = there.filter(|there| *there < size).unwrap_or(0);
    let response = client.get(address, before)?;
    let mut part = match response.status() {
        StatusCode::PARTIAL_CONTENT if start(response.headers()) == Some(before) => {
            Part::open(path, before)?
        }
        // It does not continue.
        StatusCode::OK => Part::open(path, 0)?,
        _ => {
            Part::open(path, 0)?;
            let error = client.unexpected("it sends another part of a file than it is asked for");
            return Err(Failure::passing(error, false));
        }
    };
    let left = size - part.there;
    let body = response.into_body();
    if let Some(length) = body.content_length().filter(|length| *length != left) {
        let what = format!("of a file of {left} bytes it sends {length}");
        return Err(client.unexpected(&what).into());
    }
    let mut body = body.into_reader().take(left.saturating_add(1));
    let mut piece = vec![0; PIECE];
    loop {
        let count = match body.read(&mut piece) {
            Ok(0) if part.there == size => return Ok(part.finish()?),
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        let count =
            count.map_err(|error| Failure::passing(client.broken(&error), part.there > before))?;
        part.add(&piece[..count])?;
        if part.there > size {
            let error = client.unexpected("it sends more of a file than it lists");
            return Err(error.into());
        }
        tell(part.there);
    }
}

/// The beginning of a file.
struct Part<'a> {
    file: File,
    path: &'a Path,
    /// Bytes.
    there: u64,
}

impl<'a> Part<'a> {
    /// So many bytes of what is there.
    fn open(path: &'a Path, there: u64) -> Result<Self> {
        let open = || {
            let mut file = File::options()
                .create(true)
                .write(true)
                .truncate(false)
                .open(path)?;
            file.set_len(there)?;
            file.seek(SeekFrom::Start(there))?;
            Ok(Self { file, path, there })
        };
        open().map_err(|error| failed(path, &error))
    }

    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        self.there += bytes.len() as u64;
        let written = self.file.write_all(bytes);
        written.map_err(|error| failed(self.path, &error))
    }

    /// Through to the disk.
    fn finish(self) -> Result<()> {
        let written = self.file.sync_all();
        written.map_err(|error| failed(self.path, &error))
    }
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::output("write to the hub's cache", path, error)
}

/// Where a part of a file begins: `bytes 100-199/200`.
fn start(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (start, _) = range.strip_prefix("bytes ")?.split_once('-')?;
    start.parse().ok()
}

/// Compares a file with its hash, and deletes it if it has another.
fn check(content: &Content, part: &Path) -> Result<()> {
    let failed = |error| Error::io("read", part, &error);
    let mut file = File::open(part).map_err(failed)?;
    let mut checker = content.hash.checker(content.size);
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).map_err(failed)? {
            0 => break,
            count => checker.update(&piece[..count]),
        }
    }
    if checker.fits() {
        return Ok(());
    }
    fs::remove_file(part).map_err(|error| Error::io("delete", part, &error))?;
    Err(
        Error::new("what was fetched has another hash than the hub says, and is deleted").remedy(
            "fetch it again; if it fails again, something between changes what the hub sends",
        ),
    )
}
