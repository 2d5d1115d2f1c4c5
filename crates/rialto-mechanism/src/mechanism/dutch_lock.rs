//! **Dutch lock** (Boundless; M12a). The price of a job rises with time; the first to lock has it.
//!
//! *Rule.* The price is `start` of the most that the requester pays until `delay` has passed, rises in a
//! straight line for `ramp`, and stays at the most until `lock` after the delay. The first who locks has the
//! job at the price of that instant and puts up `collateral`. It alone is paid until the lock ends. Until then
//! who has not locked may also deliver, for the price of that instant, as long as nobody has locked.
//!
//! *Pay.* The price at the lock, less the venue's `fee`.
//!
//! *Failure.* When the lock ends without a proof, the requester pays nothing any more and anybody may prove
//! until the deadline. The collateral is split: `burned` of it is burned, and the rest is the rescuer's, or the
//! treasury's if nobody delivers. After the lock's time a job that nobody has locked pays nothing.
//!
//! *Source.* Boundless' market contract. Confidence A. Rialto's own market has the same rule.
//!
//! *Attacks.* Locking and not proving costs the collateral, of which an owner of two addresses gets the
//! rescuer's part back, never all of it. A public clock is a first-price auction: waiting one tick pays for
//! whoever is alone. A rival with lower latency takes the lock at the same price.

use crate::{
    About, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, Forfeit, Job, JobSpec,
    Mechanism, Message, Outcome, Party, Preset, Proof, Refusal, Risks, Ruling, Span, SplitGain,
    Stage, Time, Why,
};
use serde::{Deserialize, Serialize};

/// The rule with its parameters; it remembers nothing between jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DutchLock {
    rules: Rules,
}

/// Parameters of a [`DutchLock`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The first price, as a share of the most that the requester pays.
    pub start: Bps,
    /// How long the price stays there.
    pub delay: Span,
    /// How long it rises.
    pub ramp: Span,
    /// How long after the delay a job can be locked, and a lock holds.
    pub lock: Span,
    /// What a locker puts up, as a share of the most that the requester pays.
    pub collateral: Bps,
    /// The share of a forfeited collateral that is burned, rounded down.
    pub burned: Bps,
    /// The venue's share of a price, rounded down.
    pub fee: Bps,
}

const ABOUT: About = About {
    name: "dutch-lock",
    family: "M12a",
    confidence: Confidence::Code,
    split_gain: SplitGain::Neutral,
    presets: &[Preset {
        name: "boundless",
        rules: r#"
            # Times and collateral are each request's own there; these are the broker's defaults.
            start = 1000
            delay = "30 s"
            ramp = "2 min"
            lock = "10 min"
            collateral = 10000
            burned = 5000
            fee = 0
        "#,
    }],
    file: include_str!("dutch_lock.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::if_no_share(self.start, "start")?;
        Contradiction::if_no_share(self.burned, "burned")?;
        Contradiction::if_no_share(self.fee, "fee")?;
        let fits = self.ramp <= self.lock && self.lock > Span::ZERO;
        Contradiction::unless(fits, "lock", "must be more than nothing and at least the ramp")
    }
}

impl Mechanism for DutchLock {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = ();

    fn new(rules: Rules) -> Self {
        Self { rules }
    }

    fn admits(&self, desk: &Desk<()>, spec: &JobSpec) -> Ruling {
        let earliest = self.lock_end(desk.now());
        spec.due_from(earliest)
    }

    fn open(&mut self, _: &mut Case<'_, ()>) {}

    fn hear(&mut self, case: &mut Case<'_, ()>, from: Party, said: &Message) -> Ruling {
        let Message::Lock = said else { return Err(Refusal::NotUnderstood) };
        case.still_collecting()?;
        let until = self.lock_end(case.job.opened_at);
        if case.now() > until {
            return Err(Refusal::TooLate { at: until });
        }
        let collateral = case.spec().max_pay.times_up(self.rules.collateral);
        case.post_bond(from, collateral)?;
        let price = self.price(case.job, case.now());
        let forfeit = Forfeit { burned: self.rules.burned, requester: Bps(0) };
        let to_locker = Allocation::to(from, price, until)
            .at_risk(collateral, Risks::Bond)
            .forfeiting(forfeit)
            .less_fee(self.rules.fee)
            .then_open(Amount::ZERO);
        case.allocate(to_locker);
        Ok(())
    }

    fn deliver(&mut self, case: &mut Case<'_, ()>, by: Party, proof: &Proof) -> Ruling {
        if case.still_collecting().is_err() {
            return case.deliver(by, proof);
        }
        proof.verified()?;
        let price = self.price(case.job, case.now());
        case.pay_less_fee(by, price, self.rules.fee, Why::Price);
        case.settle(Outcome::Proven);
        Ok(())
    }

    fn price_at(&self, job: &Job<()>, at: Time) -> Option<Amount> {
        matches!(job.stage, Stage::Collecting).then(|| self.price(job, at))
    }
}

impl DutchLock {
    /// The last instant at which a job that was opened then can be locked, and at which a lock holds.
    fn lock_end(&self, opened_at: Time) -> Time {
        opened_at + self.rules.delay + self.rules.lock
    }

    /// The price, rounded down on the ramp.
    fn price(&self, job: &Job<()>, at: Time) -> Amount {
        if at > self.lock_end(job.opened_at) {
            return Amount::ZERO;
        }
        let most = job.spec.max_pay;
        let least = most.times_down(self.rules.start);
        let risen = at.since(job.opened_at + self.rules.delay).min(self.rules.ramp);
        match self.rules.ramp {
            Span::ZERO if at > job.opened_at + self.rules.delay => most,
            ramp => least + (most - least).scaled_down(risen.get().into(), ramp.get().into()),
        }
    }
}

#[cfg(test)]
mod tests;
