//! Under load there are answers or a polite refusal, memory stays, and an end is an end.

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::{ANSWER, COMMAND, Service, json, post, question, receive, send};
use http_service::Limits;
use serde_json::Value;

fn service(places: usize) -> Service {
    Service::start(Limits {
        places,
        ..Limits::default()
    })
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
    let service = service(4);
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
    let service = service(4);
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
    let service = service(4);
    for (path, body, status, problem) in [
        ("/v1/answer", "{".to_owned(), 400, "EOF while parsing"),
        (
            "/v1/answer",
            r#"{"prompt": "hello", "temperature": 1}"#.to_owned(),
            422,
            "unknown field `temperature`",
        ),
        (
            "/v1/answer",
            r#"{"max_tokens": 1}"#.to_owned(),
            422,
            "missing field `prompt`",
        ),
        (
            "/v1/answer",
            question(&"lamp ".repeat(200)),
            422,
            "does not fit the context of 112 tokens",
        ),
        (
            "/v1/answer",
            question(&"lamp ".repeat(10_000)),
            413,
            "length limit",
        ),
        ("/v1/stream", "{".to_owned(), 400, "EOF while parsing"),
        ("/v2", "{}".to_owned(), 404, "/v1/answer"),
        ("/health", "{}".to_owned(), 405, "`allow`"),
    ] {
        let (found, response) = post(service.address, path, &body);
        assert_eq!(found, status, "{path} {body:.40}");
        let said = json(&response)["error"].to_string();
        assert!(said.contains(problem), "{said} for {path} {body:.40}");
    }
    let mut plain = TcpStream::connect(service.address).unwrap();
    let request =
        "POST /v1/answer HTTP/1.1\r\nhost: t\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    plain.write_all(request.as_bytes()).unwrap();
    let (status, response) = receive(plain);
    assert_eq!(status, 415);
    let said = json(&response)["error"].to_string();
    assert!(said.contains("application/json"), "{said}");
    service.stop();
}

/// Who leaves does not hold up the others, and who asked before the end is answered.
#[test]
fn clients_come_and_go() {
    let service = service(16);
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
