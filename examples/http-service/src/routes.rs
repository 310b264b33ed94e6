//! What is answered.

use std::convert::Infallible;
use std::pin::pin;

use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout, timeout_at};

use crate::limits::Limits;
use crate::worker::{Queue, Reply};

const TOO_LONG: &str = "the answer took too long";

#[derive(Clone)]
struct Service {
    queue: Queue,
    limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    prompt: String,
    max_tokens: Option<usize>,
}

/// The service.
pub(crate) fn routes(queue: Queue, limits: Limits) -> Router {
    Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/v1/answer", post(answer))
        .route("/v1/stream", post(events))
        .fallback(|| async {
            let known = "there are POST /v1/answer, POST /v1/stream and GET /health";
            refusal(StatusCode::NOT_FOUND, known)
        })
        .method_not_allowed_fallback(|| async {
            refusal(StatusCode::METHOD_NOT_ALLOWED, "`allow` names the method")
        })
        .layer(DefaultBodyLimit::max(limits.bytes))
        .with_state(Service { queue, limits })
}

impl FromRequest<Service> for Question {
    type Rejection = Refusal;

    async fn from_request(request: Request, service: &Service) -> Result<Self, Refusal> {
        let read = Json::from_request(request, service);
        match timeout(service.limits.body, read).await {
            Ok(Ok(Json(question))) => Ok(question),
            Ok(Err(problem)) => Err(refusal(problem.status(), &problem.body_text())),
            Err(_) => {
                let problem = "the request took too long to arrive";
                Err(refusal(StatusCode::REQUEST_TIMEOUT, problem))
            }
        }
    }
}

impl Service {
    /// What the model replies, or why it does not.
    fn ask(&self, question: Question) -> Result<impl Stream<Item = Reply> + use<>, Refusal> {
        let replies = self.queue.ask(question.prompt, question.max_tokens);
        let full = "too many requests are waiting";
        let replies = replies.ok_or_else(|| refusal(StatusCode::SERVICE_UNAVAILABLE, full))?;
        Ok(in_time(replies, Instant::now() + self.limits.answer))
    }
}

/// Replies up to the last one, or until it is too late. Who sends them is then told to stop.
fn in_time(replies: Receiver<Reply>, deadline: Instant) -> impl Stream<Item = Reply> {
    stream::unfold(Some(replies), move |replies| async move {
        let mut replies = replies?;
        match timeout_at(deadline, replies.recv()).await {
            Ok(reply) => Some((reply?, Some(replies))),
            Err(_) => Some((Reply::Late, None)),
        }
    })
}

async fn answer(State(service): State<Service>, question: Question) -> Result<Response, Refusal> {
    let mut replies = pin!(service.ask(question)?);
    let mut text = String::new();
    while let Some(reply) = replies.next().await {
        match reply {
            Reply::Piece(piece) => text.push_str(&piece),
            Reply::Done(tokens) => {
                return Ok(Json(json!({ "text": text, "tokens": tokens })).into_response());
            }
            Reply::Refused(problem) => {
                return Err(refusal(StatusCode::UNPROCESSABLE_ENTITY, &problem));
            }
            Reply::Late => return Err(refusal(StatusCode::GATEWAY_TIMEOUT, TOO_LONG)),
        }
    }
    Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "the service ends"))
}

/// `data: "piece"`, and at the end an event `done` or `error`.
async fn events(State(service): State<Service>, question: Question) -> Result<Response, Refusal> {
    let events = service.ask(question)?.map(|reply| {
        let (name, data) = match reply {
            Reply::Piece(piece) => ("piece", json!(piece)),
            Reply::Done(tokens) => ("done", json!(tokens)),
            Reply::Refused(problem) => ("error", json!(problem)),
            Reply::Late => ("error", json!(TOO_LONG)),
        };
        Ok::<_, Infallible>(Event::default().event(name).data(data.to_string()))
    });
    Ok(Sse::new(events).into_response())
}

/// What there is in place of an answer.
struct Refusal {
    status: StatusCode,
    problem: String,
}

fn refusal(status: StatusCode, problem: &str) -> Refusal {
    let problem = problem.to_owned();
    Refusal { status, problem }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.problem }));
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}
