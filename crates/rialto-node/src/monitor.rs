//! Tells machines how the node is doing: liveness and a status page as JSON.

use crate::venue::Venue;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};
use axum::{Router, routing::get};
use rialto_planner::Standing;
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

async fn status(State(venue): State<Arc<Venue>>) -> Json<Value> {
    Json(page(&venue))
}

fn page(venue: &Venue) -> Value {
    let round = venue.round.borrow().clone();
    let head = *venue.head.borrow();
    let steps = round.plan.iter().flat_map(|plan| &plan.steps);
    let orders: Vec<Value> = round
        .orders
        .iter()
        .zip(steps)
        .map(|(open, step)| {
            json!({
                "request": open.order.request.id,
                "digest": open.order.digest,
                "standing": word(&open.order.standing),
                "next": format!("{step:?}"),
            })
        })
        .collect();
    let load = round.plan.as_ref().map(|plan| &plan.load);
    json!({
        "prover": venue.me(),
        "chain_time": head.now(),
        "read_to_block": head.read_to,
        "free_collateral": head.free_collateral,
        "promised_orders": load.map_or(0, |load| load.promised),
        "owed_orders": load.map_or(0, |load| load.owed),
        "stake_at_risk": load.map(|load| load.stake_at_risk).unwrap_or_default(),
        "busy_for_s": load.map_or(0, |load| load.busy_for.as_secs()),
        "directive": *venue.directive.borrow(),
        "open_orders": orders,
    })
}

fn word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Seen => "seen",
        Standing::Skipped(_) => "skipped",
        Standing::Run(_) => "priced",
        Standing::Proven(..) => "proven",
        Standing::Sealed(..) => "sealed",
    }
}
