//! `http-service [ADDRESS]`: 127.0.0.1:8080 unless told otherwise.

use http_service::{Limits, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:8080")).await?;
    let mut stop = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    println!("listening on http://{}", listener.local_addr()?);
    serve(listener, Limits::default(), async {
        tokio::select! { _ = stop.recv() => (), _ = interrupt.recv() => () }
    })
    .await;
    Ok(())
}
