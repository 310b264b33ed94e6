//! The commands.

mod args;
mod bench;
mod generate;
mod interrupt;
mod json;
mod logits;
mod open;
mod score;
mod self_test;
mod tokenize;

use std::io::{self, Write};
use std::process::ExitCode;

use args::Args;
use json::Object;

use {{crate}} as model;

use model::{InstructionSet, MAX_THREADS, Memory, NAME, Session};

const HELP: &str = "\
Usage: COMMAND [OPTIONS]

  generate PROMPT    write the text that follows the prompt
      --chat               the prompt is a user's message: answer it
      --system TEXT        with --chat: a system message before it
      --max-tokens N       tokens at most (default: to the end of the context)
      --temperature T      0 takes the most probable token (default 0)
      --top-k K            sample among the K most probable tokens (default 40; 0: all)
      --top-p P            sample among the most probable tokens of probability P (default 0.95)
      --seed S             equal seeds give equal texts (default 0)
  logits PROMPT      the most probable next tokens
      --top N              how many (default 10)
  tokenize TEXT      the tokens of a text
      --plain              special tokens are text
  score FILE         how well the model predicts a text
      --window N           tokens of a window (default: the context)
      --logits OUT         also write all logits, as little-endian f32, into a new file
  bench              time prefill and decoding
      --prompt-tokens N    (default 64)
      --tokens N           (default 64)
      --iterations N       (default 5)
  self-test          compare this machine's results with those baked in, to the bit

Options of all commands:
  --json             print one JSON object
Options of all commands that run the model; none changes a bit of the result:
  --threads N        threads that share the work
  --batch N          tokens of a prompt that are run together
  --isa NAME         the instruction set
";

/// Why a command ends without a result.
pub enum Failure {
    /// The command line is wrong.
    Usage(String),
    /// What the command line asks for cannot be done.
    Refused(String),
    /// The bits differ. In JSON the result has said so.
    Differs(String),
    /// Standard output was closed: nobody listens.
    Closed,
    /// Ctrl-C came. What there was until then has been said.
    Interrupted,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Closed
        } else {
            Self::Refused(format!("cannot write: {error}"))
        }
    }
}

impl From<model::Error> for Failure {
    fn from(error: model::Error) -> Self {
        match error {
            model::Error::InvalidOption(_) => Self::Usage(error.to_string()),
            error => Self::Refused(error.to_string()),
        }
    }
}

/// Runs the program. The status is 0, 1 where something is refused or differs, 2 for a wrong
/// command line, 130 after Ctrl-C.
pub fn main() -> ExitCode {
    let words: Result<Vec<String>, _> = std::env::args_os()
        .skip(1)
        .map(std::ffi::OsString::into_string)
        .collect();
    let json = std::env::args_os().any(|word| word == "--json");
    let result = match words {
        Ok(words) => run(Args::new(words)),
        Err(word) => Err(Failure::Usage(format!("{word:?} is not UTF-8"))),
    };
    let (problem, status, told) = match result {
        Ok(()) | Err(Failure::Closed) => return ExitCode::SUCCESS,
        Err(Failure::Interrupted) => return ExitCode::from(130),
        Err(Failure::Differs(problem)) => (problem, 1, true),
        Err(Failure::Refused(problem)) => (problem, 1, false),
        Err(Failure::Usage(problem)) => {
            let help = format!("\n  help: `{NAME} help` lists the commands");
            (problem + &help, 2, false)
        }
    };
    eprintln!("error: {}", shown(&problem));
    if json && !told {
        // Nobody may be listening there.
        let _ = print(&Object::new().text("error", &problem).end());
    }
    ExitCode::from(status)
}

/// A text with what controls a terminal written out.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match c.is_control() && c != '\n' {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

fn run(mut args: Args) -> Result<(), Failure> {
    let Some(command) = args.command() else {
        return Err(Failure::Usage("a command is missing".into()));
    };
    match command.as_str() {
        "generate" => generate::run(args),
        "logits" => logits::run(args),
        "tokenize" => tokenize::run(args),
        "score" => score::run(args),
        "bench" => bench::run(args),
        "self-test" => self_test::run(args),
        "help" | "--help" | "-h" => {
            Ok(io::stdout().write_all(format!("{HELP}{}", open::HELP).as_bytes())?)
        }
        other => Err(Failure::Usage(format!("unknown command `{other}`"))),
    }
}

/// A session as the options of all commands say.
fn session(args: &mut Args) -> Result<Session<Box<Memory>>, Failure> {
    if InstructionSet::best().is_none() {
        return Err(Failure::Refused(format!(
            "this CPU lacks {}, which this program was compiled for",
            InstructionSet::BASELINE
        )));
    }
    let mut session = open::session(args)?;
    if let Some(threads) = args.number::<usize>("--threads")? {
        if threads == 0 || threads > MAX_THREADS {
            return Err(Failure::Usage(format!("--threads is 1 to {MAX_THREADS}")));
        }
        session.set_threads(threads);
    }
    if let Some(batch) = args.number::<usize>("--batch")? {
        if batch == 0 || batch > model::BATCH {
            return Err(Failure::Usage(format!("--batch is 1 to {}", model::BATCH)));
        }
        session.set_batch(batch);
    }
    if let Some(name) = args.value("--isa")? {
        let set = InstructionSet::from_name(&name).ok_or_else(|| {
            let names: Vec<_> = InstructionSet::available()
                .map(InstructionSet::name)
                .collect();
            Failure::Usage(format!(
                "--isa is one of those that this CPU has: {}",
                names.join(", ")
            ))
        })?;
        session.set_instruction_set(set)?;
    }
    Ok(session)
}

/// The tokens of a text.
fn encode(text: &str, parse_special: bool) -> Vec<u32> {
    let mut tokens = vec![0; model::TOKENIZER.room(text.len())];
    // This much room always suffices.
    let len = model::TOKENIZER
        .encode(text, parse_special, &mut tokens)
        .unwrap_or_default();
    tokens.truncate(len);
    tokens
}

/// A token's bytes as text.
fn piece(id: u32) -> String {
    String::from_utf8_lossy(model::TOKENIZER.piece(id)).into_owned()
}

/// Writes a line.
fn print(line: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}
