//! Under load there are answers or a polite refusal, memory stays, and an end is an end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use http_service::{Worker, routes};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

const COMMAND: &str = "switch off the lamp in the kitchen";
const ANSWER: &str = r#"{"do":"off","what":"lamp","where":"kitchen"}"#;

/// A service with so many places, and what ends it.
struct Service {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Service {
    fn start(places: usize) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (told, tell) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let (queue, worker) = Worker::start(places);
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                told.send(listener.local_addr().unwrap()).unwrap();
                let end = async { _ = stopped.await };
                axum::serve(listener, routes(queue))
                    .with_graceful_shutdown(end)
                    .await
                    .unwrap();
            });
            worker.join();
        });
        Self {
            address: tell.recv().unwrap(),
            stop,
            thread,
        }
    }

    fn stop(self) {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

/// Status and body of a request on a connection of its own.
fn post(address: SocketAddr, path: &str, body: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    send(&mut connection, path, body);
    receive(connection)
}

fn send(connection: &mut TcpStream, path: &str, body: &str) {
    write!(
        connection,
        "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
}

fn receive(mut connection: TcpStream) -> (u16, String) {
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    let status = text[9..12].parse().unwrap();
    (status, text)
}

fn json(response: &str) -> Value {
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

fn question(prompt: &str) -> String {
    serde_json::json!({ "prompt": prompt }).to_string()
}

/// Bytes of memory that this process holds.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    1024 * kilobytes.parse::<usize>().unwrap()
}

#[test]
fn under_load_there_are_answers_and_memory_stays() {
    const CLIENTS: usize = 8;
    let service = Service::start(4);
    let address = service.address;
    let refused = AtomicUsize::new(0);
    let load = |requests: usize| {
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let refused = &refused;
                scope.spawn(move || {
                    for request in 0..requests {
                        // Not the same each time: an answer that is known needs no model.
                        let room = ["kitchen", "bedroom", "garage"][request % 3];
                        let minutes = 1 + (client + CLIENTS * request) % 90;
                        let command =
                            format!("in {minutes} minutes switch off the lamp in the {room}");
                        loop {
                            let (status, response) =
                                post(address, "/v1/answer", &question(&command));
                            if status == 503 {
                                assert!(response.contains("retry-after: 1"), "{response}");
                                refused.fetch_add(1, Ordering::Relaxed);
                                thread::sleep(Duration::from_millis(5));
                                continue;
                            }
                            assert_eq!(status, 200, "{response}");
                            let text = json(&response)["text"].as_str().unwrap().to_owned();
                            let action: Value = serde_json::from_str(&text).unwrap();
                            assert!(action["do"].is_string(), "{text}");
                            break;
                        }
                    }
                });
            }
        });
    };
    load(30);
    let before = resident();
    load(120);
    let grown = resident().saturating_sub(before);
    assert!(grown < 2_000_000, "{grown} bytes");
    assert!(refused.into_inner() > 0, "the queue was never full");
    service.stop();
}

#[test]
fn a_stream_has_the_pieces_of_the_answer() {
    let service = Service::start(4);
    let (status, response) = post(service.address, "/v1/answer", &question(COMMAND));
    assert_eq!((status, &json(&response)["text"]), (200, &ANSWER.into()));
    let (status, response) = post(service.address, "/v1/stream", &question(COMMAND));
    assert_eq!(status, 200);
    let mut event = "";
    let mut text = String::new();
    let mut events = Vec::new();
    for line in response.lines() {
        if let Some(name) = line.strip_prefix("event: ") {
            event = name;
            events.push(name);
        } else if let Some(data) = line.strip_prefix("data: ").filter(|_| event == "piece") {
            text += &serde_json::from_str::<String>(data).unwrap();
        }
    }
    assert_eq!(text, ANSWER);
    assert!(events.len() > 3, "{events:?}");
    assert_eq!(events.last(), Some(&"done"));
    service.stop();
}

#[test]
fn what_is_no_question_is_refused() {
    let service = Service::start(4);
    for (body, status) in [
        ("{".to_owned(), 400),
        (r#"{"prompt": "hello", "temperature": 1}"#.to_owned(), 422),
        (question(&"lamp ".repeat(200)), 422),
        (question(&"lamp ".repeat(10_000)), 413),
    ] {
        assert_eq!(
            post(service.address, "/v1/answer", &body).0,
            status,
            "{body:.40}"
        );
    }
    assert_eq!(post(service.address, "/v2", "{}").0, 404);
    service.stop();
}

/// Who leaves does not hold up the others, and who asked before the end is answered.
#[test]
fn clients_come_and_go() {
    let service = Service::start(16);
    for _ in 0..8 {
        let mut leaves = TcpStream::connect(service.address).unwrap();
        send(&mut leaves, "/v1/stream", &question(COMMAND));
    }
    let mut stays = TcpStream::connect(service.address).unwrap();
    send(&mut stays, "/v1/answer", &question(COMMAND));
    // The request has arrived when the one after it on another connection is answered.
    assert_eq!(
        post(service.address, "/v1/answer", &question("hello")).0,
        200
    );
    let address = service.address;
    service.stop();
    let (status, response) = receive(stays);
    assert_eq!((status, &json(&response)["text"]), (200, &ANSWER.into()));
    assert!(TcpStream::connect(address).is_err());
}
