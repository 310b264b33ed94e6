//! How long each phase may take, and how much there may be at once.

use std::time::Duration;

/// Bounds of the service: no client can hold a place for longer, however slow it is.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From a connection's start, or from the last answer on it, to the end of a request's headers.
    pub headers: Duration,
    /// From there to the end of its body.
    pub body: Duration,
    /// From there to the end of the answer, waiting for the model included.
    pub answer: Duration,
    /// For a client that takes nothing of what is sent to it.
    pub sending: Duration,
    /// From the signal to end until all connections are cut.
    pub end: Duration,
    /// Connections at once; more wait until one is closed.
    pub connections: usize,
    /// Requests that wait for the model; more are refused.
    pub places: usize,
    /// Bytes of a request's body, and of its headers.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(5),
            body: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            sending: Duration::from_secs(10),
            end: Duration::from_secs(10),
            connections: 256,
            places: 32,
            bytes: 16 * 1024,
        }
    }
}
