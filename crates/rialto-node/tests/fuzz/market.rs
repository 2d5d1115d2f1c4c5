//! A market that has said something: its logs, and what they are about.

use alloy::primitives::{B256, Bytes, LogData, U256, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use rialto_chain::simulated::{Genesis, SimulatedChain};
use rialto_chain::{Market, MarketEvent, Network};
use rialto_protocol::{
    Collateral, MarketDomain, Offer, ProofRequest, Timestamp, Unverified, Wei, example,
};
use std::time::Duration;

const START: Timestamp = Timestamp(2_000_000_000);

fn chain() -> SimulatedChain {
    let block_interval = Duration::from_secs(1);
    SimulatedChain::start(Genesis { chain_id: 31_337, time: START, block_interval })
}

fn client() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256("client")).unwrap()
}

pub(crate) fn network() -> Network {
    chain().network(Vec::new(), 1)
}

pub(crate) fn domain() -> MarketDomain {
    network().market_domain()
}

pub(crate) fn request() -> Unverified {
    let request = example::request(client().address());
    let offer = Offer { ramp_up_start: START, ..request.offer };
    let request = ProofRequest { offer, ..request };
    let signature = client().sign_hash_sync(&domain().request_digest(&request).0).unwrap();
    Unverified { request, signature: signature.as_bytes().into() }
}

/// What the market says of a request that is submitted, locked and slashed.
pub(crate) fn logs() -> Vec<LogData> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let chain = chain();
        let rich = Wei(U256::from(1_000_000_000_000_000_000u64));
        let collateral = Collateral(rich.0);
        let prover = PrivateKeySigner::from_bytes(&keccak256("prover")).unwrap().address();
        chain.endow(client().address(), rich, (rich, Collateral::ZERO));
        chain.endow(prover, rich, (Wei::ZERO, collateral));
        let market_at = chain.network(Vec::new(), 1).market;
        let market = Market::connect(chain.endpoint(), market_at).await.unwrap();
        let request = request();
        chain.act(client().address(), &market.submit_request(&request, Wei::ZERO), 0);
        chain.advance(Duration::from_secs(2));
        let signed = request.clone().verify(&market.domain()).unwrap();
        chain.act(prover, &market.lock_request(&signed), 0);
        chain.advance(Duration::from_secs(300));
        chain.act(prover, &market.slash(request.request.id), 0);
        chain.advance(Duration::from_secs(2));
        let filter = Filter::new().from_block(0).address(market_at);
        let logs = chain.endpoint().provider().get_logs(&filter).await.unwrap();
        logs.into_iter().map(|log| log.inner.data).collect()
    })
}

/// Topics by number, then data.
pub(crate) fn flat(log: &LogData) -> Vec<u8> {
    let topics = log.topics().iter().flat_map(|topic| topic.to_vec());
    let count = u8::try_from(log.topics().len()).unwrap();
    [count].into_iter().chain(topics).chain(log.data.to_vec()).collect()
}

/// The other way round, with whatever topics there are.
pub(crate) fn read(bytes: &[u8]) -> MarketEvent {
    let (count, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let (topics, data) = rest.split_at((usize::from(*count % 5) * 32).min(rest.len() / 32 * 32));
    let topics = topics.chunks(32).map(B256::from_slice).collect();
    MarketEvent::decode(&LogData::new_unchecked(topics, Bytes::copy_from_slice(data)))
}
