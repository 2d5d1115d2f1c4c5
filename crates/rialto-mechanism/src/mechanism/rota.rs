//! **Rota with buffer and rescue** (Starknet's decentralisation posts; M3). Provers take turns on a chain of proofs,
//! in an order drawn by stake; when the chain trails too far behind, its next link is open to all.
//!
//! *Rule.* Jobs are links of one chain and are proven in the order of their numbers: only the first unproven one can be
//! delivered. An epoch begins with the first job after the last epoch's end: the members as they stand then are put in an order
//! drawn by stake, with a seed that comes later, and take turns in it for `epoch`. Whoever's turn it is has the
//! link alone for `window`. At `buffer` unproven links the first is open to all at once.
//!
//! *Pay.* The turn-holder's ask, at most what the requester pays. An open link pays what its last holder
//! asked, or what the next one asks; the most only when nobody has a turn.
//!
//! *Failure.* Whoever misses its window loses `slash` of its stake, which is burned, and its turns until the next order
//! is drawn; the next in turn has the link, for no more than the one before. Without a seed the old order goes on.
//!
//! *Source.* Starknet's posts on decentralised protocols, which discuss stake-based turns, braided proofs and the
//! buffer, and settle on none; the rule is made whole here. Confidence B.
//!
//! *Attacks.* The order is known for an epoch, so the next holder can be attacked. Price is not competed for within a
//! turn. A link that paid more once it is late would make stalling the chain a business; so it never does. The
//! chain keeps up only while turns that are kept, and rescues, outpace new links.

use crate::{
    About, Allocation, Amount, Beacon, Case, Confidence, Contradiction, Desk, Duty, Forfeit, Job,
    JobId, Mechanism, Party, Position, Preset, Refusal, Risks, Roll, Ruling, Seed, Span, SplitGain,
    Time,
};
use rialto_protocol::draw::Weight;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

/// The rule with its parameters, whose turn it is, and the chain's unproven links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rota {
    rules: Rules,
    roll: Roll,
    /// The next one first.
    turns: VecDeque<Party>,
    /// The last instant of the order that was drawn last.
    epoch_end: Option<Time>,
    unproven: BTreeSet<JobId>,
}

/// Parameters of a [`Rota`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How long an order of turns lasts.
    pub epoch: Span,
    /// How long its randomness takes.
    pub beacon: Beacon,
    /// How long a link is its holder's alone.
    pub window: Span,
    /// At how many unproven links the first is open to all.
    pub buffer: u32,
    /// The least stake of a member.
    pub stake: Amount,
    /// What a missed window costs.
    pub slash: Amount,
    /// After how long a stake comes back.
    pub exit: Span,
}

/// What is remembered of a link: what it costs at most, once somebody has had it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Link(Option<Amount>);

const ABOUT: About = About {
    name: "rota",
    family: "M3",
    confidence: Confidence::Documents,
    split_gain: SplitGain::Neutral,
    presets: &[Preset {
        name: "braid",
        rules: r#"
            # The posts name no numbers; these are ours.
            epoch = "1 h"
            beacon = { lag = "12 s", patience = "1 min" }
            window = "5 min"
            buffer = 8
            stake = 1000
            slash = 100
            exit = "2 h"
        "#,
    }],
    file: include_str!("rota.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::if_zero(self.epoch, "epoch")?;
        Contradiction::if_zero(self.window, "window")?;
        Contradiction::unless(self.buffer > 0, "buffer", "must be one or more")?;
        Contradiction::if_zero(self.stake, "stake")?;
        Contradiction::unless(self.slash <= self.stake, "slash", "may be at most the stake")
    }
}

impl Mechanism for Rota {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Link;

    fn new(rules: Rules) -> Self {
        let (roll, turns, unproven) = (Roll::default(), VecDeque::new(), BTreeSet::new());
        Self { rules, roll, turns, epoch_end: None, unproven }
    }

    fn join(&mut self, _: &mut Desk<Link>, party: Party, position: &Position) -> Ruling {
        let wanted = self.rules.stake;
        if position.stake < wanted {
            return Err(Refusal::StakeTooSmall { wanted });
        }
        self.roll.set(party, weight(position.stake));
        Ok(())
    }

    fn leave(&mut self, _: &mut Desk<Link>, party: Party) -> Span {
        self.roll.set(party, Weight::ZERO);
        self.turns.retain(|other| *other != party);
        self.rules.exit
    }

    fn open(&mut self, case: &mut Case<'_, Link>) {
        self.unproven.insert(case.job.id);
        self.begin_epoch(case.desk);
        match self.unproven.first() == Some(&case.job.id) {
            true => self.assign(case),
            false => self.serve(case.desk),
        }
    }

    fn lapsed(&mut self, case: &mut Case<'_, Link>) {
        let holders = case.job.holders().iter().filter(|holder| holder.duty == Duty::Failed);
        let failed: Vec<Party> = holders.map(|holder| holder.party).collect();
        self.turns.retain(|party| !failed.contains(party));
        case.reopen();
        for party in failed {
            let stays = case.desk.member(party).is_some_and(|member| member.leaving.is_none());
            let stake = if stays { case.desk.stake(party) } else { Amount::ZERO };
            self.roll.set(party, weight(stake));
        }
        self.assign(case);
    }

    fn seeded(&mut self, desk: &mut Desk<Link>, seed: &Seed) {
        let drawn = self.roll.draw(seed, JobId::default(), self.roll.len());
        let stays = |party: &Party| desk.member(*party).is_some_and(|it| it.leaving.is_none());
        self.turns = drawn.into_iter().filter(stays).collect();
        self.end_round(desk);
    }

    fn seedless(&mut self, desk: &mut Desk<Link>, _: u64, _: Option<JobId>) {
        self.end_round(desk);
    }

    fn settled(&mut self, desk: &mut Desk<Link>, job: &Job<Link>) {
        self.unproven.remove(&job.id);
        self.serve(desk);
    }
}

impl Rota {
    fn begin_epoch(&mut self, desk: &mut Desk<Link>) {
        let over = self.epoch_end.is_none_or(|end| end < desk.now());
        if over && !self.roll.is_frozen() && !self.roll.is_empty() {
            let Beacon { lag, patience } = self.rules.beacon;
            desk.freeze(self.roll.freeze(), None, lag, patience);
        }
    }

    fn end_round(&mut self, desk: &mut Desk<Link>) {
        self.roll.thaw();
        self.epoch_end = Some(desk.now() + self.rules.epoch);
        self.serve(desk);
    }

    /// Sees to the first link.
    fn serve(&mut self, desk: &mut Desk<Link>) {
        if let Some(first) = self.unproven.first().copied() {
            desk.visit(first, |case| self.assign(case));
        }
    }

    /// Gives the first link to whoever's turn it is, or to all if the chain trails too far behind.
    fn assign(&mut self, case: &mut Case<'_, Link>) {
        let (now, trails) = (case.now(), self.unproven.len() >= self.rules.buffer as usize);
        let most = case.job.mark.0.unwrap_or(case.spec().max_pay);
        match case.job.allocation() {
            Some(allocation) if allocation.open_at.is_some() || !trails => return,
            Some(_) => return case.allocate(Allocation::open(now, most)),
            None => {}
        }
        let Some(party) = self.turns.pop_front() else {
            if self.roll.is_frozen() && !trails {
                // The order is being drawn.
                return;
            }
            return case.allocate(Allocation::open(now, most));
        };
        self.turns.push_back(party);
        let ask = case.desk.member(party).map_or(most, |member| member.position.price.min(most));
        case.job.mark.0 = Some(ask);
        if trails {
            return case.allocate(Allocation::open(now, ask));
        }
        let until = (now + self.rules.window).min(case.spec().deadline);
        let to_holder = Allocation::to(party, ask, until)
            .at_risk(self.rules.slash, Risks::Stake)
            .forfeiting(Forfeit::default());
        case.allocate(to_holder);
    }
}

/// One ticket for each unit of stake.
fn weight(stake: Amount) -> Weight {
    Weight::try_from(stake.get()).unwrap_or(Weight::MAX)
}

#[cfg(test)]
mod tests;
