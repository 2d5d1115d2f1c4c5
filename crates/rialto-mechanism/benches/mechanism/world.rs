//! Provers who do for each mechanism what it asks of them.

use alloy_primitives::B256;
use rialto_mechanism::{
    Amount, Effect, Entry, Event, JobId, JobSpec, Kind, Machine, Message, Outcome, Party, Position,
    Preset, Proof, Span, Stage, Time, commitment,
};
use rialto_protocol::Cycles;

pub(crate) const PROVERS: u64 = 100;
/// How many of them speak about a job, where many may.
const SPEAKERS: u64 = 10;
const MOST: u32 = 1_000_000;

/// What provers do for one job.
#[derive(Clone, Copy)]
enum Act {
    /// One takes it.
    Lock,
    /// As many jobs more as make a round worth its while; all of them are delivered.
    Round,
    /// Some bid.
    Bid,
    /// One asks a little less for all jobs, if it is heard.
    BidAtLarge,
    /// Some commit to bids; later they show them.
    Commit,
    Reveal,
    /// One asks for whatever job there is.
    Ask,
    /// Time passes until something happens by itself.
    Wait,
    /// An hour and a second pass.
    WaitAnHour,
    /// The seed comes for whatever waits for one, if something does.
    Seed,
    /// The requester gives the job to the first who spoke.
    Choose,
    /// A matcher gives the job to one.
    Match,
    /// One asks for work.
    Poll,
    /// Whoever has the job accepts it.
    Accept,
    /// The requester takes what it is offered.
    Buy,
    /// Those who have the job deliver; somebody, if nobody has it.
    Deliver,
    /// Some deliver, whoever they are.
    DeliverMany,
}

/// What to do for each mechanism and preset; the preset is empty where all are alike.
const SCRIPTS: &[(&str, &str, &[Act])] = &[
    ("open-race", "winner-takes-all", &[Act::Deliver]),
    ("open-race", "uncles", &[Act::DeliverMany]),
    ("open-race", "min-time-shared", &[Act::DeliverMany, Act::Wait]),
    ("open-race", "min-time-drawn", &[Act::DeliverMany, Act::Wait, Act::Seed]),
    ("open-race", "cheapest-in-time", &[Act::Bid, Act::DeliverMany, Act::Wait]),
    ("rota", "", &[Act::Seed, Act::Deliver]),
    ("order-book", "", &[Act::Ask, Act::Deliver]),
    ("livepeer", "", &[Act::Seed, Act::Deliver]),
    ("candidate-selection", "", &[Act::Deliver]),
    ("relay-choice", "", &[Act::Seed, Act::Deliver]),
    ("rfq-exclusive", "", &[Act::Bid, Act::Wait, Act::Deliver]),
    ("dutch-lock", "", &[Act::Lock, Act::Deliver]),
    (
        "sealed-second-price",
        "",
        &[Act::Commit, Act::WaitAnHour, Act::Reveal, Act::Wait, Act::Deliver],
    ),
    ("seat-auction", "", &[Act::BidAtLarge, Act::Deliver]),
    ("seat-pool", "", &[Act::BidAtLarge, Act::Seed, Act::Deliver]),
    ("term-auction", "", &[Act::BidAtLarge, Act::Deliver]),
    ("snarketplace", "", &[Act::Bid, Act::DeliverMany, Act::Buy]),
    ("stake-pool", "", &[Act::Seed, Act::Deliver]),
    ("builder-votes", "", &[Act::Seed, Act::Bid, Act::Wait, Act::DeliverMany, Act::Wait]),
    ("contested-tiers", "pacaya", &[Act::Bid, Act::Choose, Act::Deliver]),
    ("contested-tiers", "", &[Act::Bid, Act::Choose, Act::Deliver, Act::Wait]),
    ("price-clock", "", &[Act::Deliver]),
    ("allowlist", "", &[Act::BidAtLarge, Act::Deliver]),
    ("sidecar", "enshrined", &[Act::Choose, Act::Deliver]),
    ("sidecar", "", &[Act::Bid, Act::Choose, Act::Deliver]),
    ("proof-tree", "", &[Act::Seed, Act::Deliver]),
    ("epoch-quotes", "", &[Act::Bid, Act::Choose, Act::Deliver]),
    ("prover-auction", "", &[Act::Bid, Act::Wait, Act::Deliver]),
    ("proof-contest", "", &[Act::Bid, Act::Wait, Act::Seed, Act::Deliver]),
    ("coordinator", "", &[Act::Poll, Act::Deliver]),
    ("gevulot", "", &[Act::Seed, Act::Deliver]),
    ("zkcloud", "", &[Act::Seed, Act::Accept, Act::Deliver]),
    ("pooled-epoch", "", &[Act::DeliverMany, Act::Wait]),
    ("attested-matching", "", &[Act::Match, Act::Deliver]),
    ("phased-duty", "", &[Act::Seed, Act::Deliver]),
    ("sealed-award", "", &[Act::Commit, Act::WaitAnHour, Act::Reveal, Act::Wait, Act::Deliver]),
    ("work-pool", "", &[Act::DeliverMany, Act::Wait]),
    ("succinct-work", "", &[Act::DeliverMany]),
    ("double-auction-reconstruction", "", &[Act::Round]),
    ("whole-job-auction-reconstruction", "", &[Act::Round]),
    ("online-auction-reconstruction", "", &[Act::Ask, Act::Wait, Act::Deliver]),
];

pub(crate) struct World {
    pub(crate) machine: Box<dyn Machine>,
    script: &'static [Act],
    now: Time,
    job: JobId,
    /// What waits for a seed, and from when on.
    round: Option<(u64, Time)>,
    proven: u64,
}

impl World {
    pub(crate) fn new(kind: &Kind, preset: &Preset) -> Self {
        let name = (kind.about.name, preset.name);
        let fits = |(mechanism, of, _): &&(&str, &str, _)| {
            *mechanism == name.0 && (of.is_empty() || *of == name.1)
        };
        let script = SCRIPTS.iter().find(fits).map(|(.., script)| *script);
        let script =
            script.unwrap_or_else(|| panic!("say in SCRIPTS what provers do for {name:?}"));
        let machine = kind.start(preset.rules).expect("a preset makes sense");
        let (now, job, round, proven) = (Time(1_000_000), JobId(0), None, 0);
        let mut world = Self { machine, script, now, job, round, proven };
        for number in 0..=PROVERS {
            let party = party(number);
            world.enter(Event::Fund { party, amount: Amount::new(1 << 84) });
            let position =
                Position { stake: Amount::new(1 << 80), price: Amount::from(500), capacity: 1_000 };
            if number != 0 {
                world.enter(Event::Join { party, position });
                world.enter(Event::Measure { party, score: 1 });
            }
        }
        world
    }

    pub(crate) fn proven(&self) -> u64 {
        self.proven
    }

    /// One job from its request to its end.
    pub(crate) fn request(&mut self) {
        self.now = self.now + Span::ms(100);
        self.open();
        for act in self.script {
            self.act(*act);
        }
    }

    fn open(&mut self) {
        self.job = JobId(self.job.0 + 1);
        let spec = JobSpec {
            requester: party(0),
            cycles: Cycles(1_000),
            parts: 1,
            max_pay: Amount::from(MOST),
            deadline: self.now + Span::s(20_000),
        };
        self.enter(Event::Open { job: self.job, spec });
    }

    /// A round of jobs that only together find provers.
    fn round(&mut self) {
        (1..SPEAKERS).for_each(|_| self.open());
        self.act(Act::Wait);
        for job in self.machine.jobs() {
            self.job = job;
            let proof = Proof { valid: true, part: 1 };
            self.holders().into_iter().for_each(|by| self.enter(Event::Deliver { job, by, proof }));
        }
    }

    fn act(&mut self, act: Act) {
        let job = self.job;
        let proof = Proof { valid: true, part: 1 };
        let first = job.0 * 7;
        let speakers = (first..first + SPEAKERS).map(|number| party(1 + number % PROVERS));
        match act {
            Act::Round => self.round(),
            Act::Lock => self.say(party(1 + first % PROVERS), Message::Lock),
            Act::Bid => {
                for (place, from) in speakers.enumerate() {
                    let price = Amount::from(MOST / 2 + place as u32 * 37 % 11);
                    self.say(from, Message::Bid { price });
                }
            }
            Act::BidAtLarge => {
                let price = Amount::from(1_000 - job.0 as u32 % 1_000);
                let message = Message::Bid { price };
                self.enter(Event::Say { from: party(1 + first % PROVERS), job: None, message });
            }
            Act::Commit | Act::Reveal => {
                for (place, from) in speakers.enumerate() {
                    let price = Amount::from(MOST / 2 + place as u32 * 37 % 11);
                    let digest = commitment(job, from, price, 0);
                    let reveal = Message::Reveal { price, nonce: 0 };
                    let commits = matches!(act, Act::Commit);
                    self.say(from, if commits { Message::Commit { digest } } else { reveal });
                }
            }
            Act::WaitAnHour => self.now = self.now + Span::s(3_601),
            Act::Ask => {
                let (price, within) = (Amount::from(1_000), Span::s(100));
                let message = Message::Ask { price, within };
                self.enter(Event::Say { from: party(1 + first % PROVERS), job: None, message });
            }
            Act::Wait => {
                self.now = self.machine.next_wake().expect("something is due");
                self.enter(Event::Tick);
            }
            Act::Seed => {
                let Some((round, not_before)) = self.round.take() else { return };
                self.now = self.now.next().max(not_before);
                let seed = B256::left_padding_from(&round.to_be_bytes());
                self.enter(Event::Seed { round, seed, published: self.now });
            }
            Act::Deliver => {
                let mut holders = self.holders();
                if holders.is_empty() {
                    holders.push(party(1 + first % PROVERS));
                }
                holders.into_iter().for_each(|by| self.enter(Event::Deliver { job, by, proof }));
            }
            Act::Poll => {
                let from = party(1 + first % PROVERS);
                self.enter(Event::Say { from, job: None, message: Message::Poll });
            }
            Act::Choose => {
                let chosen = party(1 + first % PROVERS);
                self.say(party(0), Message::Choose { party: chosen });
            }
            Act::Match => {
                let chosen = party(1 + first % PROVERS);
                self.say(party(1), Message::Choose { party: chosen });
            }
            Act::Buy => self.say(party(0), Message::Accept),
            Act::Accept => {
                self.holders().into_iter().for_each(|from| self.say(from, Message::Accept));
            }
            Act::DeliverMany => {
                speakers.for_each(|by| self.enter(Event::Deliver { job, by, proof }));
            }
        }
    }

    fn holders(&self) -> Vec<Party> {
        match self.machine.job(self.job).map(|job| job.stage) {
            Some(Stage::Allocated(allocation)) => {
                allocation.holders.iter().map(|holder| holder.party).collect()
            }
            _ => Vec::new(),
        }
    }

    fn say(&mut self, from: Party, message: Message) {
        self.enter(Event::Say { from, job: Some(self.job), message });
    }

    fn enter(&mut self, event: Event) {
        let step = self.machine.step(&Entry { at: self.now, event });
        for happened in &step.effects {
            match happened.effect {
                Effect::Frozen { round, not_before, .. } => self.round = Some((round, not_before)),
                Effect::Settled { outcome: Outcome::Proven, .. } => self.proven += 1,
                _ => {}
            }
        }
    }
}

fn party(number: u64) -> Party {
    Party::left_padding_from(&(number + 1).to_be_bytes())
}
