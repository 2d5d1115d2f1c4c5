//! What is sent and what is answered, in JSON.

use crate::ledger::{EventRow, JobView, Outcome, Standing, WorkerRow, WorkerState};
use alloy_primitives::hex;
use rialto_artifacts::ArtifactId;
use rialto_protocol::Time;
use rialto_zkvm::{ExecutionLimits, ProofKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A proof that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// The proof system and its parameters, as workers name them.
    pub engine: String,
    /// What the proof shall be: `composite` or `compressed`.
    #[serde(default)]
    #[schema(value_type = String, example = "composite")]
    pub proof: ProofKind,
    /// SHA-256 of the program, which was uploaded before.
    #[schema(value_type = String)]
    pub program: ArtifactId,
    /// SHA-256 of its input, which was uploaded before.
    #[schema(value_type = String)]
    pub input: ArtifactId,
    /// What its execution may use.
    #[schema(value_type = Object)]
    pub limits: ExecutionLimits,
    /// Whose it is, if the token does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// When the proof has to be there, in milliseconds since 1970. Without it, after all that have a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<u64>,
    /// What it is worth, in wei: decides between jobs that are due at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_wei: Option<String>,
}

/// A job was taken on, or is known already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ordered {
    /// Its name: 64 hexadecimal digits.
    pub job: String,
}

/// An artifact is in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Uploaded {
    /// SHA-256 of its bytes.
    #[schema(value_type = String)]
    pub id: ArtifactId,
}

/// A worker is to drain, or to take tasks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainOrder {
    /// Which of the two.
    pub drains: bool,
}

/// How much there is to do, and who does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusJson {
    /// The coordinator's version.
    pub version: String,
    /// Jobs that have not ended.
    pub jobs_open: u64,
    /// How many there may be.
    pub jobs_max: u64,
    /// Workers that were heard of in the last hour.
    pub workers: usize,
    /// Tasks that they have in hand.
    pub tasks_in_hand: u64,
    /// The id of the latest event.
    pub last_event: u64,
}

/// Jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobsPage {
    /// Some of them.
    pub jobs: Vec<JobJson>,
    /// How many of all tenants have not ended.
    pub open: u64,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobJson {
    /// Its name: 64 hexadecimal digits.
    pub job: String,
    /// The proof system and its parameters.
    pub engine: String,
    /// The program.
    #[schema(value_type = String)]
    pub program: ArtifactId,
    /// Its input.
    #[schema(value_type = String)]
    pub input: ArtifactId,
    /// Whose it is.
    pub tenant: String,
    /// When it was ordered, in milliseconds since 1970.
    pub submitted_ms: u64,
    /// Where it is.
    pub standing: StandingJson,
}

/// Where a job is. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum StandingJson {
    /// It has not ended.
    Open {
        /// When the proof has to be there.
        due_ms: u64,
        /// Segments known so far.
        found: u32,
        /// How many there are, once the execution has ended.
        segments: Option<u32>,
        /// Segments that have a proof.
        proven: u32,
        /// Instructions in those known.
        cycles: u64,
        /// Instructions in those proven.
        cycles_proven: u64,
    },
    /// Its proof was verified.
    Proven {
        /// When.
        ended_ms: u64,
        /// The proof, in the artifact store.
        #[schema(value_type = String)]
        proof: ArtifactId,
        /// How many segments there were.
        segments: Option<u32>,
        /// Instructions in them.
        cycles: u64,
    },
    /// There will be no proof from this attempt.
    Failed {
        /// When.
        ended_ms: u64,
        /// Why, for people.
        reason: String,
        /// Whether another attempt could end differently.
        retryable: bool,
    },
    /// Nobody wanted it any more.
    Cancelled {
        /// When.
        ended_ms: u64,
    },
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventJson {
    /// Its place among all events.
    pub id: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Of which job.
    pub job: String,
    /// What: `submitted`, `found`, `made`, `recalled`, `failed`, `lost`, `proven`, `ended`, `cancelled`.
    pub what: String,
    /// Of which task: `execute`, `prove/17`, `join/0/3`, `verify`.
    pub work: Option<String>,
    /// By which worker.
    pub worker: Option<String>,
    /// When that worker began it, in milliseconds since 1970.
    pub begun_ms: Option<u64>,
    /// Instructions that it is about.
    pub cycles: u64,
    /// For people.
    pub note: String,
}

/// A worker and what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkerJson {
    /// Its number.
    pub number: u64,
    /// What people call it.
    pub name: String,
    /// The version of its software.
    pub version: String,
    /// The proof system and its parameters.
    pub engine: String,
    /// Names its hardware.
    pub device: String,
    /// How many tasks it does at once.
    pub slots: u32,
    /// What it may do: `takes`, `drains`, `quarantined`, `replaced`.
    pub state: String,
    /// Since when, in milliseconds since 1970.
    pub began_ms: u64,
    /// When it was last heard of.
    pub seen_ms: u64,
    /// Results that counted.
    pub made: u64,
    /// Tasks that failed at it.
    pub failed: u64,
    /// Results that were none, and words under leases that do not stand.
    pub refused: u64,
    /// Tasks that it has in hand.
    pub leases: u64,
}

impl From<&JobView> for JobJson {
    fn from(view: &JobView) -> Self {
        let JobView { name, engine, program, input, tenant, submitted, standing } = view;
        Self {
            job: hex::encode(name.0),
            engine: engine.clone(),
            program: *program,
            input: *input,
            tenant: tenant.clone(),
            submitted_ms: submitted.0,
            standing: standing.into(),
        }
    }
}

impl From<&Standing> for StandingJson {
    fn from(standing: &Standing) -> Self {
        match standing {
            Standing::Open { due, found, segments, proven, cycles, cycles_proven } => Self::Open {
                due_ms: due.0,
                found: *found,
                segments: *segments,
                proven: *proven,
                cycles: *cycles,
                cycles_proven: *cycles_proven,
            },
            Standing::Ended { at, outcome, segments, cycles } => match outcome {
                Outcome::Proven(proof) => Self::Proven {
                    ended_ms: at.0,
                    proof: *proof,
                    segments: *segments,
                    cycles: *cycles,
                },
                Outcome::Failed { reason, retryable } => {
                    Self::Failed { ended_ms: at.0, reason: reason.clone(), retryable: *retryable }
                }
                Outcome::Cancelled => Self::Cancelled { ended_ms: at.0 },
            },
        }
    }
}

impl From<StandingJson> for Standing {
    /// What is not sent of a job that ended without a proof is not known.
    fn from(standing: StandingJson) -> Self {
        let ended = |ended_ms, outcome, segments, cycles| Self::Ended {
            at: Time(ended_ms),
            outcome,
            segments,
            cycles,
        };
        match standing {
            StandingJson::Open { due_ms, found, segments, proven, cycles, cycles_proven } => {
                Self::Open { due: Time(due_ms), found, segments, proven, cycles, cycles_proven }
            }
            StandingJson::Proven { ended_ms, proof, segments, cycles } => {
                ended(ended_ms, Outcome::Proven(proof), segments, cycles)
            }
            StandingJson::Failed { ended_ms, reason, retryable } => {
                ended(ended_ms, Outcome::Failed { reason, retryable }, None, 0)
            }
            StandingJson::Cancelled { ended_ms } => ended(ended_ms, Outcome::Cancelled, None, 0),
        }
    }
}

impl From<EventRow> for EventJson {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.seq,
            at_ms: row.at.0,
            job: hex::encode(row.job.0),
            what: row.what,
            work: row.work.map(|work| work.to_string()),
            worker: row.worker_name,
            begun_ms: row.begun.map(|begun| begun.0),
            cycles: row.cycles,
            note: row.note,
        }
    }
}

impl From<WorkerRow> for WorkerJson {
    fn from(row: WorkerRow) -> Self {
        let WorkerRow { id, hello, state, began, seen, made, failed, refused, leases } = row;
        let state = match state {
            WorkerState::Takes => "takes",
            WorkerState::Drains => "drains",
            WorkerState::Quarantined => "quarantined",
            WorkerState::Replaced => "replaced",
        };
        Self {
            number: id.0,
            name: hello.name,
            version: hello.version,
            engine: hello.engine,
            device: hello.device,
            slots: hello.slots,
            state: state.to_owned(),
            began_ms: began.0,
            seen_ms: seen.0,
            made,
            failed,
            refused,
            leases,
        }
    }
}
