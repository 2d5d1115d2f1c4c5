//! What an order book's deposits cover, and who wants to be the first to have a proof made that is sold again (X3).

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, REQUESTER, prover};
use crate::{Broken, Dice, Mean, oracle};
use rialto_mechanism::{Amount, Event, JobId, Message, Party, Position, Proof, Refusal, Span};

mod resale;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "order-book",
    about: "a deposit covers every fine, and a proof that is sold again has no first buyer unless that buyer has its share",
    run,
};

const FINE: u32 = 10;
const WITHIN: Span = Span::s(60);
const PATIENCE: Span = Span::s(100_000);
/// What a commission is a share of, and the least that it comes to.
const COMMISSIONS: [(u32, u32); 3] = [(50, 1), (200, 3), (1_000, 50)];

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for (share, least) in COMMISSIONS {
        rows.push(asks_covered(share, least, effort)?);
        rows.extend(fined(share, least)?);
    }
    for (liars, each) in [(1, 1), (2, 3), (5, 4)] {
        rows.extend(driven_out(liars, each)?);
    }
    for late in [0.1, 0.25, 0.5] {
        rows.push(rematched(late, effort)?);
    }
    rows.extend(resale::rows(effort)?);
    Ok(rows)
}

/// A book with commissions, and what else its rules say.
fn book(share: u32, least: u32, more: &str) -> Result<Floor, Broken> {
    let rules = format!(
        "asks = 1000000\ncommission = {share}\ncommission_least = {least}\nfine = {FINE}\nrecord_first = 10000\n\
         record_least = 0\nmemory = 16\ncapped = false\nexit = \"1 h\"\n{more}"
    );
    Floor::new("order-book", &rules)
}

fn commission(share: u32, least: u32, price: u128) -> u128 {
    (price * u128::from(share) / 10_000).max(least.into())
}

/// A producer with money and this deposit.
fn deposit(floor: &mut Floor, party: Party, stake: u128) -> Result<(), Broken> {
    floor.fund(party)?;
    floor.join(party, Position { stake: Amount::new(stake), ..Position::default() })
}

fn ask(floor: &mut Floor, party: Party, price: u128) -> Result<Option<Refusal>, Broken> {
    let message = Message::Ask { price: Amount::new(price), within: WITHIN };
    floor.say(party, None, message)
}

fn must_ask(floor: &mut Floor, party: Party, price: u128) -> Result<(), Broken> {
    ask(floor, party, price)?.map_or(Ok(()), |refusal| Err(refusal.into()))
}

/// Asks of all prices against deposits of all sizes: whether they stand is what the oracle says.
fn asks_covered(share: u32, least: u32, effort: Effort) -> Result<Row, Broken> {
    let mut dice = Dice::new(1, "asks");
    let mut wrong = 0u32;
    for _ in 0..effort.jobs(200) {
        let stake = 1 + dice.below(20_000);
        let prices: Vec<u128> = (0..100).map(|_| u128::from(dice.below(10_000))).collect();
        let mut floor = book(share, least, "")?;
        deposit(&mut floor, prover(0), stake.into())?;
        let commissions: Vec<u128> =
            prices.iter().map(|price| commission(share, least, *price)).collect();
        let covered = oracle::asks_covered(stake.into(), FINE.into(), &commissions);
        for (price, stands) in prices.iter().zip(covered) {
            let refused = ask(&mut floor, prover(0), *price)?;
            wrong += u32::from(refused.is_none() != stands);
        }
    }
    let name =
        format!("asks that stand or do not beyond a deposit's limit, commission {share} bps");
    Ok(Row::exactly(name, 0.0, wrong.into()))
}

/// A producer that only makes proofs up, as long as its deposit allows.
fn fined(share: u32, least: u32) -> Result<Vec<Row>, Broken> {
    const PRICE: u128 = 2_000;
    const DEPOSIT: u128 = 10_000;
    let mut floor = book(share, least, "")?;
    deposit(&mut floor, prover(0), DEPOSIT)?;
    let mut faked = 0u32;
    // The job goes back to the book each time, and to the next ask.
    let job = floor.open(1_000_000, Amount::new(PRICE), PATIENCE)?;
    while ask(&mut floor, prover(0), PRICE)?.is_none() {
        fake(&mut floor, job, prover(0))?;
        faked += 1;
    }
    let commission = commission(share, least, PRICE);
    let expected = oracle::proofs_fined(DEPOSIT, FINE.into(), commission);
    let each = floor.burned() / f64::from(faked) / commission as f64;
    let of = format!("commission {share} bps");
    Ok(vec![
        Row::exactly(format!("commissions that a made-up proof costs, {of}"), FINE.into(), each),
        Row::exactly(
            format!("made-up proofs that a deposit pays for, {of}"),
            expected as f64,
            faked.into(),
        ),
    ])
}

fn fake(floor: &mut Floor, job: JobId, by: Party) -> Result<(), Broken> {
    floor.must(Event::Deliver { job, by, proof: Proof { valid: false, part: 0 } }).map(drop)
}

/// Several who make proofs up ask for less than the honest one: a job passes through all that their deposits cover, at their
/// cost alone.
fn driven_out(liars: usize, each: u128) -> Result<Vec<Row>, Broken> {
    const HONEST: u128 = 1_000;
    let (share, least) = COMMISSIONS[0];
    let fine = u128::from(FINE) * commission(share, least, 1);
    let mut floor = book(share, least, "")?;
    for liar in 0..liars {
        deposit(&mut floor, prover(liar), each * fine + fine - 1)?;
        while ask(&mut floor, prover(liar), 1)?.is_none() {}
    }
    deposit(&mut floor, prover(liars), 1_000_000)?;
    must_ask(&mut floor, prover(liars), HONEST)?;
    let before = floor.gain(REQUESTER);
    let job = floor.open(1_000_000, Amount::new(HONEST), PATIENCE)?;
    let mut faked = 0u32;
    while let Some((holder, _)) = floor.holder(job) {
        if holder == prover(liars) {
            floor.deliver(job, holder)?.map_or(Ok(()), |refusal| Err(Broken::from(refusal)))?;
        } else {
            fake(&mut floor, job, holder)?;
            faked += 1;
        }
    }
    let expected = oracle::proofs_fined(each * fine + fine - 1, fine, 1) * liars as u128;
    let of = format!("{liars} with a deposit for {each} each");
    let paid = (before - floor.gain(REQUESTER)) / HONEST as f64;
    let burned = floor.burned() / fine as f64;
    Ok(vec![
        Row::exactly(
            format!("made-up proofs before an honest one, {of}"),
            expected as f64,
            faked.into(),
        ),
        Row::exactly(format!("fines that are burned then, {of}"), expected as f64, burned),
        Row::exactly(format!("paid by the requester then, of the honest ask, {of}"), 1.0, paid),
    ])
}

/// A job goes to the next in the book whenever somebody is late, and everybody is now and then.
fn rematched(late: f64, effort: Effort) -> Result<Row, Broken> {
    let mut floor = book(50, 1, "")?;
    deposit(&mut floor, prover(0), 1_000_000)?;
    let mut dice = Dice::new(1, &format!("late {late}"));
    let mut lost = Mean::default();
    for _ in 0..effort.jobs(40_000) {
        must_ask(&mut floor, prover(0), 1)?;
        let job = floor.open(1_000_000, Amount::new(1), PATIENCE)?;
        let opened_at = floor.now();
        while dice.chance(late) {
            floor.pass(WITHIN + Span::ms(1))?;
            must_ask(&mut floor, prover(0), 1)?;
        }
        lost.add((floor.now().since(opened_at).get() as f64 / WITHIN.get() as f64).round());
        floor.deliver(job, prover(0))?.map_or(Ok(()), |refusal| Err(Broken::from(refusal)))?;
    }
    let name = format!("times that are lost where one in {} is late", 1.0 / late);
    Ok(Row::near(name, oracle::rematching(late), effort.tolerance(0.02), lost.estimate()))
}
