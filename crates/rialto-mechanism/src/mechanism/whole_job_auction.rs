//! **Double auction of whole jobs** (whole-job-auction-reconstruction; M12d, DARA-like). Jobs of many units that
//! are bought whole or not at all, from several provers if need be.
//!
//! *Rule.* A job is a bid of the most that its requester pays for as many units as it has parts; a prover's position is
//! its price for a unit and how many units it does at once. At a round's end jobs are put in order by falling bid for
//! a unit and units by rising price; of equal ones the earlier comes first. As many jobs as can pay the price of
//! their last unit lead to the marginal prover, who owns the last of those units and sells nothing. Of these jobs all but the
//! last can win, as long as those before the marginal prover have units.
//!
//! *Pay.* Every unit is paid the marginal prover's price. A winner pays for each of its units what the first job that
//! did not win bid for one, rounded down for the job. What lies between is burned with the last proof.
//!
//! *Who works.* Units are taken from the winning provers in the order in which they joined, beginning one further in every
//! round, and never in the order of their prices.
//!
//! *Failure.* A job is proven when all its provers have delivered their units. Whoever misses its window loses the
//! `collateral` of its units to the requester, and the job is over; who delivered is paid. It may be
//! offered again in the next round.
//!
//! *Source.* eprint 2024/1750 claims such an auction to be truthful, individually rational and weakly budget balanced. Its
//! rules could be had in part only; this one is ours and has the claimed properties. Confidence R: not that paper's
//! algorithm. Bids are public in a log; that they are sealed until the round ends is up to whoever writes it.
//!
//! *Attacks.* Filling the cheapest prover first makes it pay to bid below cost: one works more, at a price that others set.
//! The order in which provers are filled here knows no bids. That sizes are true is not claimed.

use crate::batch::{Batch, Offer, PRESETS, Rules, deliver_burning, sorted};
use crate::{
    About, Allocation, Amount, Case, Confidence, Desk, Duty, Forfeit, Holder, Job, JobId, JobSpec,
    Mechanism, Outcome, Party, Position, Proof, Risks, Ruling, Span, SplitGain,
};
use serde::{Deserialize, Serialize};

/// The rule with its parameters, and the round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WholeJobAuction {
    batch: Batch,
    /// Rounds so far, by which the order of sellers turns.
    rounds: u64,
}

/// Who works on a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Who has sold how many units.
    units: Vec<(Party, u32)>,
    /// What its requester pays beyond what provers get.
    burned: Amount,
}

/// A job that is wanted whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Its units; one or more.
    pub units: u32,
    /// What all of them are worth.
    pub value: Amount,
}

/// What a round comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clearing {
    /// Places of the jobs that win with what each pays, the highest bid first.
    pub winners: Vec<(usize, Amount)>,
    /// What each unit is paid.
    pub sellers_get: Amount,
    /// Places of the provers who can be given units, in the order of the offers.
    pub sellers: Vec<usize>,
}

const ABOUT: About = About {
    name: "whole-job-auction-reconstruction",
    family: "M12d",
    confidence: Confidence::Reconstruction,
    split_gain: SplitGain::Gain,
    presets: PRESETS,
    file: include_str!("whole_job_auction.rs"),
};

/// All of a missed unit's collateral is the requester's.
const MISSED: Forfeit = Forfeit { burned: crate::Bps(0), requester: crate::Bps::ALL };

impl Mechanism for WholeJobAuction {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { batch: Batch::new(rules), rounds: 0 }
    }

    fn join(&mut self, desk: &mut Desk<Mark>, party: Party, position: &Position) -> Ruling {
        self.batch.seat(desk, party, position)
    }

    fn seated(&mut self, _: &mut Desk<Mark>, party: Party) {
        self.batch.seated(party);
    }

    fn leave(&mut self, _: &mut Desk<Mark>, _: Party) -> Span {
        self.batch.terms.exit
    }

    fn admits(&self, desk: &Desk<Mark>, spec: &JobSpec) -> Ruling {
        self.batch.admit(desk, spec)
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        self.batch.enter(case.desk, case.job.id);
    }

    fn woken(&mut self, desk: &mut Desk<Mark>) {
        let jobs = self.batch.take(desk);
        let want = |id: &JobId| {
            let spec = &desk.job(*id)?.spec;
            Some(Want { units: spec.parts, value: spec.max_pay })
        };
        let wants: Vec<Want> = jobs.iter().filter_map(want).collect();
        let offers = self.batch.offers(desk);
        if let Some(cleared) = clear(&wants, &offers) {
            let filled = fill(&wants, &offers, &cleared, self.rounds);
            for ((winner, pays), units) in cleared.winners.iter().zip(filled) {
                let units = units.iter().map(|(place, units)| (offers[*place].party, *units));
                let mark = Mark { units: units.collect(), burned: *pays };
                desk.visit(jobs[*winner], |case| self.award(case, mark, cleared.sellers_get));
            }
            self.rounds += 1;
        }
        self.batch.keep(desk, jobs);
    }

    fn deliver(&mut self, case: &mut Case<'_, Mark>, by: Party, proof: &Proof) -> Ruling {
        let done = |holder: &Holder| holder.party == by || holder.duty == Duty::Delivered;
        let whole = case.job.holders().iter().all(done);
        let burned = if whole { case.job.mark.burned } else { Amount::ZERO };
        deliver_burning(case, by, proof, burned)
    }

    fn lapsed(&mut self, case: &mut Case<'_, Mark>) {
        case.settle(Outcome::Unproven);
    }

    fn settled(&mut self, _: &mut Desk<Mark>, job: &Job<Mark>) {
        job.mark.units.iter().for_each(|(party, units)| self.batch.freed(*party, *units));
    }
}

impl WholeJobAuction {
    /// Gives a job to those in `mark`, whose `burned` is still all that the requester pays.
    fn award(&mut self, case: &mut Case<'_, Mark>, mut mark: Mark, price: Amount) {
        let holder = |(party, units): &(Party, u32)| Holder {
            at_risk: self.batch.terms.collateral.scaled_down((*units).into(), 1),
            risks: Risks::Stake,
            ..Holder::new(*party, price.scaled_down((*units).into(), 1))
        };
        let holders: Vec<Holder> = mark.units.iter().map(holder).collect();
        mark.burned -= holders.iter().map(|holder| holder.price).sum();
        mark.units.iter().for_each(|(party, units)| self.batch.sold(*party, *units));
        let until = self.batch.window_end(case);
        case.job.mark = mark;
        let together = Allocation { holders, until, needs_all: true, ..Allocation::default() };
        case.allocate(together.forfeiting(MISSED));
    }
}

/// Who trades and at which prices; nothing if nobody does. `wants` and `offers` come in the order that
/// decides among equal ones.
pub fn clear(wants: &[Want], offers: &[Offer]) -> Option<Clearing> {
    // Exact: a bid for a unit is a fraction, and two are compared by what both jobs' units would cost.
    let mut buyers: Vec<usize> = (0..wants.len()).collect();
    buyers.sort_by(|one, two| {
        let (one, two) = (wants[*one], wants[*two]);
        let worth = |want: Want, units: u32| want.value.get() * u128::from(units);
        worth(two, one.units).cmp(&worth(one, two.units))
    });
    let mut sellers = sorted(offers.len(), |place| offers[place].price);
    let (mut wanted, mut rank, mut before) = (0u64, 0, 0u64);
    // How many jobs can pay, the marginal seller's rank, and the units of those before it.
    let mut last = None;
    for (place, buyer) in buyers.iter().map(|place| wants[*place]).enumerate() {
        wanted += u64::from(buyer.units);
        while sellers.get(rank).is_some_and(|it| before + u64::from(offers[*it].units) < wanted) {
            before += u64::from(offers[sellers[rank]].units);
            rank += 1;
        }
        match sellers.get(rank).map(|it| offers[*it].price) {
            Some(price) if price.get() * u128::from(buyer.units) <= buyer.value.get() => {}
            _ => break,
        }
        last = Some((place, rank, before));
    }
    let (most, rank, room) = last?;
    let sellers_get = offers[sellers[rank]].price;
    let fits = |taken: &mut u64, place: &usize| {
        *taken += u64::from(wants[*place].units);
        (*taken <= room).then_some(*place)
    };
    let winners: Vec<usize> = buyers[..most].iter().scan(0, fits).collect();
    let first_loser = wants[buyers[winners.len()]];
    let pays = |place: usize| {
        let units = wants[place].units.into();
        (place, first_loser.value.scaled_down(units, first_loser.units.into()))
    };
    sellers.truncate(rank);
    sellers.sort_unstable();
    let winners: Vec<_> = winners.into_iter().map(pays).collect();
    (!winners.is_empty()).then_some(Clearing { winners, sellers_get, sellers })
}

/// For each winner, from whom it has how many units: sellers are filled in the order of the offers, beginning
/// `turn` further.
pub fn fill(
    wants: &[Want],
    offers: &[Offer],
    cleared: &Clearing,
    turn: u64,
) -> Vec<Vec<(usize, u32)>> {
    let count = cleared.sellers.len().max(1) as u64;
    let (late, early) = cleared.sellers.split_at((turn % count) as usize);
    let mut free = early.iter().chain(late).map(|place| (*place, offers[*place].units));
    let mut seller = free.next();
    let units_for = |(winner, _): &(usize, Amount)| {
        let mut wanted = wants[*winner].units;
        let mut from = Vec::new();
        while let Some((place, left)) = seller.filter(|_| wanted > 0) {
            let taken = left.min(wanted);
            from.push((place, taken));
            wanted -= taken;
            seller = if taken < left { Some((place, left - taken)) } else { free.next() };
        }
        assert_eq!(wanted, 0, "a job is bought whole");
        from
    };
    cleared.winners.iter().map(units_for).collect()
}

#[cfg(test)]
mod tests;
