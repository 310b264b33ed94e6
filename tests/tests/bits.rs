//! Promise: the same bits everywhere.

use std::path::Path;

use tests::emitted::every_instruction_set;
use tests::golden::text;
use tests::{Emitted, Program, Recipe, Target, paths};

const A53: Target = Target::Aarch64 { cpu: "cortex-a53" };
const A76: Target = Target::Aarch64 { cpu: "cortex-a76" };

/// Runs the self-test; its hash must be the interpreter's, and it must have run where it should.
fn gives_the_hash(program: &Program, emitted: &Emitted, isa: &str, args: &[&str]) {
    let found = program.json("self-test", args);
    assert_eq!(text(&found, "isa"), isa, "{args:?}");
    assert_eq!(
        text(&found, "hash"),
        emitted.hash(),
        "{} {args:?}",
        emitted.name
    );
    assert_eq!(found["ok"], true, "{} {args:?}", emitted.name);
}

/// Each instruction set of this machine, one thread and two, token by token and in batches.
fn on_x86(recipe: &Recipe) -> Emitted {
    let emitted = recipe.emit();
    let program = Target::Host.build(&emitted);
    for (isa, present) in [
        (
            "avx512-vnni",
            is_x86_feature_detected!("avx512vl") && is_x86_feature_detected!("avx512vnni"),
        ),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("sse4.1", is_x86_feature_detected!("sse4.1")),
        ("scalar", true),
    ] {
        if !present {
            tests::not_run(true, &format!("this machine lacks {isa}"));
            continue;
        }
        for threads in ["1", "2"] {
            gives_the_hash(
                &program,
                &emitted,
                isa,
                &["--isa", isa, "--threads", threads],
            );
        }
        gives_the_hash(&program, &emitted, isa, &["--isa", isa, "--batch", "1"]);
    }
    emitted
}

/// NEON, and NEON with dot product.
fn on_aarch64(recipe: &Recipe, ways: &[&[&str]]) -> Option<Emitted> {
    if !A53.available() {
        return None;
    }
    let emitted = recipe.emit();
    let program = A53.build(&emitted);
    for way in ways {
        gives_the_hash(&program, &emitted, "neon", way);
        gives_the_hash(&program.on(A76), &emitted, "neon-dotprod", way);
    }
    Some(emitted)
}

/// All targets of one model in one format; the built-in model, if none is given.
fn everywhere(name: &str, model: Option<&Path>, quant: &str, aarch64: &[&[&str]]) {
    let recipe = |target: &str, platform: &str| {
        let name = format!("{name}-{quant}-{target}");
        match model {
            Some(model) => Recipe::new(&name, model, platform, quant).with("--context=512"),
            None => Recipe::built_in(&name, platform, quant),
        }
    };
    let x86 = on_x86(&recipe("x86", &every_instruction_set()));
    let arm = recipe("aarch64", "raspberry_pi").with("--allow-oversize");
    if let Some(arm) = on_aarch64(&arm, aarch64) {
        assert_eq!(x86.hash(), arm.hash(), "{name} {quant}");
    }
}

const WAYS: [&[&str]; 3] = [&["--threads", "1"], &["--threads", "2"], &["--batch", "1"]];

#[test]
fn homectl_has_the_same_bits_everywhere() {
    for quant in ["keep", "q4"] {
        everywhere("homectl", None, quant, &WAYS);
    }
}

#[test]
fn stories_has_the_same_bits_everywhere() {
    let Some(model) = paths::stories() else {
        return;
    };
    for quant in ["f32", "f16", "q8", "q4", "q4m"] {
        everywhere("stories", Some(&model), quant, &WAYS);
    }
}

#[test]
fn smollm2_has_the_same_bits_everywhere() {
    let Some(model) = paths::smollm2() else {
        return;
    };
    everywhere("smollm2", Some(&model), "keep", &[&["--threads", "2"]]);
}
