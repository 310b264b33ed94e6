//! Promise: it runs in a browser, and gives the same bits there.

use std::path::Path;
use std::process::Command;

use tests::browser::{self, Expected};
use tests::{Outcome, Recipe, paths, questions, run};

/// The page of a recipe's crate does all that it should.
fn works(recipe: &Recipe, expected: Expected<'_>) -> Outcome {
    run::need(&[("chromium", "chromium")])?;
    let emitted = recipe.emit();
    let web = browser::package(&emitted)?;
    print!("{}", browser::check(&web, &emitted, expected));
    Ok(())
}

fn homectl_works_in_a_browser() -> Outcome {
    works(
        &Recipe::built_in("homectl-browser", "browser", "q4"),
        Expected {
            prompt: "switch off the lamp in the kitchen",
            answer: r#"{"do":"off","what":"lamp","where":"kitchen"}"#,
            long: 0,
        },
    )?;
    Ok(())
}

fn smollm2_works_in_a_browser() -> Outcome {
    let model = paths::smollm2()?;
    works(
        &Recipe::new("smollm2-browser", &model, "browser", "keep")
            .with("--context=256")
            .with("--allow-oversize"),
        Expected {
            prompt: "What is 2+2? Answer with a number only.",
            answer: "2 + 2 = 4",
            long: 120,
        },
    )?;
    Ok(())
}

fn a_package_bears_faults_and_asks_what_it_is_told() -> Outcome {
    let emitted = questions::chat_recipe_on("chat-browser", "browser").emit();
    let web = browser::package(&emitted)?;
    run::must(browser::in_node("package.mjs", &web).arg(emitted.hash()));
    let (questions, answers) = questions::asked();
    let told = run::must(browser::in_node("ask.mjs", &web).arg(questions));
    assert_eq!(&questions::told(&told), answers);

    // Without the target of WebAssembly, one line says what to do, and what was built stays.
    let rustc = paths::work("browser").join("rustc-without-a-target");
    run::script(&rustc, "#!/bin/sh\necho /nowhere\n");
    let mut build = run::clean("node");
    let output = run::output(build.arg(web.join("build.mjs")).env("RUSTC", rustc));
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "needs `rustup target add wasm32-unknown-unknown`\n");
    assert!(web.join("dist/manifest.json").exists());
    Ok(())
}

/// The module of a package uses vectors.
fn has_simd(web: &Path) -> bool {
    let files = std::fs::read_dir(web.join("dist")).expect("a package");
    let module = files
        .map(|file| file.expect("a file").path())
        .find(|file| file.extension().is_some_and(|name| name == "wasm"))
        .expect("a module");
    run::must(Command::new("llvm-objdump-22").arg("-d").arg(module)).contains("v128.")
}

/// An engine refuses a module with instructions that it lacks, so that one without SIMD wants a
/// package of its own, by a profile of plain Rust.
fn an_engine_without_simd_gets_the_same_bits() -> Outcome {
    run::need(&[("llvm-objdump-22", "llvm-22")])?;
    let profile = paths::work("profiles").join("browser_scalar.toml");
    let text = include_str!("../../edgegen/src/profile/built_in/browser.toml");
    std::fs::write(&profile, text.replace("simd128", "scalar")).expect("a writable target folder");
    let profile = profile.to_str().expect("a UTF-8 path");
    let simd = Recipe::built_in("homectl-simd", "browser", "q4").emit();
    let scalar = Recipe::built_in("homectl-scalar", profile, "q4").emit();
    for (emitted, expected) in [(&simd, true), (&scalar, false)] {
        let web = browser::package(emitted)?;
        assert_eq!(has_simd(&web), expected, "{}", emitted.name);
        let hash = run::must(&mut browser::in_node("hash.mjs", &web));
        assert_eq!(hash.trim(), simd.hash(), "{}", emitted.name);
    }
    Ok(())
}

tests::trials![
    long: an_engine_without_simd_gets_the_same_bits,
    a_package_bears_faults_and_asks_what_it_is_told,
    homectl_works_in_a_browser;
    nightly: smollm2_works_in_a_browser,
];

fn main() {
    tests::trial::run(trials());
}
