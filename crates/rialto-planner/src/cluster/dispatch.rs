//! Who begins what now.
//!
//! Among tenants, whoever has the least of the cluster for their share goes first: weighted dominant resource
//! fairness. Among a tenant's tasks goes first what has to begin first so that its job is not late, with the
//! durations that were learned; then what is worth more. A task goes to the worker that finishes it first,
//! what has to be fetched for it counted in. If none has room, it waits for the one that has it soonest, and
//! others may use that worker's room only if they are gone by then or leave enough: back-fill. What is left idle helps
//! with tasks that take longer than any did.

use super::queue::TenantId;
use super::resources::Resources;
use super::shape::Stage;
use super::task::WorkerId;
use crate::speed::{Sample, Samples};
use alloy_primitives::B256;
use rialto_protocol::{Cycles, Span, Time, Wei};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A kind of hardware, by a number that workers of equal speed share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device(pub u32);

/// How long tasks take, by kind and device.
#[derive(Clone, Debug)]
pub struct Durations {
    assumed: Span,
    by_device: BTreeMap<(Stage, Device), Samples>,
    by_stage: BTreeMap<Stage, Samples>,
}

impl Durations {
    /// Nothing learned yet: of which nothing is known takes so long.
    pub fn new(assumed: Span) -> Self {
        let (by_device, by_stage) = Default::default();
        Self { assumed, by_device, by_stage }
    }

    /// Learns from a task: `size` is what its duration grows with, cycles for an execution or a segment and proofs for a join.
    pub fn learn(&mut self, stage: Stage, device: Device, size: u64, took: Span) {
        let sample = Sample { cycles: Cycles(size), took: Duration::from_millis(took.get()) };
        self.by_device.entry((stage, device)).or_default().push(sample);
        self.by_stage.entry(stage).or_default().push(sample);
    }

    /// How long it takes as a rule: by what was learned on the same device, else on others.
    pub fn usual(&self, stage: Stage, device: Device, size: u64) -> Span {
        let own = self.by_device.get(&(stage, device));
        let samples = own.or_else(|| self.by_stage.get(&stage));
        let estimate = samples.map(|samples| samples.estimate_up(Cycles(size)));
        estimate.map_or(self.assumed, |estimate| span_up(estimate.usual))
    }

    /// How long it takes if it takes as long as any on this device; nothing while too little is known of it.
    pub fn longest(&self, stage: Stage, device: Device, size: u64) -> Option<Span> {
        let samples = self.by_device.get(&(stage, device))?;
        let is_telling = samples.len() >= TELLING_SAMPLES;
        is_telling.then(|| span_up(samples.estimate_up(Cycles(size)).longest))
    }
}

/// Fewer say nothing of how much durations vary.
const TELLING_SAMPLES: usize = 4;

fn span_up(duration: Duration) -> Span {
    Span::ms(u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

/// A task that can begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<Key> {
    /// Which.
    pub key: Key,
    /// Its kind.
    pub stage: Stage,
    /// What its duration grows with, see [`Durations::learn`].
    pub size: u64,
    /// What it takes of its worker.
    pub needs: Resources,
    /// Whose.
    pub tenant: TenantId,
    /// When it has to be finished, so that what comes after it is in time.
    pub due: Time,
    /// What its job is worth.
    pub value: Wei,
    /// What it reads, with the number of bytes.
    pub inputs: Vec<(B256, u64)>,
    /// Who failed at it: only if nobody else could do it ever is it theirs again.
    pub failed_on: Vec<WorkerId>,
}

/// A task that somebody does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InHand<Key> {
    /// The task as it was before.
    pub task: Candidate<Key>,
    /// Who.
    pub worker: WorkerId,
    /// Since when.
    pub begun: Time,
    /// Whether a second worker does it too.
    pub is_twice: bool,
}

/// A worker that takes tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerView {
    /// Which.
    pub id: WorkerId,
    /// How fast.
    pub device: Device,
    /// What it has in all.
    pub total: Resources,
    /// Artifacts that it need not fetch.
    pub holds: BTreeSet<B256>,
    /// How fast it fetches others, at least 1.
    pub bytes_per_s: u64,
}

/// What a tenant has a claim to, beside others: 2 to another's 1 is twice as much of the cluster while both want it.
pub type Weights = BTreeMap<TenantId, u32>;

/// A task begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start<Key> {
    /// Which.
    pub key: Key,
    /// Where.
    pub worker: WorkerId,
    /// Why now.
    pub why: Why,
}

/// Why a task begins now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is its turn.
    Turn,
    /// It is not, but whoever's turn it is cannot begin yet and is not delayed.
    Backfill,
    /// Somebody does it already, for longer than such a task ever took.
    Straggler,
}

/// What is known when it is decided.
#[derive(Clone, Copy, Debug)]
pub struct Board<'a, Key> {
    /// The time.
    pub now: Time,
    /// What can begin, in any order.
    pub candidates: &'a [Candidate<Key>],
    /// What somebody does.
    pub in_hand: &'a [InHand<Key>],
    /// Who takes tasks.
    pub workers: &'a [WorkerView],
    /// The shares of tenants; whoever is not in it has weight 1.
    pub weights: &'a Weights,
    /// How long tasks take.
    pub durations: &'a Durations,
}

/// What begins now. Nobody is given more than there is room for.
pub fn dispatch<Key: Copy + Ord>(board: &Board<'_, Key>) -> Vec<Start<Key>> {
    let mut floor = Floor::of(board);
    let mut starts = Vec::new();
    let mut turns = Turns::of(board);
    while let Some(task) = turns.next() {
        match floor.place(task) {
            Placing::Begins(seat, why) => {
                starts.push(Start { key: task.key, worker: floor.take(seat, task), why });
                turns.has_begun(task);
            }
            Placing::Waits => {}
        }
    }
    starts.extend(floor.stragglers());
    starts
}

/// The order of turns, which changes with what each tenant has.
struct Turns<'a, Key> {
    waiting: BTreeMap<TenantId, std::vec::IntoIter<&'a Candidate<Key>>>,
    heads: BTreeMap<TenantId, &'a Candidate<Key>>,
    used: BTreeMap<TenantId, Resources>,
    whole: Resources,
    weights: &'a Weights,
    durations: &'a Durations,
    devices: BTreeSet<Device>,
}

impl<'a, Key: Copy + Ord> Turns<'a, Key> {
    fn of(board: &Board<'a, Key>) -> Self {
        let mut turns = Self {
            waiting: BTreeMap::new(),
            heads: BTreeMap::new(),
            used: BTreeMap::new(),
            whole: board.workers.iter().fold(Resources::default(), |sum, it| sum.and(it.total)),
            weights: board.weights,
            durations: board.durations,
            devices: board.workers.iter().map(|worker| worker.device).collect(),
        };
        board.in_hand.iter().for_each(|it| turns.has_begun(&it.task));
        let mut by_tenant: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for task in board.candidates {
            by_tenant.entry(task.tenant).or_default().push(task);
        }
        for (tenant, mut tasks) in by_tenant {
            tasks.sort_by_cached_key(|task| turns.urgency(task));
            let mut tasks = tasks.into_iter();
            turns.heads.extend(tasks.next().map(|head| (tenant, head)));
            turns.waiting.insert(tenant, tasks);
        }
        turns
    }

    /// When it has to begin at the latest, on the device that is fastest at it.
    fn urgency(&self, task: &Candidate<Key>) -> (Time, Reverse<Wei>, Key) {
        let on = |device: &Device| self.durations.usual(task.stage, *device, task.size);
        let fastest = self.devices.iter().map(on).min().unwrap_or(Span::ZERO);
        (task.due - fastest, Reverse(task.value), task.key)
    }

    fn next(&mut self) -> Option<&'a Candidate<Key>> {
        let least = |(tenant, head): &(&TenantId, &&Candidate<Key>)| {
            let used = self.used.get(tenant).copied().unwrap_or_default();
            let weight = self.weights.get(tenant).copied().unwrap_or(1).max(1);
            (used.share_up(self.whole) / u64::from(weight), self.urgency(head))
        };
        let (tenant, head) = self.heads.iter().min_by_key(least)?;
        let (tenant, head) = (*tenant, *head);
        match self.waiting.get_mut(&tenant).and_then(Iterator::next) {
            Some(next) => self.heads.insert(tenant, next),
            None => self.heads.remove(&tenant),
        };
        Some(head)
    }

    fn has_begun(&mut self, task: &Candidate<Key>) {
        let used = self.used.entry(task.tenant).or_default();
        *used = used.and(task.needs);
    }
}

/// The workers with what they do and what room they have.
struct Floor<'a, Key> {
    now: Time,
    seats: Vec<Seat<'a>>,
    in_hand: &'a [InHand<Key>],
    durations: &'a Durations,
}

struct Seat<'a> {
    worker: &'a WorkerView,
    free: Resources,
    /// When how much of it is free again, if tasks take as long as they usually do.
    ends: Vec<(Time, Resources)>,
    /// Since when somebody waits for that much.
    promised: Option<(Time, Resources)>,
}

enum Placing {
    /// At that seat.
    Begins(usize, Why),
    /// Nowhere yet.
    Waits,
}

impl<'a, Key: Copy + Ord> Floor<'a, Key> {
    fn of(board: &Board<'a, Key>) -> Self {
        let seat = |worker: &'a WorkerView| Seat {
            worker,
            free: worker.total,
            ends: Vec::new(),
            promised: None,
        };
        let seats = board.workers.iter().map(seat).collect();
        let Board { now, in_hand, durations, .. } = *board;
        let mut floor = Self { now, seats, in_hand, durations };
        for it in in_hand {
            let seat = floor.seats.iter().position(|seat| seat.worker.id == it.worker);
            if let Some(seat) = seat {
                floor.fill(seat, &it.task, it.begun);
            }
        }
        floor
    }

    /// How long a task takes there, with what it has to fetch.
    fn span(&self, seat: &Seat<'_>, task: &Candidate<Key>) -> Span {
        let usual = self.durations.usual(task.stage, seat.worker.device, task.size);
        let fetched = task.inputs.iter().filter(|(name, _)| !seat.worker.holds.contains(name));
        let bytes: u64 = fetched.map(|(_, bytes)| bytes).sum();
        let per_s = seat.worker.bytes_per_s.max(1);
        usual + Span::ms(bytes.saturating_mul(1_000).div_ceil(per_s))
    }

    fn fill(&mut self, at: usize, task: &Candidate<Key>, begun: Time) {
        let ends = (begun + self.span(&self.seats[at], task)).max(self.now.next());
        let seat = &mut self.seats[at];
        seat.free = seat.free.less(task.needs);
        let place = seat.ends.partition_point(|(end, _)| *end <= ends);
        seat.ends.insert(place, (ends, task.needs));
    }

    fn place(&mut self, task: &Candidate<Key>) -> Placing {
        let able = |seat: &&Seat<'_>| seat.worker.total.fits(task.needs);
        let is_fresh = |seat: &Seat<'_>| !task.failed_on.contains(&seat.worker.id);
        let has_fresh = self.seats.iter().filter(able).any(is_fresh);
        let may = |seat: &Seat<'_>| able(&seat) && (is_fresh(seat) || !has_fresh);
        let begins = |(_, seat): &(usize, &Seat<'_>)| {
            let ends = self.now + self.span(seat, task);
            may(seat) && seat.free.fits(task.needs) && seat.keeps_its_promise(task.needs, ends)
        };
        let seats = || self.seats.iter().enumerate();
        let first = |(_, seat): &(usize, &Seat<'_>)| (self.span(seat, task), seat.worker.id);
        if let Some((at, _)) = seats().filter(begins).min_by_key(first) {
            let is_turn = self.seats.iter().all(|seat| seat.promised.is_none());
            return Placing::Begins(at, if is_turn { Why::Turn } else { Why::Backfill });
        }
        // One that waits has one worker's promise, and a worker promises once at a time.
        let soonest = |(at, seat): (usize, &Seat<'_>)| {
            let free = seat.free_at(task.needs, self.now)?;
            Some((free, seat.worker.id, at))
        };
        let unpromised = seats().filter(|(_, seat)| may(seat) && seat.promised.is_none());
        if let Some((free, _, at)) = unpromised.filter_map(soonest).min() {
            self.seats[at].promised = Some((free, task.needs));
        }
        Placing::Waits
    }

    fn take(&mut self, at: usize, task: &Candidate<Key>) -> WorkerId {
        self.fill(at, task, self.now);
        self.seats[at].worker.id
    }

    /// Tasks that take half as long again as any did, with whoever would be finished before it takes as long again.
    fn stragglers(&mut self) -> Vec<Start<Key>> {
        let mut starts = Vec::new();
        for it in self.in_hand.iter().filter(|it| !it.is_twice) {
            let device = self.seats.iter().find(|seat| seat.worker.id == it.worker);
            let Some(device) = device.map(|seat| seat.worker.device) else { continue };
            let longest = self.durations.longest(it.task.stage, device, it.task.size);
            let Some(longest) = longest else { continue };
            let elapsed = self.now.since(it.begun);
            if elapsed <= longest + Span::ms(longest.get() / 2) {
                continue;
            }
            let helps = |(_, seat): &(usize, &Seat<'_>)| {
                seat.worker.id != it.worker
                    && !it.task.failed_on.contains(&seat.worker.id)
                    && seat.free.fits(it.task.needs)
                    && self.span(seat, &it.task) < elapsed
                    && seat.keeps_its_promise(it.task.needs, self.now + self.span(seat, &it.task))
            };
            let first =
                |(_, seat): &(usize, &Seat<'_>)| (self.span(seat, &it.task), seat.worker.id);
            let helper = self.seats.iter().enumerate().filter(helps).min_by_key(first);
            if let Some(at) = helper.map(|(at, _)| at) {
                let worker = self.take(at, &it.task);
                starts.push(Start { key: it.task.key, worker, why: Why::Straggler });
            }
        }
        starts
    }
}

impl Seat<'_> {
    /// Whether what was promised here is there in time though `needs` are taken until `ends`.
    fn keeps_its_promise(&self, needs: Resources, ends: Time) -> bool {
        let Some((from, promised)) = self.promised else { return true };
        let freed = self.ends.iter().filter(|(end, _)| *end <= from);
        let then = freed.fold(self.free, |free, (_, needs)| free.and(*needs));
        ends <= from || then.less(needs).fits(promised) && then.fits(needs)
    }

    /// When there is room for `needs`; nothing if there never is.
    fn free_at(&self, needs: Resources, now: Time) -> Option<Time> {
        let mut free = self.free;
        if free.fits(needs) {
            return Some(now);
        }
        self.ends.iter().find_map(|(end, freed)| {
            free = free.and(*freed);
            free.fits(needs).then_some(*end)
        })
    }
}

#[cfg(test)]
mod tests;
