//! A chain of its own for each test, with accounts that have what they need.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use async_trait::async_trait;
use rialto_chain::devnet::{Devnet, DevnetConfig, Funding, Mining, find_anvil};
use rialto_chain::network::Attester;
use rialto_chain::sender::{SignedTx, TxLog};
use rialto_chain::{Endpoint, Market, Network, Sender, SenderConfig};
use rialto_protocol::attestation::AttestedSeal;
use rialto_protocol::{
    Collateral, Fulfillment, FulfillmentBatch, FulfillmentData, ImageId, Input, Journal, Offer,
    Predicate, ProofRequest, RequestId, Requirements, SignedRequest, SlimRequest, Timestamp,
    Unverified, Wei, claim_digest, merkle, registry,
};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

/// Longer than anything here takes on a busy machine; what hangs must fail.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) devnet: Devnet,
    pub(crate) market: Market,
    attesters: Vec<PrivateKeySigner>,
}

/// The key of somebody by name.
pub(crate) fn key(name: &str) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256(name)).unwrap()
}

pub(crate) fn ether(whole: u64) -> Wei {
    Wei(U256::from(whole) * U256::from(10).pow(U256::from(18)))
}

pub(crate) fn tokens(whole: u64) -> Collateral {
    Collateral(ether(whole).0)
}

/// Three attesters of whom two must sign, and three people with 100 ETH and 100 tokens each.
pub(crate) fn config(mining: Mining) -> DevnetConfig {
    static TOOLS: Once = Once::new();
    TOOLS.call_once(|| {
        if find_anvil().is_err() {
            let setup = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/setup.sh");
            assert!(Command::new(setup).status().unwrap().success());
        }
    });
    let url: url::Url = "http://127.0.0.1:1".parse().unwrap();
    let attesters = attesters()
        .iter()
        .map(|attester| Attester { address: attester.address(), url: url.clone() })
        .collect();
    let mut config = DevnetConfig::new(find_anvil().unwrap(), attesters, 2);
    config.mining = mining;
    config.funded = ["client", "prover", "rival"]
        .map(|name| Funding {
            account: key(name).address(),
            eth: ether(100),
            collateral: tokens(100),
        })
        .into();
    config
}

pub(crate) fn attesters() -> Vec<PrivateKeySigner> {
    let mut keys: Vec<_> = ["attester 1", "attester 2", "attester 3"].map(key).into();
    keys.sort_by_key(PrivateKeySigner::address);
    keys
}

impl World {
    pub(crate) async fn start(mining: Mining) -> Self {
        let devnet = Devnet::start(config(mining)).await.unwrap();
        let market = Market::connect(devnet.endpoint().clone(), devnet.network().market).await;
        Self { market: market.unwrap(), attesters: attesters(), devnet }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.devnet.endpoint()
    }

    /// A sender for `name`, running.
    pub(crate) async fn sender(&self, name: &str) -> Sender {
        self.sender_with(name, quick(), Arc::new(())).await
    }

    pub(crate) async fn sender_with(
        &self,
        name: &str,
        config: SenderConfig,
        log: Arc<dyn TxLog>,
    ) -> Sender {
        let opened = Sender::open(self.endpoint().clone(), key(name), config, log).await;
        let (sender, task) = opened.unwrap();
        tokio::spawn(task.run());
        sender
    }

    pub(crate) async fn mine(&self, blocks: u64) {
        self.endpoint().provider().anvil_mine(Some(blocks), None).await.unwrap();
    }

    /// Moves the chain's clock on by `seconds` and makes a block there.
    pub(crate) async fn pass(&self, seconds: u64) {
        self.endpoint().provider().anvil_increase_time(seconds).await.unwrap();
        self.mine(1).await;
    }

    pub(crate) async fn now(&self) -> Timestamp {
        self.endpoint().head().await.unwrap().timestamp
    }

    /// Transactions in the mempool.
    pub(crate) async fn waiting(&self) -> u64 {
        #[derive(Debug, serde::Deserialize)]
        struct Status {
            pending: U256,
            queued: U256,
        }
        let client = self.endpoint().provider().client();
        let status: Status = client.request_noparams("txpool_status").await.unwrap();
        (status.pending + status.queued).to()
    }

    /// Awaits that the mempool holds that many.
    pub(crate) async fn until_waiting(&self, transactions: u64) {
        until(async || self.waiting().await == transactions).await;
    }

    /// A request of "client" whose price rises from 1 to 2 ETH over 100 s from now, locked for
    /// 200 s, alive for 400 s, for the collateral of 10 tokens. Any journal of `program` will do.
    pub(crate) async fn request(&self, index: u32) -> SignedRequest {
        request(&self.market, self.now().await, index)
    }

    /// What delivers "a journal" for `request` in the name of `prover`, attested by the first
    /// `attesters` attesters.
    pub(crate) fn batch(
        &self,
        request: &SignedRequest,
        prover: &PrivateKeySigner,
        attesters: usize,
    ) -> FulfillmentBatch {
        batch(self.devnet.network(), request, prover, &self.attesters[..attesters])
    }
}

/// The same for any market, from `now` on.
pub(crate) fn request(market: &Market, now: Timestamp, index: u32) -> SignedRequest {
    let client = key("client");
    let request = ProofRequest {
        id: RequestId::new(client.address(), index),
        requirements: Requirements {
            callback: Default::default(),
            predicate: Predicate::PrefixMatch { image_id: program(), prefix: Bytes::new() },
            selector: Default::default(),
        },
        image_url: "https://host/program.elf".to_owned(),
        input: Input::Inline(vec![0, 1, 2].into()),
        offer: Offer {
            min_price: ether(1),
            max_price: ether(2),
            ramp_up_start: now,
            ramp_up_period: 100,
            lock_timeout: 200,
            timeout: 400,
            lock_collateral: tokens(10),
        },
    };
    let digest = market.domain().request_digest(&request);
    let unverified = Unverified { request, signature: signature(&client, digest.0) };
    unverified.verify(&market.domain()).unwrap()
}

/// The same in any network.
pub(crate) fn batch(
    network: &Network,
    request: &SignedRequest,
    prover: &PrivateKeySigner,
    attesters: &[PrivateKeySigner],
) -> FulfillmentBatch {
    let journal = Journal(Bytes::from_static(b"a journal"));
    let claim = claim_digest(program(), &journal);
    let root = merkle::leaf(claim);
    let digest = network.attester_domain().digest(root);
    let signatures: Vec<Bytes> = attesters.iter().map(|key| signature(key, digest)).collect();
    let seal = AttestedSeal { path: vec![], signatures: signatures.concat().into() };
    let fill = Fulfillment {
        claim_digest: claim,
        data: FulfillmentData::ImageIdAndJournal(program(), journal),
        seal: seal.encode(),
    };
    let domain = network.assessor_domain();
    let digest = domain.batch_digest(prover.address(), &[request.digest()], &[claim]);
    let assessor_seal =
        [registry::ON_CHAIN_ASSESSOR.as_slice(), &signature(prover, digest)].concat();
    FulfillmentBatch {
        requests: vec![SlimRequest::from(request.request())],
        fills: vec![fill],
        assessor_seal: assessor_seal.into(),
        prover: prover.address(),
    }
}

pub(crate) fn program() -> ImageId {
    ImageId(B256::repeat_byte(0x1d))
}

pub(crate) fn signature(key: &PrivateKeySigner, digest: B256) -> Bytes {
    key.sign_hash_sync(&digest).unwrap().as_bytes().to_vec().into()
}

/// Settings that make a sender do in milliseconds what it would do in seconds.
pub(crate) fn quick() -> SenderConfig {
    SenderConfig {
        poll_interval: Duration::from_millis(10),
        idle_interval: Duration::from_millis(10),
        rebroadcast_after: Duration::from_millis(50),
        stall_blocks: 3,
        ..SenderConfig::default()
    }
}

/// Awaits a condition.
pub(crate) async fn until(condition: impl AsyncFn() -> bool) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, holds).await.expect("the condition comes true in time");
}

/// Remembers what was signed, in order.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<SignedTx>>);

impl Recorder {
    pub(crate) fn signed(&self) -> Vec<SignedTx> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl TxLog for Recorder {
    async fn on_signed(
        &self,
        tx: &SignedTx,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.lock().unwrap().push(tx.clone());
        Ok(())
    }
}

pub(crate) fn address_of(name: &str) -> Address {
    key(name).address()
}
