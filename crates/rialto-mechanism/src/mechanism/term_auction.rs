//! **Term auction** (Taiko's second prover market; M2e). One prover at a time has the right to all jobs, until
//! another undercuts it.
//!
//! *Rule.* A bid at large asks a fee for every job. It must be `undercut` below the active and the pending
//! term's fee (one's own need only not rise), or, when there is neither, at most `vacant` times the average
//! fee. It is pending until the next job opens, and active from then on. Who bids must have `bond` at stake for
//! each job it has, and one more. The term it replaces is retired, and remembered while it has jobs without
//! proof. With `retired` such terms, or without a term, a job is open to all for `permissionless` times the
//! average.
//!
//! *Pay.* The term's fee, out of escrow and upon the proof. The average moves by it, with a weight of one to
//! `memory` for each part of the job.
//!
//! *Failure.* After `window` anybody may prove: it is paid the fee, and of `slash`, which the term's holder
//! loses, the share `rescuer`; the rest is burned. A proof that comes from nobody before the deadline gives the
//! requester its money back.
//!
//! *Source.* Taiko's ProverMarket contract of 2026. Confidence A. There the fee is paid at once when a job
//! opens, the rescuer gets all of the slash and no fee; that is what the corrections change.
//!
//! *Attacks.* Prepaid, taking the fee and vanishing pays whenever the fee is above the slash: here it is in
//! escrow. With all of the slash for the rescuer a second address takes it back whole: here at most 60 % is
//! advised. After a vacancy one may come back at ten times the average: `vacant` is a parameter.

use crate::{
    About, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, Forfeit, Job, JobSpec,
    Mechanism, Message, Party, Position, Preset, Refusal, Risks, Ruling, Span, SplitGain,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rule with its parameters, the terms and the average fee.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TermAuction {
    rules: Rules,
    active: Option<Term>,
    pending: Option<Term>,
    average: Amount,
    /// Jobs without proof of each term, active or retired.
    unproven: BTreeMap<u64, u32>,
    terms: u64,
}

/// One prover's right to all jobs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Term {
    number: u64,
    prover: Party,
    fee: Amount,
}

/// Parameters of a [`TermAuction`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How far below another's fee a bid must be.
    pub undercut: Bps,
    /// The most that may be asked when nobody has a term, in terms of the average fee.
    pub vacant: Bps,
    /// The average fee at the beginning.
    pub first_average: Amount,
    /// How many parts of jobs the average remembers.
    pub memory: u32,
    /// What must be at stake for each job.
    pub bond: Amount,
    /// What a missed job costs.
    pub slash: Amount,
    /// The rescuer's share of that.
    pub rescuer: Bps,
    /// How long a job is its holder's alone.
    pub window: Span,
    /// How many retired terms with jobs left make new jobs open to all.
    pub retired: u32,
    /// What such a job pays, in terms of the average fee.
    pub permissionless: Bps,
    /// How long a stake stays after its owner wants it back.
    pub exit: Span,
}

/// The term that a job belongs to; none if it is open to all.
pub type Mark = Option<u64>;

const ABOUT: About = About {
    name: "term-auction",
    family: "M2e",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset {
            name: "corrected",
            rules: r#"
                undercut = 1000
                vacant = 100000
                first_average = 500
                memory = 1024
                bond = 10000
                slash = 5000
                rescuer = 6000
                window = "2 h"
                retired = 3
                permissionless = 20000
                exit = "4 h"
            "#,
        },
        Preset {
            name: "taiko",
            rules: r#"
                undercut = 1000
                vacant = 100000
                first_average = 500
                memory = 1024
                bond = 10000
                slash = 5000
                rescuer = 10000
                window = "2 h"
                retired = 3
                permissionless = 20000
                exit = "0 s"
            "#,
        },
    ],
    file: include_str!("term_auction.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::unless(self.undercut < Bps::ALL, "undercut", "must be below 10000")?;
        Contradiction::if_no_share(self.rescuer, "rescuer")?;
        Contradiction::unless(self.slash <= self.bond, "slash", "must be at most the bond")?;
        Contradiction::unless(self.memory > 0, "memory", "must be 1 or more")?;
        Contradiction::unless(self.retired > 0, "retired", "must be 1 or more")
    }
}

impl Mechanism for TermAuction {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        let (average, unproven) = (rules.first_average, BTreeMap::new());
        Self { rules, active: None, pending: None, average, unproven, terms: 0 }
    }

    fn join(&mut self, _: &mut Desk<Mark>, _: Party, position: &Position) -> Ruling {
        let wanted = self.rules.bond;
        position.backs(wanted)
    }

    fn leave(&mut self, _: &mut Desk<Mark>, party: Party) -> Span {
        self.pending = self.pending.filter(|term| term.prover != party);
        self.active = self.active.filter(|term| term.prover != party);
        self.rules.exit
    }

    fn hear_at_large(&mut self, desk: &mut Desk<Mark>, from: Party, said: &Message) -> Ruling {
        let Message::Bid { price: fee } = *said else { return Err(Refusal::NotUnderstood) };
        self.backed(desk, from)?;
        let limit = self.limit_for(from);
        if fee > limit {
            return Err(Refusal::PriceTooHigh { limit });
        }
        self.terms += 1;
        self.pending = Some(Term { number: self.terms, prover: from, fee });
        Ok(())
    }

    fn admits(&self, desk: &Desk<Mark>, spec: &JobSpec) -> Ruling {
        let earliest = desk.now() + self.rules.window;
        spec.due_from(earliest)?;
        let wanted = self.next_term(desk).map_or(self.open_pay(), |term| term.fee);
        if spec.max_pay < wanted { Err(Refusal::PayTooLow { wanted }) } else { Ok(()) }
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        let Some(term) = self.next_term(case.desk) else {
            case.allocate(Allocation::open(case.now(), self.open_pay()));
            return;
        };
        self.active = Some(term);
        self.pending = self.pending.filter(|pending| pending.number != term.number);
        *self.unproven.entry(term.number).or_default() += 1;
        self.learn(term.fee, case.spec().parts);
        case.job.mark = Some(term.number);
        let burned = Bps(Bps::ALL.0 - self.rules.rescuer.0);
        let until = case.now() + self.rules.window;
        let to_holder = Allocation::to(term.prover, term.fee, until)
            .at_risk(self.rules.slash, Risks::Stake)
            .forfeiting(Forfeit { burned, requester: Bps(0) })
            .then_open(term.fee);
        case.allocate(to_holder);
    }

    fn settled(&mut self, _: &mut Desk<Mark>, job: &Job<Mark>) {
        let Some(term) = job.mark else { return };
        let left = self.unproven.entry(term).or_default();
        *left -= 1;
        if *left == 0 {
            self.unproven.remove(&term);
        }
    }
}

impl TermAuction {
    /// The most that a party may bid.
    fn limit_for(&self, party: Party) -> Amount {
        let keep = Bps(Bps::ALL.0 - self.rules.undercut.0);
        let limits = [self.active, self.pending]
            .into_iter()
            .flatten()
            .map(|term| if term.prover == party { term.fee } else { term.fee.times_down(keep) });
        limits.min().unwrap_or_else(|| self.average.times_down(self.rules.vacant))
    }

    /// Whether enough is at stake for what a party has, and one job more.
    fn backed(&self, desk: &Desk<Mark>, party: Party) -> Ruling {
        let member = desk.member(party).ok_or(Refusal::NotAMember)?;
        if let Some(until) = member.leaving {
            return Err(Refusal::Leaving { until });
        }
        let wanted = self.rules.bond.scaled_down(u128::from(member.duties) + 1, 1);
        if desk.stake(party) < wanted { Err(Refusal::StakeTooSmall { wanted }) } else { Ok(()) }
    }

    /// The term that the next job belongs to: the pending one, else the active one, if its holder can
    /// still stand behind it and not too many terms have left jobs behind.
    fn next_term(&self, desk: &Desk<Mark>) -> Option<Term> {
        let active = self.active.map(|term| term.number);
        let retired = self.unproven.keys().filter(|number| Some(**number) != active).count();
        let calm = retired < self.rules.retired as usize;
        let terms = [self.pending, self.active].into_iter().flatten();
        terms.filter(|_| calm).find(|term| self.backed(desk, term.prover).is_ok())
    }

    /// What a job pays that is open to all.
    fn open_pay(&self) -> Amount {
        self.average.times_down(self.rules.permissionless)
    }

    /// `average ← (memory · average + fee · parts) / (memory + parts)`, rounded down.
    fn learn(&mut self, fee: Amount, parts: u32) {
        let (memory, parts) = (u128::from(self.rules.memory), u128::from(parts));
        let weighted = self.average.get() * memory + fee.get() * parts;
        self.average = Amount::new(weighted / (memory + parts));
    }
}

#[cfg(test)]
mod tests;
