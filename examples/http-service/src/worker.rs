//! The thread that owns the model, and the queue before it.

use std::thread::{self, JoinHandle};

use serde::Serialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::assistant::{Options, Session};

/// Most tokens of an answer. As many pieces have room in a reply, so that the model never waits for
/// a client.
pub(crate) const MOST_TOKENS: usize = 96;

/// What is sent back.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Some of the text.
    Piece(String),
    /// The end of the text.
    Done(Counts),
    /// Why there is no text.
    Refused(String),
    /// There was no time left for the rest.
    Late,
}

/// Tokens of a prompt and of its answer.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Counts {
    prompt_tokens: usize,
    tokens_generated: usize,
}

struct Job {
    prompt: String,
    max_tokens: usize,
    reply: Sender<Reply>,
}

/// Where requests wait for the model. The last one that is dropped ends the worker.
#[derive(Clone)]
pub(crate) struct Queue(Sender<Job>);

/// The thread.
pub(crate) struct Worker(JoinHandle<()>);

impl Worker {
    /// Starts it, with a queue of so many places.
    pub(crate) fn start(places: usize) -> (Queue, Self) {
        let (queue, jobs) = channel(places);
        (Queue(queue), Self(thread::spawn(|| work(jobs))))
    }

    /// Waits until all that was asked for is answered, and every [`Queue`] is dropped.
    pub(crate) fn join(self) {
        self.0.join().expect("the model does not panic");
    }
}

impl Queue {
    /// Asks the model; `None` if the queue is full. A reply that is dropped cancels the answer.
    pub(crate) fn ask(&self, prompt: String, max_tokens: Option<usize>) -> Option<Receiver<Reply>> {
        // The pieces, one for what was held back, and the end.
        let (reply, replies) = channel(MOST_TOKENS + 2);
        let job = Job {
            prompt,
            max_tokens: max_tokens.unwrap_or(MOST_TOKENS).min(MOST_TOKENS),
            reply,
        };
        self.0.try_send(job).ok().map(|()| replies)
    }
}

fn work(mut jobs: Receiver<Job>) {
    let mut session = Session::new();
    while let Some(job) = jobs.blocking_recv() {
        // Who left while waiting is not answered.
        if job.reply.is_closed() {
            continue;
        }
        let options = Options {
            max_tokens: job.max_tokens,
            ..Options::default()
        };
        let mut generation = match session.generate(&job.prompt, &options) {
            Ok(generation) => generation,
            Err(error) => {
                let _ = job.reply.blocking_send(Reply::Refused(error.to_string()));
                continue;
            }
        };
        let sent = generation.by_ref().all(|piece| {
            job.reply
                .blocking_send(Reply::Piece(piece.to_string()))
                .is_ok()
        });
        if sent {
            let counts = Counts {
                prompt_tokens: generation.prompt_tokens(),
                tokens_generated: generation.tokens_generated(),
            };
            let _ = job.reply.blocking_send(Reply::Done(counts));
        }
    }
}
