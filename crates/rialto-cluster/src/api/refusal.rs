//! Refusals on their way out.

use crate::access::Denied;
use crate::causes::on_one_line;
use crate::coordinator::SubmitError;
use crate::ledger::LedgerError;
use crate::line::LineError;
use crate::problem::{Code, Problem};
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rialto_artifacts::StoreError;

/// A status, and in words what is wrong and what would be right.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    problem: Problem,
}

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        code: Code,
        message: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { status, problem: Problem::new(code, message, next) }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        let next = "the interface is described at /openapi.json";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, Code::Invalid, message, next)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::NotFound, message, "")
    }

    pub(super) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Busy, message, "try again later")
    }

    /// The coordinator's own fault, which is for its log and not for strangers.
    pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = on_one_line(error), "a request was not answered");
        let message = "the coordinator failed";
        let next = "try again later; its log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, message, next)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, problem } = self;
        tracing::debug!(%status, code = ?problem.error.code, message = problem.error.message, "refused");
        let mut response = (status, Json(problem)).into_response();
        let header = match status {
            StatusCode::UNAUTHORIZED => (header::WWW_AUTHENTICATE, "Bearer"),
            StatusCode::SERVICE_UNAVAILABLE => (header::RETRY_AFTER, "1"),
            _ => return response,
        };
        response.headers_mut().insert(header.0, header::HeaderValue::from_static(header.1));
        response
    }
}

/// What is nowhere.
pub(super) async fn no_such_page() -> Refusal {
    let next = "the interface is described at /openapi.json";
    Refusal::new(StatusCode::NOT_FOUND, Code::NotFound, "there is no such page", next)
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let (status, code, next) = match &denied {
            Denied::NoToken | Denied::Unknown => {
                let next = "ask whoever runs the coordinator for a token";
                (StatusCode::UNAUTHORIZED, Code::Unauthorized, next)
            }
            Denied::Expired { .. } => {
                let next = "ask whoever runs the coordinator for a new one";
                (StatusCode::UNAUTHORIZED, Code::Expired, next)
            }
            Denied::Scope { .. } => {
                let next = "use a token that has it";
                (StatusCode::FORBIDDEN, Code::Forbidden, next)
            }
        };
        Self::new(status, code, denied.to_string(), next)
    }
}

impl From<LineError> for Refusal {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Unreachable { reason } | LineError::Busy { reason } => Self::busy(reason),
            LineError::Credentials { reason } => {
                Self::new(StatusCode::FORBIDDEN, Code::Forbidden, reason, "")
            }
            LineError::NotTaken { reason } => {
                Self::new(StatusCode::CONFLICT, Code::Engine, reason, "")
            }
            LineError::UnknownWorker => {
                let (status, next) = (StatusCode::NOT_FOUND, "say hello again");
                Self::new(status, Code::UnknownWorker, error.to_string(), next)
            }
            LineError::NotFound { reason } => Self::not_found(reason),
            LineError::Misunderstood { reason } => Self::invalid(reason),
        }
    }
}

impl From<SubmitError> for Refusal {
    fn from(error: SubmitError) -> Self {
        match &error {
            SubmitError::Full { .. } | SubmitError::ShuttingDown => Self::busy(error.to_string()),
            SubmitError::Absent { .. } | SubmitError::NoEngine { .. } => {
                Self::invalid(error.to_string())
            }
            SubmitError::Store(_) | SubmitError::Ledger(_) => Self::internal(&error),
        }
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        Self::internal(&error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound { id, .. } => {
                Self::not_found(format!("artifact {id} is not in the store"))
            }
            StoreError::TooLarge { .. } => {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                Self::new(status, Code::TooLarge, error.to_string(), "")
            }
            StoreError::WrongHash { .. } => Self::invalid(error.to_string()),
            StoreError::Source(_) => Self::invalid("the upload broke off"),
            _ => Self::internal(&error),
        }
    }
}
