//! **Allowlist with fallback** (Taiko since 2025; M2f). Listed provers bid for all jobs; the lowest bid has them, the
//! second lowest stands by, and after days anybody may prove.
//!
//! *Rule.* Whoever is measured as one or more is listed, as zero it is struck off. At most `bids` listed members have a
//! standing bid each; who bids against a full list must be below its highest, which goes. Who leads and who is second
//! is counted from the epoch after the next on: what changes in one `epoch` takes effect two later, but at once while
//! nobody leads. The leader has each job alone for `window`, then the second too, and after `fallback` anybody may
//! prove.
//!
//! *Pay.* The leader's own bid; whoever proves in its place has that too, and the second its own if what the leader
//! loses makes up for it. Without a leader a job waits for the fallback, which then pays all that the requester does.
//!
//! *Failure.* A leader that is late loses `bond` of its stake: half to whoever proves, half burned. With the list that
//! is nothing.
//!
//! *Source.* Taiko's inbox and prover list for list, windows, fallback and the bond's halves; a change proposed to its
//! proposers' side in 2026 for standing bids, the backup and the two epochs. Confidence A for those numbers; that one
//! mechanism has both, and what a rescue pays, is ours.
//!
//! *Attacks.* Whoever keeps the list decides who earns, and a cartel of those on it the price. When all of them fail, a
//! job waits for days. If the second had its own, higher, bid for nothing lost, an owner of both would be late on
//! purpose.

use crate::{
    About, Allocation, Amount, Backup, Bps, Case, Confidence, Contradiction, Desk, Forfeit,
    JobSpec, Mechanism, Message, Party, Position, Preset, Refusal, Risks, Ruling, Span, SplitGain,
    Time,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The rule with its parameters, who is listed, who bids, and who leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allowlist {
    rules: Rules,
    listed: BTreeSet<Party>,
    /// The lowest first, of equal ones the earlier.
    bids: Vec<(Party, Amount)>,
    /// The two lowest from an epoch on, the latest last: what is in force and what will be.
    leads: Vec<(u64, Vec<(Party, Amount)>)>,
}

/// Parameters of an [`Allowlist`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The most standing bids.
    pub bids: u32,
    /// How long an epoch is; its number is how many have passed since time's origin.
    pub epoch: Span,
    /// How long a job is its leader's alone.
    pub window: Span,
    /// After how long anybody may prove it.
    pub fallback: Span,
    /// What a late job costs its leader, and the least stake of a member.
    pub bond: Amount,
    /// After how long a stake comes back.
    pub exit: Span,
}

const ABOUT: About = About {
    name: "allowlist",
    family: "M2f",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset {
            name: "taiko",
            rules: r#"
                # Epochs are Ethereum's.
                bids = 16
                epoch = "384 s"
                window = "4 h"
                fallback = "5 d"
                bond = 0
                exit = "7 d"
            "#,
        },
        Preset {
            name: "bonded",
            rules: r#"
                # With a bond, which is ours.
                bids = 16
                epoch = "384 s"
                window = "4 h"
                fallback = "5 d"
                bond = 1000
                exit = "7 d"
            "#,
        },
    ],
    file: include_str!("allowlist.rs"),
};

/// Half of a lost bond is the rescuer's.
const HALF: Forfeit = Forfeit { burned: Bps(5_000), requester: Bps(0) };
/// In how many epochs a change takes effect.
const DELAY: u64 = 2;

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let bids = (2..=1_000).contains(&self.bids);
        Contradiction::unless(bids, "bids", "must be from 2 to 1000")?;
        Contradiction::if_zero(self.epoch, "epoch")?;
        Contradiction::if_zero(self.window, "window")?;
        let later = self.window < self.fallback;
        Contradiction::unless(later, "fallback", "must be more than the window")
    }
}

impl Mechanism for Allowlist {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = ();

    fn new(rules: Rules) -> Self {
        Self { rules, listed: BTreeSet::new(), bids: Vec::new(), leads: Vec::new() }
    }

    fn measured(&mut self, desk: &mut Desk<()>, party: Party, score: u32) -> Ruling {
        if score > 0 {
            self.listed.insert(party);
        } else {
            self.listed.remove(&party);
            self.drop_bid(desk.now(), party);
        }
        Ok(())
    }

    fn join(&mut self, _: &mut Desk<()>, _: Party, position: &Position) -> Ruling {
        let wanted = self.rules.bond;
        position.backs(wanted)
    }

    fn leave(&mut self, desk: &mut Desk<()>, party: Party) -> Span {
        self.drop_bid(desk.now(), party);
        self.rules.exit
    }

    fn hear_at_large(&mut self, desk: &mut Desk<()>, from: Party, said: &Message) -> Ruling {
        let Message::Bid { price } = *said else { return Err(Refusal::NotUnderstood) };
        let member = desk.member(from).filter(|_| self.listed.contains(&from));
        if let Some(until) = member.ok_or(Refusal::NotAMember)?.leaving {
            return Err(Refusal::Leaving { until });
        }
        let wanted = self.rules.bond;
        if desk.stake(from) < wanted {
            return Err(Refusal::StakeTooSmall { wanted });
        }
        let others = self.bids.iter().filter(|(party, _)| *party != from);
        if others.count() >= self.rules.bids as usize
            && let Some((_, highest)) = self.bids.last()
            && price >= *highest
        {
            return Err(Refusal::PriceTooHigh { limit: *highest - Amount::from(1).min(*highest) });
        }
        self.bids.retain(|(party, _)| *party != from);
        self.bids.truncate(self.rules.bids as usize - 1);
        let place = self.bids.partition_point(|(_, standing)| *standing <= price);
        self.bids.insert(place, (from, price));
        self.schedule(desk.now());
        Ok(())
    }

    fn admits(&self, desk: &Desk<()>, spec: &JobSpec) -> Ruling {
        let earliest = desk.now() + self.rules.window;
        spec.due_from(earliest)?;
        match self.leads_at(desk, desk.now()).first() {
            Some((_, bid)) if spec.max_pay < *bid => Err(Refusal::PayTooLow { wanted: *bid }),
            _ => Ok(()),
        }
    }

    fn open(&mut self, case: &mut Case<'_, ()>) {
        let (now, most) = (case.now(), case.spec().max_pay);
        let leads = self.leads_at(case.desk, now);
        let Some((leader, bid)) = leads.first().copied() else {
            return case.allocate(Allocation::open(now + self.rules.fallback, most));
        };
        let at_risk = self.rules.bond.min(case.desk.stake(leader));
        let mut to_leader = Allocation::to(leader, bid, now + self.rules.window)
            .at_risk(at_risk, Risks::Stake)
            .forfeiting(HALF);
        // What the leader loses beyond the rescuer's half is all that a dearer second may have more.
        let lost = at_risk - HALF.split_down(at_risk).rescuer;
        let from = to_leader.until.next();
        let backup = |(party, own): &(Party, Amount)| {
            let price = (*own).min(bid.saturating_add(lost)).min(most);
            Backup { party: *party, from, price }
        };
        to_leader.backups = leads.get(1).map(backup).into_iter().collect();
        to_leader.open_at = Some(now + self.rules.fallback);
        to_leader.rescue_pay = bid;
        case.allocate(to_leader);
    }
}

impl Allowlist {
    fn drop_bid(&mut self, now: Time, party: Party) {
        self.bids.retain(|(by, _)| *by != party);
        self.schedule(now);
    }

    fn epoch(&self, at: Time) -> u64 {
        at.0 / self.rules.epoch.get()
    }

    /// Who is ahead now leads in two epochs, unless that changes by the end of this one; at once where nobody leads.
    fn schedule(&mut self, now: Time) {
        let current = self.epoch(now);
        let in_force = self.leads.iter().rfind(|(from, _)| *from <= current);
        let is_led = in_force.is_some_and(|(_, leads)| !leads.is_empty());
        let takes_effect = if is_led { current + DELAY } else { current };
        let in_force = self.leads.iter().rposition(|(from, _)| *from <= current).unwrap_or(0);
        self.leads.drain(..in_force);
        self.leads.retain(|(from, _)| *from < takes_effect);
        self.leads.push((takes_effect, self.bids.iter().take(2).copied().collect()));
    }

    /// The leader and the second at an instant, but for those who are not members any more or not on the list.
    fn leads_at(&self, desk: &Desk<()>, at: Time) -> Vec<(Party, Amount)> {
        let current = self.epoch(at);
        let in_force = self.leads.iter().rfind(|(from, _)| *from <= current);
        let stays = |(party, _): &&(Party, Amount)| {
            let stays = desk.member(*party).is_some_and(|member| member.leaving.is_none());
            stays && self.listed.contains(party)
        };
        in_force.map(|(_, leads)| leads.iter().filter(stays).copied().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
