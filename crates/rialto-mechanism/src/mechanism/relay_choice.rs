//! **Relay choice** (GSN; M9). The client alone chooses: shuffled, those who failed lately last; only a fault that
//! anybody can prove costs stake.
//!
//! *Rule.* Members post what they want for a job. Those who want no more than the requester pays are shuffled; whoever
//! failed within `grace` stands behind all who did not. The first has the job alone for `window`, then the next for as
//! long, `tries` of them at most, each only if it wants no more than the one before; the last until the deadline.
//!
//! *Pay.* What the one who delivers has posted.
//!
//! *Failure.* A missed window costs nothing but its place in the order. An invalid proof costs `stake`: `burned` of
//! it is burned and the rest is for whoever delivers in its place, or the treasury's. Without a seed the order is that of joining.
//!
//! *Source.* GSN's client and stake manager: a relay is penalised for signing twice or illegally, half burned, half to
//! the reporter, and unstakes after 15 000 s. Confidence A. Pings are not here: a relay that would not answer is one that
//! misses its window; an invalid proof stands for the provable fault.
//!
//! *Attacks.* Many names are many places in the order; each costs a stake. A client that waits for a dearer relay after a
//! cheap one would pay an owner of both for being late; so no later one is dearer.

use crate::{
    About, Allocation, Amount, Beacon, Bps, Case, Confidence, Contradiction, Desk, Duty, Forfeit,
    JobId, Mechanism, Party, Position, Preset, Proof, Refusal, Risks, Ruling, Seed, Span,
    SplitGain, Time,
};
use alloy_primitives::{B256, keccak256};
use rialto_protocol::draw::{Draws, Weight};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rule with its parameters, who may be chosen, and who failed lately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelayChoice {
    rules: Rules,
    /// In the order in which they joined.
    relays: Vec<Party>,
    /// Until when a failure counts.
    failed: BTreeMap<Party, Time>,
}

/// Parameters of a [`RelayChoice`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How long each in the order has the job alone.
    pub window: Span,
    /// How many of them are tried.
    pub tries: u32,
    /// How long a failure counts.
    pub grace: Span,
    /// The least stake of a member, and what an invalid proof costs.
    pub stake: Amount,
    /// The share of it that is burned, rounded down.
    pub burned: Bps,
    /// After how long a stake comes back.
    pub exit: Span,
    /// How long the randomness of the shuffle takes.
    pub beacon: Beacon,
}

/// Those who may be chosen for a job, frozen for the shuffle, with what each wants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fitting(Vec<(Party, Amount)>);

const ABOUT: About = About {
    name: "relay-choice",
    family: "M9",
    confidence: Confidence::Code,
    split_gain: SplitGain::Gain,
    presets: &[Preset {
        name: "gsn",
        rules: r#"
            # Half burned and 15000 s to leave are GSN's; times are at the pace of proofs.
            window = "2 min"
            tries = 3
            grace = "30 min"
            stake = 1000
            burned = 5000
            exit = "15000 s"
            beacon = { lag = "0 s", patience = "10 s" }
        "#,
    }],
    file: include_str!("relay_choice.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::if_zero(self.window, "window")?;
        Contradiction::unless(self.tries > 0, "tries", "must be one or more")?;
        Contradiction::if_no_share(self.burned, "burned")
    }
}

impl Mechanism for RelayChoice {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Fitting;

    fn new(rules: Rules) -> Self {
        Self { rules, relays: Vec::new(), failed: BTreeMap::new() }
    }

    fn join(&mut self, _: &mut Desk<Fitting>, party: Party, position: &Position) -> Ruling {
        let wanted = self.rules.stake;
        if position.stake < wanted {
            return Err(Refusal::StakeTooSmall { wanted });
        }
        if !self.relays.contains(&party) {
            self.relays.push(party);
        }
        Ok(())
    }

    fn leave(&mut self, _: &mut Desk<Fitting>, party: Party) -> Span {
        self.relays.retain(|relay| *relay != party);
        self.rules.exit
    }

    fn open(&mut self, case: &mut Case<'_, Fitting>) {
        let most = case.spec().max_pay;
        let wants = |party: &Party| Some((*party, case.desk.member(*party)?.position.price));
        let all = self.relays.iter().filter_map(wants);
        case.job.mark.0 = all.filter(|(_, price)| *price <= most).collect();
        if !case.job.mark.0.is_empty() {
            let (root, Beacon { lag, patience }) = (case.job.mark.root(), self.rules.beacon);
            case.desk.freeze(root, Some(case.job.id), lag, patience);
        }
    }

    fn seeded(&mut self, desk: &mut Desk<Fitting>, seed: &Seed) {
        let Some(id) = seed.job() else { return };
        desk.visit(id, |case| {
            shuffle(&mut case.job.mark.0, seed.draws_for(id));
            self.allocate(case);
        });
    }

    fn seedless(&mut self, desk: &mut Desk<Fitting>, _: u64, job: Option<JobId>) {
        job.and_then(|id| desk.visit(id, |case| self.allocate(case)));
    }

    fn deliver(&mut self, case: &mut Case<'_, Fitting>, by: Party, proof: &Proof) -> Ruling {
        if proof.valid {
            return case.deliver(by, proof);
        }
        case.fail(by)?;
        self.failed.insert(by, case.now() + self.rules.grace);
        Ok(())
    }

    fn lapsed(&mut self, case: &mut Case<'_, Fitting>) {
        let (now, grace) = (case.now(), self.rules.grace);
        self.failed.retain(|_, until| now <= *until);
        for holder in case.job.holders().iter().filter(|holder| holder.duty == Duty::Failed) {
            self.failed.insert(holder.party, now + grace);
        }
    }
}

impl RelayChoice {
    /// Gives the job to the first of the order, and lets those behind it follow.
    fn allocate(&self, case: &mut Case<'_, Fitting>) {
        let (now, window) = (case.now(), self.rules.window);
        let mut order = std::mem::take(&mut case.job.mark.0);
        order.retain(|(party, _)| case.desk.member(*party).is_some_and(|it| it.leaving.is_none()));
        // Sorting keeps the order among equals.
        order.sort_by_key(|(party, _)| self.failed.get(party).is_some_and(|until| now <= *until));
        let Some(in_turn) = Allocation::in_turn(&order, self.rules.tries as usize, now, window)
        else {
            return;
        };
        let mut to_first = in_turn
            .at_risk(self.rules.stake, Risks::Stake)
            .forfeiting(Forfeit { burned: self.rules.burned, requester: Bps(0) });
        to_first.spares_late = true;
        case.allocate(to_first);
    }
}

impl Fitting {
    /// Commitment to who can be chosen, in order.
    fn root(&self) -> B256 {
        let parties: Vec<u8> = self.0.iter().flat_map(|(party, _)| party.0.0).collect();
        keccak256(parties)
    }
}

/// Every order is as likely as every other.
fn shuffle<T>(all: &mut [T], mut draws: Draws) {
    for last in (1..all.len()).rev() {
        let tickets = Weight::try_from(last as u128 + 1).unwrap_or_default();
        if let Some(ticket) = draws.next(tickets) {
            all.swap(last, ticket.0 as usize);
        }
    }
}

#[cfg(test)]
mod tests;
