//! The offer: from arguments, with defaults that follow from what the run costs.
//!
//! The defaults assume a slow prover and today's price of gas, and leave the rest to the auction:
//! it begins below what a settlement costs, so competition and not the default sets the price.

use crate::amount;
use crate::failure::Failure;
use alloy::primitives::U256;
use anyhow::{Context, Result};
use clap::Args;
use rialto_protocol::{Collateral, Cycles, InvalidOffer, Offer, Timestamp, Wei};

/// Gas of a lock and a fulfilment, which a prover's price has to cover.
const SETTLEMENT_GAS: u64 = 450_000;
/// What the work is worth per million cycles, in wei, at the end of the ramp: 0.0001 ETH.
const MCYCLE_WEI: u64 = 100_000_000_000_000;
/// Cycles per second that the slowest welcome prover proves.
const SLOW_HZ: u64 = 20_000;
/// Shortest ramp, in seconds: some blocks for some provers to look.
const RAMP_MIN_S: u64 = 30;
/// Longest ramp: nobody wants to wait an hour for an auction.
const RAMP_MAX_S: u64 = 600;
/// Seconds in a lock beyond proving: what every proof costs however small it is, attestation,
/// settlement, and the margins that nodes demand.
const LOCK_SLACK_S: u64 = 240;
/// Cycles that are assumed when the program was not run.
const UNKNOWN_CYCLES: Cycles = Cycles(20_000_000);
/// Seconds between asking and the begin of the ramp: provers run the program meanwhile.
const HEAD_START_S: u64 = 5;
/// Collateral in the token's smallest unit: 5 RCT, within what nodes accept by default.
const COLLATERAL: u128 = 5_000_000_000_000_000_000;

/// Price curve, deadlines and collateral.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Offer")]
pub(crate) struct OfferArgs {
    /// Price when bidding starts, such as '0.0001 ETH' [default: half of what settling costs]
    #[arg(long, value_name = "AMOUNT", value_parser = amount::wei)]
    pub(crate) min_price: Option<Wei>,

    /// Highest price, reached at the end of the ramp [default: 3 x settling + 0.0001 ETH per
    /// Mcycle]
    #[arg(long, value_name = "AMOUNT", value_parser = amount::wei)]
    pub(crate) max_price: Option<Wei>,

    /// Seconds over which the price rises [default: proving time at 20 kHz, 30 to 600]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) ramp_up_period: Option<u32>,

    /// Seconds after bidding starts until which a lock holds [default: ramp + 240 + 3 x proving
    /// time]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) lock_timeout: Option<u32>,

    /// Seconds after bidding starts until which a proof is accepted [default: 2 x lock timeout]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<u32>,

    /// What a prover puts at stake, such as '5 RCT' [default: 5 RCT]
    #[arg(long, value_name = "AMOUNT", value_parser = amount::collateral)]
    pub(crate) lock_collateral: Option<Collateral>,

    /// UNIX second at which bidding starts [default: 5 s from now]
    #[arg(long, value_name = "UNIX_SECONDS")]
    pub(crate) bidding_start: Option<u64>,
}

/// What an offer's defaults follow from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    /// Cycles of the run, if the program was run.
    pub(crate) cycles: Option<Cycles>,
    /// Price of gas in wei.
    pub(crate) gas_price: Wei,
    /// The chain's time.
    pub(crate) now: Timestamp,
}

impl OfferArgs {
    /// The offer, checked.
    ///
    /// # Errors
    /// If it contradicts itself or is over before it begins.
    pub(crate) fn offer(&self, circumstances: &Circumstances) -> Result<Offer> {
        let offer = self.check(circumstances)?;
        if offer.lock_deadline() <= circumstances.now {
            let late_s = offer.lock_deadline().seconds_until(circumstances.now);
            let what = format!("the offer's lock deadline passed {late_s} s ago");
            let next = "give a later --bidding-start, or a longer --lock-timeout";
            return Err(Failure::usage(what, next).into());
        }
        Ok(offer)
    }

    /// The offer if it is self-consistent, over or not.
    ///
    /// # Errors
    /// If it contradicts itself.
    pub(crate) fn check(&self, circumstances: &Circumstances) -> Result<Offer> {
        let offer = self.with_defaults(circumstances);
        offer.check().map_err(|error| {
            let next = next_step(&error);
            let what = "the offer is not self-consistent; nothing was signed or sent";
            anyhow::Error::new(error).context(Failure::usage(what, next))
        })?;
        Ok(offer)
    }

    /// What was not given follows from what was, so that one argument alone never contradicts a
    /// default.
    fn with_defaults(&self, circumstances: &Circumstances) -> Offer {
        let cycles = circumstances.cycles.unwrap_or(UNKNOWN_CYCLES);
        let proving_s = cycles.0.div_ceil(SLOW_HZ);
        let at_most = |seconds: u64, limit: Option<u32>| {
            u32::try_from(seconds).unwrap_or(u32::MAX).min(limit.unwrap_or(u32::MAX))
        };
        let ramp_s = proving_s.clamp(RAMP_MIN_S, RAMP_MAX_S);
        let ramp_up_period = self
            .ramp_up_period
            .unwrap_or_else(|| at_most(at_most(ramp_s, self.lock_timeout).into(), self.timeout));
        let lock_s = u64::from(ramp_up_period) + LOCK_SLACK_S + proving_s.saturating_mul(3);
        let lock_timeout = self.lock_timeout.unwrap_or_else(|| at_most(lock_s, self.timeout));
        let timeout = self.timeout.unwrap_or_else(|| lock_timeout.saturating_mul(2));
        let settling = circumstances.gas_price.0.saturating_mul(U256::from(SETTLEMENT_GAS));
        let work = U256::from(cycles.0).saturating_mul(U256::from(MCYCLE_WEI));
        let work = work.div_ceil(U256::from(1_000_000));
        let usual_max = Wei(settling.saturating_mul(U256::from(3)).saturating_add(work));
        let usual_min = Wei(settling / U256::from(2));
        let max_price = self.max_price.unwrap_or_else(|| match self.min_price {
            Some(min) if min > usual_max => min,
            _ => usual_max,
        });
        Offer {
            min_price: self.min_price.unwrap_or(usual_min.min(max_price)),
            max_price,
            ramp_up_start: match self.bidding_start {
                Some(start) => Timestamp(start),
                None => circumstances.now.saturating_add(HEAD_START_S),
            },
            ramp_up_period,
            lock_timeout,
            timeout,
            lock_collateral: self.lock_collateral.unwrap_or(Collateral::from(COLLATERAL)),
        }
    }
}

/// The argument to change.
fn next_step(error: &InvalidOffer) -> &'static str {
    match error {
        InvalidOffer::PricesReversed { .. } => "raise --max-price or lower --min-price",
        InvalidOffer::RampOutlastsLock { .. } => {
            "shorten --ramp-up-period or extend --lock-timeout"
        }
        InvalidOffer::LockOutlastsRequest { .. } => "extend --timeout or shorten --lock-timeout",
        InvalidOffer::RaceTooLong(_) => "shorten --timeout",
        InvalidOffer::TimeOverflow(_) => "give --bidding-start as UNIX seconds",
        InvalidOffer::AmountTooLarge { .. } => "lower --max-price or --lock-collateral",
        InvalidOffer::Zero { .. } => "give it a value, or leave the argument out",
    }
}

/// [`OfferArgs::offer`] of a request that somebody else wrote.
///
/// # Errors
/// If it is over.
pub(crate) fn check_time(offer: &Offer, now: Timestamp) -> Result<()> {
    let late_s = offer.lock_deadline().seconds_until(now);
    (now <= offer.lock_deadline()).then_some(()).with_context(|| {
        let what = format!("the request's lock deadline passed {late_s} s ago");
        Failure::usage(what, "have the client sign it again with a later start")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const NOW: Circumstances = Circumstances {
        cycles: Some(Cycles(1_000_000)),
        gas_price: Wei(U256::from_limbs([1_000_000_000, 0, 0, 0])),
        now: Timestamp(1_000),
    };

    fn check(args: &OfferArgs, expected: Expect) {
        let text = match args.offer(&NOW) {
            Ok(offer) => {
                let [min, max] = [offer.min_price, offer.max_price].map(Wei::to_eth_down);
                let Offer { ramp_up_start, ramp_up_period, lock_timeout, timeout, .. } = offer;
                format!(
                    "{min} to {max} ETH over {ramp_up_period} s from {ramp_up_start}, \
                     lock {lock_timeout} s, timeout {timeout} s\n"
                )
            }
            Err(error) => format!("{:#}\n", error),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn defaults_follow_from_cycles_and_gas() {
        check(
            &OfferArgs::default(),
            expect![[r#"
                0.000225 to 0.00145 ETH over 50 s from 1005, lock 440 s, timeout 880 s
            "#]],
        );
    }

    #[test]
    fn one_argument_alone_never_contradicts_a_default() {
        let seconds = [1, 29, 31, 100, 5_000, 1_000_000];
        for value in seconds {
            let given = Some(value);
            let each = [
                OfferArgs { timeout: given, ..OfferArgs::default() },
                OfferArgs { lock_timeout: given, ..OfferArgs::default() },
                OfferArgs { ramp_up_period: given, ..OfferArgs::default() },
                OfferArgs { min_price: Some(Wei(U256::MAX >> 161)), ..OfferArgs::default() },
                OfferArgs { max_price: Some(Wei::from(1)), ..OfferArgs::default() },
            ];
            for args in each {
                args.offer(&NOW).unwrap();
            }
        }
    }

    #[test]
    fn contradictions_are_refused_by_name() {
        let reversed = OfferArgs {
            min_price: Some(Wei::from(2)),
            max_price: Some(Wei::from(1)),
            ..OfferArgs::default()
        };
        check(
            &reversed,
            expect![[r#"
                the offer is not self-consistent; nothing was signed or sent: the minimum price 2 wei is above the maximum price 1 wei; raise maxPrice or lower minPrice
            "#]],
        );
        let over = OfferArgs { bidding_start: Some(10), ..OfferArgs::default() };
        check(
            &over,
            expect![[r#"
                the offer's lock deadline passed 550 s ago
            "#]],
        );
    }
}
