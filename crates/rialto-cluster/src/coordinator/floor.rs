//! Workers that ask for tasks, and who of them gets which.

use super::config::ClusterConfig;
use crate::ledger::{Chosen, Enlisted, LedgerError, Machine, Round, Took, WorkerState};
use crate::line::LineError;
use alloy_primitives::B256;
use rialto_artifacts::ArtifactId;
use rialto_planner::cluster::{
    Board, Candidate, Device, Durations, InHand, Resources, TaskKey, Weights, WorkerId, WorkerView,
    dispatch,
};
use rialto_protocol::Time;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What decisions need beside the queue. All of it is learned again after a restart.
pub(super) struct Floor {
    config: ClusterConfig,
    weights: Weights,
    devices: BTreeMap<String, Device>,
    durations: BTreeMap<String, Durations>,
    held: BTreeMap<WorkerId, BTreeSet<B256>>,
    /// When each worker's latest tasks ended, as many as it has places.
    ends: BTreeMap<WorkerId, VecDeque<Time>>,
    /// Workers that ask in this round.
    pub(super) enlisted: BTreeMap<WorkerId, Enlisted>,
}

/// A worker is given so many tasks beyond its places, to fetch what they read while it computes.
const AHEAD: u32 = 1;

impl Floor {
    pub(super) fn new(config: ClusterConfig) -> Self {
        let weights = config.weights.iter();
        let weights =
            weights.map(|(name, weight)| (crate::ledger::tenant_id(name), *weight)).collect();
        let (devices, durations, held, ends, enlisted) = Default::default();
        Self { config, weights, devices, durations, held, ends, enlisted }
    }

    /// How long somebody took that asks now. What it was given ahead waited until one of its places was free.
    pub(super) fn learn(&mut self, took: &Took, now: Time) {
        let Some(it) = self.enlisted.get(&took.worker) else { return };
        let (engine, device) = (it.hello.engine.clone(), it.hello.device.clone());
        let places = it.hello.slots as usize;
        let ends = self.ends.entry(took.worker).or_default();
        let free = if ends.len() < places { None } else { ends.front().copied() };
        let took =
            Took { took: free.map_or(took.took, |free| took.took.min(now.since(free))), ..*took };
        ends.push_back(now);
        ends.drain(..ends.len().saturating_sub(places));
        self.learn_of(Machine { engine, device }, &took);
    }

    /// How long it took on such a machine.
    pub(super) fn learn_of(&mut self, machine: Machine, took: &Took) {
        let device = self.device(&machine.device);
        let assumed = self.config.assumed;
        let durations = self.durations.entry(machine.engine);
        let durations = durations.or_insert_with(|| Durations::new(assumed));
        durations.learn(took.work.stage(), device, took.cycles, took.took);
    }

    fn device(&mut self, name: &str) -> Device {
        let next = Device(u32::try_from(self.devices.len()).unwrap_or(u32::MAX));
        *self.devices.entry(name.to_owned()).or_insert(next)
    }

    /// A worker has these artifacts at hand.
    pub(super) fn holds(&mut self, worker: WorkerId, holds: Vec<ArtifactId>) {
        let holds = holds.into_iter().map(|it| B256::new(it.0)).collect();
        self.held.insert(worker, holds);
    }

    /// The engines of those who ask.
    pub(super) fn engines(&self, asking: &BTreeSet<WorkerId>) -> BTreeSet<String> {
        let enlisted = asking.iter().filter_map(|id| self.enlisted.get(id));
        enlisted.map(|it| it.hello.engine.clone()).collect()
    }

    /// Who begins what: first on free places, then ahead of them.
    pub(super) async fn choose(
        &mut self,
        round: &mut Round,
        engine: &str,
        asking: &BTreeSet<WorkerId>,
    ) -> Result<Vec<Chosen>, LedgerError> {
        let config = self.config.clone();
        let needs = |stage| config.needs(stage);
        let in_hand = round.in_hand(engine, &needs).await?;
        let workers = self.views(engine, asking);
        let room: usize = workers.iter().map(|it| room(it, &in_hand, AHEAD)).sum();
        if room == 0 {
            return Ok(Vec::new());
        }
        let candidates = round.candidates(engine, room + 1, &needs).await?;
        if candidates.is_empty() && in_hand.is_empty() {
            return Ok(Vec::new());
        }
        let assumed = self.config.assumed;
        let durations = self.durations.entry(engine.to_owned());
        let durations = &*durations.or_insert_with(|| Durations::new(assumed));
        let board = Board {
            now: round.now(),
            candidates: &candidates,
            in_hand: &in_hand,
            workers: &workers,
            weights: &self.weights,
            durations,
        };
        let mut chosen: Vec<_> =
            dispatch(&board).iter().map(|it| Chosen { key: it.key, worker: it.worker }).collect();
        chosen.extend(ahead(&board, &chosen));
        Ok(chosen)
    }

    fn views(&mut self, engine: &str, asking: &BTreeSet<WorkerId>) -> Vec<WorkerView> {
        let enlisted = asking.iter().filter_map(|id| self.enlisted.get(id).cloned());
        let takes = |it: &Enlisted| it.state == WorkerState::Takes && it.hello.engine == engine;
        let enlisted: Vec<_> = enlisted.filter(takes).collect();
        let view = |it: Enlisted| WorkerView {
            id: it.id,
            device: self.device(&it.hello.device),
            total: Resources {
                cores: it.hello.slots,
                memory_mib: it.hello.memory_mib,
                gpu_memory_mib: it.hello.gpu_memory_mib,
                disk_mib: it.hello.disk_mib,
            },
            holds: self.held.get(&it.id).cloned().unwrap_or_default(),
            bytes_per_s: it.hello.bytes_per_s,
        };
        enlisted.into_iter().map(view).collect()
    }
}

/// How many more tasks a worker takes.
fn room(worker: &WorkerView, in_hand: &[InHand<TaskKey>], ahead: u32) -> usize {
    let has = in_hand.iter().filter(|it| it.worker == worker.id).count();
    (worker.total.cores.saturating_add(ahead) as usize).saturating_sub(has)
}

/// Tasks for workers whose places are taken, so that they find what to compute next at hand. Nobody gets one whose
/// place is free: what is left then is for others.
fn ahead(board: &Board<'_, TaskKey>, chosen: &[Chosen]) -> Vec<Chosen> {
    let mut left =
        board.candidates.iter().filter(|it| chosen.iter().all(|done| done.key != it.key));
    let mut more = Vec::new();
    for worker in board.workers {
        let given = chosen.iter().filter(|it| it.worker == worker.id).count();
        if room(worker, board.in_hand, AHEAD) == given + AHEAD as usize {
            let able = |it: &&Candidate<TaskKey>| {
                worker.total.fits(it.needs) && !it.failed_on.contains(&worker.id)
            };
            let Some(task) = left.find(able) else { continue };
            more.push(Chosen { key: task.key, worker: worker.id });
        }
    }
    more
}

impl Enlisted {
    /// Whether it may take tasks.
    ///
    /// # Errors
    /// What it is told if it is to end.
    pub(crate) fn may_take(&self) -> Result<bool, LineError> {
        match self.state {
            WorkerState::Takes => Ok(true),
            WorkerState::Drains => Ok(false),
            WorkerState::Quarantined => {
                let reason =
                    "too many of its results were none; whoever runs the cluster can release it";
                Err(LineError::NotTaken { reason: reason.to_owned() })
            }
            WorkerState::Replaced => {
                let reason = "another worker has begun under this name; give each its own";
                Err(LineError::NotTaken { reason: reason.to_owned() })
            }
        }
    }
}
