//! The model behind a C interface: sessions in memory that the caller gives, no allocation of
//! its own without the feature `std`, no unwinding.
//!
//! Pointers to text and pieces belong to the session and are valid until the next call with it.
//! A session may move between threads, but two threads must not use it at once. Every function
//! that takes a session takes one that [`edge_open`] gave and [`edge_close`] has not ended.
#![no_std]
#![warn(missing_docs)]

mod open;

use core::fmt::{self, Write};
use core::mem::{align_of, size_of};
use core::ops::Deref;
use core::ptr;

use model::{Answer, Error, Finish, Memory, Options, Piece, Session, Step};

/// The version of this interface: it changes when a caller must.
pub const EDGE_VERSION: u32 = 1;

/// How a call ended.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum EdgeStatus {
    /// It did what it should.
    Ok = 0,
    /// The answer has ended; [`edge_finish`] says why.
    Done = 1,
    /// A null pointer, memory that is too small, text that is not UTF-8, or an option that means
    /// nothing.
    InvalidArgument = -1,
    /// The prompt is empty, or too long for the context.
    Prompt = -2,
    /// The model has no chat template, or no place for a system message.
    Chat = -3,
    /// Bytes that are no saved state of this model.
    State = -4,
    /// The CPU lacks an instruction set that the model was compiled for.
    Cpu = -5,
    /// The self-test found other bits than edgegen computed.
    SelfTest = -6,
    /// There is no room for what was asked.
    NoRoom = -7,
    /// The weights are missing, not those of this model, cut off or changed; or they were given to
    /// a library that has them inside.
    Weights = -8,
}

/// Why an answer ended.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum EdgeFinish {
    /// It has not.
    Running = 0,
    /// The model ended it, or the schema says that it is whole.
    Stop = 1,
    /// The greatest number of tokens is reached.
    MaxTokens = 2,
    /// The context is full.
    ContextFull = 3,
}

/// Settings of an answer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct EdgeOptions {
    /// Tokens at most; 0 leaves it to the context.
    pub max_tokens: u32,
    /// 0 takes the most probable token; 1 leaves the model's probabilities as they are.
    pub temperature: f32,
    /// Only so many of the most probable tokens are sampled; 0 is all.
    pub top_k: u32,
    /// Only the most probable tokens that have this probability together are sampled; 1 is all.
    pub top_p: f32,
    /// Equal seeds give equal texts, on every machine.
    pub seed: u64,
}

/// Bytes of UTF-8, without a zero at the end.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct EdgeText {
    /// The first byte.
    pub data: *const u8,
    /// Their number.
    pub len: usize,
}

/// What one step gave.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct EdgePiece {
    /// Text; may be empty.
    pub text: EdgeText,
    /// The token, or -1.
    pub token: i32,
    /// Tokens of the prompt that are yet to be read; text comes when there are none.
    pub prompt_left: u32,
}

/// A conversation with the model.
pub struct EdgeSession {
    session: Session<&'static mut Memory>,
    answer: Option<Answer>,
    piece: Option<Piece>,
    message: Message,
}

/// The message of the last error, cut at its capacity.
struct Message {
    bytes: [u8; 160],
    len: usize,
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            let end = self.len + c.len_utf8();
            let place = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
            c.encode_utf8(place);
            self.len = end;
        }
        Ok(())
    }
}

impl EdgeSession {
    fn refuse(&mut self, error: Error) -> EdgeStatus {
        self.message.len = 0;
        // What does not fit is cut off.
        let _ = write!(self.message, "{error}");
        status(error)
    }

    fn invalid(&mut self, what: &str) -> EdgeStatus {
        self.message.len = 0;
        let _ = self.message.write_str(what);
        EdgeStatus::InvalidArgument
    }

    fn begin(&mut self, answer: Result<Answer, Error>) -> EdgeStatus {
        self.answer = None;
        match answer {
            Ok(answer) => {
                self.answer = Some(answer);
                EdgeStatus::Ok
            }
            Err(error) => self.refuse(error),
        }
    }
}

fn status(error: Error) -> EdgeStatus {
    match error {
        Error::ContextFull { .. } | Error::PromptTooLong { .. } | Error::EmptyPrompt => {
            EdgeStatus::Prompt
        }
        Error::NoChatTemplate | Error::NoSystemMessage => EdgeStatus::Chat,
        Error::InvalidState(_) => EdgeStatus::State,
        Error::MissingInstructionSet(_) => EdgeStatus::Cpu,
        Error::AnswerTooLong { .. } | Error::BufferTooSmall { .. } => EdgeStatus::NoRoom,
        _ => EdgeStatus::InvalidArgument,
    }
}

fn text(text: &str) -> EdgeText {
    EdgeText {
        data: text.as_ptr(),
        len: text.len(),
    }
}

/// The caller's bytes; none for a null pointer or a length that cannot be.
///
/// # Safety
/// A pointer that is not null points to `len` bytes that nobody changes during the call.
unsafe fn bytes<'a>(data: *const u8, len: usize) -> Option<&'a [u8]> {
    if len == 0 {
        return Some(&[]);
    }
    if data.is_null() || len > isize::MAX as usize {
        return None;
    }
    // SAFETY: as the caller promises; the length was checked.
    Some(unsafe { core::slice::from_raw_parts(data, len) })
}

/// The caller's text.
///
/// # Safety
/// As [`bytes`].
unsafe fn utf8<'a>(data: *const u8, len: usize) -> Option<&'a str> {
    // SAFETY: as the caller promises.
    core::str::from_utf8(unsafe { bytes(data, len) }?).ok()
}

fn options(options: Option<&EdgeOptions>) -> Options {
    let Some(options) = options else {
        return Options::new();
    };
    Options {
        max_tokens: match options.max_tokens {
            0 => usize::MAX,
            tokens => tokens as usize,
        },
        temperature: options.temperature,
        top_k: options.top_k as usize,
        top_p: options.top_p,
        seed: options.seed,
    }
}

/// [`EDGE_VERSION`] of the library, to compare with that of the header.
#[unsafe(no_mangle)]
pub extern "C" fn edge_version() -> u32 {
    EDGE_VERSION
}

/// The model's name.
#[unsafe(no_mangle)]
pub extern "C" fn edge_model_name() -> EdgeText {
    text(model::NAME)
}

/// Tokens that a session holds.
#[unsafe(no_mangle)]
pub extern "C" fn edge_context() -> u32 {
    model::CONTEXT as u32
}

/// Bytes of memory that [`edge_open`] needs, at any address.
#[unsafe(no_mangle)]
pub extern "C" fn edge_session_bytes() -> usize {
    size_of::<EdgeSession>()
        + align_of::<EdgeSession>()
        + size_of::<Memory>()
        + align_of::<Memory>()
}

/// Greedy, to the end of the answer or of the context.
#[unsafe(no_mangle)]
pub extern "C" fn edge_default_options() -> EdgeOptions {
    let options = Options::new();
    EdgeOptions {
        max_tokens: 0,
        temperature: options.temperature,
        top_k: options.top_k as u32,
        top_p: options.top_p,
        seed: options.seed,
    }
}

/// Makes a session in `len` bytes of memory and writes its address to `session`.
///
/// # Safety
/// The memory is the session's alone until [`edge_close`]; `session` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_open(
    memory: *mut u8,
    len: usize,
    session: *mut *mut EdgeSession,
) -> EdgeStatus {
    // SAFETY: as the caller promises.
    unsafe { open_in(memory, len, None, session) }
}

/// [`edge_open`] for a model whose weights are in a file: `weights` is the file's content, for
/// instance mapped. It is checked by its hash, and read fastest from a multiple of 64 on.
///
/// # Safety
/// As [`edge_open`]; the weights have `weights_len` bytes, which nobody changes until
/// [`edge_close`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_open_with_weights(
    memory: *mut u8,
    len: usize,
    weights: *const u8,
    weights_len: usize,
    session: *mut *mut EdgeSession,
) -> EdgeStatus {
    // SAFETY: as the caller promises.
    unsafe {
        match bytes(weights, weights_len) {
            Some(weights) => open_in(memory, len, Some(weights), session),
            None => EdgeStatus::InvalidArgument,
        }
    }
}

/// # Safety
/// As [`edge_open`]; the weights last as long as the session.
unsafe fn open_in(
    memory: *mut u8,
    len: usize,
    weights: Option<&'static [u8]>,
    session: *mut *mut EdgeSession,
) -> EdgeStatus {
    if memory.is_null() || session.is_null() || len < edge_session_bytes() {
        return EdgeStatus::InvalidArgument;
    }
    // SAFETY: the length has room for both and their alignment. Zeros are floats, so the large
    // memory is one as soon as it is cleared; nothing else uses it, as the caller promises.
    unsafe {
        let place = memory.add(memory.align_offset(align_of::<EdgeSession>()));
        let rest = place.add(size_of::<EdgeSession>());
        let floats = rest.add(rest.align_offset(align_of::<Memory>()));
        ptr::write_bytes(floats, 0, size_of::<Memory>());
        let made = match open::session(&mut *floats.cast::<Memory>(), weights) {
            Ok(made) => made,
            Err(status) => return status,
        };
        let place = place.cast::<EdgeSession>();
        place.write(EdgeSession {
            session: made,
            answer: None,
            piece: None,
            message: Message {
                bytes: [0; 160],
                len: 0,
            },
        });
        session.write(place);
    }
    EdgeStatus::Ok
}

/// Ends a session; its memory is the caller's again.
///
/// # Safety
/// As the head of this file says; null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_close(session: *mut EdgeSession) {
    if !session.is_null() {
        // SAFETY: `edge_open` wrote it, and nobody uses it after this.
        unsafe { ptr::drop_in_place(session) }
    }
}

/// The message of the last call that failed; empty before the first.
///
/// # Safety
/// As the head of this file says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_message(session: Option<&EdgeSession>) -> EdgeText {
    let Some(session) = session else {
        return text("the session is null");
    };
    let bytes = &session.message.bytes[..session.message.len];
    text(core::str::from_utf8(bytes).unwrap_or_default())
}

/// Sets the number of threads. No number changes a bit of the results.
///
/// # Safety
/// As the head of this file says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_set_threads(session: Option<&mut EdgeSession>, threads: u32) {
    if let Some(session) = session {
        session.session.set_threads(threads as usize);
    }
}

/// Begins the continuation of a prompt; [`edge_next`] gives it. Null options are the default.
///
/// # Safety
/// As the head of this file says; the prompt has `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_generate(
    session: Option<&mut EdgeSession>,
    prompt: *const u8,
    len: usize,
    settings: Option<&EdgeOptions>,
) -> EdgeStatus {
    let Some(session) = session else {
        return EdgeStatus::InvalidArgument;
    };
    // SAFETY: as the caller promises.
    let Some(prompt) = (unsafe { utf8(prompt, len) }) else {
        return session.invalid("the prompt is null or not UTF-8");
    };
    let answer = session.session.begin(prompt, &options(settings));
    session.begin(answer)
}

/// Begins the answer to a user's message with the model's chat template; a null `system` is none.
///
/// # Safety
/// As the head of this file says; the texts have as many bytes as their lengths say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_chat(
    session: Option<&mut EdgeSession>,
    system: *const u8,
    system_len: usize,
    user: *const u8,
    user_len: usize,
    settings: Option<&EdgeOptions>,
) -> EdgeStatus {
    let Some(session) = session else {
        return EdgeStatus::InvalidArgument;
    };
    // SAFETY: as the caller promises.
    let (system_text, user) = unsafe { (utf8(system, system_len), utf8(user, user_len)) };
    let (Some(system_text), Some(user)) = (system_text, user) else {
        return session.invalid("a message is null or not UTF-8");
    };
    let system = (!system.is_null()).then_some(system_text);
    let answer = session.session.begin_chat(system, user, &options(settings));
    session.begin(answer)
}

/// Reads a batch of the prompt or generates a piece. Not calling it again cancels the answer.
///
/// # Safety
/// As the head of this file says; `piece` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_next(
    session: Option<&mut EdgeSession>,
    piece: *mut EdgePiece,
) -> EdgeStatus {
    let Some(session) = session else {
        return EdgeStatus::InvalidArgument;
    };
    if piece.is_null() {
        return session.invalid("the piece is null");
    }
    let Some(answer) = &mut session.answer else {
        return session.invalid("no answer was begun");
    };
    let Some(step) = answer.step(&mut session.session) else {
        return EdgeStatus::Done;
    };
    let given = match step {
        Step::Prompt { left } => EdgePiece {
            text: text(""),
            token: -1,
            prompt_left: left as u32,
        },
        Step::Piece(step) => {
            let step = session.piece.insert(step);
            EdgePiece {
                text: text(step.deref()),
                token: step.token().map_or(-1, |token| token as i32),
                prompt_left: 0,
            }
        }
    };
    // SAFETY: as the caller promises.
    unsafe { piece.write(given) }
    EdgeStatus::Ok
}

/// Why the answer ended.
///
/// # Safety
/// As the head of this file says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_finish(session: Option<&EdgeSession>) -> EdgeFinish {
    match session
        .and_then(|session| session.answer.as_ref())
        .and_then(Answer::finish)
    {
        None => EdgeFinish::Running,
        Some(Finish::Stop) => EdgeFinish::Stop,
        Some(Finish::MaxTokens) => EdgeFinish::MaxTokens,
        Some(Finish::ContextFull) => EdgeFinish::ContextFull,
    }
}

/// Compares this machine's results with edgegen's, to the bit, and writes the hash of the logits
/// to `hash` unless that is null. The session is reset.
///
/// # Safety
/// As the head of this file says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_self_test(
    session: Option<&mut EdgeSession>,
    hash: Option<&mut u64>,
) -> EdgeStatus {
    let Some(session) = session else {
        return EdgeStatus::InvalidArgument;
    };
    session.answer = None;
    let result = model::self_test(&mut session.session);
    if let Some(hash) = hash {
        *hash = result.hash;
    }
    match result.first_difference {
        None => EdgeStatus::Ok,
        Some(stage) => {
            session.message.len = 0;
            let _ = write!(session.message, "other bits from {stage} on");
            EdgeStatus::SelfTest
        }
    }
}

/// Bytes that [`edge_save`] writes.
///
/// # Safety
/// As the head of this file says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_saved_bytes(session: Option<&EdgeSession>) -> usize {
    session.map_or(0, |session| session.session.saved_bytes())
}

/// Writes what the session has read and generated to `out`: the same on every machine.
///
/// # Safety
/// As the head of this file says; `out` has `len` bytes that have values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_save(
    session: Option<&mut EdgeSession>,
    out: *mut u8,
    len: usize,
) -> EdgeStatus {
    let Some(session) = session else {
        return EdgeStatus::InvalidArgument;
    };
    if out.is_null() || len > isize::MAX as usize {
        return session.invalid("the buffer is null or impossibly long");
    }
    // SAFETY: as the caller promises; the length was checked.
    let out = unsafe { core::slice::from_raw_parts_mut(out, len) };
    match session.session.save(out) {
        Ok(_) => EdgeStatus::Ok,
        Err(error) => session.refuse(error),
    }
}

/// Takes a saved state over; another model's, or one that was changed, is refused.
///
/// # Safety
/// As the head of this file says; `saved` has `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn edge_restore(
    session: Option<&mut EdgeSession>,
    saved: *const u8,
    len: usize,
) -> EdgeStatus {
    let Some(session) = session else {
        return EdgeStatus::InvalidArgument;
    };
    // SAFETY: as the caller promises.
    let Some(saved) = (unsafe { bytes(saved, len) }) else {
        return session.invalid("the state is null");
    };
    session.answer = None;
    match session.session.restore(saved) {
        Ok(()) => EdgeStatus::Ok,
        Err(error) => session.refuse(error),
    }
}

/// A panic would be a bug of the model's crate: it ends the program, or in WebAssembly the call.
#[cfg(not(feature = "std"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    loop {
        core::hint::spin_loop();
    }
}
