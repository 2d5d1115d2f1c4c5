//! Jobs that are cleared together at the end of a round, and the provers who sell work to them. What
//! has found no seller waits for the next round, until its deadline.

use crate::{
    Amount, Case, Contradiction, Desk, JobId, JobSpec, Party, Position, Preset, Refusal, Ruling,
    Span, Time,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Jobs that wait for the end of a round, and who sells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    pub(crate) terms: Terms,
    waiting: Vec<JobId>,
    /// In the order in which they joined.
    sellers: Vec<Party>,
    /// Units that each has sold and neither delivered nor missed.
    busy: BTreeMap<Party, u32>,
}

/// What holds for all that are cleared together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// How long jobs are collected from the first on.
    pub round: Span,
    /// How long a seller has to deliver.
    pub window: Span,
    /// The most units that one seller may sell at once, whatever its capacity.
    pub capacity_most: u32,
    /// What must be at stake for each unit, and is lost with it.
    pub collateral: Amount,
    /// How long a stake stays after its owner wants it back.
    pub exit: Span,
}

/// Parameters of a mechanism that clears batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Rounds and who may sell in them.
    pub batch: Terms,
}

/// Ours, for want of numbers in the papers.
pub(crate) const PRESETS: &[Preset] = &[Preset {
    name: "ours",
    rules: r#"
        [batch]
        round = "1 min"
        window = "20 min"
        capacity_most = 2
        collateral = 1000
        exit = "7 d"
    "#,
}];

/// What a prover sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who.
    pub party: Party,
    /// What it wants for a unit.
    pub price: Amount,
    /// How many units it can do.
    pub units: u32,
}

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let (terms, unless) = (self.batch, Contradiction::unless);
        let timed = terms.round > Span::ZERO && terms.window > Span::ZERO;
        unless(timed, "batch", "must have a round and a window of more than nothing")?;
        let sells = (1..=1_000).contains(&terms.capacity_most);
        unless(sells, "batch", "must have a capacity_most from 1 to 1000")?;
        let backed = terms.collateral > Amount::ZERO;
        unless(backed, "batch", "must have a collateral of more than nothing")
    }
}

impl Batch {
    /// Nobody sells and nothing waits.
    pub(crate) fn new(rules: Rules) -> Self {
        let (waiting, sellers) = (Vec::new(), Vec::new());
        Self { terms: rules.batch, waiting, sellers, busy: BTreeMap::new() }
    }

    /// # Errors
    /// The round would end after the job.
    pub(crate) fn admit<T>(&self, desk: &Desk<T>, spec: &JobSpec) -> Ruling {
        spec.due_from((desk.now() + self.terms.round).next().next())
    }

    /// Whether a position is backed and leaves its owner's capacity as it was.
    ///
    /// # Errors
    /// It does not.
    pub(crate) fn seat<T>(&self, desk: &Desk<T>, party: Party, position: &Position) -> Ruling {
        let held = desk.member(party).map(|member| member.position.capacity);
        if let Some(held) = held.filter(|held| *held != position.capacity) {
            return Err(Refusal::CapacityFixed { held });
        }
        if position.capacity == 0 {
            return Err(Refusal::CapacityTooSmall { wanted: 1 });
        }
        let units = position.capacity.min(self.terms.capacity_most);
        Position { capacity: units, ..*position }.backs_capacity(self.terms.collateral)
    }

    /// A prover has joined, or changed its price.
    pub(crate) fn seated(&mut self, party: Party) {
        if !self.sellers.contains(&party) {
            self.sellers.push(party);
        }
    }

    /// A job waits for the end of the round, which its coming may begin.
    pub(crate) fn enter<T>(&mut self, desk: &mut Desk<T>, job: JobId) {
        self.waiting.push(job);
        if self.waiting.len() == 1 {
            desk.wake_at((desk.now() + self.terms.round).next());
        }
    }

    /// The jobs of the round that has ended, in the order in which they came.
    pub(crate) fn take<T>(&mut self, desk: &Desk<T>) -> Vec<JobId> {
        let mut jobs = std::mem::take(&mut self.waiting);
        jobs.retain(|job| desk.job(*job).is_some());
        jobs
    }

    /// After the round those of its jobs that found no seller wait for the next.
    pub(crate) fn keep<T>(&mut self, desk: &mut Desk<T>, mut jobs: Vec<JobId>) {
        jobs.retain(|id| desk.job(*id).is_some_and(|job| job.allocation().is_none()));
        jobs.into_iter().for_each(|job| self.enter(desk, job));
    }

    /// Until when a job is reserved for whoever buys it now.
    pub(crate) fn window_end<T>(&self, case: &Case<'_, T>) -> Time {
        (case.now() + self.terms.window).min(case.spec().deadline)
    }

    /// What can be bought, in the order in which the sellers joined: of everybody's capacity what is
    /// backed and free.
    pub(crate) fn offers<T>(&mut self, desk: &Desk<T>) -> Vec<Offer> {
        let terms = self.terms;
        self.sellers.retain(|party| desk.member(*party).is_some());
        let offer = |party: &Party| {
            let member = desk.member(*party).filter(|member| member.leaving.is_none())?;
            let backed = desk.stake(*party).get() / terms.collateral.get().max(1);
            let most = member.position.capacity.min(terms.capacity_most);
            let most = u32::try_from(backed).unwrap_or(u32::MAX).min(most);
            let units = most.saturating_sub(self.busy.get(party).copied().unwrap_or_default());
            let price = member.position.price;
            (units > 0).then_some(Offer { party: *party, price, units })
        };
        self.sellers.iter().filter_map(offer).collect()
    }

    /// A prover has sold units.
    pub(crate) fn sold(&mut self, party: Party, units: u32) {
        *self.busy.entry(party).or_default() += units;
    }

    /// It has delivered or missed them.
    pub(crate) fn freed(&mut self, party: Party, units: u32) {
        let busy = self.busy.remove(&party).unwrap_or_default().saturating_sub(units);
        if busy > 0 {
            self.busy.insert(party, busy);
        }
    }
}

/// The places of what is sorted by `key`, of equal ones the first first.
pub(crate) fn sorted<K: Ord>(count: usize, key: impl Fn(usize) -> K) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by_key(|place| key(*place));
    places
}

/// A proof is delivered by right; then `burned` of the escrow is.
///
/// # Errors
/// As [`Case::deliver`].
pub(crate) fn deliver_burning<T>(
    case: &mut Case<'_, T>,
    by: Party,
    proof: &crate::Proof,
    burned: Amount,
) -> Ruling {
    case.may_deliver(by, proof)?;
    case.levy(crate::Account::Burned, burned, crate::Why::Fee);
    case.deliver(by, proof)
}
