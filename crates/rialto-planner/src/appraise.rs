//! What a request is worth: first without running its program, then with the cycles it took.

use crate::policy::{CycleLimit, Market, Policy, Skip};
use alloy_primitives::U256;
use rialto_protocol::lifecycle::split_forfeit_down;
use rialto_protocol::{Collateral, Cycles, ImageId, Journal, Offer, ProofRequest, Timestamp, Wei};
use rialto_protocol::{Selector, registry};

/// How far a preflight may go, from what the request can pay at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Cycles after which the program is not worth running on.
    pub cycles_max: Cycles,
    /// Which rule set them.
    pub limited_by: CycleLimit,
    /// Largest journal that is accepted, in bytes.
    pub journal_bytes_max: u64,
}

/// What a run of the program showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    /// Executed instructions.
    pub cycles: Cycles,
    /// The program's commitment.
    pub image_id: ImageId,
    /// Its public output.
    pub journal: Journal,
}

/// A request worth taking, and from when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bid {
    /// The price at which gas is covered and the floor is met.
    pub target_price: Wei,
    /// The first second at which the offer pays it.
    pub lock_at: Timestamp,
    /// Whether the forfeited collateral of somebody else's lapsed lock would pay as well.
    pub race_worthwhile: bool,
}

const MILLION: u64 = 1_000_000;

/// Everything that can be refused before the program has run; otherwise the budget for running it.
///
/// The order is the order of cost: time, stake, verifier, price.
pub fn screen(request: &ProofRequest, policy: &Policy, market: &Market) -> Result<Budget, Skip> {
    let offer = &request.offer;
    if market.now > offer.lock_deadline() {
        return Err(Skip::Expired { lock_deadline: offer.lock_deadline() });
    }
    let left_s = market.now.seconds_until(offer.lock_deadline());
    if left_s < policy.min_deadline_s {
        return Err(Skip::TooLittleTime { left_s, needed_s: policy.min_deadline_s });
    }
    if offer.lock_collateral > policy.max_collateral {
        return Err(Skip::CollateralAboveLimit {
            asked: offer.lock_collateral,
            limit: policy.max_collateral,
        });
    }
    check_selector(request.requirements.selector)?;
    let gas_cost = gas_cost_up(request, 0, policy, market);
    if gas_cost > offer.max_price {
        return Err(Skip::GasAbovePrice { gas_cost, max_price: offer.max_price });
    }
    Ok(budget(offer, gas_cost, left_s, policy))
}

fn budget(offer: &Offer, gas_cost: Wei, left_s: u64, policy: &Policy) -> Budget {
    let setting = policy.max_mcycle_limit.saturating_mul(MILLION);
    let deadline =
        (left_s - policy.min_deadline_s).saturating_mul(policy.peak_prove_khz).saturating_mul(1000);
    let rest = offer.max_price.saturating_sub(gas_cost).0;
    let price = rest
        .saturating_mul(U256::from(MILLION))
        .checked_div(policy.min_mcycle_price.0)
        .map_or(u64::MAX, |cycles| cycles.saturating_to());
    let limits = [
        (setting, CycleLimit::Setting),
        (price, CycleLimit::Price),
        (deadline, CycleLimit::Deadline),
    ];
    let (cycles, limited_by) =
        limits.into_iter().min_by_key(|(cycles, _)| *cycles).expect("there are three limits");
    Budget { cycles_max: Cycles(cycles), limited_by, journal_bytes_max: policy.max_journal_bytes }
}

/// What a request is worth, once its program has run.
pub fn appraise(
    request: &ProofRequest,
    preflight: &Preflight,
    policy: &Policy,
    market: &Market,
) -> Result<Bid, Skip> {
    request
        .requirements
        .predicate
        .check(preflight.image_id, &preflight.journal)
        .map_err(|mismatch| Skip::CannotBeSatisfied { what: mismatch.to_string() })?;
    let journal_bytes = preflight.journal.0.len() as u64;
    if journal_bytes > policy.max_journal_bytes {
        return Err(Skip::JournalTooLong { bytes: journal_bytes, limit: policy.max_journal_bytes });
    }
    let offer = &request.offer;
    let gas_cost = gas_cost_up(request, journal_bytes, policy, market);
    let target_price = Wei(gas_cost.0 + per_mcycle_up(policy.min_mcycle_price, preflight.cycles));
    let Ok(lock_at) = offer.earliest_time_for(target_price) else {
        let rest = offer.max_price.saturating_sub(gas_cost).0;
        let best = rest * U256::from(MILLION) / U256::from(preflight.cycles.0.max(1));
        return Err(Skip::BelowFloor {
            best_per_mcycle: Wei(best),
            floor: policy.min_mcycle_price,
        });
    };
    let race_worthwhile = race(offer, preflight.cycles, policy).is_ok();
    Ok(Bid { target_price, lock_at, race_worthwhile })
}

/// Whether half of a lapsed lock's collateral is worth the work.
pub(crate) fn race(offer: &Offer, cycles: Cycles, policy: &Policy) -> Result<Collateral, Skip> {
    let (_, reward) = split_forfeit_down(offer.lock_collateral);
    let needed = per_mcycle_up(Wei(policy.min_mcycle_price_collateral_token.0), cycles);
    if reward.0 < needed {
        let per_mcycle = reward.0 * U256::from(MILLION) / U256::from(cycles.0.max(1));
        return Err(Skip::RaceBelowFloor {
            reward_per_mcycle: Collateral(per_mcycle),
            floor: policy.min_mcycle_price_collateral_token,
        });
    }
    Ok(reward)
}

fn check_selector(selector: Selector) -> Result<(), Skip> {
    let ours = [registry::DEFAULT, registry::ATTESTED_CLASS, registry::ATTESTED_VERIFIER];
    if ours.contains(&selector) { Ok(()) } else { Err(Skip::UnsupportedSelector { selector }) }
}

/// What lock and fulfilment cost at the current price of gas, with the callback's gas in full.
fn gas_cost_up(
    request: &ProofRequest,
    journal_bytes: u64,
    policy: &Policy,
    market: &Market,
) -> Wei {
    let fixed = policy.gas.lock.saturating_add(policy.gas.fulfill);
    let journal = policy.gas.journal_byte.saturating_mul(journal_bytes);
    let callback = U256::from(request.requirements.callback.gas_limit);
    let gas = U256::from(fixed.saturating_add(journal)).saturating_add(callback);
    Wei(gas.saturating_mul(market.gas_price.0))
}

/// `ceil(price * cycles / 10^6)`.
fn per_mcycle_up(price: Wei, cycles: Cycles) -> U256 {
    price.0.saturating_mul(U256::from(cycles.0)).div_ceil(U256::from(MILLION))
}

/// Seconds that proving `cycles` takes at the promised speed.
pub(crate) fn proving_s_up(cycles: Cycles, policy: &Policy) -> u64 {
    cycles.0.div_ceil(policy.peak_prove_khz.saturating_mul(1000).max(1))
}

#[cfg(test)]
mod tests;
