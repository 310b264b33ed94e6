//! What a refusal says to do: it fits the command, and leads out.

use std::path::Path;
use std::process::Command;

use crate::common::assert_refused;
use crate::common::gguf::Gguf;
use crate::common::split::Split;
use crate::common::{Shape, Tiny, hf, llama2c, lora};
use edgegen::error::Kind;
use edgegen::import::{Beside, files_of, import};
use edgegen::plan::{Request, plan};

/// The built-in model, as small as it is shipped.
const HOMECTL: [&str; 5] = ["emit", "--platform", "host", "--quant", "q4"];

/// The message of a command that is refused.
fn refusal(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_edgegen"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn contains(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

/// A profile with as much RAM and flash as is said.
fn profile(folder: &Path, model_size: &str, ram: &str) -> String {
    let text = include_str!("../../src/profile/built_in/esp32.toml");
    let lines = text.lines().map(|line| match line.split_once(" = ") {
        Some(("model_size", _)) => format!("model_size = \"{model_size}\"\n"),
        Some(("ram", _)) => format!("ram = \"{ram}\"\n"),
        _ => format!("{line}\n"),
    });
    let path = folder.join("small.toml");
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn plan_refuses_a_session_with_all_limits_and_no_option_that_it_has_not() {
    let folder = tempfile::tempdir().unwrap();
    let profile = profile(folder.path(), "1 MB", "1 KB");
    for options in [
        &[][..],
        &["--context", "1"],
        &["--context", "1", "--kv-cache", "i8"],
    ] {
        let message = refusal(&[&["plan", "--platform", &profile], options].concat());
        contains(
            &message,
            &[
                "the weights take",
                "of RAM, the limit is 0.00 MB",
                "no context is short enough",
            ],
        );
        for option in [
            "--window",
            "--quant",
            "--allow-oversize",
            "--context",
            "--policy",
        ] {
            assert!(!message.contains(option), "{message}");
        }
    }
}

#[test]
fn a_session_of_one_token_is_no_window_of_one() {
    let message = refusal(&[
        "plan",
        "--platform",
        "host",
        "--budget-mb",
        "0.6",
        "--context",
        "1",
    ]);
    contains(&message, &["--context: ", "give 2 or more"]);
}

#[test]
fn a_text_that_nobody_gave_is_not_called_an_option() {
    let message = refusal(&["plan", "--platform", "host", "--budget-mb", "0.6"]);
    contains(
        &message,
        &[
            "error: the model predicts the built-in text worse",
            "homectl's README has its accuracy",
        ],
    );
    assert!(!message.contains("--calibration"), "{message}");
}

/// Of homectl a search cannot measure anything.
#[test]
fn the_way_of_least_loss_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny(folder.path());
    let search = "`--policy search` takes what fits with the least loss; ";
    for (model, size, first, cost) in [
        (None, "1.3 MB", "", "`--quant q8` makes it 1.26 MB; "),
        (None, "0.5 MB", "", "at several times the perplexity; "),
        (
            Some(&model),
            "45 KB",
            search,
            "`--quant q8` makes it 0.03 MB; ",
        ),
        (
            Some(&model),
            "25 KB",
            search,
            "makes it 0.02 MB, with some loss; ",
        ),
    ] {
        let profile = profile(folder.path(), size, "520 KB");
        let mut arguments = vec!["emit"];
        arguments.extend(model.map(String::as_str));
        let message = refusal(&[&arguments[..], &["--platform", &profile]].concat());
        contains(&message, &[&format!("help: {first}"), cost]);
        assert_eq!(message.contains("search"), model.is_some(), "{message}");
        assert!(
            message
                .trim_end()
                .ends_with("`--allow-oversize` emits all the same"),
            "{message}"
        );
    }
}

#[test]
fn an_estimate_asks_about_a_unit_that_was_forgotten() {
    let message = refusal(&["estimate", "--platform", "android", "--params", "135"]);
    contains(&message, &["135M"]);
    let message = refusal(&["estimate", "--platform", "android"]);
    contains(&message, &["MODEL", "--params"]);
}

#[test]
fn a_misspelled_platform_is_recognised() {
    for (word, name) in [
        ("hosst", "host"),
        ("pi", "raspberry_pi"),
        ("ESP32", "esp32"),
    ] {
        let message = refusal(&["plan", "--platform", word]);
        contains(
            &message,
            &[&format!("a similar name is `{name}`"), "android, ios"],
        );
    }
    assert!(!refusal(&["plan", "--platform", "toaster"]).contains("similar"));
    let message = refusal(&["emit", "--platform", "raspberry_pi", "--cpu", "cortex-a67"]);
    contains(&message, &["a similar name is `cortex-a"]);
}

/// Files of other kinds, as they begin.
#[test]
fn files_of_other_kinds_are_recognised() {
    let zip: &[u8] = b"PK\x03\x04 and more than enough bytes";
    let pickle: &[u8] = b"PK\x03\x04 and more: pytorch_model/data.pkl";
    let gzip: &[u8] = b"\x1f\x8b\x08\x08 and more than enough bytes";
    let tflite: &[u8] = b"\x1c\0\0\0TFL3 and more than enough bytes";
    let safetensors: &[u8] = b"\x10\0\0\0\0\0\0\0{\"a\":1}         ";
    let other: &[u8] = b"\x08\x07\x12\x07pytorch and more than enough bytes";
    for (name, bytes, what, help) in [
        ("model.pt", zip, "a PyTorch checkpoint", "safetensors"),
        (
            "pytorch_model.bin",
            pickle,
            "a PyTorch checkpoint",
            "safetensors",
        ),
        ("model.zip", zip, "a ZIP archive", "unpack it"),
        ("model.gguf.gz", gzip, "a compressed file", "unpack it"),
        ("model.tflite", tflite, "a TensorFlow Lite model", ".gguf"),
        ("unnamed", tflite, "a TensorFlow Lite model", ".gguf"),
        ("model.onnx", other, "an ONNX model", ".gguf"),
        (
            "model.safetensors",
            safetensors,
            "weights alone",
            "the folder that it is in",
        ),
        (
            "model.ggml",
            b"lmgg and more than enough bytes of it",
            "from before GGUF",
            "llama.cpp",
        ),
        ("model.what", other, "no GGUF file", "a .gguf file"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = import(&path).unwrap_err();
        assert_eq!(error.kind(), Kind::Unsupported, "{name}");
        contains(&error.to_string(), &[name, what, help]);
    }
}

/// Who opens a pipe waits for another who writes into it.
#[cfg(unix)]
#[test]
fn a_pipe_is_no_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let error = import(&path).unwrap_err().to_string();
    contains(&error, &["model.gguf: this is not a file", "help: "]);
}

#[test]
fn folders_of_other_kinds_are_recognised() {
    for (file, what, help) in [
        (
            "adapter_config.json",
            "a LoRA adapter",
            "the adapter with `--lora ",
        ),
        ("model.onnx", "ONNX", "config.json and safetensors"),
        ("params.json", "the original Llama", "Hugging Face's format"),
        ("readme.md", "no config.json", "a .gguf file"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(file), "{}").unwrap();
        contains(
            &import(folder.path()).unwrap_err().to_string(),
            &[what, help],
        );
    }
}

#[test]
fn a_folder_with_one_gguf_file_is_that_file() {
    let folder = tempfile::tempdir().unwrap();
    let tiny = Gguf::new(&Tiny::new(Shape::default(), 1)).bytes();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, &tiny).unwrap();
    std::fs::write(folder.path().join("README.md"), "").unwrap();
    assert_eq!(
        import(folder.path()).unwrap().digest(),
        import(&path).unwrap().digest()
    );
    assert_eq!(files_of(folder.path(), &Beside::default()).unwrap(), [path]);

    std::fs::write(folder.path().join("other.gguf"), &tiny).unwrap();
    assert_refused(
        "two models",
        import(folder.path()),
        "",
        "",
        "several models",
    );
    let message = import(folder.path()).unwrap_err().to_string();
    contains(&message, &["other.gguf, tiny.gguf"]);
}

#[test]
fn what_is_no_path_is_said_so() {
    for (name, what, help) in [
        ("https://example.org/model.gguf", "an address", "curl"),
        (
            "https://huggingface.co/a/b/resolve/main/c.gguf",
            "an address",
            "`hf:a/b:c.gguf`",
        ),
        (
            "HuggingFaceTB/SmolLM2-135M",
            "Hugging Face hub",
            "`hf:HuggingFaceTB/SmolLM2-135M`",
        ),
        // As a macro and a build script give it, with a path put before it or not.
        (
            "/crate/hf:a/b@v1",
            "a build fetches nothing",
            "`edgegen fetch hf:a/b@v1`",
        ),
        (
            "hf:a/b",
            "a build fetches nothing",
            "`edgegen fetch hf:a/b`",
        ),
        (
            "models/nothing.gguf",
            "cannot open the file",
            "nothing is there",
        ),
        ("nothing.gguf", "cannot open the file", "nothing is there"),
    ] {
        let error = import(Path::new(name)).unwrap_err();
        assert_eq!(error.kind(), Kind::Io, "{name}");
        contains(&error.to_string(), &[name, what, help]);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named_without_a_temporary_one() {
    // No file of a process can be created there, whoever asks.
    let message = refusal(&[&HOMECTL[..], &["--out", "/proc/self/crate"]].concat());
    contains(
        &message,
        &["error: /proc/self: no folder can be made here: "],
    );
    assert!(!message.contains(".edgegen-"), "{message}");
}

/// A tiny model's file, with tied embeddings.
fn tiny(folder: &Path) -> String {
    let path = folder.join("tiny.gguf");
    let shape = Shape {
        tied: true,
        ..Shape::default()
    };
    std::fs::write(&path, Gguf::new(&Tiny::new(shape, 1)).bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_option_without_effect_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny(folder.path());
    let out = folder.path().join("out");
    let emit = |options: &[&str]| {
        let start = ["emit", &model, "--platform", "host", "--out"];
        refusal(&[&start[..], &[out.to_str().unwrap()], options].concat())
    };
    let twice = emit(&["--tensor", "query=q8", "--tensor", "query=q4"]);
    contains(
        &twice,
        &["--tensor: `query` is given twice", "give it once"],
    );
    let tied = emit(&["--tensor", "output=q8"]);
    contains(
        &tied,
        &["no matrix `output`", "give the format of `embedding`"],
    );
    let text = folder.path().join("text");
    std::fs::write(&text, "a word").unwrap();
    let unread = emit(&["--quant", "q8", "--calibration", text.to_str().unwrap()]);
    contains(
        &unread,
        &[
            "--calibration: nothing here is chosen by a text",
            "`--calibrate`",
        ],
    );
    let unknown = emit(&["--tensor", "query=q9"]);
    contains(&unknown, &["unknown weight format `q9`", "q8"]);
    assert!(!out.exists());
}

#[test]
fn an_answer_that_never_fits_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (schema, out) = (folder.path().join("schema.json"), folder.path().join("out"));
    std::fs::write(&schema, format!("{{\"const\": \"{}\"}}", "x".repeat(100))).unwrap();
    let model = tiny(folder.path());
    let [schema, out] = [&schema, &out].map(|path| path.to_str().unwrap());
    let message = refusal(&[
        "emit",
        &model,
        "--platform",
        "host",
        "--schema",
        schema,
        "--context",
        "16",
        "--out",
        out,
    ]);
    contains(
        &message,
        &[
            "the shortest answer of the schema takes 10",
            "there is room for 16",
            "ask for less in the schema: the model was trained for 64 tokens",
        ],
    );
}

/// It shows before the work, and nothing of the user's is lost.
#[test]
fn a_place_that_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny(folder.path());
    let below = folder.path().join("nothing/file");
    let below = below.to_str().unwrap();
    let place = folder.path().to_str().unwrap();
    let plan = ["plan", &model, "--platform", "host", "--force", "--out"];
    let sweep = ["sweep", &model, "--force", "--svg"];
    let profile = ["profile", "--force", "--out"];
    for command in [&plan[..], &sweep, &profile] {
        let message = refusal(&[command, &[below]].concat());
        contains(
            &message,
            &["cannot write it: ", "make the folder that it is in first"],
        );
        let message = refusal(&[command, &[place]].concat());
        contains(&message, &["something is there that is no file"]);
    }
    let other = folder.path().join("crate");
    std::fs::create_dir(&other).unwrap();
    for file in ["Cargo.toml", "edgegen.lock"] {
        std::fs::write(other.join(file), "[package]\nname = \"model\"\n").unwrap();
    }
    let message = refusal(&["profile", "--emit-probe", other.to_str().unwrap()]);
    contains(&message, &["the folder has another crate", "--force"]);
}

/// A model in a file or a folder, what is beside it, and the texts stay as they are.
#[test]
fn what_a_command_reads_is_not_overwritten() {
    let place = tempfile::tempdir().unwrap();
    let at = |path: &str| place.path().join(path).to_str().unwrap().to_owned();
    let model = Tiny::new(Shape::default(), 3);
    let query = ["model.layers.0.self_attn.q_proj"];
    lora::Folder::new(&model, &query, 1).write(Path::new(&at("adapter")));
    for folder in ["hf", "split"] {
        std::fs::create_dir(at(folder)).unwrap();
    }
    hf::Folder::new(&model).write(Path::new(&at("hf")));
    let split = Split::new(&model);
    let shards = split.files();
    let shards = shards.map(|(name, bytes)| (format!("split/{name}"), bytes));
    let profile = include_bytes!("../../src/profile/built_in/raspberry_pi.toml");
    let others = [
        ("model.bin", llama2c::version_0(&model)),
        ("tokenizer.bin", llama2c::tokenizer(model.shape.vocab)),
        ("text", b"Once upon a time.".into()),
        ("platform.toml", profile.into()),
        ("hf/README.md", b"A model.".into()),
    ];
    let others = others.map(|(name, bytes)| (name.to_owned(), bytes));
    for (name, bytes) in shards.chain(others) {
        std::fs::write(at(&name), bytes).unwrap();
    }
    let [hf, adapter, text, platform] = ["hf", "adapter", "text", "platform.toml"].map(at);
    let (first, third) = ("split/m-00001-of-00003.gguf", "split/m-00003-of-00003.gguf");
    let plan = ["plan", "--force", "--platform"];
    let sweep = ["sweep", "--force"];
    let [on_host, on_mine] = ["host", &platform].map(|name| [&plan[..], &[name]].concat());
    let cases: [(&[&str], &str, &[&str], &str); 10] = [
        (&on_host, "--out", &[&hf], "hf/model.safetensors"),
        (&on_host, "--out", &[&at(first)], third),
        (&on_host, "--out", &[&at("split")], first),
        (&on_host, "--out", &[&at("model.bin")], "tokenizer.bin"),
        (
            &on_host,
            "--out",
            &[&hf, "--lora", &adapter],
            "adapter/adapter_config.json",
        ),
        (&on_host, "--out", &[&hf, "--calibration", &text], "text"),
        (&on_mine, "--out", &[&hf], "platform.toml"),
        (&sweep, "--svg", &[&hf], "hf/config.json"),
        (&sweep, "--svg", &[&hf, "--text", &text], "text"),
        (
            &sweep,
            "--svg",
            &[&at("model.bin"), "--lora", &adapter],
            "model.bin",
        ),
    ];
    for (command, option, given, out) in cases {
        let before = std::fs::read(at(out)).unwrap();
        let message = refusal(&[command, given, &[option, &at(out)]].concat());
        contains(&message, &[out, "a file that is read", "give another file"]);
        assert_eq!(std::fs::read(at(out)).unwrap(), before);
    }
    let message = refusal(&[&on_host[..], &[&hf, "--out", &at("hf/README.md")]].concat());
    contains(&message, &["hf/README.md", "in a folder that is read"]);
}

#[test]
fn a_wrong_command_line_is_json_too() {
    for arguments in [
        &["inspect", "--json"][..],
        &[
            "estimate",
            "--json",
            "--params",
            "135",
            "--platform",
            "android",
        ],
        &["emit", "--json", "--no-such-option"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_edgegen"))
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(told["error"].as_str().unwrap().len() > 20, "{told}");
    }
}

/// Each command with what is said, and what is not.
#[test]
fn advice_is_of_the_command_that_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("mine"), "").unwrap();
    let (model, full) = (tiny(folder.path()), full.to_str().unwrap());
    let emit = ["emit", &model, "--platform", "host", "--out", full];
    let plan = ["plan", &model, "--platform", "host"];
    for (arguments, said, unsaid) in [
        (
            &["demo", "x", "--out", full][..],
            "another folder with `--out`",
            "--force",
        ),
        (
            &["profile", "--emit-probe", full],
            "another folder with `--emit-probe`",
            "--out",
        ),
        (&emit, "`--force` writes into this one", "--emit-probe"),
        (
            &[&plan[..], &["--quant", "q4"]].concat(),
            "it is an option of emit, eval",
            "as a value",
        ),
        (
            &["inspect", &model, "--platfrom", "x"],
            "unexpected argument",
            "as a value",
        ),
        (
            &[&plan[..], &["--budgetmb", "1"]].concat(),
            "a similar argument exists: '--budget-mb'",
            "as a value",
        ),
        (
            &["emit", "--platform", "host", "--max-kl", "1"],
            "--max-kl: goals are",
            "budget",
        ),
        (
            &[&plan[..], &["--policy", "basic", "--out", "x"]].concat(),
            "--out: the basic policy has no such thing",
            "goals",
        ),
    ] {
        let message = refusal(arguments);
        contains(&message, &[said]);
        assert!(!message.contains(unsaid), "{message}");
    }
}

#[test]
fn numbers_that_cannot_be_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny(folder.path());
    let huge = "9".repeat(40);
    for (option, value, said) in [
        ("--context", "-1", "give a whole number"),
        ("--context", "1x", "give a whole number"),
        ("--context", &huge, "it is too large"),
        ("--context", "0", "give 1 to"),
        ("--answer-cache", "-1", "give a whole number"),
        ("--budget-mb", "x", "give a number, such as 0.5"),
        ("--budget-mb", "-1", "-1 is not a positive number"),
        ("--max-kl", "-1", "-1 is not a positive number"),
        ("--name", "-x", "cannot be the crate's name"),
    ] {
        let more: &[&str] = match option {
            "--budget-mb" | "--max-kl" => &["--policy", "search"],
            _ => &[],
        };
        let arguments = ["emit", &model, "--platform", "host", option, value];
        contains(&refusal(&[&arguments[..], more].concat()), &[option, said]);
    }
    let message = refusal(&["estimate", "--platform", "host", "--params", "-5"]);
    contains(&message, &["--params"]);
    assert!(!message.contains("as a value"), "{message}");
}

/// Neither a format nor a vocabulary nor a session mends it.
#[test]
fn a_model_that_is_far_too_large_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny(folder.path());
    let profile = profile(folder.path(), "1 KB", "1 KB");
    for command in [&["plan"][..], &["emit"], &["emit", "--policy", "search"]] {
        let (name, more) = command.split_first().unwrap();
        let arguments = [name, &model[..], "--platform", &profile, "--context", "1"];
        let message = refusal(&[&arguments[..], more].concat());
        contains(
            &message,
            &[
                "the weights take",
                "of RAM, the limit is",
                "take a smaller model or another profile: in t2, with 102 of its 272 tokens",
            ],
        );
        for option in ["--quant", "--kv-cache", "--context", "--policy", "--plan"] {
            assert!(!message.contains(option), "{message}");
        }
    }
    let message = refusal(&[
        "plan",
        &model,
        "--platform",
        "host",
        "--budget-mb",
        "0.0001",
    ]);
    contains(
        &message,
        &["nothing is small enough for 0.00 MB; anything takes more than 0."],
    );
}

#[test]
fn calibration_of_what_is_not_rounded_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = tiny(folder.path());
    let out = folder.path().join("out");
    for format in ["keep", "f16", "f32"] {
        let message = refusal(&[
            "emit",
            &model,
            "--platform",
            "host",
            "--quant",
            format,
            "--calibrate",
            "--out",
            out.to_str().unwrap(),
        ]);
        contains(&message, &["--calibrate: no matrix here", "`--quant q4`"]);
    }
}

#[test]
fn a_link_that_leads_nowhere_is_no_place() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    let link = link.to_str().unwrap();
    let message = refusal(&["emit", "--platform", "host", "--out", link]);
    contains(
        &message,
        &["link that leads to nothing", "give another folder"],
    );
    for path in [link, ".", ".."] {
        let message = refusal(&["new", path, "--platform", "host"]);
        contains(&message, &["it is there already", "give another folder"]);
    }
}

/// The system's own message has the name of a file that nobody asked for.
#[cfg(target_os = "linux")]
#[test]
fn no_message_names_a_temporary_file() {
    for arguments in [
        &["profile", "--out", "/proc/x"][..],
        &["plan", "--platform", "host", "--out", "/proc/x"],
        &["emit", "--platform", "host", "--out", "/proc/x"],
        &["new", "/proc/x", "--platform", "host"],
    ] {
        let message = refusal(arguments);
        contains(
            &message,
            &["/proc", "help: give another path: nothing can be made here"],
        );
        for name in [".tmp", ".edgegen"] {
            assert!(!message.contains(name), "{message}");
        }
    }
}

#[test]
fn a_remedy_is_not_what_the_model_has_not() {
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("schema.json");
    let out = folder.path().join("out");
    let emit = [&HOMECTL[..], &["--out", out.to_str().unwrap()]].concat();
    let schema_of = |text: &str| {
        std::fs::write(&schema, text).unwrap();
        refusal(&[&emit[..], &["--schema", schema.to_str().unwrap()]].concat())
    };
    let long = schema_of(&format!("{{\"const\":\"{}\"}}", "xyzzy ".repeat(100)));
    contains(
        &long,
        &["ask for less in the schema: the model was trained for 112 tokens"],
    );
    assert!(!long.contains("`--context"), "{long}");
    contains(
        &schema_of(""),
        &["the schema is not JSON", "correct the text at this place"],
    );
    contains(&schema_of(&"[".repeat(200)), &["lessen its nesting"]);
    contains(
        &schema_of(r#"{"type":"integer","multipleOf":0}"#),
        &["`multipleOf` must be", "such as 5, 0.5 or 0.001"],
    );
    for (context, said) in [
        ("1", "give at least `--context 5`"),
        ("0", "give 1 to 112"),
        ("113", "give at most 112"),
    ] {
        contains(
            &refusal(&[&emit[..], &["--context", context]].concat()),
            &[said],
        );
    }
}

/// Whatever of flash, RAM and the device's memory is too small, and wherever the weights are.
#[test]
fn what_is_said_to_fit_fits_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let model = import(Path::new(&tiny(folder.path()))).unwrap();
    let esp32 = include_str!("../../src/profile/built_in/esp32.toml");
    let mut tried = 0;
    for case in 0..2 * 4 * 4 * 4 {
        let [in_flash, flash, ram, device] = [case % 2, case / 2 % 4, case / 8 % 4, case / 32];
        let lines = esp32.lines().map(|line| match line.split_once(" = ") {
            Some(("model_size", _)) => {
                format!("model_size = \"{} KB\"\n", [15, 25, 45, 900][flash])
            }
            Some(("ram", _)) => format!("ram = \"{} KB\"\n", [8, 20, 40, 520][ram]),
            Some(("device_ram", _)) => {
                format!("device_ram = \"{} KB\"\n", [30, 60, 90, 900][device])
            }
            Some(("weights_in_flash", _)) => format!("weights_in_flash = {}\n", in_flash == 1),
            _ => format!("{line}\n"),
        });
        let text = lines.collect::<String>();
        let Ok(profile) = edgegen::profile::Profile::parse(&text) else {
            continue;
        };
        let Err(error) = plan(&model, &profile, &Request::default()) else {
            continue;
        };
        let message = error.to_string();
        let help = message.split_once("help: ").unwrap().1;
        for way in help.split("; ") {
            let settings: Vec<_> = way.split('`').skip(1).step_by(2).collect();
            let says = |words: &str| way.contains(words);
            if says("the least loss")
                || says("a plan that fits")
                || !(says(" fits") || says(" makes it "))
            {
                continue;
            }
            let (first, others) = settings.split_first().unwrap();
            let others = others.iter().map(|other| vec![first, other]);
            let choices = match settings.len() {
                1 => vec![vec![first]],
                _ => others.collect(),
            };
            for choice in choices {
                let mut request = Request::default();
                for setting in &choice {
                    match setting.split_once(' ').unwrap() {
                        ("--quant", format) => request.quant = format.parse().unwrap(),
                        ("--kv-cache", format) => request.kv_cache = format.parse().unwrap(),
                        ("--context", tokens) => request.context = Some(tokens.parse().unwrap()),
                        other => panic!("{other:?} in {message}"),
                    }
                }
                let fits = plan(&model, &profile, &request);
                assert!(fits.is_ok(), "{choice:?} of {message}\n{text}");
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "{tried}");
}
