//! **Gevulot** (version 0; M11). Several provers drawn for each job, paid by the order in which they arrive.
//!
//! *Rule.* A member qualifies by a timed workload: measured at most `workload` milliseconds. Jobs wait for a
//! seed, which draws `provers` qualified members by capacity, none twice. They have as long as the requester
//! pays for: the job's cycles, each a `cycle` long. Who declines opens its slot to any qualified member; the
//! number that is paid stays.
//!
//! *Pay.* Each paid prover gets `fee` for every cycle up to the fastest answer, begun cycles whole. The network
//! adds `reward` out of its pool, divided by rank as `tiers` say. Slots that nobody filled are not charged (our
//! reading).
//!
//! *Failure.* Who neither delivers nor declines is out of the active set until it is measured again. If nobody
//! delivers, the fees are burned. Without a seed or without qualified members the requester has everything
//! back.
//!
//! *Others.* Cysic, of which little is told (M12g), draws several provers for a task by VRF too and pays them out of a pool of
//! rewards; that a committee votes by stake on proofs is the verifier's verdict here.
//!
//! *Source.* Gevulot's documents on provers. Confidence B. The tiers were never published: ours are a
//! placeholder. Proofs are encrypted until all are in, which is not modelled but that a prover is bound in its
//! proof.
//!
//! *Attacks.* Many nearly idle identities on one machine, of which one job can draw several (capacity and
//! workload answer in part). Declining when
//! it is congested. Waiting to be first (the fastest sets what all are paid). One miss in f^k jobs only if
//! faults are independent.

use crate::{
    About, Account, ActiveSet, Allocation, Amount, Beacon, Bps, Case, Confidence, Contradiction,
    Desk, Duty, Holder, Job, JobId, JobSpec, Mechanism, Message, Outcome, Party, Position, Preset,
    Proof, Refusal, Ruling, Seed, Span, SplitGain, Time,
};
use serde::{Deserialize, Serialize};

/// The rule with its parameters and the active set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gevulot {
    rules: Rules,
    active: ActiveSet,
}

/// Parameters of a [`Gevulot`] run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How many provers a job is paid for.
    pub provers: u32,
    /// How long a cycle is.
    pub cycle: Span,
    /// What each prover is paid for a cycle.
    pub fee: Amount,
    /// What the network adds to a job.
    pub reward: Amount,
    /// How it is divided by rank.
    pub tiers: Vec<Bps>,
    /// The least stake for a unit of capacity.
    pub stake_for_capacity: Amount,
    /// The longest that the timed workload may take, in milliseconds.
    pub workload: u32,
    /// How long a stake stays after its owner wants it back.
    pub exit: Span,
    /// How long randomness takes.
    pub beacon: Beacon,
}

/// What is remembered of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    drawn_at: Option<Time>,
    /// Cycles until the fastest answer.
    charged: Option<u64>,
    /// Who has delivered, in order.
    delivered: Vec<Party>,
    /// Who has declined.
    declined: Vec<Party>,
    /// Slots that are anybody's.
    open: u32,
}

macro_rules! preset {
    ($cycle:literal, $tiers:literal) => {
        concat!(
            "tiers = ",
            $tiers,
            "\ncycle = ",
            $cycle,
            "\nbeacon = { patience = \"1 min\", lag = ",
            $cycle,
            " }",
            r#"
            provers = 3
            fee = 1
            reward = 100
            stake_for_capacity = 100
            workload = 60000
            exit = "7 d"
            "#
        )
    };
}
const ABOUT: About = About {
    name: "gevulot",
    family: "M11",
    confidence: Confidence::Documents,
    split_gain: SplitGain::Gain,
    presets: &[
        Preset { name: "version-0", rules: preset!(r#""6 s""#, "[6000, 2500, 1500]") },
        // What is told of it has no numbers: these are placeholders.
        Preset { name: "cysic", rules: preset!(r#""12 s""#, "[3333, 3333, 3333]") },
    ],
    file: include_str!("gevulot.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let provers = (1..=64).contains(&self.provers);
        Contradiction::unless(provers, "provers", "must be from 1 to 64")?;
        Contradiction::if_zero(self.cycle, "cycle")?;
        let sum: u64 = self.tiers.iter().map(|tier| u64::from(tier.0)).sum();
        Contradiction::unless(sum <= 10_000, "tiers", "must be 10000 together at most")
    }
}

impl Mechanism for Gevulot {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { rules, active: ActiveSet::default() }
    }

    fn join(&mut self, _: &mut Desk<Mark>, _: Party, position: &Position) -> Ruling {
        position.backs_capacity(self.rules.stake_for_capacity)
    }

    fn seated(&mut self, desk: &mut Desk<Mark>, party: Party) {
        self.active.reweigh(desk, party);
    }

    fn leave(&mut self, desk: &mut Desk<Mark>, party: Party) -> Span {
        self.active.remove(desk, party);
        self.rules.exit
    }

    fn measured(&mut self, desk: &mut Desk<Mark>, party: Party, score: u32) -> Ruling {
        self.active.measured(desk, party, score <= self.rules.workload)
    }

    fn admits(&self, desk: &Desk<Mark>, spec: &JobSpec) -> Ruling {
        let beacon = self.rules.beacon;
        let longest = self.rules.cycle.times(spec.cycles.0);
        let earliest = (desk.now() + beacon.lag + beacon.patience + longest).next();
        spec.due_from(earliest)?;
        let wanted = self.for_all(self.fee_for(spec.cycles.0));
        if spec.max_pay < wanted { Err(Refusal::PayTooLow { wanted }) } else { Ok(()) }
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        self.active.lots.enter(case.desk, case.job.id, self.rules.beacon);
    }

    fn seeded(&mut self, desk: &mut Desk<Mark>, seed: &Seed) {
        desk.visit_all(self.active.lots.take(), |case| self.decide(case, seed));
        self.active.lots.finish(desk, self.rules.beacon);
    }

    fn seedless(&mut self, desk: &mut Desk<Mark>, _: u64, _: Option<JobId>) {
        self.active.lots.give_up(desk, self.rules.beacon);
    }

    fn hear(&mut self, case: &mut Case<'_, Mark>, from: Party, said: &Message) -> Ruling {
        let Message::Decline = said else { return Err(Refusal::NotUnderstood) };
        case.fail(from)?;
        case.job.mark.declined.push(from);
        case.job.mark.open += 1;
        Ok(())
    }

    fn deliver(&mut self, case: &mut Case<'_, Mark>, by: Party, proof: &Proof) -> Ruling {
        proof.verified()?;
        let until = case.job.allocation().ok_or(Refusal::NotAllocated)?.until;
        let mark = &case.job.mark;
        let held = case.job.holders().iter().find(|holder| holder.party == by);
        match held.map(|holder| holder.duty) {
            _ if mark.delivered.contains(&by) => return Err(Refusal::AlreadyDone),
            Some(Duty::Owes) => {}
            _ if !self.active.contains(by) => return Err(Refusal::NotAMember),
            _ if mark.open == 0 => return Err(Refusal::Reserved { until }),
            _ => case.job.mark.open -= 1,
        }
        self.reward(case, by);
        if case.job.mark.delivered.len() == self.rules.provers as usize {
            case.settle(Outcome::Proven);
        }
        Ok(())
    }

    fn lapsed(&mut self, case: &mut Case<'_, Mark>) {
        let none = case.job.mark.delivered.is_empty();
        case.settle(if none { Outcome::Unproven } else { Outcome::Proven });
    }

    fn settled(&mut self, desk: &mut Desk<Mark>, job: &Job<Mark>) {
        let failed = job.holders().iter().filter(|holder| holder.duty == Duty::Failed);
        for holder in failed.filter(|holder| !job.mark.declined.contains(&holder.party)) {
            self.active.remove(desk, holder.party);
        }
    }
}

impl Gevulot {
    fn fee_for(&self, cycles: u64) -> Amount {
        self.rules.fee.scaled_down(cycles.into(), 1)
    }

    fn for_all(&self, fee: Amount) -> Amount {
        fee.scaled_down(self.rules.provers.into(), 1)
    }

    fn decide(&mut self, case: &mut Case<'_, Mark>, seed: &Seed) {
        let drawn = self.active.lots.roll.draw(seed, case.job.id, self.rules.provers as usize);
        if drawn.is_empty() {
            return case.settle(Outcome::Unproven);
        }
        let (cycles, now) = (case.spec().cycles.0, case.now());
        let fee = self.fee_for(cycles);
        case.job.mark.drawn_at = Some(now);
        // Where fewer can be drawn than are paid, the rest is anybody's.
        case.job.mark.open = self.rules.provers - drawn.len() as u32;
        case.allocate(Allocation {
            holders: drawn.into_iter().map(|party| Holder::new(party, fee)).collect(),
            until: now + self.rules.cycle.times(cycles),
            burns_escrow: true,
            ..Allocation::default()
        });
    }

    /// Pays for the cycles up to the fastest answer, and what the network adds.
    fn reward(&self, case: &mut Case<'_, Mark>, by: Party) {
        let spent = case.now().since(case.job.mark.drawn_at.unwrap_or_default());
        let begun =
            spent.get().div_ceil(self.rules.cycle.get()).clamp(1, case.spec().cycles.0.max(1));
        let charged = *case.job.mark.charged.get_or_insert(begun);
        let rank = case.job.mark.delivered.len();
        case.job.mark.delivered.push(by);
        case.fulfil(by, self.fee_for(charged).min(case.escrow()));
        let tier = self.rules.tiers.get(rank).copied().unwrap_or_default();
        let pool = case.desk.ledger().balance(Account::Pool);
        let bonus = self.rules.reward.times_down(tier).min(pool);
        let paid = case.desk.transfer(Account::Pool, Account::Hand(by), bonus);
        paid.expect("the pool holds what was just looked up");
    }
}

#[cfg(test)]
mod tests;
