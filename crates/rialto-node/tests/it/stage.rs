//! A whole node before a simulated chain, in virtual time, and what it says and does there.

mod attester;
mod change;
mod clock;
mod prover;

pub(crate) use change::{Change, Line};
pub(crate) use clock::Clock;
pub(crate) use prover::{CountingProver, FirstReply, OTHER_PROGRAM, Script};

use alloy::primitives::{Address, Bytes, U256, keccak256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use attester::attester;
use rialto_chain::simulated::{Genesis, SimulatedChain};
use rialto_chain::{Market, Network};
use rialto_node::{Event, News, Place, Ports, Promises, Settings, keep};
use rialto_protocol::{
    Collateral, Cycles, Input, Offer, Predicate, ProofRequest, RequestId, Requirements, Timestamp,
    Unverified, Wei, example, guest_env,
};
use rialto_zkvm::mock::{MockRun, MockZkvm};
use rialto_zkvm::{ExecuteError, Zkvm};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const BLOCK: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_millis(250);
const PROGRAM: &[u8] = b"an echo";
/// What it refuses to echo.
pub(crate) const REFUSED: &[u8] = b"three";
const MILLIETHER: u64 = 1_000_000_000_000_000;
/// What the program needs, in bytes.
const MEMORY: u64 = 8 << 20;

/// A node that takes what it sees. `DIR` is the stage's folder.
const BASE: &str = r#"
[market]
min_mcycle_price = "1 wei"
max_collateral = "1000 ZKC"
min_deadline = 5
peak_prove_khz = 1000
max_concurrent_proofs = 6
[price_oracle]
eth_usd = "3000"
zkc_usd = "1"
[artifacts]
file_roots = ["DIR"]
"#;

/// Everything around a node, and the node once it has been started.
pub(crate) struct Stage {
    pub(crate) chain: SimulatedChain,
    pub(crate) prover: Arc<CountingProver>,
    pub(crate) me: PrivateKeySigner,
    market: Market,
    file: watch::Sender<Arc<Settings>>,
    network: Network,
    zkvm: Arc<dyn Zkvm>,
    client: PrivateKeySigner,
    story: Arc<Mutex<Story>>,
    submitted: u32,
    clock: Option<Clock>,
    /// Where the node serves its pages, if anywhere.
    pub(crate) pages: Option<SocketAddr>,
    dir: TempDir,
}

#[derive(Default)]
struct Story {
    events: Vec<Event>,
    restarts: u32,
}

/// What a node does with each value: `play` sets the scene and says what is to be seen.
pub(crate) fn acted(
    beside: &'static [Line],
    script: Script,
    play: fn(&mut Stage) -> String,
) -> impl Fn(&Change) -> String {
    move |change| play(&mut Stage::open(&change.and(beside), script))
}

fn key(name: &str) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256(name)).unwrap()
}

fn milliether(count: u64) -> Wei {
    Wei(U256::from(count) * U256::from(MILLIETHER))
}

fn tokens(whole: u64) -> Collateral {
    Collateral(milliether(1_000 * whole).0)
}

/// What the programs do: they refuse one input.
fn echo(stdin: &[u8]) -> Result<MockRun, ExecuteError> {
    if stdin == REFUSED {
        return Err(ExecuteError::GuestPanicked { message: "this is no number".to_owned() });
    }
    Ok(MockRun { segments: vec![Cycles(1_000_000)], journal: stdin.into() })
}

impl Stage {
    /// Sets the scene; nobody acts yet.
    pub(crate) fn open(change: &Change, script: Script) -> Self {
        let genesis =
            Genesis { chain_id: 31_337, time: Timestamp(2_000_000_000), block_interval: BLOCK };
        let chain = SimulatedChain::start(genesis);
        let (client, me) = (key("client"), key("prover"));
        let rich = milliether(1_000_000);
        chain.endow(client.address(), rich, (rich, Collateral::ZERO));
        chain.endow(me.address(), rich, (Wei::ZERO, tokens(10_000)));
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("program"), PROGRAM).unwrap();
        let path = dir.path().display().to_string();
        let settings = change.with("DIR", &path).over(&BASE.replace("DIR", &path));
        let file = watch::Sender::new(Arc::new(settings));
        let zkvm = MockZkvm::new().with_program(PROGRAM, echo).with_program(OTHER_PROGRAM, echo);
        let zkvm: Arc<dyn Zkvm> = Arc::new(zkvm.with_memory(MEMORY));
        let network = chain.network(vec![attester()], 1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let market = runtime.block_on(Market::connect(chain.endpoint(), network.market)).unwrap();
        let prover = Arc::new(CountingProver::new(script, zkvm.clone()));
        let (story, submitted, clock) = (Arc::default(), 0, None);
        Self {
            chain,
            prover,
            me,
            market,
            file,
            network,
            zkvm,
            client,
            story,
            submitted,
            clock,
            pages: None,
            dir,
        }
    }

    /// Who asks for proofs.
    pub(crate) fn client() -> Address {
        key("client").address()
    }

    /// Has the node look for its chain where there is none.
    pub(crate) fn lose_the_chain(&mut self) {
        self.network.rpc_url = "simulated:0".parse().unwrap();
    }

    /// Leaves the node with five thousandths of an ETH.
    pub(crate) fn impoverish(&mut self) {
        let left = milliether(5);
        let spent = self.chain.wei_of(self.me.address()).saturating_sub(left);
        self.chain.act(self.me.address(), &self.market.deposit(spent), 0);
        self.chain.advance(BLOCK);
    }

    /// Starts the node.
    pub(crate) fn start(&mut self) {
        let place = Place {
            settings: self.file.subscribe(),
            venue: None,
            network: self.network.clone(),
            signer: self.me.clone(),
            data_dir: self.dir.path().join("node"),
            monitor: self.pages,
        };
        let (zkvm, prover) = (self.zkvm.clone(), self.prover.clone());
        let story = self.story.clone();
        self.clock = Some(Clock::start(move || async move {
            let ports = Ports { zkvm, prover, promises: Promises::default() };
            let told = |news: News<'_>| match news {
                News::Opened(node) => {
                    let (mut events, story) = (node.events(), story.clone());
                    tokio::spawn(async move {
                        while let Ok(entry) = events.recv().await {
                            story.lock().unwrap().events.push(entry.event);
                        }
                    });
                }
                News::Failed { .. } => story.lock().unwrap().restarts += 1,
            };
            drop(keep(place, ports, CancellationToken::new(), told).await);
        }));
    }

    /// Lets time pass for the chain, and for the node if it has been started.
    pub(crate) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds * 4 {
            self.chain.advance(STEP);
            if let Some(clock) = &self.clock {
                clock.advance(STEP);
            }
        }
    }

    /// Starts the node, asks for one proof that is to be locked and delivered within the times, and
    /// lets time pass.
    pub(crate) fn play(&mut self, (lock, total): (u32, u32), seconds: u64) {
        self.start();
        self.pass(2);
        self.submit(lock, total);
        self.pass(seconds);
    }

    /// A request that begins now. Its journal is its number.
    pub(crate) fn submit(&mut self, lock_timeout: u32, timeout: u32) {
        let mut request = self.request();
        (request.offer.lock_timeout, request.offer.timeout) = (lock_timeout, timeout);
        self.ask(self.signed(request));
    }

    /// The next request, for ten and fifteen minutes.
    pub(crate) fn request(&mut self) -> ProofRequest {
        self.submitted += 1;
        let journal = Bytes::copy_from_slice(&self.submitted.to_be_bytes());
        let image_id = self.zkvm.image_id(PROGRAM).unwrap();
        let request = example::request(self.client.address());
        ProofRequest {
            id: RequestId::new(self.client.address(), self.submitted),
            requirements: Requirements {
                predicate: Predicate::PrefixMatch { image_id, prefix: journal.clone() },
                ..request.requirements
            },
            image_url: self.file("program"),
            input: Input::Inline(guest_env::encode(&journal)),
            offer: Offer {
                min_price: milliether(10),
                max_price: milliether(20),
                ramp_up_start: self.chain.now(),
                ramp_up_period: 4,
                lock_timeout: 600,
                timeout: 900,
                lock_collateral: tokens(10),
            },
        }
    }

    /// The stage's folder.
    pub(crate) fn folder(&self) -> String {
        self.dir.path().display().to_string()
    }

    /// A URL of a file of the stage.
    pub(crate) fn file(&self, name: &str) -> String {
        url::Url::from_file_path(self.dir.path().join(name)).unwrap().into()
    }

    /// With the client's signature, whatever it says.
    pub(crate) fn signed(&self, request: ProofRequest) -> Unverified {
        let digest = self.market.domain().request_digest(&request);
        let signature = self.client.sign_hash_sync(&digest.0).unwrap().as_bytes().into();
        Unverified { request, signature }
    }

    /// Has the market tell of a request.
    pub(crate) fn ask(&self, request: Unverified) {
        let call = self.market.submit_request(&request, Wei::ZERO);
        self.chain.act(self.client.address(), &call, 0);
    }

    /// What the node has told, oldest first.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.story.lock().unwrap().events.clone()
    }

    /// Which of these events came, in the order in which they first did.
    pub(crate) fn first(&self, names: &[&str]) -> String {
        let mut came: Vec<String> = Vec::new();
        for name in self.events().iter().map(name_of) {
            if names.contains(&name.as_str()) && !came.contains(&name) {
                came.push(name);
            }
        }
        if came.is_empty() { "nothing".to_owned() } else { came.join(", ") }
    }

    /// How often an event came.
    pub(crate) fn count(&self, name: &str) -> u32 {
        let events = self.events();
        u32::try_from(events.iter().filter(|event| name_of(event) == name).count()).unwrap()
    }

    /// How often the node was started again.
    pub(crate) fn restarts(&self) -> u32 {
        self.story.lock().unwrap().restarts
    }

    /// What a unit of gas cost the node's lock.
    pub(crate) fn lock_gas_price(&self) -> String {
        let price = self.events().into_iter().find_map(|event| match event {
            Event::TxMined { kind, gas_used, gas_wei, .. } if kind == "lock" => {
                Some(gas_wei.0 / U256::from(gas_used))
            }
            _ => None,
        });
        price.map_or("no lock".to_owned(), |wei| format!("{wei} wei"))
    }

    /// From which price on the first request is worth locking.
    pub(crate) fn target_price(&self) -> String {
        let price = self.events().into_iter().find_map(|event| match event {
            Event::Priced { target_price, .. } => target_price,
            _ => None,
        });
        price.map_or("not worth it".to_owned(), |wei| format!("{} wei", wei.0))
    }

    /// What was told of balances.
    pub(crate) fn balances(&self) -> String {
        let levels = self.events().into_iter().filter_map(|event| match event {
            Event::BalanceLevel { asset, level, .. } => Some(format!("{asset:?}: {level:?}")),
            _ => None,
        });
        let told: Vec<_> = levels.collect();
        if told.is_empty() { "nothing is told".to_owned() } else { told.join(", ") }
    }

    /// Which of these folders of the stage has anything in it.
    pub(crate) fn filled(&self, folders: &[&str]) -> String {
        let path = |name: &&&str| self.dir.path().join(name);
        let has = |path: PathBuf| path.read_dir().is_ok_and(|mut dir| dir.next().is_some());
        let filled: Vec<_> = folders.iter().filter(|name| has(path(name))).copied().collect();
        filled.join(", ")
    }
}

/// How often a thing happened; what one more or less means does not matter.
pub(crate) fn about(times: u32) -> String {
    (if times < 12 { "a few times" } else { "many times" }).to_owned()
}

fn name_of(event: &Event) -> String {
    let told = serde_json::to_value(event).unwrap();
    told["event"].as_str().unwrap().to_owned()
}
