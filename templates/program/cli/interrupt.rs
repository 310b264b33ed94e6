//! Ctrl-C, for a command that prints everything at its end.

use std::sync::atomic::{AtomicBool, Ordering};

static CAME: AtomicBool = AtomicBool::new(false);

/// Whether Ctrl-C came since [`watch`] was called.
pub fn came() -> bool {
    CAME.load(Ordering::Relaxed)
}

/// Has the first Ctrl-C only be noted; the second ends the program as ever.
#[cfg(unix)]
pub fn watch() {
    use std::ffi::c_int;
    use std::ptr;

    unsafe extern "C" {
        fn signal(number: c_int, action: *const ()) -> *const ();
    }

    const SIGINT: c_int = 2;
    const DEFAULT: *const () = ptr::null();
    const IGNORED: *const () = ptr::without_provenance(1);

    extern "C" fn note(_: c_int) {
        CAME.store(true, Ordering::Relaxed);
        // SAFETY: a handler may call this function (POSIX).
        unsafe { signal(SIGINT, DEFAULT) };
    }

    let action = note as extern "C" fn(c_int);
    // SAFETY: the handler is a function of the type that the system calls.
    if unsafe { signal(SIGINT, action as *const ()) } == IGNORED {
        // SAFETY: as it was.
        unsafe { signal(SIGINT, IGNORED) };
    }
}

/// Elsewhere Ctrl-C ends the program.
#[cfg(not(unix))]
pub fn watch() {}
