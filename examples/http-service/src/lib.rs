//! homectl behind HTTP: one thread owns the model, a bounded queue stands before it.
//!
//! - `POST /v1/answer` with `{"prompt": …, "max_tokens": …}` gives the answer as JSON;
//! - `POST /v1/stream` gives the same as server-sent events, a piece each;
//! - `GET /health` says that the service is there.
//!
//! What is refused is `{"error": …}`. A full queue is `503` with `Retry-After`, at once: nothing
//! waits without bound ([`Limits`]).

mod limits;
mod routes;
mod server;
mod worker;

pub use limits::Limits;
pub use server::serve;

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
