//! `generate`.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::Instant;

use super::args::Args;
use super::json::Object;
use super::model::{Options, collect};
use super::{Failure, interrupt, print, session};

pub fn run(mut args: Args) -> Result<(), Failure> {
    let json = args.flag("--json");
    let chat = args.flag("--chat");
    let system = args.value("--system")?;
    if system.is_some() && !chat {
        return Err(Failure::Usage("--system wants --chat".into()));
    }
    let default = Options::default();
    let options = Options {
        max_tokens: args.number("--max-tokens")?.unwrap_or(default.max_tokens),
        temperature: args.number("--temperature")?.unwrap_or(default.temperature),
        top_k: args.number("--top-k")?.unwrap_or(default.top_k),
        top_p: args.number("--top-p")?.unwrap_or(default.top_p),
        seed: args.number("--seed")?.unwrap_or(default.seed),
    };
    let mut session = session(&mut args)?;
    let prompt = args.text("prompt")?;

    if json {
        interrupt::watch();
    }
    let start = Instant::now();
    let generation = if chat {
        session.chat(system.as_deref(), &prompt, &options)?
    } else {
        session.generate(&prompt, &options)?
    };
    let mut out = io::stdout().lock();
    let mut written = Ok(());
    let completion = collect(start, generation, |piece| {
        if !json {
            written = out.write_all(piece.as_bytes()).and_then(|()| out.flush());
        }
        if written.is_ok() && !interrupt::came() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    written?;
    drop(out);
    if !json {
        return print("");
    }
    print(
        &Object::new()
            .text("text", &completion.text)
            .list("tokens", &completion.tokens)
            .plain("prompt_tokens", completion.prompt_tokens)
            .plain("cached_tokens", completion.cached_tokens)
            .plain("tokens_generated", completion.tokens_generated())
            .plain("guessed_tokens", completion.guessed_tokens)
            .plain("prefill_ms", completion.prefill_ms)
            .plain("latency_ms", completion.latency_ms)
            .plain("tokens_per_second", completion.tokens_per_second())
            .plain("memory_used_mb", completion.memory_used_mb)
            .end(),
    )?;
    match interrupt::came() {
        true => Err(Failure::Interrupted),
        false => Ok(()),
    }
}
