//! The HTTP interface: uploads, attestations, and the evidence for everybody.
//!
//! | request | answer |
//! |---|---|
//! | `GET /health` | `{"status":"ok"}` |
//! | `GET /v1/attester` | [`AttesterInfo`] |
//! | `PUT /v1/artifacts/{sha256}` | 201; 413 too large, 422 another hash |
//! | `GET`, `HEAD /v1/artifacts/{sha256}` | the bytes, verified; 404 |
//! | `POST /v1/attestations` | [`AttestationResponse`]; 422 with the reason |
//! | `GET /v1/claims/{claim_digest}` | [`AttestedProof`]; 404 |
//!
//! Every refusal is an [`AttestationRefusal`] in JSON: 400 what cannot be read, 503 when too much
//! waits, 500 own faults.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::signers::local::PrivateKeySigner;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use rialto_artifacts::{ArtifactId, ArtifactStore, StoreError};
use rialto_protocol::ClaimDigest;
use rialto_protocol::attestation::{AttestationRefusal, RefusalCode};
use rialto_zkvm::ProofVerifier;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::judgement::{Judge, refusal};
use crate::queue::Queue;
use crate::record::{Record, RecordError};
use crate::{AttesterConfig, ServedDomains};

/// Uploads and downloads at once: each may hold tens of megabytes in memory.
const TRANSFERS_MAX: usize = 16;
/// Transfers admitted at once; those that wait hold a connection and nothing else.
const TRANSFERS_ADMITTED_MAX: usize = 256;
/// A proof of the largest size at 4 Mbit/s; whoever is slower holds a place for nothing.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(300);
/// Waiting for a thread and verifying a full batch; the asker has other attesters.
const ATTESTATION_TIMEOUT: Duration = Duration::from_secs(120);
/// After the shutdown signal, requests in progress get this long.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// A claim in JSON takes about 250 bytes; this leaves room for generous white space.
const CLAIM_JSON_BYTES_MAX: usize = 512;

/// What an attester says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttesterInfo {
    /// The address that its signatures recover to.
    pub address: Address,
    /// Version of its software.
    pub version: String,
    /// The zkVMs and parameter sets whose proofs it verifies; others are refused.
    pub zkvms: Vec<String>,
    /// The contracts it signs for.
    pub domains: ServedDomains,
    /// Largest proof accepted, in bytes.
    pub proof_bytes_max: u64,
    /// Most claims under one signature.
    pub claims_max: usize,
}

/// The evidence for a claim that the attester signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttestedProof {
    /// SHA-256 of the proof: its name under `/v1/artifacts/`.
    pub proof: B256,
}

/// The service cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The artifact store cannot be opened.
    #[error("the attester's artifact store cannot be used")]
    Store(#[from] StoreError),
    /// The record of signatures cannot be opened.
    #[error("the attester's record cannot be used")]
    Record(#[from] RecordError),
    /// The address is taken or not this machine's.
    #[error("the attester cannot listen on {address}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The server ended by itself.
    #[error("the attester's server failed")]
    Server(#[source] io::Error),
}

/// A running attester. Dropping this does not stop it; the shutdown signal does.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    task: JoinHandle<io::Result<()>>,
}

impl Serving {
    /// The address it listens on, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the shutdown signal has come and the requests in progress are answered.
    ///
    /// # Errors
    /// [`ServeError::Server`] if the server failed before.
    pub async fn ended(self) -> Result<(), ServeError> {
        self.task.await.map_err(io::Error::other).flatten().map_err(ServeError::Server)
    }
}

/// What an attester verifies with.
#[derive(Clone)]
pub struct Verifier {
    /// Name of the zkVM and its parameter set, for [`AttesterInfo`].
    pub zkvm: String,
    /// The verifier itself.
    pub port: Arc<dyn ProofVerifier>,
}

/// Starts an attester that signs with `signer` what `verifier` accepts, until `shutdown` completes.
/// When this returns, it listens.
///
/// # Errors
/// Any [`ServeError`] but [`ServeError::Server`].
pub async fn serve(
    config: AttesterConfig,
    signer: PrivateKeySigner,
    verifier: Verifier,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Serving, ServeError> {
    let store = ArtifactStore::open(&config.artifacts)?;
    let record = Arc::new(Record::open(&config.record)?);
    let listen = |source| ServeError::Listen { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    tracing::info!(%address, signer = %signer.address(), domains = ?config.domains, "the attester listens");

    let desk = Arc::new(Desk {
        info: info(&config, &signer, verifier.zkvm),
        transfers: Queue::new(TRANSFERS_MAX, TRANSFERS_ADMITTED_MAX),
        judge: Judge::new(&config, signer, verifier.port, store.clone(), record.clone()),
        store,
        record,
    });
    let task = tokio::spawn(run(listener, routes(desk), shutdown));
    Ok(Serving { address, task })
}

/// Serves until the signal, then lets requests in progress finish, but not for ever.
async fn run(
    listener: TcpListener,
    routes: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (signal, signalled) = tokio::sync::oneshot::channel();
    let shutdown = async move {
        shutdown.await;
        // The receiver waits below; it is gone only when the server has ended already.
        let _ = signal.send(());
    };
    let drained = async {
        match signalled.await {
            Ok(()) => tokio::time::sleep(DRAIN_TIMEOUT).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = axum::serve(listener, routes).with_graceful_shutdown(shutdown).into_future() => ended,
        () = drained => {
            tracing::warn!("requests in progress were cut off at shutdown");
            Ok(())
        }
    }
}

/// What the routes work with.
struct Desk {
    info: AttesterInfo,
    judge: Judge,
    store: ArtifactStore,
    record: Arc<Record>,
    transfers: Queue,
}

fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/health", get(|| async { Json(serde_json::json!({ "status": "ok" })) }))
        .route("/v1/attester", get(attester))
        .route("/v1/artifacts/{id}", put(put_artifact).get(get_artifact).head(has_artifact))
        .route("/v1/attestations", post(attest))
        .route("/v1/claims/{claim}", get(proof_of_claim))
        // The handlers bound what they read themselves, each by its own measure.
        .layer(DefaultBodyLimit::disable())
        .with_state(desk)
}

/// A refusal on its way out, with the status that fits its code unless the route knows better.
struct Refused(StatusCode, AttestationRefusal);

impl From<AttestationRefusal> for Refused {
    fn from(refusal: AttestationRefusal) -> Self {
        let status = match refusal.code {
            RefusalCode::Malformed => StatusCode::BAD_REQUEST,
            RefusalCode::Busy => StatusCode::SERVICE_UNAVAILABLE,
            RefusalCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self(status, refusal)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        tracing::info!(status = %self.0, code = ?self.1.code, index = ?self.1.index, reason = self.1.reason, "refused");
        let mut response = (self.0, Json(self.1)).into_response();
        if self.0 == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}

async fn attester(State(desk): State<Arc<Desk>>) -> Json<AttesterInfo> {
    Json(desk.info.clone())
}

async fn attest(State(desk): State<Arc<Desk>>, body: Body) -> Result<Response, Refused> {
    let limit = CLAIM_JSON_BYTES_MAX * (desk.info.claims_max + 1);
    let judged = async {
        let body = to_bytes(body, limit).await;
        let body = body.map_err(|e| malformed(format!("the request cannot be read: {e}")))?;
        let request = serde_json::from_slice(&body);
        let request = request.map_err(|e| malformed(format!("the request cannot be read: {e}")))?;
        desk.judge.attest(request).await
    };
    match tokio::time::timeout(ATTESTATION_TIMEOUT, judged).await {
        Ok(judged) => Ok(Json(judged?).into_response()),
        Err(_) => Err(refusal(RefusalCode::Busy, "verification took too long; ask again").into()),
    }
}

async fn put_artifact(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refused> {
    let id = artifact_id(&id)?;
    let limit = desk.info.proof_bytes_max;
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limit) {
        return Err(unstored(StoreError::TooLarge { limit_bytes: limit }));
    }
    let _place = desk.transfers.admit().ok_or_else(too_many_transfers)?;
    let put = async {
        let _slot = desk.transfers.slot().await;
        desk.store.put_stream(body.into_data_stream(), limit, Some(id)).await
    };
    match tokio::time::timeout(UPLOAD_TIMEOUT, put).await {
        Ok(Ok(_)) => Ok(StatusCode::CREATED),
        Ok(Err(error)) => Err(unstored(error)),
        Err(_) => {
            let slow = refusal(RefusalCode::Busy, "the upload took too long");
            Err(Refused(StatusCode::REQUEST_TIMEOUT, slow))
        }
    }
}

async fn get_artifact(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let id = artifact_id(&id)?;
    let _place = desk.transfers.admit().ok_or_else(too_many_transfers)?;
    let _slot = desk.transfers.slot().await;
    let bytes = desk.store.get(&id).await.map_err(unstored)?;
    // The name is the content's hash: it can be kept for ever.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, bytes).into_response())
}

async fn has_artifact(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    let found = desk.store.contains(&artifact_id(&id)?).await.map_err(unstored)?;
    Ok(if found { StatusCode::OK } else { StatusCode::NOT_FOUND })
}

async fn proof_of_claim(
    State(desk): State<Arc<Desk>>,
    Path(claim): Path<String>,
) -> Result<Json<AttestedProof>, Refused> {
    let claim: B256 =
        claim.parse().map_err(|_| malformed("the claim digest is not 32 bytes of hexadecimal"))?;
    match desk.record.proof_of(ClaimDigest(claim)) {
        Some(id) => Ok(Json(AttestedProof { proof: B256::new(id.0) })),
        None => {
            let unknown =
                refusal(RefusalCode::ProofUnknown, "this attester has not signed this claim");
            Err(Refused(StatusCode::NOT_FOUND, unknown))
        }
    }
}

fn artifact_id(text: &str) -> Result<ArtifactId, AttestationRefusal> {
    text.parse().map_err(|e| malformed(format!("{e}")))
}

fn too_many_transfers() -> AttestationRefusal {
    refusal(RefusalCode::Busy, "too many transfers are waiting; ask again")
}

fn malformed(reason: impl Into<String>) -> AttestationRefusal {
    refusal(RefusalCode::Malformed, reason)
}

/// The store's errors, with our own faults told to the log and not to strangers.
fn unstored(error: StoreError) -> Refused {
    match &error {
        StoreError::TooLarge { .. } => {
            Refused(StatusCode::PAYLOAD_TOO_LARGE, malformed(error.to_string()))
        }
        StoreError::WrongHash { .. } => {
            Refused(StatusCode::UNPROCESSABLE_ENTITY, malformed(error.to_string()))
        }
        StoreError::NotFound { .. } => {
            let unknown = refusal(RefusalCode::ProofUnknown, "this attester has no such artifact");
            Refused(StatusCode::NOT_FOUND, unknown)
        }
        StoreError::Source(_) => malformed("the upload broke off").into(),
        _ => {
            tracing::error!(error = &error as &dyn std::error::Error, "the artifact store failed");
            refusal(RefusalCode::Internal, "the attester's store failed").into()
        }
    }
}

fn info(config: &AttesterConfig, signer: &PrivateKeySigner, zkvm: String) -> AttesterInfo {
    AttesterInfo {
        address: signer.address(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        zkvms: vec![zkvm],
        domains: config.domains.clone(),
        proof_bytes_max: config.proof_bytes_max,
        claims_max: config.claims_max.get(),
    }
}
