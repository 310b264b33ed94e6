//! The command line of an emitted program: what it says, in text and in JSON.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::{Recipe, Target, paths, run};

use super::homectl::small;

/// Who reads JSON gets one object, whatever happens.
fn errors_are_json_too() {
    let program = small(Target::Host, "host");
    for (arguments, status) in [
        (&["generate", "--json"][..], 2),
        (&["nonsense", "--json"], 2),
        (&["score", "--json", "no-such-file"], 1),
    ] {
        let output = program.run(arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
        let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(
            format!("error: {}\n", found["error"].as_str().unwrap()),
            said
        );
    }
}

/// A command line that cannot be, and what is said of it, without what controls a terminal.
fn a_wrong_command_line_is_explained() {
    let program = small(Target::Host, "host");
    for (arguments, reason) in [
        (&["nonsense"][..], "unknown command `nonsense`"),
        (&["logits", "a", "b"], "put it in quotes"),
        (&["logits", "a", "--top"], "--top wants a value"),
        (&["logits", "a", "--top", "x\u{1b}[2J"], "not `x\\u{1b}[2J`"),
        (&["logits", "a", "--topp", "1"], "there are --json, --top, "),
        (
            &["logits", "a", "--top", "1", "--top", "2"],
            "--top is given twice",
        ),
        (&["bench", "--json", "--json"], "--json is given twice"),
    ] {
        let output = program.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8(output.stderr).expect("text");
        assert!(said.contains(reason) && !said.contains('\u{1b}'), "{said}");
    }
    let mut command = Command::new(program.path());
    let output = run::output(command.args(["generate", "--json"]).arg(not_utf8()));
    let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert!(found["error"].as_str().unwrap().contains("is not UTF-8"));
}

fn not_utf8() -> std::ffi::OsString {
    std::os::unix::ffi::OsStringExt::from_vec(vec![b'a', 0xff])
}

/// What is scored ends, and no file is written over.
fn scoring_reads_so_much_and_replaces_nothing() {
    let program = small(Target::Host, "host");
    let folder = paths::work("scored");
    let (text, logits) = (folder.join("text.txt"), folder.join("logits.bin"));
    let [text_path, logits_path] = [&text, &logits].map(|path| path.to_str().expect("UTF-8"));
    let score = |file, out| program.run(&["score", file, "--logits", out]);
    let refused = |output: std::process::Output, reason: &str| {
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).expect("text");
        assert!(said.contains(reason), "{said}");
    };
    let _ = std::fs::remove_file(&logits);
    std::fs::write(&text, "switch off the lamp").expect("a writable target folder");
    refused(
        score("/dev/zero", logits_path),
        "a text has at most 67108864 bytes",
    );
    refused(score(text_path, text_path), "the file exists");
    std::fs::write(&text, "").expect("a writable target folder");
    refused(score(text_path, logits_path), "there is nothing to predict");
    assert!(!logits.exists());
    std::fs::write(&text, "switch off the lamp").expect("a writable target folder");
    assert!(score(text_path, logits_path).status.success());
    assert!(logits.metadata().expect("the logits").len() > 0);
    refused(score(text_path, logits_path), "the file exists");
}

/// A tiny model that goes on for seconds.
fn talkative() -> std::path::PathBuf {
    let (source, folder) = (
        paths::data("architectures/llama/hf"),
        paths::work("talkative"),
    );
    for entry in std::fs::read_dir(source).expect("the folder") {
        let path = entry.expect("an entry").path();
        let mut bytes = std::fs::read(&path).expect("a readable file");
        if path.ends_with("config.json") {
            let mut config: Value = serde_json::from_slice(&bytes).expect("JSON");
            config["max_position_embeddings"] = CONTEXT.into();
            bytes = config.to_string().into_bytes();
        }
        let name = path.file_name().expect("a file");
        std::fs::write(folder.join(name), bytes).expect("a writable target folder");
    }
    folder
}

const CONTEXT: usize = 30_000;

/// Who presses Ctrl-C has the tokens until then.
fn an_interrupted_answer_is_said() {
    let context = format!("--context={CONTEXT}");
    let recipe = Recipe::new("llama-talkative", &talkative(), "host", "f32").with(&context);
    let recipe = recipe.with("--answer-cache=0").for_one_cpu();
    let program = Target::Host.build(&recipe.emit());
    // A shell has what it starts with `&` ignore the signal, and so all that this starts.
    let child = Command::new("env")
        .arg("--default-signal=INT")
        .arg(program.path())
        .args(["generate", "--json", "hello", "--threads", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let catches = || {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let caught = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))?;
        let caught = u64::from_str_radix(caught.trim(), 16).ok()?;
        Some(caught & 1 << 1 != 0)
    };
    while catches() == Some(false) {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(100));
    run::output(Command::new("kill").args(["-INT", &child.id().to_string()]));
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let tokens = found["tokens"].as_array().expect("a list").len();
    assert!(0 < tokens && tokens < CONTEXT - 100, "{tokens}");
}

tests::trials![
    a_wrong_command_line_is_explained,
    errors_are_json_too,
    scoring_reads_so_much_and_replaces_nothing,
    an_interrupted_answer_is_said,
];
