//! One mechanism, the owners who take part in it, and virtual time.

use crate::measure::{Measures, OwnerSums};
use crate::play::{NoPlay, Play};
use crate::{Dice, Owner};
use alloy_primitives::B256;
use rialto_mechanism::{
    Account, Allocation, Amount, Auditor, Effect, Entry, Event, Happened, JobId, JobSpec, Kind,
    Machine, Message, Outcome, Party, Position, Proof, Refusal, Span, Time, Unstartable, Violation,
    Why, commitment,
};
use rialto_protocol::Cycles;
use std::collections::BTreeMap;

/// A world in which jobs can be offered.
pub struct World {
    machine: Box<dyn Machine>,
    auditor: Auditor,
    play: Play,
    owners: Vec<Owner>,
    owner_of: BTreeMap<Party, usize>,
    agenda: BTreeMap<(Time, u64), Due>,
    entered: u64,
    now: Time,
    next_job: JobId,
    live: BTreeMap<JobId, Live>,
    dice: Dice,
    measures: Measures,
}

/// Why there is no world, or why it cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The mechanism cannot be set to work.
    #[error(transparent)]
    Unstartable(#[from] Unstartable),
    /// Nobody knows how to take part in it.
    #[error(transparent)]
    NoPlay(#[from] NoPlay),
    /// An invariant does not hold.
    #[error("the auditor has found the mechanism wrong")]
    Violated(#[from] Violation),
    /// The mechanism refuses a move that an experiment is built on.
    #[error("the mechanism refuses a move that must be possible")]
    Refused(#[from] Refusal),
}

/// Something that will happen.
#[derive(Clone, Debug)]
enum Due {
    Open(JobSpec),
    Say { from: Party, job: JobId, message: Message },
    Deliver { by: Party, job: JobId },
    Seed { round: u64 },
}

/// A job that is not over.
struct Live {
    opened_at: Time,
    spec: JobSpec,
    /// What it costs each owner; nothing for those who take no part.
    costs: Vec<Option<Amount>>,
    works: Vec<Work>,
    is_allocated: bool,
    paid: u128,
    /// What the runs of those who were paid cost them.
    paid_for: u128,
}

/// A proof in the making.
struct Work {
    owner: usize,
    began: Time,
    ends: Time,
}

/// What everybody has in hand at first: enough for any bond, and for all together below
/// [`Amount::MAX`].
const FUNDS: Amount = Amount::new(1 << 80);
/// What each address has at stake where members have stakes.
const STAKE: Amount = Amount::new(1 << 60);
/// A world's clock begins here, so that nothing happens at zero.
const BEGIN: Time = Time(1_000_000);

impl World {
    /// A mechanism under `rules` with its owners. The seed decides everything that chance does.
    ///
    /// # Errors
    /// The rules cannot be read, or nobody here knows how to take part.
    pub fn new(kind: &Kind, rules: &str, owners: Vec<Owner>, seed: u64) -> Result<Self, Broken> {
        let machine = kind.start(rules)?;
        let play = Play::of(machine.about().name, rules)?;
        let measures =
            Measures { owners: vec![OwnerSums::default(); owners.len()], ..Measures::default() };
        let mut world = Self {
            machine,
            auditor: Auditor::default(),
            play,
            owner_of: BTreeMap::new(),
            owners,
            agenda: BTreeMap::new(),
            entered: 0,
            now: BEGIN,
            next_job: JobId(1),
            live: BTreeMap::new(),
            dice: Dice::new(seed, "world"),
            measures,
        };
        world.enter(Event::Fund { party: REQUESTER, amount: FUNDS })?;
        for owner in 0..world.owners.len() {
            for address in 0..world.owners[owner].addresses {
                let party = party(owner, address);
                world.owner_of.insert(party, owner);
                world.enter(Event::Fund { party, amount: FUNDS })?;
                // A mechanism without members refuses, which changes nothing.
                let position = Position { stake: STAKE, price: Amount::ZERO, capacity: 1_000 };
                world.enter(Event::Join { party, position })?;
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

    /// Offers a job `after` a while.
    pub fn offer(&mut self, after: Span, cycles: Cycles, max_pay: Amount, patience: Span) {
        let at = self.now + after;
        let spec =
            JobSpec { requester: REQUESTER, cycles, parts: 1, max_pay, deadline: at + patience };
        self.plan(at, Due::Open(spec));
    }

    /// Lets time pass until every job that was offered is over.
    ///
    /// # Errors
    /// The auditor finds an invariant violated.
    pub fn run(&mut self) -> Result<(), Broken> {
        while !self.agenda.is_empty() || !self.live.is_empty() {
            let planned = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let wakes = self.machine.next_wake();
            match (planned, wakes) {
                (Some(at), wake) if wake.is_none_or(|wake| at <= wake) => {
                    let Some((_, due)) = self.agenda.pop_first() else { break };
                    self.now = at;
                    self.act(due)?;
                }
                (_, Some(wake)) => {
                    self.now = wake;
                    self.enter(Event::Tick)?;
                }
                (_, None) => break,
            }
        }
        Ok(())
    }

    // -------------------------------------------------------------------------------- driving

    fn plan(&mut self, at: Time, due: Due) {
        self.entered += 1;
        self.agenda.insert((at, self.entered), due);
    }

    fn act(&mut self, due: Due) -> Result<(), Broken> {
        match due {
            Due::Open(spec) => {
                let job = self.next_job;
                self.next_job = JobId(job.0 + 1);
                self.measures.jobs += 1;
                self.admit(job, &spec);
                self.enter(Event::Open { job, spec })?;
                if self.machine.job(job).is_none() {
                    self.live.remove(&job);
                } else {
                    self.take_part(job);
                }
            }
            Due::Say { from, job, message } if self.live.contains_key(&job) => {
                self.enter(Event::Say { from, job: Some(job), message })?;
            }
            Due::Deliver { by, job } if self.live.contains_key(&job) => {
                // All parts of a job of parts, of which there is one here.
                let part = u32::from(self.play == Play::Pool);
                self.enter(Event::Deliver { job, by, proof: Proof { valid: true, part } })?;
            }
            // The job is over.
            Due::Say { .. } | Due::Deliver { .. } => {}
            Due::Seed { round } => {
                let seed = B256::left_padding_from(&self.dice.below(u64::MAX).to_be_bytes());
                let seed = alloy_primitives::keccak256(seed);
                self.enter(Event::Seed { round, seed, published: self.now })?;
            }
        }
        Ok(())
    }

    fn enter(&mut self, event: Event) -> Result<(), Broken> {
        let entry = Entry { at: self.now, event };
        let step = self.machine.step(&entry);
        self.auditor.watch(&entry, &step, &*self.machine)?;
        step.effects.iter().for_each(|happened| self.notice(happened));
        Ok(())
    }

    fn admit(&mut self, job: JobId, spec: &JobSpec) {
        let (owners, dice) = (&self.owners, &mut self.dice);
        let cost = |owner: &Owner| {
            let cost = owner.cost.of(spec.cycles, dice);
            dice.chance(owner.presence).then_some(cost)
        };
        let costs = owners.iter().map(cost).collect();
        let live = Live {
            opened_at: self.now,
            spec: spec.clone(),
            costs,
            works: Vec::new(),
            is_allocated: false,
            paid: 0,
            paid_for: 0,
        };
        self.live.insert(job, live);
    }

    // -------------------------------------------------------------------------------- effects

    fn notice(&mut self, happened: &Happened) {
        let at = happened.at;
        match &happened.effect {
            Effect::Moved { from, to, amount, why } => self.count(*from, *to, *amount, *why),
            Effect::Allocated { job, allocation } => self.allocated(*job, allocation, at),
            Effect::Lapsed { job, .. } => self.opened_to_all(*job, at),
            Effect::Reopened { .. } => {}
            Effect::Settled { job, outcome } => self.settled(*job, *outcome, at),
            Effect::Frozen { round, not_before, .. } => {
                self.plan(*not_before, Due::Seed { round: *round });
            }
        }
    }

    fn count(&mut self, from: Account, to: Account, amount: Amount, why: Why) {
        let spent = match (from, why) {
            (_, Why::Funding | Why::Escrow | Why::Bond | Why::Release | Why::Stake) => return,
            (_, Why::Refund) => return,
            (Account::Escrow(job), _) => Some(job),
            _ => None,
        };
        if to == Account::Burned {
            self.measures.burned = self.measures.burned.saturating_add(amount);
        }
        if let Account::Bond(_, loser) | Account::Stake(loser) = from
            && let Some(loser) = self.owner_of.get(&loser)
        {
            self.measures.owners[*loser].forfeited += amount.get() as f64;
        }
        let payee = match to {
            Account::Hand(party) => self.owner_of.get(&party).copied(),
            _ => None,
        };
        if let Some(owner) = payee {
            let sums = &mut self.measures.owners[owner];
            sums.paid += amount.get() as f64;
            sums.won += 1;
        }
        if let Some(live) = spent.and_then(|job| self.live.get_mut(&job)) {
            live.paid += amount.get();
            live.paid_for += payee.and_then(|owner| live.costs[owner]).map_or(0, Amount::get);
        }
    }

    fn allocated(&mut self, job: JobId, allocation: &Allocation, at: Time) {
        let Some(live) = self.live.get_mut(&job) else { return };
        if !std::mem::replace(&mut live.is_allocated, true) {
            self.measures.alloc_latency_ms.add(at.since(live.opened_at).get() as f64);
        }
        for holder in &allocation.holders {
            let Some(owner) = self.owner_of.get(&holder.party).copied() else { continue };
            self.measures.owners[owner].given += 1;
            if !self.dice.chance(self.owners[owner].fault) {
                self.begin(job, owner, holder.party, at);
            }
        }
        if allocation.holders.is_empty() && self.play != Play::Pool {
            self.opened_to_all(job, at);
        }
    }

    /// Everybody whom it pays begins, in random order, so that equal ones are equal.
    fn opened_to_all(&mut self, job: JobId, at: Time) {
        let Some(offered) = self.rescue_pay(job) else { return };
        let mut order: Vec<usize> = (0..self.owners.len()).collect();
        self.dice.shuffle(&mut order);
        for owner in order {
            let Some(live) = self.live.get(&job) else { return };
            let works = live.works.iter().any(|work| work.owner == owner);
            let pays = live.costs[owner].is_some_and(|cost| cost <= offered);
            if !works && pays && !self.dice.chance(self.owners[owner].fault) {
                self.begin(job, owner, party(owner, 0), at);
            }
        }
    }

    /// What the first to deliver gets of a job that is open to all.
    fn rescue_pay(&self, job: JobId) -> Option<Amount> {
        let view = self.machine.job(job)?;
        let rialto_mechanism::Stage::Allocated(allocation) = view.stage else { return None };
        allocation.open_at?;
        let lost = allocation
            .holders
            .iter()
            .map(|holder| allocation.forfeit.split_down(holder.at_risk).rescuer);
        Some(lost.fold(allocation.rescue_pay, Amount::saturating_add))
    }

    fn begin(&mut self, job: JobId, owner: usize, by: Party, at: Time) {
        let Some(live) = self.live.get_mut(&job) else { return };
        let ends = at + self.owners[owner].time(live.spec.cycles, &mut self.dice);
        live.works.push(Work { owner, began: at, ends });
        let arrives = ends + self.owners[owner].latency;
        self.plan(arrives, Due::Deliver { by, job });
    }

    fn settled(&mut self, job: JobId, outcome: Outcome, at: Time) {
        let Some(live) = self.live.remove(&job) else { return };
        let cycles = live.spec.cycles.0 as f64;
        for work in &live.works {
            let whole = work.ends.since(work.began).get().max(1) as f64;
            let done = (at.since(work.began).get() as f64 / whole).min(1.0);
            self.measures.cycles_spent += cycles * done;
            let cost = live.costs[work.owner].map_or(0, Amount::get) as f64;
            self.measures.owners[work.owner].cost += cost * done;
        }
        if outcome == Outcome::Proven {
            self.measures.proven += 1;
            self.measures.cycles_useful += cycles;
            self.measures.delay_ms.add(at.since(live.opened_at).get() as f64);
            self.measures.paid.add(live.paid as f64);
            if live.paid_for > 0 {
                self.measures.markup.add(live.paid as f64 / live.paid_for as f64);
            }
        }
    }

    // -------------------------------------------------------------------------------- playing

    /// Everybody who takes part makes its moves, in random order, so that equal ones are equal.
    fn take_part(&mut self, job: JobId) {
        let mut order: Vec<usize> = (0..self.owners.len()).collect();
        self.dice.shuffle(&mut order);
        for owner in order {
            let Some(cost) = self.live.get(&job).and_then(|live| live.costs[owner]) else {
                continue;
            };
            let ask = self.owners[owner].bidding.ask(cost);
            match self.play {
                Play::Race => {}
                Play::Pool if self.dice.chance(self.owners[owner].fault) => {}
                Play::Pool => self.begin(job, owner, party(owner, 0), self.now),
                Play::Clock => self.watch_clock(job, owner, ask),
                Play::Sealed { commit } => self.seal_bids(job, owner, ask, commit),
            }
        }
    }

    /// An owner locks at the first instant at which the price reaches what it asks for.
    fn watch_clock(&mut self, job: JobId, owner: usize, ask: Amount) {
        let Some(live) = self.live.get(&job) else { return };
        if let Some(at) = self.first_time_at(job, ask, live.spec.deadline) {
            let heard = at + self.owners[owner].latency;
            let from = party(owner, 0);
            self.plan(heard, Due::Say { from, job, message: Message::Lock });
        }
    }

    /// An owner's first address bids what it asks for; the others bid the most, if they are decoys.
    fn seal_bids(&mut self, job: JobId, owner: usize, ask: Amount, commit: Span) {
        let Some(most) = self.live.get(&job).map(|live| live.spec.max_pay) else { return };
        let bidders = if self.owners[owner].has_decoys { self.owners[owner].addresses } else { 1 };
        for address in 0..bidders {
            let (from, nonce) = (party(owner, address), self.dice.below(u64::MAX));
            let price = if address == 0 { ask } else { most };
            let digest = commitment(job, from, price, nonce);
            self.plan(self.now, Due::Say { from, job, message: Message::Commit { digest } });
            let shown = self.now + commit + Span::ms(1);
            self.plan(shown, Due::Say { from, job, message: Message::Reveal { price, nonce } });
        }
    }

    /// The first instant from now to `end` at which a price that only rises is at least `ask`.
    fn first_time_at(&self, job: JobId, ask: Amount, end: Time) -> Option<Time> {
        let reached = |at: Time| self.machine.price_at(job, at).is_some_and(|price| price >= ask);
        // The price falls to nothing at the lock's end; what rises ends at the highest price.
        let (mut early, mut late) = (self.now.0, end.0);
        while late > early && self.machine.price_at(job, Time(late)).is_none_or(|p| p.get() == 0) {
            late = early + (late - early) / 2;
        }
        if !reached(Time(late)) {
            return None;
        }
        while early < late {
            let middle = early + (late - early) / 2;
            if reached(Time(middle)) { late = middle } else { early = middle + 1 }
        }
        Some(Time(late))
    }
}

/// Who asks for proofs.
const REQUESTER: Party = Party::repeat_byte(0xff);

/// The address of an owner with this number.
fn party(owner: usize, address: u32) -> Party {
    let number = (owner as u64 + 1) << 32 | u64::from(address);
    Party::left_padding_from(&number.to_be_bytes())
}
