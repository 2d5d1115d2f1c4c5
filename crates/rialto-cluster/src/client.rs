//! The line to a coordinator over HTTP.

use crate::bearer::Bearer;
use crate::causes::on_one_line;
use crate::line::{Line, LineError};
use crate::problem::Problem;
use crate::wire::{Answer, Ask, Hello, Welcome};
use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Response, StatusCode, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use url::{Host, Url};

/// Who does not take a connection by then is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What an answer may take beyond the wait that was asked for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The most that is read of an answer: the parts of a join of 100,000 are 7 MB of JSON.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// A coordinator's address and what opens it.
#[derive(Clone, Debug)]
pub struct HttpLine {
    base: Url,
    bearer: Option<HeaderValue>,
    client: Client,
}

/// The line cannot be used.
#[derive(Debug, Error)]
pub enum HttpLineError {
    /// It is no address of a coordinator.
    #[error(
        "`{0}` is not a coordinator's address: https://host[:port][/path] is, or http:// on this machine"
    )]
    Address(String),
    /// It holds a name or a password.
    #[error("a coordinator's address holds no name and no password: a token in a file lets in")]
    Secret,
    /// The token would be readable on its way.
    #[error(
        "a token is not sent to {0} without encryption: use https://, or http:// on this machine alone"
    )]
    Plain(String),
    /// The client does not start.
    #[error("cannot start an HTTP client")]
    Client(#[source] reqwest::Error),
}

impl HttpLine {
    /// The line to the coordinator at `base`. Nothing is connected yet.
    ///
    /// # Errors
    /// If the address is none, or the token would go to another machine without encryption.
    pub fn new(base: &Url, bearer: Option<&Bearer>) -> Result<Self, HttpLineError> {
        if !base.username().is_empty() || base.password().is_some() {
            return Err(HttpLineError::Secret);
        }
        let is_address = matches!(base.scheme(), "http" | "https") && base.has_host();
        if !is_address || base.query().is_some() || base.fragment().is_some() {
            return Err(HttpLineError::Address(base.to_string()));
        }
        if bearer.is_some() && base.scheme() == "http" && !is_loopback(base) {
            return Err(HttpLineError::Plain(base.to_string()));
        }
        let bearer = bearer.map(|bearer| {
            let value = HeaderValue::from_str(&format!("Bearer {}", bearer.expose()));
            let mut value = value.expect("a token is visible ASCII");
            value.set_sensitive(true);
            value
        });
        let client = connectable().map_err(HttpLineError::Client)?;
        Ok(Self { base: base.clone(), bearer, client })
    }

    async fn post<Answer: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        timeout: Duration,
    ) -> Result<Answer, LineError> {
        let url = format!("{}/{path}", self.base.as_str().trim_end_matches('/'));
        let mut request = self.client.post(url).timeout(timeout).json(body);
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer.clone());
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = read(response).await?;
        if status.is_success() {
            let misread = |error| misunderstood(format!("the answer cannot be read: {error}"));
            return serde_json::from_slice(&body).map_err(misread);
        }
        Err(refusal(status, &body))
    }
}

#[async_trait]
impl Line for HttpLine {
    async fn hello(&self, hello: Hello) -> Result<Welcome, LineError> {
        self.post("v1/workers", &hello, ANSWER_TIMEOUT).await
    }

    async fn ask(&self, worker: u64, ask: Ask) -> Result<Answer, LineError> {
        let timeout = ANSWER_TIMEOUT.saturating_add(Duration::from_millis(ask.wait_ms));
        self.post(&format!("v1/workers/{worker}/ask"), &ask, timeout).await
    }

    fn apart(&self) -> Arc<dyn Line> {
        let client = connectable().unwrap_or_else(|error| {
            tracing::warn!(%error, "heartbeats share the connections of everything else");
            self.client.clone()
        });
        Arc::new(Self { client, ..self.clone() })
    }
}

fn connectable() -> Result<Client, reqwest::Error> {
    let client = Client::builder().connect_timeout(CONNECT_TIMEOUT);
    // A coordinator sends nobody elsewhere, least of all with a token.
    client.redirect(redirect::Policy::none()).build()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, LineError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(misunderstood(format!(
                "the answer is longer than {ANSWER_BYTES_MAX} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Something between here and the coordinator may have answered in its stead; then only the status says something.
fn refusal(status: StatusCode, body: &[u8]) -> LineError {
    if let Ok(Problem { error }) = serde_json::from_slice(body) {
        return error.into();
    }
    let reason = format!("HTTP status {status} without a coordinator's words");
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => LineError::Credentials { reason },
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => LineError::Busy { reason },
        _ if status.is_server_error() => LineError::Unreachable { reason },
        _ => misunderstood(reason),
    }
}

fn misunderstood(reason: String) -> LineError {
    LineError::Misunderstood { reason }
}

fn unreachable(error: reqwest::Error) -> LineError {
    // The outermost words say only that a request failed.
    LineError::Unreachable { reason: on_one_line(&error.without_url()) }
}
