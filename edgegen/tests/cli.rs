//! The command line: help, refusals, exit statuses, and a whole emission.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;

fn edgegen(args: &[&str]) -> Command {
    let mut command = cargo_bin_cmd!("edgegen");
    command.args(args);
    command
}

fn stdout(args: &[&str]) -> String {
    let output = edgegen(args).assert().success().get_output().stdout.clone();
    String::from_utf8(output).unwrap()
}

/// The message of a refusal, with status 1.
fn refusal(args: &[&str]) -> String {
    let output = edgegen(args).assert().code(1).get_output().clone();
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn help() {
    insta::assert_snapshot!(stdout(&["--help"]), @r#"
    A compiler for small language models: a model file and a platform profile in, a standalone Rust crate out

    Usage: edgegen <COMMAND>

    Commands:
      demo       Compile the built-in model for this machine and run a command on it
      emit       Compile a model into a Rust crate
      eval       Measure what a weight format and a smaller vocabulary cost in quality, on a text
      inspect    Show a model's architecture, weights and tokenizer
      platforms  List the built-in platforms, or print profiles in full
      sweep      Measure size and quality of a model in every weight format, on a text
      verify     Run a crate's self-test and a benchmark on a device, and record the result in the crate
      help       Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version
    "#);
}

#[test]
fn help_of_emit() {
    insta::assert_snapshot!(stdout(&["emit", "--help"]), @r#"
    Compile a model into a Rust crate

    Usage: edgegen emit [OPTIONS] --platform <P> [MODEL]

    Arguments:
      [MODEL]  GGUF file, Hugging Face folder or llama2.c `.bin` [default: the built-in homectl]

    Options:
          --platform <P>        Built-in platform, or a profile's TOML file (see `edgegen platforms`)
          --cpu <NAME>          The one CPU to compile for, such as `cortex-a76` [default: the program chooses at start]
          --out <DIR>           Folder of the crate [default: ./<crate name>]
          --name <CRATE>        Name of the crate [default: from the model's name]
          --quant <QUANT>       Weight format; `keep` repacks the file's own, without loss where that is possible [default: keep] [possible values: keep, f32, f16, q8, q4m, q4]
          --vocab-size <N>      Tokens to keep, the most frequent ones of the calibration text [default: all]
          --calibration <FILE>  Text of the kind that the model will see, UTF-8 [default: a built-in one, English]
          --context <N>         Tokens that a session holds [default: the platform's, at most the model's]
          --answer-cache <N>    Tokens of prompts and answers that a session keeps, to give the same answer to the same request [default: those of four contexts, where the platform's RAM allows it]
          --schema <FILE>       JSON Schema that every answer shall be valid against [default: homectl's own, else none]
          --system <TEXT>       System message of every chat that gives none; computed now, so that a device need not
          --tokenizer <FILE>    Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
          --weights <PLACE>     In the program, or in a file to be shipped with it (a flash partition on microcontrollers); in browsers they are shards [default: embedded] [possible values: embedded, external]
          --allow-oversize      Emit even if the platform's limits are exceeded
          --force               Replace files that were changed by hand or that edgegen did not write
          --json                Print one JSON object
      -h, --help                Print help
    "#);
}

#[test]
fn help_of_eval() {
    insta::assert_snapshot!(stdout(&["eval", "--help"]), @r#"
    Measure what a weight format and a smaller vocabulary cost in quality, on a text

    Usage: edgegen eval [OPTIONS] <MODEL>

    Arguments:
      <MODEL>  GGUF file, Hugging Face folder or llama2.c `.bin`

    Options:
          --text <FILE>         Text to predict, UTF-8 [default: a built-in one, English]
          --window <N>          Tokens that are predicted from one another; the text is cut into such windows [default: 256, at most the model's]
          --tokenizer <FILE>    Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
          --quant <QUANT>       Weight format to measure [default: keep] [possible values: keep, f32, f16, q8, q4m, q4]
          --against <QUANT>     Weight format to compare with, which has the whole vocabulary; f32 is the original [default: f32] [possible values: keep, f32, f16, q8, q4m, q4]
          --vocab-size <N>      Tokens to keep, the most frequent ones of the calibration text [default: all]
          --calibration <FILE>  Text of the kind that the model will see, UTF-8 [default: a built-in one, English]
          --json                Print one JSON object
      -h, --help                Print help
    "#);
}

#[test]
fn help_of_inspect() {
    insta::assert_snapshot!(stdout(&["inspect", "--help"]), @r#"
    Show a model's architecture, weights and tokenizer

    Usage: edgegen inspect [OPTIONS] <MODEL>

    Arguments:
      <MODEL>  GGUF file, Hugging Face folder or llama2.c `.bin`

    Options:
          --tokenizer <FILE>  Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
          --json              Print one JSON object
      -h, --help              Print help
    "#);
}

#[test]
fn help_of_platforms() {
    insta::assert_snapshot!(stdout(&["platforms", "--help"]), @r#"
    List the built-in platforms, or print profiles in full

    Usage: edgegen platforms [OPTIONS] [P]...

    Arguments:
      [P]...  Built-in platforms or profiles' TOML files to print, to copy from

    Options:
          --json  Print one JSON object; its `platforms` have the fields of a profile's file
      -h, --help  Print help
    "#);
}

#[test]
fn help_of_sweep() {
    insta::assert_snapshot!(stdout(&["sweep", "--help"]), @r#"
    Measure size and quality of a model in every weight format, on a text

    Usage: edgegen sweep [OPTIONS] <MODEL>

    Arguments:
      <MODEL>  GGUF file, Hugging Face folder or llama2.c `.bin`

    Options:
          --text <FILE>       Text to predict, UTF-8 [default: a built-in one, English]
          --window <N>        Tokens that are predicted from one another; the text is cut into such windows [default: 256, at most the model's]
          --tokenizer <FILE>  Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
          --svg <FILE>        Draw the figures, as SVG
          --json              Print one JSON object
      -h, --help              Print help
    "#);
}

#[test]
fn help_of_verify() {
    insta::assert_snapshot!(stdout(&["verify", "--help"]), @r#"
    Run a crate's self-test and a benchmark on a device, and record the result in the crate

    Usage: edgegen verify [OPTIONS] <CRATE>

    Arguments:
      <CRATE>  Folder of the crate

    Options:
          --runner <COMMAND>  What runs the program: an emulator with its options, or `ssh HOST`, where the program is copied to [default: this machine]
          --target <TRIPLE>   Target triple to build for [default: this machine's]
          --program <FILE>    A program that is built already, for instance by `cross`
          --device <NAME>     Name of the device in the record [default: the runner]
          --tokens <N>        Tokens of the benchmark: so many are read and so many decoded [default: 16]
          --json              Print one JSON object
      -h, --help              Print help
    "#);
}

#[test]
fn a_wrong_command_line_is_status_2() {
    for args in [
        &[][..],
        &["emit"],
        &["emit", "m.gguf"],
        &["platforms", "--what"],
    ] {
        edgegen(args).assert().code(2);
    }
    edgegen(&["emit", "m.gguf", "--platform", "host", "--quant", "q3"])
        .assert()
        .code(2);
}

#[test]
fn platforms_are_listed() {
    let text = stdout(&["platforms"]);
    for name in [
        "android",
        "ios",
        "raspberry_pi",
        "raspberry_pi_32",
        "esp32",
        "browser",
        "host",
    ] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&stdout(&["platforms", "--json"])).unwrap();
    let list = json["platforms"].as_array().unwrap();
    assert_eq!(list.len(), text.lines().count() - 1);
    assert!(
        list.iter()
            .all(|p| p["target"].is_string() && p["batch"].is_u64())
    );
}

#[test]
fn a_printed_profile_is_that_profile() {
    let folder = tempfile::tempdir().unwrap();
    let list: serde_json::Value = serde_json::from_str(&stdout(&["platforms", "--json"])).unwrap();
    for profile in list["platforms"].as_array().unwrap() {
        let name = profile["name"].as_str().unwrap();
        let file = folder.path().join(format!("{name}.toml"));
        fs::write(&file, stdout(&["platforms", name])).unwrap();
        let again = stdout(&["platforms", file.to_str().unwrap(), "--json"]);
        let again: serde_json::Value = serde_json::from_str(&again).unwrap();
        assert_eq!(&again["platforms"][0], profile);
    }
}

#[test]
fn a_printed_profile_has_the_limits_of_the_built_in_one() {
    use edgegen::profile::Profile;
    for profile in Profile::built_in() {
        let printed = Profile::parse(&stdout(&["platforms", profile.name()])).unwrap();
        assert_eq!(printed, profile);
    }
}

#[test]
fn an_unknown_platform_is_refused_with_those_there_are() {
    let message = refusal(&["platforms", "toaster"]);
    assert!(
        message.starts_with("error: unknown platform `toaster`"),
        "{message}"
    );
    assert!(
        message.contains("\n  help: ") && message.contains("raspberry_pi"),
        "{message}"
    );
    let message = refusal(&["emit", "m.gguf", "--platform", "toaster"]);
    assert!(message.contains("unknown platform"), "{message}");
}

#[test]
fn a_refusal_is_json_too() {
    let output = edgegen(&["platforms", "toaster", "--json"])
        .assert()
        .code(1)
        .get_output()
        .clone();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let error = json["error"].as_str().unwrap();
    assert!(error.contains("unknown platform"), "{error}");
    assert!(!output.stderr.is_empty());
}

#[test]
fn a_bad_profile_is_refused_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let text = stdout(&["platforms", "host"]);
    let refused = |text: &str| {
        fs::write(&file, text).unwrap();
        refusal(&["platforms", file.to_str().unwrap()])
    };
    let message = refused("name = \"mine\"\nbatch = = 3\n");
    assert!(
        message.contains("line 2") && message.contains("mine.toml"),
        "{message}"
    );
    let line = 1 + text
        .lines()
        .position(|line| line.starts_with("batch"))
        .unwrap();
    let message = refused(&text.replace("batch = ", "batch = 99999"));
    assert!(
        message.contains(&format!("line {line}, `batch`")),
        "{message}"
    );
}

#[test]
fn an_unknown_cpu_is_refused_with_those_there_are() {
    let emit = [
        "emit",
        "m.gguf",
        "--platform",
        "raspberry_pi",
        "--cpu",
        "z80",
    ];
    let message = refusal(&emit);
    assert!(
        message.contains("no CPU `z80`") && message.contains("cortex-a76"),
        "{message}"
    );
}

#[test]
fn a_missing_model_is_refused() {
    let message = refusal(&["emit", "no-such-model.gguf", "--platform", "host"]);
    assert!(message.contains("no-such-model.gguf"), "{message}");
    let message = refusal(&["inspect", "no-such-model.gguf"]);
    assert!(message.contains("no-such-model.gguf"), "{message}");
}

#[test]
fn a_text_that_cannot_be_read_is_refused_before_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text.txt");
    let path = file.to_str().unwrap();
    let eval = ["eval", "no-such-model.gguf", "--text", path];
    let message = refusal(&eval);
    assert!(message.contains("text.txt: cannot read"), "{message}");
    fs::write(&file, b"caf\xe9").unwrap();
    let message = refusal(&eval);
    assert!(
        message.contains("byte 3: the text is not UTF-8"),
        "{message}"
    );
}

#[test]
fn a_sweep_is_a_row_for_each_format_and_a_chart() {
    let tiny = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/macro-assistant/models/tiny.bin"
    );
    let folder = tempfile::tempdir().unwrap();
    let [text, svg] = ["text.txt", "chart.svg"].map(|name| folder.path().join(name));
    fs::write(&text, "the lamp in the kitchen is on ".repeat(20)).unwrap();
    let [text, svg] = [&text, &svg].map(|path| path.to_str().unwrap());
    let sweep = ["sweep", tiny, "--text", text, "--svg", svg, "--json"];
    let json: serde_json::Value = serde_json::from_str(&stdout(&sweep)).unwrap();
    let rows = json["formats"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|r| r["quant"].as_str().unwrap()).collect();
    assert_eq!(names, ["keep", "f32", "f16", "q8", "q4m", "q4"]);
    let of = |name: &str, field: &str| {
        let row = rows.iter().find(|row| row["quant"] == name).unwrap();
        row[field].as_f64().unwrap()
    };
    assert_eq!(of("f32", "kl_divergence"), 0.0);
    assert!(of("q4", "kl_divergence") > of("q8", "kl_divergence"));
    assert!(of("q4", "flash_bytes") < of("q8", "flash_bytes"));
    let chart = fs::read_to_string(svg).unwrap();
    assert!(
        names
            .iter()
            .all(|name| chart.contains(&format!(">{name}: ")))
    );

    // A row has the figures of `eval`.
    let eval = ["eval", tiny, "--quant", "q4", "--text", text, "--json"];
    let eval: serde_json::Value = serde_json::from_str(&stdout(&eval)).unwrap();
    assert_eq!(eval["kl_divergence"], of("q4", "kl_divergence"));
    assert_eq!(eval["candidate"]["perplexity"], of("q4", "perplexity"));
}

#[test]
fn a_smaller_vocabulary_is_emitted() {
    let folder = tempfile::tempdir().unwrap();
    let emit = |size: &str| {
        let mut command = edgegen(&["emit", "--platform", "host", "--json", "--vocab-size", size]);
        command.args(["--name", "small"]).current_dir(&folder);
        command.assert().get_output().clone()
    };
    let refused = String::from_utf8(emit("9").stderr).unwrap();
    let (_, least) = refused
        .split_once("help: give ")
        .expect("the smallest size");
    let (least, _) = least.split_once(' ').unwrap();
    let json: serde_json::Value = serde_json::from_slice(&emit(least).stdout).unwrap();
    assert_eq!(json["vocab_size"].to_string(), least);
    let readme = fs::read_to_string(folder.path().join("small/README.md")).unwrap();
    assert!(readme.contains(&format!("| vocabulary | {least} of the source's ")));
}

#[test]
fn a_bad_name_is_refused_before_the_model_is_read() {
    for name in [
        "Big",
        "1st",
        "",
        "a_b",
        "loop",
        "std",
        "../x",
        &"x".repeat(65),
    ] {
        let message = refusal(&[
            "emit",
            "no-such-model.gguf",
            "--platform",
            "host",
            "--name",
            name,
        ]);
        assert!(message.contains("cannot be the crate's name"), "{message}");
    }
}

#[test]
fn a_folder_of_someone_else_is_refused_before_the_model_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
    let out = folder.path().to_str().unwrap();
    let message = refusal(&[
        "emit",
        "no-such-model.gguf",
        "--platform",
        "host",
        "--out",
        out,
    ]);
    assert!(message.contains("thesis.txt"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::process::Stdio;
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("edgegen"))
        .arg("platforms")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
}

#[test]
fn a_model_is_emitted_and_emitted_again() {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/models/stories260K");
    let model = shared.join("stories260K.bin");
    if !model.exists() {
        eprintln!("not run: {} is missing", model.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let emit = |extra: &[&str]| {
        let mut command = edgegen(&["emit", model.to_str().unwrap(), "--platform", "host"]);
        let tokenizer = fs::read_dir(&shared)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                let name = path.file_name().unwrap().to_string_lossy();
                name.starts_with("tok") && name.ends_with(".bin")
            });
        if let Some(tokenizer) = tokenizer {
            command.arg("--tokenizer").arg(tokenizer);
        }
        command
            .args(["--name", "tiny"])
            .args(extra)
            .current_dir(&folder);
        command
    };
    let json = |extra: &[&str]| -> serde_json::Value {
        let output = emit(extra)
            .arg("--json")
            .assert()
            .success()
            .get_output()
            .clone();
        assert!(output.stderr.is_empty(), "progress without a terminal");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let first = json(&[]);
    assert_eq!(first["path"], "tiny");
    assert_eq!(first["unchanged"], 0);
    assert_eq!(first["hash"].as_str().unwrap().len(), 16);
    let second = json(&[]);
    assert_eq!(second["unchanged"], first["written"]);
    assert_eq!(second["written"], 0);
    assert_eq!(second["hash"], first["hash"]);

    let text = emit(&[]).assert().success().get_output().stdout.clone();
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("0 written") && text.contains("cd tiny && "),
        "{text}"
    );

    let lib = folder.path().join("tiny/src/lib.rs");
    fs::write(&lib, "mine").unwrap();
    emit(&[]).assert().code(1);
    assert_eq!(fs::read_to_string(&lib).unwrap(), "mine");
    assert_eq!(json(&["--force"])["written"], 1);
}
