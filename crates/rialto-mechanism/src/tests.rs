//! What every mechanism in the catalogue must hold, under random events: sensible ones,
//! impossible ones, and ones by parties with no business there.

use crate::{
    Account, Amount, Auditor, CATALOGUE, Duty, Effect, Entry, Event, JobId, JobSpec, Kind, Machine,
    Message, Outcome, Party, Position, Preset, Proof, Refusal, Span, Stage, Time, commitment,
};
use alloy_primitives::B256;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};
use rialto_protocol::Cycles;
use std::collections::BTreeSet;

mod catalogue;

const PARTIES: u8 = 6;
/// Enough for every preset's bonds; the last party has next to nothing.
const PURSE: u128 = 1 << 80;
const POOR: u128 = 50;

/// A random number of each kind that an event may need.
type Choice = (u8, u8, u8, u16, u16);

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    prop::collection::vec(any::<Choice>(), 1..80)
}

/// Runs `judge` on many random sequences for each preset of each mechanism. The sequences are the
/// same at every run, so what they reach can be asserted.
fn for_all(cases: u32, judge: impl Fn(&Kind, &Preset, &[Choice]) -> Result<(), TestCaseError>) {
    for kind in CATALOGUE {
        for preset in kind.about.presets {
            let config = Config { cases, failure_persistence: None, ..Config::default() };
            let rng = TestRng::deterministic_rng(config.rng_algorithm);
            let mut runner = TestRunner::new_with_rng(config, rng);
            let verdict = runner.run(&choices(), |choices| judge(kind, preset, &choices));
            let name = (kind.about.name, preset.name);
            verdict.unwrap_or_else(|failure| panic!("{name:?}: {failure}"));
        }
    }
}

/// A run that is being played, and what its players know.
struct Play<'a> {
    kind: &'a Kind,
    machine: Box<dyn Machine>,
    auditor: Auditor,
    log: Vec<Entry>,
    now: Time,
    next_job: u64,
    rounds: Vec<(u64, Time)>,
    outcomes: BTreeSet<&'static str>,
    /// Parties in another order of addresses.
    renamed: bool,
}

impl<'a> Play<'a> {
    fn new(kind: &'a Kind, preset: &Preset, renamed: bool) -> Self {
        let machine = kind.start(preset.rules).unwrap();
        let (log, rounds, outcomes) = (Vec::new(), Vec::new(), BTreeSet::new());
        let (auditor, now) = (Auditor::default(), Time(1_000_000));
        let mut play =
            Self { kind, machine, auditor, log, now, next_job: 1, rounds, outcomes, renamed };
        for name in 0..PARTIES {
            let amount = if name + 1 == PARTIES { POOR } else { PURSE };
            let party = play.party(name);
            play.enter(Event::Fund { party, amount: Amount::new(amount) }).unwrap();
            let stake = Amount::new(PURSE >> 8);
            let position = Position { stake, price: Amount::from(10), capacity: 150 };
            if name % 2 == 0 {
                play.enter(Event::Join { party, position }).unwrap();
                play.enter(Event::Measure { party, score: 1 }).unwrap();
            }
        }
        play
    }

    fn party(&self, name: u8) -> Party {
        let name = name % PARTIES;
        Party::with_last_byte(if self.renamed { PARTIES - name } else { name + 1 })
    }

    fn enter(&mut self, event: Event) -> Result<(), TestCaseError> {
        let entry = Entry { at: self.now, event };
        let step = self.machine.step(&entry);
        self.auditor.watch(&entry, &step, self.machine.as_ref())?;
        for happened in &step.effects {
            let reached = match &happened.effect {
                Effect::Frozen { round, not_before, .. } => {
                    self.rounds.push((*round, *not_before));
                    continue;
                }
                Effect::Settled { outcome: Outcome::Proven, .. } => "proven",
                Effect::Settled { outcome: Outcome::Unproven, .. } => "unproven",
                Effect::Allocated { .. } => "allocated",
                _ => continue,
            };
            self.outcomes.insert(reached);
        }
        self.log.push(entry);
        Ok(())
    }

    /// Moves the clock: mostly a little, sometimes to where something is due or past it.
    fn pass(&mut self, (kind, amount): (u8, u16)) {
        let amount = u64::from(amount);
        let due = self.machine.next_wake().unwrap_or(self.now);
        self.now = self.now.max(match kind % 8 {
            0..=2 => self.now + Span::ms(amount),
            3 => due.min(self.now + Span::s(amount / 16)),
            4 => self.now + Span::s(amount / 32),
            5 => due,
            6 if amount % 2 == 0 => due - Span::ms(1),
            6 => self.rounds.last().map_or(due, |(_, not_before)| *not_before),
            _ => self.now + Span::s(amount / 4 * u64::from(amount.is_multiple_of(8))),
        });
    }

    fn choose(&self, (kind, who, job, value, dt): Choice) -> Event {
        let live = self.machine.jobs();
        let known = live.get(usize::from(job) % live.len().max(1)).copied();
        // One in eight is about a job that is over, or never was.
        let job = match known {
            Some(id) if job < 224 => id,
            _ => JobId(u64::from(job) % (self.next_job + 1)),
        };
        let from = self.party(who);
        match kind % 32 {
            0..=3 => self.open(from, value, dt),
            4..=17 => self.talk((kind, who % PARTIES), job, value),
            18..=22 => {
                let by = if value % 4 == 0 { from } else { self.entitled(job).unwrap_or(from) };
                let proof = Proof { valid: value % 16 != 1, part: u32::from(value) / 16 % 5 };
                self.deliver(job, by, proof)
            }
            23..=26 => {
                let stake = PURSE >> (1 + 8 * (value % 8));
                let (price, capacity) =
                    (Amount::from(u32::from(value) / 8 + 1), 1 + u32::from(value) % 200);
                Event::Join {
                    party: from,
                    position: Position { stake: Amount::new(stake), price, capacity },
                }
            }
            27 => Event::Leave { party: from },
            28..=29 => self.seed(value),
            30 if value % 2 == 0 => {
                let requester = self.machine.job(job).map(|job| job.spec.requester);
                Event::Cancel { job, by: requester.filter(|_| value % 4 == 0).unwrap_or(from) }
            }
            30 if value % 16 == 1 => Event::Tick,
            30 if value % 4 == 1 => Event::Endow { party: from, amount: Amount::from(1_000) },
            30 => Event::Measure { party: from, score: u32::from(value) },
            _ if value % 2 == 0 => {
                Event::Withdraw { party: from, amount: Amount::from(u32::from(value)) }
            }
            _ => Event::Fund { party: from, amount: Amount::from(u32::from(value)) },
        }
    }

    fn seed(&self, value: u16) -> Event {
        let (round, _) = self.rounds.last().copied().unwrap_or_default();
        let seed = B256::repeat_byte(value as u8);
        Event::Seed { round, seed, published: self.now - Span::ms(u64::from(value % 4)) }
    }

    /// Something to say: mostly what the mechanism will listen to.
    fn talk(&self, (kind, who): (u8, u8), job: JobId, value: u16) -> Event {
        let from = self.party(who);
        let most = self.machine.job(job).map_or(Amount::from(1_000), |job| job.spec.max_pay);
        // The same for the same party and job, so that what is revealed is mostly what was committed.
        let percent = (u128::from(who) * 37 + u128::from(job.0) * 13) % 110;
        let (price, nonce) = (most.scaled_down(percent, 100), u64::from(value) % 8 / 7);
        let about = |message| Event::Say { from, job: Some(job), message };
        let at_large = |message| Event::Say { from, job: None, message };
        let mut sayings = [
            self.seed(value),
            about(Message::Lock),
            about(Message::Bid { price }),
            about(Message::Commit { digest: commitment(job, from, price, 0) }),
            about(Message::Reveal { price, nonce }),
            about(Message::Accept),
            about(Message::Decline),
            about(Message::Contest),
            about(Message::Choose { party: self.party(value as u8) }),
            about(Message::Take { proof_of: JobId(1 + u64::from(value) % self.next_job) }),
            at_large(Message::Poll),
            at_large(Message::Bid { price: Amount::from(u32::from(value) / 8) }),
            at_large(Message::Ask { price, within: Span::s(u64::from(value) % 600) }),
        ];
        let count = sayings.len();
        sayings.rotate_left(usize::from(kind) % count);
        let heard = |event: &&Event| {
            let entry = Entry { at: self.now, event: (*event).clone() };
            self.fork().step(&entry).refused.is_none()
        };
        let sensible = sayings.iter().filter(|_| !value.is_multiple_of(4)).find(heard);
        sensible.unwrap_or(&sayings[0]).clone()
    }

    fn fork(&self) -> Box<dyn Machine> {
        self.kind.restore(&self.machine.encode()).unwrap()
    }

    /// A proof, mostly of a part that is taken.
    fn deliver(&self, job: JobId, by: Party, proof: Proof) -> Event {
        let mut fork = self.fork();
        let mut of = |part| {
            let event = Event::Deliver { job, by, proof: Proof { part, ..proof } };
            let refused = fork.step(&Entry { at: self.now, event: event.clone() }).refused;
            refused.is_none().then_some(event)
        };
        let sensible = (!proof.part.is_multiple_of(4)).then(|| (0..8).find_map(&mut of)).flatten();
        sensible.unwrap_or(Event::Deliver { job, by, proof })
    }

    /// Somebody who may deliver.
    fn entitled(&self, job: JobId) -> Option<Party> {
        let Stage::Allocated(allocation) = self.machine.job(job)?.stage else { return None };
        allocation
            .holders
            .iter()
            .find(|holder| holder.duty == Duty::Owes)
            .map(|holder| holder.party)
    }

    fn open(&self, requester: Party, value: u16, dt: u16) -> Event {
        let spec = JobSpec {
            requester,
            cycles: Cycles(u64::from(value) % 1_000 * [125, 1][usize::from(value % 2)] / 8),
            parts: 1 + u32::from(value) % 4,
            max_pay: Amount::from(u32::from(value) % 4_000),
            deadline: self.now + Span::s(600 + 8 * u64::from(dt)),
        };
        // One in sixteen numbers was used before.
        let number = self.next_job - u64::from(value.is_multiple_of(16));
        Event::Open { job: JobId(number), spec }
    }

    fn play(&mut self, choice: Choice) -> Result<(), TestCaseError> {
        self.pass((choice.4 as u8, choice.4));
        let event = self.choose(choice);
        if let Event::Open { job, .. } = &event {
            self.next_job = self.next_job.max(job.0 + 1);
        }
        self.enter(event)
    }

    /// Lets time pass until nothing is left to happen.
    fn wait_out(&mut self) -> Result<(), TestCaseError> {
        while let Some(at) = self.machine.next_wake() {
            prop_assert!(at >= self.now);
            self.now = at;
            self.enter(Event::Tick)?;
        }
        Ok(())
    }
}

/// I1 to I6, I8 and I11 by the auditor; that all jobs end (I6) and all money can leave.
#[test]
fn the_auditor_agrees_and_every_job_ends() {
    for_all(60, |kind, preset, choices| {
        let mut play = Play::new(kind, preset, false);
        for choice in choices {
            play.play(*choice)?;
        }
        play.wait_out()?;
        prop_assert_eq!(play.machine.jobs(), vec![]);
        play.auditor.compare_all(play.machine.as_ref())?;
        for (account, _) in play.machine.ledger().balances() {
            let job = matches!(account, Account::Escrow(_) | Account::Bond(..));
            prop_assert!(!job, "{account} is left and no job lives");
        }
        Ok(())
    });
}

/// The tests of this file would be worth little if random events never got anywhere.
#[test]
fn random_events_reach_every_outcome() {
    for kind in CATALOGUE {
        for preset in kind.about.presets {
            let reached = std::cell::RefCell::new(BTreeSet::new());
            let config = Config { cases: 200, failure_persistence: None, ..Config::default() };
            let rng = TestRng::deterministic_rng(config.rng_algorithm);
            let verdict = TestRunner::new_with_rng(config, rng).run(&choices(), |choices| {
                let mut play = Play::new(kind, preset, false);
                choices.iter().try_for_each(|choice| play.play(*choice))?;
                play.wait_out()?;
                reached.borrow_mut().append(&mut play.outcomes);
                Ok(())
            });
            verdict.unwrap();
            let name = (kind.about.name, preset.name);
            let all = BTreeSet::from(["allocated", "proven", "unproven"]);
            assert_eq!(reached.into_inner(), all, "{name:?}");
        }
    }
}

/// I7: the log gives the state and the digest again, also from the middle on, and neither ticks
/// nor refused events leave a trace.
#[test]
fn the_log_is_the_whole_truth() {
    for_all(40, |kind, preset, choices| {
        let mut play = Play::new(kind, preset, false);
        for choice in choices {
            play.play(*choice)?;
        }
        let mut again = kind.start(preset.rules).unwrap();
        let mut accepted = kind.start(preset.rules).unwrap();
        let mut ticking = kind.start(preset.rules).unwrap();
        for entry in &play.log {
            while let Some(at) = ticking.next_wake().filter(|at| *at <= entry.at) {
                ticking.step(&Entry { at, event: Event::Tick });
            }
            ticking.step(entry);
            let before = again.encode();
            again = kind.restore(&before).unwrap();
            match again.step(entry).refused {
                None => drop(accepted.step(entry)),
                Some(_) => {
                    let mut waited = kind.restore(&before).unwrap();
                    waited.step(&Entry { at: entry.at, event: Event::Tick });
                    prop_assert_eq!(waited.encode(), again.encode(), "refused {:?}", entry);
                }
            }
        }
        let last = Entry { at: play.now, event: Event::Tick };
        accepted.step(&last);
        for other in [&again, &accepted, &ticking] {
            prop_assert_eq!(other.digest(), play.machine.digest());
            prop_assert_eq!(other.state_hash(), play.machine.state_hash());
        }
        Ok(())
    });
}

/// I10: nobody is favoured for an address.
#[test]
fn renaming_the_parties_renames_the_payments() {
    for_all(60, |kind, preset, choices| {
        let (mut here, mut there) = (Play::new(kind, preset, false), Play::new(kind, preset, true));
        for choice in choices {
            here.play(*choice)?;
            there.play(*choice)?;
        }
        for name in 0..PARTIES {
            for place in [Account::Hand, Account::Stake] {
                let [here, there] = [&here, &there]
                    .map(|play| play.machine.ledger().balance(place(play.party(name))));
                prop_assert_eq!(here, there, "party {}", name);
            }
        }
        Ok(())
    });
}

/// I12: whoever has missed its window loses nothing by delivering late.
#[test]
fn a_late_proof_is_never_worse_than_none() {
    for_all(60, |kind, preset, choices| {
        let mut play = Play::new(kind, preset, false);
        for choice in choices {
            play.play(*choice)?;
            for job in play.machine.jobs() {
                let Stage::Allocated(allocation) = play.machine.job(job).unwrap().stage else {
                    continue;
                };
                let failed = allocation.holders.iter().find(|holder| holder.duty == Duty::Failed);
                let Some(party) = failed.map(|holder| holder.party) else { continue };
                let deliver = Event::Deliver { job, by: party, proof: Proof::PLAIN };
                let late = wealth_after(play.fork(), Entry { at: play.now, event: deliver }, party);
                let never =
                    wealth_after(play.fork(), Entry { at: play.now, event: Event::Tick }, party);
                prop_assert!(late >= never, "{party} has {late} instead of {never} for {job}");
            }
        }
        Ok(())
    });
}

/// What a party has in hand and at stake once everything has come to its end.
fn wealth_after(mut machine: Box<dyn Machine>, entry: Entry, party: Party) -> Amount {
    machine.step(&entry);
    while let Some(at) = machine.next_wake() {
        machine.step(&Entry { at, event: Event::Tick });
    }
    let ledger = machine.ledger();
    ledger.balance(Account::Hand(party)) + ledger.balance(Account::Stake(party))
}

#[test]
fn a_log_does_not_run_backwards() {
    for kind in CATALOGUE {
        let mut play = Play::new(kind, &kind.about.presets[0], false);
        let before = play.machine.encode();
        let entry = Entry { at: play.now - Span::ms(1), event: Event::Tick };
        let refused = play.machine.step(&entry).refused;
        assert_eq!(refused, Some(Refusal::TimeReversed { now: play.now }));
        assert_eq!(play.machine.encode(), before);
        assert!(play.enter(Event::Tick).is_ok());
    }
}
