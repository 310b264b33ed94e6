use super::*;
use crate::size::{format_size, parse_size};
use proptest::prelude::*;

fn parsed_with(from: &str, to: &str) -> Result<Profile> {
    let pi = include_str!("built_in/raspberry_pi.toml");
    assert!(pi.contains(from), "{from}");
    Profile::parse(&pi.replacen(from, to, 1))
}

#[test]
fn built_in_profiles_have_the_limits_that_are_promised() {
    let limits: Vec<_> = Profile::built_in()
        .map(|p| (p.name().to_owned(), p.model_size(), p.ram()))
        .collect();
    let expected = [
        ("android", Some(200_000_000), Some(512_000_000)),
        ("ios", Some(150_000_000), Some(400_000_000)),
        ("raspberry_pi", Some(50_000_000), Some(256_000_000)),
        ("raspberry_pi_32", Some(50_000_000), Some(256_000_000)),
        ("esp32", Some(2_000_000), Some(520_000)),
        ("browser", Some(50_000_000), Some(200_000_000)),
        ("host", None, None),
    ]
    .map(|(name, size, ram)| (name.to_owned(), size, ram));
    assert_eq!(limits, expected);
}

/// What the limits allow together is there on the device.
#[test]
fn built_in_limits_are_within_the_budget() {
    for profile in Profile::built_in().filter(|p| p.name() != "host") {
        let memory = profile.memory().unwrap();
        assert!(profile.ram().unwrap() <= memory.device_ram);
        let both = memory.taken(profile.model_size().unwrap(), profile.ram().unwrap());
        // A microcontroller's limit is its chip's RAM; the budget is what is left of that.
        if profile.name() != "esp32" {
            assert!(both <= memory.budget(), "{}", profile.name());
        }
    }
}

#[test]
fn a_budget_is_the_ram_without_the_shares() {
    for (device_ram, os_overhead, safety_margin, budget) in [
        (1_000_000_000, 0.3, 0.1, 600_000_000),
        (520_000, 0.22, 0.1, 353_600),
        (1_000, 0.0, 0.0, 1_000),
        (u64::MAX / 2, 0.5, 0.499_999_999_999_999_9, 1_023),
        (1, 0.5, 0.4, 0),
    ] {
        let memory = Memory {
            device_ram,
            os_overhead,
            safety_margin,
            weights_in_flash: false,
        };
        assert_eq!(memory.budget(), budget);
        assert_eq!(memory.taken(3, 4), 7);
    }
    let esp32 = Profile::load("esp32").unwrap();
    assert_eq!(esp32.memory().unwrap().taken(3, 4), 4);
}

#[test]
fn pointers_are_as_wide_as_the_target_says() {
    let pi = || Profile::load("raspberry_pi").unwrap();
    for (target, bytes) in [
        ("aarch64-unknown-linux-gnu", 8),
        ("aarch64-unknown-linux-gnu_ilp32", 4),
        ("x86_64-unknown-linux-gnux32", 4),
        ("arm64_32-apple-watchos", 4),
        ("s390x-unknown-linux-gnu", 8),
        ("riscv32imc-unknown-none-elf", 4),
        ("wasm32-unknown-unknown", 4),
        ("wasm64-unknown-unknown", 8),
        ("armv7-unknown-linux-gnueabihf", 4),
    ] {
        let profile = Profile {
            target: target.into(),
            ..pi()
        };
        assert_eq!(profile.pointer_bytes(), bytes, "{target}");
    }
}

#[test]
fn both_host_profiles_are_valid() {
    for text in [
        include_str!("built_in/host_x86_64.toml"),
        include_str!("built_in/host_aarch64.toml"),
    ] {
        assert_eq!(Profile::parse(text).unwrap().name(), "host");
    }
}

#[test]
fn raspberry_pi_in_full() {
    let pi = Profile::load("raspberry_pi").unwrap();
    assert_eq!(pi.target(), "aarch64-unknown-linux-gnu");
    assert!(pi.std() && pi.crt_static());
    assert_eq!(pi.baseline(), InstructionSet::Neon);
    assert_eq!(pi.optional(), [InstructionSet::NeonDotprod]);
    assert_eq!(pi.number_types(), [NumberType::Int4, NumberType::Int8]);
    assert_eq!(
        (pi.default_context(), pi.batch(), pi.threads()),
        (2048, 16, 4)
    );
}

#[test]
fn contradictions_are_refused_at_their_line() {
    let cases = [
        (
            "name = \"raspberry_pi\"",
            "name = \"../pi\"",
            "line 1, `name`",
        ),
        ("aarch64-unknown-linux-gnu", "gnu", "line 3, `target`"),
        (
            "aarch64-unknown-linux-gnu",
            "i586-unknown-linux-gnu",
            "line 3, `target`",
        ),
        (
            "aarch64-unknown-linux-gnu",
            "armv7-unknown-linux-gnueabihf",
            "line 6, `baseline`",
        ),
        ("\"neon\"", "\"avx2\"", "line 6, `baseline`"),
        ("[\"neon-dotprod\"]", "[\"neon\"]", "line 7, `optional`"),
        ("[\"neon-dotprod\"]", "[\"avx2\"]", "line 7, `optional`"),
        (
            "[\"neon-dotprod\"]",
            "[\"neon-dotprod\", \"neon-dotprod\"]",
            "line 7, `optional`",
        ),
        ("std = true", "std = false", "line 5, `crt_static`"),
        (
            "std = true\ncrt_static = true",
            "std = false",
            "line 6, `optional`",
        ),
        ("[\"int4\", \"int8\"]", "[]", "line 8, `number_types`"),
        (
            "[\"int4\", \"int8\"]",
            "[\"int4\", \"int4\"]",
            "line 8, `number_types`",
        ),
        ("2048", "0", "line 9, `default_context`"),
        ("16", "100000", "line 10, `batch`"),
        ("threads = 4", "threads = 0", "line 11, `threads`"),
        ("\"50 MB\"", "\"1.1 GB\"", "line 14, `model_size`"),
        ("\"256 MB\"", "\"1.1 GB\"", "line 15, `ram`"),
        (
            "os_overhead = 0.3",
            "os_overhead = 1",
            "line 20, `os_overhead`",
        ),
        (
            "os_overhead = 0.3",
            "os_overhead = nan",
            "line 20, `os_overhead`",
        ),
        (
            "safety_margin = 0.1",
            "safety_margin = -0.1",
            "line 21, `safety_margin`",
        ),
        (
            "safety_margin = 0.1",
            "safety_margin = 0.7",
            "line 21, `safety_margin`",
        ),
    ];
    for (from, to, place) in cases {
        let error = parsed_with(from, to).unwrap_err().to_string();
        assert!(
            error.starts_with(place) && error.contains("help:"),
            "{to}: {error}"
        );
    }
}

/// The compiler knows the same CPUs, and no better set for them.
#[test]
fn cpus_are_those_of_the_compiler() {
    for (cpu, set) in cpu::CPUS {
        let target = ["aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"]
            .into_iter()
            .find(|target| set.fits(target))
            .unwrap();
        let known = std::process::Command::new("rustc")
            .args(["--print=cfg", "--target", target, "-C"])
            .arg(format!("target-cpu={cpu}"))
            .output()
            .unwrap();
        assert!(known.status.success(), "{known:?}");
        let known = String::from_utf8(known.stdout).unwrap();
        let has = |feature: &&str| known.contains(&format!("target_feature=\"{feature}\""));
        let best = InstructionSet::ALL
            .iter()
            .copied()
            .rfind(|set| set.fits(target) && set.features().iter().all(has));
        assert_eq!(best, Some(set), "{cpu}");
    }
}

#[test]
fn a_cpu_narrows_a_profile() {
    let pi = || Profile::load("raspberry_pi").unwrap();
    for (cpu, set) in [
        ("cortex-a72", InstructionSet::Neon),
        ("cortex-a76", InstructionSet::NeonDotprod),
    ] {
        let narrow = pi().for_cpu(cpu).unwrap();
        assert_eq!((narrow.baseline(), narrow.optional()), (set, &[][..]));
        assert_eq!(narrow.target(), pi().target());
    }
    insta::assert_snapshot!(pi().for_cpu("znver4").unwrap_err(), @r"
    no CPU `znver4` is known for `aarch64-unknown-linux-gnu`
      help: known there: cortex-a53, cortex-a72, cortex-a76, cortex-a710, apple-a15
    ");
    let esp32 = Profile::load("esp32").unwrap();
    insta::assert_snapshot!(esp32.for_cpu("cortex-a53").unwrap_err(), @r"
    no CPU `cortex-a53` is known for `riscv32imc-unknown-none-elf`
      help: leave the CPU out: that target's kernels run on each of its CPUs
    ");
}

#[test]
fn threads_need_std() {
    let error = parsed_with(
        "std = true\ncrt_static = true\nbaseline = \"neon\"\noptional = [\"neon-dotprod\"]",
        "std = false\nbaseline = \"neon\"",
    );
    assert!(error.unwrap_err().to_string().contains("no threads"));
}

#[test]
fn the_size_in_flash_is_not_limited_by_ram() {
    let esp32 = include_str!("built_in/esp32.toml");
    assert!(Profile::parse(esp32).is_ok());
    let error = Profile::parse(&esp32.replace("weights_in_flash = true", ""));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`model_size`: the limit exceeds"), "{error}");
    let rate = Profile::parse(&esp32.replace("11_000_000", "0"));
    assert!(rate.unwrap_err().to_string().contains("`int8_rate`"));
}

/// Xtensa is no target of Rust's own compiler, but Espressif's names it so.
#[test]
fn a_microcontroller_of_an_unknown_architecture_takes_plain_rust() {
    let esp32 = include_str!("built_in/esp32.toml");
    let of = |baseline: &str| {
        let text = esp32
            .replace("riscv32imc-unknown-none-elf", "xtensa-esp32s3-none-elf")
            .replace("soft-float", baseline);
        Profile::parse(&text)
    };
    for baseline in [InstructionSet::SoftFloat, InstructionSet::Scalar] {
        let profile = of(baseline.name()).unwrap();
        assert_eq!(profile.target(), "xtensa-esp32s3-none-elf");
        assert_eq!(profile.baseline(), baseline);
    }
    let error = of("neon").unwrap_err().to_string();
    assert!(error.contains("soft-float, scalar"), "{error}");
}

#[test]
fn malformed_fields_are_refused_at_their_line() {
    let cases = [
        ("batch = 16", "batch = \"many\"", "line 10, column 9"),
        ("batch = 16", "batch = -1", "line 10, column 9"),
        ("batch", "bach", "unknown field `bach`"),
        ("\"50 MB\"", "\"50 apples\"", "line 14, column 14"),
        ("\"50 MB\"", "50", "line 14, column 14"),
        ("ram = ", "rum = ", "unknown field `rum`"),
        ("\"neon\"", "\"altivec\"", "line 6, column 12"),
        ("std = true\n", "", "missing field `std`"),
        ("os_overhead = 0.3\n", "", "missing field `os_overhead`"),
        ("\"4 GB/s\"", "\"4 GB\"", "line 25, column 18"),
        ("\"4 GB/s\"", "\"fast/s\"", "line 25, column 18"),
    ];
    for (from, to, part) in cases {
        let error = parsed_with(from, to).unwrap_err().to_string();
        assert!(error.contains(part), "{to}: {error}");
    }
}

#[test]
fn an_unknown_platform_is_answered_with_the_known_ones() {
    insta::assert_snapshot!(Profile::load("toaster").unwrap_err(), @r"
    unknown platform `toaster`
      help: the built-in ones are android, ios, raspberry_pi, raspberry_pi_32, esp32, browser, host; a path to a profile's TOML file is possible too
    ");
}

#[test]
fn sizes_are_exact() {
    for (text, bytes) in [
        ("1 B", 1),
        ("520 KB", 520_000),
        ("520kB", 520_000),
        ("200 MB", 200_000_000),
        ("1.5 MB", 1_500_000),
        ("0.001 KB", 1),
        ("2 GB", 2_000_000_000),
        ("1 KiB", 1024),
        ("16 MiB", 16 << 20),
        ("0.5 GiB", 1 << 29),
    ] {
        assert_eq!(parse_size(text), Ok(bytes), "{text}");
    }
}

#[test]
fn nonsense_is_no_size() {
    for text in [
        "",
        "MB",
        "200",
        "-1 MB",
        "+1 MB",
        "1e6 B",
        "1..5 MB",
        ".5 MB",
        "1. MB",
        "200  MB",
        "200 mb",
        "200 Mb",
        "200 MB ",
        " 200 MB",
        "0 MB",
        "0.5 B",
        "0.0001 KB",
        "1,5 MB",
        "٣ MB",
        "20 TB",
        "9999999999999999999 GiB",
        "99999999999999999999999999999999999999999 B",
        "NaN B",
    ] {
        assert!(parse_size(text).is_err(), "{text:?}");
    }
}

#[test]
fn sizes_for_people() {
    for (bytes, text) in [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 KB"),
        (520_000, "520 KB"),
        (999_499, "999 KB"),
        (999_500, "1 MB"),
        (1_316_000, "1.32 MB"),
        (50_000_000, "50 MB"),
        (134_515_008, "135 MB"),
        (12_345_678_901, "12.3 GB"),
    ] {
        assert_eq!(format_size(bytes), text);
    }
}

proptest! {
    #[test]
    fn nothing_panics(text in "\\PC{0,40}") {
        let _ = parse_size(&text);
        let _ = Profile::parse(&text);
    }

    #[test]
    fn whole_sizes_are_what_they_say(n in 1u64..1_000_000_000) {
        prop_assert_eq!(parse_size(&format!("{n} MB")), Ok(n * 1_000_000));
        prop_assert_eq!(parse_size(&format!("{n} KiB")), Ok(n * 1024));
    }
}
