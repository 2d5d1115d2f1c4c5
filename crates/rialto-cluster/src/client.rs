//! The way to a coordinator over HTTP: a worker's line, and what requesters and operators ask.

use crate::api::{
    DrainOrder, EventJson, JobJson, JobsPage, NewOrder, Ordered, StatusJson, WorkerJson,
};
use crate::bearer::Bearer;
use crate::causes::on_one_line;
use crate::coordinator::Order;
use crate::desk::Desk;
use crate::ledger::Standing;
use crate::line::{Line, LineError};
use crate::problem::Problem;
use crate::wire::{Answer, Ask, Hello, Welcome};
use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use rialto_artifacts::ArtifactId;
use rialto_zkvm::{JobId, ProverError};
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
/// The largest proof that is fetched.
const PROOF_BYTES_MAX: usize = 512 << 20;
/// What an upload or a download may take.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(600);
/// How long events are waited for before they are asked for again.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(5);

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
        let request = self.request(Method::POST, path).timeout(timeout).json(body);
        parsed(&self.answered(request, ANSWER_BYTES_MAX).await?)
    }

    async fn get<Answer: DeserializeOwned>(&self, path: &str) -> Result<Answer, LineError> {
        let request = self.request(Method::GET, path).timeout(ANSWER_TIMEOUT);
        parsed(&self.answered(request, ANSWER_BYTES_MAX).await?)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/{path}", self.base.as_str().trim_end_matches('/'));
        let request = self.client.request(method, url);
        match &self.bearer {
            Some(bearer) => request.header(AUTHORIZATION, bearer.clone()),
            None => request,
        }
    }

    /// What is answered, if it is no refusal.
    async fn answered(&self, request: RequestBuilder, max: usize) -> Result<Vec<u8>, LineError> {
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = read(response, max).await?;
        if status.is_success() { Ok(body) } else { Err(refusal(status, &body)) }
    }

    /// How much there is to do, and who does it.
    ///
    /// # Errors
    /// If the coordinator cannot be reached or does not say it to us.
    pub async fn status(&self) -> Result<StatusJson, LineError> {
        self.get("v1/status").await
    }

    /// Workers that were heard of in the last hour.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn workers(&self) -> Result<Vec<WorkerJson>, LineError> {
        self.get("v1/workers").await
    }

    /// Jobs that have not ended, or the latest that have.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn jobs(&self, ended: bool) -> Result<JobsPage, LineError> {
        self.get(&format!("v1/jobs?ended={ended}")).await
    }

    /// Has a worker take no more, or take tasks again.
    ///
    /// # Errors
    /// As [`status`](Self::status), and if there is no worker of that name.
    pub async fn set_draining(&self, name: &str, drains: bool) -> Result<(), LineError> {
        // A name may have any character.
        let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let path = format!("v1/workers/{}/drain", name.replace('+', "%20"));
        let request = self.request(Method::POST, &path).timeout(ANSWER_TIMEOUT);
        self.answered(request.json(&DrainOrder { drains }), ANSWER_BYTES_MAX).await.map(drop)
    }

    /// What has happened to a job so far, in order.
    ///
    /// # Errors
    /// As [`status`](Self::status), and if the job is not known.
    pub async fn history(&self, id: JobId) -> Result<Vec<EventJson>, LineError> {
        let mut events: Vec<EventJson> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event.id);
            let more = self.events(id, after).await?;
            if more.is_empty() {
                return Ok(events);
            }
            events.extend(more);
        }
    }

    /// What happened to a job next after that event: as much as comes at once. Nothing if nothing happens for a while.
    async fn events(&self, id: JobId, after: u64) -> Result<Vec<EventJson>, LineError> {
        let path = format!("v1/jobs/{id}/events?after={after}");
        let request = self.request(Method::GET, &path).timeout(FOLLOW_TIMEOUT);
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            return Err(refusal(status, &read(response, ANSWER_BYTES_MAX).await?));
        }
        let mut text = Vec::new();
        // The connection's end says what silence does: nothing has happened.
        while let Ok(Some(chunk)) = response.chunk().await {
            text.extend_from_slice(&chunk);
            let events = whole_events(&text);
            if !events.is_empty() || text.len() > ANSWER_BYTES_MAX {
                return Ok(events);
            }
        }
        Ok(Vec::new())
    }
}

/// The events that are there whole; lines that are none are kept alive with.
fn whole_events(text: &[u8]) -> Vec<EventJson> {
    let whole = text.windows(2).rposition(|it| it == b"\n\n").unwrap_or(0);
    let text = String::from_utf8_lossy(&text[..whole]);
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

fn parsed<Answer: DeserializeOwned>(body: &[u8]) -> Result<Answer, LineError> {
    let misread = |error| misunderstood(format!("the answer cannot be read: {error}"));
    serde_json::from_slice(body).map_err(misread)
}

#[async_trait]
impl Desk for HttpLine {
    async fn upload(&self, bytes: Bytes) -> Result<ArtifactId, ProverError> {
        let id = ArtifactId::of(&bytes);
        let path = format!("v1/artifacts/{id}");
        let is_there = self.request(Method::HEAD, &path).timeout(ANSWER_TIMEOUT);
        if self.answered(is_there, ANSWER_BYTES_MAX).await.is_ok() {
            return Ok(id);
        }
        let request = self.request(Method::PUT, &path).timeout(TRANSFER_TIMEOUT).body(bytes);
        self.answered(request, ANSWER_BYTES_MAX).await.map_err(no_prover)?;
        Ok(id)
    }

    async fn order(&self, order: Order) -> Result<JobId, ProverError> {
        let Order { engine, proof, program, input, limits, tenant: _, due, value } = order;
        let order = NewOrder {
            engine,
            proof,
            program,
            input,
            limits,
            // The token says whose it is.
            tenant: None,
            due_ms: Some(due.0),
            value_wei: Some(value.0.to_string()),
        };
        let ordered: Ordered =
            self.post("v1/jobs", &order, ANSWER_TIMEOUT).await.map_err(no_prover)?;
        let named = ordered.job.parse();
        named.map_err(|error| no_prover(misunderstood(format!("{error}"))))
    }

    async fn job(&self, id: JobId) -> Result<Option<Standing>, ProverError> {
        match self.get::<JobJson>(&format!("v1/jobs/{id}")).await {
            Ok(job) => Ok(Some(job.standing.into())),
            Err(LineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(no_prover(error)),
        }
    }

    async fn proof(&self, id: JobId) -> Result<Bytes, ProverError> {
        let path = format!("v1/jobs/{id}/proof");
        let request = self.request(Method::GET, &path).timeout(TRANSFER_TIMEOUT);
        match self.answered(request, PROOF_BYTES_MAX).await {
            Ok(proof) => Ok(proof.into()),
            Err(LineError::NotFound { .. }) => match self.job(id).await? {
                Some(_) => Err(ProverError::NoProof(id)),
                None => Err(ProverError::UnknownJob(id)),
            },
            Err(error) => Err(no_prover(error)),
        }
    }

    async fn cancel(&self, id: JobId) -> Result<bool, ProverError> {
        let is_open = matches!(self.job(id).await?, Some(Standing::Open { .. }));
        let request = self.request(Method::DELETE, &format!("v1/jobs/{id}"));
        match self.answered(request.timeout(ANSWER_TIMEOUT), ANSWER_BYTES_MAX).await {
            Ok(_) => Ok(is_open),
            Err(LineError::NotFound { .. }) => Ok(false),
            Err(error) => Err(no_prover(error)),
        }
    }

    async fn ready(&self) -> Result<(), ProverError> {
        let status = self.status().await.map_err(no_prover)?;
        match status.jobs_open >= status.jobs_max {
            true => {
                let jobs = usize::try_from(status.jobs_open).unwrap_or(usize::MAX);
                Err(ProverError::QueueFull { jobs })
            }
            false => Ok(()),
        }
    }

    async fn changed(&self, id: JobId, after: u64) -> Result<u64, ProverError> {
        match self.events(id, after).await {
            Ok(events) => Ok(events.last().map_or(after, |event| event.id)),
            Err(LineError::NotFound { .. }) => Ok(after),
            Err(error) => Err(no_prover(error)),
        }
    }
}

fn no_prover(error: LineError) -> ProverError {
    ProverError::Unreachable { reason: error.to_string() }
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

async fn read(mut response: Response, max: usize) -> Result<Vec<u8>, LineError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > max {
            return Err(misunderstood(format!("the answer is longer than {max} bytes")));
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
