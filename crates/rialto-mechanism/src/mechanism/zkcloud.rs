//! **ZkCloud** (Gevulot's latest; M11). One prover drawn for each job, and one more if it fails.
//!
//! *Rule.* A member qualifies by a timed workload: measured at most `workload` milliseconds. Jobs wait for a
//! seed, which draws one qualified member each by capacity, nobody twice for one job and nobody who was drawn
//! in the round before. It must accept or decline within `accept`, else it is out of the active set and the job
//! waits for the next seed, as it does after a decline. Who declines may do so once in seven days and four
//! times in thirty. The proof is due `work` after the draw.
//!
//! *Pay.* All that the requester pays.
//!
//! *Failure.* Who misses is out of the active set until measured again, and the next seed draws a fallback. If
//! that one succeeds, the requester has `refund` back, and the pool makes up for it as far as it can, so the
//! fallback is paid in full (where that comes from is our reading). If it misses too, the fees are burned. A
//! job that finds nobody is paid back.
//!
//! *Source.* ZkCloud's documents. Confidence B. A member that was idle while most were busy is measured again
//! by the network; a result that is too slow takes it out of the active set.
//!
//! *Attacks.* Many nearly idle identities on one machine. Declining when it is congested, which the quotas make
//! rare. The one who proposes the seed can choose it, unless the seed is a threshold beacon's.

use crate::{
    About, Account, ActiveSet, Allocation, Amount, Beacon, Bps, Case, Confidence, Contradiction,
    Desk, Duty, Job, JobId, JobSpec, Mechanism, Message, Outcome, Party, Position, Preset, Proof,
    Refusal, Ruling, Seed, Span, SplitGain, Time,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rule with its parameters, the active set and who declined when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Zkcloud {
    rules: Rules,
    active: ActiveSet,
    /// Whom the last seed drew.
    last_round: Vec<Party>,
    /// Within the last thirty days, at most four each.
    declines: BTreeMap<Party, Vec<Time>>,
}

/// Parameters of a [`Zkcloud`] run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How long a prover has to accept.
    pub accept: Span,
    /// How long it has to prove, from the draw on.
    pub work: Span,
    /// How often it may decline within seven days.
    pub weekly: u32,
    /// How often it may decline within thirty days.
    pub monthly: u32,
    /// What the requester has back when the fallback proves.
    pub refund: Bps,
    /// The least stake for a unit of capacity.
    pub stake_for_capacity: Amount,
    /// The longest that the timed workload may take, in milliseconds.
    pub workload: u32,
    /// How long a stake stays after its owner wants it back.
    pub exit: Span,
    /// How long randomness takes.
    pub beacon: Beacon,
}

/// What is remembered of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Who has been drawn for it.
    tried: Vec<Party>,
    /// Whether the one who has it has accepted.
    accepted: bool,
    /// Whether somebody has missed it.
    missed: bool,
}

const WEEK: Span = Span::s(7 * 86_400);
const MONTH: Span = Span::s(30 * 86_400);

const ABOUT: About = About {
    name: "zkcloud",
    family: "M11",
    confidence: Confidence::Documents,
    split_gain: SplitGain::Neutral,
    presets: &[Preset {
        name: "zkcloud",
        rules: r#"
            accept = "18 s"
            work = "10 min"
            weekly = 1
            monthly = 4
            refund = 5000
            stake_for_capacity = 100
            workload = 60000
            exit = "7 d"
            beacon = { lag = "6 s", patience = "1 min" }
        "#,
    }],
    file: include_str!("zkcloud.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::if_no_share(self.refund, "refund")?;
        Contradiction::unless(self.accept <= self.work, "accept", "must be at most the work")?;
        let quotas = self.weekly <= self.monthly && self.monthly <= 1_000;
        Contradiction::unless(quotas, "weekly", "must be at most monthly, and that at most 1000")
    }
}

impl Mechanism for Zkcloud {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self {
            rules,
            active: ActiveSet::default(),
            last_round: Vec::new(),
            declines: BTreeMap::new(),
        }
    }

    fn join(&mut self, _: &mut Desk<Mark>, _: Party, position: &Position) -> Ruling {
        position.backs_capacity(self.rules.stake_for_capacity)
    }

    fn seated(&mut self, desk: &mut Desk<Mark>, party: Party) {
        self.active.reweigh(desk, party);
    }

    fn leave(&mut self, desk: &mut Desk<Mark>, party: Party) -> Span {
        self.active.remove(desk, party);
        self.rules.exit
    }

    fn measured(&mut self, desk: &mut Desk<Mark>, party: Party, score: u32) -> Ruling {
        self.active.measured(desk, party, score <= self.rules.workload)
    }

    fn admits(&self, desk: &Desk<Mark>, spec: &JobSpec) -> Ruling {
        let beacon = self.rules.beacon;
        let earliest = (desk.now() + beacon.lag + beacon.patience + self.rules.work).next();
        spec.due_from(earliest)
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        self.active.lots.enter(case.desk, case.job.id, self.rules.beacon);
    }

    fn seeded(&mut self, desk: &mut Desk<Mark>, seed: &Seed) {
        let before = std::mem::take(&mut self.last_round);
        desk.visit_all(self.active.lots.take(), |case| self.decide(case, seed, &before));
        self.active.lots.finish(desk, self.rules.beacon);
    }

    fn seedless(&mut self, desk: &mut Desk<Mark>, _: u64, _: Option<JobId>) {
        self.active.lots.give_up(desk, self.rules.beacon);
    }

    fn hear(&mut self, case: &mut Case<'_, Mark>, from: Party, said: &Message) -> Ruling {
        if !case.job.holders().iter().any(|holder| holder.party == from) {
            return Err(Refusal::NotAHolder);
        }
        match said {
            _ if case.job.mark.accepted => Err(Refusal::AlreadyDone),
            Message::Accept => {
                case.job.mark.accepted = true;
                Ok(())
            }
            Message::Decline => {
                self.count_decline(from, case.now())?;
                self.draw_again(case);
                Ok(())
            }
            _ => Err(Refusal::NotUnderstood),
        }
    }

    /// The time to accept is over.
    fn alarm(&mut self, case: &mut Case<'_, Mark>) {
        if case.job.mark.accepted {
            return;
        }
        for holder in case.job.holders().to_vec() {
            self.active.remove(case.desk, holder.party);
        }
        self.draw_again(case);
    }

    fn deliver(&mut self, case: &mut Case<'_, Mark>, by: Party, proof: &Proof) -> Ruling {
        let missed = case.job.mark.missed;
        let full = case.spec().max_pay;
        case.deliver(by, proof)?;
        if missed {
            let pool = case.desk.ledger().balance(Account::Pool);
            let rest = full.times_up(self.rules.refund).min(pool);
            let paid = case.desk.transfer(Account::Pool, Account::Hand(by), rest);
            paid.expect("the pool holds what was just looked up");
        }
        Ok(())
    }

    fn lapsed(&mut self, case: &mut Case<'_, Mark>) {
        for holder in case.job.holders().to_vec() {
            self.active.remove(case.desk, holder.party);
        }
        if case.job.mark.missed {
            return case.settle(Outcome::Unproven);
        }
        case.job.mark.missed = true;
        self.draw_again(case);
    }

    /// The deadline has passed: whoever had the job has missed it.
    fn settled(&mut self, desk: &mut Desk<Mark>, job: &Job<Mark>) {
        let failed = job.holders().iter().filter(|holder| holder.duty == Duty::Failed);
        failed.for_each(|holder| self.active.remove(desk, holder.party));
    }
}

impl Zkcloud {
    /// Gives the job to the first drawn who was neither tried nor drawn in the round before.
    fn decide(&mut self, case: &mut Case<'_, Mark>, seed: &Seed, before: &[Party]) {
        let tried = &case.job.mark.tried;
        let barred = before.len() + tried.len();
        let drawn = self.active.lots.roll.draw(seed, case.job.id, barred + 1);
        let free = drawn.iter().find(|party| !before.contains(party) && !tried.contains(party));
        let Some(party) = free.copied() else { return case.settle(Outcome::Unproven) };
        self.last_round.push(party);
        case.job.mark.tried.push(party);
        case.job.mark.accepted = false;
        let missed = case.job.mark.missed;
        let full = case.spec().max_pay;
        let refund = if missed { full.times_up(self.rules.refund) } else { Amount::ZERO };
        let until = case.now() + self.rules.work;
        let mut to_drawn = Allocation::to(party, full - refund, until);
        to_drawn.burns_escrow = missed;
        case.allocate(to_drawn);
        case.wake_at((case.now() + self.rules.accept).next());
    }

    fn draw_again(&mut self, case: &mut Case<'_, Mark>) {
        case.reopen();
        self.active.lots.enter(case.desk, case.job.id, self.rules.beacon);
    }

    fn count_decline(&mut self, party: Party, now: Time) -> Ruling {
        let earlier = self.declines.get(&party).map_or(&[][..], Vec::as_slice);
        // A quota of n is free again when the n-th last decline is old enough.
        let free_at = |quota: u32, span: Span| match earlier.len().checked_sub(quota as usize) {
            None => now,
            Some(at) => earlier.get(at).map_or(now.next(), |at| *at + span),
        };
        let from = free_at(self.rules.weekly, WEEK).max(free_at(self.rules.monthly, MONTH));
        if now < from {
            return Err(Refusal::TooEarly { from });
        }
        let declines = self.declines.entry(party).or_default();
        declines.retain(|at| now.since(*at) < MONTH);
        declines.push(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
