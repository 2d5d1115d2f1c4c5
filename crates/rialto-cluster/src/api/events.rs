//! What happens, as server-sent events. Each has its place among all as its id: whoever was cut off goes on where it was.

use super::gate::House;
use super::jobs;
use super::refusal::Refusal;
use super::view::EventJson;
use crate::access::Scope;
use crate::coordinator::Coordinator;
use crate::ledger::{EventRow, Standing};
use crate::problem::{Code, Problem};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use rialto_zkvm::JobId;
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::IntoParams;

/// Events that are read at once.
const BATCH: usize = 500;
/// Another coordinator's word may not come here: so long it can take to be seen.
const LOOK: Duration = Duration::from_secs(2);

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct AfterQuery {
    /// The id of the last event that is known already; the header `Last-Event-ID` says the same and counts more.
    #[serde(default)]
    after: u64,
}

/// What happens to a job, until it has ended. 204 if there is nothing more to come.
#[utoipa::path(get, path = "/v1/jobs/{job}/events", security(("token" = [])),
    params(("job" = String, Path, description = "Its name: 64 hexadecimal digits."), AfterQuery),
    responses((status = 200, body = EventJson, content_type = "text/event-stream"), (status = 204), (status = 404, body = Problem)))]
pub(super) async fn of_job(
    State(house): State<Arc<House>>,
    Path(job): Path<String>,
    headers: HeaderMap,
    query: Result<Query<AfterQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Refusal> {
    house.caller(&headers, &[Scope::Read, Scope::Submit])?;
    let id = jobs::name(&job)?;
    jobs::view(&house, id).await?;
    follow(house, Some(id), after(&headers, query)?).await
}

/// What happens to all jobs.
#[utoipa::path(get, path = "/v1/events", security(("token" = [])), params(AfterQuery),
    responses((status = 200, body = EventJson, content_type = "text/event-stream"), (status = 403, body = Problem)))]
pub(super) async fn of_all(
    State(house): State<Arc<House>>,
    headers: HeaderMap,
    query: Result<Query<AfterQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Refusal> {
    // All tenants' are in it.
    let caller = house.caller(&headers, &[Scope::Read])?;
    if caller.tenant.is_some() {
        let message = "what happens to all tenants' jobs is not for one tenant";
        let next = "follow each job's own events";
        return Err(Refusal::new(StatusCode::FORBIDDEN, Code::Forbidden, message, next));
    }
    follow(house, None, after(&headers, query)?).await
}

fn after(
    headers: &HeaderMap,
    query: Result<Query<AfterQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<u64, Refusal> {
    let Query(query) = query.map_err(|error| Refusal::invalid(error.body_text()))?;
    let after = match headers.get("last-event-id") {
        Some(id) => {
            let id = id.to_str().ok().and_then(|id| id.parse().ok());
            id.ok_or_else(|| Refusal::invalid("`Last-Event-ID` is the number of an event"))?
        }
        None => query.after,
    };
    Ok(after.min(i64::MAX as u64))
}

async fn follow(house: Arc<House>, job: Option<JobId>, after: u64) -> Result<Response, Refusal> {
    let place = Arc::clone(&house.followers).try_acquire_owned();
    let place = place.map_err(|_| Refusal::busy("too many follow events"))?;
    let coordinator = house.coordinator.clone();
    let news = coordinator.news();
    let ready = VecDeque::new();
    let mut follower = Follower { coordinator, job, after, news, ready, _place: place };
    // What has ended and was told gives a browser no reason to come again.
    if job.is_some() && follower.has_ended().await? && !follower.read().await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = stream::unfold(follower, async |mut follower| {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    let events = events.take_until(house.shutdown.clone().cancelled_owned());
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

struct Follower {
    coordinator: Coordinator,
    job: Option<JobId>,
    after: u64,
    news: watch::Receiver<u64>,
    ready: VecDeque<EventRow>,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event; nothing once the job has ended or the coordinator has. Whoever is cut off comes again.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                let event = Event::default().id(row.seq.to_string()).event(&row.what);
                return event.json_data(EventJson::from(row)).ok();
            }
            self.news.borrow_and_update();
            // Asked first: what is read after a job's end is all that there will be of it.
            let has_ended = self.has_ended().await.ok()?;
            if self.read().await.ok()? {
                continue;
            }
            if has_ended {
                return None;
            }
            if let Ok(Err(_)) = tokio::time::timeout(LOOK, self.news.changed()).await {
                return None;
            }
        }
    }

    /// Reads what has happened since. Whether anything has.
    async fn read(&mut self) -> Result<bool, Refusal> {
        self.ready.extend(self.coordinator.events(self.job, self.after, BATCH).await?);
        if let Some(last) = self.ready.back() {
            self.after = last.seq;
        }
        Ok(!self.ready.is_empty())
    }

    async fn has_ended(&self) -> Result<bool, Refusal> {
        let Some(job) = self.job else { return Ok(false) };
        let view = self.coordinator.job(job).await?;
        Ok(view.is_none_or(|view| matches!(view.standing, Standing::Ended { .. })))
    }
}
