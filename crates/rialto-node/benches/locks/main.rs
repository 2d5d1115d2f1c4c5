//! From a request seen to its lock sent, on a whole node before a simulated chain.
//!
//! The chain answers at once, programs run in no time and no proof is ever attested, so what is
//! measured is the node's own: judging, planning, recording (each record is on disk before the next
//! step), signing. Locks pile up, as the last figures show.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no other outcome")]

use alloy::primitives::{Bytes, U256, keccak256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use rialto_chain::network::Attester;
use rialto_chain::simulated::{Genesis, SimulatedChain};
use rialto_chain::{Market, Network};
use rialto_node::{Entry, Event, Node, Place, Ports, Promises, Settings};
use rialto_protocol::{
    Collateral, Cycles, Input, Offer, Predicate, ProofRequest, RequestDigest, RequestId,
    Requirements, Timestamp, Unverified, Wei, example, guest_env,
};
use rialto_zkvm::mock::{MockRun, MockZkvm};
use rialto_zkvm::{LocalProver, LocalProverConfig, Zkvm};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const PROGRAM: &[u8] = b"an echo";
/// One after another, then all at once.
const STEADY: u32 = 100;
const BURST: u32 = 60;
const START: Timestamp = Timestamp(2_000_000_000);

#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("program"), PROGRAM).unwrap();
    let chain = SimulatedChain::start(Genesis {
        chain_id: 31_337,
        time: START,
        block_interval: Duration::from_secs(1),
    });
    let clock = tokio::spawn(pass_time(chain.clone()));
    let client = Client::new(&chain, dir.path()).await;
    let node = Node::open(place(&chain, dir.path()), ports(client.zkvm.clone())).await.unwrap();
    let mut events = node.events();
    let stop = CancellationToken::new();
    let running = tokio::spawn(node.run(stop.clone()));

    let mut steady = Laps::default();
    for index in 0..STEADY {
        client.submit(index);
        steady.follow(&mut events, 1).await;
    }
    let asked_before = asked(&chain);
    let mut burst = Laps::default();
    (STEADY..STEADY + BURST).for_each(|index| client.submit(index));
    burst.follow(&mut events, BURST as usize).await;
    let asked: Vec<_> = asked(&chain)
        .into_iter()
        .map(|(method, count)| {
            (method.clone(), count - asked_before.get(&method).copied().unwrap_or_default())
        })
        .collect();

    println!("from a request that is judged to its lock's broadcast, times on the host's clock");
    steady.print(&format!("{STEADY} requests, one after another"));
    burst.print(&format!("{BURST} requests in one block"));
    println!("  locks that are not delivered       {:>4}", steady.0.len() + burst.0.len());
    println!("questions to the chain during the burst, polls included, for each lock");
    for (method, count) in asked.iter().filter(|(_, count)| *count > 0) {
        println!("  {method:<32} {:>6.2}", *count as f64 / f64::from(BURST));
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    clock.abort();
}

async fn pass_time(chain: SimulatedChain) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        chain.advance(Duration::from_secs(1));
    }
}

fn asked(chain: &SimulatedChain) -> BTreeMap<String, u64> {
    chain.questions()
}

/// Milliseconds from judgement to broadcast, and from sight to broadcast.
#[derive(Default)]
struct Laps(Vec<(u64, u64)>);

impl Laps {
    /// Takes the next `count` locks.
    async fn follow(&mut self, events: &mut Receiver<Entry>, count: usize) {
        let (mut seen, mut judged) = (BTreeMap::new(), BTreeMap::<RequestDigest, u64>::new());
        let mut left = count;
        while left > 0 {
            let Entry { at_ms, digest, event } = events.recv().await.unwrap();
            let Some(digest) = digest else { continue };
            match event {
                Event::Seen { .. } => drop(seen.insert(digest, at_ms)),
                Event::Priced { .. } => drop(judged.insert(digest, at_ms)),
                Event::TxSigned { kind, .. } if kind == "lock" => {
                    let since = |from: &BTreeMap<_, u64>| at_ms - from.get(&digest).unwrap();
                    self.0.push((since(&judged), since(&seen)));
                    left -= 1;
                }
                _ => {}
            }
        }
    }

    fn print(&self, what: &str) {
        let sorted = |of: fn(&(u64, u64)) -> u64| {
            let mut times: Vec<_> = self.0.iter().map(of).collect();
            times.sort_unstable();
            (times[times.len() / 2], times[times.len() * 99 / 100])
        };
        let (judged, seen) = (sorted(|lap| lap.0), sorted(|lap| lap.1));
        println!(
            "  {what:<34} p50 {:>4} ms, p99 {:>4} ms   (with preflight {:>4} ms, {:>4} ms)",
            judged.0, judged.1, seen.0, seen.1
        );
    }
}

fn key(name: &str) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256(name)).unwrap()
}

fn ether(count: u64) -> Wei {
    Wei(U256::from(count) * U256::from(1_000_000_000_000_000_000u64))
}

fn tokens(count: u64) -> Collateral {
    Collateral(ether(count).0)
}

fn ports(zkvm: Arc<dyn Zkvm>) -> Ports {
    let prover = LocalProver::start(zkvm.clone(), LocalProverConfig::default()).unwrap();
    Ports { zkvm, prover: Arc::new(prover), promises: Promises::default() }
}

fn place(chain: &SimulatedChain, dir: &Path) -> Place {
    let text = format!(
        "[market]\nmin_mcycle_price = \"1 wei\"\nmax_collateral = \"1000 ZKC\"\nmin_deadline = 5\n\
         peak_prove_khz = 1000000\nmax_concurrent_proofs = 1000\nevents_poll_ms = 20\n\
         [price_oracle]\neth_usd = \"3000\"\nzkc_usd = \"1\"\n[artifacts]\nfile_roots = [\"{}\"]\n",
        dir.display()
    );
    let settings = Settings::parse(&text).unwrap().settings;
    // Nobody is there: sealing fails, so locks stay open.
    let url = "http://127.0.0.1:1/".parse().unwrap();
    let network: Network =
        chain.network(vec![Attester { address: key("attester").address(), url }], 1);
    Place {
        settings: watch::Sender::new(Arc::new(settings)).subscribe(),
        venue: None,
        network,
        signer: key("prover"),
        data_dir: dir.join("node"),
        monitor: None,
    }
}

struct Client {
    chain: SimulatedChain,
    market: Market,
    zkvm: Arc<dyn Zkvm>,
    key: PrivateKeySigner,
    program: String,
}

impl Client {
    async fn new(chain: &SimulatedChain, dir: &Path) -> Self {
        let echo =
            |stdin: &[u8]| Ok(MockRun { segments: vec![Cycles(1_000_000)], journal: stdin.into() });
        let key = key("client");
        chain.endow(key.address(), ether(1_000), (ether(1_000), Collateral::ZERO));
        chain.endow(self::key("prover").address(), ether(1_000), (Wei::ZERO, tokens(10_000)));
        let market_at = chain.network(Vec::new(), 1).market;
        Self {
            chain: chain.clone(),
            market: Market::connect(chain.endpoint(), market_at).await.unwrap(),
            zkvm: Arc::new(MockZkvm::new().with_program(PROGRAM, echo)),
            key,
            program: url::Url::from_file_path(dir.join("program")).unwrap().into(),
        }
    }

    /// Its price is right from the first second on.
    fn submit(&self, index: u32) {
        let journal = Bytes::copy_from_slice(&index.to_be_bytes());
        let image_id = self.zkvm.image_id(PROGRAM).unwrap();
        let request = example::request(self.key.address());
        let request = ProofRequest {
            id: RequestId::new(self.key.address(), index),
            requirements: Requirements {
                predicate: Predicate::PrefixMatch { image_id, prefix: journal.clone() },
                ..request.requirements
            },
            image_url: self.program.clone(),
            input: Input::Inline(guest_env::encode(&journal)),
            offer: Offer {
                min_price: Wei(ether(1).0 / U256::from(100)),
                max_price: Wei(ether(1).0 / U256::from(50)),
                ramp_up_start: self.chain.now(),
                ramp_up_period: 10,
                lock_timeout: 1_000,
                timeout: 2_000,
                lock_collateral: tokens(10),
            },
        };
        let digest = self.market.domain().request_digest(&request);
        let signature = self.key.sign_hash_sync(&digest.0).unwrap().as_bytes().into();
        let request = Unverified { request, signature };
        let call = self.market.submit_request(&request, Wei::ZERO);
        self.chain.act(self.key.address(), &call, 0);
    }
}
