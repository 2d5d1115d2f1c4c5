//! The chain as a sender uses it: an account at an endpoint, or a simulated chain.

use super::book::{Attempt, Facts, Millis, Mined, Sighting, Watch};
use super::fees::{Bidding, FeeMarket, Fees};
use super::verdict::Verdict;
use super::{Nonce, Receipt};
use crate::endpoint::OrFailed;
use crate::{BlockNumber, BlockRef, Call, Endpoint, EndpointError, MarketRevert, revert};
use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::BlockId;
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, Bytes, TxKind};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionReceipt;
use alloy::transports::TransportErrorKind;
use async_trait::async_trait;
use futures::future;
use futures::stream::{self, StreamExt};
use rialto_protocol::Wei;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// A call with the gas it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GasCall {
    pub(super) call: Call,
    pub(super) gas_limit: u64,
}

/// Everything that a sender asks of a chain.
#[async_trait]
pub(super) trait TxPort: Send + Sync + 'static {
    /// The time on a clock that only moves forward.
    fn now(&self) -> Millis;

    /// The state of the account, of the fee market, and of what is watched.
    async fn look(&self, watches: Vec<Watch>) -> Result<Facts, EndpointError>;

    /// Sends a signed transaction.
    async fn broadcast(&self, raw: Bytes) -> Verdict;

    /// A transaction of the account that is in the mempool, if the endpoint shows it.
    async fn leftover(&self, nonce: Nonce) -> Option<(GasCall, Attempt)>;

    /// Why a mined call reverted.
    async fn explain(&self, call: GasCall, mined: &Mined) -> MarketRevert;
}

/// One account at one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) endpoint: Endpoint,
    pub(super) address: Address,
    /// When its clock began.
    pub(super) since: Instant,
    /// How the owner wants bids made.
    pub(super) bidding: watch::Receiver<Bidding>,
}

/// Receipts asked for at once: an endpoint on another continent is not asked one by one, and a
/// public one is not flooded.
const LOOKS_AT_ONCE: usize = 16;
/// What a sender asks is small, and a lock that waits for an answer may come too late.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// A tip that is not told in time is bid for by the owner's minimum.
const TIP_LIMIT: Duration = Duration::from_secs(1);

#[async_trait]
impl TxPort for Account {
    fn now(&self) -> Millis {
        Millis(u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    async fn look(&self, watches: Vec<Watch>) -> Result<Facts, EndpointError> {
        let head = async {
            let head = self.endpoint.head().await?;
            Ok((head, self.usual_tip(head.block).await))
        };
        let account = async {
            futures::try_join!(head, self.count(BlockId::latest()), self.count(BlockId::pending()))
        };
        let account = in_time("tell an account's state", account).await?;
        let ((head, tip_wei), latest, pending) = account;
        let sightings = self.sightings(&watches, latest).await;
        Ok(Facts {
            head: head.block.number,
            head_time: head.timestamp,
            market: FeeMarket { base_wei: head.base_fee_wei, tip_wei },
            latest,
            pending,
            sightings,
        })
    }

    async fn broadcast(&self, raw: Bytes) -> Verdict {
        let send = async {
            let sent = self.endpoint.provider().send_raw_transaction(&raw).await;
            sent.map(drop).or_failed("take a transaction")
        };
        Verdict::of(in_time("take a transaction", send).await)
    }

    async fn leftover(&self, nonce: Nonce) -> Option<(GasCall, Attempt)> {
        let provider = self.endpoint.provider();
        let found =
            provider.get_transaction_by_sender_nonce(self.address, nonce.0).await.ok()??;
        Some(remembered(found.inner.inner()))
    }

    async fn explain(&self, call: GasCall, mined: &Mined) -> MarketRevert {
        let block = mined.receipt.block.number;
        // What made it fail may have come before it in its own block, or have gone after it.
        for at in [block, block.saturating_sub(1)] {
            let mut request = call.call.request(self.address);
            request.gas = Some(call.gas_limit);
            let replayed = self.endpoint.run(request, BlockId::number(at.0)).await;
            if let Some(revert) = replayed.err().and_then(|failed| revert::revert_of(&failed)) {
                return revert;
            }
        }
        match mined.receipt.gas_used >= call.gas_limit {
            true => MarketRevert::OutOfGas,
            false => MarketRevert::NoReason,
        }
    }
}

impl Account {
    async fn count(&self, at: BlockId) -> Result<Nonce, EndpointError> {
        let count = self.endpoint.provider().get_transaction_count(self.address).block_id(at).await;
        count.map(Nonce).or_failed("tell an account's nonce")
    }

    async fn usual_tip(&self, head: BlockRef) -> u128 {
        let percentile = self.bidding.borrow().tip_percentile;
        timeout(TIP_LIMIT, self.endpoint.usual_tip(percentile, head)).await.unwrap_or_default()
    }

    /// What can be told of each nonce. One that fails is left out and waits for the next look: of
    /// many questions to a bad endpoint some always fail, and the others' answers must count.
    async fn sightings(&self, watches: &[Watch], latest: Nonce) -> BTreeMap<Nonce, Sighting> {
        let standing = self.standing(watches).await;
        let looks = watches.iter().map(|watch| async {
            let mined_in = watch.mined_in.map(|block| standing.get(&block).copied());
            let sighting = match mined_in {
                Some(Some(true)) => Sighting::Unchanged,
                Some(None) => return None,
                _ if watch.nonce < latest => {
                    in_time("tell a transaction's receipt", self.search(watch)).await.ok()?
                }
                _ => Sighting::Missing,
            };
            Some((watch.nonce, sighting))
        });
        let found = stream::iter(looks.collect::<Vec<_>>()).buffer_unordered(LOOKS_AT_ONCE);
        found.filter_map(future::ready).collect().await
    }

    /// Whether each of the watched blocks still stands, if it can be told; each is asked for once.
    async fn standing(&self, watches: &[Watch]) -> HashMap<BlockRef, bool> {
        let blocks: HashSet<BlockRef> = watches.iter().filter_map(|watch| watch.mined_in).collect();
        let looks = blocks.into_iter().map(|block| async move {
            let found = in_time("tell a block's header", self.endpoint.block_at(block.number));
            let found = found.await.ok()?;
            Some((block, found.is_some_and(|found| found.block == block)))
        });
        let found = stream::iter(looks.collect::<Vec<_>>()).buffer_unordered(LOOKS_AT_ONCE);
        found.filter_map(future::ready).collect().await
    }

    async fn search(&self, watch: &Watch) -> Result<Sighting, EndpointError> {
        for hash in &watch.hashes {
            let receipt = self.endpoint.provider().get_transaction_receipt(*hash).await;
            let receipt = receipt.or_failed("tell a transaction's receipt")?;
            if let Some(mined) = receipt.and_then(|receipt| mined(receipt, watch.nonce)) {
                return Ok(Sighting::Mined(Box::new(mined)));
            }
        }
        Ok(Sighting::Missing)
    }
}

/// Gives up on an answer that does not come: while the sender waits it neither resends nor replaces.
async fn in_time<T>(
    operation: &'static str,
    asked: impl Future<Output = Result<T, EndpointError>>,
) -> Result<T, EndpointError> {
    timeout(ANSWER_LIMIT, asked).await.unwrap_or_else(|_| {
        let source = TransportErrorKind::custom_str("no answer in time");
        Err(EndpointError { operation, source })
    })
}

fn mined(receipt: TransactionReceipt, nonce: Nonce) -> Option<Mined> {
    let block = BlockRef { number: BlockNumber(receipt.block_number?), hash: receipt.block_hash? };
    Some(Mined {
        succeeded: receipt.status(),
        receipt: Receipt {
            tx_hash: receipt.transaction_hash,
            nonce,
            block,
            gas_used: receipt.gas_used,
            gas_price_wei: receipt.effective_gas_price,
            created: receipt.contract_address,
            logs: receipt.logs().to_vec(),
        },
    })
}

/// A transaction of an earlier life as if this one had signed it.
fn remembered(envelope: &TxEnvelope) -> (GasCall, Attempt) {
    let to = match envelope.kind() {
        TxKind::Call(to) => Some(to),
        TxKind::Create => None,
    };
    let call = Call { to, value: Wei(envelope.value()), data: envelope.input().clone() };
    let max_wei = envelope.max_fee_per_gas();
    let tip_wei = envelope.max_priority_fee_per_gas().unwrap_or(max_wei);
    let attempt = Attempt {
        hash: *envelope.tx_hash(),
        fees: Fees { max_wei, tip_wei },
        raw: envelope.encoded_2718().into(),
        empty: false,
    };
    (GasCall { call, gas_limit: envelope.gas_limit() }, attempt)
}
