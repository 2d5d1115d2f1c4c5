//! **Double auction with capacities** (double-auction-reconstruction; M12e, Prooφ-like). Jobs of one unit and
//! provers with capacities are matched in rounds, at prices that no winner's own bid moves.
//!
//! *Rule.* A job is a bid of the most that its requester pays; a prover's position is its price for a unit and how
//! many units it does at once. At a round's end jobs are put in order by falling bid and units by rising price;
//! of equal ones the earlier comes first. The last unit that costs no more than its bid makes its owner the marginal prover,
//! who sells nothing. All units of those before it are sold, to the highest bids.
//!
//! *Pay.* Every seller gets the marginal prover's price, and every buyer pays the first bid that bought nothing. What lies
//! between is burned with the proof, since whoever got it would bid for it.
//!
//! *Failure.* A prover loses the `collateral` of the unit, which is burned, and the job waits for the next round.
//! Jobs that bought nothing wait too. Capacity is fixed as long as a prover is a member.
//!
//! *Source.* arXiv 2404.06495 claims such an auction to be truthful for users and, with fixed capacities, in unit
//! costs. Its formula could not be read; this rule is ours and has the claimed properties. Confidence R: not that paper's
//! algorithm. Bids are public in a log; that they are sealed until the round ends is up to whoever writes it.
//!
//! *Attacks.* Outside what is claimed: understating a capacity moves the price up, and an owner of two names can put
//! one of them at the margin. Both pay often. Collateral for each unit and a capacity that cannot change make
//! them dear, not worthless. A large marginal prover wastes much of what could be traded, which `capacity_most` bounds.

use crate::batch::{Batch, Offer, PRESETS, Rules, deliver_burning, sorted};
use crate::{
    About, Allocation, Amount, Case, Confidence, Desk, Job, JobSpec, Mechanism, Party, Position,
    Proof, Risks, Ruling, Span, SplitGain,
};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// The rule with its parameters, and the round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DoubleAuction {
    batch: Batch,
}

/// What of a job's escrow is burned with its proof.
pub type Mark = Amount;

/// What a round comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clearing {
    /// What each winning job pays.
    pub buyers_pay: Amount,
    /// What each unit is paid.
    pub sellers_get: Amount,
    /// Places of the winning bids, the highest first.
    pub winners: Vec<usize>,
    /// Places of the offers that are sold, the cheapest first. Each is sold whole, and together they are as many
    /// units as there are winners.
    pub sellers: Vec<usize>,
}

const ABOUT: About = About {
    name: "double-auction-reconstruction",
    family: "M12e",
    confidence: Confidence::Reconstruction,
    split_gain: SplitGain::Gain,
    presets: PRESETS,
    file: include_str!("double_auction.rs"),
};

impl Mechanism for DoubleAuction {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { batch: Batch::new(rules) }
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
        let bid = |id| desk.job(id).map_or(Amount::ZERO, |job| job.spec.max_pay);
        let bids: Vec<Amount> = jobs.iter().map(|id| bid(*id)).collect();
        let offers = self.batch.offers(desk);
        if let Some(cleared) = clear(&bids, &offers) {
            let units = cleared.sellers.iter().flat_map(|place| {
                std::iter::repeat_n(offers[*place].party, offers[*place].units as usize)
            });
            for (winner, seller) in cleared.winners.iter().zip(units) {
                desk.visit(jobs[*winner], |case| self.award(case, seller, &cleared));
            }
        }
        self.batch.keep(desk, jobs);
    }

    fn deliver(&mut self, case: &mut Case<'_, Mark>, by: Party, proof: &Proof) -> Ruling {
        let burned = case.job.mark;
        deliver_burning(case, by, proof, burned)
    }

    fn lapsed(&mut self, case: &mut Case<'_, Mark>) {
        case.job.holders().iter().for_each(|holder| self.batch.freed(holder.party, 1));
        case.reopen();
        self.batch.enter(case.desk, case.job.id);
    }

    fn settled(&mut self, _: &mut Desk<Mark>, job: &Job<Mark>) {
        job.holders().iter().for_each(|holder| self.batch.freed(holder.party, 1));
    }
}

impl DoubleAuction {
    fn award(&mut self, case: &mut Case<'_, Mark>, seller: Party, cleared: &Clearing) {
        self.batch.sold(seller, 1);
        case.job.mark = cleared.buyers_pay - cleared.sellers_get;
        let until = self.batch.window_end(case);
        let to_seller = Allocation::to(seller, cleared.sellers_get, until);
        case.allocate(to_seller.at_risk(self.batch.terms.collateral, Risks::Stake));
    }
}

/// Who trades and at which prices; nothing if nobody does. `bids` and `offers` come in the order that
/// decides among equal ones.
pub fn clear(bids: &[Amount], offers: &[Offer]) -> Option<Clearing> {
    let mut winners = sorted(bids.len(), |place| Reverse(bids[place]));
    let mut sellers = sorted(offers.len(), |place| offers[place].price);
    // Bids fall and prices rise, so whoever's first unit is too dear sells nothing, nor does anybody after.
    let (mut sold, mut next) = (0, 0);
    let mut marginal = None;
    for (rank, seller) in sellers.iter().map(|place| &offers[*place]).enumerate() {
        match winners.get(next) {
            Some(buyer) if bids[*buyer] >= seller.price => marginal = Some((rank, seller.price)),
            _ => break,
        }
        (sold, next) = (next, next + seller.units as usize);
    }
    let (rank, sellers_get) = marginal.filter(|_| sold > 0)?;
    let buyers_pay = bids[winners[sold]];
    winners.truncate(sold);
    sellers.truncate(rank);
    Some(Clearing { buyers_pay, sellers_get, winners, sellers })
}

#[cfg(test)]
mod tests;
