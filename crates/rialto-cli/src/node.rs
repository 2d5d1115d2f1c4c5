//! `rialto node`: runs a prover node and tells what happens in it.
//!
//! The node decides and records; here its events become lines, and the wish to end becomes a
//! clean stop that says what is still locked.

mod config;
mod pnl;
pub(crate) mod records;
mod sentence;

use crate::interrupt::Interrupt;
use crate::keys::{KeyArgs, KeysDirArgs};
use crate::network::NetworkArgs;
use crate::show::{Console, eth, rct, say};
use crate::zkvm;
use alloy::primitives::Address;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use rialto_chain::Network;
use rialto_node::settings::Checked;
use rialto_node::{Entry, Event, Node, Ports, Reader, Settings};
use rialto_protocol::{Collateral, RequestDigest, RequestId, Timestamp, Wei};
use rialto_zkvm::{LocalProver, LocalProverConfig};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

pub(crate) use sentence::sentence;

/// How long the last events may take to be told.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// `rialto node …`
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Run a prover node until Ctrl-C
    Run(NodeArgs),
    /// Write, understand and check a configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Show what was earned, spent and lost
    Pnl(pnl::PnlArgs),
}

/// Options of `rialto node run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto node config example > node.toml
  rialto account deposit-collateral '100 RCT' --key-file prover.key
  rialto node run --config node.toml --key-file prover.key
  rialto node run --config node.toml --key-file prover.key --json | jq 'select(.event == \"closed\")'

The node survives being killed at any moment: started again with the same data directory, it goes on
with what it has locked. Ctrl-C or SIGTERM stops it taking work and says what it still owes; a lock
that is not delivered before its deadline costs its collateral, so start the node again in time.
With --json each line is one event, as the logbook keeps it; the last one says what is still owed.")]
pub(crate) struct NodeArgs {
    /// Settings: floors, limits and margins; `rialto node config example` prints a file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,

    #[command(flatten)]
    pub(crate) key: KeyArgs,

    /// Where the logbook and artifacts are kept [default: .rialto/node-ADDRESS]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) keys_dir: KeysDirArgs,
}

/// `rialto node …`
pub(crate) async fn run(command: &NodeCommand, console: Console) -> Result<()> {
    match command {
        NodeCommand::Run(args) => run_node(args, console).await,
        NodeCommand::Config(command) => config::run(command, console),
        NodeCommand::Pnl(args) => pnl::run(args, console).await,
    }
}

async fn run_node(args: &NodeArgs, console: Console) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let Checked { settings, warnings } = Settings::load(&args.config)?;
    for warning in warnings {
        console.remark(&format!("{}, {warning}", args.config.display()));
    }
    let network = args.network.load()?;
    // Looked at before anything is made on disk: its errors say more than the node's own.
    crate::network::connect(&network).await?;
    let key = args.key.load()?;
    let me = key.address();
    let data_dir = args.data_dir.clone();
    let data_dir = data_dir.unwrap_or_else(|| format!(".rialto/node-{me}").into());
    let spinner = console.spinner("loading the zkVM");
    let zkvm = zkvm::open(&args.keys_dir).await?;
    spinner.finish_and_clear();
    let prover = LocalProver::start(zkvm.clone(), LocalProverConfig::default());
    let ports = Ports { zkvm, prover: Arc::new(prover.context("cannot start a proving thread")?) };
    let node = Node::open(settings, &network, key, &data_dir, ports).await?;
    let known = known_requests(&network, &data_dir).await?;
    let telling = tokio::spawn(tell(node.events(), known, console));
    let stop = CancellationToken::new();
    let running = node.run(stop.clone());
    tokio::pin!(running);
    let outcome = tokio::select! {
        ended = &mut running => ended,
        () = interrupt.arrived() => {
            console.remark("\nstopping: no new work is taken");
            stop.cancel();
            tokio::select! {
                ended = &mut running => ended,
                () = interrupt.arrived() => Ok(()),
            }
        }
    };
    // The last events are told before the last word; the channel closes with the node.
    let _ = tokio::time::timeout(LAST_WORDS, telling).await;
    let owed = Owed::read(&network, &data_dir, me).await;
    outcome?;
    console.report(&owed?);
    Ok(())
}

/// The ids of what an earlier life left open.
async fn known_requests(
    network: &Network,
    data_dir: &Path,
) -> Result<HashMap<RequestDigest, RequestId>> {
    let logbook = Reader::open(&data_dir.join("logbook.sqlite")).await?;
    let open = logbook.open_orders(&network.market_domain()).await?;
    Ok(open.iter().map(|open| (open.order.digest, open.order.request.id)).collect())
}

/// Turns events into lines until the node is gone.
async fn tell(
    mut events: Receiver<Entry>,
    mut names: HashMap<RequestDigest, RequestId>,
    console: Console,
) {
    let mut told: HashMap<RequestDigest, u32> = HashMap::new();
    loop {
        let entry = match events.recv().await {
            Ok(entry) => entry,
            Err(RecvError::Lagged(missed)) => {
                console.remark(&format!("{missed} events were not shown; the logbook has them"));
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        if console.is_json() {
            console.object(&entry);
            continue;
        }
        if let (Some(digest), Event::Seen { id, .. }) = (entry.digest, &entry.event) {
            names.insert(digest, *id);
        }
        if !is_worth_a_line(&entry, &mut told) {
            continue;
        }
        let about = entry.digest.map(|digest| short(names.get(&digest).copied(), digest));
        let about = about.unwrap_or_default();
        let now_s = entry.at_ms / 1000;
        say(&format!("{}  {about:<16} {}", clock(now_s), sentence(&entry.event, Timestamp(now_s))));
    }
}

/// Progress comes every second; a tenth of the way is news.
fn is_worth_a_line(entry: &Entry, told: &mut HashMap<RequestDigest, u32>) -> bool {
    let (Event::Progress { permille }, Some(digest)) = (&entry.event, entry.digest) else {
        return true;
    };
    let tenths = permille / 100;
    tenths > 0 && told.insert(digest, tenths) != Some(tenths)
}

/// A request's name on a line: client and index, or its digest if the request was seen earlier.
fn short(id: Option<RequestId>, digest: RequestDigest) -> String {
    match id {
        Some(id) => {
            let client = id.client().to_string();
            format!("{}…#{}", &client[..8], id.index())
        }
        None => format!("{}…", &digest.to_string()[..10]),
    }
}

/// Hours, minutes and seconds in UTC.
fn clock(unix_s: u64) -> String {
    let of_day = unix_s % 86_400;
    format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// What a stopped node has promised.
#[derive(Debug, Serialize)]
struct Owed {
    event: &'static str,
    prover: Address,
    now: Timestamp,
    locked: Vec<OwedOrder>,
}

#[derive(Debug, Serialize)]
struct OwedOrder {
    request: RequestId,
    digest: RequestDigest,
    price: Wei,
    collateral: Collateral,
    deadline: Timestamp,
}

impl Owed {
    async fn read(network: &Network, data_dir: &Path, prover: Address) -> Result<Self> {
        let logbook = Reader::open(&data_dir.join("logbook.sqlite")).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Timestamp(now.as_secs());
        let open = logbook.open_orders(&network.market_domain()).await?;
        let owed = open.iter().filter_map(|open| {
            let order = &open.order;
            let lock = order.facts.lock.as_ref()?;
            let is_ours = lock.prover == prover && lock.digest == order.digest;
            let delivered = order.facts.deliveries.iter().any(|by| by.prover == prover);
            let offer = &order.request.offer;
            (is_ours && !delivered && now <= offer.deadline()).then(|| OwedOrder {
                request: order.request.id,
                digest: order.digest,
                price: offer.price_at(lock.at),
                collateral: offer.lock_collateral,
                deadline: offer.lock_deadline(),
            })
        });
        Ok(Self { event: "owed", prover, now, locked: owed.collect() })
    }
}

impl fmt::Display for Owed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.locked.is_empty() {
            return f.write_str("Nothing is locked; the node can stay down.");
        }
        writeln!(f, "Still locked; start the node again before these deadlines:\n")?;
        for order in &self.locked {
            let left_s = self.now.seconds_until(order.deadline);
            writeln!(
                f,
                "  {}  {} at stake, {} to earn, {} (in {left_s} s)",
                order.request,
                rct(order.collateral),
                eth(order.price),
                clock(order.deadline.0),
            )?;
        }
        Ok(())
    }
}
