//! Tells machines how the node is doing: liveness and a status page as JSON.

use crate::logbook::LogbookError;
use crate::venue::Venue;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};
use axum::{Router, routing::get};
use rialto_planner::{Standing, Step};
use rialto_protocol::{RequestDigest, RequestId};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The chain counts as lost when nothing was read for this long.
const SILENCE_MAX_S: u64 = 30;

/// Why the status page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; is another node using it?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The listener failed.
    #[error("the status page's listener failed")]
    Serve(#[source] std::io::Error),
}

/// Serves until told to stop.
pub(crate) async fn serve(
    venue: Arc<Venue>,
    address: SocketAddr,
    stop: CancellationToken,
) -> Result<(), MonitorError> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(|source| MonitorError::Listen { address, source })?;
    let app = Router::new()
        .route("/health", get(health))
        .route("/v1/status", get(status))
        .with_state(venue);
    axum::serve(listener, app)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await
        .map_err(MonitorError::Serve)
}

async fn health(State(venue): State<Arc<Venue>>) -> impl IntoResponse {
    let silent_s = venue.head.borrow().seen_at.elapsed().as_secs();
    let code =
        if silent_s <= SILENCE_MAX_S { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(json!({ "chain_last_read_s_ago": silent_s })))
}

async fn status(State(venue): State<Arc<Venue>>) -> Result<Json<Value>, StatusCode> {
    page(&venue).await.map(Json).map_err(|error| {
        tracing::error!(error = %crate::logbook::with_sources(&error), "status page");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}

async fn page(venue: &Venue) -> Result<Value, LogbookError> {
    let plan = venue.plan(&[]).await?;
    let row = |id: RequestId, digest: RequestDigest, standing: &Standing, step: &Step| {
        json!({
            "request": id,
            "digest": digest,
            "standing": word(standing),
            "next": format!("{step:?}"),
        })
    };
    let orders: Vec<Value> = plan
        .steps
        .iter()
        .map(|(open, step)| {
            let order = &open.order;
            row(order.request.id, order.digest, &order.standing, step)
        })
        .collect();
    Ok(json!({
        "prover": venue.me(),
        "chain_time": plan.market.now,
        "read_to_block": venue.head.borrow().read_to,
        "free_collateral": plan.market.free_collateral,
        "promised_orders": plan.market.promised,
        "promised_cycles": plan.market.promised_cycles,
        "open_orders": orders,
    }))
}

fn word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Seen => "seen",
        Standing::Skipped(_) => "skipped",
        Standing::Priced(..) => "priced",
        Standing::Proven(..) => "proven",
        Standing::Sealed(..) => "sealed",
    }
}
