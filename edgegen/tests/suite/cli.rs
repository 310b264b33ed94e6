//! The command line: help, refusals, exit statuses, and a whole emission.

use std::fs;
use std::sync::LazyLock;

use crate::common::{Shape, Tiny, data, hf, lora};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin_cmd;
use edgegen::program::WeightFormat;
use tempfile::TempDir;

/// The tiny untrained model of the examples.
const TINY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../examples/macro-assistant/models/tiny.bin"
);

fn edgegen(args: &[&str]) -> Command {
    let mut command = cargo_bin_cmd!("edgegen");
    command.args(args);
    // What an earlier run kept must not hide what this one does.
    static CACHE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());
    command.env("EDGEGEN_CACHE", CACHE.path());
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
      estimate   Show how much memory a model takes in each number format, and whether it fits a platform
      eval       Measure what a weight format, a smaller vocabulary, network or KV cache cost in quality, on a text
      fetch      Fetch a model from the Hugging Face hub into its cache, and print the path
      inspect    Show a model's architecture, weights and tokenizer
      models     List what is read: architectures with models of each, files, types of weights, tokenizers
      new        Make a crate around the macro `edge_model!`, with what builds it for a platform
      plan       Show the steps that bring a model to a platform, and the flash, RAM and speed that they lead to
      platforms  List the built-in platforms, or print profiles in full
      profile    Measure this machine, or write a program that measures another, and get a profile of it
      sweep      Measure size and quality of a model in every weight format, calibrated and not, on a text
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
      [MODEL]
              GGUF file, Hugging Face folder, llama2.c `.bin`, or name on the hub: `hf:OWNER/NAME` [default: the built-in homectl]

    Options:
          --platform <P>
              Built-in platform, or a profile's TOML file (see `edgegen platforms`)

          --cpu <NAME>
              The one CPU to compile for, such as `cortex-a76` [default: the program chooses at start]

          --out <DIR>
              Folder of the crate [default: ./<crate name>]

          --name <CRATE>
              Name of the crate [default: from the model's name]

          --quant <QUANT>
              Weight format; `keep` repacks the file's own, without loss where that is possible
              
              [default: keep]
              [possible values: keep, f32, f16, q8, q4m, q4, t4, t3, t2]

          --tensor <ROLE=FORMAT>
              Weight format of one kind of matrix, such as `embedding=t4`; can be given more than once

          --calibrate
              Calibrate q8, q4 and q4m too: with scales and roundings that a text shows to do least harm; t4, t3 and t2 are calibrated in any case

          --vocab-size <N>
              Tokens to keep, the most frequent ones of the calibration text [default: all]

          --intermediate-size <N>
              Feed-forward neurons of each layer to keep, those that matter most for the calibration text; best a multiple of 32 [default: all]

          --kv-heads <N>
              Key-value heads of each layer to keep, each with its query heads [default: all]

          --layers <N>
              Layers to keep [default: all]

          --plan <FILE>
              Formats and vocabulary from a file that `edgegen plan --out` wrote

          --calibration <FILE>
              Text of the kind that the model will see, UTF-8: for pruning and what is calibrated [default: a built-in one, English]

          --kv-cache <FORMAT>
              Number format of the KV cache; i8 has a scale for each key and value of a head
              
              [default: f32]
              [possible values: f32, i8]

          --policy <POLICY>
              Choose formats for the platform, in place of `--quant` and the like

              Possible values:
              - search: By measurement: what fits with the least loss
              - basic:  By rules: int8 or int4 by the size, pruning, fp16

          --budget-mb <MB>
              Most MB (10^6 bytes) of weights and tables, beside the platform's limits

          --max-kl <NATS>
              Most KL divergence from the original, in nats a token: the smallest model with no more is looked for

          --context <N>
              Tokens that a session holds [default: the platform's, at most the model's]

          --answer-cache <N>
              Tokens of prompts and answers that a session keeps, to give the same answer to the same request [default: those of four contexts, where the platform's RAM allows it]

          --schema <FILE>
              JSON Schema that every answer shall be valid against [default: homectl's own, else none]

          --system <TEXT>
              System message of every chat that gives none; computed now, so that a device need not

          --tokenizer <FILE>
              Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]

          --lora <FOLDER[:SCALE]>
              LoRA adapter to add to the weights: PEFT's folder, and a scale if not 1; can be given more than once

          --offline
              Of a model by its name on the hub, take what was fetched before, and fetch nothing

          --weights <PLACE>
              In the program, or in a file to be shipped with it (a flash partition on microcontrollers); in browsers they are shards
              
              [default: embedded]
              [possible values: embedded, external]

          --allow-oversize
              Emit even if the platform's limits are exceeded

          --force
              Replace files that were changed by hand or that edgegen did not write

          --json
              Print one JSON object

      -h, --help
              Print help (see a summary with '-h')
    "#);
}

#[test]
fn help_of_eval() {
    insta::assert_snapshot!(stdout(&["eval", "--help"]), @r#"
    Measure what a weight format, a smaller vocabulary, network or KV cache cost in quality, on a text

    Usage: edgegen eval [OPTIONS] <MODEL>

    Arguments:
      <MODEL>  GGUF file, Hugging Face folder, llama2.c `.bin`, or name on the hub: `hf:OWNER/NAME`

    Options:
          --text <FILE>            Text to predict, UTF-8 [default: a built-in one, English]
          --window <N>             Tokens that are predicted from one another; the text is cut into such windows [default: 256, at most the model's]
          --tokenizer <FILE>       Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
          --lora <FOLDER[:SCALE]>  LoRA adapter to add to the weights: PEFT's folder, and a scale if not 1; can be given more than once
          --offline                Of a model by its name on the hub, take what was fetched before, and fetch nothing
          --against <QUANT>        Weight format to compare with, of the whole model with a KV cache in f32; f32 is the original [default: f32] [possible values: keep, f32, f16, q8, q4m, q4, t4, t3, t2]
          --quant <QUANT>          Weight format; `keep` repacks the file's own, without loss where that is possible [default: keep] [possible values: keep, f32, f16, q8, q4m, q4, t4, t3, t2]
          --tensor <ROLE=FORMAT>   Weight format of one kind of matrix, such as `embedding=t4`; can be given more than once
          --calibrate              Calibrate q8, q4 and q4m too: with scales and roundings that a text shows to do least harm; t4, t3 and t2 are calibrated in any case
          --vocab-size <N>         Tokens to keep, the most frequent ones of the calibration text [default: all]
          --intermediate-size <N>  Feed-forward neurons of each layer to keep, those that matter most for the calibration text; best a multiple of 32 [default: all]
          --kv-heads <N>           Key-value heads of each layer to keep, each with its query heads [default: all]
          --layers <N>             Layers to keep [default: all]
          --plan <FILE>            Formats and vocabulary from a file that `edgegen plan --out` wrote
          --calibration <FILE>     Text of the kind that the model will see, UTF-8: for pruning and what is calibrated [default: a built-in one, English]
          --kv-cache <FORMAT>      Number format of the KV cache; i8 has a scale for each key and value of a head [default: f32] [possible values: f32, i8]
          --json                   Print one JSON object
      -h, --help                   Print help
    "#);
}

#[test]
fn help_of_plan() {
    insta::assert_snapshot!(stdout(&["plan", "--help"]), @r#"
    Show the steps that bring a model to a platform, and the flash, RAM and speed that they lead to

    Usage: edgegen plan [OPTIONS] --platform <P> [MODEL]

    Arguments:
      [MODEL]
              GGUF file, Hugging Face folder, llama2.c `.bin`, or name on the hub: `hf:OWNER/NAME` [default: the built-in homectl]

    Options:
          --platform <P>
              Built-in platform, or a profile's TOML file (see `edgegen platforms`)

          --policy <POLICY>
              How formats are chosen

              Possible values:
              - search: By measurement: what fits with the least loss
              - basic:  By rules: int8 or int4 by the size, pruning, fp16
              
              [default: search]

          --budget-mb <MB>
              Most MB (10^6 bytes) of weights and tables, beside the platform's limits

          --max-kl <NATS>
              Most KL divergence from the original, in nats a token: the smallest model with no more is looked for

          --calibration <FILE>
              Text of the kind that the model will see, UTF-8: most of it for calibration, its end for measurements [default: built-in ones, English]

          --out <FILE>
              Write what a search found, for `emit --plan` and `eval --plan`

          --force
              Replace the file

          --context <N>
              Tokens that a session holds [default: the platform's, at most the model's]

          --kv-cache <FORMAT>
              Number format of the KV cache; i8 has a scale for each key and value of a head
              
              [default: f32]
              [possible values: f32, i8]

          --tokenizer <FILE>
              Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]

          --lora <FOLDER[:SCALE]>
              LoRA adapter to add to the weights: PEFT's folder, and a scale if not 1; can be given more than once

          --offline
              Of a model by its name on the hub, take what was fetched before, and fetch nothing

          --show <WHAT>
              Print this in place of the steps; `program` is the operations, and where each matrix lies
              
              [possible values: program]

          --json
              Print one JSON object

      -h, --help
              Print help (see a summary with '-h')
    "#);
}

#[test]
fn help_of_estimate() {
    insta::assert_snapshot!(stdout(&["estimate", "--help"]), @r#"
    Show how much memory a model takes in each number format, and whether it fits a platform

    Usage: edgegen estimate [OPTIONS] --platform <P> <MODEL|--params <N>>

    Arguments:
      [MODEL]  GGUF file, Hugging Face folder, llama2.c `.bin`, or name on the hub (`hf:OWNER/NAME`), for exact figures

    Options:
          --params <N>             Number of weights of a model that is not at hand, such as `135M`
          --platform <P>           Built-in platform, or a profile's TOML file (see `edgegen platforms`)
          --tokenizer <FILE>       Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
          --lora <FOLDER[:SCALE]>  LoRA adapter to add to the weights: PEFT's folder, and a scale if not 1; can be given more than once
          --offline                Of a model by its name on the hub, take what was fetched before, and fetch nothing
          --json                   Print one JSON object
      -h, --help                   Print help
    "#);
}

#[test]
fn a_plan_shows_steps_memory_and_speed() {
    insta::assert_snapshot!(stdout(&["plan", "--platform", "esp32", "--policy", "basic"]), @r#"
    model    homectl, 4.46 MB in fp32
    steps    1. quantize to int8: 2.3 MB → 1.26 MB; in fp32 the model has 2.2 times the platform's limit
             2. prune at sparsity 0.3: 1.26 MB → 997 KB; the model exceeds the limit; the feed-forward neurons that matter least are left out
             3. optimize the graph: 997 KB → 997 KB; matrices with one input become one, buffers share memory
    flash    997 KB of weights and tables, limit 2 MB: fits
    RAM      312 KB a session of 112 tokens, limit 520 KB: fits
    device   312 KB of its RAM, of 354 KB for a model: fits
    speed    14.2 tokens/s at the start of the context, reading 928 KB a token
    emit     `edgegen emit --platform esp32 --policy basic` does this
    "#);
    insta::assert_snapshot!(stdout(&["plan", "--platform", "host", "--policy", "basic", "--context", "32"]), @r#"
    model    homectl, 4.46 MB in fp32
    steps    1. convert to fp16: 2.29 MB → 2.29 MB; the platform supports fp16 for matrices that stay float
             2. optimize the graph: 2.29 MB → 2.29 MB; matrices with one input become one, buffers share memory
    flash    2.29 MB of weights and tables
    RAM      281 KB a session of 32 tokens
    speed    unknown: the profile has no `[speed]`; `edgegen profile` measures one
    emit     `edgegen emit --platform host --policy basic --context 32` does this
    "#);
}

#[test]
fn a_plan_takes_what_loses_least() {
    insta::assert_snapshot!(stdout(&["plan", "--platform", "esp32"]), @r#"
    model    homectl, 4.46 MB in fp32
    steps    1. quantize to int8: 2.3 MB → 1.26 MB; 8 bits fit, and lose next to nothing
             2. optimize the graph: 1.26 MB → 1.26 MB; matrices with one input become one, buffers share memory
    flash    1.26 MB of weights and tables, limit 2 MB: fits
    RAM      319 KB a session of 112 tokens, limit 520 KB: fits
    device   319 KB of its RAM, of 354 KB for a model: fits
    speed    11.0 tokens/s at the start of the context, reading 1.19 MB a token
    emit     `edgegen emit --platform esp32 --policy search` does this
    "#);

    // The session stays, whatever the weights become.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.toml");
    let esp32 = stdout(&["platforms", "esp32"]);
    fs::write(&file, esp32.replace("\"520 KB\"", "\"100 KB\"")).unwrap();
    let text = refusal(&["plan", "--platform", file.to_str().unwrap()]);
    assert!(
        text.contains("a session of 112 tokens takes 0.32 MB of RAM, the limit is 0.10 MB"),
        "{text}"
    );
}

/// What a search finds is kept in a file, which `eval` and `emit` carry out.
#[test]
fn a_plan_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let [file, out, text] = ["plan.toml", "out", "text.txt"].map(|name| folder.path().join(name));
    fs::write(&text, &edgegen::text::CALIBRATION[..20_000]).unwrap();
    let [file, out, text] = [&file, &out, &text].map(|path| path.to_str().unwrap());
    let json = |args: &[&str]| -> serde_json::Value {
        let args = [args, &["--calibration", text, "--json"]].concat();
        serde_json::from_str(&stdout(&args)).unwrap()
    };
    let goal = ["--platform", "host", "--budget-mb", "0.1"];
    let plan = json(&[&["plan", TINY, "--out", file][..], &goal].concat());
    let flash = plan["flash_bytes"].as_u64().unwrap();
    assert!(flash <= 100_000, "{flash}");
    let emitted = json(&[
        "emit",
        TINY,
        "--platform",
        "host",
        "--plan",
        file,
        "--out",
        out,
    ]);
    assert_eq!(emitted["flash_bytes"], flash);
    let again = json(
        &[
            &["emit", TINY, "--policy", "search", "--out", out][..],
            &goal,
        ]
        .concat(),
    );
    assert_eq!(
        (&again["hash"], &again["written"]),
        (&emitted["hash"], &0.into())
    );
    let evaluated = json(&["eval", TINY, "--plan", file]);
    assert_eq!(evaluated["candidate"]["quant"], "plan");

    // The file is the user's now, and a plan is alone.
    for (args, expected) in [
        (&["--out", file][..], "the file exists"),
        (&["--budget-mb", "0"], "0 is not a positive number"),
        (
            &["--policy", "basic", "--max-kl", "0.1"],
            "--max-kl: the basic policy has no such thing",
        ),
    ] {
        let text = refusal(&[&["plan", TINY, "--platform", "host"], args].concat());
        assert!(text.contains(expected), "{text}");
    }
    edgegen(&[
        "emit",
        TINY,
        "--platform",
        "host",
        "--plan",
        file,
        "--quant",
        "q4",
    ])
    .assert()
    .code(2);
    let other = [
        "emit",
        "--platform",
        "host",
        "--plan",
        file,
        "--calibration",
        text,
        "--out",
        out,
        "--force",
    ];
    let text = refusal(&other);
    assert!(
        text.contains("the plan was made for another model"),
        "{text}"
    );
}

/// A policy says what becomes of the network, and nothing is left to say.
#[test]
fn a_policy_is_alone() {
    for option in [
        "--quant=q4",
        "--vocab-size=300",
        "--intermediate-size=32",
        "--kv-heads=1",
        "--layers=1",
    ] {
        edgegen(&["emit", "--platform", "host", "--policy", "basic", option])
            .assert()
            .code(2);
    }
}

/// Formats that are not exceeded by the file's own stay; what is too large is shown, not refused.
#[test]
fn a_plan_is_json_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.toml");
    let esp32 = stdout(&["platforms", "esp32"]);
    fs::write(&file, esp32.replace("\"2 MB\"", "\"500 KB\"")).unwrap();
    let file = file.to_str().unwrap();
    let json: serde_json::Value = serde_json::from_str(&stdout(&[
        "plan",
        "--platform",
        file,
        "--policy",
        "basic",
        "--json",
    ]))
    .unwrap();
    let steps = json["steps"].as_array().unwrap();
    let names: Vec<_> = steps
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["quantize_int4", "prune", "optimize_graph"]);
    for pair in steps.windows(2) {
        assert_eq!(pair[0]["bytes_after"], pair[1]["bytes_before"]);
    }
    assert_eq!(steps[2]["bytes_after"], json["flash_bytes"]);
    assert_eq!(json["fits"]["model_size"], false);
    assert_eq!(json["fits"]["ram"], true);
    assert_eq!(json["fits"]["all"], false);
    assert_eq!(json["quant"], "q4");
    let neurons = json["intermediate_size"].as_u64().unwrap();
    assert_eq!(neurons, 256);

    let out = folder.path().join("emitted");
    let emitted: serde_json::Value = serde_json::from_str(&stdout(&[
        "emit",
        "--platform",
        file,
        "--policy",
        "basic",
        "--allow-oversize",
        "--json",
        "--out",
        out.to_str().unwrap(),
    ]))
    .unwrap();
    for field in ["flash_bytes", "ram_bytes", "context"] {
        assert_eq!(emitted[field], json[field], "{field}");
    }
}

#[test]
fn a_plan_shows_its_program() {
    let text = stdout(&["plan", "--platform", "esp32", "--show", "program"]);
    assert!(
        text.starts_with("hidden_size ") && text.contains("(embedding q8 ["),
        "{text}"
    );
    edgegen(&["plan", "--platform", "esp32", "--show", "program", "--json"])
        .assert()
        .code(2);
}

#[test]
fn a_crate_holds_the_program_that_its_plan_shows() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("tiny");
    for platform in ["host", "esp32"] {
        let options = [
            TINY,
            "--platform",
            platform,
            "--policy",
            "basic",
            "--context",
            "32",
        ];
        let with = |command, more: &[&str]| stdout(&[&[command], &options[..], more].concat());
        with("emit", &["--name", "tiny", "--out", out.to_str().unwrap()]);
        let kept = fs::read_to_string(out.join("PROGRAM.txt")).unwrap();
        assert_eq!(kept, with("plan", &["--show", "program"]), "{platform}");
    }
}

#[test]
fn an_estimate_by_the_number_of_weights() {
    insta::assert_snapshot!(
        stdout(&["estimate", "--params", "135M", "--platform", "android"]), @r#"
    fp32    540 MB  exceeds the limit of the model's size
    fp16    270 MB  exceeds the limit of the model's size
    int8    135 MB  fits
    int4   67.5 MB  fits
    "#);
    let text = stdout(&[
        "estimate",
        "--params",
        "135M",
        "--platform",
        "android",
        "--json",
    ]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let fits: Vec<bool> = (0..4)
        .map(|row| json["formats"][row]["fits"]["all"].as_bool().unwrap())
        .collect();
    assert_eq!(fits, [false, false, true, true]);
    assert_eq!(json["formats"][0]["gb"], 0.54);
    edgegen(&["estimate", "--params", "many", "--platform", "host"])
        .assert()
        .code(2);
    edgegen(&["estimate", "--platform", "host"])
        .assert()
        .code(2);
}

/// In flash a model may be larger than the RAM; elsewhere it may not.
#[test]
fn an_estimate_knows_where_the_weights_are() {
    let device = |params: &str, platform: &str| {
        let text = stdout(&[
            "estimate",
            "--params",
            params,
            "--platform",
            platform,
            "--json",
        ]);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        json["formats"][0]["fits"]["device"].as_bool().unwrap()
    };
    assert!(device("400K", "esp32"));
    assert!(device("150M", "raspberry_pi"));
    assert!(!device("150001K", "raspberry_pi"));
}

#[test]
fn an_estimate_of_a_file_is_exact() {
    insta::assert_snapshot!(stdout(&["estimate", TINY, "--platform", "esp32"]), @r#"
    tiny on esp32

    format   matrices     tables      flash
    keep       114 KB    5.98 KB     120 KB, limit 2 MB: fits
    f32        114 KB    5.98 KB     120 KB, limit 2 MB: fits
    f16       56.8 KB    5.98 KB    62.8 KB, limit 2 MB: fits
    q8        30.2 KB    5.98 KB    36.2 KB, limit 2 MB: fits
    q4m       17.8 KB    5.98 KB    23.7 KB, limit 2 MB: fits
    q4          16 KB    5.98 KB      22 KB, limit 2 MB: fits
    t4        16.9 KB    5.98 KB    22.9 KB, limit 2 MB: fits
    t3        13.4 KB    5.98 KB    19.4 KB, limit 2 MB: fits
    t2        9.84 KB    5.98 KB    15.8 KB, limit 2 MB: fits

    context  KV cache          activations        RAM
         16  f32      4.16 KB      5.66 KB    9.82 KB, limit 354 KB: fits
         16  i8        1.6 KB      5.66 KB    7.26 KB, limit 354 KB: fits
         32  f32      8.32 KB      6.04 KB    14.4 KB, limit 354 KB: fits
         32  i8        3.2 KB      6.04 KB    9.24 KB, limit 354 KB: fits
         64  f32      16.6 KB      7.32 KB      24 KB, limit 354 KB: fits
         64  i8        6.4 KB      7.32 KB    13.7 KB, limit 354 KB: fits
    "#);
    let text = stdout(&["estimate", TINY, "--platform", "esp32", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("q8");
    let emitted: serde_json::Value = serde_json::from_str(&stdout(&[
        "emit",
        TINY,
        "--platform",
        "esp32",
        "--quant",
        "q8",
        "--answer-cache",
        "0",
        "--json",
        "--out",
        out.to_str().unwrap(),
    ]))
    .unwrap();
    assert_eq!(json["formats"][3]["format"], "q8");
    assert_eq!(json["formats"][3]["flash_bytes"], emitted["flash_bytes"]);
    let contexts = json["contexts"].as_array().unwrap();
    let same = contexts
        .iter()
        .find(|row| row["context"] == emitted["context"])
        .unwrap();
    assert_eq!(same["ram_bytes"], emitted["ram_bytes"]);
}

#[test]
fn help_of_profile() {
    insta::assert_snapshot!(stdout(&["profile", "--help"]), @r#"
    Measure this machine, or write a program that measures another, and get a profile of it

    Usage: edgegen profile [OPTIONS]

    Options:
          --out <FILE>        File of the profile [default: print it]
          --emit-probe <DIR>  Folder for a crate without dependencies that prints the profile of the device it runs on
          --force             Replace what is there
          --json              Print one JSON object
      -h, --help              Print help
    "#);
}

/// What is measured is a profile that plans take.
#[test]
fn this_machine_is_measured() {
    use edgegen::profile::Profile;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my desk.toml");
    let out = file.to_str().unwrap();
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&["profile", "--out", out, "--json"])).unwrap();
    let profile = Profile::load(out).unwrap();
    assert_eq!(profile.name(), "my_desk");
    assert!(profile.std() && profile.threads() >= 1);
    assert_eq!(json["profile"]["name"], "my_desk");
    let threads = json["profile"]["threads"].as_u64().unwrap();
    assert_eq!(profile.threads() as u64, threads);
    // Slower or faster than that is no computer of today.
    let speed = profile.speed();
    let possible = 10_000_000..10_000_000_000_000;
    assert!(
        possible.contains(&speed.read_bandwidth.unwrap()),
        "{speed:?}"
    );
    assert!(possible.contains(&speed.int8_rate.unwrap()), "{speed:?}");
    assert!(stdout(&["plan", "--platform", out]).contains(" tokens/s "));
    if let Ok(memory) = fs::read_to_string("/proc/meminfo") {
        let total = memory.split_whitespace().nth(1).unwrap();
        let total = 1024 * total.parse::<u64>().unwrap();
        let text = fs::read_to_string(out).unwrap();
        assert!(
            text.contains(&format!("device_ram = \"{total} B\"\n")),
            "{text}"
        );
    }

    let before = fs::read(&file).unwrap();
    let message = refusal(&["profile", "--out", out]);
    assert!(message.contains("the file exists"), "{message}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

/// The probe needs nothing but Rust, and prints a profile too.
#[test]
fn the_probe_measures_a_device() {
    use edgegen::profile::Profile;
    let folder = tempfile::tempdir().unwrap();
    let probe = folder.path().join("probe");
    let out = probe.to_str().unwrap();
    stdout(&["profile", "--emit-probe", out]);
    let program = folder.path().join("program");
    let output = std::process::Command::new("rustc")
        .args([
            "--edition=2024",
            "-O",
            "-Dwarnings",
            "--cfg",
            "feature=\"std\"",
            "-o",
        ])
        .arg(&program)
        .arg(probe.join("src/main.rs"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let output = std::process::Command::new(&program).output().unwrap();
    let profile = Profile::parse(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert_eq!(profile.name(), "my_device");

    let manifest = fs::read_to_string(probe.join("Cargo.toml")).unwrap();
    assert!(
        manifest.ends_with("[dependencies]\n\n[workspace]\n"),
        "{manifest}"
    );
    fs::write(probe.join("src/main.rs"), "mine").unwrap();
    let message = refusal(&["profile", "--emit-probe", out]);
    assert!(message.contains("main.rs"), "{message}");
}

/// A tiny folder of Hugging Face and an adapter of it: a shell's words.
fn adapted(place: &std::path::Path) -> [String; 2] {
    let tiny = Tiny::new(Shape::default(), 1);
    let [model, adapter] = ["model", "adapter"].map(|name| place.join(name));
    fs::create_dir(&model).unwrap();
    hf::Folder::new(&tiny).write(&model);
    lora::Folder::new(&tiny, &["model.layers.0.mlp.up_proj"], 1).write(&adapter);
    [model, adapter].map(|path| path.to_str().unwrap().to_owned())
}

#[test]
fn every_command_that_reads_a_model_takes_adapters() {
    let place = tempfile::tempdir().unwrap();
    let [model, adapter] = adapted(place.path());
    let half = format!("{adapter}:0.5");
    let given = [model.as_str(), "--lora", &adapter, "--lora", &half];
    let with = |command: &str, more: &[&str]| stdout(&[&[command], &given[..], more].concat());
    let shown = with("inspect", &[]);
    assert!(
        shown.contains("LoRA adapter   adapter times 0.5"),
        "{shown}"
    );
    with("estimate", &["--platform", "host"]);
    let text = place.path().join("text").display().to_string();
    fs::write(&text, "hello there").unwrap();
    with("eval", &["--text", &text, "--quant", "q8"]);
    with("sweep", &["--text", &text]);
    let plan = with("plan", &["--platform", "host", "--policy", "basic"]);
    let written = format!(" --lora {adapter} --lora {half} ");
    assert!(plan.contains(&written), "{plan}");
    let out = place.path().join("out").display().to_string();
    let emit = |more: &[&str]| {
        let platform = ["--platform", "host", "--out", &out, "--json"];
        let text = stdout(&[&["emit", &model], &platform[..], more].concat());
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    assert_ne!(emit(&[])["hash"], emit(&["--lora", &half])["hash"]);
    let refused = edgegen(&["emit", "--platform", "host", "--lora", &adapter])
        .assert()
        .code(2);
    let said = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    assert!(
        said.contains("required") && said.contains("MODEL"),
        "{said}"
    );
}

#[test]
fn a_licence_is_named_and_none_is_warned_of() {
    let place = tempfile::tempdir().unwrap();
    let [model, adapter] = adapted(place.path());
    let out = place.path().join("out").display().to_string();
    let emitted = [
        "emit",
        &model,
        "--lora",
        &adapter,
        "--platform",
        "host",
        "--out",
        &out,
    ];
    let said = stdout(&emitted);
    for line in [
        "licence  mit: NOTICE has what to pass on",
        "warning  no licence is stated of adapter: find it out before you pass it on",
    ] {
        assert!(said.contains(line), "{said}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&[&emitted[..], &["--json"]].concat())).unwrap();
    assert_eq!(json["licences"], serde_json::json!(["mit", null]));
}

/// With `--force` too, and by whatever names: no file of a model is replaced by one of the crate.
#[test]
fn a_crate_is_not_written_over_its_model() {
    let place = tempfile::tempdir().unwrap();
    let tiny = Tiny::new(Shape::default(), 7);
    let model = place.path().join("tiny");
    std::fs::create_dir(&model).unwrap();
    hf::Folder::new(&tiny).write(&model);
    std::fs::write(model.join("README.md"), "---\nlicense: mit\n---\n").unwrap();
    std::fs::write(model.join("LICENSE"), "terms").unwrap();
    let state = || {
        let files = std::fs::read_dir(&model).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            (path.clone(), std::fs::read(path).unwrap())
        });
        files.collect::<std::collections::BTreeMap<_, _>>()
    };
    let before = state();
    let [model, ..] = [&model].map(|path| path.display().to_string());
    let refused = |more: &[&str], problem: &str| {
        let options = ["emit", &model, "--platform", "host", "--force"];
        let run = edgegen(&[&options[..], more].concat())
            .current_dir(place.path())
            .assert();
        let said = String::from_utf8(run.code(1).get_output().stderr.clone()).unwrap();
        assert!(said.contains(problem) && said.contains("--out"), "{said}");
        assert_eq!(state(), before);
    };
    let of_folder = "is read from this folder";
    for out in [&*model, "tiny", "./tiny/.", "tiny/../tiny"] {
        refused(&["--out", out], of_folder);
    }
    // What the crate is called if nothing is said.
    refused(&["--name", "tiny"], of_folder);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("tiny", place.path().join("link")).unwrap();
        refused(&["--out", "link"], of_folder);
    }
    // A file beside the model.
    let schema = place.path().join("Cargo.toml");
    std::fs::write(&schema, r#"{"type": "boolean"}"#).unwrap();
    refused(
        &["--out", ".", "--schema", "Cargo.toml"],
        "Cargo.toml: this file is read",
    );
    let run = ["emit", &model, "--platform", "host", "--force", "--out"];
    let below = place.path().join("tiny/crate").display().to_string();
    stdout(&[&run[..], &[&below]].concat());
}

/// Each command that reads a model names what of its files was left out of account.
#[test]
fn settings_that_nobody_knows_are_warned_of() {
    let place = tempfile::tempdir().unwrap();
    let tiny = Tiny::new(Shape::default(), 7);
    let mut folder = hf::Folder::new(&tiny);
    folder.config["odd_setting"] = serde_json::json!(3);
    let model = place.path().join("model").display().to_string();
    std::fs::create_dir(&model).unwrap();
    folder.write(model.as_ref());
    let text = place.path().join("text").display().to_string();
    std::fs::write(&text, "hello there you are the one ".repeat(9)).unwrap();
    let out = place.path().join("out").display().to_string();
    let warning = "settings that nobody knows are ignored: `odd_setting`";
    for command in [
        &["inspect", &model][..],
        &["estimate", &model, "--platform", "host"],
        &["plan", &model, "--platform", "host", "--policy", "basic"],
        &["eval", &model, "--text", &text],
        &["sweep", &model, "--text", &text],
        &["emit", &model, "--platform", "host", "--out", &out],
    ] {
        let said = stdout(command);
        let is_it = |line: &str| {
            let said = line.trim_start().strip_prefix("warning");
            said.is_some_and(|said| said.trim_start() == warning)
        };
        assert_eq!(said.lines().filter(|line| is_it(line)).count(), 1, "{said}");
        let json: serde_json::Value =
            serde_json::from_str(&stdout(&[command, &["--json"]].concat())).unwrap();
        assert_eq!(json["warnings"][0], warning, "{json}");
    }
    let recipe = edgegen::recipe::Recipe {
        model: Some(model.into()),
        platform: "host".into(),
        ..Default::default()
    };
    // Made, and found in the cache.
    for _ in 0..2 {
        let module = edgegen::build::module_in(&place.path().join("cache"), &recipe).unwrap();
        assert_eq!(module.warnings(), [warning]);
    }
}

#[test]
fn help_of_fetch() {
    insta::assert_snapshot!(stdout(&["fetch", "--help"]), @r#"
    Fetch a model from the Hugging Face hub into its cache, and print the path

    Usage: edgegen fetch [OPTIONS] <NAME>

    Arguments:
      <NAME>  `hf:OWNER/NAME`, with `@REVISION` or `:FILE.gguf` behind it where need be

    Options:
          --offline  Of a model by its name on the hub, take what was fetched before, and fetch nothing
          --json     Print one JSON object
      -h, --help     Print help
    "#);
}

#[test]
fn help_of_inspect() {
    insta::assert_snapshot!(stdout(&["inspect", "--help"]), @r#"
    Show a model's architecture, weights and tokenizer

    Usage: edgegen inspect [OPTIONS] <MODEL>

    Arguments:
      <MODEL>  GGUF file, Hugging Face folder, llama2.c `.bin`, or name on the hub: `hf:OWNER/NAME`

    Options:
          --tokenizer <FILE>       Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
          --lora <FOLDER[:SCALE]>  LoRA adapter to add to the weights: PEFT's folder, and a scale if not 1; can be given more than once
          --offline                Of a model by its name on the hub, take what was fetched before, and fetch nothing
          --json                   Print one JSON object
      -h, --help                   Print help
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
    Measure size and quality of a model in every weight format, calibrated and not, on a text

    Usage: edgegen sweep [OPTIONS] <MODEL>

    Arguments:
      <MODEL>  GGUF file, Hugging Face folder, llama2.c `.bin`, or name on the hub: `hf:OWNER/NAME`

    Options:
          --text <FILE>            Text to predict, UTF-8 [default: a built-in one, English]
          --window <N>             Tokens that are predicted from one another; the text is cut into such windows [default: 256, at most the model's]
          --tokenizer <FILE>       Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
          --lora <FOLDER[:SCALE]>  LoRA adapter to add to the weights: PEFT's folder, and a scale if not 1; can be given more than once
          --offline                Of a model by its name on the hub, take what was fetched before, and fetch nothing
          --svg <FILE>             Draw the figures, as SVG
          --force                  Replace the file
          --json                   Print one JSON object
      -h, --help                   Print help
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
          --tokens <N>        Tokens of the benchmark: so many are read and so many decoded [default: 16, or half of the context]
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

/// docs/profiles.md has a row for every field that some profile has.
#[test]
fn every_field_of_a_profile_is_documented() {
    let page = include_str!("../../../docs/profiles.md");
    let list: serde_json::Value = serde_json::from_str(&stdout(&["platforms", "--json"])).unwrap();
    for profile in list["platforms"].as_array().unwrap() {
        for (field, value) in profile.as_object().unwrap() {
            let fields: Vec<String> = match value.as_object() {
                Some(table) => table.keys().map(|key| format!("{field}.{key}")).collect(),
                None => vec![field.clone()],
            };
            for field in fields {
                assert!(page.contains(&format!("\n| `{field}` |")), "{field}");
            }
        }
    }
    // The page's example is the profile that `edgegen platforms` prints.
    assert!(page.contains(&stdout(&["platforms", "raspberry_pi"])));
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
        message.contains("offset 3: the text is not UTF-8"),
        "{message}"
    );
}

#[test]
fn a_sweep_is_a_row_for_each_format_and_a_chart() {
    let folder = tempfile::tempdir().unwrap();
    let [text, svg] = ["text.txt", "chart.svg"].map(|name| folder.path().join(name));
    fs::write(&text, "the lamp in the kitchen is on ".repeat(20)).unwrap();
    let [text, svg] = [&text, &svg].map(|path| path.to_str().unwrap());
    let sweep = ["sweep", TINY, "--text", text, "--svg", svg, "--json"];
    let json: serde_json::Value = serde_json::from_str(&stdout(&sweep)).unwrap();
    let rows = json["formats"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|r| r["quant"].as_str().unwrap()).collect();
    let formats = WeightFormat::MADE.map(WeightFormat::name);
    assert_eq!((names[0], &names[1..9]), ("keep", &formats[..]));
    assert_eq!(names[9..], ["q4m", "q4"]);
    let calibrated = |row: &serde_json::Value| row["calibrated"] == true;
    assert!(rows[6..].iter().all(calibrated) && !rows[..6].iter().any(calibrated));
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
    assert!(chart.contains(">q4 calibrated: "));

    // A row has the figures of `eval`.
    let eval = ["eval", TINY, "--quant", "q4", "--text", text, "--json"];
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
    let model = data::file("architectures/llama/model.gguf");
    let folder = tempfile::tempdir().unwrap();
    let emit = |extra: &[&str]| {
        let mut command = edgegen(&["emit", model.to_str().unwrap(), "--platform", "host"]);
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
