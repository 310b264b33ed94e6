//! Whose a model is and under which terms: what its files say is shown, and goes with what is emitted.

use std::fs;
use std::path::Path;

use edgegen::cache::Cache;
use edgegen::compile::compile;
use edgegen::emit::Crate;
use edgegen::import::{Adapter, Beside, built_in, import, import_with};
use edgegen::inspect::inspect;
use edgegen::model::{Licence, Model};
use edgegen::plan::Request;
use edgegen::profile::Profile;
use edgegen::progress::Quiet;

use crate::common::gguf::Gguf;
use crate::common::{Shape, Tiny, hf, lora};

fn tiny() -> Tiny {
    Tiny::new(Shape::default(), 1)
}

/// A GGUF file with these texts in its metadata, and no others about the licence.
fn gguf(keys: &[(&str, &str)]) -> Model {
    let mut file = Gguf::new(&tiny());
    file.remove("general.license");
    for (key, text) in keys {
        file.text(key, text);
    }
    if keys
        .iter()
        .any(|(key, _)| key.starts_with("general.base_model"))
    {
        file.u32("general.base_model.count", 1);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    fs::write(&path, file.bytes()).unwrap();
    import(&path).unwrap()
}

/// Writes a Hugging Face folder with these files more.
fn folder(place: &Path, files: &[(&str, &[u8])]) {
    let mut folder = hf::Folder::new(&tiny());
    folder.config.as_object_mut().unwrap().remove("license");
    folder.write(place);
    for (name, bytes) in files {
        fs::write(place.join(name), bytes).unwrap();
    }
}

fn emitted(model: &Model) -> Crate {
    let profile = Profile::load("host").unwrap();
    let compiled = compile(model, &profile, &Request::default(), &Cache::none(), &Quiet).unwrap();
    compiled.krate("tiny")
}

fn text<'a>(krate: &'a Crate, path: &str) -> &'a str {
    let bytes = krate.get(path).unwrap_or_else(|| panic!("no {path}"));
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_gguf_file_says_whose_it_is() {
    let model = gguf(&[
        ("general.license", "other"),
        ("general.license.name", "a-licence"),
        ("general.license.link", "https://a.b/licence"),
        ("general.author", "Somebody"),
        ("general.organization", "Nobody"),
        ("general.url", "https://a.b"),
        ("general.source.url", "https://c.d"),
        ("general.base_model.0.name", "Base"),
        ("general.base_model.0.repo_url", "https://e.f/base"),
    ]);
    let expected = Licence {
        of: "tiny".into(),
        id: Some("other".into()),
        name: Some("a-licence".into()),
        link: Some("https://a.b/licence".into()),
        author: Some("Somebody".into()),
        source: Some("https://a.b".into()),
        bases: vec!["https://e.f/base".into()],
        ..Licence::default()
    };
    assert_eq!(model.licences(), [expected]);
    let shown = inspect(&model).to_string();
    let krate = emitted(&model);
    for said in [
        "a-licence",
        "https://a.b/licence",
        "Somebody",
        "https://a.b",
        "https://e.f/base",
    ] {
        for text in [&*shown, text(&krate, "NOTICE")] {
            assert!(text.contains(said), "{text}");
        }
    }
    assert!(text(&krate, "README.md").contains("| licence | a-licence |"));
}

/// Whoever made a folder must not choose what of the user's own goes into a crate.
#[test]
#[cfg(unix)]
fn links_out_of_the_folder_are_not_followed() {
    use std::os::unix::fs::symlink;
    let place = tempfile::tempdir().unwrap();
    let [secret, cache] = ["secret", "cache"].map(|name| place.path().join(name));
    fs::write(&secret, "a key").unwrap();
    let repository = cache.join("models--an-owner--a-model");
    let snapshot = repository.join("snapshots/0123456789abcdef0123456789abcdef01234567");
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir(repository.join("blobs")).unwrap();
    fs::write(repository.join("blobs/of-a-licence"), "The terms.\n").unwrap();
    folder(&snapshot, &[("NOTICE", b"Of somebody.\n")]);
    symlink("../../blobs/of-a-licence", snapshot.join("LICENSE")).unwrap();
    symlink("NOTICE", snapshot.join("NOTICE-again")).unwrap();
    symlink("../../../../secret", snapshot.join("LICENSE-of-another")).unwrap();
    symlink(&secret, snapshot.join("COPYING")).unwrap();
    let model = import(&snapshot).unwrap();
    let licence = &model.licences()[0];
    let copied = licence.files.iter().map(|file| file.name.as_str());
    let copied: Vec<&str> = copied.collect();
    assert_eq!(copied, ["LICENSE", "NOTICE", "NOTICE-again"]);
    assert_eq!(licence.not_copied, ["COPYING", "LICENSE-of-another"]);
}

#[test]
fn a_folder_says_whose_it_is_and_its_texts_go_along() {
    let place = tempfile::tempdir().unwrap();
    let card = "---\nlicense: apache-2.0\nbase_model:\n- a/base\n---\n# Tiny\n";
    let large = vec![b'a'; (1 << 20) + 1];
    folder(
        place.path(),
        &[
            ("README.md", card.as_bytes()),
            ("LICENSE", b"The terms.\n"),
            ("NOTICE.txt", "Copyright © Somebody\r\n".as_bytes()),
            ("LICENSE.pdf", b"%PDF\xff"),
            ("LICENSE-large", &large),
            ("LICENSE-that-acts", b"\x1b[2J"),
        ],
    );
    fs::create_dir(place.path().join("LICENSES")).unwrap();
    let model = import(place.path()).unwrap();
    let licence = &model.licences()[0];
    assert_eq!(licence.id.as_deref(), Some("apache-2.0"));
    assert_eq!(licence.bases, ["a/base"]);
    assert_eq!(
        licence.not_copied,
        ["LICENSE-large", "LICENSE-that-acts", "LICENSE.pdf"]
    );
    let krate = emitted(&model);
    assert_eq!(text(&krate, "licences/model/LICENSE"), "The terms.\n");
    assert_eq!(
        text(&krate, "licences/model/NOTICE.txt"),
        "Copyright © Somebody\r\n"
    );
    let copied = krate
        .files()
        .keys()
        .filter(|path| path.starts_with("licences/"));
    assert_eq!(copied.count(), 2);
    let notice = text(&krate, "NOTICE");
    for said in ["licences/model/NOTICE.txt", "LICENSE.pdf, which is no text"] {
        assert!(notice.contains(said), "{notice}");
    }
}

#[test]
fn a_card_comes_before_the_configuration() {
    let place = tempfile::tempdir().unwrap();
    folder(place.path(), &[]);
    let read = |card: &str| {
        fs::write(place.path().join("README.md"), card).unwrap();
        let mut config = hf::Folder::new(&tiny()).config;
        config["license"] = "mit".into();
        fs::write(place.path().join("config.json"), config.to_string()).unwrap();
        import(place.path()).unwrap().licences()[0]
            .id
            .clone()
            .unwrap()
    };
    assert_eq!(read("---\nlicense: gemma\n---\n"), "gemma");
    assert_eq!(read("no front matter"), "mit");
    assert_eq!(
        read(&format!("---\nlicense: gemma\nx: {}", "é".repeat(1 << 16))),
        "gemma"
    );
}

#[test]
fn what_a_licence_wants_to_be_said_is_said() {
    for (id, wanted) in [
        (
            "gemma",
            "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms\n",
        ),
        (
            "llama3.2",
            "Built with Llama\n\nLlama 3.2 is licensed under the Llama 3.2 Community License, Copyright © \
             Meta Platforms, Inc. All Rights Reserved.\n",
        ),
    ] {
        let model = gguf(&[("general.license", id)]);
        let krate = emitted(&model);
        let notice = text(&krate, "NOTICE");
        assert!(notice.contains(wanted), "{notice}");
        let shown = inspect(&model).to_string();
        assert!(
            wanted
                .trim()
                .split("\n\n")
                .all(|notice| shown.contains(notice)),
            "{shown}"
        );
    }
}

#[test]
fn the_codes_terms_are_in_each_crate() {
    let krate = emitted(&built_in().unwrap());
    for (path, said) in [
        (
            "LICENSE-MIT",
            "Permission is hereby granted, free of charge",
        ),
        ("LICENSE-APACHE", "Version 2.0, January 2004"),
        (
            "NOTICE",
            "The weights: homectl\n  licence    mit OR apache-2.0\n",
        ),
        ("Cargo.toml", "license = \"MIT OR Apache-2.0\""),
        (
            "Cargo.toml",
            "licence-of-the-weights = \"mit OR apache-2.0\"",
        ),
    ] {
        assert!(text(&krate, path).contains(said), "{path}");
    }
}

#[test]
fn nothing_stated_is_said_too() {
    let krate = emitted(&gguf(&[]));
    assert!(text(&krate, "NOTICE").contains("licence    not stated: find it out"));
    assert!(text(&krate, "Cargo.toml").contains("licence-of-the-weights = \"not stated\""));
}

#[test]
fn an_adapter_has_terms_of_its_own() {
    let place = tempfile::tempdir().unwrap();
    let [model, adapter] = ["model", "adapter"].map(|name| place.path().join(name));
    fs::create_dir(&model).unwrap();
    folder(&model, &[("README.md", b"---\nlicense: mit\n---\n")]);
    lora::Folder::new(&tiny(), &["model.layers.0.mlp.up_proj"], 1).write(&adapter);
    fs::write(adapter.join("README.md"), "---\nlicense: gemma\n---\n").unwrap();
    fs::write(adapter.join("LICENSE"), "Its terms.\n").unwrap();
    let beside = Beside {
        lora: vec![Adapter::parse(adapter.as_os_str()).unwrap()],
        ..Beside::default()
    };
    let krate = emitted(&import_with(&model, &beside).unwrap());
    assert_eq!(text(&krate, "licences/adapter-1/LICENSE"), "Its terms.\n");
    let notice = text(&krate, "NOTICE");
    for said in [
        "licence    mit",
        "The LoRA adapter in the weights: adapter\n  licence    gemma",
        "Gemma is provided",
    ] {
        assert!(notice.contains(said), "{notice}");
    }
    assert!(text(&krate, "README.md").contains("| LoRA adapter | adapter |"));
}
