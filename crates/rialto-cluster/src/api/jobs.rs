//! Jobs: ordering, seeing, fetching, cancelling.

use super::artifacts;
use super::gate::{House, Said};
use super::refusal::Refusal;
use super::view::{JobJson, JobsPage, NewOrder, Ordered};
use crate::access::{Caller, Scope};
use crate::coordinator::Order;
use crate::ledger::{JobView, Outcome, Standing};
use crate::problem::{Code, Problem};
use alloy_primitives::U256;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use rialto_protocol::{Time, Wei};
use rialto_zkvm::JobId;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Whose a job is if neither token nor order says.
const TENANT: &str = "default";
/// A tenant's name has at most so many characters.
const TENANT_CHARACTERS_MAX: usize = 64;
/// A job whose owner says nothing of time: behind everything that has one.
const UNDUE: Time = Time(1 << 50);
/// What a list shows unless it is asked for less.
const PAGE: usize = 100;

/// Orders a proof. One that is ordered already stays as it is.
#[utoipa::path(post, path = "/v1/jobs", security(("token" = [])), request_body = NewOrder,
    responses((status = 200, body = Ordered), (status = 422, body = Problem), (status = 503, body = Problem)))]
pub(super) async fn order(
    State(house): State<Arc<House>>,
    headers: HeaderMap,
    Said(asked): Said<NewOrder>,
) -> Result<Json<Ordered>, Refusal> {
    let caller = house.caller(&headers, &[Scope::Submit])?;
    let tenant = tenant_of(&caller, asked.tenant)?;
    let value = match asked.value_wei {
        Some(text) => text.parse::<U256>().map(Wei).map_err(|_| {
            Refusal::invalid("`value_wei` is a whole number of wei in decimal or 0x hexadecimal")
        })?,
        None => Wei::ZERO,
    };
    let NewOrder { engine, proof, program, input, limits, due_ms, .. } = asked;
    let due = due_ms.map_or(UNDUE, |ms| Time(ms).min(UNDUE));
    let order = Order { engine, proof, program, input, limits, tenant, due, value };
    Ok(Json(Ordered { job: house.coordinator.submit(order).await?.to_string() }))
}

/// The tenant that the token names, else the one that the order does.
fn tenant_of(caller: &Caller, asked: Option<String>) -> Result<String, Refusal> {
    let tenant = match (&caller.tenant, asked) {
        (Some(own), Some(asked)) if *own != asked => {
            let message = format!("the token is tenant `{own}`'s");
            let next = "leave `tenant` out, or use that tenant's token";
            return Err(Refusal::new(StatusCode::FORBIDDEN, Code::Forbidden, message, next));
        }
        (Some(own), _) => own.clone(),
        (None, asked) => asked.unwrap_or_else(|| TENANT.to_owned()),
    };
    let is_name = !tenant.is_empty()
        && tenant.chars().count() <= TENANT_CHARACTERS_MAX
        && !tenant.chars().any(char::is_control);
    let wrong = || format!("`tenant` is a name of 1 to {TENANT_CHARACTERS_MAX} characters");
    is_name.then_some(tenant).ok_or_else(|| Refusal::invalid(wrong()))
}

/// Which jobs are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Those that have ended instead of those that have not.
    #[serde(default)]
    ended: bool,
    /// Only those that ended before that time, in milliseconds since 1970: the next page.
    before_ms: Option<u64>,
    /// How many at most: 100 unless it is fewer.
    limit: Option<usize>,
}

/// The caller's jobs: those that have not ended, the nearest due first, or those that have, the latest first.
#[utoipa::path(get, path = "/v1/jobs", security(("token" = [])), params(ListQuery),
    responses((status = 200, body = JobsPage)))]
pub(super) async fn list(
    State(house): State<Arc<House>>,
    headers: HeaderMap,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<JobsPage>, Refusal> {
    let caller = house.caller(&headers, &[Scope::Read, Scope::Submit])?;
    let Query(query) = query.map_err(|error| Refusal::invalid(error.body_text()))?;
    let (ledger, tenant) = (house.coordinator.ledger(), caller.tenant.as_deref());
    let limit = query.limit.unwrap_or(PAGE).min(PAGE);
    let jobs = match query.ended {
        true => {
            let before = Time(query.before_ms.unwrap_or(i64::MAX as u64).min(i64::MAX as u64));
            ledger.ended_jobs(tenant, before, limit).await?
        }
        false => ledger.open_jobs(tenant).await?,
    };
    let jobs = jobs.iter().take(limit).map(JobJson::from).collect();
    Ok(Json(JobsPage { jobs, open: ledger.jobs_open().await? }))
}

/// One job.
#[utoipa::path(get, path = "/v1/jobs/{job}", security(("token" = [])),
    params(("job" = String, Path, description = "Its name: 64 hexadecimal digits.")),
    responses((status = 200, body = JobJson), (status = 404, body = Problem)))]
pub(super) async fn job(
    State(house): State<Arc<House>>,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> Result<Json<JobJson>, Refusal> {
    house.caller(&headers, &[Scope::Read, Scope::Submit])?;
    Ok(Json(JobJson::from(&view(&house, name(&job)?).await?)))
}

/// A job's proof.
#[utoipa::path(get, path = "/v1/jobs/{job}/proof", security(("token" = [])),
    params(("job" = String, Path, description = "Its name: 64 hexadecimal digits.")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
pub(super) async fn proof(
    State(house): State<Arc<House>>,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    house.caller(&headers, &[Scope::Read, Scope::Submit])?;
    let view = view(&house, name(&job)?).await?;
    match &view.standing {
        Standing::Ended { outcome: Outcome::Proven(proof), .. } => {
            artifacts::send(&house, proof).await
        }
        Standing::Open { .. } => Err(Refusal::not_found("the job has no proof yet")),
        Standing::Ended { .. } => Err(Refusal::not_found("the job has ended without a proof")),
    }
}

/// Ends a job of the caller's tenant. One that has ended stays as it is.
#[utoipa::path(delete, path = "/v1/jobs/{job}", security(("token" = [])),
    params(("job" = String, Path, description = "Its name: 64 hexadecimal digits.")),
    responses((status = 204, description = "It has ended."), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn cancel(
    State(house): State<Arc<House>>,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let caller = house.caller(&headers, &[Scope::Submit])?;
    let id = name(&job)?;
    let view = view(&house, id).await?;
    if !caller.is_of(&view.tenant) {
        let message = "the job is another tenant's";
        return Err(Refusal::new(StatusCode::FORBIDDEN, Code::Forbidden, message, ""));
    }
    house.coordinator.cancel(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn name(text: &str) -> Result<JobId, Refusal> {
    text.parse().map_err(|error| Refusal::invalid(format!("{error}")))
}

pub(super) async fn view(house: &House, id: JobId) -> Result<JobView, Refusal> {
    let view = house.coordinator.job(id).await?;
    view.ok_or_else(|| Refusal::not_found(format!("job {id} is not known; order it (again)")))
}
