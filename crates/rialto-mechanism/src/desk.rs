//! What a mechanism works with: the ledger, the members, the live jobs and the clock's alarms. It
//! changes them through [`Desk`] and, for one job, through [`Case`] only, which keep the invariants that all
//! mechanisms share:
//!
//! * money moves between accounts and is never made (see [`crate::ledger`]);
//! * out of a job's escrow no party is paid twice for the same, and nothing after the job is over;
//! * what a holder loses is at most what it has at risk for that job;
//! * a stake is not released while a job counts on it;
//! * whoever holds a job never gains by missing its window and delivering under another name;
//! * every live job has an alarm at its deadline at the latest, so none hangs;
//! * randomness is asked for with the frozen set's root, and must be younger than that.

use crate::{
    Account, Allocation, Amount, Duty, Effect, Happened, Job, JobId, JobSpec, Ledger, Outcome,
    Party, Position, Refusal, Risks, Seed, Span, Stage, Time, Why,
};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

mod case;
pub use case::Case;

/// What an event comes to: done, or refused with nothing changed.
pub type Ruling = Result<(), Refusal>;

/// A prover with a standing position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// What it offers. Its stake is in the ledger, where it may have become less.
    pub position: Position,
    /// Jobs that count on its stake.
    pub duties: u32,
    /// When it will have left, if it wants to.
    pub leaving: Option<Time>,
}

/// What an alarm is for. At one instant they ring in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Alarm {
    /// The window of a job's holders has ended.
    Lapse(JobId),
    /// The mechanism asked for it.
    Job(JobId),
    /// A job's deadline has passed.
    Deadline(JobId),
    /// A member may have its stake back.
    Exit(Party),
    /// A round has waited for its seed long enough.
    Seedless(u64),
    /// The mechanism asked for it, for itself.
    Own,
}

/// A set that waits for randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Frozen {
    root: B256,
    job: Option<JobId>,
    not_before: Time,
    give_up: Time,
}

/// All that a run holds beside the mechanism's own book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desk<T> {
    pub(crate) now: Time,
    pub(crate) ledger: Ledger,
    members: BTreeMap<Party, Member>,
    pub(crate) jobs: BTreeMap<JobId, Job<T>>,
    next_job: JobId,
    alarms: BTreeSet<(Time, Alarm)>,
    own_alarm: Option<Time>,
    rounds: BTreeMap<u64, Frozen>,
    next_round: u64,
    #[serde(skip)]
    pub(crate) effects: Vec<Happened>,
    /// Jobs that are over and that the mechanism has not been told of.
    #[serde(skip)]
    pub(crate) over: Vec<Job<T>>,
}

impl<T> Default for Desk<T> {
    fn default() -> Self {
        Self {
            now: Time::default(),
            ledger: Ledger::default(),
            members: BTreeMap::new(),
            jobs: BTreeMap::new(),
            next_job: JobId::default(),
            alarms: BTreeSet::new(),
            own_alarm: None,
            rounds: BTreeMap::new(),
            next_round: 0,
            effects: Vec::new(),
            over: Vec::new(),
        }
    }
}

impl<T> Desk<T> {
    /// The time of the event, or of the alarm, that is being handled.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Whose money is where.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// A prover's standing position; nothing if it has none.
    pub fn member(&self, party: Party) -> Option<&Member> {
        self.members.get(&party)
    }

    /// All members in order of their addresses.
    pub fn members(&self) -> impl Iterator<Item = (Party, &Member)> {
        self.members.iter().map(|(party, member)| (*party, member))
    }

    /// How many members there are.
    pub fn member_count(&self) -> u32 {
        self.members.len() as u32
    }

    /// What a member has at stake now.
    pub fn stake(&self, party: Party) -> Amount {
        self.ledger.balance(Account::Stake(party))
    }

    /// Whether a party is a member that stays, with enough at stake now.
    ///
    /// # Errors
    /// It is not.
    pub fn check_member(&self, party: Party, wanted: Amount) -> Ruling {
        match self.members.get(&party).ok_or(Refusal::NotAMember)?.leaving {
            Some(until) => Err(Refusal::Leaving { until }),
            None if self.stake(party) < wanted => Err(Refusal::StakeTooSmall { wanted }),
            None => Ok(()),
        }
    }

    /// A live job that is not being handled at the moment.
    pub fn job(&self, id: JobId) -> Option<&Job<T>> {
        self.jobs.get(&id)
    }

    /// Handles another live job beside the one at hand; nothing if there is none.
    pub fn visit<R>(&mut self, id: JobId, handle: impl FnOnce(&mut Case<'_, T>) -> R) -> Option<R> {
        let mut job = self.jobs.remove(&id)?;
        let result = handle(&mut Case { job: &mut job, desk: self });
        self.put_back(job);
        Some(result)
    }

    /// Handles those of some jobs that are live, one after the other.
    pub fn visit_all(&mut self, jobs: Vec<JobId>, mut handle: impl FnMut(&mut Case<'_, T>)) {
        for job in jobs {
            self.visit(job, &mut handle);
        }
    }

    /// Sets the mechanism's own alarm, in place of an earlier one.
    pub fn wake_at(&mut self, at: Time) {
        if let Some(earlier) = self.own_alarm.replace(at) {
            self.alarms.remove(&(earlier, Alarm::Own));
        }
        self.alarms.insert((at, Alarm::Own));
    }

    /// Moves money between the pool, the treasury and a hand: what is not about one job.
    ///
    /// # Errors
    /// Too little is there.
    pub fn transfer(&mut self, from: Account, to: Account, amount: Amount) -> Ruling {
        self.ledger.require(from, amount)?;
        self.shift(from, to, amount, Why::Pool);
        Ok(())
    }

    /// Freezes a set and asks for randomness that becomes public later than now and `lag`. If it
    /// has not come after `patience`, the mechanism is told so. `job` is handed back with the seed.
    pub fn freeze(&mut self, root: B256, job: Option<JobId>, lag: Span, patience: Span) -> u64 {
        let round = self.next_round;
        self.next_round += 1;
        let not_before = (self.now + lag).next();
        let give_up = not_before + patience;
        self.rounds.insert(round, Frozen { root, job, not_before, give_up });
        self.alarms.insert((give_up, Alarm::Seedless(round)));
        self.emit(Effect::Frozen { round, root, not_before });
        round
    }

    /// Begins a member's exit, as if it had asked to leave.
    pub fn eject(&mut self, party: Party, delay: Span) {
        let until = self.now + delay;
        if let Some(member) = self.members.get_mut(&party)
            && member.leaving.is_none()
        {
            member.leaving = Some(until);
            self.alarms.insert((until, Alarm::Exit(party)));
        }
    }

    /// Takes a seed for a round that waits for one.
    pub(crate) fn take_seed(
        &mut self,
        round: u64,
        value: B256,
        published: Time,
    ) -> Result<Seed, Refusal> {
        let frozen = *self.rounds.get(&round).ok_or(Refusal::NoSuchRound { round })?;
        if published < frozen.not_before || self.now < published {
            return Err(Refusal::TooEarly { from: published.max(frozen.not_before) });
        }
        self.rounds.remove(&round);
        self.alarms.remove(&(frozen.give_up, Alarm::Seedless(round)));
        Ok(Seed::new(frozen.job, frozen.root, value))
    }

    /// Gives a round up.
    pub(crate) fn drop_round(&mut self, round: u64) -> Option<JobId> {
        self.rounds.remove(&round).and_then(|frozen| frozen.job)
    }

    pub(crate) fn next_alarm(&self) -> Option<Time> {
        self.alarms.first().map(|(at, _)| *at)
    }

    /// The first alarm that is due by `at`, which then rings no more.
    pub(crate) fn take_alarm(&mut self, at: Time) -> Option<(Time, Alarm)> {
        let due = *self.alarms.first().filter(|(due, _)| *due <= at)?;
        self.alarms.remove(&due);
        if due.1 == Alarm::Own {
            self.own_alarm = None;
        }
        Some(due)
    }

    /// Checks what all jobs have in common.
    pub(crate) fn check_open(&self, id: JobId, spec: &JobSpec) -> Ruling {
        if id < self.next_job || id.0 == u64::MAX {
            return Err(Refusal::NumberUsed { next: self.next_job });
        }
        if spec.deadline <= self.now || spec.deadline.since(self.now) > Span::MAX {
            return Err(Refusal::DeadlineTooSoon { earliest: self.now.next() });
        }
        if spec.parts == 0 {
            return Err(Refusal::WrongParts { min: 1, max: u32::MAX });
        }
        self.ledger.require(Account::Hand(spec.requester), spec.max_pay)
    }

    /// Takes a job in that was checked, with its money.
    pub(crate) fn admit(&mut self, job: &Job<T>) {
        self.next_job = JobId(job.id.0 + 1);
        self.alarms.insert((job.spec.deadline.next(), Alarm::Deadline(job.id)));
        let hand = Account::Hand(job.spec.requester);
        self.shift(hand, Account::Escrow(job.id), job.spec.max_pay, Why::Escrow);
    }

    /// Puts a job that was taken out back, or keeps it for the mechanism's last word.
    pub(crate) fn put_back(&mut self, job: Job<T>) {
        match job.stage {
            Stage::Over { .. } => self.over.push(job),
            _ => drop(self.jobs.insert(job.id, job)),
        }
    }

    /// Checks a position before the mechanism does.
    pub(crate) fn check_join(&self, party: Party, position: &Position) -> Ruling {
        let member = self.members.get(&party);
        if let Some(until) = member.and_then(|member| member.leaving) {
            return Err(Refusal::Leaving { until });
        }
        let held = self.stake(party);
        if position.stake < held {
            return Err(Refusal::StakeLowered { held });
        }
        self.ledger.require(Account::Hand(party), position.stake - held)
    }

    pub(crate) fn seat(&mut self, party: Party, position: Position) {
        let more = position.stake - self.stake(party);
        let duties = self.members.get(&party).map_or(0, |member| member.duties);
        self.members.insert(party, Member { position, duties, leaving: None });
        self.shift(Account::Hand(party), Account::Stake(party), more, Why::Stake);
    }

    pub(crate) fn check_leave(&self, party: Party) -> Ruling {
        match self.members.get(&party).ok_or(Refusal::NotAMember)?.leaving {
            Some(until) => Err(Refusal::Leaving { until }),
            None => Ok(()),
        }
    }

    /// Gives a member its stake back unless a job still counts on it; then the last such job will.
    pub(crate) fn release(&mut self, party: Party) -> bool {
        let free = self.members.get(&party).is_some_and(|member| member.duties == 0);
        if free {
            self.members.remove(&party);
            let stake = self.stake(party);
            self.shift(Account::Stake(party), Account::Hand(party), stake, Why::Stake);
        }
        free
    }

    /// A job begins (`true`) or ceases to count on a member's stake.
    fn count_duty(&mut self, party: Party, begins: bool) {
        let now = self.now;
        let Some(member) = self.members.get_mut(&party) else { return };
        member.duties = if begins { member.duties + 1 } else { member.duties - 1 };
        if member.duties == 0 && member.leaving.is_some_and(|until| until <= now) {
            self.alarms.insert((now, Alarm::Exit(party)));
        }
    }

    pub(crate) fn fund(&mut self, party: Party, amount: Amount) -> Ruling {
        self.ledger.fund(party, amount)
    }

    /// Moves what is known to be there, and says so; nothing for nothing.
    fn shift(&mut self, from: Account, to: Account, amount: Amount, why: Why) {
        if amount != Amount::ZERO {
            self.ledger.shift(from, to, amount);
            self.emit(Effect::Moved { from, to, amount, why });
        }
    }

    fn emit(&mut self, effect: Effect) {
        self.effects.push(Happened { at: self.now, effect });
    }
}
