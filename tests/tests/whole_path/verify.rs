//! `edgegen verify` runs a crate where it is told to, and records what it found.

use std::process::Command;

use serde_json::Value;
use tests::emitted::edgegen;
use tests::{Emitted, Outcome, Recipe, Target, golden, paths, run};

fn verify(emitted: &Emitted, arguments: &[&str]) -> Command {
    let mut command = run::clean(edgegen());
    command.arg("verify").arg(&emitted.folder).args(arguments);
    command
}

fn record(emitted: &Emitted) -> String {
    std::fs::read_to_string(emitted.folder.join("VERIFIED.md")).expect("a record")
}

fn homectl(name: &str) -> Recipe {
    Recipe::built_in(name, "host", "q4").for_one_cpu()
}

/// Emitted for one test alone, which writes into its folder while others run.
fn fresh(recipe: &Recipe) -> Emitted {
    let emitted = recipe.emit();
    let _ = std::fs::remove_file(emitted.folder.join("VERIFIED.md"));
    emitted
}

fn this_machine_is_recorded_once() {
    let recipe = homectl("homectl-verify");
    let emitted = fresh(&recipe);
    for _ in 0..2 {
        let found = run::must(&mut verify(&emitted, &["--json", "--device", "desk"]));
        let found: Value = serde_json::from_str(&found).expect("one object");
        assert_eq!(golden::text(&found["self_test"], "hash"), emitted.hash());
        assert!(found["bench"]["decode_tokens_per_second"].as_f64() > Some(0.0));
    }
    let record = record(&emitted);
    let rows: Vec<&str> = record
        .lines()
        .filter(|line| line.contains("desk"))
        .collect();
    assert_eq!(rows.len(), 1, "{record}");
    assert!(rows[0].contains(emitted.hash()), "{record}");

    // The record is not edgegen's own file: emission leaves it alone.
    recipe.emit();
    assert_eq!(self::record(&emitted), record);
}

fn an_emulator_is_a_runner() -> Outcome {
    let target = Target::Aarch64 { cpu: "cortex-a53" };
    target.available()?;
    let emitted = fresh(&Recipe::built_in(
        "homectl-q4-raspberry-pi",
        "raspberry_pi",
        "q4",
    ));
    let program = target.build(&emitted);
    for (cpu, set) in [
        ("cortex-a53", "| neon |"),
        ("cortex-a72", "| neon |"),
        ("cortex-a76", "| neon-dotprod |"),
    ] {
        let runner = format!("qemu-aarch64-static -cpu {cpu}");
        let file = program.path().to_str().expect("UTF-8");
        let arguments = [
            "--runner",
            &runner,
            "--program",
            file,
            "--tokens",
            "4",
            "--device",
            cpu,
        ];
        let said = run::must(&mut verify(&emitted, &arguments));
        assert!(said.contains(set), "{said}");
        assert!(said.contains(emitted.hash()), "{said}");
    }
    assert_eq!(record(&emitted).matches("cortex").count(), 3);
    Ok(())
}

/// A stand-in for ssh that runs the command here, in a folder of its own.
fn over_ssh_program_and_weights_are_copied_and_removed() {
    let recipe = Recipe::homectl_external();
    let emitted = fresh(&recipe);
    let program = Target::Host.build(&emitted);
    let folder = tempfile::tempdir_in(paths::work("ssh")).expect("a writable target folder");
    let (bin, there) = (folder.path().join("bin"), folder.path().join("there"));
    for folder in [&bin, &there] {
        std::fs::create_dir(folder).expect("a new folder");
    }
    let script = format!(
        "#!/bin/sh\nshift\ncd {} && exec sh -c \"$*\"\n",
        there.display()
    );
    run::script(&bin.join("ssh"), &script);
    let path = std::env::var("PATH").expect("a path");
    let file = program.path().to_str().expect("UTF-8");
    let mut command = verify(&emitted, &["--runner", "ssh pi", "--program", file]);
    let said = run::must(command.env("PATH", format!("{}:{path}", bin.display())));
    assert!(
        said.contains("| ssh pi |") && said.contains(emitted.hash()),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(there).expect("the folder").count(), 0);
}

fn refused(emitted: &Emitted, arguments: &[&str], said: &str) {
    let output = run::output(&mut verify(emitted, arguments));
    assert!(!output.status.success(), "{arguments:?}");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains(said), "{message}");
}

/// Programs that are not this crate's, or say that they cannot.
fn only_what_the_crate_computed_is_recorded() {
    let emitted = fresh(&homectl("homectl-not-recorded"));
    let folder = tempfile::tempdir_in(paths::work("programs")).expect("a writable target folder");
    let program = folder.path().join("program");
    let hash = emitted.hash();
    let test = |hash: &str, expected: &str| {
        let ok = hash == expected;
        format!(r#"{{"hash":"{hash}","expected":"{expected}","ok":{ok},"isa":"x"}}"#)
    };
    let other = "0123456789abcdef";
    let numbers =
        r#"{"prefill_tokens_per_second":1,"decode_tokens_per_second":2,"memory_used_mb":3}"#;
    let no_weights = r#"{"error":"these are other weights"}"#;
    let no_time = r#"{"error":"there is nothing to time"}"#;
    for (test, bench, said) in [
        (
            r#"{"ok":true}"#,
            numbers,
            "`self-test --json` printed other JSON",
        ),
        (&test(other, other), numbers, "another crate's program"),
        (no_weights, numbers, "was refused: these are other weights"),
        (
            &test(hash, hash),
            no_time,
            "was refused: there is nothing to time",
        ),
        (&test(hash, hash), "{}", "printed other JSON"),
    ] {
        let script = format!(
            "#!/bin/sh\ncase $1 in self-test) echo '{test}' ;; *) echo '{bench}' ;; esac\n"
        );
        run::script(&program, &script);
        let file = program.to_str().expect("UTF-8");
        refused(&emitted, &["--program", file], said);
        assert!(!emitted.folder.join("VERIFIED.md").exists(), "{said}");
    }
    // Bits that differ are a result.
    let script = format!(
        "#!/bin/sh\ncase $1 in self-test) echo '{}' ;; *) echo '{numbers}' ;; esac\n",
        test(other, hash)
    );
    run::script(&program, &script);
    let mut command = run::clean(edgegen());
    command
        .current_dir(folder.path())
        .arg("verify")
        .arg(&emitted.folder);
    let output = run::output(command.args(["--program", "program"]));
    assert!(!output.status.success());
    assert!(record(&emitted).contains("differs from the logits on"));
}

fn what_cannot_be_verified_is_said() {
    let emitted = homectl("homectl-verify").emit();
    for (arguments, said) in [
        (
            vec!["--runner", "no-such-emulator"],
            "cannot start `no-such-emulator`",
        ),
        (vec!["--runner", "true"], "printed no JSON"),
        (vec!["--target", "no-such-target"], "cargo built no program"),
        (vec!["--runner", ""], "a value is required"),
        (vec!["--runner", " "], "there is no word in it"),
        (vec!["--device", ""], "a value is required"),
        (vec!["--tokens", "0"], "give 1 to 56"),
        (vec!["--tokens", "57"], "give 1 to 56"),
        // It is not looked for where commands are.
        (vec!["--program", "true"], "cannot read the program"),
        (vec!["--program", "."], "this is no program"),
    ] {
        refused(&emitted, &arguments, said);
    }
    let folder = tempfile::tempdir_in(paths::work("programs")).expect("a writable target folder");
    for endless in ["yes aaaaaaaa", "yes aaaaaaaa >&2"] {
        let program = folder.path().join("endless");
        run::script(&program, &format!("#!/bin/sh\n{endless}\n"));
        let file = program.to_str().expect("UTF-8");
        refused(
            &emitted,
            &["--program", file],
            "prints more than 16777216 bytes",
        );
    }
    let mut nothing = run::clean(edgegen());
    let output = run::output(nothing.args(["verify", "."]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no crate that edgegen emitted"));
}

tests::trials![
    this_machine_is_recorded_once,
    an_emulator_is_a_runner,
    over_ssh_program_and_weights_are_copied_and_removed,
    only_what_the_crate_computed_is_recorded,
    what_cannot_be_verified_is_said,
];
