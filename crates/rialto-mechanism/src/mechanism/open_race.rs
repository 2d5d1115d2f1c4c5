//! **Open race** (bounty, winner takes all; M0). Everybody may prove every job.
//!
//! *Rule.* A job is open to all from the start. What counts is when, or for how much, a proof is delivered;
//! `settle` says which: `first`: the first proofs win the `prizes`, in their order, as shares of the most that
//! the requester pays; those behind the first are uncles. `share`, `lot`, `cheapest`: all proofs that arrive
//! within `window` (a minimum proving time for the first two, a maximum for the last) are equal, and share the
//! prize, or one of them is drawn, or the one that was bid for the least wins. If none has arrived by then, the
//! first one after it wins.
//!
//! *Pay.* The prize; with `cheapest` the winner's own bid, which it names before it delivers (else the most).
//!
//! *Failure.* None: nobody promised anything. Without any proof the requester gets everything back. A lot that
//! no seed decides within `patience` is shared.
//!
//! *Source.* The Aztec forum's ideas on a proving network, uncles and minimum proving time included; the
//! cheapest within a maximum time is PBPS from the same thread. Confidence B. A prize that a builder pays for its
//! block's proof (M13) is this race with the builder as the requester.
//!
//! *Attacks.* Stealing a proof before it is mined (the prover is bound in the proof). Being the one fastest prover:
//! with little jitter it wins nearly always, which uncles and the window soften. Bribing it to be silent takes what it
//! would be paid. In a plain race that is the prize, and delays the proof until the next fastest, who gains as much as the
//! bribe: nothing here prevents it. Uncles make the bribe smaller, the first prize alone, and its delay the same; a rival gains
//! less than it costs. Only a window leaves nothing to buy: while others prove within it, a silent one delays nothing, and
//! its part of the prize is divided among all others. Who wants no proof at all must offer everyone what it would have alone.
//! Waste: all but one of n equal provers work for nothing.

use crate::{
    About, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, Job, JobId, Mechanism,
    Message, Outcome, Party, Preset, Proof, Refusal, Ruling, Seed, Span, SplitGain, Time, Why,
};
use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

/// The rule with its parameters; it remembers nothing between jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenRace {
    rules: Rules,
}

/// Parameters of an [`OpenRace`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Who wins.
    pub settle: Settle,
    /// With `first`: the shares of the first, second and further proofs; rounded down.
    #[serde(default)]
    pub prizes: Vec<Bps>,
    /// With the others: within what time proofs are equal.
    #[serde(default)]
    pub window: Span,
    /// With `lot`: how long a seed is waited for.
    #[serde(default)]
    pub patience: Span,
}

/// Who wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settle {
    /// The first proofs, in their order.
    First,
    /// All within the window, in equal parts.
    Share,
    /// One within the window, drawn.
    Lot,
    /// The one within the window that was bid for the least; of equal ones the first.
    Cheapest,
}

/// What is remembered of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Bids by provers who have not delivered.
    bids: Vec<(Party, Amount)>,
    /// Deliveries in their order, with what was bid for them.
    delivered: Vec<(Party, Amount)>,
}

const ABOUT: About = About {
    name: "open-race",
    family: "M0",
    confidence: Confidence::Documents,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset { name: "winner-takes-all", rules: "settle = \"first\"\nprizes = [10000]" },
        Preset { name: "uncles", rules: "settle = \"first\"\nprizes = [6000, 2500, 1500]" },
        Preset { name: "min-time-shared", rules: "settle = \"share\"\nwindow = \"3 min\"" },
        Preset {
            name: "min-time-drawn",
            rules: "settle = \"lot\"\nwindow = \"3 min\"\npatience = \"1 min\"",
        },
        Preset { name: "cheapest-in-time", rules: "settle = \"cheapest\"\nwindow = \"10 min\"" },
    ],
    file: include_str!("open_race.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let first = self.settle == Settle::First;
        let sum: u64 = self.prizes.iter().map(|prize| u64::from(prize.0)).sum();
        let prizes = !first || (!self.prizes.is_empty() && sum <= Bps::ALL.0.into());
        Contradiction::unless(prizes, "prizes", "must be one or more, of 10000 together at most")?;
        let unused = first || self.prizes.is_empty();
        Contradiction::unless(unused, "prizes", "are for settle = \"first\"; leave them out")?;
        let window = first == (self.window == Span::ZERO);
        Contradiction::unless(window, "window", "must be given, but not for settle = \"first\"")?;
        let patience = (self.settle == Settle::Lot) == (self.patience != Span::ZERO);
        Contradiction::unless(
            patience,
            "patience",
            "must be given for settle = \"lot\", and only then",
        )
    }
}

impl Mechanism for OpenRace {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { rules }
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        let most = case.spec().max_pay;
        let prize = self.rules.prizes.first().map_or(most, |first| most.times_down(*first));
        case.allocate(Allocation::open(case.now(), prize));
        if self.rules.settle != Settle::First {
            case.wake_at(self.window_end(case.job).next());
        }
    }

    fn hear(&mut self, case: &mut Case<'_, Mark>, from: Party, said: &Message) -> Ruling {
        let (Message::Bid { price }, Settle::Cheapest) = (said, self.rules.settle) else {
            return Err(Refusal::NotUnderstood);
        };
        case.job.mark.not_delivered(from)?;
        case.spec().affords(*price)?;
        case.job.mark.take_bid(from);
        case.job.mark.bids.push((from, *price));
        Ok(())
    }

    fn deliver(&mut self, case: &mut Case<'_, Mark>, by: Party, proof: &Proof) -> Ruling {
        proof.verified()?;
        case.job.mark.not_delivered(by)?;
        let (place, end) = (case.job.mark.delivered.len(), self.window_end(case.job));
        let late = self.rules.settle != Settle::First && case.now() > end;
        if late && place > 0 {
            // A lot that waits for its seed.
            return Err(Refusal::TooLate { at: end });
        }
        let price = case.job.mark.take_bid(by).unwrap_or(case.spec().max_pay);
        case.job.mark.delivered.push((by, price));
        match self.rules.settle {
            Settle::First => self.award(case, by, place),
            _ if late => pay_and_settle(case, by, price),
            _ => {}
        }
        Ok(())
    }

    fn alarm(&mut self, case: &mut Case<'_, Mark>) {
        match (&case.job.mark.delivered[..], self.rules.settle) {
            ([], _) => {}
            ([(only, price)], _) => pay_and_settle(case, *only, *price),
            (_, Settle::Lot) => {
                let root = case.job.mark.root();
                case.desk.freeze(root, Some(case.job.id), Span::ZERO, self.rules.patience);
            }
            (all, Settle::Cheapest) => {
                // The first of equal ones, since `min_by_key` keeps the first.
                if let Some((party, price)) = all.iter().min_by_key(|(_, price)| *price).copied() {
                    pay_and_settle(case, party, price);
                }
            }
            _ => share(case),
        }
    }

    fn seeded(&mut self, desk: &mut Desk<Mark>, seed: &Seed) {
        let Some(id) = seed.job() else { return };
        desk.visit(id, |case| {
            let delivered = &case.job.mark.delivered;
            let drawn = seed.place(case.job.mark.root(), id, delivered.len());
            if let Some((party, price)) = drawn.and_then(|place| delivered.get(place)).copied() {
                pay_and_settle(case, party, price);
            }
        });
    }

    fn seedless(&mut self, desk: &mut Desk<Mark>, _: u64, job: Option<JobId>) {
        job.and_then(|id| desk.visit(id, share));
    }

    fn expire(&mut self, case: &mut Case<'_, Mark>) {
        match (case.job.mark.delivered.is_empty(), self.rules.settle) {
            (true, _) => case.expire(),
            (false, Settle::First) => case.settle(Outcome::Proven),
            (false, _) => share(case),
        }
    }

    fn price_at(&self, job: &Job<Mark>, _: Time) -> Option<Amount> {
        match self.rules.settle {
            Settle::First => {
                let prize = self.rules.prizes.get(job.mark.delivered.len())?;
                Some(job.spec.max_pay.times_down(*prize))
            }
            _ => None,
        }
    }
}

impl OpenRace {
    fn window_end(&self, job: &Job<Mark>) -> Time {
        job.opened_at + self.rules.window
    }

    /// Pays the prize of a place; the last one ends the race.
    fn award(&self, case: &mut Case<'_, Mark>, by: Party, place: usize) {
        let why = if place == 0 { Why::Price } else { Why::Uncle(place as u32) };
        let prize = case.spec().max_pay.times_down(self.rules.prizes[place]);
        case.pay(by, prize, why);
        if place + 1 == self.rules.prizes.len() {
            case.settle(Outcome::Proven);
        }
    }
}

/// Pays the winner; the race is over.
fn pay_and_settle(case: &mut Case<'_, Mark>, winner: Party, price: Amount) {
    case.pay(winner, price, Why::Price);
    case.settle(Outcome::Proven);
}

/// Pays equal parts, rounded down; the rest goes back to the requester.
fn share(case: &mut Case<'_, Mark>) {
    let winners = std::mem::take(&mut case.job.mark.delivered);
    let part = case.spec().max_pay.scaled_down(1, winners.len() as u128);
    for (party, _) in winners {
        case.pay(party, part, Why::Price);
    }
    case.settle(Outcome::Proven);
}

impl Mark {
    fn not_delivered(&self, party: Party) -> Ruling {
        let done = self.delivered.iter().any(|(by, _)| *by == party);
        if done { Err(Refusal::AlreadyDone) } else { Ok(()) }
    }

    fn take_bid(&mut self, party: Party) -> Option<Amount> {
        let at = self.bids.iter().position(|(by, _)| *by == party)?;
        Some(self.bids.remove(at).1)
    }

    /// Commitment to who delivered, in order.
    fn root(&self) -> B256 {
        let parties: Vec<u8> = self.delivered.iter().flat_map(|(party, _)| party.0.0).collect();
        keccak256(parties)
    }
}

#[cfg(test)]
mod tests;
