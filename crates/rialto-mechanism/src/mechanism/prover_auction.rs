//! **Prover network auction** (Succinct as deployed; M12b). Open bids, the lowest does the job, an auctioneer
//! settles.
//!
//! *Rule.* Members with `min_stake` bid a price for a million cycles. Bids are taken for `auction` at least;
//! then the lowest, of equal ones the first, has the job until its deadline. If there is none yet, the first
//! bid after that time has it. A member may lower its bid, and raise it.
//!
//! *Pay.* `base` and the price for the job's cycles, at most what the requester pays, less `fee` (the
//! protocol's, the stakers' and the treasury's share). Cycles are those that were asked for; that a run may use
//! fewer is not modelled.
//!
//! *Failure.* The requester has everything back. Slashing is planned: `slash` of `min_stake`, burned.
//!
//! *Source.* Succinct's network contracts and its code; the stake that is needed is told by others. Confidence
//! A. There the auctioneer is one party, off the chain, which proves its state transitions.
//!
//! *Attacks.* The auctioneer can leave bids out within the requester's limit, not steal. Nothing is lost by
//! winning and not delivering while `slash` is zero, as deployed.

use crate::{
    About, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, JobSpec, Mechanism,
    Message, Party, Position, Preset, Refusal, Risks, Ruling, Span, SplitGain, Time,
};
use serde::{Deserialize, Serialize};

/// The rule with its parameters; it remembers nothing between jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProverAuction {
    rules: Rules,
}

/// Parameters of a [`ProverAuction`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What a bidder must have at stake.
    pub min_stake: Amount,
    /// How long bids are taken at least.
    pub auction: Span,
    /// What is paid beside the price for cycles.
    pub base: Amount,
    /// The venue's share of what is paid.
    pub fee: Bps,
    /// What a winner without a proof loses, as a share of `min_stake`.
    pub slash: Bps,
    /// How long a stake stays after its owner wants it back.
    pub exit: Span,
}

/// Bids in the order in which they came.
pub type Mark = Vec<(Party, Amount)>;

const ABOUT: About = About {
    name: "prover-auction",
    family: "M12b",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset {
            name: "succinct",
            rules: "min_stake = 1000\nauction = \"15 s\"\nbase = 10\nfee = 0\nslash = 0\nexit = \"21 d\"",
        },
        Preset {
            name: "with-slashing",
            rules: "min_stake = 1000\nauction = \"15 s\"\nbase = 10\nfee = 300\nslash = 1000\nexit = \"21 d\"",
        },
    ],
    file: include_str!("prover_auction.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::if_no_share(self.fee, "fee")?;
        Contradiction::if_no_share(self.slash, "slash")
    }
}

impl Mechanism for ProverAuction {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        Self { rules }
    }

    fn join(&mut self, _: &mut Desk<Mark>, _: Party, position: &Position) -> Ruling {
        position.backs(self.rules.min_stake)
    }

    fn leave(&mut self, _: &mut Desk<Mark>, _: Party) -> Span {
        self.rules.exit
    }

    fn admits(&self, desk: &Desk<Mark>, spec: &JobSpec) -> Ruling {
        let (earliest, wanted) = (self.auction_end(desk.now()).next(), self.rules.base);
        spec.due_from(earliest)?;
        if spec.max_pay < wanted { Err(Refusal::PayTooLow { wanted }) } else { Ok(()) }
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        case.wake_at(self.auction_end(case.now()).next());
    }

    fn hear(&mut self, case: &mut Case<'_, Mark>, from: Party, said: &Message) -> Ruling {
        let Message::Bid { price } = *said else { return Err(Refusal::NotUnderstood) };
        case.still_collecting()?;
        self.eligible(case.desk, from)?;
        case.spec().affords(self.pay(case.spec(), price))?;
        case.job.mark.retain(|(party, _)| *party != from);
        case.job.mark.push((from, price));
        if case.now() > self.auction_end(case.job.opened_at) {
            self.award(case);
        }
        Ok(())
    }

    fn alarm(&mut self, case: &mut Case<'_, Mark>) {
        self.award(case);
    }
}

impl ProverAuction {
    fn auction_end(&self, opened_at: Time) -> Time {
        opened_at + self.rules.auction
    }

    /// What a job pays at a price for a million cycles, rounded down.
    fn pay(&self, spec: &JobSpec, price: Amount) -> Amount {
        price.scaled_down(spec.cycles.0.into(), 1_000_000).saturating_add(self.rules.base)
    }

    fn eligible(&self, desk: &Desk<Mark>, party: Party) -> Ruling {
        desk.check_member(party, self.rules.min_stake)
    }

    fn award(&self, case: &mut Case<'_, Mark>) {
        let mut bids = std::mem::take(&mut case.job.mark);
        bids.retain(|(party, _)| self.eligible(case.desk, *party).is_ok());
        // The first of equal ones, since `min_by_key` keeps the first.
        let Some((party, price)) = bids.into_iter().min_by_key(|(_, price)| *price) else { return };
        let (pay, until) = (self.pay(case.spec(), price), case.spec().deadline);
        let slash = self.rules.min_stake.times_down(self.rules.slash);
        let to_lowest = Allocation::to(party, pay, until).at_risk(slash, Risks::Stake);
        case.allocate(to_lowest.less_fee(self.rules.fee));
    }
}

#[cfg(test)]
mod tests;
