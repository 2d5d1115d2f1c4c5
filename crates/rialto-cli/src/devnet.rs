//! `rialto devnet`: a chain of one's own with the market deployed, accounts funded, and all files
//! written that the other commands read.
//!
//! Keys in the directory are kept from run to run, so that scripts keep working; the chain begins
//! anew each time unless `--keep` is given.

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::keys;
use crate::network::DEFAULT_NETWORK;
use crate::show::{Console, Facts, eth, rct};
use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use clap::Args;
use rialto_chain::Network;
use rialto_chain::devnet::{Devnet, DevnetConfig, Funding, Mining, find_anvil};
use rialto_chain::network::Attester;
use rialto_protocol::{Collateral, Wei};
use serde::Serialize;
use std::fmt;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use url::Url;

/// Options of `rialto devnet`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto devnet
  rialto devnet --attesters 3 --threshold 2 --provers 2
  rialto devnet --dir /tmp/net --port 0 --json    # any free port; one line of JSON when it is up

It writes network.json, node.toml, keys/ and artifacts/ into the directory, says what to run next,
and ends with Ctrl-C. Its keys are worth nothing elsewhere: never send real money to them.")]
pub(crate) struct DevnetArgs {
    /// Where the network file, keys and logs go
    #[arg(long, value_name = "DIR", default_value = ".rialto/devnet")]
    pub(crate) dir: PathBuf,

    /// Port of the chain's JSON-RPC endpoint; 0 takes a free one
    #[arg(long, default_value_t = 8545)]
    pub(crate) port: u16,

    /// Seconds between blocks
    #[arg(long, value_name = "SECONDS", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) block_time: u64,

    /// Attesters that the verifier contract knows
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=50))]
    pub(crate) attesters: u16,

    /// How many of them must sign
    #[arg(long, value_name = "K", default_value_t = 1)]
    pub(crate) threshold: u16,

    /// First attester's port; the others follow. 0 takes free ones
    #[arg(long, value_name = "PORT", default_value_t = 8650)]
    pub(crate) attester_port: u16,

    /// Prover accounts to fund
    #[arg(long, value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u16).range(1..=50))]
    pub(crate) provers: u16,

    /// Continue the chain of the last run with --keep in this directory, and keep it at the end
    #[arg(long)]
    pub(crate) keep: bool,
}

/// ETH in each account's own hands, in wei.
const ETH: u128 = 1_000_000_000_000_000_000_000;
/// Collateral tokens in each prover's own hands.
const TOKENS: u128 = 1_000_000_000_000_000_000_000;

/// Where everything of a devnet lies.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Layout {
    /// The directory, absolute.
    pub(crate) dir: PathBuf,
    /// The network file.
    pub(crate) network: PathBuf,
    /// A node's configuration that may fetch what `request submit` publishes.
    pub(crate) node_config: PathBuf,
    /// Where `request submit` publishes.
    pub(crate) artifacts: PathBuf,
}

/// An account of the devnet.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Account {
    name: String,
    address: Address,
    key_file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Url>,
    #[serde(skip)]
    holds: String,
}

/// What is shown once the devnet is up.
#[derive(Clone, Debug, Serialize)]
struct Up {
    #[serde(flatten)]
    layout: Layout,
    rpc_url: Url,
    chain_id: u64,
    market: Address,
    block_time_s: u64,
    accounts: Vec<Account>,
}

/// Runs until Ctrl-C.
pub(crate) async fn run(args: &DevnetArgs, console: Console) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let spinner = console.spinner("starting the chain and deploying the market");
    let (devnet, up) = tokio::select! {
        started = start(args) => started?,
        () = interrupt.arrived() => return Ok(()),
    };
    spinner.finish_and_clear();
    console.report(&up);
    interrupt.arrived().await;
    console.remark("\nending the chain");
    devnet.stop().await?;
    Ok(())
}

/// Starts a devnet and writes its files.
async fn start(args: &DevnetArgs) -> Result<(Devnet, Up)> {
    if args.threshold == 0 || args.threshold > args.attesters {
        let what = format!("{} of {} attesters cannot sign", args.threshold, args.attesters);
        let next = format!("give a --threshold from 1 to {}", args.attesters);
        return Err(Failure::usage(what, next).into());
    }
    if let Err(error) = TcpListener::bind(("127.0.0.1", args.port)) {
        let what = format!("port {} cannot be used for the chain", args.port);
        let next = "end what listens there, or choose another --port; 0 takes a free one";
        return Err(anyhow::Error::new(error).context(Failure::usage(what, next)));
    }
    let layout = Layout::make(&args.dir)?;
    let attesters = layout.attesters(args)?;
    let (client, _) = layout.account("client")?;
    let mut provers = Vec::new();
    for number in 1..=args.provers {
        provers.push(layout.account(&format!("prover-{number}"))?.0);
    }
    let fund = |account: &Account, collateral: u128| Funding {
        account: account.address,
        eth: Wei::from(ETH),
        collateral: Collateral::from(collateral),
    };
    let funded = provers.iter().map(|prover| fund(prover, TOKENS));
    let config = DevnetConfig {
        port: (args.port != 0).then_some(args.port),
        mining: Mining::Interval { seconds: args.block_time },
        state: args.keep.then(|| layout.dir.join("chain.json")),
        log: Some(layout.dir.join("anvil.log")),
        funded: funded.chain([fund(&client, 0)]).collect(),
        artifacts: Url::from_directory_path(&layout.artifacts).ok(),
        ..DevnetConfig::new(find_anvil()?, listed(&attesters), args.threshold.into())
    };
    let devnet = Devnet::start(config).await?;
    devnet.network().save(&layout.network)?;
    let up = Up::new(layout, devnet.network(), args.block_time, [vec![client], provers, attesters]);
    Ok((devnet, up))
}

fn listed(attesters: &[Account]) -> Vec<Attester> {
    let entry = |attester: &Account| {
        Some(Attester { address: attester.address, url: attester.url.clone()? })
    };
    let mut listed: Vec<Attester> = attesters.iter().filter_map(entry).collect();
    listed.sort_by_key(|attester| attester.address);
    listed
}

impl Layout {
    /// Makes the directories and the node's configuration.
    fn make(dir: &Path) -> Result<Self> {
        let failed = || {
            let what = format!("cannot write into the directory {}", dir.display());
            Failure::usage(what, "name another one with --dir")
        };
        let make = || -> std::io::Result<Self> {
            fs::create_dir_all(dir.join("artifacts"))?;
            let dir = dir.canonicalize()?;
            let layout = Self {
                network: dir.join("network.json"),
                node_config: dir.join("node.toml"),
                artifacts: dir.join("artifacts"),
                dir,
            };
            if !layout.node_config.exists() {
                fs::write(&layout.node_config, layout.node_settings())?;
            }
            Ok(layout)
        };
        make().with_context(failed)
    }

    /// What a devnet needs: amounts in its own tokens, since nobody has prices for them, and access
    /// to what is published here.
    fn node_settings(&self) -> String {
        format!(
            "# `rialto node config example` shows every setting.\n\
             \n\
             [market]\n\
             min_mcycle_price = \"0.00002 ETH\"\n\
             min_mcycle_price_collateral_token = \"0 ZKC\"\n\
             max_collateral = \"20 ZKC\"\n\
             \n\
             [artifacts]\n\
             file_roots = [{:?}]\n",
            self.artifacts.display().to_string()
        )
    }

    fn account(&self, name: &str) -> Result<(Account, PrivateKeySigner)> {
        let key_file = self.dir.join("keys").join(format!("{name}.key"));
        let key = keys::load_or_create(&key_file)?;
        let holds = match name.starts_with("prover") {
            true => format!("{}, {}", eth(Wei::from(ETH)), rct(Collateral::from(TOKENS))),
            false => eth(Wei::from(ETH)),
        };
        let address = key.address();
        Ok((Account { name: name.to_owned(), address, key_file, url: None, holds }, key))
    }

    fn attesters(&self, args: &DevnetArgs) -> Result<Vec<Account>> {
        // All are held until the last one is known, so that no port is given out twice.
        let mut taken = Vec::new();
        let mut attesters = Vec::new();
        for number in 1..=args.attesters {
            let port = match args.attester_port {
                0 => {
                    let free = TcpListener::bind(("127.0.0.1", 0)).context("find a free port")?;
                    let port = free.local_addr()?.port();
                    taken.push(free);
                    port
                }
                first => first.checked_add(number - 1).ok_or_else(|| {
                    Failure::usage("the attesters' ports end beyond 65535", "lower --attester-port")
                })?,
            };
            let (account, _) = self.account(&format!("attester-{number}"))?;
            let url: Url = format!("http://127.0.0.1:{port}").parse()?;
            attesters.push(Account { holds: bare(&url).to_owned(), url: Some(url), ..account });
        }
        Ok(attesters)
    }
}

impl Up {
    fn new(
        layout: Layout,
        network: &Network,
        block_time_s: u64,
        accounts: [Vec<Account>; 3],
    ) -> Self {
        Self {
            layout,
            rpc_url: network.rpc_url.clone(),
            chain_id: network.chain_id,
            market: network.market,
            block_time_s,
            accounts: accounts.into_iter().flatten().collect(),
        }
    }

    /// The file as it is best typed here.
    fn typed(path: &Path) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        path.strip_prefix(&here).unwrap_or(path).display().to_string()
    }

    /// The argument that names the network, where it must be given.
    fn network_argument(&self) -> String {
        match Self::typed(&self.layout.network) {
            usual if usual == DEFAULT_NETWORK => String::new(),
            other => format!(" --network {other}"),
        }
    }

    fn key_of(&self, name: &str) -> String {
        let account = self.accounts.iter().find(|account| account.name == name);
        account.map(|account| Self::typed(&account.key_file)).unwrap_or_default()
    }
}

/// A URL without the slash that is the whole of its path.
fn bare(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// The block that comes with the sources, if they are here.
fn example_block() -> &'static str {
    const EXAMPLE: &str = "examples/ethereum-block-24666352.json";
    if Path::new(EXAMPLE).exists() { EXAMPLE } else { "BLOCK.json" }
}

impl fmt::Display for Up {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rpc_url, chain_id, block_time_s, .. } = self;
        let rpc = bare(rpc_url);
        writeln!(
            f,
            "The market runs at {rpc} (chain {chain_id}, a block each {block_time_s} s).\n"
        )?;
        let facts = Facts::new()
            .with("market", self.market)
            .with("network file", Self::typed(&self.layout.network))
            .with("node settings", Self::typed(&self.layout.node_config));
        writeln!(f, "{facts}")?;
        for account in &self.accounts {
            let Account { name, address, key_file, holds, .. } = account;
            writeln!(f, "  {name:<11} {address}  {holds:<21}  {}", Self::typed(key_file))?;
        }
        let net = self.network_argument();
        let prover = self.key_of("prover-1");
        writeln!(f, "\nNext, in other terminals:\n")?;
        for account in self.accounts.iter().filter(|account| account.url.is_some()) {
            writeln!(f, "  rialto attest run{net} --key-file {}", Self::typed(&account.key_file))?;
        }
        writeln!(f, "  rialto account deposit-collateral '100 RCT'{net} --key-file {prover}")?;
        let config = Self::typed(&self.layout.node_config);
        writeln!(f, "  rialto node run --config {config}{net} --key-file {prover}")?;
        let client = self.key_of("client");
        writeln!(
            f,
            "  rialto request submit --program block-header --block {} --wait{net} --key-file {client}",
            example_block(),
        )?;
        write!(f, "\nCtrl-C ends it.")
    }
}
