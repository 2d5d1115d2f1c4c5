//! Programs, inputs and proofs by their content.

use super::gate::House;
use super::refusal::Refusal;
use super::view::Uploaded;
use crate::access::Scope;
use crate::problem::{Code, Problem};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rialto_artifacts::ArtifactId;
use std::sync::Arc;
use std::time::Duration;

/// Whoever is slower holds a place for nothing.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(600);

/// Puts a program or an input where workers find it, by the SHA-256 of its bytes. Doing so again changes nothing.
#[utoipa::path(put, path = "/v1/artifacts/{id}", security(("token" = [])),
    params(("id" = String, Path, description = "SHA-256 of the bytes: 64 hexadecimal digits.")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = Uploaded), (status = 413, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn put(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Uploaded>), Refusal> {
    house.caller(&headers, &[Scope::Submit])?;
    let id = artifact(&id)?;
    let _place = house.transfer()?;
    let limit = house.upload_max_bytes;
    let stored = house.coordinator.store().put_stream(body.into_data_stream(), limit, Some(id));
    let slow = |_| {
        let message = "the upload took too long";
        Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::Busy, message, "send it faster")
    };
    let id = tokio::time::timeout(UPLOAD_TIMEOUT, stored).await.map_err(slow)??;
    Ok((StatusCode::CREATED, Json(Uploaded { id })))
}

/// An artifact's bytes, verified.
#[utoipa::path(get, path = "/v1/artifacts/{id}", security(("token" = [])),
    params(("id" = String, Path, description = "SHA-256 of the bytes: 64 hexadecimal digits.")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
pub(super) async fn get(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    house.caller(&headers, &[Scope::Submit, Scope::Read])?;
    send(&house, &artifact(&id)?).await
}

/// Whether there is an artifact of that name.
#[utoipa::path(head, path = "/v1/artifacts/{id}", security(("token" = [])),
    params(("id" = String, Path, description = "SHA-256 of the bytes: 64 hexadecimal digits.")),
    responses((status = 200, description = "It is there."), (status = 404, description = "It is not.")))]
pub(super) async fn has(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    house.caller(&headers, &[Scope::Submit, Scope::Read])?;
    let is_there = house.coordinator.store().contains(&artifact(&id)?).await?;
    Ok(if is_there { StatusCode::OK } else { StatusCode::NOT_FOUND })
}

/// Answers with the bytes; as they are named by their content they may be kept for ever.
pub(super) async fn send(house: &House, id: &ArtifactId) -> Result<Response, Refusal> {
    let _place = house.transfer()?;
    let bytes = house.coordinator.store().get(id).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable"),
    ];
    Ok((headers, bytes).into_response())
}

fn artifact(text: &str) -> Result<ArtifactId, Refusal> {
    text.parse().map_err(|error| Refusal::invalid(format!("{error}")))
}
