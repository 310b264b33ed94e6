//! A service in this process, and a client that knows no more of HTTP than these tests need.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use http_service::{Limits, serve};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub const COMMAND: &str = "switch off the lamp in the kitchen";
pub const ANSWER: &str = r#"{"do":"off","what":"lamp","where":"kitchen"}"#;

/// A service, and what ends it.
pub struct Service {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Service {
    pub fn start(limits: Limits) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (told, tell) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                told.send(listener.local_addr().unwrap()).unwrap();
                serve(listener, limits, async { _ = stopped.await }).await;
            });
        });
        Self {
            address: tell.recv().unwrap(),
            stop,
            thread,
        }
    }

    pub fn stop(self) {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

/// Status and body of a request on a connection of its own.
pub fn post(address: SocketAddr, path: &str, body: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    send(&mut connection, path, body);
    receive(connection)
}

pub fn send(connection: &mut TcpStream, path: &str, body: &str) {
    write!(
        connection,
        "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
}

pub fn receive(mut connection: TcpStream) -> (u16, String) {
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    let status = text[9..12].parse().unwrap();
    (status, text)
}

pub fn json(response: &str) -> Value {
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

pub fn question(prompt: &str) -> String {
    serde_json::json!({ "prompt": prompt }).to_string()
}
