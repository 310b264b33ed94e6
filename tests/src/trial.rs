//! Tests that need what a machine may lack: such a test is ignored with the reason, and counted so.
//! Where `CI` is set everything is there, and what is missing fails.

use std::fmt;

use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// Tests that take longer say how long.
const WORTH_SAYING: Duration = Duration::from_secs(5);

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
    let shown = name.clone();
    Trial::ignorable_test(name, move || {
        let start = Instant::now();
        let ending = test().outcome();
        let time = start.elapsed();
        if time > WORTH_SAYING {
            println!("{shown} took {} s", time.as_secs());
        }
        match ending {
            Ok(()) => Ok(Completion::Completed),
            Err(Missing(what)) if std::env::var_os("CI").is_some() => Err(Failed::from(what)),
            Err(Missing(what)) => Ok(Completion::ignored_with(what)),
        }
    })
}

/// Runs tests as cargo's own harness does.
pub fn run(trials: Vec<Trial>) {
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// `pub fn trials()`: the tests of a file. Those behind `long:` take much of a minute, and are for
/// `.ci/run`: `-- --ignored --skip nightly`. Those behind `nightly:` take many, and are for
/// `.ci/nightly`: `-- --ignored nightly`. A test that is not listed is dead code.
#[macro_export]
macro_rules! trials {
    (long: $($rest:tt)+) => {
        $crate::trials![; long: $($rest)+];
    };
    (nightly: $($rest:tt)+) => {
        $crate::trials![; nightly: $($rest)+];
    };
    (
        $($test:ident),* $(,)?
        $(; long: $($long:ident),+ $(,)?)?
        $(; nightly: $($nightly:ident),+ $(,)?)?
    ) => {
        /// The tests of this file.
        pub fn trials() -> Vec<$crate::libtest_mimic::Trial> {
            vec![
                $($crate::trial::trial(module_path!(), stringify!($test), $test),)*
                $($($crate::trial::trial(module_path!(), stringify!($long), $long)
                    .with_kind("long")
                    .with_ignored_flag(true),)+)?
                $($($crate::trial::trial(module_path!(), concat!("nightly::", stringify!($nightly)), $nightly)
                    .with_kind("long")
                    .with_ignored_flag(true),)+)?
            ]
        }
    };
}
