//! The coordinator's HTTP interface, described at `/openapi.json`.
//!
//! Whoever may submit may ask for any job by its name: a name is a digest over program, input and limits, so whoever knows
//! it knows what is proven. Lists and what changes a job keep to the caller's tenant. Workers with a token are not
//! protected from each other's words, which is why results are looked at before they count.

mod artifacts;
mod events;
mod gate;
mod jobs;
mod refusal;
mod tls;
mod view;
mod workers;

use crate::access::Access;
use crate::coordinator::Coordinator;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use gate::{House, Tokens};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;

pub use tls::{TlsError, TlsFiles};
pub use view::{
    DrainOrder, EventJson, JobJson, JobsPage, NewOrder, Ordered, StandingJson, StatusJson,
    Uploaded, WorkerJson,
};

/// The most that is read of a question: 64,000 leases that a worker names take 8 MB.
const BODY_BYTES_MAX: usize = 16 << 20;
/// Uploads and downloads at once; each may hold its artifact in memory.
const TRANSFERS_MAX: usize = 16;
/// Whoever follows events holds a connection and little else.
const FOLLOWERS_MAX: usize = 1_024;
/// What requests in progress get after the shutdown signal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How a coordinator is reached.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Its certificate and key; without them it speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Who is let in.
    pub access: Access,
    /// The largest program or input that is taken, in bytes.
    pub upload_max_bytes: u64,
}

/// The interface cannot be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Everybody could do everything.
    #[error(
        "{0} can be reached from other machines: name a file of tokens, or listen on 127.0.0.1"
    )]
    Exposed(SocketAddr),
    /// The address is taken or not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("cannot serve with TLS")]
    Tls(#[from] TlsError),
    /// The server ended by itself.
    #[error("the coordinator's server failed")]
    Server(#[source] io::Error),
}

/// A coordinator that can be reached. Dropping this does not end it; the shutdown token does.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    task: JoinHandle<io::Result<()>>,
}

impl Serving {
    /// Where it listens, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// [`ServeError::Server`] if it did so by itself.
    pub async fn ended(self) -> Result<(), ServeError> {
        self.task.await.map_err(io::Error::other).flatten().map_err(ServeError::Server)
    }
}

/// Serves the coordinator until `shutdown`. When this returns, it listens.
///
/// # Errors
/// Any [`ServeError`] but [`ServeError::Server`].
pub async fn serve(
    coordinator: Coordinator,
    config: ApiConfig,
    shutdown: CancellationToken,
) -> Result<Serving, ServeError> {
    let ApiConfig { listen, tls, access, upload_max_bytes } = config;
    if access.is_open() && !listen.ip().is_loopback() {
        return Err(ServeError::Exposed(listen));
    }
    if tls.is_none() && !listen.ip().is_loopback() {
        tracing::warn!(%listen, "tokens come in without encryption; something in front of this should encrypt");
    }
    let failed = |source| ServeError::Listen { address: listen, source };
    let acceptor = tls.map(|files| files.acceptor()).transpose()?;
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let house = Arc::new(House {
        coordinator,
        access,
        upload_max_bytes,
        transfers: Semaphore::new(TRANSFERS_MAX),
        followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
        shutdown: shutdown.clone(),
    });
    let routes = routes(house);
    let task = match acceptor {
        Some(acceptor) => {
            let listener = tls::Listener::new(listener, acceptor, address);
            let served = axum::serve(listener, routes);
            let served = served.with_graceful_shutdown(shutdown.clone().cancelled_owned());
            tokio::spawn(until_drained(served.into_future(), shutdown))
        }
        None => {
            let served = axum::serve(listener, routes);
            let served = served.with_graceful_shutdown(shutdown.clone().cancelled_owned());
            tokio::spawn(until_drained(served.into_future(), shutdown))
        }
    };
    tracing::info!(%address, "the coordinator listens");
    Ok(Serving { address, task })
}

/// Lets requests in progress finish after the signal, but not for ever.
async fn until_drained(
    served: impl Future<Output = io::Result<()>>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let drained = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        ended = served => ended,
        () = drained => {
            tracing::warn!("requests in progress were cut off at shutdown");
            Ok(())
        }
    }
}

fn routes(house: Arc<House>) -> Router {
    let json = Router::new()
        .route("/health", get(health))
        .route("/openapi.json", get(|| async { Json(Description::openapi()) }))
        .route("/v1/status", get(workers::status))
        .route("/v1/workers", post(workers::hello).get(workers::list))
        .route("/v1/workers/{worker}/ask", post(workers::ask))
        .route("/v1/workers/{worker}/drain", post(workers::drain))
        .route("/v1/jobs", post(jobs::order).get(jobs::list))
        .route("/v1/jobs/{job}", get(jobs::job).delete(jobs::cancel))
        .route("/v1/jobs/{job}/proof", get(jobs::proof))
        .route("/v1/jobs/{job}/events", get(events::of_job))
        .route("/v1/events", get(events::of_all))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    let artifacts = Router::new()
        .route("/v1/artifacts/{id}", put(artifacts::put).get(artifacts::get).head(artifacts::has))
        // What is stored is bounded as it comes in.
        .layer(DefaultBodyLimit::disable());
    json.merge(artifacts).fallback(refusal::no_such_page).with_state(house)
}

/// Whether it is up. Asks nothing of the database.
#[utoipa::path(get, path = "/health", responses((status = 200, description = "It is up.")))]
async fn health() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

/// What the interface is, for programs.
#[derive(OpenApi)]
#[openapi(
    info(title = "Rialto cluster", description = "Proofs by many workers."),
    paths(
        health,
        workers::status,
        workers::hello,
        workers::list,
        workers::ask,
        workers::drain,
        jobs::order,
        jobs::list,
        jobs::job,
        jobs::cancel,
        jobs::proof,
        events::of_job,
        events::of_all,
        artifacts::put,
        artifacts::get,
        artifacts::has,
    ),
    components(schemas(crate::problem::Problem)),
    modifiers(&Tokens)
)]
struct Description;
