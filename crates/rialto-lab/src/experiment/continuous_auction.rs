//! The right to all jobs, always for sale to whoever asks less (E4).

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, REQUESTER, prover};
use crate::{Broken, Dice, Estimate, Mean, oracle};
use rialto_mechanism::{Amount, Event, Message, Position, Refusal, Span};

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "continuous-auction",
    about: "a seat that is always for sale rests near the second-lowest cost, stands empty after a predator, and must not be prepaid",
    run,
};

/// What stands for a cost of 1.
const ONE: u128 = 1_000_000_000;
const CYCLES: u64 = 1_000_000;
const WINDOW: Span = Span::s(7_200);
const PATIENCE: Span = Span::s(20_000);
const MINUTE: Span = Span::s(60);

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = vacancy()?;
    rows.extend(resting("seat-auction", &seat_rules(500, 10 * ONE), 500, effort)?);
    rows.extend(resting("term-auction", &term_rules(ONE, 6_000), 1_000, effort)?);
    rows.extend(shared(effort)?);
    rows.extend(bonds()?);
    for average in [0.6, 0.3, 0.1, 0.05, 0.02] {
        rows.push(predation(average)?);
    }
    rows.extend(vanishing()?);
    Ok(rows)
}

/// Rules of a seat; the cap of a vacant one begins at `first_cap`.
fn seat_rules(undercut: u32, first_cap: u128) -> String {
    format!(
        "undercut = {undercut}\nlower_every = \"0 s\"\nfirst_cap = \"{first_cap}\"\ndoubling = \"15 min\"\n\
         doublings = 8\nejection = 10000\nliveness_bond = 1000\nrescuer = 6000\nwindow = \"2 h\"\nexit = \"2 d\"\n"
    )
}

/// What is at stake for a job in the market by terms, and what of it a missed one costs.
const BOND: u128 = 10_000;
const SLASH: u128 = 5_000;

/// Rules of a market by terms; the first term's fee is at most ten times `first_average`.
fn term_rules(first_average: u128, rescuer: u32) -> String {
    format!(
        "undercut = 1000\nvacant = 100000\nfirst_average = \"{first_average}\"\nmemory = 1024\nbond = {BOND}\n\
         slash = {SLASH}\nrescuer = {rescuer}\nwindow = \"2 h\"\nretired = 3\npermissionless = 20000\nexit = \"4 h\"\n"
    )
}

/// Provers with enough at stake.
fn floor_with(mechanism: &str, rules: &str, provers: usize, stake: u128) -> Result<Floor, Broken> {
    let mut floor = Floor::new(mechanism, rules)?;
    for number in 0..provers {
        floor.fund(prover(number))?;
        let stake = Amount::new(stake);
        floor.join(prover(number), Position { stake, ..Position::default() })?;
    }
    Ok(floor)
}

/// A prover asks for the right at a fee; why not, if it does not get it.
fn bid(floor: &mut Floor, number: usize, fee: u128) -> Result<Option<Refusal>, Broken> {
    floor.say(prover(number), None, Message::Bid { price: Amount::new(fee) })
}

/// A bid that must be heard.
fn must_bid(floor: &mut Floor, number: usize, fee: u128) -> Result<(), Broken> {
    bid(floor, number, fee)?.map_or(Ok(()), |refusal| Err(refusal.into()))
}

/// The cap of a seat that nobody has had yet, in terms of the first one, as a refusal states it.
fn vacancy() -> Result<Vec<Row>, Broken> {
    let mut floor = floor_with("seat-auction", &seat_rules(500, ONE), 1, 20_000)?;
    let began = floor.now();
    let mut rows = Vec::new();
    for (minutes, times) in [
        (0, 1.0),
        (14, 1.0),
        (15, 2.0),
        (30, 4.0),
        (60, 16.0),
        (105, 128.0),
        (120, 256.0),
        (240, 256.0),
    ] {
        floor.pass((began + MINUTE.times(minutes)).since(floor.now()))?;
        let cap = match bid(&mut floor, 0, u128::from(u64::MAX))? {
            Some(Refusal::PriceTooHigh { limit }) => limit.get() as f64 / ONE as f64,
            _ => f64::NAN,
        };
        rows.push(Row::exactly(
            format!("cap of a seat after {minutes} min of vacancy"),
            times,
            cap,
        ));
    }
    Ok(rows)
}

/// Five provers whose costs are drawn from [.5, 1.5]. Whoever hears of the fee first, of those who do not have the right
/// and can afford to, undercuts it by as little as the rules allow, from ten times the mean cost down
/// until nobody can.
fn resting(
    mechanism: &str,
    rules: &str,
    undercut: u32,
    effort: Effort,
) -> Result<Vec<Row>, Broken> {
    const PROVERS: usize = 5;
    let mut dice = Dice::new(1, mechanism);
    let (mut ratios, mut dearer, mut outside) = (Mean::default(), Mean::default(), 0u32);
    let keep = 1.0 - f64::from(undercut) / 10_000.0;
    for _ in 0..effort.jobs(60_000) {
        let cost = |dice: &mut Dice| ONE / 2 + u128::from(dice.below(ONE as u64));
        let costs: Vec<u128> = (0..PROVERS).map(|_| cost(&mut dice)).collect();
        let (holder, fee) = undercut_until_rest(mechanism, rules, undercut, &costs, &mut dice)?;
        let mut sorted = costs.clone();
        sorted.sort_unstable();
        let ratio = fee as f64 / sorted[1] as f64;
        ratios.add(ratio);
        // Fees are whole numbers, rounded down.
        outside += u32::from(ratio < keep - 1e-8 || ratio >= 1.0 / keep);
        dearer.add(f64::from(u8::from(costs[holder] > sorted[0])));
    }
    let rest = oracle::undercutting(PROVERS, 10.0, keep);
    let tolerance = effort.tolerance(0.003);
    let at = format!("{} % undercut", undercut / 100);
    Ok(vec![
        Row::exactly(
            format!(
                "{at}: resting fees outside [{keep:.2}, {:.4}) second-lowest costs",
                1.0 / keep
            ),
            0.0,
            outside.into(),
        ),
        Row::near(
            format!("{at}: mean resting fee in second-lowest costs"),
            rest.ratio,
            tolerance,
            ratios.estimate(),
        ),
        Row::near(
            format!("{at}: rights held by another than the cheapest"),
            rest.dearer,
            tolerance,
            dearer.estimate(),
        ),
    ])
}

/// Who has the right in the end, and for which fee.
fn undercut_until_rest(
    mechanism: &str,
    rules: &str,
    undercut: u32,
    costs: &[u128],
    dice: &mut Dice,
) -> Result<(usize, u128), Broken> {
    let mut floor = floor_with(mechanism, rules, costs.len(), 20_000)?;
    let mut holder = dice.below(costs.len() as u64) as usize;
    let mut fee = 10 * ONE;
    must_bid(&mut floor, holder, fee)?;
    loop {
        let next = fee * u128::from(10_000 - undercut) / 10_000;
        let willing: Vec<usize> =
            (0..costs.len()).filter(|at| *at != holder && costs[*at] <= next).collect();
        if willing.is_empty() {
            return Ok((holder, fee));
        }
        holder = willing[dice.below(willing.len() as u64) as usize];
        fee = next;
        must_bid(&mut floor, holder, fee)?;
    }
}

/// Rules of a pool whose members ask the same.
const POOL: &str = r#"
    undercut = 500
    slots = 16
    step = 1000
    first_cap = 1000000000
    stake = 20000
    ejection = 10000
    liveness_bond = 1000
    rescuer = 6000
    window = "2 h"
    exit = "2 d"
    beacon = { lag = "12 s", patience = "2 min" }
"#;

/// A pool that so many have joined one after the other.
fn pool_of(members: usize) -> Result<Floor, Broken> {
    let mut floor = floor_with("seat-pool", POOL, members, 20_000)?;
    (0..members).try_for_each(|number| must_bid(&mut floor, number, ONE))?;
    Ok(floor)
}

/// What a pool's members have of the right that they share: their tickets, and what is drawn by them.
fn shared(effort: Effort) -> Result<Vec<Row>, Broken> {
    const AT_ONCE: u64 = 50;
    let mut rows = Vec::new();
    for (members, target) in [(8, 0.1405), (16, 0.1272)] {
        let floor = pool_of(members)?;
        let tickets: Vec<f64> = (0..members).map(|number| floor.tickets(prover(number))).collect();
        let sum: f64 = tickets.iter().sum();
        let hhi = tickets.iter().map(|own| (own / sum).powi(2)).sum();
        let name = format!("concentration of a seat that {members} share");
        rows.push(Row::near(name, target, 5e-5, Estimate::exact(hhi)));
    }
    let mut floor = pool_of(2)?;
    let (jobs, mut first) = (effort.jobs(340_000), 0);
    for _ in 0..jobs / AT_ONCE {
        let opened: Result<Vec<_>, _> =
            (0..AT_ONCE).map(|_| floor.open(CYCLES, Amount::new(ONE), PATIENCE)).collect();
        while floor.seed()?.is_some() {}
        for job in opened? {
            let holder = floor.holder(job).map_or(REQUESTER, |(party, _)| party);
            first += u64::from(holder == prover(0));
            floor.deliver(job, holder)?;
        }
    }
    let tolerance = effort.tolerance(0.003);
    let (share, rest) = (Estimate::share(first, jobs), Estimate::share(jobs - first, jobs));
    // Weights of 10 000 and 9 000.
    rows.push(Row::near("jobs of the first of 2 who share a seat", 10.0 / 19.0, tolerance, share));
    rows.push(Row::near("jobs of the second", 9.0 / 19.0, tolerance, rest));
    Ok(rows)
}

/// What misses cost: a holder whose jobs another proves, until it has lost the seat.
fn bonds() -> Result<Vec<Row>, Broken> {
    let mut floor = floor_with("seat-auction", &seat_rules(500, ONE), 2, 20_000)?;
    let (holder, rescuer) = (prover(0), prover(1));
    must_bid(&mut floor, 0, ONE)?;
    let (mut missed, mut lost, mut gained) = (0.0, 0.0, 0.0);
    loop {
        let job = floor.open(CYCLES, Amount::new(10 * ONE), PATIENCE)?;
        if floor.holder(job).is_none_or(|(party, _)| party != holder) {
            break;
        }
        floor.pass(WINDOW + Span::ms(1))?;
        let before = (floor.gain(holder), floor.gain(rescuer));
        floor.deliver(job, rescuer)?;
        missed += 1.0;
        lost += before.0 - floor.gain(holder);
        gained += floor.gain(rescuer) - before.1 - ONE as f64;
    }
    Ok(vec![
        // Twice the ejection threshold at first, a bond less each time: below the threshold after
        // threshold / bond + 1.
        Row::exactly("missed jobs until a seat is lost", 11.0, missed),
        Row::exactly("of a missed job's bond, the rescuer's", 0.6, gained / lost),
        Row::exactly("of it, burned", 0.4, floor.burned() / lost),
    ])
}

/// A rival takes all jobs at `average` of the others' cost until the average fee is as low, and leaves.
/// The minutes until the others' cost is not too dear for the vacant seat.
fn predation(average: f64) -> Result<Row, Broken> {
    const JOBS: u32 = 300;
    let (cost, low) = (ONE, (average * ONE as f64) as u128);
    let mut floor = floor_with("seat-auction", &seat_rules(500, ONE / 100), 2, 20_000)?;
    while bid(&mut floor, 0, cost)?.is_some() {
        floor.pass(MINUTE)?;
    }
    for taken in 0..JOBS {
        if taken == 1 {
            must_bid(&mut floor, 1, low)?;
        }
        let job = floor.open(CYCLES, Amount::new(cost), PATIENCE)?;
        let holder = floor.holder(job).map_or(REQUESTER, |(party, _)| party);
        floor.deliver(job, holder)?;
    }
    floor.must(Event::Leave { party: prover(1) })?;
    let mut minutes = 0.0;
    while bid(&mut floor, 0, cost)?.is_some() {
        floor.pass(MINUTE)?;
        minutes += 1.0;
    }
    let target = oracle::vacancy_after_predation(average, 15.0);
    let name = format!("minutes without a prover after a predator at {average} of the cost");
    Ok(Row::exactly(name, target, minutes))
}

/// How a holder of a term fares that takes a job and does not prove it.
struct Vanished {
    /// Nobody proves the job.
    alone: f64,
    /// Its second address does.
    rescued: f64,
}

/// One job of a term at `fee`.
fn vanish(rescuer: u32, fee: u128) -> Result<Vanished, Broken> {
    let outcome = |rescues: bool| -> Result<f64, Broken> {
        let mut floor = floor_with("term-auction", &term_rules(fee, rescuer), 1, BOND)?;
        let (holder, alias) = (prover(0), prover(1));
        floor.fund(alias)?;
        must_bid(&mut floor, 0, fee)?;
        let job = floor.open(CYCLES, Amount::new(fee), PATIENCE)?;
        floor.pass(WINDOW + Span::ms(1))?;
        if rescues {
            floor.deliver(job, alias)?;
        }
        floor.pass(PATIENCE)?;
        Ok(floor.gain(holder) + floor.gain(alias))
    };
    Ok(Vanished { alone: outcome(false)?, rescued: outcome(true)? })
}

/// Taking the fee and vanishing, at fees on both sides of the slash. As shipped the fee is the holder's when the
/// job opens, so there it keeps the fee on top of what the escrowed mechanism leaves it.
fn vanishing() -> Result<Vec<Row>, Broken> {
    let fees: Vec<u128> = (1..=20).map(|step| step * SLASH / 10).collect();
    let above = fees.iter().filter(|fee| **fee > SLASH).count() as f64;
    let (mut pays, mut pays_prepaid, mut as_told, mut gains) = (0.0, 0.0, 0.0, 0.0);
    let (mut whole, mut part) = (Mean::default(), Mean::default());
    for fee in fees {
        let (shipped, ours) = (vanish(10_000, fee)?, vanish(6_000, fee)?);
        let kept = fee as f64;
        let prepaid = shipped.alone + kept;
        pays += f64::from(u8::from(ours.alone > 0.0));
        pays_prepaid += f64::from(u8::from(prepaid > 0.0));
        as_told += f64::from(u8::from((prepaid > 0.0) == (fee > SLASH)));
        gains += f64::from(u8::from(shipped.rescued > kept || ours.rescued > kept));
        whole.add((kept - shipped.rescued) / SLASH as f64);
        part.add((kept - ours.rescued) / SLASH as f64);
    }
    Ok(vec![
        Row::exactly("prepaid: fees of 20 at which vanishing pays", above, pays_prepaid),
        Row::exactly(
            "prepaid: fees at which it pays just where the fee is above the slash",
            20.0,
            as_told,
        ),
        Row::exactly("escrowed: fees of 20 at which vanishing pays", 0.0, pays),
        Row::exactly(
            "fees at which rescuing oneself pays more than keeping the window",
            0.0,
            gains,
        ),
        Row::exactly("of the slash, lost by a self-rescuer who gets all of it", 0.0, whole.value()),
        Row::exactly("of the slash, lost by a self-rescuer who gets 60 %", 0.4, part.value()),
    ])
}
