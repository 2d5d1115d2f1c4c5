//! Drives one mechanism by a log of events.
//!
//! An event does three things in this order: what was due before it happens, at its own time;
//! then the event itself, or its refusal; then the money is checked and the running digest takes
//! in, one by one, the event and all effects. Two runs with the same digest have accepted the same
//! events and done the same. What was refused leaves no trace, and neither do ticks.

use crate::desk::Alarm;
use crate::{
    About, Account, Amount, Case, Desk, Entry, Event, Job, JobId, JobSpec, Ledger, Mechanism,
    Member, Message, Party, Position, Refusal, Ruling, Stage, Step, Time,
};
use alloy_primitives::{B256, keccak256};
use rialto_protocol::draw::Weight;
use serde::{Deserialize, Serialize};

/// Room for what is hashed of most effects.
const LINK: usize = 256;

/// A mechanism at work, without its type.
pub trait Machine {
    /// What it is.
    fn about(&self) -> &'static About;

    /// Takes the next entry of the log.
    fn step(&mut self, entry: &Entry) -> Step;

    /// When something will happen by itself; nothing only if no job lives and nobody waits.
    fn next_wake(&self) -> Option<Time>;

    /// The running digest of all that was accepted and done.
    fn digest(&self) -> B256;

    /// The whole state in canonical bytes, from which [`crate::Kind::restore`] goes on.
    fn encode(&self) -> Vec<u8>;

    /// Whose money is where.
    fn ledger(&self) -> &Ledger;

    /// A prover's standing position.
    fn member(&self, party: Party) -> Option<&Member>;

    /// What everybody can see of a live job.
    fn job(&self, job: JobId) -> Option<JobView<'_>>;

    /// The live jobs in order of their numbers.
    fn jobs(&self) -> Vec<JobId>;

    /// What whoever takes or delivers a live job at `at` would be paid, where that is public.
    fn price_at(&self, job: JobId, at: Time) -> Option<Amount>;

    /// A member's tickets in the next draw, as it stands now; nothing where nobody is drawn by weight.
    fn tickets(&self, party: Party) -> Option<Weight>;

    /// The hash of [`Machine::encode`].
    fn state_hash(&self) -> B256 {
        keccak256(self.encode())
    }
}

/// What everybody can see of a live job.
#[derive(Clone, Copy, Debug)]
pub struct JobView<'a> {
    /// What was asked for.
    pub spec: &'a JobSpec,
    /// When.
    pub opened_at: Time,
    /// Where it stands.
    pub stage: &'a Stage,
}

/// A mechanism at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Run<M: Mechanism> {
    mechanism: M,
    desk: Desk<M::Mark>,
    digest: B256,
}

impl<M: Mechanism> Run<M> {
    /// Begins with an empty log.
    pub fn new(rules: M::Rules) -> Self {
        Self { mechanism: M::new(rules), desk: Desk::default(), digest: B256::ZERO }
    }

    /// The mechanism and its book.
    pub fn mechanism(&self) -> &M {
        &self.mechanism
    }

    /// All that is due by `at` happens.
    fn pass_time(&mut self, at: Time) {
        while let Some((due, alarm)) = self.desk.take_alarm(at) {
            self.desk.now = self.desk.now.max(due);
            self.ring(alarm);
            self.report_over();
        }
    }

    fn ring(&mut self, alarm: Alarm) {
        match alarm {
            Alarm::Lapse(job) => self.at(job, |mechanism, case| {
                case.lapse();
                if case.job.outcome().is_none() {
                    mechanism.lapsed(case);
                }
            }),
            Alarm::Job(job) => self.at(job, |mechanism, case| {
                case.job.alarm = None;
                mechanism.alarm(case);
            }),
            Alarm::Deadline(job) => self.at(job, |mechanism, case| {
                mechanism.expire(case);
                assert!(case.job.outcome().is_some(), "a job outlives its deadline");
            }),
            Alarm::Exit(party) => drop(self.desk.release(party)),
            Alarm::Seedless(round) => {
                let job = self.desk.drop_round(round);
                self.mechanism.seedless(&mut self.desk, round, job);
            }
            Alarm::Own => self.mechanism.woken(&mut self.desk),
        }
    }

    fn at(&mut self, job: JobId, handle: impl FnOnce(&mut M, &mut Case<'_, M::Mark>)) {
        let mechanism = &mut self.mechanism;
        let found = self.desk.visit(job, |case| handle(mechanism, case));
        assert!(found.is_some(), "an alarm rings for a job that is over");
    }

    fn take(&mut self, event: &Event) -> Ruling {
        let desk = &mut self.desk;
        match event {
            Event::Fund { party, amount } => desk.fund(*party, *amount),
            Event::Withdraw { party, amount } => desk.ledger.withdraw(*party, *amount),
            Event::Endow { party, amount } => {
                desk.transfer(Account::Hand(*party), Account::Pool, *amount)
            }
            Event::Measure { party, score } => self.mechanism.measured(desk, *party, *score),
            Event::Join { party, position } => self.join(*party, position),
            Event::Leave { party } => {
                desk.check_leave(*party)?;
                let delay = self.mechanism.leave(desk, *party);
                desk.eject(*party, delay);
                Ok(())
            }
            Event::Open { job, spec } => self.open(*job, spec),
            Event::Cancel { job, by } => self.on(*job, |mechanism, case| {
                case.spec().asked_by(*by)?;
                mechanism.cancels(case)?;
                case.settle(crate::Outcome::Cancelled);
                Ok(())
            }),
            Event::Say { from, job: Some(job), message } => {
                self.on(*job, |mechanism, case| mechanism.hear(case, *from, message))
            }
            Event::Say { from, job: None, message } => self.at_large(*from, message),
            Event::Deliver { job, by, proof } => {
                self.on(*job, |mechanism, case| mechanism.deliver(case, *by, proof))
            }
            Event::Seed { round, seed, published } => {
                let seed = desk.take_seed(*round, *seed, *published)?;
                self.mechanism.seeded(desk, &seed);
                Ok(())
            }
            Event::Tick => Ok(()),
        }
    }

    fn on(
        &mut self,
        job: JobId,
        handle: impl FnOnce(&mut M, &mut Case<'_, M::Mark>) -> Ruling,
    ) -> Ruling {
        let mechanism = &mut self.mechanism;
        let ruling = self.desk.visit(job, |case| handle(mechanism, case));
        ruling.unwrap_or(Err(Refusal::NoSuchJob))
    }

    fn at_large(&mut self, from: Party, message: &Message) -> Ruling {
        self.mechanism.hear_at_large(&mut self.desk, from, message)
    }

    fn join(&mut self, party: Party, position: &Position) -> Ruling {
        self.desk.check_join(party, position)?;
        self.mechanism.join(&mut self.desk, party, position)?;
        self.desk.seat(party, *position);
        self.mechanism.seated(&mut self.desk, party);
        Ok(())
    }

    fn open(&mut self, id: JobId, spec: &JobSpec) -> Ruling {
        self.desk.check_open(id, spec)?;
        self.mechanism.admits(&self.desk, spec)?;
        let mut job = Job::new(id, spec.clone(), self.desk.now);
        self.desk.admit(&job);
        let mut case = Case { job: &mut job, desk: &mut self.desk };
        self.mechanism.open(&mut case);
        self.desk.put_back(job);
        Ok(())
    }

    fn chain(&mut self, links: &[impl Serialize]) {
        let mut bytes = Vec::with_capacity(LINK);
        for link in links {
            bytes.clear();
            bytes = written(&(self.digest, link), bytes);
            self.digest = keccak256(&bytes);
        }
    }

    /// Tells the mechanism of every job that is over.
    fn report_over(&mut self) {
        while !self.desk.over.is_empty() {
            for job in std::mem::take(&mut self.desk.over) {
                self.mechanism.settled(&mut self.desk, &job);
            }
        }
    }
}

impl<M: Mechanism> Machine for Run<M> {
    fn about(&self) -> &'static About {
        M::ABOUT
    }

    fn step(&mut self, entry: &Entry) -> Step {
        if entry.at < self.desk.now {
            let refused = Some(Refusal::TimeReversed { now: self.desk.now });
            return Step { refused, ..Step::default() };
        }
        self.pass_time(entry.at);
        self.desk.now = entry.at;
        let due = self.desk.effects.len();
        let refused = self.take(&entry.event).err();
        let acted = self.desk.effects.len() > due;
        assert!(refused.is_none() || !acted, "refused after it had acted: {entry:?}");
        self.report_over();
        self.pass_time(entry.at);
        self.desk.ledger.assert_conserved();
        let effects = std::mem::take(&mut self.desk.effects);
        let (before, after) = effects.split_at(due);
        self.chain(before);
        if refused.is_none() && entry.event != Event::Tick {
            self.chain(std::slice::from_ref(entry));
        }
        self.chain(after);
        Step { effects, due, refused }
    }

    fn next_wake(&self) -> Option<Time> {
        self.desk.next_alarm()
    }

    fn digest(&self) -> B256 {
        self.digest
    }

    fn encode(&self) -> Vec<u8> {
        encoded(self)
    }

    fn ledger(&self) -> &Ledger {
        &self.desk.ledger
    }

    fn member(&self, party: Party) -> Option<&Member> {
        self.desk.member(party)
    }

    fn job(&self, job: JobId) -> Option<JobView<'_>> {
        let job = self.desk.jobs.get(&job)?;
        Some(JobView { spec: &job.spec, opened_at: job.opened_at, stage: &job.stage })
    }

    fn jobs(&self) -> Vec<JobId> {
        self.desk.jobs.keys().copied().collect()
    }

    fn price_at(&self, job: JobId, at: Time) -> Option<Amount> {
        self.mechanism.price_at(self.desk.jobs.get(&job)?, at)
    }

    fn tickets(&self, party: Party) -> Option<Weight> {
        self.mechanism.tickets(&self.desk, party)
    }
}

fn encoded(value: &impl Serialize) -> Vec<u8> {
    written(value, Vec::new())
}

fn written(value: &impl Serialize, bytes: Vec<u8>) -> Vec<u8> {
    postcard::to_extend(value, bytes).expect("memory takes every value")
}
