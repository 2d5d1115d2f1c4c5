//! A chain, an attester, a funded prover and a requester, for as long as a test runs.

use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use block_header_core::host;
use rialto_chain::devnet::{Devnet, DevnetConfig, Funding, find_anvil};
use rialto_chain::network::Attester;
use rialto_chain::sender::{Sender, SenderConfig};
use rialto_chain::{Call, Market, SendOptions};
use rialto_node::{Entry, Event};
use rialto_protocol::{
    Callback, Collateral, ImageId, Input, MarketDomain, Offer, Predicate, ProofRequest, RequestId,
    Requirements, Unverified, Wei, guest_env, registry,
};
use rialto_zkvm::{KeyStore, OpenVm, Zkvm};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// What the prover has deposited.
pub(crate) const COLLATERAL: Collateral = Collateral(U256::from_limbs([1_000_000_000, 0, 0, 0]));

const ETH: u64 = 1_000_000_000_000_000_000;
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct World {
    dir: TempDir,
    devnet: Devnet,
    pub(crate) market: Market,
    client: PrivateKeySigner,
    prover: PrivateKeySigner,
    image_id: ImageId,
    _attester: Child,
}

/// A node process and what it says.
pub(crate) struct NodeProcess {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [client, prover, attester] = ["client", "prover", "attester"].map(|name| {
            let key = PrivateKeySigner::random();
            fs::write(dir.path().join(name), key.to_bytes().to_string()).unwrap();
            key
        });
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}").parse().unwrap();
        let attesters = vec![Attester { address: attester.address(), url }];
        let fund = |key: &PrivateKeySigner, collateral| Funding {
            account: key.address(),
            eth: Wei(U256::from(ETH)),
            collateral,
        };
        let config = DevnetConfig {
            funded: vec![fund(&client, Collateral::ZERO), fund(&prover, COLLATERAL)],
            ..DevnetConfig::new(find_anvil().unwrap(), attesters, 1)
        };
        let devnet = Devnet::start(config).await.unwrap();
        devnet.network().save(&dir.path().join("network.json")).unwrap();
        let market =
            Market::connect(devnet.endpoint().clone(), devnet.network().market).await.unwrap();
        let calls = market.collateral_deposit_calls(prover.address(), COLLATERAL).await.unwrap();
        send(&market, &prover, calls).await;
        fs::write(dir.path().join("program.elf"), host::PROGRAM).unwrap();
        let root = dir.path().display();
        let settings = format!(
            "[market]\nmin_mcycle_price = \"1 wei\"\nmin_mcycle_price_collateral_token = \"0 ZKC\"\n\
             max_collateral = \"1 ZKC\"\nmin_deadline = 1\n\
             peak_prove_khz = 1000\nevents_poll_ms = 100\nmax_file_size = 1_000_000\nmax_fetch_retries = 0\n\
             [artifacts]\nfile_roots = [\"{root}\"]\nallow_private_hosts = true\n"
        );
        fs::write(dir.path().join("node.toml"), settings).unwrap();
        let listen = format!("127.0.0.1:{port}");
        let arguments = ["attest", "run", "--key-file", "attester", "--listen", &listen];
        let attester = rialto(dir.path(), &arguments, "attester").spawn().unwrap();
        let zkvm = OpenVm::load(&KeyStore::in_memory()).unwrap();
        let image_id = zkvm.image_id(host::PROGRAM).unwrap();
        Self { dir, devnet, market, client, prover, image_id, _attester: attester }
    }

    pub(crate) fn prover(&self) -> Address {
        self.prover.address()
    }

    /// A request for a proof about the example block that any prover would take.
    pub(crate) async fn good_request(&self, index: u32) -> ProofRequest {
        let image_id = self.image_id;
        let now = self.market.endpoint().head().await.unwrap().timestamp;
        ProofRequest {
            id: RequestId::new(self.client.address(), index),
            requirements: Requirements {
                callback: Callback::default(),
                predicate: Predicate::PrefixMatch { image_id, prefix: Bytes::new() },
                selector: registry::DEFAULT,
            },
            image_url: self.file_url("program.elf"),
            input: Input::Inline(guest_env::encode(&host::input_from_json(&[block()]).unwrap())),
            offer: Offer {
                min_price: Wei(U256::from(ETH / 100)),
                max_price: Wei(U256::from(ETH / 10)),
                ramp_up_start: now,
                ramp_up_period: 10,
                lock_timeout: 1_000,
                timeout: 2_000,
                lock_collateral: Collateral(COLLATERAL.0 / U256::from(2)),
            },
        }
    }

    /// Where a file of this world's folder is.
    pub(crate) fn file_url(&self, name: &str) -> String {
        url::Url::from_file_path(self.dir.path().join(name)).unwrap().to_string()
    }

    pub(crate) fn write(&self, name: &str, contents: &[u8]) {
        fs::write(self.dir.path().join(name), contents).unwrap();
    }

    /// Signs as the client for this market and submits with the deposit.
    pub(crate) async fn submit(&self, request: ProofRequest) -> ProofRequest {
        let signature = self.sign(&self.market.domain(), &request);
        let deposit = request.offer.max_price;
        self.submit_signed(Unverified { request: request.clone(), signature }, deposit).await;
        request
    }

    pub(crate) fn sign(&self, domain: &MarketDomain, request: &ProofRequest) -> Bytes {
        let digest = domain.request_digest(request);
        self.client.sign_hash_sync(&digest.0).unwrap().as_bytes().into()
    }

    /// Submits whatever it is; the market checks nothing.
    pub(crate) async fn submit_signed(&self, unverified: Unverified, deposit: Wei) {
        let call = self.market.submit_request(&unverified, deposit);
        send(&self.market, &self.client, vec![call]).await;
    }

    /// Puts money of the client into the market.
    pub(crate) async fn deposit(&self, amount: Wei) {
        send(&self.market, &self.client, vec![self.market.deposit(amount)]).await;
    }

    pub(crate) fn start_node(&self) -> NodeProcess {
        let arguments = ["node", "run", "--json", "--config", "node.toml", "--key-file", "prover"];
        let mut command = rialto(self.dir.path(), &arguments, "node");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        NodeProcess { child, lines }
    }

    pub(crate) async fn stop_mining(&self) {
        let provider = self.devnet.endpoint().provider();
        provider.anvil_set_interval_mining(0).await.unwrap();
        provider.anvil_set_auto_mine(false).await.unwrap();
    }

    pub(crate) async fn resume_mining(&self) {
        self.devnet.endpoint().provider().anvil_set_interval_mining(1).await.unwrap();
    }

    pub(crate) async fn until_a_transaction_is_pending(&self) {
        let provider = self.devnet.endpoint().provider();
        let pending = async {
            let mined = provider.get_transaction_count(self.prover()).await.unwrap();
            while provider.get_transaction_count(self.prover()).pending().await.unwrap() == mined {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, pending).await.expect("the delivery is in the mempool");
    }
}

impl NodeProcess {
    /// Reads events until one is what the test waits for.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        self.until_entry(what, |entry| wanted(&entry.event)).await.event
    }

    /// The same for events with the request they are about.
    pub(crate) async fn until_entry(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Entry) -> bool,
    ) -> Entry {
        let search = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                let entry: Entry = serde_json::from_str(&line).expect("a line is an event");
                if wanted(&entry) {
                    return entry;
                }
            }
            panic!("the node ended before {what}");
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        found
            .unwrap_or_else(|_| panic!("in {} s it did not happen that {what}", PATIENCE.as_secs()))
    }

    pub(crate) async fn kill_9(&mut self) {
        self.child.kill().await.unwrap();
    }
}

/// The example block, as JSON.
pub(crate) fn block() -> serde_json::Value {
    let block = include_str!("../../../../examples/ethereum-block-24666352.json");
    serde_json::from_str(block).unwrap()
}

fn rialto(dir: &Path, arguments: &[&str], name: &str) -> Command {
    let log: PathBuf = dir.join(format!("{name}.log"));
    let log = File::options().create(true).append(true).open(log).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rialto"));
    command
        .current_dir(dir)
        .args(arguments)
        .args(["--network", "network.json", "--data-dir"])
        .arg(dir.join(format!("{name}-data")))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true);
    command
}

async fn send(market: &Market, key: &PrivateKeySigner, calls: Vec<Call>) {
    let endpoint = market.endpoint().clone();
    let config = SenderConfig::default();
    let (sender, task) = Sender::open(endpoint, key.clone(), config, Arc::new(())).await.unwrap();
    let task = tokio::spawn(task.run());
    for call in calls {
        let pending = sender.send(call, SendOptions::default()).await.unwrap();
        pending.outcome().await.unwrap();
    }
    drop(sender);
    task.await.unwrap();
}
