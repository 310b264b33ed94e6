//! Questions with every option, for each interface of a crate, and a tiny model that has a chat
//! template.
//!
//! An interface is right if it gives what the crate's own program gives.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::golden::text;
use crate::{Program, Recipe, Target, paths};

/// Tokens that a session of [`chat_recipe`] holds.
pub const CONTEXT: &str = "128";

/// The model for this machine, with weights of no training and without a schema.
pub fn chat_recipe() -> Recipe {
    chat_recipe_on("chat-ffi", "host").for_one_cpu()
}

/// The same for a platform.
pub fn chat_recipe_on(name: &str, platform: &str) -> Recipe {
    Recipe::new(name, chat_model(), platform, "keep")
        .with("--context")
        .with(CONTEXT)
}

/// The tiny llama of `tests/data` with a chat template that has a place for a system message.
pub fn chat_model() -> &'static Path {
    static MODEL: LazyLock<PathBuf> = LazyLock::new(|| {
        let source = paths::workspace().join("tests/data/architectures/llama/hf");
        let folder = paths::work("chat-model");
        for entry in fs::read_dir(&source).expect("the tiny model") {
            let file = entry.expect("the tiny model").path();
            let name = file.file_name().expect("a file");
            fs::copy(&file, folder.join(name)).expect("a writable target folder");
        }
        let file = folder.join("tokenizer_config.json");
        let config = fs::read_to_string(&file).expect("a tokenizer");
        let mut config: serde_json::Value = serde_json::from_str(&config).expect("JSON");
        config["chat_template"] = "{{ bos_token }}{% for message in messages %}\
            [{{ message.role }}] {{ message.content }} {% endfor %}[assistant]"
            .into();
        fs::write(&file, config.to_string()).expect("a writable target folder");
        folder
    });
    &MODEL
}

/// How a question is put.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Generate,
    Chat,
    System(&'static str),
}

/// What a session is asked.
#[derive(Debug, Clone)]
pub struct Question {
    kind: Kind,
    prompt: &'static str,
    options: Option<Options>,
}

#[derive(Debug, Clone, Copy)]
struct Options {
    max_tokens: u32,
    temperature: f32,
    top_k: u32,
    top_p: f32,
    seed: u64,
}

impl Question {
    /// The fields that `tests/c/ask.c` and its like read.
    fn line(&self) -> String {
        let (kind, system) = match self.kind {
            Kind::Generate => ("generate", ""),
            Kind::Chat => ("chat", ""),
            Kind::System(system) => ("system", system),
        };
        let options = self.options.map_or_else(String::new, |options| {
            let Options {
                max_tokens,
                temperature,
                top_k,
                top_p,
                seed,
            } = options;
            format!("\t{max_tokens}\t{temperature}\t{top_k}\t{top_p}\t{seed}")
        });
        format!("{kind}\t{system}\t{}{options}\n", self.prompt)
    }

    /// What the crate's program answers.
    fn answer(&self, program: &Program) -> Answer {
        let mut args: Vec<String> = match self.kind {
            Kind::Generate => Vec::new(),
            Kind::Chat => vec!["--chat".into()],
            Kind::System(system) => vec!["--chat".into(), "--system".into(), system.into()],
        };
        if let Some(options) = self.options {
            let mut option = |name: &str, value: String| args.extend([name.to_owned(), value]);
            if options.max_tokens > 0 {
                option("--max-tokens", options.max_tokens.to_string());
            }
            option("--temperature", options.temperature.to_string());
            option("--top-k", options.top_k.to_string());
            option("--top-p", options.top_p.to_string());
            option("--seed", options.seed.to_string());
        }
        args.extend(["--".into(), self.prompt.into()]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let said = program.json("generate", &args);
        let number = |name: &str| said[name].as_u64().expect("a number");
        let tokens: Vec<u64> = serde_json::from_value(said["tokens"].clone()).expect("ids");
        let most = self.options.map_or(0, |options| options.max_tokens);
        let context: u64 = CONTEXT.parse().expect("a number");
        let finish = match tokens.len() as u64 {
            count if count == u64::from(most) => "max_tokens",
            // The last token need not be read.
            count if number("prompt_tokens") + count == context + 1 => "context_full",
            _ => "stop",
        };
        Answer {
            text: text(&said, "text").to_owned(),
            finish: finish.to_owned(),
            tokens,
        }
    }
}

/// What an interface gives for a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// Why it ended: `stop`, `max_tokens` or `context_full`.
    pub finish: String,
    /// Its tokens' ids.
    pub tokens: Vec<u64>,
}

/// Questions of which each differs from another in one thing, which must reach the session.
fn questions() -> Vec<Question> {
    let base = Options {
        max_tokens: 24,
        temperature: 1.0,
        top_k: 0,
        top_p: 1.0,
        seed: 0,
    };
    let options = [
        base,
        Options {
            max_tokens: 0,
            ..base
        },
        Options {
            max_tokens: 7,
            ..base
        },
        Options {
            temperature: 0.0,
            ..base
        },
        Options {
            temperature: 0.4,
            ..base
        },
        Options {
            temperature: 3.0,
            ..base
        },
        Options { top_k: 2, ..base },
        Options {
            top_p: 0.25,
            ..base
        },
        Options { seed: 7, ..base },
        Options {
            seed: 7 << 40,
            ..base
        },
    ];
    let question = |kind, prompt, options| Question {
        kind,
        prompt,
        options,
    };
    let prompt = "Once upon a time";
    let some = Some(base);
    options
        .map(|options| question(Kind::Generate, prompt, Some(options)))
        .into_iter()
        .chain([
            question(Kind::Generate, prompt, None),
            question(Kind::Generate, "Once upon a tim", some),
            question(Kind::Generate, "naïve 你好 🦀", some),
            question(Kind::Chat, prompt, None),
            question(Kind::Chat, prompt, some),
            question(Kind::System(""), prompt, some),
            question(Kind::System("Be brief"), prompt, some),
            question(Kind::System("Be brief, and speak 你好 only"), prompt, some),
            question(Kind::System("Be brief"), "Once upon a tim", some),
            question(Kind::Chat, "", some),
        ])
        .collect()
}

/// The file of questions, and the answers of [`chat_recipe`]'s own program.
///
/// # Panics
/// If two answers are the same: then the questions would not show which of them was asked.
pub fn asked() -> &'static (PathBuf, Vec<Answer>) {
    static ASKED: LazyLock<(PathBuf, Vec<Answer>)> = LazyLock::new(|| {
        let program = Target::Host.build(&chat_recipe().emit());
        let questions = questions();
        let answers: Vec<Answer> = questions
            .iter()
            .map(|question| question.answer(&program))
            .collect();
        for (at, answer) in answers.iter().enumerate() {
            let same = answers[..at]
                .iter()
                .position(|before| before.text == answer.text);
            assert_eq!(same, None, "{:?}: {answer:?}", questions[at]);
        }
        for finish in ["max_tokens", "context_full"] {
            let count = answers
                .iter()
                .filter(|answer| answer.finish == finish)
                .count();
            assert!(count > 0, "no answer ends by {finish}");
        }
        let file = paths::work("questions").join("questions.tsv");
        let lines: String = questions.iter().map(Question::line).collect();
        fs::write(&file, lines).expect("a writable target folder");
        (file, answers)
    });
    &ASKED
}

/// The answers that a program printed, a line each: the text as hexadecimal bytes, a tab, why it
/// ended, a tab, and the tokens with commas between them.
pub fn told(output: &str) -> Vec<Answer> {
    let byte = |pair: &[u8]| {
        let digits = std::str::from_utf8(pair).expect("digits");
        u8::from_str_radix(digits, 16).expect("hexadecimal digits")
    };
    let line = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [text, finish, tokens] = fields[..] else {
            panic!("three fields: {line}");
        };
        let bytes = text.as_bytes().chunks(2).map(byte).collect();
        let tokens = tokens.split(',').filter(|id| !id.is_empty());
        Answer {
            text: String::from_utf8(bytes).expect("answers are UTF-8"),
            finish: finish.to_owned(),
            tokens: tokens.map(|id| id.parse().expect("an id")).collect(),
        }
    };
    output.lines().map(line).collect()
}
