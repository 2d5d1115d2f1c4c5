//! What a requester offers: a price that ramps up, two deadlines, and the collateral it asks for.
//!
//! The curve and its inverse are those of `contracts/src/libraries/`, in the same order of
//! evaluation; `vectors/offer.json` holds both to it.

use crate::{Collateral, Timestamp, Wei};
use alloy_primitives::{U256, U512};
use serde::{Deserialize, Serialize};

/// The reverse Dutch auction of one request. Times are UNIX seconds, periods seconds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Offer {
    /// Price until the ramp starts.
    pub min_price: Wei,
    /// Price from the end of the ramp until the lock deadline.
    pub max_price: Wei,
    /// When the price begins to rise; deadlines count from here.
    pub ramp_up_start: Timestamp,
    /// How long the price rises, in seconds.
    pub ramp_up_period: u32,
    /// Seconds after the ramp's start until which a lock holds and pays in full.
    pub lock_timeout: u32,
    /// Seconds after the ramp's start until which a proof is accepted at all.
    pub timeout: u32,
    /// What a prover puts at stake when it locks.
    pub lock_collateral: Collateral,
}

/// Why an offer contradicts itself. The contract answers all of these with `InvalidRequest`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOffer {
    /// The price would have to fall.
    #[error(
        "the minimum price {min} wei is above the maximum price {max} wei; raise maxPrice or lower minPrice"
    )]
    PricesReversed {
        /// The offer's minimum.
        min: Wei,
        /// The offer's maximum.
        max: Wei,
    },
    /// The ramp would go on after the lock deadline.
    #[error(
        "the ramp lasts {ramp_s} s but a lock only {lock_s} s; rampUpPeriod must be at most lockTimeout"
    )]
    RampOutlastsLock {
        /// `ramp_up_period`.
        ramp_s: u32,
        /// `lock_timeout`.
        lock_s: u32,
    },
    /// The lock would outlast the request.
    #[error(
        "a lock lasts {lock_s} s but the request only {timeout_s} s; lockTimeout must be at most timeout"
    )]
    LockOutlastsRequest {
        /// `lock_timeout`.
        lock_s: u32,
        /// `timeout`.
        timeout_s: u32,
    },
    /// The contract keeps the difference in 24 bits.
    #[error("timeout is {0} s past lockTimeout; at most 16777215 s fit")]
    RaceTooLong(u32),
    /// A deadline would be past the largest time.
    #[error("rampUpStart {0} plus the timeouts is past the largest time; give UNIX seconds")]
    TimeOverflow(Timestamp),
    /// An amount above what the contract can hold in escrow.
    #[error("{field} needs more than 96 bits, which is more than the market can hold")]
    AmountTooLarge {
        /// `maxPrice` or `lockCollateral`.
        field: &'static str,
    },
    /// A field that must not be zero is zero; the contract would accept it, no prover would.
    #[error("{field} is zero; {hint}")]
    Zero {
        /// The field's wire name.
        field: &'static str,
        /// What would be right.
        hint: &'static str,
    },
}

/// A price that the offer never reaches.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the offer never pays {wanted} wei: its maximum is {max} wei")]
pub struct PriceNeverReached {
    /// The price that was asked for.
    pub wanted: Wei,
    /// The offer's maximum.
    pub max: Wei,
}

impl Offer {
    /// The longest `timeout - lock_timeout` that the contract can store, in seconds.
    pub const RACE_MAX_S: u32 = (1 << 24) - 1;

    /// Last second at which the request can be locked and a lock pays in full.
    pub fn lock_deadline(&self) -> Timestamp {
        self.ramp_up_start.saturating_add(self.lock_timeout.into())
    }

    /// Last second at which a proof is accepted.
    pub fn deadline(&self) -> Timestamp {
        self.ramp_up_start.saturating_add(self.timeout.into())
    }

    /// The price at `now`, rounded down on the ramp; zero once the lock deadline has passed.
    pub fn price_at(&self, now: Timestamp) -> Wei {
        if now <= self.ramp_up_start {
            return self.min_price;
        }
        if now > self.lock_deadline() {
            return Wei::ZERO;
        }
        let elapsed_s = now.0 - self.ramp_up_start.0;
        if elapsed_s > u64::from(self.ramp_up_period) {
            return self.max_price;
        }
        let rise = self.max_price.0.saturating_sub(self.min_price.0);
        let risen = mul_div_down(rise, elapsed_s, self.ramp_up_period.into());
        Wei(self.min_price.0 + risen)
    }

    /// The earliest second at which the offer pays at least `price`: the inverse of
    /// [`Offer::price_at`] up to the lock deadline. The epoch when it always does.
    pub fn earliest_time_for(&self, price: Wei) -> Result<Timestamp, PriceNeverReached> {
        if price <= self.min_price {
            return Ok(Timestamp(0));
        }
        if price > self.max_price {
            return Err(PriceNeverReached { wanted: price, max: self.max_price });
        }
        let rise = self.max_price.0 - self.min_price.0;
        let wanted = price.0 - self.min_price.0;
        // At the very start the price is still the minimum, also on a ramp of no length.
        let after_s = mul_div_up(wanted, self.ramp_up_period.into(), rise).max(1);
        Ok(self.ramp_up_start.saturating_add(after_s))
    }

    /// The contract's own consistency rules.
    pub fn check_consistent(&self) -> Result<(), InvalidOffer> {
        if self.min_price > self.max_price {
            return Err(InvalidOffer::PricesReversed { min: self.min_price, max: self.max_price });
        }
        if self.ramp_up_period > self.lock_timeout {
            return Err(InvalidOffer::RampOutlastsLock {
                ramp_s: self.ramp_up_period,
                lock_s: self.lock_timeout,
            });
        }
        if self.lock_timeout > self.timeout {
            return Err(InvalidOffer::LockOutlastsRequest {
                lock_s: self.lock_timeout,
                timeout_s: self.timeout,
            });
        }
        if self.timeout - self.lock_timeout > Self::RACE_MAX_S {
            return Err(InvalidOffer::RaceTooLong(self.timeout - self.lock_timeout));
        }
        if self.ramp_up_start.0.checked_add(self.timeout.into()).is_none() {
            return Err(InvalidOffer::TimeOverflow(self.ramp_up_start));
        }
        Ok(())
    }

    /// The contract's rules and those that make an offer worth sending: amounts that the market
    /// can hold, and no zero where a prover needs a number.
    pub fn check(&self) -> Result<(), InvalidOffer> {
        self.check_consistent()?;
        if !self.max_price.fits_storage() {
            return Err(InvalidOffer::AmountTooLarge { field: "maxPrice" });
        }
        if !self.lock_collateral.fits_storage() {
            return Err(InvalidOffer::AmountTooLarge { field: "lockCollateral" });
        }
        let zero = |field, hint| Err(InvalidOffer::Zero { field, hint });
        if self.ramp_up_start.0 == 0 {
            return zero("rampUpStart", "give the UNIX second at which bidding starts");
        }
        if self.lock_timeout == 0 {
            return zero("lockTimeout", "give the prover seconds to prove in");
        }
        if self.timeout == 0 {
            return zero("timeout", "give the seconds after which no proof is wanted");
        }
        if self.max_price == Wei::ZERO {
            return zero("maxPrice", "nobody proves for nothing");
        }
        Ok(())
    }
}

/// `floor(amount * numerator / denominator)` for `numerator <= denominator`, so that the result
/// fits; a zero denominator is answered with zero.
fn mul_div_down(amount: U256, numerator: u64, denominator: u64) -> U256 {
    if denominator == 0 {
        return U256::ZERO;
    }
    U256::from(U512::from(amount) * U512::from(numerator) / U512::from(denominator))
}

/// `ceil(part * period_s / whole)` for `0 < part <= whole`: at most `period_s`.
fn mul_div_up(part: U256, period_s: u64, whole: U256) -> u64 {
    let quotient = (U512::from(part) * U512::from(period_s)).div_ceil(U512::from(whole));
    quotient.saturating_to()
}

#[cfg(test)]
mod tests;
