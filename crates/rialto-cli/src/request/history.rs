//! What the chain has told about one request, from its events.

use crate::failure::Failure;
use alloy::primitives::{Address, B256};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use anyhow::{Context, Result};
use rialto_chain::{
    BlockNumber, BlockRef, EndpointError, LogPosition, Market, MarketEvent, Network,
};
use rialto_protocol::{Fulfillment, RequestDigest, RequestId, SignedRequest, Timestamp};

/// Blocks asked for at once; endpoints that refuse it are asked for fewer.
const BLOCKS_AT_ONCE: u64 = 50_000;

/// Everything that happened to one request, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Events with their places.
    pub(crate) events: Vec<(LogPosition, MarketEvent)>,
}

/// A proof that was delivered.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// Where.
    pub(crate) at: LogPosition,
    /// By whom.
    pub(crate) prover: Address,
    /// For which request of the id.
    pub(crate) digest: RequestDigest,
    /// The proof.
    pub(crate) fulfillment: Fulfillment,
}

impl History {
    /// Reads all of it from the chain.
    ///
    /// # Errors
    /// If the endpoint does not answer.
    pub(crate) async fn read(network: &Network, market: &Market, id: RequestId) -> Result<Self> {
        let head = market.endpoint().head().await?.block.number;
        let mut events = Vec::new();
        let mut from = network.deployed_at_block.0;
        let mut step = BLOCKS_AT_ONCE;
        while from <= head.0 {
            let to = head.0.min(from.saturating_add(step - 1));
            // Every event about a request has its id as the first topic after the event's own.
            let filter = Filter::new()
                .address(market.address())
                .topic1(B256::from(id.to_u256()))
                .from_block(from)
                .to_block(to);
            let logs = match market.endpoint().provider().get_logs(&filter).await {
                Ok(logs) => logs,
                Err(_) if step > 1 && to > from => {
                    step = step.div_ceil(4);
                    continue;
                }
                Err(source) => {
                    return Err(
                        EndpointError { operation: "tell a request's events", source }.into()
                    );
                }
            };
            for log in logs {
                events.push((place(market, &log).await?, MarketEvent::decode(&log.inner.data)));
            }
            from = to + 1;
        }
        Ok(Self { events })
    }

    /// The request: the one that was locked or delivered, else the first that its client signed.
    /// Anybody can publish anything under any id.
    pub(crate) fn request(&self, market: &Market) -> Option<SignedRequest> {
        let decided = self.events.iter().find_map(|(_, event)| match event {
            MarketEvent::RequestLocked { request, .. } => {
                Some(market.domain().request_digest(&request.request))
            }
            MarketEvent::ProofDelivered { digest, .. } => Some(*digest),
            _ => None,
        });
        let mut signed = self.events.iter().filter_map(|(_, event)| {
            let (MarketEvent::RequestSubmitted(request)
            | MarketEvent::RequestLocked { request, .. }) = event
            else {
                return None;
            };
            request.as_ref().clone().verify(&market.domain()).ok()
        });
        signed.find(|request| decided.is_none_or(|digest| request.digest() == digest))
    }

    /// [`History::request`].
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn known_request(
        &self,
        network: &Network,
        market: &Market,
        id: RequestId,
    ) -> Result<SignedRequest> {
        self.request(market).with_context(|| {
            let what = format!("network {:?} knows no valid request {id}", network.name);
            Failure::usage(what, "check the id, and that --network is where it was submitted")
        })
    }

    /// The first delivery.
    pub(crate) fn delivery(&self) -> Option<Delivery> {
        self.events.iter().find_map(|(at, event)| match event {
            MarketEvent::ProofDelivered { prover, digest, fulfillment, .. } => Some(Delivery {
                at: *at,
                prover: *prover,
                digest: *digest,
                fulfillment: fulfillment.as_ref().clone(),
            }),
            _ => None,
        })
    }
}

async fn place(market: &Market, log: &Log) -> Result<LogPosition> {
    let mined = log.block_number.zip(log.block_hash);
    let (number, hash) = mined.context("the endpoint told an event of no block")?;
    let block = BlockRef { number: BlockNumber(number), hash };
    let timestamp = match log.block_timestamp {
        Some(timestamp) => Timestamp(timestamp),
        None => {
            let facts = market.endpoint().block_at(block.number).await?;
            facts.context("the endpoint has lost a block; ask again")?.timestamp
        }
    };
    let tx_hash = log.transaction_hash.unwrap_or_default();
    Ok(LogPosition { block, timestamp, tx_hash, log_index: log.log_index.unwrap_or_default() })
}
