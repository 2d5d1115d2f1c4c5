//! **RFQ exclusivity with override** (UniswapX; M10). The best quote has the job alone for a while; a rival who
//! is better by enough may still take it, and afterwards the price rises for all.
//!
//! *Rule.* Provers quote within `quotes`, each once. The lowest quote, of equal ones the first, has the job alone for
//! `exclusive`. Within that time a rival may deliver in its place for `override_by` less than the quote; without `override_by`
//! nobody may. Afterwards, or from the start if nobody has quoted, anybody may deliver at a price
//! that rises in a straight line for `ramp`: from the quote, or from `start` of the most that the requester pays, to that most.
//!
//! *Pay.* The quote; a rival within the window what it undercuts it to; later the clock's price. Less
//! the venue's `fee`.
//!
//! *Failure.* A quoter puts up a cover with its quote: what the requester pays at most beyond it. Whoever
//! misses its window loses the cover to the requester and cannot quote for `cooldown`. So a requester
//! never pays more in all than the quote that it was given.
//!
//! *Source.* UniswapX' reactors, and the defaults of its routing service. Confidence A, but for two things: there the cover is
//! nothing, and how long its quote server passes over whoever fades is not published.
//!
//! *Attacks.* Without a cover the quote is a free option: its holder waits until the clock pays more, under its own
//! name or another, and rivals who would have taken the quote have gone. A quote server can leave
//! quotes out; here they are events.

use crate::{
    About, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, Duty, Forfeit, Job,
    JobSpec, Mechanism, Message, Party, Preset, Proof, Quotes, Refusal, Risks, Ruling, Span,
    SplitGain, Time,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rule with its parameters, and who may not quote until when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RfqExclusive {
    rules: Rules,
    faded: BTreeMap<Party, Time>,
}

/// Parameters of an [`RfqExclusive`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How long quotes are taken.
    pub quotes: Span,
    /// How long the best quote has the job alone.
    pub exclusive: Span,
    /// By how much a rival must be better within that time.
    pub override_by: Option<Bps>,
    /// Where the price begins if nobody has quoted, as a share of the most that the requester pays.
    pub start: Bps,
    /// How long the price rises.
    pub ramp: Span,
    /// How long whoever has missed its window cannot quote.
    pub cooldown: Span,
    /// The venue's share of what is paid, rounded down.
    pub fee: Bps,
}

const ABOUT: About = About {
    name: "rfq-exclusive",
    family: "M10",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset {
            name: "uniswapx",
            rules: r#"
                # Swaps, not proofs: 45 s to the decay, 60 s of it, 1 % to override.
                quotes = "500 ms"
                exclusive = "45 s"
                override_by = 100
                start = 9950
                ramp = "60 s"
                cooldown = "15 min"
                fee = 0
            "#,
        },
        Preset {
            name: "proofs",
            rules: r#"
                # The same shape at the pace of proofs, strictly exclusive.
                quotes = "10 s"
                exclusive = "10 min"
                start = 1000
                ramp = "5 min"
                cooldown = "1 h"
                fee = 0
            "#,
        },
    ],
    file: include_str!("rfq_exclusive.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::if_zero(self.quotes, "quotes")?;
        Contradiction::if_zero(self.exclusive, "exclusive")?;
        Contradiction::unless(
            self.override_by.is_none_or(|share| share > Bps(0) && share <= Bps::ALL),
            "override_by",
            "is from 1 to 10000; leave it out where nobody may override",
        )?;
        Contradiction::if_no_share(self.start, "start")?;
        Contradiction::if_zero(self.ramp, "ramp")?;
        Contradiction::if_no_share(self.fee, "fee")
    }
}

impl Mechanism for RfqExclusive {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Quotes;

    fn new(rules: Rules) -> Self {
        Self { rules, faded: BTreeMap::new() }
    }

    fn admits(&self, desk: &Desk<Quotes>, spec: &JobSpec) -> Ruling {
        let earliest = desk.now() + self.rules.quotes + self.rules.exclusive;
        spec.due_from(earliest)
    }

    fn open(&mut self, case: &mut Case<'_, Quotes>) {
        case.wake_at(self.quotes_end(case.job).next());
    }

    fn hear(&mut self, case: &mut Case<'_, Quotes>, from: Party, said: &Message) -> Ruling {
        let Message::Bid { price } = *said else { return Err(Refusal::NotUnderstood) };
        case.still_collecting()?;
        if let Some(until) = self.faded.get(&from).filter(|until| case.now() <= **until) {
            return Err(Refusal::TooEarly { from: until.next() });
        }
        case.job.mark.check(case.spec(), from, price)?;
        case.post_bond(from, case.spec().max_pay - price)?;
        case.job.mark.push(from, price);
        Ok(())
    }

    fn alarm(&mut self, case: &mut Case<'_, Quotes>) {
        let (now, most) = (case.now(), case.spec().max_pay);
        let Some((winner, price)) = case.job.mark.lowest() else {
            return case.allocate(Allocation::open(now, most).less_fee(self.rules.fee));
        };
        case.job.mark.take_others(winner).for_each(|party| case.release_bond(party));
        let to_requester = Forfeit { burned: Bps(0), requester: Bps::ALL };
        // The quotes ended an instant ago.
        let until = self.quotes_end(case.job) + self.rules.exclusive;
        let to_winner = Allocation::to(winner, price, until)
            .at_risk(most - price, Risks::Bond)
            .forfeiting(to_requester)
            .overridden_by(self.rules.override_by)
            .less_fee(self.rules.fee)
            .then_open(most);
        case.allocate(to_winner);
    }

    fn deliver(&mut self, case: &mut Case<'_, Quotes>, by: Party, proof: &Proof) -> Ruling {
        let most = self.clock(case.job, case.now()).unwrap_or(case.spec().max_pay);
        case.deliver_for(by, proof, most)
    }

    fn lapsed(&mut self, case: &mut Case<'_, Quotes>) {
        let (now, cooldown) = (case.now(), self.rules.cooldown);
        self.faded.retain(|_, until| now <= *until);
        for holder in case.job.holders().iter().filter(|holder| holder.duty == Duty::Failed) {
            self.faded.insert(holder.party, now + cooldown);
        }
    }

    fn price_at(&self, job: &Job<Quotes>, at: Time) -> Option<Amount> {
        let allocation = job.allocation()?;
        match at <= allocation.until && !allocation.holders.is_empty() {
            true => allocation.override_price(),
            false => self.clock(job, at),
        }
    }
}

impl RfqExclusive {
    /// The last instant at which a job is quoted for.
    fn quotes_end(&self, job: &Job<Quotes>) -> Time {
        job.opened_at + self.rules.quotes
    }

    /// The price for all, rounded down on the ramp; nothing while the job is not allocated.
    fn clock(&self, job: &Job<Quotes>, at: Time) -> Option<Amount> {
        let (most, allocation) = (job.spec.max_pay, job.allocation()?);
        let least = match allocation.holders.first() {
            Some(quoter) => quoter.price,
            None => most.times_down(self.rules.start),
        };
        let risen = at.since(allocation.open_at?).min(self.rules.ramp);
        Some(least + (most - least).scaled_down(risen.get().into(), self.rules.ramp.get().into()))
    }
}

#[cfg(test)]
mod tests;
