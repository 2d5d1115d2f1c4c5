//! `rialto request status`: a request's standing with the numbers behind it.

use super::history::History;
use super::standing::{Standing, Word};
use crate::show::{Facts, decimal, eth, rct};
use alloy::primitives::{Address, B256};
use anyhow::Result;
use rialto_chain::{Market, MarketEvent, Network};
use rialto_protocol::{Collateral, Offer, RequestDigest, RequestId, Timestamp, Wei};
use serde::Serialize;
use std::fmt;

/// A request as the chain shows it at one moment.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) request: RequestId,
    pub(crate) digest: RequestDigest,
    pub(crate) client: Address,
    #[serde(rename = "state")]
    pub(crate) word: Word,
    #[serde(rename = "explanation")]
    pub(crate) sentence: String,
    pub(crate) locked_by: Option<Address>,
    pub(crate) delivered_by: Option<Address>,
    #[serde(serialize_with = "decimal::optional")]
    pub(crate) paid_wei: Option<Wei>,
    #[serde(serialize_with = "decimal::string")]
    pub(crate) price_wei: Wei,
    #[serde(serialize_with = "decimal::string")]
    min_price_wei: Wei,
    #[serde(serialize_with = "decimal::string")]
    max_price_wei: Wei,
    #[serde(serialize_with = "decimal::string")]
    lock_collateral_raw: Collateral,
    pub(crate) bidding_start: Timestamp,
    pub(crate) lock_deadline: Timestamp,
    pub(crate) deadline: Timestamp,
    pub(crate) now: Timestamp,
    image_url: String,
    transactions: Vec<Transaction>,
}

#[derive(Clone, Debug, Serialize)]
struct Transaction {
    what: &'static str,
    block: u64,
    at: Timestamp,
    tx: B256,
}

/// Reads a request's standing from the chain.
///
/// # Errors
/// If the chain does not answer or knows no such request.
pub(crate) async fn read(network: &Network, market: &Market, id: RequestId) -> Result<Status> {
    let history = History::read(network, market, id).await?;
    let now = market.endpoint().head().await?.timestamp;
    let request = history.known_request(network, market, id)?;
    let offer: &Offer = &request.request().offer;
    let standing = Standing::of(offer, request.digest(), &history.events, now);
    Ok(Status {
        request: id,
        digest: request.digest(),
        client: id.client(),
        word: standing.word,
        sentence: standing.sentence,
        locked_by: standing.locked_by,
        delivered_by: standing.delivered_by,
        paid_wei: standing.paid,
        price_wei: offer.price_at(now),
        min_price_wei: offer.min_price,
        max_price_wei: offer.max_price,
        lock_collateral_raw: offer.lock_collateral,
        bidding_start: offer.ramp_up_start,
        lock_deadline: offer.lock_deadline(),
        deadline: offer.deadline(),
        now,
        image_url: request.request().image_url.clone(),
        transactions: transactions(&history),
    })
}

fn transactions(history: &History) -> Vec<Transaction> {
    let what = |event: &MarketEvent| match event {
        MarketEvent::RequestSubmitted(_) => Some("submitted"),
        MarketEvent::RequestLocked { .. } => Some("locked"),
        MarketEvent::ProofDelivered { .. } => Some("delivered"),
        MarketEvent::ProverSlashed { .. } => Some("slashed"),
        MarketEvent::CallbackFailed { .. } => Some("callback failed"),
        _ => None,
    };
    let rows = history.events.iter().filter_map(|(at, event)| {
        let (block, tx) = (at.block.number.0, at.tx_hash);
        Some(Transaction { what: what(event)?, block, at: at.timestamp, tx })
    });
    rows.collect()
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.sentence)?;
        let prices = format!("{} to {}", eth(self.min_price_wei), eth(self.max_price_wei));
        let moment = |at: Timestamp| match self.now.seconds_until(at) {
            0 => format!("{} s ago", at.seconds_until(self.now)),
            left_s => format!("in {left_s} s"),
        };
        let facts = Facts::new()
            .with("request", self.request)
            .with("client", self.client)
            .with("offer", prices)
            .with_some("paid", self.paid_wei.map(eth))
            .with("collateral", rct(self.lock_collateral_raw))
            .with("lock deadline", moment(self.lock_deadline))
            .with("deadline", moment(self.deadline))
            .with("program", &self.image_url);
        write!(f, "{facts}")?;
        for Transaction { what, block, at, tx } in &self.transactions {
            let ago_s = at.seconds_until(self.now);
            write!(f, "\n  {what:<13}  block {block}, {ago_s} s ago, {tx}")?;
        }
        Ok(())
    }
}
