//! What provers pay whoever chooses among their quotes and bears only a part of the fee (X5).
//!
//! A quote is a fee, which the mechanism knows, and a kick-back, which it does not: the prover withdraws it and the
//! sequencer has it. The fee comes out of what an epoch's sequencers have together, and the one that chooses bears its share
//! of it. It chooses the quote that leaves it most. An epoch without a choice is lost with all its fees, so it always chooses.
//!
//! Provers begin with a fee at their cost and no kick-back. In turn each takes its best answer to what stands; kick-backs go
//! in steps that get finer whenever nobody moves.

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, REQUESTER, prover};
use crate::{Broken, Dice, Estimate, Mean, oracle};
use rialto_mechanism::{Amount, Event, Message, Party, Refusal, Span};

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "epoch-quotes",
    about: "who chooses a quote and bears a part of its fee is paid the rest of it",
    run,
};

/// The most that an epoch pays.
const FEES: u128 = 1_000_000;
const PROVERS: usize = 3;
/// What an epoch costs a prover: from and to, each amount between as likely as any other.
const COSTS: (u128, u128) = (50_000, 250_000);
/// Fees that a prover tries: so many steps from its cost to the most.
const FEE_STEPS: u128 = 2;
/// Steps of kick-backs, the coarse ones first.
const STEPS: [u128; 4] = [100_000, 10_000, 1_000, 100];
/// What each quote puts up.
const BOND: f64 = 1_000.0;
const RULES: &str = "claim = \"468 s\"\nprove = \"684 s\"\nbond = 1000";

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for percent in [0, 25, 50, 75, 100] {
        rows.extend(at_rest(percent, effort)?);
    }
    Ok(rows)
}

/// Where quotes come to rest, over markets with other costs.
fn at_rest(percent: u32, effort: Effort) -> Result<Vec<Row>, Broken> {
    let (from, to) = COSTS;
    let mut dice = Dice::new(1, &format!("bears {percent} %"));
    let (mut of_rent, mut of_most, mut fee) = (Mean::default(), Mean::default(), Mean::default());
    let mut regrets = None;
    let share = f64::from(percent) / 100.0;
    for _ in 0..effort.jobs(60) {
        let cost = |dice: &mut Dice| from + u128::from(dice.below((to - from) as u64));
        let mut costs: Vec<u128> = (0..PROVERS).map(|_| cost(&mut dice)).collect();
        let mut market = Market::new(&costs, percent)?;
        market.rest()?;
        costs.sort_unstable();
        // Without kick-backs competition leaves the fee at the second-lowest cost.
        let lowest = costs[1] as f64;
        if regrets.is_none() {
            regrets = Some(market.regrets()?);
        }
        let epoch = market.epoch(&market.quotes.clone())?;
        let beyond_its_loss = epoch.sequencer + share * lowest;
        of_rent.add(beyond_its_loss / (FEES as f64 - lowest));
        of_most.add(beyond_its_loss / FEES as f64);
        fee.add(market.quotes[epoch.chosen].fee as f64 / FEES as f64);
    }
    let of = format!("who chooses bears {share} of it");
    // The last step of kick-backs is all that keeps a market from its rest.
    let name = format!("kick-back beyond its own loss, of what the fee rises by, {of}");
    let mut rows = vec![Row::near(name, 1.0 - share, 1e-3, Estimate::exact(of_rent.value()))];
    let (tried, better) = regrets.unwrap_or_default();
    let name = format!("of {tried} other quotes, those that pay more, {of}");
    rows.push(Row::exactly(name, 0.0, better.into()));
    if percent < 100 {
        let [from, to] = [from, to].map(|cost| cost as f64 / FEES as f64);
        let target = oracle::kick_back(share, PROVERS as u32, from, to);
        let name = format!("that kick-back, of the highest fee, {of}");
        rows.push(Row::near(name, target, effort.tolerance(0.02), of_most.estimate()));
        // Who bears all of it does not care by which of both it is paid.
        rows.push(Row::exactly(format!("fee, of the highest, {of}"), 1.0, fee.value()));
    }
    Ok(rows)
}

/// What a prover offers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Quote {
    fee: u128,
    kick_back: u128,
}

/// What an epoch came to.
struct Epoch {
    chosen: usize,
    /// What the sequencer that chose has gained.
    sequencer: f64,
    /// What the prover that was chosen has gained.
    profit: f64,
}

/// Provers with their costs and what they offer, and a sequencer who bears so many hundredths of a fee.
struct Market {
    floor: Floor,
    percent: u32,
    costs: Vec<u128>,
    quotes: Vec<Quote>,
    /// Who was chosen by what stands; of quotes that are best alike its own is chosen again.
    chosen: usize,
}

impl Market {
    fn new(costs: &[u128], percent: u32) -> Result<Self, Broken> {
        let mut floor = Floor::new("epoch-quotes", RULES)?;
        (0..costs.len()).try_for_each(|nth| floor.fund(prover(nth)))?;
        let quotes = costs.iter().map(|cost| Quote { fee: *cost, kick_back: 0 }).collect();
        Ok(Self { floor, percent, costs: costs.to_vec(), quotes, chosen: 0 })
    }

    /// What a quote leaves the sequencer that chooses it, in hundredths.
    fn worth(&self, quote: Quote) -> i128 {
        100 * quote.kick_back as i128 - i128::from(self.percent) * quote.fee as i128
    }

    /// An epoch with these quotes. All that is paid beside the mechanism leaves it and comes in again.
    fn epoch(&mut self, quotes: &[Quote]) -> Result<Epoch, Broken> {
        let sequencer = self.floor.gain(REQUESTER);
        let job = self.floor.open(1_000_000, Amount::new(FEES), Span::s(1_152))?;
        for (nth, quote) in quotes.iter().enumerate() {
            let price = Amount::new(quote.fee);
            done(self.floor.say(prover(nth), Some(job), Message::Bid { price })?)?;
        }
        let incumbent_first = |nth: &usize| (self.worth(quotes[*nth]), *nth == self.chosen);
        let Some(chosen) = (0..quotes.len()).max_by_key(incumbent_first) else {
            unreachable!("there are provers")
        };
        let (party, quote) = (prover(chosen), quotes[chosen]);
        let before = self.floor.gain(party);
        done(self.floor.say(REQUESTER, Some(job), Message::Choose { party })?)?;
        done(self.floor.deliver(job, party)?)?;
        self.withdraw(party, self.costs[chosen] + quote.kick_back)?;
        let borne_by_others = quote.fee * u128::from(100 - self.percent) / 100;
        let amount = Amount::new(quote.kick_back + borne_by_others);
        self.floor.must(Event::Fund { party: REQUESTER, amount })?;
        // What was chosen gives the bond back, which it had put up before.
        let profit = self.floor.gain(party) - before - BOND;
        Ok(Epoch { chosen, sequencer: self.floor.gain(REQUESTER) - sequencer, profit })
    }

    fn withdraw(&mut self, party: Party, amount: u128) -> Result<(), Broken> {
        self.floor.must(Event::Withdraw { party, amount: Amount::new(amount) }).map(drop)
    }

    /// A prover's gain by a quote, where the others' stand; nothing if it is not chosen.
    fn gain(&mut self, nth: usize, quote: Quote) -> Result<Option<f64>, Broken> {
        let mut quotes = self.quotes.clone();
        quotes[nth] = quote;
        let epoch = self.epoch(&quotes)?;
        Ok((epoch.chosen == nth).then_some(epoch.profit))
    }

    /// A prover's best answer with kick-backs in steps, and what it gains by it if it is chosen then. Of equal ones the lowest fee.
    fn best(&self, nth: usize, step: u128) -> Option<(Quote, u128)> {
        let others = self.quotes.iter().enumerate().filter(|(other, _)| *other != nth);
        let to_beat = others.map(|(_, quote)| self.worth(*quote)).max()?;
        let cost = self.costs[nth];
        let answer = |above: u128| {
            let fee = cost + (FEES - cost) * above / FEE_STEPS;
            let least = (to_beat + 1 + i128::from(self.percent) * fee as i128).max(0) as u128;
            let kick_back = least.div_ceil(100).next_multiple_of(step);
            let gain = (fee - cost).checked_sub(kick_back)?;
            Some((Quote { fee, kick_back }, gain))
        };
        (0..=FEE_STEPS).rev().filter_map(answer).max_by_key(|(_, gain)| *gain)
    }

    /// Everybody answers in turn, with an epoch after each answer, until nobody moves; in steps that get finer.
    fn rest(&mut self) -> Result<(), Broken> {
        for step in STEPS {
            let mut still = 0;
            for nth in (0..self.costs.len()).cycle() {
                let Quote { fee, kick_back } = self.quotes[nth];
                let gains = if nth == self.chosen { fee - self.costs[nth] - kick_back } else { 0 };
                let better = self.best(nth, step).filter(|(_, gain)| *gain > gains);
                still = if better.is_some() { 0 } else { still + 1 };
                if let Some((quote, _)) = better {
                    self.quotes[nth] = quote;
                    self.chosen = self.epoch(&self.quotes.clone())?.chosen;
                }
                if still == self.costs.len() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// How many of all quotes on a grid would have been better for a prover by more than the last step, and how many there are.
    fn regrets(&mut self) -> Result<(u32, u32), Broken> {
        const GRID: u128 = 20;
        let (mut tried, mut better) = (0, 0);
        for nth in 0..self.costs.len() {
            let gains = self.gain(nth, self.quotes[nth])?.unwrap_or_default();
            for fee in (0..=GRID).map(|it| FEES * it / GRID) {
                for kick_back in (0..=GRID).map(|it| fee * it / GRID) {
                    let gain = self.gain(nth, Quote { fee, kick_back })?.unwrap_or_default();
                    tried += 1;
                    better += u32::from(gain > gains + STEPS[STEPS.len() - 1] as f64);
                }
            }
        }
        Ok((tried, better))
    }
}

fn done(refused: Option<Refusal>) -> Result<(), Broken> {
    refused.map_or(Ok(()), |refusal| Err(refusal.into()))
}
