//! **Builder votes** (Aztec's B52; M6a). Builders propose a block, provers vote with weights that a lottery gives them,
//! and the first proposal in the order of votes to be proven in time is the block.
//!
//! *Rule.* A job is a slot, its parts are the proofs of its block. The slot waits for a seed, which deals `tickets` out
//! to members by stake; several may be one's. Until `propose` after that anybody proposes by a bid, which it burns if
//! its proposal is the block, and members with tickets vote for one proposal each, which they may change; who proposes
//! has voted for itself. Then proposals stand in the order of their voters' tickets, of equal ones of their bids, then
//! of how many voters, then the earlier. For `accept` those who voted for a proposal prove its parts, each part for
//! whoever is first. When that time ends the highest proposal of which every part is proven is the block, and the next
//! `uncles` that are proven too are its uncles.
//!
//! *Pay.* Provers of the block share `provers` of what the slot pays, its builder has the rest; of each uncle provers
//! share `uncle` of it, taken from the builder's part. Shares are by parts proven, rounded down.
//!
//! *Failure.* None is punished. If no proposal is proven by then, or at the deadline, the slot is empty and everything
//! goes back.
//!
//! *Source.* Aztec's B52 proposal: votes weighted by a VRF, ranking by votes, burn and number of provers, an acceptance
//! window, uncles, shares by contributed work. Confidence B; its numbers are ours, as is that a builder keeps a fixed
//! part.
//!
//! *Attacks.* Uncles are proven for nothing but their share: the waste is the uncles'. Who votes is who proves, so
//! whoever has most tickets sells its votes together with its work. Of equal proposals the one with more names wins,
//! which many names of one owner are. A part is paid once, so one proof under two names gains nothing.

use crate::{
    About, Allocation, Amount, Beacon, Bps, Case, Confidence, Contradiction, Desk, Forfeit, JobId,
    JobSpec, Lots, Mechanism, Message, Outcome, Party, Position, Preset, Proof, Refusal, Ruling,
    Seed, Span, SplitGain, Why,
};
use rialto_protocol::draw::Weight;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The rule with its parameters and who can be dealt tickets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BuilderVotes {
    rules: Rules,
    lots: Lots,
}

/// Parameters of [`BuilderVotes`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How many tickets are dealt.
    pub tickets: u32,
    /// How long proposals and votes are taken.
    pub propose: Span,
    /// How long proofs are taken then.
    pub accept: Span,
    /// The part of a slot's pay that goes to the block's provers.
    pub provers: Bps,
    /// How many uncles are paid.
    pub uncles: u32,
    /// The part that goes to the provers of each.
    pub uncle: Bps,
    /// The least stake of a member.
    pub stake: Amount,
    /// After how long a stake comes back.
    pub exit: Span,
    /// How long randomness takes.
    pub beacon: Beacon,
}

/// What is remembered of a slot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// How many tickets each member was dealt.
    tickets: BTreeMap<Party, u32>,
    /// In the order in which they were made.
    proposals: Vec<Proposal>,
    /// Whose proposal each has voted for.
    votes: BTreeMap<Party, Party>,
}

/// A block that somebody proposes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Proposal {
    builder: Party,
    burns: Amount,
    /// Who has proven each part.
    proven: BTreeMap<u32, Party>,
}

const ABOUT: About = About {
    name: "builder-votes",
    family: "M6a",
    confidence: Confidence::Documents,
    split_gain: SplitGain::Gain,
    presets: &[Preset {
        name: "b52",
        rules: r#"
            # The proposal names no numbers; these are ours.
            tickets = 64
            propose = "5 min"
            accept = "30 min"
            provers = 6000
            uncles = 2
            uncle = 1000
            stake = 1000
            exit = "7 d"
            beacon = { lag = "12 s", patience = "1 min" }
        "#,
    }],
    file: include_str!("builder_votes.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let tickets = (1..=1_000).contains(&self.tickets);
        Contradiction::unless(tickets, "tickets", "must be from 1 to 1000")?;
        let timed = self.propose > Span::ZERO && self.accept > Span::ZERO;
        Contradiction::unless(timed, "propose", "and accept must be more than nothing")?;
        let paid = u64::from(self.provers.0) + u64::from(self.uncles) * u64::from(self.uncle.0);
        let whole = paid <= u64::from(Bps::ALL.0);
        Contradiction::unless(whole, "provers", "and all uncles must be 10000 together at most")?;
        Contradiction::if_zero(self.stake, "stake")
    }
}

impl Mechanism for BuilderVotes {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Slot;

    fn new(rules: Rules) -> Self {
        Self { rules, lots: Lots::default() }
    }

    fn join(&mut self, _: &mut Desk<Slot>, party: Party, position: &Position) -> Ruling {
        let wanted = self.rules.stake;
        position.backs(wanted)?;
        let weight = Weight::try_from(position.stake.get()).unwrap_or(Weight::MAX);
        self.lots.roll.set(party, weight);
        Ok(())
    }

    fn leave(&mut self, _: &mut Desk<Slot>, party: Party) -> Span {
        self.lots.roll.set(party, Weight::ZERO);
        self.rules.exit
    }

    fn admits(&self, desk: &Desk<Slot>, spec: &JobSpec) -> Ruling {
        let (beacon, rules) = (self.rules.beacon, &self.rules);
        let earliest =
            (desk.now() + beacon.lag + beacon.patience + rules.propose + rules.accept).next();
        spec.due_from(earliest)
    }

    fn open(&mut self, case: &mut Case<'_, Slot>) {
        self.lots.enter(case.desk, case.job.id, self.rules.beacon);
    }

    fn seeded(&mut self, desk: &mut Desk<Slot>, seed: &Seed) {
        desk.visit_all(self.lots.take(), |case| self.deal(case, seed));
        self.lots.finish(desk, self.rules.beacon);
    }

    fn seedless(&mut self, desk: &mut Desk<Slot>, _: u64, _: Option<JobId>) {
        self.lots.give_up(desk, self.rules.beacon);
    }

    fn hear(&mut self, case: &mut Case<'_, Slot>, from: Party, said: &Message) -> Ruling {
        case.still_collecting()?;
        match *said {
            Message::Bid { price } => Slot::propose(case, from, price),
            Message::Choose { party } => case.job.mark.vote(from, party),
            _ => Err(Refusal::NotUnderstood),
        }
    }

    fn deliver(&mut self, case: &mut Case<'_, Slot>, by: Party, proof: &Proof) -> Ruling {
        proof.verified()?;
        let max = case.spec().parts;
        case.job.allocation().ok_or(Refusal::NotAllocated)?;
        if !(1..=max).contains(&proof.part) {
            return Err(Refusal::WrongParts { min: 1, max });
        }
        let slot = &mut case.job.mark;
        let voted = slot.votes.get(&by).filter(|_| slot.tickets.contains_key(&by));
        let builder = *voted.ok_or(Refusal::NotAHolder)?;
        let mut proposals = slot.proposals.iter_mut();
        let proposal = proposals.find(|it| it.builder == builder).ok_or(Refusal::NotAHolder)?;
        if proposal.proven.contains_key(&proof.part) {
            return Err(Refusal::AlreadyDone);
        }
        proposal.proven.insert(proof.part, by);
        Ok(())
    }

    /// The time for proposals is over, or that for proofs.
    fn alarm(&mut self, case: &mut Case<'_, Slot>) {
        if case.still_collecting().is_err() {
            return self.decide(case);
        }
        case.allocate(Allocation::open(case.now(), Amount::ZERO));
        case.wake_at((case.now() + self.rules.accept).next());
    }
}

impl BuilderVotes {
    /// Deals the tickets, one after the other, each by stake.
    fn deal(&self, case: &mut Case<'_, Slot>, seed: &Seed) {
        if self.lots.roll.is_empty() {
            return case.settle(Outcome::Unproven);
        }
        for party in self.lots.roll.deal(seed, case.job.id, self.rules.tickets as usize) {
            *case.job.mark.tickets.entry(party).or_default() += 1;
        }
        case.wake_at((case.now() + self.rules.propose).next());
    }

    /// The highest proposal that is proven is the block.
    fn decide(&self, case: &mut Case<'_, Slot>) {
        let (most, parts) = (case.spec().max_pay, case.spec().parts as usize);
        let ranked = case.job.mark.ranked().into_iter();
        let mut proven = ranked.filter(|proposal| proposal.proven.len() == parts);
        let Some(block) = proven.next() else { return case.settle(Outcome::Unproven) };
        for (uncle, rank) in proven.take(self.rules.uncles as usize).zip(1..) {
            for (party, amount) in uncle.shares(most.times_down(self.rules.uncle)) {
                case.pay(party, amount, Why::Uncle(rank));
            }
        }
        let mut shares = block.shares(most.times_down(self.rules.provers));
        let rest = case.escrow() - shares.values().copied().sum();
        *shares.entry(block.builder).or_default() += rest;
        for (party, amount) in shares {
            case.pay(party, amount, Why::Price);
        }
        case.forfeit_bond(block.builder, Forfeit::default());
        case.settle(Outcome::Proven);
    }
}

impl Slot {
    /// The proposals from the first in order to the last.
    fn ranked(&self) -> Vec<Proposal> {
        let rank = |proposal: &Proposal| {
            let voters = self.votes.iter().filter(|(_, builder)| **builder == proposal.builder);
            let tickets: Vec<u32> =
                voters.filter_map(|(voter, _)| self.tickets.get(voter).copied()).collect();
            Reverse((tickets.iter().sum::<u32>(), proposal.burns, tickets.len()))
        };
        let mut ranked = self.proposals.clone();
        // Sorting keeps the order among equals.
        ranked.sort_by_key(rank);
        ranked
    }

    /// Whoever proposes puts up what it will burn, and has voted for itself; that counts if it is dealt tickets.
    fn propose(case: &mut Case<'_, Self>, builder: Party, burns: Amount) -> Ruling {
        if case.job.mark.proposals.iter().any(|proposal| proposal.builder == builder) {
            return Err(Refusal::AlreadyDone);
        }
        case.post_bond(builder, burns)?;
        let slot = &mut case.job.mark;
        slot.proposals.push(Proposal { builder, burns, proven: BTreeMap::new() });
        slot.votes.entry(builder).or_insert(builder);
        Ok(())
    }

    fn vote(&mut self, voter: Party, builder: Party) -> Ruling {
        if !self.tickets.contains_key(&voter) {
            return Err(Refusal::NotAHolder);
        }
        if !self.proposals.iter().any(|proposal| proposal.builder == builder) {
            return Err(Refusal::NoBid);
        }
        self.votes.insert(voter, builder);
        Ok(())
    }
}

impl Proposal {
    /// What each of its provers has of an amount, by parts, rounded down.
    fn shares(&self, amount: Amount) -> BTreeMap<Party, Amount> {
        let mut parts: BTreeMap<Party, u128> = BTreeMap::new();
        for by in self.proven.values() {
            *parts.entry(*by).or_default() += 1;
        }
        let all = self.proven.len() as u128;
        parts.into_iter().map(|(party, own)| (party, amount.scaled_down(own, all))).collect()
    }
}

#[cfg(test)]
mod tests;
