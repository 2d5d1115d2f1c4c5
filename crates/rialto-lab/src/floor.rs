//! One mechanism in the hands of an experiment that makes every move itself, where a [`crate::World`] leaves the
//! moves to its owners. The auditor judges every step.

use crate::{Broken, Dice};
use alloy_primitives::{B256, keccak256};
use rialto_mechanism::{
    Account, Amount, Auditor, Effect, Entry, Event, JobId, JobSpec, Machine, Message, Party,
    Position, Proof, Refusal, Span, Stage, Step, Time, Unstartable, find,
};
use rialto_protocol::Cycles;
use rialto_protocol::draw::Weight;
use std::collections::BTreeMap;

/// A mechanism at work.
pub(crate) struct Floor {
    machine: Box<dyn Machine>,
    auditor: Auditor,
    now: Time,
    next_job: JobId,
    /// Rounds that wait for a seed, with its earliest time.
    rounds: BTreeMap<u64, Time>,
    dice: Dice,
}

/// What everybody has in hand at first: enough for any bond, and for all together below
/// [`Amount::MAX`].
const FUNDS: Amount = Amount::new(1 << 80);
/// Who asks for proofs.
pub(crate) const REQUESTER: Party = Party::repeat_byte(0xff);

/// The address of the prover with this number.
pub(crate) fn prover(number: usize) -> Party {
    Party::left_padding_from(&(number as u64 + 1).to_be_bytes())
}

/// The number of the prover with this address.
pub(crate) fn number_of(prover: Party) -> usize {
    prover.0.0.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)) - 1
}

impl Floor {
    /// A mechanism of the catalogue under `rules`, and a requester with money.
    ///
    /// # Errors
    /// The rules cannot be read.
    ///
    /// # Panics
    /// If no mechanism has that name.
    pub(crate) fn new(mechanism: &str, rules: &str) -> Result<Self, Broken> {
        let kind = find(mechanism).expect("experiments name mechanisms of the catalogue");
        let machine = kind.start(rules).map_err(|error: Unstartable| Broken::from(error))?;
        let mut floor = Self {
            machine,
            auditor: Auditor::default(),
            now: Time(1_000_000),
            next_job: JobId(1),
            rounds: BTreeMap::new(),
            dice: Dice::new(1, mechanism),
        };
        floor.fund(REQUESTER)?;
        Ok(floor)
    }

    /// The virtual time.
    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// What a party has in hand and at stake beyond what it was first given.
    pub(crate) fn gain(&self, party: Party) -> f64 {
        let balance = |account| self.balance(account);
        let worth = balance(Account::Hand(party)) + balance(Account::Stake(party));
        // In whole numbers first: together they are beyond what a double holds exactly.
        (worth - FUNDS.get() as i128) as f64
    }

    /// What has been burned.
    pub(crate) fn burned(&self) -> f64 {
        self.balance(Account::Burned) as f64
    }

    fn balance(&self, account: Account) -> i128 {
        self.machine.ledger().balance(account).get() as i128
    }

    /// Something happens, or is refused.
    ///
    /// # Errors
    /// The auditor finds an invariant violated.
    pub(crate) fn enter(&mut self, event: Event) -> Result<Step, Broken> {
        let entry = Entry { at: self.now, event };
        let step = self.machine.step(&entry);
        self.auditor.watch(&entry, &step, &*self.machine)?;
        for happened in &step.effects {
            if let Effect::Frozen { round, not_before, .. } = happened.effect {
                self.rounds.insert(round, not_before);
            }
        }
        Ok(step)
    }

    /// Something happens that must be possible.
    ///
    /// # Errors
    /// It is refused, or the auditor finds an invariant violated.
    pub(crate) fn must(&mut self, event: Event) -> Result<Step, Broken> {
        let step = self.enter(event)?;
        step.refused.map_or(Ok(step), |refusal| Err(refusal.into()))
    }

    /// Gives a party money: a fixed sum that is never the limit.
    ///
    /// # Errors
    /// As [`Floor::must`].
    pub(crate) fn fund(&mut self, party: Party) -> Result<(), Broken> {
        self.must(Event::Fund { party, amount: FUNDS }).map(drop)
    }

    /// A party that has money becomes a member, or changes its position.
    ///
    /// # Errors
    /// As [`Floor::must`].
    pub(crate) fn join(&mut self, party: Party, position: Position) -> Result<(), Broken> {
        self.must(Event::Join { party, position }).map(drop)
    }

    /// The requester gives to the pool.
    ///
    /// # Errors
    /// As [`Floor::must`].
    pub(crate) fn endow(&mut self, amount: Amount) -> Result<(), Broken> {
        self.must(Event::Endow { party: REQUESTER, amount }).map(drop)
    }

    /// A job for the requester; its number.
    ///
    /// # Errors
    /// As [`Floor::must`].
    pub(crate) fn open(
        &mut self,
        cycles: u64,
        max_pay: Amount,
        patience: Span,
    ) -> Result<JobId, Broken> {
        self.open_step(cycles, max_pay, patience)?;
        Ok(JobId(self.next_job.0 - 1))
    }

    /// A job for the requester; what follows from it.
    ///
    /// # Errors
    /// As [`Floor::must`].
    pub(crate) fn open_step(
        &mut self,
        cycles: u64,
        max_pay: Amount,
        patience: Span,
    ) -> Result<Step, Broken> {
        let (requester, deadline) = (REQUESTER, self.now + patience);
        let cycles = Cycles(cycles);
        self.open_spec(JobSpec { requester, cycles, parts: 1, max_pay, deadline })
    }

    /// A job of a million cycles for a requester who has money; its number.
    ///
    /// # Errors
    /// As [`Floor::must`].
    pub(crate) fn open_for(
        &mut self,
        requester: Party,
        max_pay: Amount,
        patience: Span,
    ) -> Result<JobId, Broken> {
        let (cycles, deadline) = (Cycles(1_000_000), self.now + patience);
        self.open_spec(JobSpec { requester, cycles, parts: 1, max_pay, deadline })?;
        Ok(JobId(self.next_job.0 - 1))
    }

    /// A job as it is described; what follows from it.
    ///
    /// # Errors
    /// As [`Floor::must`].
    pub(crate) fn open_spec(&mut self, spec: JobSpec) -> Result<Step, Broken> {
        let job = self.next_job;
        let step = self.must(Event::Open { job, spec })?;
        self.next_job = JobId(job.0 + 1);
        Ok(step)
    }

    /// A party speaks; why it was not heard, if it was not.
    ///
    /// # Errors
    /// The auditor finds an invariant violated.
    pub(crate) fn say(
        &mut self,
        from: Party,
        job: Option<JobId>,
        message: Message,
    ) -> Result<Option<Refusal>, Broken> {
        self.enter(Event::Say { from, job, message }).map(|step| step.refused)
    }

    /// A valid proof arrives; why it is not accepted, if it is not.
    ///
    /// # Errors
    /// The auditor finds an invariant violated.
    pub(crate) fn deliver(&mut self, job: JobId, by: Party) -> Result<Option<Refusal>, Broken> {
        self.deliver_step(job, by).map(|step| step.refused)
    }

    /// A valid proof arrives; what follows from it.
    ///
    /// # Errors
    /// The auditor finds an invariant violated.
    pub(crate) fn deliver_step(&mut self, job: JobId, by: Party) -> Result<Step, Broken> {
        self.enter(Event::Deliver { job, by, proof: Proof::PLAIN })
    }

    /// Time passes.
    ///
    /// # Errors
    /// The auditor finds an invariant violated.
    pub(crate) fn pass(&mut self, span: Span) -> Result<Step, Broken> {
        self.now = self.now + span;
        self.enter(Event::Tick)
    }

    /// The round that has waited longest has its seed, as soon as it may be; nothing if none waits.
    ///
    /// # Errors
    /// As [`Floor::must`].
    pub(crate) fn seed(&mut self) -> Result<Option<Step>, Broken> {
        let Some((round, not_before)) = self.rounds.pop_first() else { return Ok(None) };
        self.now = self.now.max(not_before);
        let seed = keccak256(B256::left_padding_from(&self.dice.below(u64::MAX).to_be_bytes()));
        self.must(Event::Seed { round, seed, published: self.now }).map(Some)
    }

    /// From when on the round that has waited longest may have its seed.
    pub(crate) fn seed_from(&self) -> Option<Time> {
        self.rounds.values().next().copied()
    }

    /// When something happens by itself, if anything does.
    pub(crate) fn next_wake(&self) -> Option<Time> {
        self.machine.next_wake()
    }

    /// How many jobs count on a member's stake.
    pub(crate) fn duties(&self, party: Party) -> u32 {
        self.machine.member(party).map_or(0, |member| member.duties)
    }

    /// A member's tickets in the next draw.
    pub(crate) fn tickets(&self, party: Party) -> f64 {
        self.machine.tickets(party).map_or(0, Weight::get) as f64
    }

    /// What whoever takes or delivers a job now would be paid, where that is public.
    pub(crate) fn price(&self, job: JobId) -> Option<Amount> {
        self.machine.price_at(job, self.now)
    }

    /// Where a job stands; nothing if it is over.
    pub(crate) fn stage(&self, job: JobId) -> Option<&Stage> {
        self.machine.job(job).map(|view| view.stage)
    }

    /// The party that has a job and its price, the first if several have.
    pub(crate) fn holder(&self, job: JobId) -> Option<(Party, Amount)> {
        let Stage::Allocated(allocation) = self.stage(job)? else { return None };
        allocation.holders.first().map(|holder| (holder.party, holder.price))
    }
}
