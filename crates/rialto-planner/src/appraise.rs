//! What a request is worth: first without running its program, then with the cycles it took.

use crate::policy::Policy;
use crate::skip::{CycleLimit, Skip};
use alloy_primitives::U256;
use rialto_protocol::lifecycle::split_forfeit_down;
use rialto_protocol::{
    Collateral, Cycles, ImageId, Journal, Offer, ProofRequest, Selector, Timestamp, Wei, registry,
};
use std::time::Duration;

/// What the market looks like right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Market {
    /// The time that the next block will carry, as far as one can tell.
    pub now: Timestamp,
    /// The time between two blocks lately; nothing while it is not known.
    pub block_time: Duration,
    /// What a unit of gas costs, in wei.
    pub gas_price: Wei,
    /// Our collateral in the market that is not at stake.
    pub free_collateral: Collateral,
    /// What 10^18 units of the collateral token are worth, if a fresh rate is known.
    pub token_price: Option<Wei>,
}

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

/// A request worth locking, and from when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bid {
    /// The price at which gas is covered and the floor is met.
    pub target_price: Wei,
    /// The first second at which the offer pays it.
    pub lock_at: Timestamp,
}

/// Why a request is not worth it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not, and nothing but a setting will change that.
    Skip(Skip),
    /// A limit is set in another currency for which there is no fresh rate.
    NoRate,
    /// A list of those who are served is not at hand, and it may name the client.
    NoList,
}

impl From<Skip> for Refusal {
    fn from(skip: Skip) -> Self {
        Self::Skip(skip)
    }
}

/// What a request is worth once its program has run; one of the two is worth it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appraisal {
    /// Under a lock of ours.
    pub lock: Result<Bid, Refusal>,
    /// In the race after somebody else's lock: our share of the forfeited collateral.
    pub race: Result<Collateral, Refusal>,
}

impl Market {
    /// How long a transaction may be on its way when all goes well: it misses a block and is in the
    /// next.
    pub fn two_blocks(&self) -> Duration {
        self.block_time.saturating_mul(2)
    }
}

const MILLION: u64 = 1_000_000;
const ONE_TOKEN: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// Everything that can be refused before the program has run, as an order to lock; otherwise the
/// budget for running it.
///
/// The order is the order of cost: time, client, verifier, stake, price.
pub fn screen(request: &ProofRequest, policy: &Policy, market: &Market) -> Result<Budget, Refusal> {
    let offer = &request.offer;
    if market.now > offer.lock_deadline() {
        return Err(Skip::Expired { lock_deadline: offer.lock_deadline() }.into());
    }
    let left_s = market.now.seconds_until(offer.lock_deadline());
    check_outside(request, left_s, policy, market)?;
    let limit = policy.max_collateral.ok_or(Refusal::NoRate)?;
    if offer.lock_collateral > limit {
        return Err(Skip::CollateralAboveLimit { asked: offer.lock_collateral, limit }.into());
    }
    let gas_cost = gas_cost_up(request, 0, policy, market);
    if gas_cost > offer.max_price {
        return Err(Skip::GasAbovePrice { gas_cost, max_price: offer.max_price }.into());
    }
    let floor = floor(request, policy)?;
    let rest = offer.max_price.saturating_sub(gas_cost).0;
    Ok(budget(request, left_s, paid_cycles_down(rest, floor.0, policy), policy))
}

/// The same as an order to race for, behind somebody else's lock.
pub fn screen_race(
    request: &ProofRequest,
    policy: &Policy,
    market: &Market,
) -> Result<Budget, Refusal> {
    let left_s = market.now.seconds_until(request.offer.deadline());
    check_outside(request, left_s, policy, market)?;
    race(request, Cycles(0), 0, (policy, market))?;
    let floor = policy.min_mcycle_price_collateral_token.ok_or(Refusal::NoRate)?;
    let reward = expected_reward_down(&request.offer, policy);
    Ok(budget(request, left_s, paid_cycles_down(reward.0, floor.0, policy), policy))
}

fn check_outside(
    request: &ProofRequest,
    left_s: u64,
    policy: &Policy,
    market: &Market,
) -> Result<(), Refusal> {
    let needed_s = policy.min_deadline_s;
    if left_s < needed_s {
        return Err(Skip::TooLittleTime { left_s, needed_s }.into());
    }
    let expires_in_s = market.now.seconds_until(request.offer.deadline());
    if let Some(limit_s) = policy.max_order_expiry_s.filter(|limit| expires_in_s > *limit) {
        return Err(Skip::ExpiresTooLate { expires_in_s, limit_s }.into());
    }
    check_client(request, policy)?;
    Ok(check_selector(request.requirements.selector)?)
}

/// Whether the client is served, by the lists of now.
pub(crate) fn check_client(request: &ProofRequest, policy: &Policy) -> Result<(), Refusal> {
    let client = request.id.client();
    let requestors = &policy.requestors;
    if requestors.denied.contains(&client) {
        return Err(Skip::RequestorDenied { client }.into());
    }
    match &requestors.allowed {
        Some(allowed) if !allowed.contains(&client) => Err(match requestors.is_list_missing {
            true => Refusal::NoList,
            false => Skip::RequestorNotAllowed { client }.into(),
        }),
        _ => Ok(()),
    }
}

fn budget(request: &ProofRequest, left_s: u64, price: u64, policy: &Policy) -> Budget {
    let setting = match policy.requestors.is_priority(request.id.client()) {
        true => u64::MAX,
        false => policy.max_mcycle_limit.saturating_mul(MILLION),
    };
    let deadline = left_s
        .saturating_sub(policy.min_deadline_s)
        .saturating_mul(policy.peak_prove_khz)
        .saturating_mul(1_000)
        .saturating_sub(policy.additional_proof_cycles.0);
    let limits = [
        (setting, CycleLimit::Setting),
        (price, CycleLimit::Price),
        (deadline, CycleLimit::Deadline),
    ];
    let (cycles, limited_by) =
        limits.into_iter().min_by_key(|(cycles, _)| *cycles).expect("there are three limits");
    Budget { cycles_max: Cycles(cycles), limited_by, journal_bytes_max: policy.max_journal_bytes }
}

/// The most cycles of a program for which `paid` meets the floor.
fn paid_cycles_down(paid: U256, floor_per_mcycle: U256, policy: &Policy) -> u64 {
    paid.saturating_mul(U256::from(MILLION))
        .checked_div(floor_per_mcycle)
        .map_or(u64::MAX, |cycles| cycles.saturating_to())
        .saturating_sub(policy.additional_proof_cycles.0)
}

/// What a request is worth, once its program has run: refused if it is worth neither a lock nor a
/// race, for the reason of the lock.
pub fn appraise(
    request: &ProofRequest,
    run: &Preflight,
    policy: &Policy,
    market: &Market,
) -> Result<Appraisal, Refusal> {
    check_run(request, run, policy)?;
    let journal_bytes = run.journal.0.len() as u64;
    let lock = bid(request, run.cycles, journal_bytes, (policy, market));
    let race = race(request, run.cycles, journal_bytes, (policy, market));
    match (lock, race) {
        (Err(lock @ Refusal::Skip(_)), Err(Refusal::Skip(_))) => Err(lock),
        (Err(_), Err(_)) => Err(Refusal::NoRate),
        (lock, race) => Ok(Appraisal { lock, race }),
    }
}

fn check_run(request: &ProofRequest, run: &Preflight, policy: &Policy) -> Result<(), Skip> {
    request
        .requirements
        .predicate
        .check(run.image_id, &run.journal)
        .map_err(|mismatch| Skip::CannotBeSatisfied { what: mismatch.to_string() })?;
    let bytes = run.journal.0.len() as u64;
    if bytes > policy.max_journal_bytes {
        return Err(Skip::JournalTooLong { bytes, limit: policy.max_journal_bytes });
    }
    let least = Cycles(policy.min_mcycle_limit.saturating_mul(MILLION));
    if run.cycles < least && !policy.requestors.is_priority(request.id.client()) {
        return Err(Skip::TooFewCycles { cycles: run.cycles, limit: least });
    }
    Ok(())
}

/// The earliest second at which locking pays gas and floor.
pub fn bid(
    request: &ProofRequest,
    cycles: Cycles,
    journal_bytes: u64,
    (policy, market): (&Policy, &Market),
) -> Result<Bid, Refusal> {
    let offer = &request.offer;
    let limit = policy.max_collateral.ok_or(Refusal::NoRate)?;
    if offer.lock_collateral > limit {
        return Err(Skip::CollateralAboveLimit { asked: offer.lock_collateral, limit }.into());
    }
    let gas_cost = gas_cost_up(request, journal_bytes, policy, market);
    let floor = floor(request, policy)?;
    let work = charged(cycles, policy);
    let target_price = Wei(gas_cost.0.saturating_add(per_mcycle_up(floor.0, work)));
    let Ok(lock_at) = offer.earliest_time_for(target_price) else {
        let rest = offer.max_price.saturating_sub(gas_cost).0;
        let best_per_mcycle = Wei(per_mcycle_down(rest, work));
        return Err(Skip::BelowFloor { best_per_mcycle, floor }.into());
    };
    Ok(Bid { target_price, lock_at })
}

/// Whether our share of a lapsed lock's collateral is worth the work, at the odds that the operator
/// assumes, after gas where a rate makes the two comparable.
pub fn race(
    request: &ProofRequest,
    cycles: Cycles,
    journal_bytes: u64,
    (policy, market): (&Policy, &Market),
) -> Result<Collateral, Refusal> {
    let floor = policy.min_mcycle_price_collateral_token.ok_or(Refusal::NoRate)?;
    let expected = expected_reward_down(&request.offer, policy);
    let gas = race_gas_up(request, journal_bytes, policy, market);
    let work = charged(cycles, policy);
    let needed = per_mcycle_up(floor.0, work).saturating_add(gas);
    if expected.0 < needed {
        let reward_per_mcycle = Collateral(per_mcycle_down(expected.0.saturating_sub(gas), work));
        return Err(Skip::RaceBelowFloor { reward_per_mcycle, floor }.into());
    }
    Ok(expected)
}

fn expected_reward_down(offer: &Offer, policy: &Policy) -> Collateral {
    let (_, reward) = split_forfeit_down(offer.lock_collateral);
    let percent = U256::from(policy.expected_probability_win_secondary_fulfillment);
    Collateral(reward.0.saturating_mul(percent) / U256::from(100))
}

/// What a commitment and a fulfilment cost, in collateral; nothing where no rate is known.
fn race_gas_up(
    request: &ProofRequest,
    journal_bytes: u64,
    policy: &Policy,
    market: &Market,
) -> U256 {
    let Some(token) = market.token_price.filter(|token| !token.0.is_zero()) else {
        return U256::ZERO;
    };
    if policy.skip_gas_profitability_check {
        return U256::ZERO;
    }
    let gas = policy.gas.of_race(request, journal_bytes);
    gas.saturating_mul(market.gas_price.0).saturating_mul(ONE_TOKEN).div_ceil(token.0)
}

fn floor(request: &ProofRequest, policy: &Policy) -> Result<Wei, Refusal> {
    let (client, selector) = (request.id.client(), request.requirements.selector);
    policy.floors.of_request(client, selector).ok_or(Refusal::NoRate)
}

fn check_selector(selector: Selector) -> Result<(), Skip> {
    let ours = [registry::DEFAULT, registry::ATTESTED_CLASS, registry::ATTESTED_VERIFIER];
    if ours.contains(&selector) { Ok(()) } else { Err(Skip::UnsupportedSelector { selector }) }
}

/// What lock and fulfilment cost at the current price of gas.
fn gas_cost_up(
    request: &ProofRequest,
    journal_bytes: u64,
    policy: &Policy,
    market: &Market,
) -> Wei {
    if policy.skip_gas_profitability_check {
        return Wei::ZERO;
    }
    let gas = policy.gas.of_lock_and_fulfill(request, journal_bytes);
    Wei(gas.saturating_mul(market.gas_price.0))
}

/// The cycles that an order is charged for.
pub(crate) fn charged(cycles: Cycles, policy: &Policy) -> Cycles {
    Cycles(cycles.0.saturating_add(policy.additional_proof_cycles.0))
}

/// `ceil(price * cycles / 10^6)`.
fn per_mcycle_up(price: U256, cycles: Cycles) -> U256 {
    price.saturating_mul(U256::from(cycles.0)).div_ceil(U256::from(MILLION))
}

/// `floor(amount * 10^6 / cycles)`.
fn per_mcycle_down(amount: U256, cycles: Cycles) -> U256 {
    amount.saturating_mul(U256::from(MILLION)) / U256::from(cycles.0.max(1))
}

#[cfg(test)]
mod tests;
