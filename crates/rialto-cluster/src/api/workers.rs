//! What workers say, and what is said of them.

use super::gate::{House, Said};
use super::refusal::Refusal;
use super::view::{DrainOrder, StatusJson, WorkerJson};
use crate::access::Scope;
use crate::line::Line;
use crate::problem::Problem;
use crate::wire::{Answer, Ask, Hello, Welcome};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use rialto_protocol::Span;
use std::sync::Arc;

/// A worker that was not heard of for so long is not shown.
const SHOWN: Span = Span::s(3_600);

/// A worker begins.
#[utoipa::path(post, path = "/v1/workers", security(("token" = [])), request_body = Hello,
    responses((status = 200, body = Welcome), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn hello(
    State(house): State<Arc<House>>,
    headers: HeaderMap,
    Said(hello): Said<Hello>,
) -> Result<Json<Welcome>, Refusal> {
    let caller = house.caller(&headers, &[Scope::Work])?;
    tracing::info!(token = caller.name, worker = hello.name, "a worker begins");
    Ok(Json(house.coordinator.hello(hello).await?))
}

/// A worker asks for tasks and says what came of those that it has.
#[utoipa::path(post, path = "/v1/workers/{worker}/ask", security(("token" = [])), request_body = Ask,
    params(("worker" = u64, Path, description = "Its number.")),
    responses((status = 200, body = Answer), (status = 404, body = Problem)))]
pub(super) async fn ask(
    State(house): State<Arc<House>>,
    Path(worker): Path<String>,
    headers: HeaderMap,
    Said(ask): Said<Ask>,
) -> Result<Json<Answer>, Refusal> {
    house.caller(&headers, &[Scope::Work])?;
    let number = worker.parse();
    let number = number.map_err(|_| Refusal::invalid("a worker asks by its number"))?;
    Ok(Json(house.coordinator.ask(number, ask).await?))
}

/// Workers that were heard of in the last hour.
#[utoipa::path(get, path = "/v1/workers", security(("token" = [])),
    responses((status = 200, body = Vec<WorkerJson>)))]
pub(super) async fn list(
    State(house): State<Arc<House>>,
    headers: HeaderMap,
) -> Result<Json<Vec<WorkerJson>>, Refusal> {
    house.caller(&headers, &[Scope::Read])?;
    let workers = house.coordinator.workers(SHOWN).await?;
    Ok(Json(workers.into_iter().map(WorkerJson::from).collect()))
}

/// Has a worker finish what it has and take no more, or take tasks again.
#[utoipa::path(post, path = "/v1/workers/{worker}/drain", security(("token" = [])), request_body = DrainOrder,
    params(("worker" = String, Path, description = "Its name.")),
    responses((status = 204, description = "It will be told."), (status = 404, body = Problem)))]
pub(super) async fn drain(
    State(house): State<Arc<House>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Said(DrainOrder { drains }): Said<DrainOrder>,
) -> Result<StatusCode, Refusal> {
    let caller = house.caller(&headers, &[Scope::Admin])?;
    if !house.coordinator.set_draining(&name, drains).await? {
        return Err(Refusal::not_found("there is no worker of that name"));
    }
    tracing::info!(
        token = caller.name,
        worker = name,
        drains,
        "a worker was told to drain or not to"
    );
    Ok(StatusCode::NO_CONTENT)
}

/// How much there is to do, and who does it.
#[utoipa::path(get, path = "/v1/status", security(("token" = [])),
    responses((status = 200, body = StatusJson)))]
pub(super) async fn status(
    State(house): State<Arc<House>>,
    headers: HeaderMap,
) -> Result<Json<StatusJson>, Refusal> {
    house.caller(&headers, &[Scope::Submit, Scope::Read])?;
    let jobs_open = house.coordinator.ledger().jobs_open().await?;
    let workers = house.coordinator.workers(SHOWN).await?;
    Ok(Json(StatusJson {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        jobs_open,
        jobs_max: house.coordinator.config().jobs_max,
        workers: workers.len(),
        tasks_in_hand: workers.iter().map(|worker| worker.leases).sum(),
        last_event: house.coordinator.ledger().last_event().await?,
    }))
}
