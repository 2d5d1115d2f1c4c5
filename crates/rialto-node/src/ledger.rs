//! Profit and loss: what the node has earned, spent and lost, in exact integers of each asset.
//!
//! Income, rewards and forfeits follow from the chain's facts, gas from every transaction of the
//! logbook, failed ones too. Everything becomes dated postings first and sums later, so that the
//! same postings give the same total however they are grouped.

use crate::calendar::Day;
use crate::decimal;
use alloy::primitives::{Address, I256};
use rialto_planner::{Facts, LockFact};
use rialto_protocol::{Collateral, ProofRequest, RequestDigest, RequestId, Timestamp, Wei};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::str::FromStr;

/// All that the books have of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The order.
    pub digest: RequestDigest,
    /// Its request.
    pub request: ProofRequest,
    /// What the chain says of it.
    pub facts: Facts,
    /// Whether nothing more will come of it.
    pub closed: bool,
    /// What each transaction cost, and when it was made in milliseconds since the UNIX epoch.
    pub gas: Vec<(u64, Wei)>,
}

/// One amount that changed hands, or is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// When, in milliseconds since the UNIX epoch.
    pub at_ms: u64,
    /// For which order.
    pub digest: RequestDigest,
    /// Its request's id.
    pub request: RequestId,
    /// How much of what.
    pub amount: Amount,
}

/// What a posting is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// The price of a lock that we delivered under.
    Price(Wei),
    /// What a transaction cost.
    Gas(Wei),
    /// Our share of a lapsed lock's collateral.
    Reward(Collateral),
    /// Collateral that a lapsed lock of ours cost.
    Forfeit(Collateral),
    /// Collateral that a lock of ours holds.
    Stake(Collateral),
}

impl Account {
    /// Everything that has come of the order for the prover `me`.
    pub fn postings(&self, me: Address) -> Vec<Posting> {
        let mut amounts: Vec<(u64, Amount)> =
            self.gas.iter().map(|(at_ms, gas)| (*at_ms, Amount::Gas(*gas))).collect();
        if let Some(lock) = self.facts.lock.filter(|lock| lock.digest == self.digest) {
            if lock.prover == me {
                amounts.push(self.own_lock(&lock, me));
            }
            if let Some(slash) = self.facts.slash.filter(|slash| slash.recipient == me) {
                let deadline = self.request.offer.deadline();
                amounts.push((ms(deadline), Amount::Reward(slash.transferred)));
            }
        }
        let posting = |(at_ms, amount)| Posting {
            at_ms,
            digest: self.digest,
            request: self.request.id,
            amount,
        };
        amounts.into_iter().map(posting).collect()
    }

    /// A lock of ours is paid for, lost, or still held.
    fn own_lock(&self, lock: &LockFact, me: Address) -> (u64, Amount) {
        let offer = &self.request.offer;
        let in_time =
            |by: &&rialto_planner::Delivery| by.prover == me && by.at <= offer.lock_deadline();
        match self.facts.deliveries.iter().find(in_time) {
            Some(by) => (ms(by.at), Amount::Price(offer.price_at(lock.at))),
            None if self.closed || self.facts.slash.is_some() => {
                (ms(offer.lock_deadline()), Amount::Forfeit(offer.lock_collateral))
            }
            None => (ms(lock.at), Amount::Stake(offer.lock_collateral)),
        }
    }
}

fn ms(at: Timestamp) -> u64 {
    at.0.saturating_mul(1000)
}

/// What postings are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// Each request.
    Request,
    /// Each market.
    Venue,
    /// Each day, in UTC.
    Day,
}

/// A word that is no grouping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no grouping; write request, venue or day")]
pub struct InvalidGrouping(String);

impl FromStr for Grouping {
    type Err = InvalidGrouping;

    fn from_str(text: &str) -> Result<Self, InvalidGrouping> {
        match text {
            "request" => Ok(Self::Request),
            "venue" => Ok(Self::Venue),
            "day" => Ok(Self::Day),
            other => Err(InvalidGrouping(other.to_owned())),
        }
    }
}

/// Sums of one group. Amounts are decimal strings in JSON, in wei and the collateral token's
/// smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Prices that we were paid.
    #[serde(with = "decimal")]
    pub income_wei: Wei,
    /// What transactions cost, failed ones too.
    #[serde(with = "decimal")]
    pub gas_wei: Wei,
    /// Shares of others' lapsed locks, and what was saved of our own.
    #[serde(with = "decimal")]
    pub reward: Collateral,
    /// Collateral that our lapsed locks cost, in full.
    #[serde(with = "decimal")]
    pub forfeited: Collateral,
    /// Collateral that our locks hold.
    #[serde(with = "decimal")]
    pub at_stake: Collateral,
}

/// One line of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The request's id, the venue's name or the day.
    pub key: String,
    /// Its sums.
    #[serde(flatten)]
    pub sums: Sums,
    /// Income less gas, in wei.
    pub profit_wei: I256Decimal,
    /// Rewards less forfeits, in the collateral token's smallest unit.
    pub profit_collateral: I256Decimal,
}

/// Profit and loss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// What the lines are.
    pub by: Grouping,
    /// The lines, in the order of their keys.
    pub rows: Vec<Row>,
    /// All lines together.
    pub total: Row,
}

/// A signed amount, in JSON a decimal string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct I256Decimal(pub I256);

impl Statement {
    /// Sums the postings of each venue.
    pub fn new(by: Grouping, books: &[(String, Vec<Posting>)]) -> Self {
        let mut groups: BTreeMap<String, Sums> = BTreeMap::new();
        let mut total = Sums::default();
        for (venue, postings) in books {
            for posting in postings {
                let key = match by {
                    Grouping::Request => posting.request.to_string(),
                    Grouping::Venue => venue.clone(),
                    Grouping::Day => Day::of_ms(posting.at_ms).to_string(),
                };
                groups.entry(key).or_default().add(posting.amount);
                total.add(posting.amount);
            }
        }
        let rows = groups.into_iter().map(|(key, sums)| Row::new(key, sums)).collect();
        Self { by, rows, total: Row::new("total".to_owned(), total) }
    }
}

impl Row {
    fn new(key: String, sums: Sums) -> Self {
        Self {
            key,
            sums,
            profit_wei: difference(sums.income_wei.0, sums.gas_wei.0),
            profit_collateral: difference(sums.reward.0, sums.forfeited.0),
        }
    }
}

impl Sums {
    fn add(&mut self, amount: Amount) {
        // What a market can pay fits 96 bits and what a transaction can cost 192, so a sum that
        // overflows 256 is no sum of either.
        const FITS: &str = "amounts on a chain add up within 256 bits";
        match amount {
            Amount::Price(wei) => self.income_wei = self.income_wei.checked_add(wei).expect(FITS),
            Amount::Gas(wei) => self.gas_wei = self.gas_wei.checked_add(wei).expect(FITS),
            Amount::Reward(part) => self.reward = self.reward.checked_add(part).expect(FITS),
            Amount::Forfeit(lost) => self.forfeited = self.forfeited.checked_add(lost).expect(FITS),
            Amount::Stake(held) => self.at_stake = self.at_stake.checked_add(held).expect(FITS),
        }
    }
}

fn difference(gain: alloy::primitives::U256, loss: alloy::primitives::U256) -> I256Decimal {
    // Both are below 2^255, so the difference of their two's complements is the difference.
    I256Decimal(I256::from_raw(gain.wrapping_sub(loss)))
}

impl From<I256Decimal> for String {
    fn from(amount: I256Decimal) -> Self {
        amount.0.to_string()
    }
}

impl TryFrom<String> for I256Decimal {
    type Error = alloy::primitives::ParseSignedError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        I256::from_dec_str(&text).map(Self)
    }
}

#[cfg(test)]
mod tests;
