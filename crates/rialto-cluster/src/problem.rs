//! What a coordinator answers when it does not do what it was asked, as JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error's answer: `{"error": {"code": "...", "message": "...", "next": "..."}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The error.
    pub error: ProblemBody,
}

/// What is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// For programs.
    pub code: Code,
    /// What is wrong and where, for people.
    pub message: String,
    /// What to do about it, for people.
    pub next: String,
}

/// What kind of error it is. A code that this version does not know is read as [`Code::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// There is no token, or nobody knows it.
    Unauthorized,
    /// The token does not open this.
    Forbidden,
    /// The token was good until a while ago.
    Expired,
    /// The worker has not said hello to this coordinator, or so long ago that it was forgotten.
    UnknownWorker,
    /// The worker's software is of a version that is not taken.
    Version,
    /// The worker's proof system or its parameters are not the cluster's.
    Engine,
    /// More was sent than is read.
    TooLarge,
    /// Too much is being done already; the same may be taken later.
    Busy,
    /// What was sent cannot be understood, or not be.
    Invalid,
    /// There is no such thing.
    NotFound,
    /// The coordinator itself failed.
    Internal,
    /// Something that this version knows nothing of.
    #[serde(other)]
    Other,
}

impl Problem {
    /// One of these three.
    pub fn new(code: Code, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { error: ProblemBody { code, message: message.into(), next: next.into() } }
    }
}
