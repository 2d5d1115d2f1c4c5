//! A JSON-RPC endpoint of one chain.
//!
//! Every request has a time limit, so that a silent endpoint is an error and not a hang; a question that
//! fails for a moment is asked again.

mod patience;

use crate::traffic::{Counted, Traffic};
use crate::{BlockNumber, BlockRef};
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{Address, Bytes};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::{Header, TransactionRequest};
use alloy::transports::http::{Http, reqwest};
use alloy::transports::{IntoBoxTransport, TransportError, TransportResult};
use patience::Patience;
use rialto_protocol::{Timestamp, Wei};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Longer than any healthy endpoint takes for a chunk of logs, shorter than a lock's margin.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// Blocks whose tips say what is usual.
const FEE_HISTORY_BLOCKS: u64 = 10;

/// A connection to one chain, cheap to clone.
#[derive(Clone, Debug)]
pub struct Endpoint {
    provider: RootProvider,
    chain_id: u64,
    traffic: Arc<Traffic>,
    /// The usual tip as of the newest block that it was asked for: all clones share the answer.
    tip: Arc<Mutex<Option<UsualTip>>>,
}

/// An answer that holds until there is another block.
#[derive(Clone, Copy, Debug)]
struct UsualTip {
    block: BlockRef,
    percentile: u16,
    wei: u128,
}

/// An endpoint did not answer, or answered with an error that is not a contract's.
#[derive(Debug, thiserror::Error)]
#[error("the chain's endpoint failed to {operation}")]
pub struct EndpointError {
    /// What was asked of it, as an infinitive.
    pub operation: &'static str,
    /// What it said.
    pub source: TransportError,
}

/// A block as far as feeds and senders look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockFacts {
    /// Number and hash.
    pub block: BlockRef,
    /// Hash of the block before.
    pub parent: alloy::primitives::B256,
    /// When it was made.
    pub timestamp: Timestamp,
    /// Base fee in wei per gas; zero before EIP-1559.
    pub base_fee_wei: u128,
}

impl Endpoint {
    /// Connects and asks for the chain's id.
    pub async fn connect(url: &Url) -> Result<Self, EndpointError> {
        #[cfg(feature = "simulated")]
        if let Some(simulated) = Self::simulated(url) {
            return simulated;
        }
        let client = reqwest::Client::builder()
            .timeout(REQUEST_LIMIT)
            .build()
            .expect("a client without options that can be wrong");
        let http = Http::with_client(client, url.clone());
        let is_local = http.guess_local();
        let (provider, traffic) = counted(http, is_local);
        let chain_id = provider.get_chain_id().await.or_failed("tell its chain id")?;
        Ok(Self::of(provider, chain_id, traffic))
    }

    /// An endpoint behind another transport than HTTP.
    #[cfg(feature = "simulated")]
    pub(crate) fn over(transport: impl IntoBoxTransport, chain_id: u64) -> Self {
        let (provider, traffic) = counted(transport, true);
        Self::of(provider, chain_id, traffic)
    }

    fn of(provider: RootProvider, chain_id: u64, traffic: Arc<Traffic>) -> Self {
        Self { provider, chain_id, traffic, tip: Arc::default() }
    }

    /// EIP-155 chain id.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The provider below, for what this crate has no words for.
    pub fn provider(&self) -> &RootProvider {
        &self.provider
    }

    /// How much this connection and its clones have asked.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// ETH of an account outside the market.
    pub async fn eth_balance(&self, account: Address) -> Result<Wei, EndpointError> {
        self.provider.get_balance(account).await.map(Wei).or_failed("tell a balance")
    }

    /// The newest block.
    pub async fn head(&self) -> Result<BlockFacts, EndpointError> {
        self.block(BlockId::latest()).await?.ok_or_else(|| EndpointError {
            operation: "tell its newest block",
            source: TransportError::NullResp,
        })
    }

    /// The canonical block of that number, if the endpoint has it.
    pub async fn block_at(&self, number: BlockNumber) -> Result<Option<BlockFacts>, EndpointError> {
        self.block(BlockId::number(number.0)).await
    }

    /// The tip that has been usual in the last blocks before `head`, which is the newest: the median
    /// of what that percentile, in hundredths of a percent, of each block's gas paid at most. Zero
    /// where the endpoint does not tell; whoever bids has a minimum.
    pub async fn usual_tip(&self, percentile: u16, head: BlockRef) -> u128 {
        let known = *self.tip.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.filter(|tip| (tip.block, tip.percentile) == (head, percentile)) {
            return known.wei;
        }
        let percentiles = [f64::from(percentile.min(10_000)) / 100.0];
        let newest = BlockNumberOrTag::Latest;
        let asked = self.provider.get_fee_history(FEE_HISTORY_BLOCKS, newest, &percentiles).await;
        let Some(rewards) = asked.ok().and_then(|history| history.reward) else { return 0 };
        let mut tips: Vec<u128> = rewards.into_iter().flatten().filter(|tip| *tip > 0).collect();
        tips.sort_unstable();
        let wei = tips.get(tips.len() / 2).copied().unwrap_or_default();
        let tip = UsualTip { block: head, percentile, wei };
        *self.tip.lock().unwrap_or_else(PoisonError::into_inner) = Some(tip);
        wei
    }

    async fn block(&self, id: BlockId) -> Result<Option<BlockFacts>, EndpointError> {
        let header = self.provider.get_header(id).await.or_failed("tell a block's header")?;
        Ok(header.as_ref().map(BlockFacts::from))
    }

    /// Runs a call without sending it. A revert is in the error's source.
    pub(crate) async fn run(
        &self,
        request: TransactionRequest,
        at: BlockId,
    ) -> Result<Bytes, EndpointError> {
        self.provider.call(request).block(at).await.or_failed("run a call")
    }
}

fn counted(transport: impl IntoBoxTransport, is_local: bool) -> (RootProvider, Arc<Traffic>) {
    let (counted, traffic) = Counted::new(transport.into_box_transport());
    (RootProvider::new(RpcClient::builder().layer(Patience).transport(counted, is_local)), traffic)
}

impl From<&Header> for BlockFacts {
    fn from(header: &Header) -> Self {
        Self {
            block: BlockRef { number: BlockNumber(header.number), hash: header.hash },
            parent: header.parent_hash,
            timestamp: Timestamp(header.timestamp),
            base_fee_wei: header.base_fee_per_gas.unwrap_or_default().into(),
        }
    }
}

/// Gives a transport's result the name of the operation.
pub(crate) trait OrFailed<T> {
    fn or_failed(self, operation: &'static str) -> Result<T, EndpointError>;
}

impl<T> OrFailed<T> for TransportResult<T> {
    fn or_failed(self, operation: &'static str) -> Result<T, EndpointError> {
        self.map_err(|source| EndpointError { operation, source })
    }
}

#[cfg(test)]
impl Endpoint {
    /// An endpoint that nobody asks.
    pub(crate) fn offline(chain_id: u64) -> Self {
        let url = "http://127.0.0.1:1".parse().unwrap();
        let (provider, traffic) = counted(Http::new(url), true);
        Self::of(provider, chain_id, traffic)
    }
}

#[cfg(test)]
impl EndpointError {
    /// An endpoint's answer with an error in it.
    pub(crate) fn answered(code: i64, message: &str) -> Self {
        let payload = serde_json::json!({ "code": code, "message": message });
        let payload = serde_json::from_value(payload).unwrap();
        Self { operation: "answer", source: TransportError::ErrorResp(payload) }
    }
}
