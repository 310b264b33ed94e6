//! Asks the hub: redirects, tokens and refusals.

use std::io::{self, Read};
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use ureq::{Agent, Body};

use crate::error::{Error, Kind, Remedy, Result, Setting};

use super::environment::Environment;
use super::patience::{Failure, patiently};
use crate::hub::Name;

/// Time for a connection, and for a server that says nothing.
const SILENCE: Duration = Duration::from_secs(30);

const MOST_REDIRECTS: usize = 8;

/// Asks the hub about one model.
pub(super) struct Client<'a> {
    agent: Agent,
    /// Beginning of all addresses.
    endpoint: &'a str,
    /// Of it, scheme and authority: who gets the token.
    origin: String,
    token: Option<HeaderValue>,
    name: &'a Name,
}

impl<'a> Client<'a> {
    /// # Errors
    ///
    /// When the endpoint is no address, or the token cannot be one.
    pub(super) fn new(environment: &'a Environment, name: &'a Name) -> Result<Self> {
        let endpoint = &environment.endpoint;
        let origin = origin(endpoint).ok_or_else(|| {
            let problem = format!("HF_ENDPOINT is {endpoint:?}, which is no address");
            Error::of(Kind::Option, problem)
                .remedy("give one such as https://huggingface.co, or leave it out")
        })?;
        let config = Agent::config_builder()
            .user_agent(concat!("edgegen/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .http_status_as_error(false)
            // A redirect must not carry the token to another host or port.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .build();
        Ok(Self {
            agent: config.into(),
            endpoint,
            origin,
            token: environment.token.as_deref().map(bearer).transpose()?,
            name,
        })
    }

    /// What the hub says under an address below its own, from byte `from` on: status 200, 206, or 416
    /// where there is nothing from there on.
    pub(super) fn get(&self, path: &str, from: u64) -> Result<Response<Body>, Failure> {
        let mut address = format!("{}{path}", self.endpoint);
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send(&address, from)?;
            let status = response.status();
            match status {
                StatusCode::OK | StatusCode::PARTIAL_CONTENT => return Ok(response),
                StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => return Ok(response),
                _ if status.is_redirection() => {
                    address = self.redirected(&address, response.headers())?;
                }
                _ if self.is_own(&address) => {
                    return Err(self.refused(status, response.headers()));
                }
                // An address to which a redirect leads is good for some time only.
                _ => {
                    let problem = format!("the store of the hub answers with status {status}");
                    let error = Error::of(Kind::Io, problem).remedy("try again later");
                    return Err(Failure::passing(error, false));
                }
            }
        }
        Err(self.unexpected("it redirects without end").into())
    }

    /// A whole answer of at most so many bytes.
    pub(super) fn bytes(&self, path: &str, most: u64) -> Result<Vec<u8>> {
        patiently(|| {
            let response = self.get(path, 0)?;
            let mut bytes = Vec::new();
            let mut body = response.into_body().into_reader().take(most + 1);
            body.read_to_end(&mut bytes)
                .map_err(|error| Failure::passing(self.broken(&error), false))?;
            match bytes.len() as u64 > most {
                true => {
                    let what = format!("its answer has more than {most} bytes");
                    Err(self.unexpected(&what).into())
                }
                false => Ok(bytes),
            }
        })
    }

    fn send(&self, address: &str, from: u64) -> Result<Response<Body>, Failure> {
        let mut request = self.agent.get(address);
        if let Some(token) = self.token.as_ref().filter(|_| self.is_own(address)) {
            request = request.header(header::AUTHORIZATION, token);
        }
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        request.call().map_err(|error| {
            let error = match error {
                ureq::Error::Io(error) => error,
                ureq::Error::HostNotFound => {
                    return Failure::Final(self.unreachable("there is no such host"));
                }
                error @ (ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed) => {
                    io::Error::other(error)
                }
                error => return self.unexpected(&error.to_string()).into(),
            };
            let unreachable = self.unreachable(&error.to_string());
            match error.kind() {
                io::ErrorKind::ConnectionRefused => Failure::Final(unreachable),
                _ => Failure::passing(unreachable, false),
            }
        })
    }

    /// Whether an address is the hub's own.
    fn is_own(&self, address: &str) -> bool {
        let rest = address.strip_prefix(&self.origin);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }

    /// Where a redirect leads.
    fn redirected(&self, address: &str, headers: &HeaderMap) -> Result<String, Failure> {
        let location = headers.get(header::LOCATION);
        let location = location.and_then(|location| location.to_str().ok());
        let location = location.unwrap_or_default();
        let target = match location {
            _ if location.starts_with('/') && !location.starts_with("//") => {
                let path = address.find("://").and_then(|at| {
                    let authority = at + "://".len();
                    Some(authority + address[authority..].find('/')?)
                });
                format!("{}{location}", &address[..path.unwrap_or(address.len())])
            }
            _ => location.to_owned(),
        };
        let secret = self.origin.starts_with("https://");
        if target.starts_with("https://") || (target.starts_with("http://") && !secret) {
            Ok(target)
        } else {
            Err(self
                .unexpected(&format!("it redirects to {location:?}"))
                .into())
        }
    }

    /// What another status than success means.
    fn refused(&self, status: StatusCode, headers: &HeaderMap) -> Failure {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let code = text("x-error-code").unwrap_or_default();
        let page = format!("{}/{}/{}", self.endpoint, self.name.owner, self.name.model);
        let refuse = |problem: String, remedy: String| {
            Failure::Final(Error::of(Kind::Io, problem).remedy(remedy))
        };
        match status.as_u16() {
            401 | 403 if code == "GatedRepo" => refuse(
                "its authors give it to those who accept their terms".to_owned(),
                match self.token {
                    None => format!("accept them at {page}, and set HF_TOKEN to a token of yours"),
                    Some(_) => format!("accept them at {page}, as the owner of the token in use"),
                },
            ),
            401 | 403 if self.token.is_some() => refuse(
                format!("the hub refuses the token, with status {status}"),
                "set HF_TOKEN to one that is valid and may read this model".to_owned(),
            ),
            404 if code == "RevisionNotFound" => refuse(
                format!("the model has no revision {}", self.name.revision()),
                format!("{page}/tree/main shows its branches and tags"),
            ),
            404 if code == "EntryNotFound" => refuse(
                "the hub lists a file, and has it not".to_owned(),
                "try again later".to_owned(),
            ),
            401 | 403 | 404 => refuse(
                "the hub has no such model, or it is private".to_owned(),
                format!("check the name at {page}; for a private model, set HF_TOKEN"),
            ),
            408 | 429 | 500..=599 => {
                let seconds = text("retry-after").and_then(|seconds| seconds.trim().parse().ok());
                let pause = seconds.map(Duration::from_secs);
                let problem = match (status.as_u16(), seconds) {
                    (429, _) => "the hub wants fewer requests".to_owned(),
                    _ => format!("the hub fails, with status {status}"),
                };
                let problem = match seconds {
                    Some(seconds) => format!("{problem}, and none for {seconds} s"),
                    None => problem,
                };
                let remedy = match self.token {
                    None => "try again later; with HF_TOKEN set, more is allowed",
                    Some(_) => "try again later",
                };
                Failure::Passing {
                    error: Error::of(Kind::Io, problem).remedy(remedy),
                    further: false,
                    pause,
                }
            }
            _ => {
                let said = text("x-error-message").unwrap_or_default();
                let what = format!("it answers with status {status} {said}");
                self.unexpected(&what).into()
            }
        }
    }

    /// A connection that broke.
    pub(super) fn broken(&self, error: &io::Error) -> Error {
        self.unreachable(&format!("the connection broke: {error}"))
    }

    fn unreachable(&self, why: &str) -> Error {
        let problem = format!("cannot fetch from {}: {why}", self.origin);
        Error::of(Kind::Io, problem).remedy(
            Remedy::from("check the network, and proxies in HTTPS_PROXY")
                .or(Remedy::from(Setting::on("offline")).say(" takes what was fetched before")),
        )
    }

    /// An answer that no hub gives.
    pub(super) fn unexpected(&self, what: &str) -> Error {
        let problem = format!("{} does not answer as the hub does: {what}", self.origin);
        let remedy = "try again later; if HF_ENDPOINT is set, check that it is a hub's address";
        Error::of(Kind::Io, problem).remedy(remedy)
    }
}

/// Scheme and authority of an address, if it is one that paths can be put behind.
fn origin(address: &str) -> Option<String> {
    let uri: Uri = address.parse().ok()?;
    let scheme = uri.scheme_str().filter(|s| ["http", "https"].contains(s))?;
    let origin = format!("{scheme}://{}", uri.authority()?);
    (address.starts_with(&origin) && !address.contains(['@', '?', '#'])).then_some(origin)
}

/// How a request says who asks.
fn bearer(token: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
        let problem = "the token of the hub has characters that no token has";
        Error::of(Kind::Option, problem).remedy("set HF_TOKEN to the token alone")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A path within an address.
pub(super) fn escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
