//! What to do again where a network fails.

use std::thread::sleep;
use std::time::Duration;

use crate::error::{Error, Result};

/// How often in a row an attempt may bring nothing.
const MOST_FAILURES: u32 = 5;

/// Doubled for each attempt that follows.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// A server that asks for more time is not waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why an attempt brought no end.
pub(super) enum Failure {
    /// Another attempt may.
    Passing {
        error: Error,
        /// Whether it brought something.
        further: bool,
        /// The pause that the server asks for.
        pause: Option<Duration>,
    },
    /// No other attempt will.
    Final(Error),
}

impl Failure {
    /// Another attempt may bring more.
    pub(super) fn passing(error: Error, further: bool) -> Self {
        Self::Passing {
            error,
            further,
            pause: None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// Repeats an attempt until it succeeds, cannot, or has brought nothing for too often.
pub(super) fn patiently<T>(mut attempt: impl FnMut() -> Result<T, Failure>) -> Result<T> {
    let mut failures = 0;
    loop {
        let (error, further, pause) = match attempt() {
            Ok(value) => return Ok(value),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Passing {
                error,
                further,
                pause,
            }) => (error, further, pause),
        };
        failures = if further { 1 } else { failures + 1 };
        let pause = pause.unwrap_or(FIRST_PAUSE * 2_u32.pow(failures - 1));
        if failures == MOST_FAILURES || pause > LONGEST_PAUSE {
            return Err(error);
        }
        sleep(pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often an attempt is made that always fails so.
    fn attempts(further: impl Fn(u32) -> bool, pause: Duration) -> u32 {
        let mut attempts = 0;
        let result: Result<()> = patiently(|| {
            attempts += 1;
            Err(Failure::Passing {
                error: Error::new("failed"),
                further: further(attempts),
                pause: Some(pause),
            })
        });
        assert_eq!(result.unwrap_err().problem(), "failed");
        attempts
    }

    #[test]
    fn patience_ends_where_nothing_is_brought() {
        assert_eq!(attempts(|_| false, Duration::ZERO), MOST_FAILURES);
        let far = attempts(|attempt| attempt <= 20, Duration::ZERO);
        assert_eq!(far, 20 + MOST_FAILURES - 1);
        assert_eq!(attempts(|_| true, LONGEST_PAUSE + FIRST_PAUSE), 1);
    }

    #[test]
    fn what_succeeds_or_cannot_is_not_done_again() {
        let mut results = [Err(Failure::passing(Error::new("a"), false)), Ok(1)].into_iter();
        assert_eq!(patiently(|| results.next().unwrap()), Ok(1));
        let mut results = [Err(Failure::Final(Error::new("b"))), Ok(1)].into_iter();
        assert_eq!(patiently(|| results.next().unwrap()), Err(Error::new("b")));
    }
}
