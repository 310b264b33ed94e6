//! A generated crate on a bare machine: prompts come in by the UART, a line each, and answers go
//! out. Lines that start with a colon are for tests.

#![no_std]
#![no_main]

mod board;

use core::fmt::Write;

use board::Uart;
use model::{CONTEXT, MEMORY_LEN, Memory, Options, Session, VOCAB_SIZE, golden_token, self_test};

static mut MEMORY: Memory = [0.0; MEMORY_LEN];

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let _ = writeln!(Uart, "{info}");
    board::exit(101)
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    // SAFETY: `main` runs once and no one else names it.
    let memory = unsafe { &mut *(&raw mut MEMORY) };
    let Ok(mut session) = open(memory) else {
        board::exit(102)
    };
    let mut buffer = [0; 256];
    loop {
        let line = read_line(&mut buffer);
        let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
        // The UART takes everything.
        let _ = match (command, argument.parse()) {
            (":exit", _) => board::exit(0),
            (":self-test", _) => check(&mut session),
            (":count", Ok(context)) => count(&mut session, context),
            (":usage", _) => usage(),
            (":overflow", Ok(depth)) => writeln!(Uart, "{}", overflow(depth)),
            (":text", Ok(tokens)) => answer(&mut session, "Once upon a time", tokens),
            _ => answer(&mut session, line, usize::MAX),
        };
    }
}

#[cfg(not(feature = "external"))]
fn open(memory: &'static mut Memory) -> Result<Session<&'static mut Memory>, model::Error> {
    Session::with_memory(memory)
}

/// With the weights in flash of their own.
#[cfg(feature = "external")]
fn open(memory: &'static mut Memory) -> Result<Session<&'static mut Memory>, model::Error> {
    // SAFETY: the second bank of flash, which nobody writes to.
    let flash = unsafe { core::slice::from_raw_parts(board::WEIGHTS, board::WEIGHTS_LEN) };
    match model::Weights::from_static(flash) {
        Ok(weights) => Session::with_memory(memory, weights),
        Err(error) => {
            let _ = writeln!(Uart, "{error}");
            board::exit(103)
        }
    }
}

/// A line without its end; what exceeds the buffer is dropped.
fn read_line(buffer: &mut [u8]) -> &str {
    let mut len = 0;
    loop {
        match Uart.read() {
            b'\n' => return core::str::from_utf8(&buffer[..len]).unwrap_or_default(),
            byte if len < buffer.len() => {
                buffer[len] = byte;
                len += 1;
            }
            _ => {}
        }
    }
}

/// Answers a prompt, a piece at a time.
fn answer(
    session: &mut Session<&mut Memory>,
    prompt: &str,
    max_tokens: usize,
) -> core::fmt::Result {
    let options = Options {
        max_tokens,
        ..Options::new()
    };
    match session.generate(prompt, &options) {
        Ok(pieces) => {
            for piece in pieces {
                write!(Uart, "{piece}")?;
            }
            writeln!(Uart)
        }
        Err(error) => writeln!(Uart, "error: {error}"),
    }
}

fn check(session: &mut Session<&mut Memory>) -> core::fmt::Result {
    let found = self_test(session);
    match found.first_difference {
        None => writeln!(Uart, "ok: {:016x}", found.hash),
        Some(stage) => writeln!(Uart, "differs: {stage}"),
    }
}

/// Instructions of a decoded token, after `context` others.
fn count(session: &mut Session<&mut Memory>, context: usize) -> core::fmt::Result {
    session.reset();
    let mut instructions = 0;
    for index in 0..=context.min(CONTEXT - 1) {
        let start = board::instructions();
        if let Err(error) = session.feed(&[golden_token(index, VOCAB_SIZE)]) {
            return writeln!(Uart, "error: {error}");
        }
        instructions = board::instructions() - start;
    }
    writeln!(Uart, "instructions: {instructions}")
}

fn usage() -> core::fmt::Result {
    let board::Usage {
        stack,
        stack_size,
        statics,
        flash,
    } = board::usage();
    writeln!(
        Uart,
        "usage: stack {stack} of {stack_size} statics {statics} flash {flash}"
    )
}

/// Goes as deep as it is told, to see the guard at work.
#[inline(never)]
fn overflow(depth: usize) -> usize {
    let memory = core::hint::black_box([depth; 64]);
    if depth == 0 {
        return memory[0];
    }
    overflow(depth - 1) + memory[1]
}
