//! Promise: a model fits its device or is refused with the figures, and emission and builds stay
//! within their limits of time and memory.

use tests::built::cargo_for;
use tests::{Outcome, Recipe, measure, paths, run};

fn a_model_too_large_is_refused_with_the_figures() -> Outcome {
    let model = paths::smollm2()?;
    let folder = tempfile::tempdir_in(paths::work("oversize")).expect("a writable target folder");
    let recipe = Recipe::new("smollm2-oversize", &model, "raspberry_pi", "keep");

    let out = folder.path().join("refused");
    let output = run::output(&mut recipe.command(&out));
    assert!(!output.status.success());
    assert!(!out.exists());
    let message = String::from_utf8_lossy(&output.stderr);
    for part in ["50", "MB", "--allow-oversize"] {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }

    let out = folder.path().join("allowed");
    run::must(&mut recipe.with("--allow-oversize").command(&out));
    assert!(out.join("Cargo.toml").exists());
    Ok(())
}

fn emission_and_builds_keep_their_limits() -> Outcome {
    let model = paths::smollm2()?;
    let recipe = Recipe::new("smollm2-measured", &model, "host", "keep");
    let rows = measure::emission_and_builds(&recipe)?;
    print!("{}", measure::table(&rows));
    for row in &rows {
        assert!(row.kept(), "{row:?}");
    }
    Ok(())
}

/// The compilers for these targets see the RAM and flash that the plan foretold, with `std` and
/// without, on 32 bits and 64.
fn predictions_are_the_crates_own_figures() {
    for (platform, target, std) in [
        ("esp32", "riscv32imc-unknown-none-elf", "core"),
        ("host", "x86_64-unknown-linux-gnu", "std"),
    ] {
        let name = format!("predicted-{}", platform.replace('_', "-"));
        let emitted = Recipe::built_in(&name, platform, "q4").emit();
        let library = emitted.folder.join("src/lib.rs");
        let mut text = std::fs::read_to_string(&library).expect("the emitted library");
        for (field, constant) in [("flash_bytes", "FLASH_BYTES"), ("ram_bytes", "RAM_BYTES")] {
            let predicted = &emitted.report[field];
            // A difference of types shows both numbers.
            text += &format!("const _: [(); {predicted}] = [(); {constant}];\n");
        }
        std::fs::write(&library, text).expect("a writable target folder");
        run::must(
            cargo_for(std, target, "check")
                .args(["--lib", "--target-dir"])
                .arg(paths::target().join("whole-path/predicted"))
                .current_dir(&emitted.folder),
        );
    }
}

tests::trials![
    a_model_too_large_is_refused_with_the_figures;
    long: emission_and_builds_keep_their_limits,
    predictions_are_the_crates_own_figures,
];

fn main() {
    tests::trial::run(trials());
}
