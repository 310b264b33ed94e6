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

fn fresh(recipe: &Recipe) -> Emitted {
    let emitted = recipe.emit();
    let _ = std::fs::remove_file(emitted.folder.join("VERIFIED.md"));
    emitted
}

fn this_machine_is_recorded_once() {
    let emitted = fresh(&Recipe::built_in("homectl-verify", "host", "q4"));
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
    Recipe::built_in("homectl-verify", "host", "q4").emit();
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
    let recipe = Recipe::built_in("homectl-external", "host", "q4").with("--weights=external");
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

fn what_cannot_be_verified_is_said() {
    let emitted = fresh(&Recipe::built_in("homectl-verify", "host", "q4"));
    for (arguments, said) in [
        (
            vec!["--runner", "no-such-emulator"],
            "cannot start `no-such-emulator`",
        ),
        (vec!["--runner", "true"], "printed no JSON"),
        (vec!["--target", "no-such-target"], "cargo built no program"),
    ] {
        let output = run::output(&mut verify(&emitted, &arguments));
        assert!(!output.status.success(), "{arguments:?}");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.contains(said), "{message}");
    }
    let mut nothing = run::clean(edgegen());
    let output = run::output(nothing.args(["verify", "."]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no crate that edgegen emitted"));
}

tests::trials![
    this_machine_is_recorded_once,
    an_emulator_is_a_runner,
    over_ssh_program_and_weights_are_copied_and_removed,
    what_cannot_be_verified_is_said,
];
