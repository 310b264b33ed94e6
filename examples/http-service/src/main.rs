//! `http-service [ADDRESS]`: 127.0.0.1:8080 unless told otherwise.

use http_service::{Worker, routes};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Requests that wait for the model.
const PLACES: usize = 32;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    let mut stop = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    println!("listening on http://{}", listener.local_addr()?);
    let (queue, worker) = Worker::start(PLACES);
    axum::serve(listener, routes(queue))
        .with_graceful_shutdown(async move {
            tokio::select! { _ = stop.recv() => (), _ = interrupt.recv() => () }
        })
        .await?;
    worker.join();
    Ok(())
}
