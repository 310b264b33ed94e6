//! The built-in model's accuracy: commands of `data/homectl`, answered by the interpreter.

use std::fs;
use std::path::Path;

use edgegen::compress::compress;
use edgegen::import::built_in;
use edgegen::interpret::{Interpreter, Observer};
use edgegen::plan::{Quant, Request, plan};
use edgegen::profile::Profile;
use edgegen::program::{Program, WeightFormat};
use edgegen_templates::grammar::State;
use edgegen_templates::kernels::argmax;

/// A command and the answer that it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What is said.
    pub command: String,
    /// The JSON.
    pub answer: String,
}

/// An example that was answered otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The example.
    pub example: Example,
    /// What the model said.
    pub said: String,
}

/// The sets of examples, by the names of their files.
pub const SETS: [&str; 2] = ["generated", "written"];

/// A set of examples: lines of command, tab, answer.
///
/// # Panics
///
/// When the file is not there or a line has no tab.
pub fn examples(set: &str) -> Vec<Example> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("data/homectl/{set}.tsv"));
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let line = |line: &str| {
        let (command, answer) = line
            .split_once('\t')
            .unwrap_or_else(|| panic!("no tab: {line}"));
        Example {
            command: command.into(),
            answer: answer.into(),
        }
    };
    text.lines().map(line).collect()
}

/// homectl with its weights in a format.
///
/// # Panics
///
/// When the model in this repository is broken.
pub fn program(format: WeightFormat) -> Program {
    let model = built_in().expect("the built-in model is sound");
    let profile = Profile::load("host").expect("the profile is built in");
    let request = Request {
        quant: Quant::To(format),
        ..Request::default()
    };
    let plan = plan(&model, &profile, &request).expect("the model fits");
    compress(&model, &plan, &|_, _| {}).expect("the weights are in range")
}

/// The greedy answer to a command, bound to the schema.
///
/// # Panics
///
/// When the command exceeds the context.
pub fn answer(program: &Program, interpreter: &mut Interpreter<'_>, command: &str) -> String {
    let tokenizer = program.tokenizer().runtime();
    let grammar = program.grammar().expect("homectl has a schema").runtime();
    let mut ids = vec![0; 3 * command.len() + 4];
    let count = tokenizer
        .encode(command, true, &mut ids)
        .expect("the buffer suffices");
    let context = program.shapes().context;
    let mut last = Last::default();
    interpreter.reset();
    interpreter.feed(&ids[..count], &mut last);
    let (mut state, mut text) = (State::default(), Vec::new());
    for position in count..=context {
        let mut logits = std::mem::take(&mut last.0);
        let room = 1 + context - position;
        grammar.keep(state, room, &tokenizer, &mut logits, f32::NEG_INFINITY);
        let token = argmax(&logits);
        if tokenizer.is_stop(token) || position == context {
            break;
        }
        let piece = tokenizer.piece(token);
        state = grammar.after(state, piece).unwrap_or(state);
        text.extend_from_slice(piece);
        if grammar.is_end(state) {
            break;
        }
        interpreter.feed(&[token], &mut last);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The logits of the last position, `[vocab_size]`.
#[derive(Debug, Default)]
pub struct Last(pub Vec<f32>);

impl Observer for Last {
    fn logits(&mut self, logits: &[f32]) {
        self.0.clear();
        self.0.extend_from_slice(logits);
    }
}

/// The examples that are not answered to the letter, on all cores.
///
/// # Panics
///
/// When a thread does.
pub fn misses(program: &Program, examples: &[Example]) -> Vec<Miss> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let part = |examples: &[Example]| {
        let mut interpreter = Interpreter::new(program, 1);
        let mut misses = Vec::new();
        for example in examples {
            let said = answer(program, &mut interpreter, &example.command);
            if said != example.answer {
                misses.push(Miss {
                    example: example.clone(),
                    said,
                });
            }
        }
        misses
    };
    std::thread::scope(|scope| {
        let part = &part;
        let size = examples.len().div_ceil(cores);
        let threads: Vec<_> = examples
            .chunks(size)
            .map(|chunk| scope.spawn(move || part(chunk)))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("a thread"))
            .collect()
    })
}
