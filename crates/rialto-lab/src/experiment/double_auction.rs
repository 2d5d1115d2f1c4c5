//! Truth, what it costs and what breaks it in double auctions (E8). Every deviation in bids is tried on small
//! markets; large ones show how much is traded of what could be.

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, prover};
use crate::{Broken, Dice, Estimate, Mean, oracle};
use rialto_mechanism::mechanism::{double_auction, whole_job_auction};
use rialto_mechanism::{Amount, Event, JobId, JobSpec, Offer, Party, Position, Span, Stage};
use rialto_protocol::Cycles;
use whole_job_auction::Want;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "double-auction",
    about: "in a double auction no other bid than the truth pays, but lies about capacity and second names do",
    run,
};

/// Values and costs on small markets are whole numbers up to this.
const TOP: u64 = 10;
/// What stands for 1 where they are uniform on [0, 1].
const ONE: u64 = 1_000_000;
/// The most units that one job has.
const UNITS: u64 = 4;

/// What a round comes to, whichever rule it follows.
#[derive(Debug, PartialEq)]
struct Played {
    /// What each buyer pays, if it gets its job done.
    pays: Vec<Option<i128>>,
    /// How many units each seller sells.
    sold: Vec<i128>,
    /// What each unit is paid.
    price: i128,
}

type Rule = fn(&[Want], &[Offer]) -> Played;

/// Who wants and who offers.
type Market = (Vec<Want>, Vec<Offer>);

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    let single = |dice: &mut Dice| small(dice, 1);
    rows.extend(deviations("units", by_units, single, effort));
    rows.push(more_than_one_lost(effort));
    for (what, buyers, sellers, units, target) in [
        ("10 x 10 of 1", 10, 10, 1, 0.944),
        ("50 x 50 of 1", 50, 50, 1, 0.998),
        ("200 x 200 of 1", 200, 200, 1, 0.999_9),
        ("100 x 20 of 5", 100, 20, 5, 0.991),
        ("100 x 4 of 25", 100, 4, 25, 0.819),
    ] {
        let market = move |dice: &mut Dice| large(dice, (buyers, 1), (sellers, units, units));
        let (traded, burned) = efficiency(by_units, market, effort);
        let tolerance = effort.tolerance(0.01);
        let name = format!("units: welfare of what could be, {what}");
        rows.push(Row::near(name, target, tolerance, traded));
        let share = [(10, 0.207), (200, 0.015)].into_iter().find(|(count, _)| *count == sellers);
        if let Some((_, target)) = share {
            let name = format!("units: burned of the best welfare, {what}");
            rows.push(Row::near(name, target, tolerance, burned));
        }
    }
    rows.extend(breaks(effort));
    rows.extend(deviations("whole jobs", by_jobs, |dice: &mut Dice| small(dice, UNITS), effort));
    for (what, buyers, sellers, target) in
        [("20 x 5", 20, 5, 0.82), ("50 x 10", 50, 10, 0.954), ("200 x 40", 200, 40, 0.995)]
    {
        let market = move |dice: &mut Dice| large(dice, (buyers, UNITS), (sellers, 5, 15));
        let (traded, _) = efficiency(by_jobs, market, effort);
        let name = format!("whole jobs: welfare of the fractional bound, {what}");
        rows.push(Row::near(name, target, effort.tolerance(0.01), traded));
    }
    let cheapest = count_deviations(cheapest_first, |dice: &mut Dice| small(dice, UNITS), effort);
    let gains = Estimate::exact(f64::from(cheapest.profitable));
    rows.push(Row::above("whole jobs, cheapest prover filled first: profitable", 0.0, gains));
    rows.push(unlike_the_machine("double-auction-reconstruction", by_units, 1)?);
    rows.push(unlike_the_machine("whole-job-auction-reconstruction", by_jobs, UNITS)?);
    Ok(rows)
}

// ------------------------------------------------------------------------------------ the rules

fn by_units(wants: &[Want], offers: &[Offer]) -> Played {
    let bids: Vec<Amount> = wants.iter().map(|want| want.value).collect();
    let mut played = Played::nothing(wants, offers);
    let Some(cleared) = double_auction::clear(&bids, offers) else { return played };
    for winner in cleared.winners {
        played.pays[winner] = Some(number(cleared.buyers_pay));
    }
    for seller in cleared.sellers {
        played.sold[seller] = offers[seller].units.into();
    }
    Played { price: number(cleared.sellers_get), ..played }
}

fn by_jobs(wants: &[Want], offers: &[Offer]) -> Played {
    filled(wants, offers, |_| {})
}

/// The rule that breaks: whoever is cheapest works first.
fn cheapest_first(wants: &[Want], offers: &[Offer]) -> Played {
    filled(wants, offers, |sellers| sellers.sort_by_key(|place| offers[*place].price))
}

fn filled(wants: &[Want], offers: &[Offer], order: impl Fn(&mut [usize])) -> Played {
    let mut played = Played::nothing(wants, offers);
    let Some(mut cleared) = whole_job_auction::clear(wants, offers) else { return played };
    order(&mut cleared.sellers);
    let from = whole_job_auction::fill(wants, offers, &cleared, 0);
    for (seller, units) in from.into_iter().flatten() {
        played.sold[seller] += i128::from(units);
    }
    for (winner, pays) in cleared.winners {
        played.pays[winner] = Some(number(pays));
    }
    Played { price: number(cleared.sellers_get), ..played }
}

impl Played {
    fn nothing(wants: &[Want], offers: &[Offer]) -> Self {
        Self { pays: vec![None; wants.len()], sold: vec![0; offers.len()], price: 0 }
    }

    fn buyer_gain(&self, buyer: usize, value: Amount) -> i128 {
        self.pays[buyer].map_or(0, |pays| number(value) - pays)
    }

    fn seller_gain(&self, seller: usize, cost: Amount) -> i128 {
        self.sold[seller] * (self.price - number(cost))
    }

    /// What is left when all are paid.
    fn burned(&self) -> i128 {
        let paid: i128 = self.pays.iter().flatten().sum();
        paid - self.sold.iter().sum::<i128>() * self.price
    }
}

fn number(amount: Amount) -> i128 {
    amount.get() as i128
}

// ------------------------------------------------------------------------------------ markets

/// Three to seven buyers and two to five sellers of small numbers.
fn small(dice: &mut Dice, units: u64) -> Market {
    let (buyers, sellers) = (3 + dice.below(5), 2 + dice.below(4));
    let mut want = || {
        let units = 1 + dice.below(units);
        Want { units: units as u32, value: amount(dice.below(TOP * units + 1)) }
    };
    let wants = (0..buyers).map(|_| want()).collect();
    let mut offer = |_| offer(dice.below(TOP + 1), 1 + dice.below(2 * units + 1));
    (wants, (0..sellers).map(&mut offer).collect())
}

/// So many buyers of up to so many units, and sellers with capacities within bounds; values and costs of a unit are
/// uniform.
fn large(dice: &mut Dice, (buyers, most): (u64, u64), sellers: (u64, u64, u64)) -> Market {
    let mut want = |_| {
        let units = 1 + dice.below(most);
        Want { units: units as u32, value: amount(units * dice.below(ONE + 1)) }
    };
    let wants = (0..buyers).map(&mut want).collect();
    let (count, least, most) = sellers;
    let mut offer = |_| offer(dice.below(ONE + 1), least + dice.below(most - least + 1));
    (wants, (0..count).map(&mut offer).collect())
}

fn offer(price: u64, units: u64) -> Offer {
    Offer { party: Party::ZERO, price: amount(price), units: units as u32 }
}

fn amount(value: u64) -> Amount {
    Amount::new(value.into())
}

// ------------------------------------------------------------------------------------ truth

#[derive(Default)]
struct Counts {
    tried: u32,
    profitable: u32,
    losses: u32,
    deficits: u32,
}

/// Every bid and every unit cost that anybody could state instead of the truth, on random small markets.
fn deviations(
    what: &str,
    rule: Rule,
    market: impl Fn(&mut Dice) -> Market,
    effort: Effort,
) -> Vec<Row> {
    let counts = count_deviations(rule, market, effort);
    let none = |name: &str, count: u32| Row::exactly(format!("{what}: {name}"), 0.0, count.into());
    let tried = Estimate::exact(counts.tried.into());
    let least = effort.jobs(400_000) as f64;
    vec![
        Row::above(format!("{what}: deviations that were tried"), least, tried),
        none("of them, profitable", counts.profitable),
        none("truthful buyers and sellers at a loss", counts.losses),
        none("rounds that pay out more than comes in", counts.deficits),
    ]
}

fn count_deviations(rule: Rule, market: impl Fn(&mut Dice) -> Market, effort: Effort) -> Counts {
    let (mut dice, mut counts) = (Dice::new(1, "deviations"), Counts::default());
    for _ in 0..effort.jobs(5_000) {
        let (wants, offers) = market(&mut dice);
        let truth = rule(&wants, &offers);
        counts.deficits += u32::from(truth.burned() < 0);
        for (buyer, want) in wants.iter().enumerate() {
            let gain = truth.buyer_gain(buyer, want.value);
            let lie = |bid| {
                let mut bids = wants.clone();
                bids[buyer].value = amount(bid);
                rule(&bids, &offers).buyer_gain(buyer, want.value)
            };
            counts.note(gain, (0..=(TOP + 1) * u64::from(want.units)).map(lie));
        }
        for (seller, offer) in offers.iter().enumerate() {
            let gain = truth.seller_gain(seller, offer.price);
            let lie = |ask| {
                let mut asks = offers.clone();
                asks[seller].price = amount(ask);
                rule(&wants, &asks).seller_gain(seller, offer.price)
            };
            counts.note(gain, (0..=TOP + 1).map(lie));
        }
    }
    counts
}

impl Counts {
    fn note(&mut self, truth: i128, lies: impl Iterator<Item = i128>) {
        self.losses += u32::from(truth < 0);
        for gain in lies {
            self.tried += 1;
            self.profitable += u32::from(gain > truth);
        }
    }
}

// ------------------------------------------------------------------------------------ efficiency

/// Rounds of single units in which more than one trade is lost of what could be (McAfee 1992).
fn more_than_one_lost(effort: Effort) -> Row {
    let mut dice = Dice::new(2, "single units");
    let lost = |_: &u64| {
        let (wants, offers) = large(&mut dice, (10, 1), (10, 1, 1));
        let traded = by_units(&wants, &offers).sold.iter().sum::<i128>();
        let (_, best) = best(&wants, &offers);
        traded + 1 < best
    };
    let rounds = (0..effort.jobs(10_000)).filter(lost).count();
    Row::exactly("units of one: rounds that lose more than one trade", 0.0, rounds as f64)
}

/// Welfare and what is burned, as shares of the best welfare, all rounds together.
fn efficiency(
    rule: Rule,
    market: impl Fn(&mut Dice) -> Market,
    effort: Effort,
) -> (Estimate, Estimate) {
    let mut rounds = Vec::new();
    let mut dice = Dice::new(3, "efficiency");
    for _ in 0..effort.jobs(5_000) {
        let (wants, offers) = market(&mut dice);
        let (best, _) = best(&wants, &offers);
        let played = rule(&wants, &offers);
        let won = (0..wants.len()).map(|buyer| played.buyer_gain(buyer, wants[buyer].value));
        let earned =
            (0..offers.len()).map(|seller| played.seller_gain(seller, offers[seller].price));
        let welfare = won.chain(earned).sum::<i128>() + played.burned();
        rounds.push((welfare as f64, played.burned() as f64, best));
    }
    let share = |part: fn(&(f64, f64, f64)) -> f64| {
        let Estimate { mean, half } =
            Estimate::ratio(rounds.iter().map(|round| (part(round), round.2)));
        // The numbers that it is compared with have three digits.
        Estimate { mean, half: half + 0.000_5 }
    };
    (share(|round| round.0), share(|round| round.1))
}

fn best(wants: &[Want], offers: &[Offer]) -> (f64, i128) {
    let wants: Vec<_> = wants
        .iter()
        .map(|want| (want.units, want.value.get() as f64 / f64::from(want.units)))
        .collect();
    let offers: Vec<_> =
        offers.iter().map(|offer| (offer.units, offer.price.get() as f64)).collect();
    let (welfare, units) = oracle::best_trade(&wants, &offers);
    (welfare, i128::from(units))
}

// ------------------------------------------------------------------------------------ breaks

/// How often a prover somewhere gains by stating less capacity than it has, and by selling part of it
/// dearer under a second name: twenty jobs, five provers with two to six units.
fn breaks(effort: Effort) -> Vec<Row> {
    let (mut lies, mut splits) = (Mean::default(), Mean::default());
    let mut dice = Dice::new(4, "breaks");
    for _ in 0..effort.jobs(12_000) {
        let (wants, offers) = large(&mut dice, (20, 1), (5, 2, 6));
        let truth = by_units(&wants, &offers);
        let pays = |found: &dyn Fn(usize, i128) -> bool| {
            (0..offers.len()).any(|who| found(who, truth.seller_gain(who, offers[who].price)))
        };
        lies.add(f64::from(u8::from(pays(&|who, gain| understates(&wants, &offers, who, gain)))));
        splits.add(f64::from(u8::from(pays(&|who, gain| splits_up(&wants, &offers, who, gain)))));
    }
    let tolerance = effort.tolerance(0.01);
    vec![
        Row::near(
            "units: rounds in which a lie about capacity pays",
            0.42,
            tolerance,
            lies.estimate(),
        ),
        Row::near("units: rounds in which a second name pays", 0.88, tolerance, splits.estimate()),
    ]
}

fn understates(wants: &[Want], offers: &[Offer], who: usize, truth: i128) -> bool {
    (1..offers[who].units).any(|units| {
        let mut stated = offers.to_vec();
        stated[who].units = units;
        by_units(wants, &stated).seller_gain(who, offers[who].price) > truth
    })
}

/// At the margin only the order of prices matters, so those next to others' bids and asks are all there are.
fn splits_up(wants: &[Want], offers: &[Offer], who: usize, truth: i128) -> bool {
    let cost = offers[who].price;
    let others = wants.iter().map(|want| want.value).chain(offers.iter().map(|offer| offer.price));
    let next_to = |price: Amount| {
        let one = Amount::from(1);
        [price.saturating_sub(one), price, price + one]
    };
    let mut prices: Vec<Amount> = others.flat_map(next_to).filter(|price| *price > cost).collect();
    prices.sort_unstable_by(|one, two| two.cmp(one));
    let gain = |kept: u32, price: Amount| {
        let mut stated = offers.to_vec();
        stated[who].units = kept;
        stated.push(Offer { price, units: offers[who].units - kept, ..offers[who] });
        let played = by_units(wants, &stated);
        played.seller_gain(who, cost) + played.seller_gain(offers.len(), cost)
    };
    (1..offers[who].units).any(|kept| prices.iter().any(|price| gain(kept, *price) > truth))
}

// ------------------------------------------------------------------------------------ the machine

/// Rounds that the mechanism itself settles otherwise than its clearing says.
fn unlike_the_machine(mechanism: &str, rule: Rule, units: u64) -> Result<Row, Broken> {
    let mut dice = Dice::new(5, mechanism);
    let mut unlike = 0;
    for _ in 0..200 {
        let (wants, offers) = small(&mut dice, units);
        unlike += u32::from(settle(mechanism, &wants, &offers)? != rule(&wants, &offers));
    }
    let name = format!("{mechanism}: rounds settled otherwise than cleared");
    Ok(Row::exactly(name, 0.0, unlike.into()))
}

const RULES: &str = "[batch]\nround = \"1 s\"\nwindow = \"1 s\"\ncapacity_most = 100\ncollateral = 1\nexit = \"1 s\"";

/// Plays a round to its last proof and reads what it came to from the balances.
fn settle(mechanism: &str, wants: &[Want], offers: &[Offer]) -> Result<Played, Broken> {
    let mut floor = Floor::new(mechanism, RULES)?;
    let buyer = |place: usize| prover(100 + place);
    for (place, offer) in offers.iter().enumerate() {
        let (stake, capacity) = (Amount::from(offer.units), offer.units);
        floor.fund(prover(place))?;
        floor.join(prover(place), Position { stake, price: offer.price, capacity })?;
    }
    let deadline = floor.now() + Span::s(100);
    let jobs: Vec<JobId> = (1..=wants.len() as u64).map(JobId).collect();
    for (place, want) in wants.iter().enumerate() {
        let (requester, max_pay) = (buyer(place), want.value);
        let spec = JobSpec { requester, cycles: Cycles(1), parts: want.units, max_pay, deadline };
        floor.fund(requester)?;
        floor.must(Event::Open { job: jobs[place], spec })?;
    }
    floor.pass(Span::ms(1_001))?;
    let mut played = Played::nothing(wants, offers);
    for (place, job) in jobs.into_iter().enumerate() {
        let Some(Stage::Allocated(held)) = floor.stage(job).cloned() else { continue };
        for holder in held.holders {
            floor.deliver(job, holder.party)?;
            let seller = (0..offers.len()).find(|seller| prover(*seller) == holder.party);
            let seller = seller.expect("a seller has the job");
            // The collateral of a unit is one.
            played.sold[seller] += number(holder.at_risk);
            played.price = floor.gain(holder.party) as i128 / played.sold[seller];
        }
        played.pays[place] = Some(-floor.gain(buyer(place)) as i128);
    }
    Ok(played)
}
