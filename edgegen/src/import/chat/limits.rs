//! What a hostile template may take. The engine counts steps; stack, time, and the sizes that some of
//! its functions multiply are bounded here.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use minijinja::value::{Kwargs, StringInput, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value, filters};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::{MAX_RENDER, refuse};
use crate::error::Result;

/// Expressions and values are parsed, shown and dropped by recursion: for as deep ones as the longest
/// template and the most steps can make.
const STACK: usize = 1 << 28;
/// A step may copy a long list. Usual templates take milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The widest indentation of JSON.
const MAX_INDENT: usize = 16;

/// Runs on a thread with much stack, for no longer than [`PATIENCE`].
///
/// # Errors
///
/// As `work`. [`Kind::DoesNotFit`](crate::error::Kind::DoesNotFit) leaves the thread behind, so that a
/// caller has to end with it.
pub(super) fn bounded<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || _ = sender.send(work()))
        .map_err(|error| refuse(&format!("there is no thread for it: {error}")))?;
    receiver
        .recv_timeout(PATIENCE)
        .unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Err(endless()),
            RecvTimeoutError::Disconnected => Err(refuse("the template engine fails on it")),
        })
}

fn endless() -> crate::error::Error {
    crate::error::Error::does_not_fit("the chat template takes more than 10 s")
        .at("chat_template")
        .remedy("the file is hostile or damaged; take another, or remove its chat template")
}

/// Replaces what multiplies sizes.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter("join", join);
    environment.add_filter("tojson", to_json);
    environment.set_unknown_method_callback(|state, value, method, arguments| {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map_or(0, str::len);
        match method {
            "format" => check_widths(value.as_str().unwrap_or_default())?,
            "replace" => check_product(text(Some(value)) + 1, text(arguments.get(1)))?,
            "join" => {
                let joined = arguments.first().unwrap_or(value);
                check(joined)?;
                check_product(joined.len().unwrap_or(0), text(Some(value)))?;
            }
            _ => {}
        }
        unknown_method_callback(state, value, method, arguments)
    });
}

fn join(
    state: &mut State<'_, '_>,
    value: &Value,
    joiner: Option<StringInput<'_>>,
    attribute: Option<&str>,
    arguments: Kwargs,
) -> std::result::Result<Value, Error> {
    check(value)?;
    filters::join(state, value, joiner, attribute, arguments)
}

fn to_json(
    value: &Value,
    indent: Option<Value>,
    arguments: Kwargs,
) -> std::result::Result<Value, Error> {
    check(value)?;
    let named = arguments.get::<Option<Value>>("indent")?;
    for indent in indent.iter().chain(&named) {
        if indent.as_usize().is_some_and(|indent| indent > MAX_INDENT) {
            return Err(too_much());
        }
    }
    filters::tojson(value, indent, arguments)
}

/// Refuses a value whose text is longer than a render may be.
fn check(value: &Value) -> std::result::Result<(), Error> {
    rest(value, MAX_RENDER).map(|_| ()).ok_or_else(too_much)
}

/// What is left of so many bytes behind a value's text, roughly.
fn rest(value: &Value, bytes: usize) -> Option<usize> {
    match value.kind() {
        ValueKind::String => bytes.checked_sub(value.as_str().map_or(0, str::len)),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
            let mut bytes = bytes;
            for item in value.try_iter().ok()? {
                // A map gives its keys.
                let of_map = (value.kind() == ValueKind::Map).then(|| value.get_item(&item));
                bytes = rest(&item, bytes.checked_sub(2)?)?;
                if let Some(Ok(item)) = of_map {
                    bytes = rest(&item, bytes)?;
                }
            }
            Some(bytes)
        }
        _ => bytes.checked_sub(1),
    }
}

/// Refuses widths and precisions that come to more than a render may be; any number may be one.
fn check_widths(format: &str) -> std::result::Result<(), Error> {
    let mut rest = MAX_RENDER;
    for digits in format.split(|c: char| !c.is_ascii_digit()) {
        if !digits.is_empty() {
            let width = digits.parse().ok();
            rest = width
                .and_then(|width| rest.checked_sub(width))
                .ok_or_else(too_much)?;
        }
    }
    Ok(())
}

fn check_product(a: usize, b: usize) -> std::result::Result<(), Error> {
    match a.checked_mul(b) {
        Some(bytes) if bytes <= MAX_RENDER => Ok(()),
        _ => Err(too_much()),
    }
}

fn too_much() -> Error {
    Error::new(ErrorKind::InvalidOperation, "a text would become too long")
}
