//! The HTTP side: routes, and what each answers.

use super::page::{self, Orders, Problem, Status, Stories};
use super::{Monitor, MonitorError};
use crate::calendar::Day;
use crate::ledger::{Grouping, Statement};
use crate::logbook::{LogbookError, Sought, now_ms};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::{Router, routing::get};
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What Prometheus knows the format by.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Lines of a list, unless another number is asked for.
const LINES: u32 = 100;
/// More lines than this are not given, since one page must not weigh on the node.
const LINES_MAX: u32 = 1_000;
/// What an order may be asked for by.
const NAMES: &str = "ask for a request's id or digest, as 0x-hex";
/// Entries of the history on the status page.
const RECENT: u32 = 30;

/// Serves until told to stop.
pub(super) async fn serve(
    monitor: Arc<Monitor>,
    address: SocketAddr,
    stop: CancellationToken,
) -> Result<(), MonitorError> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .map_err(|source| MonitorError::Listen { address, source })?;
    axum::serve(listener, routes(monitor))
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await
        .map_err(MonitorError::Serve)
}

fn routes(monitor: Arc<Monitor>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/api/v1/status", get(status))
        .route("/api/v1/orders", get(orders))
        .route("/api/v1/orders/{name}", get(order))
        .route("/api/v1/pnl", get(pnl))
        .route("/api/v1/host", get(host))
        .fallback(nowhere)
        .method_not_allowed_fallback(only_asked)
        .with_state(monitor)
}

type Shared = State<Arc<Monitor>>;

/// Why a page cannot be shown.
enum Refusal {
    Record(LogbookError),
    Asked { status: StatusCode, error: String, next_step: &'static str },
}

impl From<LogbookError> for Refusal {
    fn from(error: LogbookError) -> Self {
        Self::Record(error)
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        let next_step = "ask for /api/v1/orders?limit=NUMBER or /api/v1/pnl?by=WORD";
        Self::Asked { status: rejection.status(), error: rejection.body_text(), next_step }
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::Asked { status: rejection.status(), error: rejection.body_text(), next_step: NAMES }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, next_step) = match self {
            Self::Record(error) => {
                let error = crate::logbook::with_sources(&error);
                tracing::error!(error, "the monitor cannot read the logbook");
                (StatusCode::INTERNAL_SERVER_ERROR, error, "look at the data directory's disk")
            }
            Self::Asked { status, error, next_step } => (status, error, next_step),
        };
        (status, Json(Problem { error, next_step: next_step.to_owned() })).into_response()
    }
}

async fn metrics(State(monitor): Shared) -> Result<impl IntoResponse, Refusal> {
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], monitor.metrics_text().await?))
}

async fn health(State(monitor): Shared) -> impl IntoResponse {
    let health = monitor.health();
    (code(health.alive), Json(health))
}

async fn ready(State(monitor): Shared) -> impl IntoResponse {
    let readiness = monitor.readiness().await;
    (code(readiness.ready), Json(readiness))
}

fn code(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn status(State(monitor): Shared) -> Result<Json<Status>, Refusal> {
    let since_ms = Day::start_ms(now_ms());
    let postings = monitor.reader.postings(since_ms).await?;
    let today = Statement::new(Grouping::Day, &[(String::new(), postings)]).total;
    let readiness = monitor.readiness().await;
    Ok(Json(Status {
        prover: monitor.venue.me(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        up_s: monitor.began.elapsed().as_secs(),
        chain: monitor.chain(),
        alerts: monitor.alerts(&readiness),
        readiness,
        balances: monitor.balances(),
        load: monitor.load(),
        open_orders: monitor.open_orders(),
        orders: monitor.order_lines(LINES),
        recent: monitor.reader.latest(RECENT).await?,
        today,
        host: monitor.host.borrow().clone(),
    }))
}

#[derive(Deserialize)]
struct Listing {
    limit: Option<u32>,
}

async fn orders(
    State(monitor): Shared,
    listing: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<Orders>, Refusal> {
    let Query(listing) = listing?;
    let limit = listing.limit.unwrap_or(LINES).min(LINES_MAX);
    let closed = monitor.reader.latest_closed(limit).await?;
    let open_orders = monitor.open_orders();
    Ok(Json(Orders { open_orders, open: monitor.order_lines(limit), closed }))
}

async fn order(
    State(monitor): Shared,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Stories>, Refusal> {
    let Path(name) = name?;
    let sought: Sought = name.parse().map_err(|error: crate::logbook::InvalidName| {
        let status = StatusCode::BAD_REQUEST;
        Refusal::Asked { status, error: error.to_string(), next_step: NAMES }
    })?;
    let requests = monitor.reader.stories(sought).await?;
    if requests.is_empty() {
        let error = format!("this node has never seen request {name}");
        let next_step = "compare the id with /api/v1/orders";
        return Err(Refusal::Asked { status: StatusCode::NOT_FOUND, error, next_step });
    }
    Ok(Json(Stories { requests }))
}

#[derive(Deserialize)]
struct Books {
    by: Option<String>,
}

async fn pnl(
    State(monitor): Shared,
    books: Result<Query<Books>, QueryRejection>,
) -> Result<Json<Statement>, Refusal> {
    let Query(books) = books?;
    let by: Grouping = match books.by.as_deref() {
        None => Grouping::Day,
        Some(word) => word.parse().map_err(|error: crate::ledger::InvalidGrouping| {
            let next_step = "ask for /api/v1/pnl?by=request, venue or day";
            Refusal::Asked { status: StatusCode::BAD_REQUEST, error: error.to_string(), next_step }
        })?,
    };
    let domain = &monitor.venue.domain;
    let venue = format!("{} on chain {}", domain.market, domain.chain_id);
    Ok(Json(Statement::new(by, &[(venue, monitor.reader.postings(0).await?)])))
}

async fn only_asked() -> Refusal {
    let error = "pages are only asked for".to_owned();
    let (status, next_step) = (StatusCode::METHOD_NOT_ALLOWED, "use GET");
    Refusal::Asked { status, error, next_step }
}

async fn nowhere() -> Refusal {
    let error = "there is no such page".to_owned();
    let next_step = "ask for /health, /ready, /metrics, /api/v1/status, /api/v1/orders, \
                     /api/v1/orders/{id or digest}, /api/v1/pnl or /api/v1/host";
    Refusal::Asked { status: StatusCode::NOT_FOUND, error, next_step }
}

async fn host(State(monitor): Shared) -> Json<page::Host> {
    Json(monitor.host.borrow().clone())
}
