//! A hub on loopback: what the real one answers, and what a test makes of it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A request for a file or a list of files.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    /// With names in small letters.
    pub headers: BTreeMap<String, String>,
}

impl Request {
    /// The first byte that is asked for.
    pub fn from(&self) -> Option<usize> {
        let range = self.headers.get("range")?.strip_prefix("bytes=")?;
        Some(range.strip_suffix('-')?.parse().unwrap())
    }
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// What `Content-Length` says, if it is not the body's.
    pub length: Option<String>,
    /// Whether the body comes in pieces of unknown number.
    pub chunked: bool,
    /// Whether the connection breaks after so many bytes of the body.
    pub breaks: Option<usize>,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub fn of(body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            body: body.into(),
            ..Self::default()
        }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The bytes that the request asks for.
    pub fn part(body: &[u8], request: &Request) -> Self {
        match request.from() {
            None => Self::of(body),
            Some(from) if from >= body.len() => Self::status(416),
            Some(from) => {
                let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
                let reply = Self::of(&body[from..]).with("Content-Range", range);
                Self {
                    status: 206,
                    ..reply
                }
            }
        }
    }

    fn write(&self, mut to: TcpStream) -> std::io::Result<()> {
        write!(to, "HTTP/1.1 {} It\r\nConnection: close\r\n", self.status)?;
        for (name, value) in &self.headers {
            write!(to, "{name}: {value}\r\n")?;
        }
        let body = &self.body[..self.breaks.unwrap_or(self.body.len())];
        if self.chunked {
            write!(to, "Transfer-Encoding: chunked\r\n\r\n")?;
            for piece in body.chunks(1000) {
                write!(to, "{:x}\r\n", piece.len())?;
                to.write_all(piece)?;
                write!(to, "\r\n")?;
            }
            if self.breaks.is_none() {
                write!(to, "0\r\n\r\n")?;
            }
        } else {
            let length = self.length.clone();
            let length = length.unwrap_or_else(|| self.body.len().to_string());
            write!(to, "Content-Length: {length}\r\n\r\n")?;
            to.write_all(body)?;
        }
        to.flush()
    }
}

/// A server; it lives as long as the process.
pub struct Server {
    pub address: String,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn new(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let (answer, requests) = (Arc::new(answer), log.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, requests) = (answer.clone(), requests.clone());
                thread::spawn(move || {
                    let stream = stream.unwrap();
                    let Some(request) = read(&stream) else {
                        return;
                    };
                    requests.lock().unwrap().push(request.clone());
                    // Who asked may have gone.
                    let _ = answer(&request).write(stream);
                });
            }
        });
        Self { address, log }
    }

    /// What was asked since the last call.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let headers = lines.take_while(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_lowercase(), value.trim().to_owned())
    });
    let headers = headers.collect();
    Some(Request { path, headers })
}

/// The commit that the branch `main` and the tag `v1` are.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A model on the hub, `tiny/hf`.
#[derive(Debug, Clone, Default)]
pub struct Repository {
    files: BTreeMap<String, Vec<u8>>,
}

impl Repository {
    pub fn new<P: Into<String>, B: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, B)>) -> Self {
        let files = files.into_iter();
        Self {
            files: files
                .map(|(path, bytes)| (path.into(), bytes.into()))
                .collect(),
        }
    }

    pub fn with(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.to_owned(), bytes.into());
        self
    }

    pub fn without(mut self, path: &str) -> Self {
        self.files.remove(path);
        self
    }

    pub fn file(&self, path: &str) -> &[u8] {
        &self.files[path]
    }

    /// What the list of files says of each.
    pub fn siblings(&self) -> Vec<Value> {
        let files = self.files.iter();
        files
            .map(|(path, bytes)| {
                let mut sibling = json!({
                    "rfilename": path,
                    "size": bytes.len(),
                    "blobId": git(bytes),
                });
                if is_large(path) {
                    sibling["lfs"] =
                        json!({"size": bytes.len(), "sha256": sha256(bytes), "pointerSize": 131});
                }
                sibling
            })
            .collect()
    }

    /// What the hub answers. Large files are below `cdn`.
    pub fn answer(&self, request: &Request, cdn: &str) -> Reply {
        let path = request.path.split('?').next().unwrap();
        let at = |part: &str| path.strip_prefix(part).map(str::to_owned);
        if let Some(revision) = at("/api/models/tiny/hf/revision/") {
            return match &revision[..] {
                "main" | "v1" | "refs%2Fpr%2F1" | COMMIT => {
                    let list = json!({"id": "tiny/hf", "sha": COMMIT, "siblings": self.siblings()});
                    Reply::of(list.to_string())
                }
                _ => Reply::status(404).with("X-Error-Code", "RevisionNotFound"),
            };
        }
        if let Some(file) = at(&format!("/tiny/hf/resolve/{COMMIT}/")) {
            return match self.files.get(&file) {
                Some(_) if is_large(&file) => {
                    Reply::status(302).with("Location", format!("{cdn}/cdn/{file}?signed"))
                }
                Some(_) => Reply::status(307).with("Location", format!("/cache/{file}")),
                None => Reply::status(404).with("X-Error-Code", "EntryNotFound"),
            };
        }
        if let Some(file) = at("/cache/").or_else(|| at("/cdn/")) {
            return Reply::part(&self.files[&file], request);
        }
        Reply::status(401).with("X-Error-Code", "RepoNotFound")
    }
}

fn is_large(path: &str) -> bool {
    path.ends_with(".safetensors") || path.ends_with(".gguf")
}

pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn git(bytes: &[u8]) -> String {
    let header = format!("blob {}\0", bytes.len());
    hexadecimal(&Sha1::new_with_prefix(header).chain_update(bytes).finalize())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
