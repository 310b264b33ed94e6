//! Progress on stderr, where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::progress::{Bytes, Progress, Stages, Steps};

/// Shows progress of a compilation.
pub(super) struct Terminal;

impl Progress for Terminal {
    fn spin<T>(&self, what: &'static str, work: impl FnOnce() -> T) -> T {
        spin(what, work)
    }

    fn count<T>(&self, what: &'static str, work: impl FnOnce(Steps<'_>) -> T) -> T {
        count(what, work)
    }
}

/// Runs work of unknown length.
pub(super) fn spin<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    let bar = ProgressBar::new_spinner().with_message(what);
    bar.enable_steady_tick(Duration::from_millis(100));
    let result = work();
    bar.finish_and_clear();
    result
}

/// Runs work that reports steps done and steps in all.
pub(super) fn count<T>(what: &'static str, work: impl FnOnce(Steps<'_>) -> T) -> T {
    stages(|progress| work(&|done, all| progress(what, done, all)))
}

/// Runs work that reports bytes done and bytes in all.
pub(super) fn bytes<T>(what: &'static str, work: impl FnOnce(Bytes<'_>) -> T) -> T {
    let style = ProgressStyle::with_template(
        "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}",
    );
    let style = style.expect("the template is valid");
    let bar = ProgressBar::new(0).with_style(style).with_message(what);
    bar.enable_steady_tick(Duration::from_millis(100));
    let result = work(&|done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    result
}

/// Runs work of several stages, each of which reports its name, steps done and steps in all.
pub(super) fn stages<T>(work: impl FnOnce(Stages<'_>) -> T) -> T {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}")
        .expect("the template is valid");
    let bar = ProgressBar::new(0).with_style(style);
    let result = work(&|what, done, all| {
        bar.set_message(what);
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    result
}
