//! Models by their names on the hub, from a server on loopback. No test reads what another fetched.

mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use edgegen::size::format_size;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::split::Split;
use crate::common::{Shape, Tiny, data};
use server::{COMMIT, Reply, Repository, Request, Server, sha256};

const FOLDER: [&str; 5] = [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
];

fn llama(file: &str) -> Vec<u8> {
    fs::read(data::file("architectures/llama").join(file)).unwrap()
}

/// The files of a folder, and some that nobody needs.
fn folder() -> Repository {
    let files = FOLDER.map(|file| (file, llama(&format!("hf/{file}"))));
    Repository::new(files)
        .with("README.md", "A model.")
        .with("pytorch_model.bin", "pickle")
        .with("onnx/model.onnx", "graph")
}

fn gguf() -> Repository {
    Repository::new([("q/tiny.gguf", llama("model.gguf"))]).with("README.md", "A model.")
}

/// A hub with one model, its large files on another port.
struct Hub {
    server: Server,
    cdn: Server,
}

impl Hub {
    fn new(repository: Repository) -> Self {
        Self::but(repository, |_| None)
    }

    /// As [`Self::new`], but for what `answer` answers, for either server.
    fn but(
        repository: Repository,
        answer: impl Fn(&Request) -> Option<Reply> + Clone + Send + Sync + 'static,
    ) -> Self {
        let (files, other) = (repository.clone(), answer.clone());
        let cdn = Server::new(move |request| {
            other(request).unwrap_or_else(|| files.answer(request, "http://nowhere"))
        });
        let address = cdn.address.clone();
        let server = Server::new(move |request| {
            answer(request).unwrap_or_else(|| repository.answer(request, &address))
        });
        Self { server, cdn }
    }

    /// The paths that were asked for since the last call, those of large files last.
    fn asked(&self) -> Vec<String> {
        let requests = [self.server.requests(), self.cdn.requests()].concat();
        requests.into_iter().map(|request| request.path).collect()
    }
}

/// Where files are kept, and who asks.
struct User {
    home: TempDir,
    token: Option<&'static str>,
}

impl User {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            token: None,
        }
    }

    fn with_token() -> Self {
        Self {
            token: Some("secret"),
            ..Self::new()
        }
    }

    fn run(&self, hub: &Hub, args: &[&str]) -> Command {
        let mut command = cargo_bin_cmd!("edgegen");
        command
            .args(args)
            .env_clear()
            .env("HF_HOME", self.home.path())
            .env("EDGEGEN_CACHE", self.home.path().join("edgegen"))
            .env("HF_ENDPOINT", &hub.server.address)
            .envs(self.token.map(|token| ("HF_TOKEN", token)));
        command
    }

    fn succeeds(&self, hub: &Hub, args: &[&str]) -> String {
        let output = self.run(hub, args).assert().success().get_output().clone();
        String::from_utf8(output.stdout).unwrap()
    }

    /// The message of a refusal.
    fn refused(&self, hub: &Hub, args: &[&str]) -> String {
        let output = self.run(hub, args).assert().code(1).get_output().clone();
        String::from_utf8(output.stderr).unwrap()
    }

    fn fetches(&self, hub: &Hub, name: &str) -> PathBuf {
        PathBuf::from(self.succeeds(hub, &["fetch", name]).trim_end())
    }

    fn inspects(&self, hub: &Hub, name: &str) -> Value {
        serde_json::from_str(&self.succeeds(hub, &["inspect", "--json", name])).unwrap()
    }

    fn repository(&self) -> PathBuf {
        self.home.path().join("hub/models--tiny--hf")
    }

    /// The names of what is in a folder of the repository, sorted.
    fn list(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.repository().join(folder)) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

/// What the command says of files on disk.
fn inspection(path: &Path) -> Value {
    let mut command = cargo_bin_cmd!("edgegen");
    let output = command.args(["inspect", "--json"]).arg(path).output();
    serde_json::from_slice(&output.unwrap().stdout).unwrap()
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

/// Without its origin, which is what only the hub's has.
fn without_origin(mut inspection: Value) -> (Value, Value) {
    let origin = inspection.as_object_mut().unwrap().remove("origin");
    (inspection, origin.unwrap_or_default())
}

#[test]
fn a_folder_is_as_it_is_on_disk() {
    let (hub, user) = (Hub::new(folder()), User::new());
    let (found, origin) = without_origin(user.inspects(&hub, "hf:tiny/hf"));
    assert_eq!(found, inspection(&data::file("architectures/llama/hf")));
    assert_eq!(origin, json!(format!("hf:tiny/hf@{COMMIT}")));
    // What is not needed is not fetched.
    let mut expected = FOLDER.to_vec();
    expected.insert(0, "README.md");
    assert_eq!(user.list(&format!("snapshots/{COMMIT}")), expected);
    assert_eq!(user.list("blobs").len(), expected.len());
    assert_eq!(
        fs::read_to_string(user.repository().join("refs/main")).unwrap(),
        COMMIT
    );
    for path in expected {
        let file = user.repository().join("snapshots").join(COMMIT).join(path);
        assert_eq!(fs::read(&file).unwrap(), folder().file(path), "{path}");
        #[cfg(unix)]
        assert!(
            fs::read_link(&file).unwrap().starts_with("../../blobs"),
            "{path}"
        );
    }
}

/// SentencePiece's file is read where there is no tokenizer of another form.
#[test]
fn a_tokenizer_is_fetched_in_the_form_that_is_read() {
    let slow = "tokenizer.model";
    let both = folder().with(slow, "vocabulary");
    let alone = both.clone().without("tokenizer.json");
    for (repository, expected) in [(both, false), (alone, true)] {
        let (hub, user) = (Hub::new(repository), User::new());
        let path = user.fetches(&hub, "hf:tiny/hf");
        assert_eq!(path.join(slow).is_file(), expected);
        hub.asked();
        user.fetches(&hub, &format!("hf:tiny/hf@{COMMIT}"));
        assert_eq!(hub.asked(), [""; 0]);
    }
}

#[test]
fn what_is_there_is_not_fetched_again() {
    let (hub, user) = (Hub::new(folder()), User::new());
    let path = user.fetches(&hub, "hf:tiny/hf");
    assert!(hub.asked().len() > FOLDER.len());
    assert_eq!(user.fetches(&hub, "hf:tiny/hf"), path);
    assert_eq!(
        hub.asked(),
        ["/api/models/tiny/hf/revision/main?blobs=true"]
    );
    // A commit does not change.
    assert_eq!(user.fetches(&hub, &format!("hf:tiny/hf@{COMMIT}")), path);
    assert_eq!(hub.asked(), [""; 0]);
    fs::remove_file(path.join("config.json")).unwrap();
    user.fetches(&hub, &format!("hf:tiny/hf@{COMMIT}"));
    // Its content is there.
    assert_eq!(hub.asked().len(), 1);
    assert!(path.join("config.json").is_file());
}

#[test]
fn the_only_gguf_file_is_the_model() {
    let (hub, user) = (Hub::new(gguf()), User::new());
    let (found, origin) = without_origin(user.inspects(&hub, "hf:tiny/hf"));
    assert_eq!(
        found,
        inspection(&data::file("architectures/llama/model.gguf"))
    );
    assert_eq!(origin, json!(format!("hf:tiny/hf@{COMMIT}:q/tiny.gguf")));
    assert_eq!(user.list("blobs"), [sha256(&llama("model.gguf"))]);
    // Who gives the path has the same.
    let path = user.fetches(&hub, "hf:tiny/hf");
    assert_eq!(without_origin(inspection(&path)), (found, origin));
}

#[test]
fn of_several_gguf_files_one_is_named() {
    let (hub, user) = (Hub::new(gguf().with("other.gguf", "GGUF")), User::new());
    let message = user.refused(&hub, &["inspect", "hf:tiny/hf"]);
    contains(
        &message,
        &[
            "hf:tiny/hf: the repository has several .gguf models: ",
            "other.gguf (4 B), q/tiny.gguf (474 KB)",
            "`hf:tiny/hf:other.gguf`",
        ],
    );
    assert!(user.list("blobs").is_empty());
    let (found, _) = without_origin(user.inspects(&hub, "hf:tiny/hf:q/tiny.gguf"));
    assert_eq!(
        found,
        inspection(&data::file("architectures/llama/model.gguf"))
    );
    assert_eq!(user.list("blobs").len(), 1);
}

#[test]
fn a_gguf_model_in_several_files_is_fetched_whole() {
    let split = Split::new(&Tiny::new(Shape::default(), 1));
    let names: Vec<String> = split.files().map(|(name, _)| name).collect();
    let repository = Repository::new(split.files());
    let disk = tempfile::tempdir().unwrap();
    for (name, bytes) in split.files() {
        fs::write(disk.path().join(name), bytes).unwrap();
    }
    let (hub, user) = (Hub::new(repository.clone()), User::new());
    let (found, origin) = without_origin(user.inspects(&hub, "hf:tiny/hf"));
    assert_eq!(found, inspection(disk.path()));
    assert_eq!(origin, json!(format!("hf:tiny/hf@{COMMIT}:{}", names[0])));
    assert_eq!(user.list(&format!("snapshots/{COMMIT}")), names);
    let first = format!("hf:tiny/hf:{}", names[0]);
    let path = user.fetches(&hub, &first);
    assert!(path.ends_with(&names[0]), "{}", path.display());
    // Its other files lead to it, and are no models of their own.
    for args in [&["fetch"][..], &["fetch", "--offline"]] {
        let second = format!("hf:tiny/hf:{}", names[1]);
        let message = user.refused(&hub, &[args, &[&second]].concat());
        contains(&message, &["not the first file of the model", &first]);
    }
    // Offline all of them must be there; a commit is fetched again where one is not.
    let of_commit = format!("hf:tiny/hf@{COMMIT}:{}", names[0]);
    hub.asked();
    user.succeeds(&hub, &["fetch", &of_commit]);
    assert_eq!(hub.asked(), [""; 0]);
    fs::remove_file(path.with_file_name(&names[2])).unwrap();
    for name in ["hf:tiny/hf", &first] {
        let message = user.refused(&hub, &["fetch", "--offline", name]);
        contains(&message, &["00003-of-00003.gguf is not in the hub's cache"]);
    }
    user.succeeds(&hub, &["fetch", &of_commit]);
    user.succeeds(&hub, &["fetch", "--offline", "hf:tiny/hf"]);

    let (hub, user) = (Hub::new(repository.clone().without(&names[1])), User::new());
    let message = user.refused(&hub, &["fetch", "hf:tiny/hf"]);
    contains(&message, &["the model has no", &names[1]]);
    assert_eq!(user.list("blobs"), [""; 0]);

    let (hub, user) = (Hub::new(repository.with("other.gguf", "GGUF")), User::new());
    let message = user.refused(&hub, &["fetch", "hf:tiny/hf"]);
    let bytes: usize = split.files().map(|(_, bytes)| bytes.len()).sum();
    let size = format!("{} in 3 files", format_size(bytes as u64));
    contains(&message, &["several .gguf models", &names[0], &size]);
}

#[test]
fn shards_are_those_of_the_index() {
    let weights = llama("hf/model.safetensors");
    let tensors = SafeTensors::deserialize(&weights).unwrap().tensors();
    let mut map = serde_json::Map::new();
    let mut repository = folder();
    for (index, half) in tensors.chunks(tensors.len().div_ceil(2)).enumerate() {
        let name = format!("model-{index}.safetensors");
        map.extend(half.iter().map(|(tensor, _)| (tensor.clone(), json!(name))));
        let half = half
            .iter()
            .map(|(name, view): &(String, TensorView<'_>)| (name, view));
        repository = repository.with(&name, safetensors::serialize(half, None).unwrap());
    }
    assert_eq!(repository.siblings().len(), FOLDER.len() + 5);
    let index = json!({ "weight_map": map }).to_string();
    let repository = repository
        .without("model.safetensors")
        .with("model.safetensors.index.json", index)
        .with("consolidated.safetensors", "the same again");
    let (hub, user) = (Hub::new(repository), User::new());
    let (found, _) = without_origin(user.inspects(&hub, "hf:tiny/hf"));
    let whole = inspection(&data::file("architectures/llama/hf"));
    assert_eq!(found["tensors"], whole["tensors"]);
    assert!(!hub.asked().iter().any(|path| path.contains("consolidated")));
    // Offline all of them must be there.
    let path = user.fetches(&hub, "hf:tiny/hf");
    user.succeeds(&hub, &["fetch", "--offline", "hf:tiny/hf"]);
    fs::remove_file(path.join("model-1.safetensors")).unwrap();
    let message = user.refused(&hub, &["fetch", "--offline", "hf:tiny/hf"]);
    contains(&message, &["model-1.safetensors is not in the hub's cache"]);
}

#[test]
fn a_revision_is_the_one_that_is_given() {
    let (hub, user) = (Hub::new(gguf()), User::new());
    for (revision, file) in [("v1", "v1"), ("refs/pr/1", "refs/pr/1")] {
        user.fetches(&hub, &format!("hf:tiny/hf@{revision}"));
        assert!(hub.asked()[0].starts_with("/api/models/tiny/hf/revision/"));
        let commit = fs::read_to_string(user.repository().join("refs").join(file));
        assert_eq!(commit.unwrap(), COMMIT);
    }
    let message = user.refused(&hub, &["fetch", "hf:tiny/hf@v2"]);
    contains(
        &message,
        &["hf:tiny/hf@v2: the model has no revision v2", "tree/main"],
    );
    // Another commit in its place is none.
    let other = COMMIT.replace('0', "f");
    let wrong = json!({"sha": COMMIT, "siblings": gguf().siblings()}).to_string();
    let hub = Hub::but(gguf(), move |request| {
        request
            .path
            .starts_with("/api/")
            .then(|| Reply::of(wrong.clone()))
    });
    let message = user.refused(&hub, &["fetch", &format!("hf:tiny/hf@{other}")]);
    contains(&message, &["does not answer as the hub does", COMMIT]);
}

/// How often the model's file was asked for.
fn attempts(hub: &Hub) -> Vec<Option<usize>> {
    hub.cdn.requests().iter().map(Request::from).collect()
}

#[test]
fn a_broken_download_goes_on_where_it_broke() {
    const PIECE: usize = 60_000;
    let bytes = llama("model.gguf");
    let hub = Hub::but(gguf(), move |request| {
        let file = request.path.starts_with("/cdn/");
        file.then(|| {
            let reply = Reply::part(&bytes, request);
            let breaks = (reply.body.len() > PIECE).then_some(PIECE);
            Reply { breaks, ..reply }
        })
    });
    let user = User::new();
    let path = user.fetches(&hub, "hf:tiny/hf");
    assert_eq!(fs::read(path).unwrap(), llama("model.gguf"));
    let expected = (0..8).map(|piece| (piece > 0).then_some(piece * PIECE));
    assert_eq!(attempts(&hub), expected.collect::<Vec<_>>());
}

#[test]
fn a_download_that_stands_still_is_left_and_taken_up_later() {
    const THERE: usize = 100_000;
    let bytes = llama("model.gguf");
    let broken = Hub::but(gguf(), move |request| {
        let file = request.path.starts_with("/cdn/");
        file.then(|| Reply {
            breaks: Some(if request.from().is_none() { THERE } else { 0 }),
            ..Reply::part(&bytes, request)
        })
    });
    let user = User::new();
    let message = user.refused(&broken, &["fetch", "hf:tiny/hf"]);
    contains(
        &message,
        &[
            "hf:tiny/hf: cannot fetch from",
            "the connection broke",
            "--offline",
        ],
    );
    assert!(attempts(&broken).len() < 10);
    assert_eq!(user.list("snapshots"), [""; 0]);
    let whole = Hub::new(gguf());
    let path = user.fetches(&whole, "hf:tiny/hf");
    assert_eq!(fs::read(path).unwrap(), llama("model.gguf"));
    assert_eq!(attempts(&whole), [Some(THERE)]);
}

/// Each has another way to answer to a request for a part of a file.
#[test]
fn a_server_that_does_not_go_on_begins_again() {
    let bytes = llama("model.gguf");
    let answers: [fn(Reply, &[u8]) -> Reply; 3] = [
        |_, bytes| Reply::of(bytes),
        |_, _| Reply::status(416),
        |reply, bytes| Reply {
            headers: vec![("Content-Range", format!("bytes 1-/{}", bytes.len()))],
            ..reply
        },
    ];
    for answer in answers {
        let bytes = bytes.clone();
        let hub = Hub::but(gguf(), move |request| {
            let file = request.path.starts_with("/cdn/");
            file.then(|| match (request.from(), Reply::part(&bytes, request)) {
                (Some(_), reply) => answer(reply, &bytes),
                (None, reply) => reply,
            })
        });
        let user = User::new();
        let blobs = user.repository().join("blobs");
        fs::create_dir_all(&blobs).unwrap();
        let part = blobs
            .join(sha256(&llama("model.gguf")))
            .with_extension("incomplete");
        fs::write(part, &llama("model.gguf")[..1000]).unwrap();
        let path = user.fetches(&hub, "hf:tiny/hf");
        assert_eq!(fs::read(path).unwrap(), llama("model.gguf"));
        assert_eq!(attempts(&hub)[0], Some(1000));
    }
}

#[test]
fn a_file_with_another_hash_is_refused_and_deleted() {
    for name in ["config.json", "model.safetensors"] {
        let changed = folder();
        let mut bytes = changed.file(name).to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        let hub = Hub::but(folder(), move |request| {
            let here = ["/cache/", "/cdn/"].map(|start| format!("{start}{name}"));
            let file = here.iter().any(|path| request.path.starts_with(path));
            file.then(|| Reply::part(&bytes, request))
        });
        let user = User::new();
        let message = user.refused(&hub, &["inspect", "hf:tiny/hf"]);
        contains(
            &message,
            &["hf:tiny/hf: ", "another hash", "help: fetch it again"],
        );
        let snapshot = user.list(&format!("snapshots/{COMMIT}"));
        assert!(!snapshot.contains(&name.to_owned()), "{snapshot:?}");
        let left = |blob: &String| blob.ends_with(".incomplete");
        assert!(!user.list("blobs").iter().any(left));
        assert_eq!(user.list("refs"), [""; 0]);
    }
}

#[test]
fn sizes_are_those_of_the_list() {
    let whole = llama("model.gguf");
    let reply = |length: Option<&str>, body: &[u8]| Reply {
        length: length.map(str::to_owned),
        ..Reply::of(body)
    };
    let longer = [&whole[..], b"more"].concat();
    let chunked = |body: &[u8]| Reply {
        chunked: true,
        ..Reply::of(body)
    };
    for (reply, what) in [
        (
            reply(Some("18446744073709551615"), &whole),
            "it sends 18446744073709551615",
        ),
        (
            reply(Some("99999999999999999999999999"), &whole),
            "does not answer as the hub does",
        ),
        (reply(Some("-1"), &whole), "does not answer as the hub does"),
        (reply(None, &whole[1..]), "it sends 473727"),
        (reply(None, &longer), "it sends 473732"),
        (chunked(&longer), "more of a file than it lists"),
        (chunked(&whole[1..]), "the connection broke"),
    ] {
        let hub = Hub::but(gguf(), move |request| {
            let file = request.path.starts_with("/cdn/");
            file.then(|| reply.clone())
        });
        let message = User::new().refused(&hub, &["fetch", "hf:tiny/hf"]);
        contains(&message, &[what]);
    }
    let chunked = chunked(&whole);
    let hub = Hub::but(gguf(), move |request| {
        let file = request.path.starts_with("/cdn/");
        file.then(|| chunked.clone())
    });
    let user = User::new();
    let path = user.fetches(&hub, "hf:tiny/hf");
    assert_eq!(fs::read(path).unwrap(), whole);
}

#[test]
fn only_the_hub_sees_the_token() {
    for user in [User::with_token(), User::new()] {
        let token = match user.token {
            Some(_) => Some("Bearer secret"),
            None => {
                fs::write(user.home.path().join("token"), "stored\n").unwrap();
                Some("Bearer stored")
            }
        };
        let hub = Hub::new(folder());
        user.fetches(&hub, "hf:tiny/hf");
        let requests = hub.server.requests();
        // The small files are where the hub itself redirects to.
        assert!(
            requests
                .iter()
                .any(|request| request.path.starts_with("/cache/"))
        );
        for request in requests {
            let sent = request.headers.get("authorization").map(String::as_str);
            assert_eq!(sent, token, "{}", request.path);
        }
        let requests = hub.cdn.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].headers.get("authorization"), None);
    }
}

#[test]
fn refusals_say_what_to_do() {
    let code = |status, code: &'static str| Reply::status(status).with("X-Error-Code", code);
    let cases = [
        (
            code(401, "GatedRepo"),
            false,
            &["accept their terms", "/tiny/hf, and set HF_TOKEN"],
        ),
        (
            code(403, "GatedRepo"),
            true,
            &["accept their terms", "/tiny/hf, as the owner"],
        ),
        (
            Reply::status(401),
            true,
            &["refuses the token", "set HF_TOKEN"],
        ),
        (
            code(403, "Other"),
            true,
            &["refuses the token", "may read this model"],
        ),
        (
            code(401, "RepoNotFound"),
            false,
            &["no such model, or it is private", "set HF_TOKEN"],
        ),
        (
            code(404, "RepoNotFound"),
            true,
            &["no such model, or it is private", "check the name"],
        ),
        (
            code(404, "EntryNotFound"),
            false,
            &["lists a file, and has it not", "later"],
        ),
        (Reply::status(418), false, &["status 418", "HF_ENDPOINT"]),
    ];
    for (reply, token, parts) in cases {
        let hub = Hub::but(folder(), move |request| {
            request.path.contains("/resolve/").then(|| reply.clone())
        });
        let user = match token {
            true => User::with_token(),
            false => User::new(),
        };
        let message = user.refused(&hub, &["fetch", "hf:tiny/hf"]);
        contains(&message, &["error: hf:tiny/hf: "]);
        contains(&message, parts);
        assert!(!message.contains("secret"), "{message}");
        assert_eq!(user.list("blobs"), [""; 0]);
    }
    let message = User::new().refused(&Hub::new(folder()), &["fetch", "hf:tiny/other"]);
    contains(
        &message,
        &["hf:tiny/other: the hub has no such model, or it is private"],
    );
}

#[test]
fn a_busy_hub_is_asked_again() {
    for status in [429, 503] {
        let asked = AtomicUsize::new(0);
        let asked = std::sync::Arc::new(asked);
        let hub = Hub::but(gguf(), move |request| {
            let busy = asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
            let busy = busy && !request.path.starts_with("/cdn/");
            busy.then(|| Reply::status(status).with("Retry-After", "0"))
        });
        User::new().fetches(&hub, "hf:tiny/hf");
    }
    let hub = Hub::but(gguf(), move |_| {
        Some(Reply::status(429).with("Retry-After", "3600"))
    });
    let message = User::new().refused(&hub, &["fetch", "hf:tiny/hf"]);
    contains(
        &message,
        &["wants fewer requests, and none for 3600 s", "HF_TOKEN"],
    );
    assert_eq!(hub.asked().len(), 1);
}

#[test]
fn a_redirect_leads_to_an_end() {
    for (target, what) in [
        ("/api/models/tiny/hf/revision/main", "redirects without end"),
        ("file:///etc/passwd", "redirects to \"file:///etc/passwd\""),
        ("//somewhere", "redirects to \"//somewhere\""),
        ("", "redirects to \"\""),
    ] {
        let hub = Hub::but(gguf(), move |_| {
            Some(Reply::status(302).with("Location", target))
        });
        let message = User::new().refused(&hub, &["fetch", "hf:tiny/hf"]);
        contains(&message, &["does not answer as the hub does", what]);
        assert!(hub.asked().len() < 20);
    }
}

#[test]
fn a_list_of_files_is_hostile() {
    let listed = |path: &str| {
        let mut siblings = folder().siblings();
        siblings.push(json!({"rfilename": path, "size": 1, "blobId": "0".repeat(40)}));
        json!({"sha": COMMIT, "siblings": siblings}).to_string()
    };
    let many = "a".repeat(34_000_000);
    for (answer, what) in [
        (listed("../x.gguf"), "no path within a model"),
        (listed("/etc/x.gguf"), "no path within a model"),
        (listed("a/../../x.gguf"), "no path within a model"),
        (listed(r"..\\x.gguf"), "no path within a model"),
        (
            json!({"sha": "../../x", "siblings": []}).to_string(),
            "no commit",
        ),
        ("<html>".to_owned(), "no list of files"),
        ("[".repeat(100_000), "no list of files"),
        (many, "more than 33554432 bytes"),
    ] {
        let hub = Hub::but(folder(), move |request| {
            let list = request.path.starts_with("/api/");
            list.then(|| Reply::of(answer.clone()))
        });
        let user = User::new();
        let message = user.refused(&hub, &["fetch", "hf:tiny/hf"]);
        contains(&message, &["hf:tiny/hf: ", what]);
        assert!(!user.repository().exists());
    }
}

#[test]
fn a_small_file_is_small() {
    let mut siblings = folder().siblings();
    siblings[1]["size"] = json!(1_u64 << 40);
    let answer = json!({"sha": COMMIT, "siblings": siblings}).to_string();
    let hub = Hub::but(folder(), move |request| {
        let list = request.path.starts_with("/api/");
        list.then(|| Reply::of(answer.clone()))
    });
    let message = User::new().refused(&hub, &["fetch", "hf:tiny/hf"]);
    contains(&message, &["config.json", "1100 GB", "at most 134 MB"]);
}

#[test]
fn offline_takes_what_is_there() {
    let (hub, user) = (Hub::new(folder()), User::new());
    let message = user.refused(&hub, &["inspect", "--offline", "hf:tiny/hf"]);
    contains(
        &message,
        &[
            "hf:tiny/hf: the model is not in the hub's cache",
            "with the network",
        ],
    );
    let path = user.fetches(&hub, "hf:tiny/hf");
    hub.asked();
    let offline = |name: &str| {
        let mut command = user.run(&hub, &["fetch", name]);
        let output = command.env("HF_HUB_OFFLINE", "1").output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
        (text(output.stdout), text(output.stderr))
    };
    let there = (path.to_str().unwrap().to_owned(), String::new());
    assert_eq!(offline("hf:tiny/hf"), there);
    assert_eq!(offline(&format!("hf:tiny/hf@{COMMIT}")), there);
    user.succeeds(&hub, &["inspect", "--offline", "hf:tiny/hf"]);
    for (name, what) in [
        ("hf:tiny/hf@v1", "the model is not"),
        ("hf:tiny/other", "the model is not"),
        ("hf:tiny/hf:x.gguf", "x.gguf is not"),
    ] {
        contains(&offline(name).1, &[what]);
    }
    fs::remove_file(path.join("model.safetensors")).unwrap();
    contains(&offline("hf:tiny/hf").1, &["is not in the hub's cache"]);
    assert_eq!(hub.asked(), [""; 0]);
}

#[test]
fn a_hub_that_is_not_there_is_said_so() {
    let hub = Hub::new(folder());
    let user = User::new();
    let run = |endpoint: &str| {
        let mut command = user.run(&hub, &["fetch", "hf:tiny/hf"]);
        let output = command.env("HF_ENDPOINT", endpoint).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    contains(
        &run("http://127.0.0.1:1"),
        &["cannot fetch from http://127.0.0.1:1", "--offline"],
    );
    for endpoint in ["ftp://127.0.0.1", "127.0.0.1:1", "http://", "http://a b"] {
        contains(&run(endpoint), &["HF_ENDPOINT is", "which is no address"]);
    }
}

#[test]
fn a_crate_says_which_commit_it_is_from() {
    let (hub, user) = (Hub::new(folder()), User::new());
    let out = user.home.path().join("crate");
    let args = [
        "emit",
        "hf:tiny/hf",
        "--platform",
        "host",
        "--out",
        out.to_str().unwrap(),
    ];
    contains(
        &user.succeeds(&hub, &args),
        &[&format!("from     hf:tiny/hf@{COMMIT}")],
    );
    let readme = fs::read_to_string(out.join("README.md")).unwrap();
    contains(&readme, &[&format!("| fetched as | hf:tiny/hf@{COMMIT} |")]);
}

#[test]
fn what_is_no_name_is_refused_before_anything_is_asked() {
    let (hub, user) = (Hub::new(folder()), User::new());
    for name in ["hf:tiny", "hf://tiny/hf", "hf:tiny/hf:../x.gguf"] {
        let message = user.refused(&hub, &["inspect", name]);
        contains(
            &message,
            &[name, "no name of a model on the hub", "`hf:OWNER/NAME`"],
        );
    }
    let message = user.refused(&hub, &["fetch", "tiny/hf"]);
    contains(&message, &["no name of a model on the hub"]);
    assert_eq!(hub.asked(), [""; 0]);
}
