//! homectl behind HTTP: one thread owns the model, a bounded queue stands before it.
//!
//! - `POST /v1/answer` with `{"prompt": …, "max_tokens": …}` gives the answer as JSON;
//! - `POST /v1/stream` gives the same as server-sent events, a piece each;
//! - `GET /health` says that the service is there.
//!
//! A full queue is `503` with `Retry-After`, at once: nothing waits without bound.

mod routes;
mod worker;

pub use routes::routes;
pub use worker::{Queue, Worker};

#[cfg(not(target_arch = "aarch64"))]
edgegen_macros::edge_model! {
    /// The built-in model; `model: "models/your.gguf"` takes your own.
    mod assistant {
        platform: "host",
        quant: "q4",
    }
}

#[cfg(target_arch = "aarch64")]
edgegen_macros::edge_model! {
    /// The same for the board, with the same bits.
    mod assistant {
        platform: "raspberry_pi",
        quant: "q4",
    }
}
