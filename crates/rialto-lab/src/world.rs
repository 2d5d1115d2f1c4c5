//! One mechanism, the owners who take part in it, and virtual time.

use crate::measure::{Measures, OwnerSums};
use crate::play::{Play, Word};
use crate::{Dice, Owner};
use alloy_primitives::{B256, keccak256};
use rialto_mechanism::{
    Amount, Auditor, Entry, Event, JobId, JobSpec, Kind, Machine, Message, Party, Proof, Refusal,
    Span, Time, Unstartable, Violation,
};
use rialto_protocol::Cycles;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

mod pieces;
mod tally;
mod work;

use pieces::Piece;
use tally::Bill;
use work::Work;

/// A world in which jobs can be offered.
pub struct World {
    machine: Box<dyn Machine>,
    auditor: Auditor,
    pub(crate) play: Play,
    pub(crate) owners: Vec<Owner>,
    owner_of: BTreeMap<Party, usize>,
    /// What each owner is doing.
    pub(crate) desks: Vec<Workbench>,
    agenda: BTreeMap<(Time, u64), Due>,
    entered: u64,
    pub(crate) now: Time,
    next_job: JobId,
    /// The randomness that came last.
    last_seed: B256,
    pub(crate) live: BTreeMap<JobId, Live>,
    /// Of them, those that are for all.
    open: BTreeSet<JobId>,
    seed: u64,
    pub(crate) dice: Dice,
    measures: Measures,
}

/// Why there is no world, or why it cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The mechanism cannot be set to work.
    #[error(transparent)]
    Unstartable(#[from] Unstartable),
    /// An invariant does not hold.
    #[error("the auditor has found the mechanism wrong")]
    Violated(#[from] Violation),
    /// The mechanism refuses a move that an experiment is built on.
    #[error("the mechanism refuses a move that must be possible")]
    Refused(#[from] Refusal),
}

/// What somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// When, counted from the world's beginning.
    pub at: Span,
    /// How much work it is.
    pub cycles: Cycles,
    /// In how many parts it can be proven.
    pub parts: u32,
    /// The most that is paid for it.
    pub max_pay: Amount,
    /// How long a proof is of use.
    pub patience: Span,
}

/// Something that will happen.
#[derive(Clone, Debug)]
pub(crate) enum Due {
    Open(JobSpec),
    Say {
        from: Party,
        job: Option<JobId>,
        message: Message,
    },
    /// The requester chooses one of those who have bid.
    Choose {
        job: JobId,
    },
    /// A machine is through with a work.
    Done {
        owner: usize,
        job: JobId,
        work: usize,
    },
    Deliver {
        by: Party,
        job: JobId,
        valid: bool,
        /// Which piece of the job; none for all of it.
        piece: Option<u32>,
    },
    /// The time of whoever has a node of a tree is over.
    Rescue {
        job: JobId,
        node: u32,
    },
    Seed {
        round: u64,
    },
    Leave {
        owner: usize,
    },
}

/// A job that is not over.
pub(crate) struct Live {
    pub(crate) opened_at: Time,
    /// As its requester wants it.
    pub(crate) spec: JobSpec,
    /// What it costs each owner; nothing for those who take no part.
    pub(crate) costs: Vec<Option<Amount>>,
    works: Vec<Work>,
    /// Its pieces from the first on, where they are proven one by one and are known.
    pieces: Vec<Piece>,
    /// Who takes part in them, of those of whom that is settled.
    hands: BTreeMap<usize, bool>,
    /// What has been asked for it in the open.
    pub(crate) quotes: Vec<(Party, Amount)>,
    bill: Bill,
}

/// What an owner is doing.
#[derive(Default)]
pub(crate) struct Workbench {
    running: u32,
    waiting: VecDeque<(JobId, usize)>,
    /// Asks of its that stand at large.
    pub(crate) asks: u32,
    /// Whether it has left for good.
    pub(crate) is_gone: bool,
}

/// What everybody has in hand at first: enough for any bond, and for all together below
/// [`Amount::MAX`].
const FUNDS: Amount = Amount::new(1 << 80);
/// A world's clock begins here, so that nothing happens at zero.
const BEGIN: Time = Time(1_000_000);
/// How long outages of regions last.
const OUTAGE: Span = Span::s(3_600);

impl World {
    /// A mechanism under `rules` with its owners. The seed decides everything that chance does.
    ///
    /// # Errors
    /// The rules cannot be read.
    pub fn new(kind: &Kind, rules: &str, owners: Vec<Owner>, seed: u64) -> Result<Self, Broken> {
        let machine = kind.start(rules)?;
        let play = Play::of(machine.about().name, rules);
        let measures =
            Measures { owners: vec![OwnerSums::default(); owners.len()], ..Measures::default() };
        let mut world = Self {
            machine,
            auditor: Auditor::default(),
            play,
            owner_of: BTreeMap::new(),
            desks: owners.iter().map(|_| Workbench::default()).collect(),
            owners,
            agenda: BTreeMap::new(),
            entered: 0,
            now: BEGIN,
            next_job: JobId(1),
            last_seed: B256::ZERO,
            live: BTreeMap::new(),
            open: BTreeSet::new(),
            seed,
            dice: Dice::new(seed, "world"),
            measures,
        };
        world.enter(Event::Fund { party: REQUESTER, amount: FUNDS })?;
        // It matches its own jobs where somebody must whose word counts; elsewhere that is refused.
        world.enter(Event::Measure { party: REQUESTER, score: 1 })?;
        for owner in 0..world.owners.len() {
            for address in 0..world.owners[owner].addresses {
                let party = party(owner, address);
                world.owner_of.insert(party, owner);
                world.enter(Event::Fund { party, amount: FUNDS })?;
            }
            world.enrol(owner)?;
            if let Some(after) = world.owners[owner].leaves_after {
                world.plan(BEGIN + after, Due::Leave { owner });
            }
        }
        Ok(world)
    }

    /// What has been measured so far.
    pub fn measures(&self) -> &Measures {
        &self.measures
    }

    /// An owner, who may change from job to job.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn owner_mut(&mut self, index: usize) -> &mut Owner {
        &mut self.owners[index]
    }

    /// The virtual time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Offers a job of one part `after` a while.
    pub fn offer(&mut self, after: Span, cycles: Cycles, max_pay: Amount, patience: Span) {
        let at = (self.now + after).since(BEGIN);
        self.schedule(&Job { at, cycles, parts: 1, max_pay, patience });
    }

    /// Offers a job at its time, which is not over yet.
    pub fn schedule(&mut self, job: &Job) {
        let at = BEGIN + job.at;
        let spec = JobSpec {
            requester: REQUESTER,
            cycles: job.cycles,
            parts: job.parts,
            max_pay: job.max_pay,
            deadline: at + job.patience,
        };
        self.plan(at, Due::Open(spec));
    }

    /// Offers all jobs, in the order of their times, and lets time pass until every one is over. What is
    /// held at a time does not grow with their number.
    ///
    /// # Errors
    /// The auditor finds an invariant violated.
    pub fn run_all(&mut self, jobs: impl IntoIterator<Item = Job>) -> Result<(), Broken> {
        for job in jobs {
            self.pass_until(BEGIN + job.at)?;
            self.schedule(&job);
        }
        self.run()
    }

    /// Lets time pass until every job that was offered is over.
    ///
    /// # Errors
    /// The auditor finds an invariant violated.
    pub fn run(&mut self) -> Result<(), Broken> {
        self.pass_until(Time(u64::MAX))
    }

    // -------------------------------------------------------------------------------- driving

    /// What happens before `end` happens; nothing more once all jobs are over.
    fn pass_until(&mut self, end: Time) -> Result<(), Broken> {
        while !self.agenda.is_empty() || !self.live.is_empty() {
            let planned = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let wakes = self.machine.next_wake();
            let next = [planned, wakes].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next < end) else { break };
            self.now = next;
            match planned == Some(next) {
                true => {
                    let Some((_, due)) = self.agenda.pop_first() else { break };
                    self.act(due)?;
                }
                false => {
                    self.enter(Event::Tick)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn plan(&mut self, at: Time, due: Due) {
        self.entered += 1;
        self.agenda.insert((at, self.entered), due);
    }

    fn act(&mut self, due: Due) -> Result<(), Broken> {
        let lives = |job: &JobId| self.live.contains_key(job);
        match due {
            Due::Open(spec) => self.open(&spec),
            Due::Say { job: Some(job), .. }
            | Due::Deliver { job, .. }
            | Due::Done { job, .. }
            | Due::Rescue { job, .. }
            | Due::Choose { job }
                if !lives(&job) =>
            {
                // The job is over.
                Ok(())
            }
            Due::Say { from, job, message } => self.speak(from, job, message),
            Due::Choose { job } => self.choose(job),
            Due::Done { owner, job, work } => {
                self.done(owner, job, work);
                Ok(())
            }
            Due::Deliver { by, job, valid, piece: None } => self.deliver(by, job, valid),
            Due::Deliver { by, job, valid, piece: Some(part) } => {
                self.deliver_piece(by, job, Proof { valid, part })
            }
            Due::Rescue { job, node } => {
                self.rescue(job, node);
                Ok(())
            }
            Due::Seed { round } => {
                let seed = self.dice.below(u64::MAX).to_be_bytes();
                let seed = keccak256(B256::left_padding_from(&seed));
                self.last_seed = seed;
                self.enter(Event::Seed { round, seed, published: self.now })?;
                self.vote();
                Ok(())
            }
            Due::Leave { owner } => {
                self.desks[owner].is_gone = true;
                for address in 0..self.owners[owner].addresses {
                    self.enter(Event::Leave { party: party(owner, address) })?;
                }
                Ok(())
            }
        }
    }

    /// Enters an event into the log and notices what comes of it. Says why it was refused, if it was.
    pub(crate) fn enter(&mut self, event: Event) -> Result<Option<Refusal>, Broken> {
        let counts = matches!(event, Event::Say { .. } | Event::Deliver { .. });
        let entry = Entry { at: self.now, event };
        let step = self.machine.step(&entry);
        self.auditor.watch(&entry, &step, &*self.machine)?;
        step.effects.iter().for_each(|happened| self.notice(happened));
        self.measures.operations += u64::from(counts && step.refused.is_none());
        Ok(step.refused)
    }

    /// A job is offered; who must be given more time than it wants, is.
    fn open(&mut self, wanted: &JobSpec) -> Result<(), Broken> {
        self.measures.jobs += 1;
        self.stand(wanted)?;
        let job = self.next_job;
        self.next_job = JobId(job.0 + 1);
        self.admit(job, wanted);
        let mut spec = self.play.in_its_units(wanted, &self.owners);
        for _ in 0..3 {
            let refused = self.enter(Event::Open { job, spec: spec.clone() })?;
            match refused {
                Some(Refusal::DeadlineTooSoon { earliest }) => {
                    spec.deadline = earliest + wanted.deadline.since(self.now);
                }
                Some(Refusal::DeadlineTooLate { latest }) => spec.deadline = latest,
                Some(Refusal::WrongParts { min, max }) => spec.parts = spec.parts.clamp(min, max),
                _ => break,
            }
        }
        match self.machine.job(job) {
            None => drop(self.live.remove(&job)),
            Some(_) => self.take_part(job),
        }
        Ok(())
    }

    /// The world's book of a job, opened before the mechanism hears of it.
    fn admit(&mut self, job: JobId, spec: &JobSpec) {
        let (owners, desks, dice) = (&self.owners, &self.desks, &mut self.dice);
        let cost = |(owner, desk): (&Owner, &Workbench)| {
            let cost = owner.cost.of(spec.cycles, dice);
            (dice.chance(owner.presence) && !desk.is_gone).then_some(cost)
        };
        let live = Live {
            opened_at: self.now,
            spec: spec.clone(),
            costs: owners.iter().zip(desks).map(cost).collect(),
            works: Vec::new(),
            pieces: Vec::new(),
            hands: BTreeMap::new(),
            quotes: Vec::new(),
            bill: Bill::new(self.now),
        };
        self.live.insert(job, live);
    }

    fn deliver(&mut self, by: Party, job: JobId, valid: bool) -> Result<(), Broken> {
        let Some(live) = self.live.get(&job) else { return Ok(()) };
        let (parts, opened_at) = (live.spec.parts, live.opened_at);
        let mut part = if self.play.counts_parts { parts } else { 0 };
        let mut refused = self.enter(Event::Deliver { job, by, proof: Proof { valid, part } })?;
        if let Some(Refusal::WrongParts { max, .. }) = refused
            && part == 0
        {
            // What is proven of a job of parts is all of it.
            (self.play.counts_parts, part) = (true, max.min(parts));
            refused = self.enter(Event::Deliver { job, by, proof: Proof { valid, part } })?;
        }
        let again = match refused {
            Some(Refusal::TooEarly { from }) => Some(from),
            Some(Refusal::Reserved { until }) => Some(until.next()),
            _ => None,
        };
        if let Some(at) = again.filter(|at| *at > self.now) {
            self.plan(at, Due::Deliver { by, job, valid, piece: None });
        }
        if refused.is_none() && self.play.knows(Word::Buy) {
            self.buy(job, opened_at);
        }
        Ok(())
    }

    // -------------------------------------------------------------------------------- looking

    /// Whether an owner will not deliver what it is given now.
    pub(crate) fn fails(&mut self, owner: usize, at: Time) -> bool {
        let Owner { fault, region, habit, .. } = self.owners[owner];
        let fault = self.dice.chance(fault) || habit == crate::Habit::Withholding;
        let hour = at.since(BEGIN).get() / OUTAGE.get();
        let is_out = region.is_some_and(|region| {
            let name = format!("region {} in hour {hour}", region.number);
            Dice::new(self.seed, &name).chance(region.outage)
        });
        fault || is_out || self.desks[owner].is_gone
    }

    pub(crate) fn machine(&self) -> &dyn Machine {
        &*self.machine
    }

    /// Everybody, in random order, so that equal ones are equal.
    pub(crate) fn shuffled(&mut self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.owners.len()).collect();
        self.dice.shuffle(&mut order);
        order
    }

    /// Whose address it is.
    pub(crate) fn owner_of(&self, party: Party) -> Option<usize> {
        self.owner_of.get(&party).copied()
    }
}

/// Who asks for proofs.
pub(crate) const REQUESTER: Party = Party::repeat_byte(0xff);

/// The address of an owner with this number.
pub(crate) fn party(owner: usize, address: u32) -> Party {
    let number = (owner as u64 + 1) << 32 | u64::from(address);
    Party::left_padding_from(&number.to_be_bytes())
}
