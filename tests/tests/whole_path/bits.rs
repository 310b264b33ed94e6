//! Promise: the same bits everywhere.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::scope;

use tests::emitted::{every_arm, every_x86};
use tests::golden::text;
use tests::riscv32::Image;
use tests::{Emitted, Outcome, Program, Recipe, Target, browser, paths, run};

/// A platform, and the instruction set that each of its CPUs shall find.
struct Board {
    name: &'static str,
    /// What `--platform` takes.
    platform: fn() -> String,
    cpus: &'static [(Target, &'static str)],
}

const A53: Target = Target::Aarch64 { cpu: "cortex-a53" };
const A72: Target = Target::Aarch64 { cpu: "cortex-a72" };
const A76: Target = Target::Aarch64 { cpu: "cortex-a76" };
/// All that the emulator knows of.
const NEWEST: Target = Target::Aarch64 { cpu: "max" };
const A7: Target = Target::Armv7 { cpu: "cortex-a7" };

/// Models 3, 4 and 5.
const PI: Board = Board {
    name: "pi",
    platform: || "raspberry_pi".to_owned(),
    cpus: &[(A53, "neon"), (A72, "neon"), (A76, "neon-dotprod")],
};
/// Any 64-bit Arm.
const ARM: Board = Board {
    name: "arm",
    platform: every_arm,
    cpus: &[(A53, "neon"), (A76, "neon-dotprod"), (NEWEST, "neon-i8mm")],
};
/// Models 3 and 5, with the two ways of AArch64, for a model that takes an emulator long.
const PI_3_AND_5: Board = Board {
    name: "pi-3-and-5",
    platform: || "raspberry_pi".to_owned(),
    cpus: &[(A53, "neon"), (A76, "neon-dotprod")],
};
/// Model 2.
const PI_32: Board = Board {
    name: "pi-32",
    platform: || "raspberry_pi_32".to_owned(),
    cpus: &[(A7, "scalar")],
};

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
            println!("this machine lacks {isa}");
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

/// Each CPU of a board, side by side.
fn on_board(recipe: &Recipe, board: &Board, ways: &[&[&str]]) -> Emitted {
    let (target, _) = board.cpus[0];
    let emitted = recipe.emit();
    let program = target.build(&emitted);
    scope(|threads| {
        for (cpu, isa) in board.cpus {
            let (program, emitted) = (program.on(*cpu), &emitted);
            threads.spawn(move || {
                for way in ways {
                    gives_the_hash(&program, emitted, isa, way);
                }
            });
        }
    });
    emitted
}

/// A recipe for this machine, for another platform.
fn elsewhere(here: &Recipe, name: &str, platform: String) -> Recipe {
    Recipe {
        name: here.name.replace("x86", name),
        platform,
        ..here.clone()
    }
}

/// What a recipe for this machine gives, here and on boards, side by side.
fn everywhere(here: &Recipe, boards: &[Board], ways: &[&[&str]]) -> Outcome {
    boards
        .iter()
        .try_for_each(|board| board.cpus[0].0.available())?;
    scope(|threads| {
        let boards = boards.iter().map(|board| {
            let recipe = elsewhere(here, board.name, (board.platform)());
            threads.spawn(move || on_board(&recipe, board, ways))
        });
        let boards: Vec<_> = boards.collect();
        let x86 = on_x86(here);
        for board in boards {
            let board = board.join().expect("the same bits on a board");
            assert_eq!(x86.hash(), board.hash(), "{}", here.name);
        }
    });
    Ok(())
}

fn recipe(name: &str, model: &Path, quant: &str) -> Recipe {
    let name = format!("{name}-{quant}-x86");
    Recipe::new(&name, model, &every_x86(), quant)
}

/// The built-in model as it is stored.
fn homectl() -> Recipe {
    Recipe::built_in("homectl-keep-x86", &every_x86(), "keep")
}

const WAYS: [&[&str]; 3] = [&["--threads", "1"], &["--threads", "2"], &["--batch", "1"]];

fn homectl_has_the_same_bits_everywhere() -> Outcome {
    everywhere(&homectl(), &[PI, PI_32], &WAYS)
}

fn every_format_has_the_same_bits_everywhere() -> Outcome {
    let model = paths::llama();
    // Every format, in two crates.
    for (quant, cache, others) in [
        (
            "f32",
            "f32",
            ["embedding=f16", "query=f16", "value=q8", "down=q4m"],
        ),
        ("t3", "i8", ["embedding=t4", "key=q4", "gate=t4", "down=t2"]),
    ] {
        let recipe = recipe("llama", &model, quant);
        let tensor = |recipe: Recipe, other| recipe.with(&format!("--tensor={other}"));
        let recipe = others.into_iter().fold(recipe, tensor);
        let recipe = recipe.with(&format!("--kv-cache={cache}"));
        everywhere(&recipe, &[ARM], &WAYS)?;
    }
    Ok(())
}

/// What networks have that Llama has not: windows, caps, scales and norms after branches; LayerNorm,
/// branches side by side, a part of each head. On processors and on machines without an operating
/// system.
fn each_kind_of_network_has_the_same_bits_everywhere() -> Outcome {
    for (name, quant) in [("gemma2", "q4"), ("phi", "q8")] {
        let recipe = network(name, quant, "f32").with("--context=64");
        everywhere(&recipe, &[ARM], &WAYS)?;
        let here = recipe.emit();
        let on = |platform: &str| elsewhere(&recipe, platform, platform.to_owned()).emit();
        let session = Image::build(&on("esp32"))?.run(&[":self-test", ":exit"]);
        assert_eq!(session.lines[0], format!("ok: {}", here.hash()));
        let web = browser::package(&on("browser"))?;
        let hash = run::must(&mut browser::in_node("hash.mjs", &web));
        assert_eq!(hash.trim(), here.hash());
    }
    Ok(())
}

/// Norms of heads; positions that are added; windows without vectors; values that are rounded.
fn other_networks_have_the_same_bits_everywhere() -> Outcome {
    for (name, quant, cache, boards) in [
        ("qwen3", "q8", "i8", [ARM].as_slice()),
        ("gpt2", "t3", "f32", &[ARM, PI_32]),
        ("gemma2", "q8", "f32", &[PI_32]),
        ("bitnet", "keep", "f32", &[ARM]),
    ] {
        everywhere(&network(name, quant, cache), boards, &WAYS)?;
    }
    Ok(())
}

/// A tiny model of an architecture, with a window that is shorter than the golden run if it has one.
fn network(name: &str, quant: &str, cache: &str) -> Recipe {
    let model = match name {
        // Its GGUF rounds nothing.
        "bitnet" => paths::data("architectures/bitnet/hf"),
        "gemma2" => {
            let file = fs::read(paths::architecture(name)).expect("the repository has it");
            let narrow = paths::work("bits").join("gemma2.gguf");
            fs::write(&narrow, narrowed(file)).expect("a writable target folder");
            narrow
        }
        name => paths::architecture(name),
    };
    recipe(name, &model, quant).with(&format!("--kv-cache={cache}"))
}

/// The GGUF file with a window that is shorter than the golden run.
fn narrowed(mut file: Vec<u8>) -> Vec<u8> {
    const KEY: &[u8] = b"gemma2.attention.sliding_window";
    let key = file.windows(KEY.len()).position(|part| part == KEY);
    // The key is followed by its type.
    let value = key.expect("the file has a window") + KEY.len() + 4;
    assert_eq!(file[value..value + 4], 16u32.to_le_bytes());
    file[value..value + 4].copy_from_slice(&5u32.to_le_bytes());
    file
}

fn smollm2_has_the_same_bits_everywhere() -> Outcome {
    let model = paths::smollm2()?;
    let recipe = recipe("smollm2", &model, "keep").with("--context=512");
    let way: &[&str] = &["--threads", "2"];
    everywhere(&recipe.with("--allow-oversize"), &[PI_3_AND_5], &[way])?;
    Ok(())
}

/// What a CPU lacks is seen where the program runs, not where it was built.
fn each_x86_takes_the_best_that_it_has() -> Outcome {
    let emitted = homectl().emit();
    let program = Target::Host.build(&emitted);
    for (cpu, isa) in [
        ("Conroe", "scalar"),
        ("Westmere", "sse4.1"),
        ("Haswell", "avx2"),
        ("Haswell,f16c=off", "sse4.1"),
        ("Haswell,avx2=off", "sse4.1"),
    ] {
        let target = Target::X86 { cpu };
        target.available()?;
        gives_the_hash(&program.on(target), &emitted, isa, &[]);
    }
    Ok(())
}

/// Holding one instruction set, it must not die of an unknown instruction; nor of a missing library.
fn a_program_for_one_cpu_says_what_another_lacks() -> Outcome {
    A76.available()?;
    let recipe = Recipe::built_in("homectl-cortex-a76", "raspberry_pi", "q4");
    let emitted = recipe.with("--cpu=cortex-a76").emit();
    let program = A76.build(&emitted);
    gives_the_hash(&program, &emitted, "neon-dotprod", &[]);
    for other in [A53, A72] {
        let output = program.on(other).run(&["self-test"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("this CPU lacks neon-dotprod"), "{said}");
    }
    let headers = run::must(Command::new("readelf").arg("-lW").arg(program.path()));
    assert!(!headers.contains("INTERP"), "{headers}");
    Ok(())
}

tests::trials![
    long: each_x86_takes_the_best_that_it_has,
    homectl_has_the_same_bits_everywhere,
    each_kind_of_network_has_the_same_bits_everywhere,
    a_program_for_one_cpu_says_what_another_lacks;
    nightly: other_networks_have_the_same_bits_everywhere,
    every_format_has_the_same_bits_everywhere,
    smollm2_has_the_same_bits_everywhere,
];
