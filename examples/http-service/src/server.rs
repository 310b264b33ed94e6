//! Connections, from the first to the orderly end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use crate::limits::Limits;
use crate::routes::routes;
use crate::worker::Worker;

/// Before the next connection, when the system could not give one: it may have no files left.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers until `stop` is ready. What was asked for by then is answered, as long as
/// [`Limits::end`] allows; whoever has not finished asking is cut off then.
///
/// # Panics
/// When the model's thread does.
pub async fn serve(listener: TcpListener, limits: Limits, stop: impl Future<Output = ()>) {
    let (queue, worker) = Worker::start(limits.places);
    connections(listener, routes(queue, limits), limits, stop).await;
    let ended = spawn_blocking(|| worker.join()).await;
    ended.expect("the model does not panic");
}

async fn connections(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_buf_size(limits.bytes);
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut open = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = &mut stop => break,
            // Those that have ended need no more room.
            Some(_) = open.join_next() => (),
            (place, accepted) = next => {
                let Ok((stream, _)) = accepted else {
                    sleep(PAUSE).await;
                    continue;
                };
                let service = TowerToHyperService::new(routes.clone());
                let connection = http.serve_connection(TokioIo::new(limited(stream, limits)), service);
                let connection = graceful.watch(connection);
                open.spawn(async move {
                    let _place = place;
                    // A client that breaks off or is too slow is its own affair.
                    let _ = connection.await;
                });
            }
        }
    }
    drop(listener);
    // What is left after that is too slow.
    let _ = timeout(limits.end, graceful.shutdown()).await;
    open.shutdown().await;
}

/// A stream that fails when the other side takes nothing for too long.
fn limited(stream: TcpStream, limits: Limits) -> std::pin::Pin<Box<TimeoutStream<TcpStream>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.sending));
    Box::pin(stream)
}
