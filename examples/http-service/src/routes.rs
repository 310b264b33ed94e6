//! What is answered.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};

use crate::worker::{Queue, Reply};

/// Bytes of a request.
const MOST_BYTES: usize = 16 * 1024;
/// For an answer, waiting included.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    prompt: String,
    max_tokens: Option<usize>,
}

/// The service.
pub fn routes(queue: Queue) -> Router {
    Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/v1/answer", post(answer))
        .route("/v1/stream", post(stream))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(queue)
}

async fn answer(State(queue): State<Queue>, Json(question): Json<Question>) -> Response {
    let Some(mut replies) = queue.ask(question.prompt, question.max_tokens) else {
        return full();
    };
    let all = async {
        let mut text = String::new();
        while let Some(reply) = replies.recv().await {
            match reply {
                Reply::Piece(piece) => text.push_str(&piece),
                Reply::Done(counts) => return Ok((text, counts)),
                Reply::Refused(problem) => {
                    return Err((StatusCode::UNPROCESSABLE_ENTITY, problem));
                }
            }
        }
        Err((
            StatusCode::SERVICE_UNAVAILABLE,
            "the service ends".to_owned(),
        ))
    };
    match timeout(PATIENCE, all).await {
        Ok(Ok((text, tokens))) => Json(json!({ "text": text, "tokens": tokens })).into_response(),
        Ok(Err((status, problem))) => refusal(status, &problem),
        Err(_) => refusal(StatusCode::GATEWAY_TIMEOUT, "the answer took too long"),
    }
}

async fn stream(State(queue): State<Queue>, Json(question): Json<Question>) -> Response {
    match queue.ask(question.prompt, question.max_tokens) {
        Some(replies) => Sse::new(events(ReceiverStream::new(replies))).into_response(),
        None => full(),
    }
}

/// `data: "piece"`, and at the end an event `done` or `error`.
fn events(replies: impl Stream<Item = Reply>) -> impl Stream<Item = Result<Event, Infallible>> {
    replies.map(|reply| {
        let (name, data) = match reply {
            Reply::Piece(piece) => ("piece", json!(piece)),
            Reply::Done(counts) => ("done", json!(counts)),
            Reply::Refused(problem) => ("error", json!(problem)),
        };
        Ok(Event::default().event(name).data(data.to_string()))
    })
}

fn full() -> Response {
    let response = refusal(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many requests are waiting",
    );
    ([(header::RETRY_AFTER, "1")], response).into_response()
}

fn refusal(status: StatusCode, problem: &str) -> Response {
    (status, Json(json!({ "error": problem }))).into_response()
}
