//! Chat templates: Jinja text → literal pieces with the messages in between.
//!
//! The template is rendered with messages that mark their place; what is
//! around them is literal. More renders then check that the pieces say the
//! same as the template, so a template that does more is refused.

mod limits;

use std::collections::BTreeSet;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, Value, context};

use crate::error::{Error, Kind, Result};
use crate::model::{ChatPiece, ChatTemplate, Tokenizer};

/// Longest template, in bytes; the longest that are in use are a third of it.
const MAX_TEMPLATE: usize = 1 << 16;
/// Longest render, in bytes.
const MAX_RENDER: usize = 1 << 20;
/// Steps that a render may take; usual ones are some hundreds.
const FUEL: u64 = 1 << 16;
/// White space around a mark shows whether the template trims the message.
const LEFT: &str = " \t \n ";
const RIGHT: &str = " \n\t  ";
const SYSTEM: &str = "edgegenSystemMark7f3a";
const USER: &str = "edgegenUserMark91c5";

/// Texts of a template's code that are tried as messages, and the longest.
const MAX_WORDS: usize = 256;
const MAX_WORD: usize = 256;

/// Messages that a template might treat in some other way.
const PROBES: [&str; 6] = [
    "Hello!",
    "  two\n\nlines \t",
    "{{ user }} {% if x %} <|im_end|> </s> & 'quoted' \"twice\" \\n",
    "naïve 你好 🦀 \u{a0}",
    "/think no_think [INST] <<SYS>> <think>a</think> b",
    "0",
];

/// The chat template, if it reduces to literal pieces.
///
/// # Errors
/// When it takes more than this machine should give for it.
pub(super) fn read(template: &str, tokenizer: &Tokenizer) -> Result<Option<ChatTemplate>> {
    match reduce(template, tokenizer) {
        Err(error) if error.kind() == Kind::DoesNotFit => Err(error),
        reduced => Ok(reduced.ok()),
    }
}

/// Reduces a chat template, with the names of the tokenizer's BOS and EOS.
///
/// # Errors
/// Says why the template does not reduce to literal pieces; the model can do
/// without it.
pub fn reduce(template: &str, tokenizer: &Tokenizer) -> Result<ChatTemplate> {
    if template.len() > MAX_TEMPLATE {
        return Err(refuse("it is longer than 64 KiB"));
    }
    let name = |id: Option<u32>| id.and_then(|id| tokenizer.text(id)).unwrap_or("");
    let texts = [template, name(tokenizer.bos()), name(tokenizer.eos())].map(str::to_owned);
    limits::bounded(move || {
        let [template, bos, eos] = &texts;
        pieces_of(&Template::new(template, bos, eos)?)
    })
}

fn pieces_of(template: &Template<'_>) -> Result<ChatTemplate> {
    let user = format!("{LEFT}{USER}{RIGHT}");
    let system = format!("{LEFT}{SYSTEM}{RIGHT}");
    let without_system = pieces(&template.render(None, &user)?)?;
    let with_system = match template.render(Some(&system), &user) {
        Ok(text) => Some(pieces(&text)?),
        Err(_) => None,
    };
    let chat = ChatTemplate {
        with_system,
        without_system,
    };
    template.check(&chat)?;
    Ok(chat)
}

struct Template<'t> {
    source: &'t str,
    environment: Environment<'t>,
    bos: &'t str,
    eos: &'t str,
}

impl<'t> Template<'t> {
    fn new(source: &'t str, bos: &'t str, eos: &'t str) -> Result<Self> {
        let mut environment = Environment::new();
        environment.set_syntax(
            SyntaxConfig::builder()
                .trim_blocks(true)
                .lstrip_blocks(true)
                .build()
                .map_err(|error| refuse(&error.to_string()))?,
        );
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(64);
        minijinja_contrib::add_to_environment(&mut environment);
        limits::add_to(&mut environment);
        environment.add_function(
            "raise_exception",
            |message: String| -> std::result::Result<Value, minijinja::Error> {
                Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
            },
        );
        environment
            .add_template("chat", source)
            .map_err(|error| refuse(&error.to_string()))?;
        Ok(Self {
            source,
            environment,
            bos,
            eos,
        })
    }

    fn render(&self, system: Option<&str>, user: &str) -> Result<String> {
        let message = |role: &str, content: &str| context! { role, content };
        let mut messages: Vec<Value> = Vec::new();
        messages.extend(system.map(|text| message("system", text)));
        messages.push(message("user", user));
        let context = context! {
            messages,
            add_generation_prompt => true,
            bos_token => self.bos,
            eos_token => self.eos,
            tools => Value::from(()),
            documents => Value::from(()),
        };
        let rendered = self
            .environment
            .get_template("chat")
            .and_then(|template| template.render(context))
            .map_err(|error| refuse(&error.to_string()))?;
        if rendered.len() > MAX_RENDER {
            return Err(refuse("it renders to more than 1 MiB"));
        }
        Ok(rendered)
    }

    /// Compares the pieces with the template on messages without marks.
    fn check(&self, chat: &ChatTemplate) -> Result<()> {
        for user in PROBES {
            self.compare(&chat.without_system, None, user)?;
            let Some(pieces) = &chat.with_system else {
                continue;
            };
            for system in PROBES {
                self.compare(pieces, Some(system), user)?;
            }
        }
        for word in words(self.source) {
            self.compare(&chat.without_system, None, word)?;
            if let Some(pieces) = &chat.with_system {
                self.compare(pieces, Some(PROBES[0]), word)?;
                self.compare(pieces, Some(word), PROBES[0])?;
            }
        }
        Ok(())
    }

    fn compare(&self, pieces: &[ChatPiece], system: Option<&str>, user: &str) -> Result<()> {
        if write(pieces, system.unwrap_or(""), user) == self.render(system, user)? {
            return Ok(());
        }
        Err(refuse(match system {
            None => "it does more with the user message than place or trim it",
            Some(_) => "it does more with the messages than place or trim them",
        }))
    }
}

/// The texts that the template's code names, which it may look for in a message.
fn words(template: &str) -> BTreeSet<&str> {
    let mut words = BTreeSet::new();
    let mut rest = template;
    while let Some(brace) = rest.find('{') {
        rest = &rest[brace + 1..];
        if !rest.starts_with(['{', '%']) {
            continue;
        }
        while let Some(at) = rest.find(['\'', '"', '}']) {
            let (code, found) = rest.split_at(at);
            let (mark, after) = found.split_at(1);
            rest = after;
            if mark == "}" {
                if code.ends_with('%') || after.starts_with('}') {
                    break;
                }
                continue;
            }
            let Some((word, after)) = after.split_once(mark) else {
                return words;
            };
            // Of an empty one a template makes the absence of a message.
            if (1..=MAX_WORD).contains(&word.len()) && words.len() < MAX_WORDS {
                words.insert(word);
            }
            rest = after;
        }
    }
    words
}

/// Cuts a render at the marks.
fn pieces(rendered: &str) -> Result<Vec<ChatPiece>> {
    let mut pieces = Vec::new();
    let mut rest = rendered;
    loop {
        let system = rest.find(SYSTEM).map(|at| (at, SYSTEM));
        let user = rest.find(USER).map(|at| (at, USER));
        let Some((at, mark)) = [system, user].into_iter().flatten().min() else {
            break;
        };
        let (before, after) = (&rest[..at], &rest[at + mark.len()..]);
        let whole = before.strip_suffix(LEFT).zip(after.strip_prefix(RIGHT));
        let (literal, after) = whole.unwrap_or((before, after));
        if !literal.is_empty() {
            pieces.push(ChatPiece::Literal(literal.to_owned()));
        }
        pieces.push(match (mark == SYSTEM, whole.is_some()) {
            (true, true) => ChatPiece::System,
            (true, false) => ChatPiece::SystemTrimmed,
            (false, true) => ChatPiece::User,
            (false, false) => ChatPiece::UserTrimmed,
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(ChatPiece::Literal(rest.to_owned()));
    }
    if !pieces
        .iter()
        .any(|piece| matches!(piece, ChatPiece::User | ChatPiece::UserTrimmed))
    {
        return Err(refuse("the user message does not appear in it"));
    }
    Ok(pieces)
}

/// Renders pieces.
fn write(pieces: &[ChatPiece], system: &str, user: &str) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            ChatPiece::Literal(text) => text.as_str(),
            ChatPiece::System => system,
            ChatPiece::SystemTrimmed => system.trim(),
            ChatPiece::User => user,
            ChatPiece::UserTrimmed => user.trim(),
        })
        .collect()
}

fn refuse(why: &str) -> Error {
    Error::new(format!(
        "the chat template does not reduce to fixed text: {why}"
    ))
    .at("chat_template")
    .remedy("the model works without a chat template")
}
