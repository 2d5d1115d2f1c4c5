//! What coordinator, workers and requesters say to each other, as JSON.

use rialto_artifacts::ArtifactId;
use rialto_planner::cluster::{Fault, Generation, Stage, Work};
use rialto_zkvm::{ExecutionLimits, JobId, ProofKind};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// A task of a job, in text: `execute`, `prove/17`, `join/0/3` (level, index), `verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkName(pub Work);

/// The text names no task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a task is `execute`, `prove/<segment>`, `join/<level>/<index>` or `verify`")]
pub struct InvalidWorkName;

impl fmt::Display for WorkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Work::Execute => f.write_str("execute"),
            Work::Prove { segment } => write!(f, "prove/{segment}"),
            Work::Join { level, index } => write!(f, "join/{level}/{index}"),
            Work::Verify => f.write_str("verify"),
        }
    }
}

impl FromStr for WorkName {
    type Err = InvalidWorkName;

    fn from_str(text: &str) -> Result<Self, InvalidWorkName> {
        let mut parts = text.split('/');
        let kind = parts.next();
        let mut number = || parts.next().and_then(|part| part.parse().ok()).ok_or(InvalidWorkName);
        let work = match kind {
            Some("execute") => Work::Execute,
            Some("prove") => Work::Prove { segment: number()? },
            Some("join") => {
                let level = u8::try_from(number()?).map_err(|_| InvalidWorkName)?;
                Work::Join { level, index: number()? }
            }
            Some("verify") => Work::Verify,
            _ => return Err(InvalidWorkName),
        };
        parts.next().is_none().then_some(Self(work)).ok_or(InvalidWorkName)
    }
}

impl Serialize for WorkName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WorkName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Which task, under which of its leases.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
pub struct LeaseName {
    /// The job.
    #[serde(with = "hex_id")]
    #[schema(value_type = String)]
    pub job: JobId,
    /// Its task.
    #[schema(value_type = String, example = "prove/17")]
    pub work: WorkName,
    /// Counts the task's leases.
    pub generation: u32,
}

impl LeaseName {
    /// As the rules count it.
    pub fn generation(&self) -> Generation {
        Generation(self.generation)
    }
}

/// Something in the artifact store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stored {
    /// SHA-256 of its bytes.
    #[schema(value_type = String)]
    pub id: ArtifactId,
    /// How many.
    pub bytes: u64,
}

/// A worker begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// What people call it; the same name again is the same worker, restarted.
    pub name: String,
    /// The version of its software.
    pub version: String,
    /// The proof system and its parameters: `Zkvm::name`.
    pub engine: String,
    /// Names its hardware; workers of the same are taken to be equally fast.
    pub device: String,
    /// How many tasks it does at once.
    pub slots: u32,
    /// Memory that its tasks may use together.
    pub memory_mib: u32,
    /// Memory of its graphics processors.
    pub gpu_memory_mib: u32,
    /// Room for artifacts.
    pub disk_mib: u32,
    /// What it fetches artifacts with, in bytes per second, as far as it knows.
    pub bytes_per_s: u64,
    /// The kinds of proofs that its engine makes, and how.
    pub joins: Vec<JoinsOf>,
}

/// How an engine makes proofs of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinsOf {
    /// The kind.
    #[schema(value_type = String, example = "composite")]
    pub proof: ProofKind,
    /// Proofs of segments that one join takes at most.
    pub leaf_arity: u32,
    /// Joined proofs that a further join takes at most; at least 2.
    pub arity: u32,
    /// Levels of joins that there are at least; at least 1.
    pub levels_min: u8,
}

/// What a worker is told at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Welcome {
    /// Its number.
    pub worker: u64,
    /// A lease is over so long after it was last asked about.
    pub lease_ms: u64,
    /// The most bytes that a result may have.
    pub result_max_bytes: u64,
}

/// A worker asks. Every lease that it names is renewed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The leases that it works under.
    pub leases: Vec<LeaseName>,
    /// What it has to say of some of them.
    pub said: Vec<Word>,
    /// Whether it takes more.
    pub takes: bool,
    /// Artifacts that it has at hand, if that has changed.
    #[schema(value_type = Option<Vec<String>>)]
    pub holds: Option<Vec<ArtifactId>>,
    /// How long it waits for an answer that says something.
    pub wait_ms: u64,
}

/// What a worker says under a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Word {
    /// Which.
    pub lease: LeaseName,
    /// What.
    pub said: Saying,
}

/// What can be said of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Saying {
    /// An execution has found segments that can be proven already.
    Found {
        /// The first of them.
        first: u32,
        /// Instructions in each.
        cycles: Vec<u64>,
        /// The segments themselves, a `Page`.
        page: Stored,
    },
    /// An execution has ended, and all its segments were told of.
    Executed {
        /// How many there are.
        segments: u32,
        /// The program's public output.
        journal: Stored,
    },
    /// Any other task has its result.
    Made {
        /// Which.
        output: Stored,
    },
    /// There is no result.
    Failed {
        /// Whose fault it is.
        #[serde(with = "FaultName")]
        #[schema(value_type = String, example = "worker")]
        fault: Fault,
        /// What happened, for people.
        reason: String,
    },
}

impl Saying {
    /// The artifact that it is about, if it is about one.
    pub(crate) fn names(&self) -> Option<&Stored> {
        match self {
            Self::Found { page: it, .. }
            | Self::Executed { journal: it, .. }
            | Self::Made { output: it } => Some(it),
            Self::Failed { .. } => None,
        }
    }
}

/// [`Fault`] in text.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Fault", rename_all = "snake_case")]
pub(crate) enum FaultName {
    Program,
    Worker,
    Lost,
    BadResult,
}

/// The answer to an [`Ask`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// What was said and is not heard.
    pub refused: Vec<Refused>,
    /// Tasks that the worker has and did not name: new ones, and those whose answer was lost.
    pub begin: Vec<Assignment>,
    /// Leases that it named and does not have.
    pub stop: Vec<LeaseName>,
    /// Whether it is to end once its tasks are done.
    pub drain: bool,
}

/// What a worker said counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    /// Of which task.
    pub lease: LeaseName,
    /// Why, for people.
    pub reason: String,
}

/// A task and the right to do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Assignment {
    /// The right.
    pub lease: LeaseName,
    /// What to do.
    pub task: TaskSpec,
}

/// What is to be done, with everything that it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TaskSpec {
    /// Run the program without proving and tell of its segments.
    Execute {
        /// The program.
        #[schema(value_type = String)]
        program: ArtifactId,
        /// Its input.
        #[schema(value_type = String)]
        input: ArtifactId,
        /// What it may use.
        #[schema(value_type = Object)]
        limits: ExecutionLimits,
    },
    /// Prove a segment.
    Prove {
        /// The program.
        #[schema(value_type = String)]
        program: ArtifactId,
        /// Its input.
        #[schema(value_type = String)]
        input: ArtifactId,
        /// The `Page` that holds the segment.
        #[schema(value_type = String)]
        page: ArtifactId,
        /// Which.
        segment: u32,
    },
    /// Make one proof of several.
    Join {
        /// What the proof of the whole shall be.
        #[schema(value_type = String)]
        proof: ProofKind,
        /// How far from the segments.
        level: u8,
        /// Its place in its level.
        index: u32,
        /// Whether what comes out is the proof of the whole.
        is_top: bool,
        /// The proofs, in order.
        #[schema(value_type = Vec<String>)]
        parts: Vec<ArtifactId>,
    },
    /// See whether a proof says what the execution said.
    Verify {
        /// The program.
        #[schema(value_type = String)]
        program: ArtifactId,
        /// What it said.
        #[schema(value_type = String)]
        journal: ArtifactId,
        /// The proof.
        #[schema(value_type = String)]
        proof: ArtifactId,
    },
}

impl TaskSpec {
    /// The kind of work.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Execute { .. } => Stage::Execute,
            Self::Prove { .. } => Stage::Prove,
            Self::Join { level, .. } => Stage::Join(*level),
            Self::Verify { .. } => Stage::Verify,
        }
    }
}

/// A [`JobId`] in text.
mod hex_id {
    use rialto_zkvm::JobId;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(id: &JobId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<JobId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
