//! What a lottery by stake over price squared costs, and the faults that one shipped with (E3).

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, number_of, prover};
use crate::{Broken, Estimate, Mean, oracle};
use rialto_mechanism::{Amount, Position, Span};

mod fixtures;
mod spike;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "stake-pool",
    about: "a lottery by stake over the square of the price makes proofs cost twice what they must",
    run,
};

/// What a job costs every prover.
const COST: u128 = 1_000_000;
/// More than anybody ever asks for.
const MOST: u128 = 1 << 70;
const PATIENCE: Span = Span::s(100_000);
/// How a price weighs: as its square.
const POWER: f64 = 2.0;

/// How far what is paid follows what is asked.
struct Pricing {
    lowest: u32,
    highest: u32,
    memory: u32,
}

impl Pricing {
    /// As good as without bounds.
    const FREE: Self = Self { lowest: 0, highest: u32::MAX, memory: 1_024 };
    /// Within 75 and 125 % of the going price, which soon follows.
    const BOUND: Self = Self { lowest: 7_500, highest: 12_500, memory: 16 };
}

fn rules(weighting: &str, pricing: &Pricing, min_capacity: u32) -> String {
    let Pricing { lowest, highest, memory } = pricing;
    format!(
        "weighting = \"{weighting}\"\nslots = 32\nmin_capacity = {min_capacity}\nstake_for_capacity = 1\n\
         first_price = {COST}\nmemory = {memory}\nlowest = {lowest}\nhighest = {highest}\nslash = 500\nslash_min = 1\n\
         window = \"50 min\"\nexit = \"7 d\"\nbeacon = {{ lag = \"12 s\", patience = \"2 min\" }}\n"
    )
}

fn position(stake: u128, price: u128) -> Position {
    Position { stake: Amount::new(stake), price: Amount::new(price), capacity: 1_000 }
}

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for provers in [3, 5, 8, 16, 32] {
        rows.push(markup(provers)?);
    }
    rows.push(small_among_large()?);
    rows.extend(without_equilibrium()?);
    rows.extend(bounded(effort)?);
    rows.extend(splitting()?);
    rows.extend(draws(effort)?);
    rows.push(left_out(effort)?);
    rows.extend(fixtures::faults(effort)?);
    rows.extend(spike::cascade()?);
    Ok(rows)
}

/// Provers who look for the price that is best for them.
struct Pool {
    floor: Floor,
    stakes: Vec<u128>,
    prices: Vec<u128>,
}

impl Pool {
    fn new(rules: &str, stakes: Vec<u128>, price: u128) -> Result<Self, Broken> {
        let mut floor = Floor::new("stake-pool", rules)?;
        for (number, stake) in stakes.iter().enumerate() {
            floor.fund(prover(number))?;
            floor.join(prover(number), position(*stake, price))?;
        }
        let prices = vec![price; stakes.len()];
        Ok(Self { floor, stakes, prices })
    }

    fn ask(&mut self, number: usize, price: u128) -> Result<(), Broken> {
        self.prices[number] = price;
        self.floor.join(prover(number), position(self.stakes[number], price))
    }

    /// What a prover expects of the next job if it asks for this: its part of the tickets, of which the others have
    /// `rivals`, times what is left of what it would be paid, which is `most` at most.
    fn expects(
        &mut self,
        number: usize,
        price: f64,
        rivals: f64,
        most: u128,
    ) -> Result<f64, Broken> {
        self.ask(number, price as u128)?;
        let own = self.floor.tickets(prover(number));
        Ok(own / (own + rivals) * (price.min(most as f64) - COST as f64))
    }

    /// A prover asks for what is best for it while the others stay: golden sections of the range in which its
    /// expectation has one top. `most` is the most that is paid.
    fn respond(&mut self, number: usize, most: u128) -> Result<(), Broken> {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let others = (0..self.stakes.len()).filter(|other| *other != number);
        let rivals = others.map(|other| self.floor.tickets(prover(other))).sum();
        let dearest = self.prices.iter().max().copied().unwrap_or(COST);
        let (mut low, mut high) = (COST as f64, (4 * (dearest + COST)).min(most) as f64);
        while high - low > low * 1e-6 {
            let (left, right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
            let at_left = self.expects(number, left, rivals, most)?;
            match at_left < self.expects(number, right, rivals, most)? {
                true => low = left,
                false => high = right,
            }
        }
        self.ask(number, ((low + high) / 2.0) as u128)
    }

    /// All respond, one after the other, until nobody moves or for so many rounds.
    fn settle(&mut self, rounds: u32) -> Result<(), Broken> {
        for _ in 0..rounds {
            let before = self.prices.clone();
            for number in 0..self.stakes.len() {
                self.respond(number, MOST)?;
            }
            let moved = |(old, new): (&u128, &u128)| old.abs_diff(*new) as f64 > 1e-4 * *old as f64;
            if !before.iter().zip(&self.prices).any(moved) {
                break;
            }
        }
        Ok(())
    }

    /// What is asked on average, in costs.
    fn asked(&self) -> f64 {
        let sum: u128 = self.prices.iter().sum();
        sum as f64 / self.prices.len() as f64 / COST as f64
    }

    /// So many jobs are drawn for with one seed and done. Calls `each` with who had it and for what.
    fn jobs(&mut self, count: u64, mut each: impl FnMut(usize, u128)) -> Result<(), Broken> {
        let mut jobs = Vec::new();
        for _ in 0..count {
            jobs.push(self.floor.open(1_000_000, Amount::new(MOST), PATIENCE)?);
        }
        // The first opens a round of its own.
        while self.floor.seed()?.is_some() {}
        for job in jobs {
            if let Some((party, price)) = self.floor.holder(job) {
                each(number_of(party), price.get());
                self.floor.deliver(job, party)?;
            }
        }
        Ok(())
    }
}

const STAKE: u128 = 1 << 60;
const ENOUGH: u32 = 200;

/// Equal provers who respond to each other, from their cost on.
fn markup(provers: u32) -> Result<Row, Broken> {
    let mut pool =
        Pool::new(&rules("stake", &Pricing::FREE, 1), vec![STAKE; provers as usize], COST)?;
    pool.settle(ENOUGH)?;
    let target = oracle::lottery_markup(POWER, provers.into());
    let asked = Estimate::exact(pool.asked());
    Ok(Row::near(
        format!("price of {provers} equal provers in costs"),
        target,
        0.01 * target,
        asked,
    ))
}

/// One whose stake is next to nothing responds as if there were no end of others.
fn small_among_large() -> Result<Row, Broken> {
    let mut stakes = vec![STAKE; 32];
    stakes[0] = STAKE >> 20;
    let mut pool = Pool::new(&rules("stake", &Pricing::FREE, 1), stakes, COST)?;
    pool.respond(0, MOST)?;
    let (target, asked) =
        (oracle::lottery_markup(POWER, f64::INFINITY), pool.prices[0] as f64 / COST as f64);
    Ok(Row::near("price of one of ever so many", target, 0.01 * target, Estimate::exact(asked)))
}

/// Two always want to be dearer than the other.
fn without_equilibrium() -> Result<Vec<Row>, Broken> {
    let mut pool = Pool::new(&rules("stake", &Pricing::FREE, 1), vec![STAKE; 2], COST)?;
    pool.settle(40)?;
    let early = pool.asked();
    pool.settle(40)?;
    let exact = Estimate::exact;
    Ok(vec![
        Row::above("price of 2 equal provers after 40 rounds", 20.0, exact(early)),
        Row::above("what another 40 rounds add", 20.0, exact(pool.asked() - early)),
    ])
}

/// Where only a quarter more than the going price is paid, prices rise step by step to the same, or without end.
fn bounded(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    let mut eight = Bounded::new(8)?;
    eight.round()?;
    let first = Estimate::exact(eight.first);
    rows.push(Row::near("bounded: price of the first job of 8 in costs", 1.25, 0.0125, first));
    for _ in 0..effort.jobs(60).max(30) {
        eight.round()?;
    }
    let target = oracle::lottery_markup(POWER, 8.0);
    let last = Estimate::exact(eight.last);
    rows.push(Row::near("bounded: price of 8 in the end", target, 0.01 * target, last));
    let mut two = Bounded::new(2)?;
    for _ in 0..60 {
        two.round()?;
    }
    rows.push(Row::above("bounded: price of 2 after 1200 jobs", 50.0, Estimate::exact(two.last)));
    Ok(rows)
}

/// A pool whose going price is followed by what it paid.
struct Bounded {
    pool: Pool,
    /// As the mechanism reckons it.
    going: u128,
    /// The mean price of a round's jobs, in costs.
    last: f64,
    /// The price of the first job.
    first: f64,
}

impl Bounded {
    fn new(provers: usize) -> Result<Self, Broken> {
        let pool = Pool::new(&rules("stake", &Pricing::BOUND, 1), vec![STAKE; provers], COST)?;
        Ok(Self { pool, going: COST, last: 0.0, first: 0.0 })
    }

    /// Everybody responds to the going price, then twenty jobs are done.
    fn round(&mut self) -> Result<(), Broken> {
        let most = self.going * u128::from(Pricing::BOUND.highest) / 10_000;
        for number in 0..self.pool.stakes.len() {
            self.pool.respond(number, most)?;
        }
        let (mut going, mut paid, mut first) = (self.going, Mean::default(), None);
        self.pool.jobs(20, |_, price| {
            first.get_or_insert(price);
            paid.add(price as f64 / COST as f64);
            let memory = u128::from(Pricing::BOUND.memory);
            going = (going * (memory - 1) + price) / memory;
        })?;
        (self.going, self.last) = (going, paid.value());
        if self.first == 0.0 {
            self.first = first.map_or(f64::NAN, |price| price as f64 / COST as f64);
        }
        Ok(())
    }
}

/// The tickets of many small stakes over those of one that is as large.
fn splitting() -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for parts in [4usize, 9, 25] {
        for (weighting, target) in [("root-stake", (parts as f64).sqrt()), ("stake", 1.0)] {
            let tickets = |stakes: Vec<u128>| -> Result<f64, Broken> {
                let pool = Pool::new(&rules(weighting, &Pricing::FREE, 1), stakes, COST)?;
                let all = 0..pool.stakes.len();
                Ok(all.map(|number| pool.floor.tickets(prover(number))).sum())
            };
            let part = 1u128 << 50;
            let gain = tickets(vec![part; parts])? / tickets(vec![part * parts as u128])?;
            let name = format!("{weighting}: tickets of {parts} parts over those of the whole");
            // Tickets are whole.
            rows.push(Row::near(name, target, 1e-6, Estimate::exact(gain)));
        }
    }
    Ok(rows)
}

/// Whoever is drawn, is drawn by stake over the square of the price.
fn draws(effort: Effort) -> Result<Vec<Row>, Broken> {
    let provers = [(4u128, 1u128), (4, 2), (9, 3), (1, 1), (9, 1)];
    let stakes = provers.iter().map(|(stake, _)| stake << 50).collect();
    let mut pool = Pool::new(&rules("stake", &Pricing::FREE, 1), stakes, COST)?;
    for (number, (_, price)) in provers.iter().enumerate() {
        pool.ask(number, price * COST)?;
    }
    let counts = count_draws(&mut pool, effort.jobs(60_000))?;
    let weight = |(stake, price): (u128, u128)| stake as f64 / (price * price) as f64;
    let sum: f64 = provers.into_iter().map(weight).sum();
    let row = |(at, one): (usize, (u128, u128))| {
        let name = format!("share of draws with a stake of {} at a price of {}", one.0, one.1);
        Row::near(name, weight(one) / sum, effort.tolerance(0.01), counts[at].estimate())
    };
    Ok(provers.into_iter().enumerate().map(row).collect())
}

/// How often each prover is drawn.
fn count_draws(pool: &mut Pool, jobs: u64) -> Result<Vec<Mean>, Broken> {
    const AT_ONCE: u64 = 50;
    let mut counts = vec![Mean::default(); pool.stakes.len()];
    for _ in 0..jobs.div_ceil(AT_ONCE) {
        pool.jobs(AT_ONCE, |drawn, _| {
            for (number, count) in counts.iter_mut().enumerate() {
                count.add(f64::from(u8::from(number == drawn)));
            }
        })?;
    }
    Ok(counts)
}

/// A table of 128 entries, as version 3 had, has none for small stakes; a draw by weight has.
fn left_out(effort: Effort) -> Result<Row, Broken> {
    let stakes: Vec<u128> = (0..16).map(|place| (1u128 << 30) << place).collect();
    let entries = oracle::table_entries(&stakes, 128);
    let out: Vec<usize> = (0..stakes.len()).filter(|at| entries[*at] == 0).collect();
    let target =
        out.iter().map(|at| stakes[*at]).sum::<u128>() as f64 / stakes.iter().sum::<u128>() as f64;
    let mut pool = Pool::new(&rules("stake", &Pricing::FREE, 1), stakes, COST)?;
    let counts = count_draws(&mut pool, effort.jobs(60_000))?;
    let (mut mean, mut variance) = (0.0, 0.0);
    for at in &out {
        let Estimate { mean: share, half } = counts[*at].estimate();
        mean += share;
        variance += half * half;
    }
    let measured = Estimate { mean, half: variance.sqrt() };
    let name =
        format!("share of draws of {} of 16 whom a table of 128 entries leaves out", out.len());
    Ok(Row::near(name, target, effort.tolerance(0.001), measured))
}
