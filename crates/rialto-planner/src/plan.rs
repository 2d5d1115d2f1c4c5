//! Everything that is done next, for all orders at once, at one moment.
//!
//! Each order's own next step comes from [`next_step`]; here they meet: who is judged, who gets a
//! lane of the prover, which locks fit among the promises, which proofs are handed in together.

use crate::appraise::{Market, charged};
use crate::batch::{BATCH_MAX, Closing, Finished, closing};
use crate::breaker::{Breaker, ProverHealth};
use crate::capacity::{Job, NoRoom, Schedule};
use crate::order::{Order, Standing};
use crate::policy::Policy;
use crate::priority::{commitment_rank, pricing_rank};
use crate::skip::Skip;
use crate::speed::{Estimate, Speeds};
use crate::step::{Delivering, Step, Waiting, next_step, soon};
use alloy_primitives::Address;
use rialto_protocol::{Collateral, RequestDigest, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// All that a plan depends on.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    /// The prover that plans.
    pub me: Address,
    /// The operator's settings.
    pub policy: &'a Policy,
    /// The market.
    pub market: &'a Market,
    /// Every order that is not over.
    pub orders: &'a [&'a Order],
    /// What the node's tasks have in hand. After a crash it is empty.
    pub hands: &'a BTreeMap<RequestDigest, Hand>,
    /// What is known of the prover's speed.
    pub speeds: &'a Speeds,
    /// How the prover has done lately.
    pub health: &'a ProverHealth,
    /// Whether new work is taken.
    pub intake: Intake,
    /// What else the same prover has promised, in other markets.
    pub elsewhere: &'a [Job],
}

/// What a task of the node is doing for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// Running its program.
    Preflighting,
    /// Its lock is on the way.
    Locking {
        /// Since when, by the chain's time.
        since: Timestamp,
    },
    /// Its proof is being made; what is left of it by the prover's own account.
    Proving {
        /// Nothing before the prover has said anything.
        left: Option<Duration>,
    },
    /// Sealing, delivering or calling for collateral.
    Settling,
    /// Resting after a failure.
    Resting,
}

/// Whether new work is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Intake {
    /// Yes.
    #[default]
    Open,
    /// Requests are judged and priced, nothing is locked.
    ListenOnly,
    /// No; what is locked is finished.
    Closed,
}

/// What is done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The step of each order, as they came. Those in hand go on whatever stands here.
    pub steps: Vec<Step>,
    /// Proofs to have attested together.
    pub seals: Vec<Batch>,
    /// Sealed proofs under locks of ours to hand in together.
    pub deliveries: Vec<Batch>,
    /// Proofs in the making that are of no use any more.
    pub cancels: Vec<RequestDigest>,
    /// What is promised.
    pub load: Load,
}

/// Orders that go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Which; never none, at most [`BATCH_MAX`].
    pub orders: Vec<RequestDigest>,
    /// Why now.
    pub closing: Closing,
}

/// What a prover has promised and not yet proven, and whether it may promise more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Orders, those of other markets included.
    pub promised: u32,
    /// Locks that are not delivered and still can be.
    pub owed: u32,
    /// Collateral of locks that are not delivered.
    pub stake_at_risk: Collateral,
    /// When the prover is free again, by the estimates.
    pub busy_for: Duration,
    /// Whether a promise cannot be kept by the estimates.
    pub is_behind: bool,
    /// Whether promises may be made.
    pub breaker: Breaker,
    /// When each proof is made.
    pub schedule: Schedule,
}

/// Decides for every order at once. The same snapshot and seed give the same plan.
pub fn plan(snapshot: &Snapshot<'_>, seed: u64) -> Plan {
    let steps = snapshot
        .orders
        .iter()
        .map(|order| next_step(order, snapshot.me, snapshot.policy, snapshot.market))
        .collect();
    let mut desk = Desk { steps, free_collateral: free_collateral(snapshot), load: load(snapshot) };
    let cancels = cancels(snapshot, &desk.steps);
    give_lanes(snapshot, &mut desk);
    admit(snapshot, &mut desk, seed);
    give_turns(snapshot, &mut desk.steps, seed);
    let (seals, deliveries) = batches(snapshot, &mut desk);
    Plan { steps: desk.steps, seals, deliveries, cancels, load: desk.load }
}

/// What the stages of a plan change.
struct Desk {
    steps: Vec<Step>,
    free_collateral: Collateral,
    load: Load,
}

impl Snapshot<'_> {
    fn hand(&self, order: &Order) -> Option<Hand> {
        self.hands.get(&order.digest).copied()
    }

    fn is_locking(&self, order: &Order) -> bool {
        matches!(self.hand(order), Some(Hand::Locking { .. }))
    }

    /// Locked by us or about to be.
    fn is_promised(&self, order: &Order) -> bool {
        order.is_locked_by(self.me) || self.is_locking(order)
    }

    fn is_proven(order: &Order) -> bool {
        matches!(order.standing, Standing::Proven(..) | Standing::Sealed(..))
    }

    /// When its proof can begin, how long it takes, and by when it must be finished, all from now.
    fn job(&self, order: &Order, deadline: Timestamp) -> Job {
        let market = self.market;
        let margin = Duration::from_secs(self.policy.min_deadline_s).max(market.two_blocks());
        let due = Duration::from_secs(market.now.seconds_until(deadline)).saturating_sub(margin);
        let estimate = order
            .run()
            .map(|run| self.speeds.estimate_up(run.image_id, charged(run.cycles, self.policy)));
        // A lock that was made without judgement may take all the time there is.
        let estimate = estimate.unwrap_or(Estimate { usual: due, longest: due });
        let mut job = Job {
            digest: order.digest,
            ready: Duration::ZERO,
            left: estimate.usual,
            spare: estimate.longest.saturating_sub(estimate.usual),
            due,
            is_running: false,
        };
        match self.hand(order) {
            Some(Hand::Proving { left }) => {
                (job.left, job.is_running) = (left.unwrap_or(job.left), true);
            }
            Some(Hand::Locking { since }) => {
                let passed = Duration::from_secs(since.seconds_until(market.now));
                job.ready = market.two_blocks().saturating_sub(passed);
            }
            _ if !self.is_promised(order) => job.ready = market.two_blocks(),
            _ => {}
        }
        job
    }

    /// The last second at which a proof is of use now.
    fn deadline(&self, order: &Order) -> Timestamp {
        let offer = &order.request.offer;
        let under_lock = self.is_promised(order) && self.market.now <= offer.lock_deadline();
        if under_lock { offer.lock_deadline() } else { offer.deadline() }
    }
}

/// Rebuilt from facts and hands at every plan; there is no counter to lose.
fn load(snapshot: &Snapshot<'_>) -> Load {
    let mut promised = u32::try_from(snapshot.elsewhere.len()).unwrap_or(u32::MAX);
    let mut owed = 0u32;
    let mut stake_at_risk = Collateral::ZERO;
    let mut jobs = snapshot.elsewhere.to_vec();
    for order in snapshot.orders {
        let is_promised = snapshot.is_promised(order);
        let proving = matches!(snapshot.hand(order), Some(Hand::Proving { .. }));
        if is_promised && is_at_stake(order, snapshot.me) {
            let stake = order.request.offer.lock_collateral;
            stake_at_risk = stake_at_risk.checked_add(stake).unwrap_or(stake_at_risk);
        }
        let is_owed = is_promised
            && is_at_stake(order, snapshot.me)
            && snapshot.market.now <= order.request.offer.deadline();
        owed = owed.saturating_add(u32::from(is_owed));
        if is_owed && !Snapshot::is_proven(order) {
            promised = promised.saturating_add(1);
            jobs.push(snapshot.job(order, snapshot.deadline(order)));
        } else if proving {
            jobs.push(snapshot.job(order, snapshot.deadline(order)));
        }
    }
    let schedule = Schedule::new(snapshot.policy.concurrent_jobs, jobs);
    Load {
        promised,
        owed,
        stake_at_risk,
        busy_for: schedule.ends(),
        is_behind: schedule.has_late(),
        breaker: Breaker::of(snapshot.health, &snapshot.policy.breaker, snapshot.market.now),
        schedule,
    }
}

/// Neither delivered by us nor slashed.
fn is_at_stake(order: &Order, me: Address) -> bool {
    order.facts.slash.is_none() && !order.facts.deliveries.iter().any(|by| by.prover == me)
}

/// Without what is on its way into locks.
fn free_collateral(snapshot: &Snapshot<'_>) -> Collateral {
    let on_the_way = snapshot.orders.iter().filter(|order| snapshot.is_locking(order));
    on_the_way.fold(snapshot.market.free_collateral, |free, order| {
        free.saturating_sub(order.request.offer.lock_collateral)
    })
}

/// Proofs in the making whose order asks for no proof any more.
fn cancels(snapshot: &Snapshot<'_>, steps: &[Step]) -> Vec<RequestDigest> {
    if !snapshot.policy.cancel_proving_expired_orders {
        return Vec::new();
    }
    let proving = snapshot.orders.iter().zip(steps).filter(|(order, step)| {
        let proving = matches!(snapshot.hand(order), Some(Hand::Proving { .. }));
        proving && matches!(step, Step::Done(_) | Step::Skip(_))
    });
    proving.map(|(order, _)| order.digest).collect()
}

/// Starts the promised proofs that are due first, as many as there are lanes.
fn give_lanes(snapshot: &Snapshot<'_>, desk: &mut Desk) {
    let able = |digest| !snapshot.hands.contains_key(&digest);
    let starting = desk.load.schedule.starts(able);
    for (order, step) in snapshot.orders.iter().zip(&mut desk.steps) {
        let ours = matches!(step, Step::Prove { .. }) && snapshot.is_promised(order);
        if ours && snapshot.hand(order).is_none() && !starting.contains(&order.digest) {
            *step = soon(snapshot.market, Waiting::Lane);
        }
    }
}

/// Takes on new orders, the best first, as long as every promise still holds.
fn admit(snapshot: &Snapshot<'_>, desk: &mut Desk, seed: u64) {
    let mut candidates: Vec<_> = snapshot
        .orders
        .iter()
        .enumerate()
        .filter(|(_, order)| snapshot.hand(order).is_none() && !order.is_locked_by(snapshot.me))
        .filter_map(|(i, order)| {
            let deadline = match desk.steps[i] {
                Step::Lock { .. } => order.request.offer.lock_deadline(),
                Step::Prove { deadline } => deadline,
                _ => return None,
            };
            let job = snapshot.job(order, deadline);
            let spare = job.due.saturating_sub(job.left).as_millis();
            let spare_ms = u64::try_from(spare).unwrap_or(u64::MAX);
            let view = (snapshot.market.now, spare_ms);
            let rank = commitment_rank(order, snapshot.policy, view, seed);
            Some((matches!(desk.steps[i], Step::Prove { .. }), rank, i, job))
        })
        .collect();
    // A race is no promise and comes after all of them.
    candidates.sort_by_key(|(is_race, rank, _, _)| (*is_race, *rank));
    for (is_race, _, i, job) in candidates {
        let order = snapshot.orders[i];
        let refused = match is_race {
            true => enter_race(snapshot, &mut desk.load, order, job).err(),
            false => promise(snapshot, desk, order, job).err(),
        };
        if let Some(step) = refused {
            desk.steps[i] = step;
        }
    }
}

/// Promises an order, or says what it waits for or why it is refused.
fn promise(snapshot: &Snapshot<'_>, desk: &mut Desk, order: &Order, job: Job) -> Result<(), Step> {
    let (policy, market) = (snapshot.policy, snapshot.market);
    let load = &mut desk.load;
    check_intake(snapshot)?;
    check_time_alone(snapshot, job, order.request.offer.lock_deadline())?;
    check_breaker(snapshot, load)?;
    if load.promised >= policy.max_concurrent_proofs {
        return Err(soon(market, Waiting::Capacity));
    }
    let stake = order.request.offer.lock_collateral;
    if stake > desk.free_collateral {
        return Err(soon(market, Waiting::Collateral));
    }
    let at_risk = load.stake_at_risk.checked_add(stake).unwrap_or(stake);
    if policy.max_stake_at_risk.is_some_and(|limit| at_risk > limit) {
        return Err(soon(market, Waiting::Risk));
    }
    make_room(snapshot, load, job)?;
    load.promised += 1;
    load.stake_at_risk = at_risk;
    desk.free_collateral = desk.free_collateral.saturating_sub(stake);
    Ok(())
}

/// A race begins at once or not at all: it may be won by others at any time.
fn enter_race(
    snapshot: &Snapshot<'_>,
    load: &mut Load,
    order: &Order,
    job: Job,
) -> Result<(), Step> {
    check_intake(snapshot)?;
    check_time_alone(snapshot, job, snapshot.deadline(order))?;
    check_breaker(snapshot, load)?;
    let lanes = usize::try_from(snapshot.policy.concurrent_jobs.max(1)).unwrap_or(usize::MAX);
    if load.schedule.slots().len() >= lanes {
        return Err(soon(snapshot.market, Waiting::Lane));
    }
    make_room(snapshot, load, Job { is_running: true, ..job })
}

fn check_intake(snapshot: &Snapshot<'_>) -> Result<(), Step> {
    match snapshot.intake {
        Intake::Open => Ok(()),
        Intake::ListenOnly => Err(soon(snapshot.market, Waiting::Intake)),
        Intake::Closed => Err(soon(snapshot.market, Waiting::Paused)),
    }
}

fn check_time_alone(snapshot: &Snapshot<'_>, job: Job, deadline: Timestamp) -> Result<(), Step> {
    let needed = job.needed();
    if needed <= job.due {
        return Ok(());
    }
    let left_s = snapshot.market.now.seconds_until(deadline);
    let margin = Duration::from_secs(left_s).saturating_sub(job.due);
    let needed_s = needed.saturating_add(margin).as_millis().div_ceil(1_000);
    let needed_s = u64::try_from(needed_s).unwrap_or(u64::MAX);
    Err(Step::Skip(Skip::TooLittleTime { left_s, needed_s }))
}

fn check_breaker(snapshot: &Snapshot<'_>, load: &Load) -> Result<(), Step> {
    match load.breaker {
        Breaker::Closed => Ok(()),
        Breaker::Trial if load.promised == 0 => Ok(()),
        Breaker::Trial => Err(soon(snapshot.market, Waiting::Breaker)),
        Breaker::Open { until } => Err(Step::Wait { until, why: Waiting::Breaker }),
    }
}

fn make_room(snapshot: &Snapshot<'_>, load: &mut Load, job: Job) -> Result<(), Step> {
    let ahead = Duration::from_secs(snapshot.policy.max_commitment_duration_s);
    if load.schedule.with(job).ends() > ahead {
        return Err(soon(snapshot.market, Waiting::Capacity));
    }
    match load.schedule.admit(job) {
        Ok(()) => {
            load.busy_for = load.schedule.ends();
            Ok(())
        }
        Err(NoRoom { room_in }) => {
            // Never less than a second, and looked at again when anything changes.
            let wait_s = room_in.map_or(1, |room_in| room_in.as_secs().max(1));
            let until = snapshot.market.now.saturating_add(wait_s);
            Err(Step::Wait { until, why: Waiting::Capacity })
        }
    }
}

/// Lets as many programs run as may, the best requests first.
fn give_turns(snapshot: &Snapshot<'_>, steps: &mut [Step], seed: u64) {
    let running = snapshot.hands.values().filter(|hand| **hand == Hand::Preflighting).count();
    let at_once = usize::try_from(snapshot.policy.max_concurrent_preflights).unwrap_or(usize::MAX);
    let mut turns = at_once.saturating_sub(running);
    let mut waiting: Vec<_> = snapshot
        .orders
        .iter()
        .enumerate()
        .filter(|(i, order)| {
            matches!(steps[*i], Step::Preflight(_)) && snapshot.hand(order).is_none()
        })
        .map(|(i, order)| (pricing_rank(order, snapshot.policy, seed), i))
        .collect();
    waiting.sort_unstable();
    for (_, i) in waiting {
        if snapshot.intake == Intake::Closed {
            steps[i] = soon(snapshot.market, Waiting::Paused);
        } else if turns == 0 {
            steps[i] = soon(snapshot.market, Waiting::Turn);
        } else {
            turns -= 1;
        }
    }
}

/// Proofs under locks of ours go together; each race goes by itself.
fn batches(snapshot: &Snapshot<'_>, desk: &mut Desk) -> (Vec<Batch>, Vec<Batch>) {
    let policy = &snapshot.policy.batch;
    let mut finished = Vec::new();
    let mut sealed = Vec::new();
    let mut seals = Vec::new();
    for (order, step) in snapshot.orders.iter().zip(&mut desk.steps) {
        if snapshot.hand(order).is_some() {
            continue;
        }
        let under_lock = order.is_locked_by(snapshot.me)
            && snapshot.market.now <= order.request.offer.lock_deadline();
        match step {
            Step::Seal if under_lock => finished.extend(as_finished(order)),
            Step::Seal => {
                seals.push(Batch { orders: vec![order.digest], closing: Closing::Deadline });
            }
            Step::Deliver(Delivering::UnderLock) => sealed.push(order.digest),
            _ => {}
        }
    }
    let to_come = !desk.load.schedule.slots().is_empty();
    match closing(&finished, to_come, policy, snapshot.market.now) {
        Some(closing) => {
            finished.sort_by_key(|one| (one.deadline, one.digest));
            let digests: Vec<_> = finished.iter().map(|one| one.digest).collect();
            seals.extend(in_batches(&digests, closing));
        }
        None => {
            let waits: Vec<_> = finished.iter().map(|one| one.digest).collect();
            for (order, step) in snapshot.orders.iter().zip(&mut desk.steps) {
                if waits.contains(&order.digest) {
                    *step = soon(snapshot.market, Waiting::Batch);
                }
            }
        }
    }
    (seals, in_batches(&sealed, Closing::NothingToCome).collect())
}

fn in_batches(
    digests: &[RequestDigest],
    closing: Closing,
) -> impl Iterator<Item = Batch> + use<'_> {
    digests.chunks(BATCH_MAX).map(move |orders| Batch { orders: orders.to_vec(), closing })
}

fn as_finished(order: &Order) -> Option<Finished> {
    let Standing::Proven(run, proven) = &order.standing else { return None };
    let lock = order.facts.lock.as_ref()?;
    Some(Finished {
        digest: order.digest,
        since: proven.at,
        journal_bytes: run.journal.0.len() as u64,
        fee: order.lock_price(lock),
        deadline: order.request.offer.lock_deadline(),
    })
}

#[cfg(test)]
mod tests;
