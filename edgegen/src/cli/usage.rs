//! What is said of a command line that cannot be understood.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};

/// The error, with the commands that have the option, where this one has not; clap's own advice is to
/// make it a value.
pub(super) fn explained(mut error: Error, cli: &Command) -> Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let Some(option) = word.strip_prefix("--") else {
        return error;
    };
    let has = |command: &&Command| {
        let mut options = command.get_arguments().filter_map(Arg::get_long);
        options.any(|name| name == option)
    };
    let commands: Vec<_> = cli
        .get_subcommands()
        .filter(has)
        .map(Command::get_name)
        .collect();
    let advice = match &commands[..] {
        [] => Vec::new(),
        commands => vec![format!("it is an option of {}", commands.join(", ")).into()],
    };
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(advice));
    error
}
