//! How work that takes long tells how far it is.

/// Is told the steps that are done, and how many there are.
pub type Steps<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Is told the stage besides.
pub type Stages<'a> = &'a (dyn Fn(&'static str, usize, usize) + Sync);

/// Is told the bytes that are there, and how many there will be.
pub type Bytes<'a> = &'a dyn Fn(u64, u64);

/// Is told what is being done, for people who wait.
pub trait Progress {
    /// Runs work of unknown length.
    fn spin<T>(&self, _what: &'static str, work: impl FnOnce() -> T) -> T {
        work()
    }

    /// Runs work that reports steps done and steps in all.
    fn count<T>(&self, _what: &'static str, work: impl FnOnce(Steps<'_>) -> T) -> T {
        work(&|_, _| {})
    }
}

/// Shows nothing.
pub struct Quiet;

impl Progress for Quiet {}
