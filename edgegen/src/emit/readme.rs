//! The generated crate's README: a model card with its real figures.

use std::fmt::Write;

use crate::plain::markdown;
use crate::profile::{App, InstructionSet, Profile};
use crate::program::{CacheFormat, Golden, Placement, Program, Shapes, ram_bytes};
use crate::size::mb;

use super::manifest::enabled;
use super::weights::{self, Weights};
use super::{Options, weights_file};

/// `README.md`.
pub(super) fn readme(
    program: &Program,
    golden: &Golden,
    profile: &Profile,
    sets: &[InstructionSet],
    weights: &Weights,
    options: &Options,
) -> String {
    let words = Words::new(options, profile);
    let s = &program.shapes;
    let p = &program.provenance;
    let name = &options.name;
    let ident = name.replace('-', "_");
    let ram = ram_bytes(s, profile, options.weights);
    let mut text = format!(
        "# {name}\n\n\
         {} as a standalone Rust crate for `{}` ({}), compiled by edgegen {}.\n\
         Weights are {}, every shape is a constant, and there is no dependency.\n\n",
        markdown(&p.model),
        profile.name(),
        profile.target(),
        env!("CARGO_PKG_VERSION"),
        words.place,
    );
    let _ = writeln!(text, "| | |\n|---|---|");
    let mut row = |what: &str, value: String| {
        let _ = writeln!(text, "| {what} | {value} |");
    };
    row(
        "source",
        format!("{}, SHA-256 `{}`", p.format, p.sources.digest()),
    );
    if let Some(origin) = &p.origin {
        row("fetched as", markdown(origin));
    }
    for (at, licence) in p.licences.iter().enumerate() {
        if at > 0 {
            row("LoRA adapter", markdown(&licence.of));
        }
        let stated = licence.stated();
        row(
            "licence",
            stated.map_or_else(|| "not stated in the source".into(), markdown),
        );
    }
    row(
        "parameters",
        format!("{:.2} million", p.parameters as f64 / 1e6),
    );
    row("weights", p.conversions.join("; "));
    for (what, kept, all, of) in s.kept(p.left_out) {
        row(what, format!("{kept} of the source's {all} {of}"));
    }
    row(
        "flash (weights and tables)",
        mb(weights.flash_bytes(program) as u64),
    );
    if options.weights == Placement::External {
        let bytes = weights::file_bytes(program) as u64;
        row("of these in the file of weights", mb(bytes));
    }
    row("RAM (KV cache and activations)", mb(ram as u64));
    row("context", format!("{} tokens", s.context));
    row("KV cache", cache(s));
    row(
        "shape",
        format!(
            "{} layers, hidden size {}, {} heads of {}, {} key-value heads, vocabulary {}",
            s.num_hidden_layers,
            s.hidden_size,
            s.num_attention_heads,
            s.head_dim,
            s.num_key_value_heads,
            s.vocab_size
        ),
    );
    row(
        "instruction sets",
        sets.iter()
            .map(|set| format!("`{set}`"))
            .collect::<Vec<_>>()
            .join(", "),
    );
    row(
        "golden hash of the logits",
        format!("`{:016x}`", golden.logits),
    );
    if let Some(limit) = profile.model_size() {
        row("the profile's limit on flash", mb(limit));
    }
    if let Some(limit) = profile.ram() {
        row("the profile's limit on RAM", mb(limit));
    }
    let Words {
        copy,
        names,
        open,
        new,
        with_memory,
        more,
        ..
    } = words;
    let build = if profile.std() {
        let native = "```sh\ncargo build --release\n";
        let cross = format!(
            "```sh\ncross build --release --target {}\n```\n\n{}",
            profile.target(),
            cross_linker(profile)
        );
        // A board's program is seldom built on the board.
        let (before, after) = if profile.crt_static() {
            let before =
                format!("On a PC, for the device:\n\n{cross}On the device itself:\n\n{native}");
            (before, String::new())
        } else {
            let after = format!("For another machine of this kind:\n\n{cross}");
            (native.to_owned(), after)
        };
        format!(
            "## The program\n\n\
             {before}\
             {copy}\
             target/release/{name} generate \"Once upon a time\"\n\
             target/release/{name} self-test\n\
             ```\n\n\
             `self-test` computes a fixed run and compares every layer with the hashes that\n\
             edgegen baked in: equal bits on every machine, or the name of the first layer that\n\
             differs. `help` lists the other commands; `--json` makes each print one object.\n\n\
             {after}"
        )
    } else if profile.app() == Some(App::Browser) {
        format!(
            "## In a web page\n\n\
             ```sh\n\
             cd web\n\
             npm start\n\
             ```\n\n\
             builds the module and its shards of weights into `web/dist`, and serves a page with\n\
             the model. `web` is an npm package without dependencies; `index.d.ts` describes it.\n\
             It needs Rust with the target `{}`, and Node.\n\n",
            profile.target()
        )
    } else {
        format!(
            "## Building\n\n\
             ```sh\n\
             cargo build --release --target {}\n\
             ```\n\n\
             With the feature `cli` (on a machine with an operating system) there is a program too;\n\
             its `self-test` gives the same hash as the device.\n\n",
            profile.target()
        )
    };
    text.push('\n');
    text.push_str(&build);
    let _ = write!(
        text,
        "## The library\n\n\
         With the feature `std`:\n\n\
         ```rust,ignore\n\
         use {ident}::{{{names}}};\n\n\
         {open}\
         let mut session = Session::new({new});\n\
         for piece in session.generate(\"Once upon a time\", &Options::default())? {{\n    \
             print!(\"{{piece}}\");\n\
         }}\n\
         ```\n\n\
         Without it there is no allocation: give the session its memory, for instance from a\n\
         static, with `Session::with_memory({with_memory})`. `RAM_BYTES` and `FLASH_BYTES` are\n\
         compared with the profile's limits when the crate is compiled.\n{}\n\
         {more}\
         `NOTICE` has the terms of the weights and of the code: give it to whom you give the program.\n\n\
         `src/lib.rs` begins with a map of the modules. `PROGRAM.txt` is what they compute: every\n\
         operation, its weights and where its values lie, as `edgegen plan --show program` prints.\n\n\
         `ffi` is the same for C, and for what calls C: a static and a shared library, the header\n\
         `ffi/include/edge_model.h`, and a CMake project with an example.\n\n\
         Benchmarks are a package of their own, so that this one needs no registry:\n\
         `cargo bench --manifest-path benches/Cargo.toml{}`.\n",
        told(sets),
        // Only with a target do the program's flags not reach the build's own tools.
        if profile.crt_static() {
            format!(" --target {}", profile.target())
        } else {
            String::new()
        }
    );
    text
}

/// What depends on where the weights are.
struct Words {
    place: String,
    /// Commands between building and running.
    copy: String,
    /// What is imported.
    names: &'static str,
    /// Statements before there is a session.
    open: String,
    /// The arguments of `Session::new`.
    new: &'static str,
    /// The arguments of `Session::with_memory`.
    with_memory: &'static str,
    /// Paragraphs.
    more: String,
}

impl Words {
    fn new(options: &Options, profile: &Profile) -> Self {
        match options.weights {
            Placement::Embedded => Self {
                place: "in the binary".into(),
                copy: String::new(),
                names: "Options, Session",
                open: String::new(),
                new: "",
                with_memory: "&mut MEMORY",
                more: String::new(),
            },
            Placement::External => {
                let file = weights_file(&options.name);
                Self {
                    place: format!("in the file `{file}`"),
                    copy: format!("cp {file} target/release/\n"),
                    names: "Options, Session, Weights",
                    open: format!("let weights = Weights::open(\"{file}\")?;\n"),
                    new: "weights",
                    with_memory: "&mut MEMORY, weights",
                    more: file_of_weights(&file, profile),
                }
            }
        }
    }
}

/// How the file of weights comes to the device.
fn file_of_weights(file: &str, profile: &Profile) -> String {
    let mut text = format!(
        "`{file}` is opened once, for any number of sessions, and checked by a hash of all its\n\
         bytes; another crate's, one that was cut off or changed is refused with the reason.\n\
         Nobody may change it while it is in use.\n"
    );
    text.push_str(if profile.std() {
        "64-bit Linux and Android map it into memory, other systems read it. The program looks for\n\
         it beside itself, or where `--weights PATH` says: ship both. From C it is given to\n\
         `edge_open_with_weights` in memory.\n\n"
    } else {
        "Without an operating system it is in flash, mapped into the address space, and goes to\n\
         `Weights::from_static`; from C, to `edge_open_with_weights`.\n\n"
    });
    if profile.app() == Some(App::Android) {
        text.push_str(
            "An app maps it with `FileChannel.map`, and gives the buffer to `Model` or `EdgeModel`.\n\n",
        );
    } else if !profile.std() {
        let _ = write!(
            text,
            "On an ESP32 that is a partition, at a multiple of 64 KiB, such as\n\n\
             ```text\n\
             weights, data, undefined, 0x110000, 2M\n\
             ```\n\n\
             written by `esptool write-flash 0x110000 {file}`, and mapped by `esp_partition_mmap`\n\
             of ESP-IDF or, without it, by the ROM's `Cache_Dbus_MMU_Set`.\n\n"
        );
    }
    text
}

/// How a static program is built without containers; for other programs, nothing.
fn cross_linker(profile: &Profile) -> String {
    if !profile.crt_static() {
        return String::new();
    }
    let target = profile.target();
    let debian = target.replace("-unknown", "").replace("armv7-", "arm-");
    format!(
        "Plain cargo does it with a cross linker, such as that of Debian's package\n\
         `gcc-{}`:\n\n\
         ```sh\n\
         rustup target add {target}\n\
         export CARGO_TARGET_{}_LINKER={debian}-gcc\n\
         cargo build --release --target {target}\n\
         ```\n\n\
         The program is linked statically, as `.cargo/config.toml` says: copy it to the device, and it\n\
         runs. `RUSTFLAGS` in the environment would take the place of that setting.\n\n",
        debian.replace('_', "-"),
        target.replace('-', "_").to_uppercase(),
    )
}

/// The KV cache's format and size.
fn cache(shapes: &Shapes) -> String {
    let format = match shapes.kv_cache {
        CacheFormat::F32 => "f32",
        CacheFormat::I8 => "i8, an f32 scale for each key and value of a head",
    };
    let bytes = shapes.kv_cache_len() * size_of::<f32>();
    format!("{} in {format}", mb(bytes as u64))
}

/// What the compiler has to be told where the program cannot ask the CPU.
fn told(sets: &[InstructionSet]) -> String {
    let told: Vec<String> = sets
        .iter()
        .filter(|set| !set.features().is_empty())
        .map(|set| {
            format!(
                "`-C target-feature={}` for `{set}`",
                enabled(set.features())
            )
        })
        .collect();
    if told.is_empty() {
        return String::new();
    }
    format!(
        "Nor is the CPU asked for its instruction sets; the compiler must know of them:\n{}.\n",
        told.join(", ")
    )
}
