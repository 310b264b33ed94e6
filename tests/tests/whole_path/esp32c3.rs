//! Promise: the example for the ESP32-C3 is a firmware that fits the chip and works. Its flash
//! image runs here on an emulated chip, `esp32c3/chip.py`; no board is at hand.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::{Missing, Outcome, homectl, paths, riscv32, run};

const NAME: &str = "homectl-esp32c3";
/// What esp-hal's linker script has for code in RAM, statics and the stack, of the chip's 400 KB:
/// the cache and the bootloader have the rest.
const RAM: u64 = 313 << 10;

fn example() -> PathBuf {
    paths::workspace().join("examples/esp32c3")
}

fn sources() -> PathBuf {
    paths::workspace().join("tests/esp32c3")
}

/// What builds and runs the firmware.
const TOOLS: [(&str, &str); 3] = [
    ("python3", "python3"),
    ("ld.lld-22", "lld-22"),
    ("llvm-nm-22", "llvm-22"),
];

/// Builds the firmware, without a warning.
fn build() -> PathBuf {
    let output = run::output(riscv32::build().arg("--locked").current_dir(example()));
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{messages}");
    assert!(!messages.contains("warning"), "{messages}");
    riscv32::built(NAME)
}

/// Python with esptool and Unicorn.
struct Python {
    packages: String,
}

impl Python {
    /// An error where they cannot be had.
    fn new() -> Result<Self, Missing> {
        let output = run::output(&mut Command::new(sources().join("tools.sh")));
        if !output.status.success() {
            return Err(Missing::new(String::from_utf8_lossy(&output.stderr)));
        }
        let packages = String::from_utf8(output.stdout).expect("a path in UTF-8");
        let packages = packages.trim().to_owned();
        Ok(Self { packages })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("timeout");
        command
            .args(["300", "python3"])
            .env("PYTHONPATH", &self.packages);
        command
    }

    /// The flash image of a firmware, and what esptool says of it.
    fn image(&self, firmware: &Path) -> (PathBuf, String) {
        let image = firmware.with_extension("bin");
        let esptool = || {
            let mut command = self.command();
            command.args(["-m", "esptool", "--chip", "esp32c3"]);
            command
        };
        run::must(
            esptool()
                .args(["elf2image", "--flash-size", "2MB", "--output"])
                .args([&image, firmware]),
        );
        let said = run::must(esptool().arg("image-info").arg(&image));
        (image, said)
    }

    /// Runs an image on the emulated chip, types lines, and gives the lines that it sends.
    fn run(&self, image: &Path, firmware: &Path, typed: &str) -> Vec<String> {
        let mut child = self
            .command()
            .arg(sources().join("chip.py"))
            .args([image, firmware, &rom_library()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("timeout starts");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(typed.as_bytes()).expect("an open pipe");
        drop(input);
        let output = child.wait_with_output().expect("an end of the run");
        let text = String::from_utf8_lossy(&output.stdout);
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}\n{problem}");
        text.lines().map(str::to_owned).collect()
    }
}

/// The compiler's library, linked for the address where the emulated ROM has it.
fn rom_library() -> PathBuf {
    let file = riscv32::built("builtins.elf");
    let deps = fs::read_dir(riscv32::built("deps")).expect("a target folder");
    let library = deps
        .map(|entry| entry.expect("a readable target folder").path())
        .find(|path| {
            let name = path.file_name().expect("a name").to_string_lossy();
            name.starts_with("libcompiler_builtins-") && name.ends_with(".rlib")
        })
        .expect("a build of the library");
    run::must(
        Command::new("ld.lld-22")
            .args(["--whole-archive", "--unresolved-symbols=ignore-all", "-T"])
            .arg(sources().join("builtins.ld"))
            .args([Path::new("-o"), &file, &library]),
    );
    file
}

/// Bytes of the partition that the image goes to.
fn partition() -> u64 {
    let table = fs::read_to_string(example().join("partitions.csv")).expect("a partition table");
    let line = table.lines().find(|line| line.starts_with("factory"));
    let size = line.and_then(|line| line.split("0x").last());
    u64::from_str_radix(size.expect("a size"), 16).expect("a hexadecimal size")
}

fn numbers(line: &str) -> Vec<u64> {
    line.split([' ', ','])
        .filter_map(|word| word.parse().ok())
        .collect()
}

fn the_firmware_fits_and_answers() -> Outcome {
    run::need(&TOOLS)?;
    let firmware = build();
    let python = Python::new()?;

    let (image, said) = python.image(&firmware);
    assert_eq!(said.matches("(valid)").count(), 2, "{said}");
    let size = fs::metadata(&image).expect("an image").len();
    assert!(size <= partition() && size <= 2_000_000, "{size}");

    let example = homectl::examples("written").swap_remove(0);
    let too_long = "x".repeat(600);
    let typed = format!(
        ":self-test\nX\x08{}\r:memory\n{too_long}\n{} {}\n",
        example.command,
        example.command,
        "and ".repeat(100),
    );
    let lines = python.run(&image, &firmware, &typed);
    // Every second line is the echo of what was typed.
    let said: Vec<&str> = lines.iter().step_by(2).map(String::as_str).collect();
    let &[_, test, answer, memory, long_line, long_prompt] = &said[..] else {
        panic!("{lines:#?}");
    };
    assert!(test.starts_with("ok: "), "{test}");
    assert_eq!(answer, example.answer);
    assert_eq!(long_line, "error: the line is too long");
    assert!(
        long_prompt.starts_with("error: the prompt "),
        "{long_prompt}"
    );

    println!("image {size}, {memory}");
    let &[used, stack, statics, _weights] = &numbers(memory)[..] else {
        panic!("not a line of memory use: {memory}");
    };
    assert!(statics + stack <= RAM, "{memory}");
    // What is left lets an interrupt in.
    assert!(used * 4 <= stack * 3, "{memory}");
    Ok(())
}

fn a_context_that_does_not_fit_does_not_link() -> Outcome {
    run::need(&TOOLS)?;
    let folder = paths::work("esp32c3-too-large");
    let workspace = paths::workspace().display();
    for file in [
        ".cargo/config.toml",
        "Cargo.lock",
        "Cargo.toml",
        "build.rs",
        "src/console.rs",
        "src/main.rs",
        "src/stack.rs",
    ] {
        let text = fs::read_to_string(example().join(file)).expect("a file of the example");
        let text = text
            .replace("\"../..", &format!("\"{workspace}"))
            .replace("context: 96,", "context: 104,")
            .replace(NAME, "too-large");
        let path = folder.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a writable target folder");
        fs::write(path, text).expect("a writable target folder");
    }
    let output = run::output(riscv32::build().arg("--locked").current_dir(&folder));
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{messages}");
    assert!(
        messages.contains("Main stack is smaller than 24576 bytes"),
        "{messages}"
    );
    Ok(())
}

tests::trials![
    nightly: the_firmware_fits_and_answers,
    a_context_that_does_not_fit_does_not_link,
];
