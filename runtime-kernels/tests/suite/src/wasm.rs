//! What JavaScript calls.

use std::sync::OnceLock;

static REPORT: OnceLock<Result<String, String>> = OnceLock::new();

fn report() -> &'static Result<String, String> {
    REPORT.get_or_init(super::report)
}

fn text() -> &'static str {
    match report() {
        Ok(text) | Err(text) => text,
    }
}

/// 1 if all results are equal.
#[unsafe(no_mangle)]
pub extern "C" fn run_suite() -> u32 {
    u32::from(report().is_ok())
}

/// Address of the names of the instruction sets, or of what differs.
#[unsafe(no_mangle)]
pub extern "C" fn message() -> *const u8 {
    text().as_ptr()
}

/// Its length in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn message_length() -> usize {
    text().len()
}
