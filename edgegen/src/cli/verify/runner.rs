//! What runs a crate's program: this machine, an emulator, or another machine.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};

/// The names of the program and its weights on a device that they are copied to.
const COPY: &str = "./edgegen-verify-program";
const WEIGHTS_COPY: &str = "./edgegen-verify-weights";
/// More than cargo says of a crate without dependencies, or a crate's program of anything, in bytes.
const MOST: u64 = 1 << 24;

/// How the program is started.
pub(super) struct Runner<'a> {
    words: Vec<&'a str>,
    program: &'a Path,
    /// The file of weights, if there is one.
    weights: Option<&'a Path>,
    /// Whether program and weights are on another machine.
    copied: bool,
}

impl<'a> Runner<'a> {
    pub(super) fn new(
        command: Option<&'a str>,
        program: &'a Path,
        weights: Option<&'a Path>,
    ) -> Result<Self> {
        let words: Vec<&str> = command.unwrap_or_default().split_whitespace().collect();
        if command.is_some() && words.is_empty() {
            return Err(Error::option("runner", "there is no word in it")
                .remedy("name a command, or leave the option out"));
        }
        let copied = words.first() == Some(&"ssh");
        let runner = Self {
            words,
            program,
            weights,
            copied,
        };
        if copied {
            runner.copy(program, &format!("cat > {COPY} && chmod +x {COPY}"))?;
            if let Some(weights) = weights {
                runner.copy(weights, &format!("cat > {WEIGHTS_COPY}"))?;
            }
        }
        Ok(runner)
    }

    /// Gives a file to a command on the other machine.
    fn copy(&self, file: &Path, command: &str) -> Result<()> {
        let content = File::open(file).map_err(|e| Error::io("read it", file, &e))?;
        let mut copy = self.start();
        copy.arg(command).stdin(content).stdout(Stdio::null());
        let status = copy.status().map_err(|error| cannot_start(&copy, &error))?;
        if status.success() {
            return Ok(());
        }
        let runner = self.words.join(" ");
        Err(
            Error::tool(format!("`{runner}` could not copy it ({status})"))
                .in_file(file)
                .remedy("check that the command alone reaches the device"),
        )
    }

    /// The runner's command, to which arguments are added.
    fn start(&self) -> Command {
        let mut command = match &self.words[..] {
            [] => return Command::new(self.program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest);
                command
            }
        };
        if !self.copied {
            command.arg(self.program);
        }
        command
    }

    /// What the program prints, understood and as it stands.
    pub(super) fn json<T: DeserializeOwned>(&self, arguments: &[&str]) -> Result<(T, Value)> {
        let mut command = self.start();
        if self.copied {
            command.arg(COPY);
        }
        command.args(arguments);
        if let Some(weights) = self.weights {
            let copy = Path::new(WEIGHTS_COPY);
            let there = if self.copied { copy } else { weights };
            command.arg("--weights").arg(there);
        }
        let output = output(command.stderr(Stdio::piped()))?;
        let failed = |problem: &str| {
            Error::tool(format!("`{}` {problem}", arguments.join(" "))).in_file(self.program)
        };
        let Ok(said) = serde_json::from_slice::<Value>(&output.stdout) else {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let said = format!("printed no JSON ({}): {}", output.status, stderr.trim());
            return Err(failed(said.trim_end_matches([' ', ':']))
                .remedy("check that the runner can run this program"));
        };
        if let Ok(Refusal { error }) = Refusal::deserialize(&said) {
            return Err(failed(&format!("was refused: {error}")));
        }
        match T::deserialize(&said) {
            Ok(understood) => Ok((understood, said)),
            Err(error) => Err(failed(&format!("printed other JSON: {error}"))
                .remedy("give the program of this crate")),
        }
    }
}

/// What came out of which pipe.
type Printed = io::Result<(usize, Vec<u8>)>;

/// What the program prints when it cannot do what it is asked for.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Drop for Runner<'_> {
    fn drop(&mut self) {
        if self.copied {
            // What cannot be removed is left there.
            let _ = self.start().args(["rm", "-f", COPY, WEIGHTS_COPY]).output();
        }
    }
}

/// What a command prints, while it is no more than [`MOST`].
pub(super) fn output(command: &mut Command) -> Result<Output> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let (sender, receiver) = mpsc::channel();
    read(0, child.stdout.take(), &sender);
    read(1, child.stderr.take(), &sender);
    drop(sender);
    let failed = |error: io::Error| Error::tool(format!("cannot read what it prints: {error}"));
    let mut texts = [Vec::new(), Vec::new()];
    for read in receiver {
        let (index, bytes) = read.map_err(failed)?;
        if bytes.len() as u64 > MOST {
            child.kill().and_then(|()| child.wait()).map_err(failed)?;
            let name = command.get_program().to_string_lossy();
            let problem = format!("`{name}` prints more than {MOST} bytes");
            return Err(Error::tool(problem).remedy("give the program of this crate"));
        }
        texts[index] = bytes;
    }
    let status = child.wait().map_err(failed)?;
    let [stdout, stderr] = texts;
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}

/// Reads a pipe on a thread of its own, no further than what shows that it is too long.
fn read(index: usize, pipe: Option<impl Read + Send + 'static>, to: &mpsc::Sender<Printed>) {
    let to = to.clone();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(0), |pipe| pipe.take(MOST + 1).read_to_end(&mut bytes));
        // Nobody waits for it where the other one was too long.
        let _ = to.send(read.map(|_| (index, bytes)));
    });
}

fn cannot_start(command: &Command, error: &io::Error) -> Error {
    let name = command.get_program().to_string_lossy();
    Error::tool(format!("cannot start `{name}`: {error}"))
        .remedy("install it, or give the path of it")
}
