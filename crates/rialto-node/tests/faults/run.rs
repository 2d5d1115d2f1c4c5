//! One run: a scenario that follows from a seed, a node that is killed now and then, and a judgement.

use crate::anvil::AnvilChain;
use crate::auditor::{Report, audit};
use crate::chain::{Chain, simulated};
use crate::life::Life;
use crate::prover::Script;
use crate::world::{Times, World};
use rialto_chain::simulated::{Dice, Faults};
use rialto_node::crash::{self, Blow, Place};
use rialto_protocol::{SignedRequest, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How much virtual time passes between two looks at everything.
const STEP: Duration = Duration::from_millis(250);
/// After the last request a node has so long to put its books in order.
const GRACE_S: u64 = 40;

/// Where a run takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    Simulated,
    Anvil,
}

impl Ground {
    fn chain(self) -> Arc<dyn Chain> {
        match self {
            Self::Simulated => Arc::new(simulated()),
            Self::Anvil => Arc::new(AnvilChain::start()),
        }
    }
}

/// What goes wrong in a run, besides kills. A seed belongs to the scenario of its remainder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    Calm,
    Losses,
    Replacements,
    Reorgs,
    Endpoint,
    Rivals,
    Failures,
    Storm,
}

pub(crate) const SCENARIOS: [Scenario; 8] = [
    Scenario::Calm,
    Scenario::Losses,
    Scenario::Replacements,
    Scenario::Reorgs,
    Scenario::Endpoint,
    Scenario::Rivals,
    Scenario::Failures,
    Scenario::Storm,
];

/// What a run showed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) scenario: Scenario,
    pub(crate) report: Report,
    /// Where the node was killed.
    pub(crate) kills: Vec<Place>,
    pub(crate) slowest_recovery: Duration,
}

impl Scenario {
    pub(crate) fn of(seed: u64) -> Self {
        let index = usize::try_from(seed % SCENARIOS.len() as u64).unwrap();
        SCENARIOS[index]
    }

    fn faults(self, seed: u64) -> Faults {
        let none = Faults { seed, ..Faults::default() };
        match self {
            Self::Calm | Self::Rivals | Self::Failures => none,
            Self::Losses => Faults { dropped: 150, late: 150, ..none },
            Self::Replacements => Faults { late: 300, stubborn: 500, ..none },
            Self::Reorgs => Faults { reorgs: 120, lost_in_reorg: 300, ..none },
            Self::Endpoint => Faults {
                timeouts: 10,
                rate_limits: 40,
                errors: 40,
                slow: 60,
                stale: 60,
                receipts_missing: 150,
                ..none
            },
            Self::Storm => Faults::stormy(seed),
        }
    }
}

/// Everything that a run keeps count of.
pub(crate) struct Run {
    pub(crate) world: World,
    scenario: Scenario,
    dice: Dice,
    pub(crate) requests: Vec<(Timestamp, Option<SignedRequest>, Times)>,
    pub(crate) life: Option<Life>,
    kills_left: u32,
    /// Where lives have ended, if each is to end elsewhere.
    beyond: Option<BTreeSet<Place>>,
    kills: Vec<Place>,
    /// When the rival hands in a proof of what the node may have locked.
    meddle_at: Option<(Timestamp, SignedRequest)>,
    pub(crate) down_until: Timestamp,
}

/// Runs the scenario of `seed` to its end and audits it.
pub(crate) fn run(ground: Ground, seed: u64) -> (Outcome, World) {
    Run::new(ground, seed).complete()
}

/// Lives of a run that end elsewhere than all before.
const NEW_ENDS: u32 = 6;

impl Run {
    pub(crate) fn new(ground: Ground, seed: u64) -> Self {
        let scenario = Scenario::of(seed);
        let mut dice = Dice::new(seed, b"run");
        let failures = if scenario == Scenario::Failures { 300 } else { 0 };
        let world = World::on(ground.chain(), Script { seed, seconds_max: 8, failures });
        world.chain.set_faults(scenario.faults(seed));
        let begin = world.chain.now();
        let count = 1 + dice.below(4);
        let requests = (0..count).map(|_| {
            let at = begin.saturating_add(2 + dice.below(20));
            let lock = 100 + u32::try_from(dice.below(40)).unwrap();
            (at, None, Times { ramp: 6, lock, total: lock + 30 })
        });
        let requests = requests.collect();
        let kills_left = u32::try_from(dice.below(4)).unwrap();
        let (life, down_until) = (None, Timestamp(0));
        Self {
            world,
            scenario,
            dice,
            requests,
            life,
            kills_left,
            beyond: None,
            kills: Vec::new(),
            meddle_at: None,
            down_until,
        }
    }

    /// Each life ends at the first place where none has ended yet.
    pub(crate) fn killed_beyond(mut self, places: BTreeSet<Place>) -> Self {
        (self.beyond, self.kills_left) = (Some(places), NEW_ENDS);
        self
    }

    pub(crate) fn complete(mut self) -> (Outcome, World) {
        while !self.is_over() {
            self.step();
        }
        self.finish()
    }

    pub(crate) fn step(&mut self) {
        let now = self.world.chain.now();
        if let Some((at, request)) = self.meddle_at.take_if(|(at, _)| *at <= now) {
            tracing::debug!(%at, "the rival delivers under the node's lock");
            self.world.rival_delivers(&request);
        }
        for index in 0..self.requests.len() {
            if self.requests[index].1.is_none() && self.requests[index].0 <= now {
                self.submit(index);
            }
        }
        if self.life.is_none() && now >= self.down_until {
            let blow = match (self.kills_left, &self.beyond) {
                (0, _) => Blow::Never,
                (_, Some(places)) => Blow::Beyond(places.clone()),
                (_, None) => Blow::Nth(1 + self.dice.below(70)),
            };
            self.life = Some(Life::start(&self.world, blow));
        }
        if self.scenario == Scenario::Replacements || self.scenario == Scenario::Storm {
            // Every now and then gas is three times as dear for a while.
            let dear = Dice::new(now.0 / 15, b"gas").permille(250);
            self.world.chain.set_base_fee(if dear { 3_500_000_000 } else { 1_000_000_000 });
        }
        self.world.chain.advance(STEP);
        if let Some(life) = &self.life
            && !life.advance(STEP)
        {
            self.life = None;
            let place = crash::fell_at().expect("nothing else ends a life");
            self.kills.push(place);
            self.beyond.iter_mut().for_each(|places| _ = places.insert(place));
            self.kills_left -= 1;
            self.down_until = now.saturating_add(self.dice.below(8));
        }
    }

    fn submit(&mut self, index: usize) {
        let (_, request, times) = &mut self.requests[index];
        let signed = self.world.request(u32::try_from(index).unwrap() + 1, *times);
        self.world.submit(&signed);
        *request = Some(signed.clone());
        if self.scenario == Scenario::Rivals || self.scenario == Scenario::Storm {
            match self.dice.below(4) {
                0 => self.world.rival_locks(&signed, 0),
                1 => self.world.rival_locks(&signed, 50_000_000_000),
                2 => self.meddle_at = Some((self.world.chain.now().saturating_add(8), signed)),
                _ => {}
            }
        }
    }

    /// Nothing can move money any more, and there was time to notice.
    pub(crate) fn is_over(&self) -> bool {
        let now = self.world.chain.now();
        if self.requests.iter().any(|(_, request, _)| request.is_none()) {
            return false;
        }
        let locks = self.world.chain.locks();
        let ends = self.requests.iter().flat_map(|(_, request, _)| request).map(|request| {
            let lock = locks.iter().find(|lock| lock.digest == request.digest());
            match lock {
                Some(lock) if lock.is_paid => request.request().offer.ramp_up_start,
                Some(lock) => lock.deadline,
                None => request.request().offer.lock_deadline(),
            }
        });
        let all_paid_at = ends.max().unwrap_or(now);
        let last_begin = self.requests.iter().map(|(at, _, _)| *at).max().unwrap_or(now);
        self.life.is_some() && now > all_paid_at.max(last_begin).saturating_add(GRACE_S)
    }

    /// The chain calms down, so that nothing that is still on its way remains there.
    pub(crate) fn finish(mut self) -> (Outcome, World) {
        let chain = self.world.chain.clone();
        chain.set_faults(Faults::default());
        chain.set_base_fee(1_000_000_000);
        self.kills_left = 0;
        drop(self.life.take());
        self.life = Some(Life::start(&self.world, Blow::Never));
        for _ in 0..(GRACE_S * 1_000 / 250) {
            self.step();
        }
        drop(self.life.take());
        let report = audit(&*chain, self.world.prover.address(), &self.world.logbook());
        let Self { scenario, kills, world, .. } = self;
        let slowest_recovery = *world.slowest_recovery.lock().unwrap();
        (Outcome { scenario, report, kills, slowest_recovery }, world)
    }
}
