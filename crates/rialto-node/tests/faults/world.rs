//! A chain, a real attester, a client, a rival, and the folder that outlives the node.

use crate::chain::{Chain, simulated};
use crate::prover::{Line, Script};
use alloy::primitives::{Bytes, U256, keccak256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use rialto_artifacts::StoreConfig;
use rialto_attester::{AttesterConfig, ServedDomains, Verifier, serve};
use rialto_chain::Market;
use rialto_chain::network::Attester;
use rialto_node::{Place, Settings};
use rialto_protocol::attestation::AttestedSeal;
use rialto_protocol::{
    Collateral, Cycles, Fulfillment, FulfillmentBatch, FulfillmentData, Input, Journal, Offer,
    Predicate, ProofRequest, RequestId, Requirements, SignedRequest, SlimRequest, Timestamp,
    Unverified, Wei, claim_digest, guest_env, merkle, registry,
};
use rialto_zkvm::Zkvm;
use rialto_zkvm::mock::{MockRun, MockZkvm};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

pub(crate) const BLOCK: Duration = Duration::from_secs(2);
/// When a run begins.
pub(crate) const START: Timestamp = Timestamp(2_000_000_000);
const PROGRAM: &[u8] = b"an echo";
/// What prover and rival have in the market at first.
pub(crate) const COLLATERAL: Collateral =
    Collateral(U256::from_limbs([0x19e0_c9ba_b240_0000, 0x21e, 0, 0]));
/// Locks that a node may hold without a proof, by its settings.
pub(crate) const PROMISES_MAX: usize = 6;
/// The time that must be left after proving, by the settings: what a lock and a delivery wait for and
/// what a proof may take longer than most is for the planner to see to.
const MARGIN_S: u64 = 5;
const MILLIETHER: u64 = 1_000_000_000_000_000;

/// Everything around a node; clones are the same world.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) chain: Arc<dyn Chain>,
    pub(crate) market: Market,
    pub(crate) zkvm: Arc<dyn Zkvm>,
    pub(crate) script: Script,
    pub(crate) line: Line,
    pub(crate) prover: PrivateKeySigner,
    client: PrivateKeySigner,
    rival: PrivateKeySigner,
    /// The longest that a life took until it had read the past and went to work.
    pub(crate) slowest_recovery: Arc<Mutex<Duration>>,
    dir: Arc<TempDir>,
}

/// The times of one request, in seconds from its beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) ramp: u32,
    pub(crate) lock: u32,
    pub(crate) total: u32,
}

pub(crate) fn key(name: &str) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256(name)).unwrap()
}

pub(crate) fn tokens(whole: u64) -> Collateral {
    Collateral(U256::from(whole) * U256::from(1_000 * MILLIETHER))
}

pub(crate) fn milliether(count: u64) -> Wei {
    Wei(U256::from(count) * U256::from(MILLIETHER))
}

/// Waits for what needs a runtime of its own.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

/// One attester serves all worlds of this process.
pub(crate) fn attester() -> Attester {
    static URL: OnceLock<url::Url> = OnceLock::new();
    let url = URL.get_or_init(|| {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            block_on(async move {
                let dir = folder();
                let config = AttesterConfig::new(
                    "127.0.0.1:0".parse().unwrap(),
                    ServedDomains::Any,
                    StoreConfig::Memory,
                    dir.path().join("signed.jsonl"),
                );
                let verifier = Verifier { zkvm: "mock".into(), port: Arc::new(MockZkvm::new()) };
                let serving =
                    serve(config, key("attester"), verifier, std::future::pending()).await.unwrap();
                tell.send(format!("http://{}", serving.address()).parse().unwrap()).unwrap();
                std::future::pending::<()>().await;
            });
        });
        told.recv().unwrap()
    });
    Attester { address: key("attester").address(), url: url.clone() }
}

/// In memory where there is such a place: nothing here tests the disk.
fn folder() -> TempDir {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { TempDir::new_in(shared) } else { TempDir::new() }.unwrap()
}

impl World {
    /// A world on a simulated chain.
    pub(crate) fn new(script: Script) -> Self {
        Self::on(Arc::new(simulated()), script)
    }

    pub(crate) fn on(chain: Arc<dyn Chain>, script: Script) -> Self {
        let [client, prover, rival] = ["client", "prover", "rival"].map(key);
        let dir = Arc::new(folder());
        std::fs::write(dir.path().join("program"), PROGRAM).unwrap();
        let echo =
            |stdin: &[u8]| Ok(MockRun { segments: vec![Cycles(1_000_000)], journal: stdin.into() });
        let zkvm = Arc::new(MockZkvm::new().with_program(PROGRAM, echo));
        let (market, slowest_recovery) = (chain.market(), Arc::default());
        let line = Line::new();
        Self { market, chain, zkvm, script, line, prover, client, rival, slowest_recovery, dir }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("node")
    }

    pub(crate) fn logbook(&self) -> PathBuf {
        self.data_dir().join("logbook.sqlite")
    }

    /// Where a node of this world works.
    pub(crate) fn place(&self) -> Place {
        let path = self.dir.path().join("node.toml");
        let root = self.dir.path().display();
        let text = format!(
            "[market]\nmin_mcycle_price = \"1 wei\"\nmax_collateral = \"1000 ZKC\"\nmin_deadline = {MARGIN_S}\n\
             peak_prove_khz = 1000\nmax_concurrent_proofs = {PROMISES_MAX}\n\
             [price_oracle]\neth_usd = \"3000\"\nzkc_usd = \"1\"\n[artifacts]\nfile_roots = [\"{root}\"]\n"
        );
        std::fs::write(&path, text).unwrap();
        let settings = Settings::load(&path).unwrap().settings;
        Place {
            settings: watch::Sender::new(Arc::new(settings)).subscribe(),
            venue: None,
            network: self.chain.network(),
            signer: self.prover.clone(),
            data_dir: self.data_dir(),
            monitor: None,
        }
    }

    /// A request that begins now, signed by the client. Its journal is its index.
    pub(crate) fn request(&self, index: u32, times: Times) -> SignedRequest {
        let journal = Bytes::copy_from_slice(&index.to_be_bytes());
        let image_id = self.zkvm.image_id(PROGRAM).unwrap();
        let request = ProofRequest {
            id: RequestId::new(self.client.address(), index),
            requirements: Requirements {
                callback: Default::default(),
                predicate: Predicate::PrefixMatch { image_id, prefix: journal.clone() },
                selector: Default::default(),
            },
            image_url: url::Url::from_file_path(self.dir.path().join("program")).unwrap().into(),
            input: Input::Inline(guest_env::encode(&journal)),
            offer: Offer {
                min_price: milliether(10),
                max_price: milliether(20),
                ramp_up_start: self.chain.now(),
                ramp_up_period: times.ramp,
                lock_timeout: times.lock,
                timeout: times.total,
                lock_collateral: tokens(10),
            },
        };
        let digest = self.market.domain().request_digest(&request);
        let signature = self.client.sign_hash_sync(&digest.0).unwrap().as_bytes().into();
        Unverified { request, signature }.verify(&self.market.domain()).unwrap()
    }

    pub(crate) fn submit(&self, request: &SignedRequest) {
        let call = self.market.submit_request(&request.clone().into_unverified(), Wei::ZERO);
        self.chain.act(&self.client, &call, 0);
    }

    /// The rival locks, paying others nothing or a lot to be first.
    pub(crate) fn rival_locks(&self, request: &SignedRequest, tip_wei: u128) {
        self.chain.act(&self.rival, &self.market.lock_request(request), tip_wei);
    }

    /// The rival hands in a proof, which under the node's lock pays it nothing.
    pub(crate) fn rival_delivers(&self, request: &SignedRequest) {
        let network = self.chain.network();
        let image_id = self.zkvm.image_id(PROGRAM).unwrap();
        let journal = request.request().id.index().to_be_bytes();
        let journal = Journal(Bytes::copy_from_slice(&journal));
        let claim_digest = claim_digest(image_id, &journal);
        let signed =
            |who: &PrivateKeySigner, digest| who.sign_hash_sync(&digest).unwrap().as_bytes();
        let attested = network.attester_domain().digest(merkle::leaf(claim_digest));
        let signatures = signed(&key("attester"), attested).into();
        let prover = self.rival.address();
        let digest =
            network.assessor_domain().batch_digest(prover, &[request.digest()], &[claim_digest]);
        let assessed = signed(&self.rival, digest);
        let batch = FulfillmentBatch {
            requests: vec![SlimRequest::from(request.request())],
            fills: vec![Fulfillment {
                claim_digest,
                data: FulfillmentData::ImageIdAndJournal(image_id, journal),
                seal: AttestedSeal { path: vec![], signatures }.encode(),
            }],
            assessor_seal: [registry::ON_CHAIN_ASSESSOR.as_slice(), &assessed].concat().into(),
            prover,
        };
        self.chain.act(&self.rival, &self.market.fulfill(&[batch]), 0);
    }
}
