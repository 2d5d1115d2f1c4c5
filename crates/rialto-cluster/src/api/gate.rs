//! Who comes in, and what handlers work with.

use super::refusal::Refusal;
use crate::access::{Access, Caller, Scope};
use crate::coordinator::{Coordinator, now};
use crate::problem::Code;
use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use utoipa::Modify;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

/// What handlers work with.
pub(super) struct House {
    pub(super) coordinator: Coordinator,
    pub(super) access: Access,
    pub(super) upload_max_bytes: u64,
    pub(super) transfers: Semaphore,
    pub(super) followers: Arc<Semaphore>,
    pub(super) shutdown: CancellationToken,
}

impl House {
    /// Who asks, if one of these scopes is theirs.
    ///
    /// # Errors
    /// Why they are not let in.
    pub(super) fn caller(&self, headers: &HeaderMap, needs: &[Scope]) -> Result<Caller, Refusal> {
        // A web page of anybody's can have its own name lead to this machine; it cannot send another's name.
        if self.access.is_open() && !is_for_this_machine(headers) {
            let message =
                "without tokens only requests to localhost, 127.0.0.1 or [::1] are answered";
            let next = "address it by one of these, or start the coordinator with a file of tokens";
            return Err(Refusal::new(StatusCode::FORBIDDEN, Code::Forbidden, message, next));
        }
        let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer "));
        Ok(self.access.check(token, needs, now())?)
    }

    /// A place among transfers, if there is one.
    pub(super) fn transfer(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.transfers.try_acquire().map_err(|_| Refusal::busy("too many transfers are under way"))
    }
}

fn is_for_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(name, _)| name),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// A body in JSON, of somebody with a token: others are not listened to.
pub(super) struct Said<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<House>> for Said<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, house: &Arc<House>) -> Result<Self, Refusal> {
        house.caller(request.headers(), &[])?;
        match Json::from_request(request, house).await {
            Ok(Json(said)) => Ok(Self(said)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let (status, next) = (StatusCode::PAYLOAD_TOO_LARGE, "send less at once");
                Err(Refusal::new(status, Code::TooLarge, rejection.body_text(), next))
            }
            Err(rejection) => Err(Refusal::invalid(rejection.body_text())),
        }
    }
}

/// How tokens are sent, for the description.
pub(super) struct Tokens;

impl Modify for Tokens {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}
