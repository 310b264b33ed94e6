//! Slow clients hold nobody up, and each phase of a connection ends in time.

mod common;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{ANSWER, COMMAND, Service, json, post, question, receive, send};
use http_service::Limits;
use tokio::net::TcpSocket;

const SHORT: Duration = Duration::from_millis(800);
/// Long enough for a busy machine, short of every limit that is not tested.
const PATIENCE: Duration = Duration::from_secs(10);
const LONG: Duration = Duration::from_secs(60);

const HALF_HEADERS: &[u8] = b"POST /v1/answer HTTP/1.1\r\nhost: slow\r\n";
const HALF_BODY: &[u8] =
    b"POST /v1/answer HTTP/1.1\r\nhost: slow\r\ncontent-type: application/json\r\n\
      content-length: 100\r\n\r\n{\"prompt\": ";

/// Limits that no test reaches.
const WIDE: Limits = Limits {
    headers: LONG,
    body: LONG,
    answer: LONG,
    sending: LONG,
    end: LONG,
    connections: 256,
    places: 32,
    bytes: 16 * 1024,
};

fn connect(address: SocketAddr, first: &[u8]) -> TcpStream {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(first).unwrap();
    connection
}

/// What comes until the other side closes, which it must.
fn rest(mut connection: TcpStream) -> String {
    let mut bytes = Vec::new();
    match connection.read_to_end(&mut bytes) {
        Ok(_) => (),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => (),
        Err(error) => panic!("the connection is still open: {error}"),
    }
    String::from_utf8(bytes).unwrap()
}

/// Adds a byte now and then until the other side closes, which it must.
fn trickle(connection: &mut TcpStream) {
    let start = Instant::now();
    while connection.write_all(b" ").is_ok() {
        assert!(start.elapsed() < PATIENCE, "the connection is still open");
        thread::sleep(SHORT / 8);
    }
}

fn is_answered(address: SocketAddr) {
    let (status, response) = post(address, "/v1/answer", &question(COMMAND));
    assert_eq!((status, &json(&response)["text"]), (200, &ANSWER.into()));
}

#[test]
fn headers_have_their_time() {
    let service = Service::start(Limits {
        headers: SHORT,
        ..WIDE
    });
    let slow: Vec<_> = (0..30)
        .map(|_| connect(service.address, HALF_HEADERS))
        .collect();
    let silent = connect(service.address, b"");
    is_answered(service.address);
    let mut drips = connect(service.address, b"POST /v1/answer HTTP/1.1\r\nhost: ");
    trickle(&mut drips);
    for connection in slow.into_iter().chain([silent]) {
        rest(connection);
    }
    service.stop();
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    let service = Service::start(Limits {
        headers: SHORT,
        ..WIDE
    });
    let request = b"GET /health HTTP/1.1\r\nhost: t\r\n\r\n";
    let mut idle = connect(service.address, request);
    thread::sleep(SHORT / 4);
    idle.write_all(request).unwrap();
    let said = rest(idle);
    assert_eq!(said.matches("200 OK").count(), 2, "{said}");
    service.stop();
}

#[test]
fn headers_have_their_size() {
    let service = Service::start(WIDE);
    let mut long = connect(service.address, HALF_HEADERS);
    // The server may be gone before all is sent.
    let _ = long.write_all(&[b'a'; 20_000]);
    let said = rest(long);
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 431"),
        "{said}"
    );
    service.stop();
}

#[test]
fn bodies_have_their_time() {
    let service = Service::start(Limits {
        body: SHORT,
        ..WIDE
    });
    let slow = connect(service.address, HALF_BODY);
    is_answered(service.address);
    let (status, response) = receive(slow);
    assert_eq!(status, 408);
    assert_eq!(
        json(&response)["error"],
        "the request took too long to arrive"
    );
    let mut drips = connect(service.address, HALF_BODY);
    trickle(&mut drips);
    service.stop();
}

/// Neither waits longer than an answer may take: here not at all, and the model is not as quick.
#[test]
fn answers_and_streams_have_their_time() {
    let service = Service::start(Limits {
        answer: Duration::ZERO,
        ..WIDE
    });
    let ask = |path: &'static str| {
        let connections: Vec<_> = (0..30)
            .map(|minutes| {
                let mut connection = connect(service.address, b"");
                let command = format!("in {minutes} minutes switch off the lamp");
                send(&mut connection, path, &question(&command));
                connection
            })
            .collect();
        connections.into_iter().map(receive)
    };
    let late = |(status, response): &(u16, String)| {
        *status == 504 && json(response)["error"] == "the answer took too long"
    };
    assert!(ask("/v1/answer").filter(late).count() > 0);
    let late = |(_, response): &(u16, String)| {
        let error = "event: error\ndata: \"the answer took too long\"\n\n";
        response.contains(error) && !response.contains("event: done")
    };
    assert!(ask("/v1/stream").filter(late).count() > 0);
    service.stop();
}

/// A client that asks on and takes nothing of the answers.
fn reads_nothing(address: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(address).await.unwrap();
        stream.into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_write_timeout(Some(SHORT)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let requests = b"GET /health HTTP/1.1\r\nhost: t\r\n\r\n".repeat(100);
    let sent = (0..10_000).take_while(|_| (&stream).write_all(&requests).is_ok());
    assert!(sent.count() < 10_000, "the server reads without end");
    stream
}

#[test]
fn a_client_that_reads_nothing_is_cut_off() {
    let service = Service::start(Limits {
        sending: SHORT,
        ..WIDE
    });
    let mute = reads_nothing(service.address);
    is_answered(service.address);
    thread::sleep(2 * SHORT);
    rest(mute);
    service.stop();
}

#[test]
fn more_connections_wait_until_one_is_closed() {
    let service = Service::start(Limits {
        headers: SHORT,
        connections: 2,
        ..WIDE
    });
    let start = Instant::now();
    let idle = [(); 2].map(|()| connect(service.address, HALF_HEADERS));
    is_answered(service.address);
    assert!(start.elapsed() >= SHORT);
    for connection in idle {
        rest(connection);
    }
    service.stop();
}

/// The program ends orderly: what was asked is answered, who is slow does not hold it up.
#[test]
fn it_ends_in_time_with_slow_clients() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_http-service"))
        .arg("127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(program.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let address = line.trim().rsplit('/').next().unwrap().parse().unwrap();
    let slow = [b"", HALF_HEADERS, HALF_BODY].map(|first| connect(address, first));
    let mute = reads_nothing(address);
    let mut asks = connect(address, b"");
    send(&mut asks, "/v1/answer", &question(COMMAND));
    is_answered(address);

    let start = Instant::now();
    let kill = Command::new("kill").arg(program.id().to_string()).status();
    assert!(kill.unwrap().success());
    let ended = program.wait().unwrap();
    let limits = Limits::default();
    assert!(
        start.elapsed() < limits.end + Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert!(ended.success(), "{ended}");
    let (status, response) = receive(asks);
    assert_eq!((status, &json(&response)["text"]), (200, &ANSWER.into()));
    drop((slow, mute));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn the_end_has_its_time() {
    let service = Service::start(Limits { end: SHORT, ..WIDE });
    let slow = [HALF_HEADERS, HALF_BODY].map(|first| connect(service.address, first));
    is_answered(service.address);
    let start = Instant::now();
    service.stop();
    assert!(start.elapsed() < PATIENCE);
    drop(slow);
}
