//! How a cluster is run.

use rialto_planner::cluster::{Resources, Retry, Stage};
use rialto_protocol::Span;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// What a coordinator goes by. In TOML, every key has the default that is given here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterConfig {
    /// A lease is over so long after its worker was last heard of: how long a lost worker holds a task up.
    pub lease: Span,
    /// How often a task is tried before it is put aside and its job fails.
    pub attempts_max: NonZeroU32,
    /// How many different failures of the program itself end its job. More than one where workers are not one's own.
    pub blames: NonZeroU32,
    /// The pause after a first failure, which doubles.
    pub pause: Span,
    /// The longest pause.
    pub pause_max: Span,
    /// Jobs that may be open at once; more are refused for the moment.
    pub jobs_max: u64,
    /// Segments that a job may have.
    pub segments_max: NonZeroU32,
    /// Bytes that a result may have.
    pub result_max_bytes: u64,
    /// A worker is quarantined after so many results that were none.
    pub refused_max: NonZeroU32,
    /// So long is known what became of a job, and are results kept of one that failed.
    pub keep: Span,
    /// What a task is taken to last before any was measured.
    pub assumed: Span,
    /// What a tenant has a claim to beside others, by name; 1 where nothing is said.
    pub weights: BTreeMap<String, u32>,
    /// What tasks take of a worker.
    pub needs: NeedsConfig,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        let some = |count| NonZeroU32::new(count).expect("the defaults are not zero");
        Self {
            lease: Span::s(3),
            attempts_max: some(5),
            blames: some(1),
            pause: Span::ms(200),
            pause_max: Span::s(30),
            jobs_max: 10_000,
            segments_max: some(1_000_000),
            result_max_bytes: 256 << 20,
            refused_max: some(3),
            keep: Span::s(7 * 86_400),
            assumed: Span::s(10),
            weights: BTreeMap::new(),
            needs: NeedsConfig::default(),
        }
    }
}

/// A configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidConfig(String);

impl ClusterConfig {
    /// Reads one. What is not said is as by default; what is not known is an error that names its line.
    ///
    /// # Errors
    /// If it does not read.
    pub fn from_toml(text: &str) -> Result<Self, InvalidConfig> {
        toml::from_str(text).map_err(|error| InvalidConfig(error.to_string()))
    }

    /// How tasks are tried again.
    pub fn retry(&self) -> Retry {
        Retry {
            attempts_max: self.attempts_max.get(),
            blames: self.blames.get(),
            pause: self.pause,
            pause_max: self.pause_max,
        }
    }

    /// What a task of that kind takes of a worker: one of its places, and memory.
    pub(super) fn needs(&self, stage: Stage) -> Resources {
        let memory_mib = match stage {
            Stage::Execute => self.needs.execute_mib,
            Stage::Prove => self.needs.prove_mib,
            Stage::Join(_) => self.needs.join_mib,
            Stage::Verify => self.needs.verify_mib,
        };
        Resources { cores: 1, memory_mib, gpu_memory_mib: 0, disk_mib: 0 }
    }
}

/// Memory that tasks take, in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NeedsConfig {
    /// An execution.
    pub execute_mib: u32,
    /// The proof of a segment.
    pub prove_mib: u32,
    /// A join.
    pub join_mib: u32,
    /// A verification.
    pub verify_mib: u32,
}

impl Default for NeedsConfig {
    /// What OpenVM was seen to take, with room to spare.
    fn default() -> Self {
        Self { execute_mib: 1_024, prove_mib: 4_096, join_mib: 1_024, verify_mib: 512 }
    }
}
