//! Tests that need what a machine may lack: such a test is ignored with the reason, and counted so.
//! Where `CI` is set everything is there, and what is missing fails.

use std::fmt;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// What a test needs and the machine lacks, and how to get it.
pub struct Missing(String);

/// A program that ends with it prints it so.
impl fmt::Debug for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Missing {
    /// Says what is missing and what to do.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// How a test ends, unless it panics.
pub type Outcome = Result<(), Missing>;

/// What a test function gives.
pub trait Ending {
    /// As an outcome.
    fn outcome(self) -> Outcome;
}

impl Ending for () {
    fn outcome(self) -> Outcome {
        Ok(())
    }
}

impl Ending for Outcome {
    fn outcome(self) -> Outcome {
        self
    }
}

/// A test by its module's path and its name.
pub fn trial<E: Ending + 'static>(module: &str, name: &str, test: fn() -> E) -> Trial {
    let name = match module.split_once("::") {
        Some((_, module)) => format!("{module}::{name}"),
        None => name.to_owned(),
    };
    Trial::ignorable_test(name, move || match test().outcome() {
        Ok(()) => Ok(Completion::Completed),
        Err(Missing(what)) if std::env::var_os("CI").is_some() => Err(Failed::from(what)),
        Err(Missing(what)) => Ok(Completion::ignored_with(what)),
    })
}

/// Runs tests as cargo's own harness does.
pub fn run(trials: Vec<Trial>) {
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// `pub fn trials()`: the tests of a file; those behind `ignored:` take many minutes and run with
/// `--ignored`. One that is not listed is dead code.
#[macro_export]
macro_rules! trials {
    ($($test:ident),+ $(,)? $(; ignored: $($long:ident),+ $(,)?)?) => {
        /// The tests of this file.
        pub fn trials() -> Vec<$crate::libtest_mimic::Trial> {
            vec![
                $($crate::trial::trial(module_path!(), stringify!($test), $test)),+
                $(, $($crate::trial::trial(module_path!(), stringify!($long), $long)
                    .with_ignored_flag(true)),+)?
            ]
        }
    };
}
