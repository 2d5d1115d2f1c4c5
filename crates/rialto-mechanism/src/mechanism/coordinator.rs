//! **Coordinator** (Scroll as it is run; M5). Provers ask a central queue for work.
//!
//! *Rule.* A member that polls is given the oldest job that nobody has and that it has not failed, else the
//! oldest. It may have as many as its capacity, and has `timeout` to deliver each.
//!
//! *Pay.* Whoever delivers gets all that the requester pays, which in a private network is nothing.
//!
//! *Failure.* A timeout or a decline puts the job back in the queue, at its place; after `attempts` it has
//! failed. Nobody loses money.
//!
//! *Others.* Fermah's matchmaker (M12g, told by others) is the same with another timeout and the posted price as
//! pay: it gives a job to the first admitted prover that fits and has promised to be there, which here is one that polls. ZKsync has its
//! proofs from such networks.
//!
//! *Source.* Scroll's coordinator of 2024. Confidence A. Its plan to decentralise named a lottery without a
//! formula. The operator admits members (allowlist, version, login) before they join here.
//!
//! *Attacks.* None from outside: it is one operator's. It can stall or favour whom it likes, so it is for
//! private use.

use crate::{
    About, Allocation, Case, Confidence, Contradiction, Desk, Duty, Job, JobId, Mechanism, Message,
    Outcome, Party, Position, Preset, Refusal, Ruling, Span, SplitGain,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The rule with its parameters, the queue, and who has what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coordinator {
    rules: Rules,
    /// Jobs that nobody has; the lowest number is the oldest.
    queue: BTreeSet<JobId>,
    busy: BTreeMap<Party, BTreeSet<JobId>>,
}

/// Parameters of a [`Coordinator`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How often a job is given out.
    pub attempts: u32,
    /// How long a prover has.
    pub timeout: Span,
}

/// What is remembered of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Who has failed it, once for each time.
    failed: Vec<Party>,
}

const ABOUT: About = About {
    name: "coordinator",
    family: "M5",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset { name: "scroll", rules: "attempts = 5\ntimeout = \"3 min\"" },
        // Its attempts are not known.
        Preset { name: "fermah", rules: "attempts = 5\ntimeout = \"1 h\"" },
    ],
    file: include_str!("coordinator.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let attempts = (1..=1_000).contains(&self.attempts);
        Contradiction::unless(attempts, "attempts", "must be from 1 to 1000")?;
        Contradiction::if_zero(self.timeout, "timeout")
    }
}

impl Mechanism for Coordinator {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { rules, queue: BTreeSet::new(), busy: BTreeMap::new() }
    }

    fn join(&mut self, _: &mut Desk<Mark>, _: Party, position: &Position) -> Ruling {
        let wanted = 1;
        let small = position.capacity < wanted;
        if small { Err(Refusal::CapacityTooSmall { wanted }) } else { Ok(()) }
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        self.queue.insert(case.job.id);
    }

    fn hear_at_large(&mut self, desk: &mut Desk<Mark>, from: Party, said: &Message) -> Ruling {
        let Message::Poll = said else { return Err(Refusal::NotUnderstood) };
        let member = *desk.member(from).ok_or(Refusal::NotAMember)?;
        if let Some(until) = member.leaving {
            return Err(Refusal::Leaving { until });
        }
        let limit = member.position.capacity;
        if self.busy.get(&from).is_some_and(|jobs| jobs.len() >= limit as usize) {
            return Err(Refusal::Full { limit });
        }
        let job = self.next_for(desk, from).ok_or(Refusal::NoWork)?;
        self.queue.remove(&job);
        self.busy.entry(from).or_default().insert(job);
        let timeout = self.rules.timeout;
        desk.visit(job, |case| {
            let until = (case.now() + timeout).min(case.spec().deadline);
            case.allocate(Allocation::to(from, case.escrow(), until));
        });
        Ok(())
    }

    fn hear(&mut self, case: &mut Case<'_, Mark>, from: Party, said: &Message) -> Ruling {
        let Message::Decline = said else { return Err(Refusal::NotUnderstood) };
        case.fail(from)?;
        self.again(case);
        Ok(())
    }

    fn lapsed(&mut self, case: &mut Case<'_, Mark>) {
        self.again(case);
    }

    fn settled(&mut self, _: &mut Desk<Mark>, job: &Job<Mark>) {
        self.queue.remove(&job.id);
        job.holders().iter().for_each(|holder| self.free(holder.party, job.id));
    }
}

impl Coordinator {
    /// The oldest job that the prover has not failed, else the oldest.
    fn next_for(&self, desk: &Desk<Mark>, party: Party) -> Option<JobId> {
        let untried =
            |job: &&JobId| desk.job(**job).is_some_and(|job| !job.mark.failed.contains(&party));
        self.queue.iter().find(untried).or(self.queue.first()).copied()
    }

    /// Puts a job that was failed back, or gives it up.
    fn again(&mut self, case: &mut Case<'_, Mark>) {
        let failed = case.job.holders().iter().filter(|holder| holder.duty == Duty::Failed);
        let failed: Vec<Party> = failed.map(|holder| holder.party).collect();
        failed.iter().for_each(|party| self.free(*party, case.job.id));
        case.job.mark.failed.extend(failed);
        if case.job.mark.failed.len() as u32 >= self.rules.attempts {
            case.settle(Outcome::Unproven);
        } else {
            case.reopen();
            self.queue.insert(case.job.id);
        }
    }

    fn free(&mut self, party: Party, job: JobId) {
        if let Some(jobs) = self.busy.get_mut(&party) {
            jobs.remove(&job);
            if jobs.is_empty() {
                self.busy.remove(&party);
            }
        }
    }
}

#[cfg(test)]
mod tests;
