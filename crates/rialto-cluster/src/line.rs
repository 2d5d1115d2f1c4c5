//! The port by which a worker speaks to its coordinator, whether that is in the same process or far away.

use crate::problem::{Code, ProblemBody};
use crate::wire::{Answer, Ask, Hello, Welcome};
use async_trait::async_trait;
use std::sync::Arc;
use thiserror::Error;

/// A worker's way to its coordinator.
///
/// Whoever drops a future of these before its end does not know whether it was heard, as with an answer that got lost
/// on its way: the next question shows what counts.
#[async_trait]
pub trait Line: Send + Sync {
    /// Begins, and says what the worker is. Saying it again is a new beginning of the same worker.
    ///
    /// # Errors
    /// If the coordinator cannot be reached or does not take such a worker.
    async fn hello(&self, hello: Hello) -> Result<Welcome, LineError>;

    /// Asks in the name of a worker, by its number. Answers at once if there is something to answer, else after
    /// [`Ask::wait_ms`] at the latest.
    ///
    /// # Errors
    /// If the coordinator cannot be reached or does not know the worker.
    async fn ask(&self, worker: u64, ask: Ask) -> Result<Answer, LineError>;

    /// The same line over connections of its own, so that it works while this one or the threads that serve it are stuck.
    fn apart(&self) -> Arc<dyn Line>;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LineError {
    /// Nobody answered, or nobody who could.
    #[error("the coordinator cannot be reached: {reason}")]
    Unreachable {
        /// What happened.
        reason: String,
    },
    /// The coordinator has too much to do.
    #[error("the coordinator is busy: {reason}")]
    Busy {
        /// What it said.
        reason: String,
    },
    /// The coordinator does not let this worker in.
    #[error("the coordinator refuses the worker's credentials: {reason}")]
    Credentials {
        /// What it said.
        reason: String,
    },
    /// The coordinator has no use for such a worker: its version, its proof system or its parameters are others.
    #[error("the coordinator does not take this worker: {reason}")]
    NotTaken {
        /// What it said.
        reason: String,
    },
    /// The coordinator knows no worker of that number.
    #[error("the coordinator does not know this worker")]
    UnknownWorker,
    /// The coordinator does not know what was asked for.
    #[error("the coordinator does not have it: {reason}")]
    NotFound {
        /// What it said.
        reason: String,
    },
    /// One of the two does not understand the other.
    #[error("coordinator and worker do not understand each other: {reason}")]
    Misunderstood {
        /// Who did not understand what.
        reason: String,
    },
}

/// What can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The same again, later.
    TryAgain,
    /// Saying hello again.
    SayHello,
    /// Nothing that a worker could do by itself.
    GiveUp,
}

impl LineError {
    /// What can help.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Unreachable { .. } | Self::Busy { .. } => Remedy::TryAgain,
            Self::UnknownWorker => Remedy::SayHello,
            Self::Credentials { .. }
            | Self::NotTaken { .. }
            | Self::NotFound { .. }
            | Self::Misunderstood { .. } => Remedy::GiveUp,
        }
    }
}

impl From<ProblemBody> for LineError {
    fn from(problem: ProblemBody) -> Self {
        let ProblemBody { code, message, next } = problem;
        let reason = if next.is_empty() { message } else { format!("{message}; {next}") };
        match code {
            Code::Unauthorized | Code::Forbidden | Code::Expired => Self::Credentials { reason },
            Code::Version | Code::Engine => Self::NotTaken { reason },
            Code::UnknownWorker => Self::UnknownWorker,
            Code::Busy => Self::Busy { reason },
            Code::Internal => Self::Unreachable { reason },
            Code::NotFound => Self::NotFound { reason },
            Code::TooLarge | Code::Invalid | Code::Other => Self::Misunderstood { reason },
        }
    }
}
