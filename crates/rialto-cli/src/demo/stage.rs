//! Where the demo plays: the chain, the files, the keys and the processes.

use super::cast::{News, Player, answers, free_port};
use super::requester::Terms;
use super::show::Show;
use crate::failure::Failure;
use crate::keys::load_or_create;
use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use rialto_chain::devnet::{Devnet, DevnetConfig, Funding, find_anvil};
use rialto_chain::network::Attester;
use rialto_chain::sender::{Sender, SenderConfig};
use rialto_chain::{Endpoint, Market, SendOptions};
use rialto_protocol::{Collateral, Wei};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// The provers by name, with their cost floors as multiples of the cheaper one's.
pub(crate) const NODES: [(&str, u32); 2] = [("thrifty", 1), ("dear", 3)];

/// ETH given to each account, and collateral given to each prover.
const ETH: u128 = 10_000_000_000_000_000_000;
const RCT: u128 = 100_000_000_000_000_000_000;

/// Everything that runs, and where its files lie. Dropping it ends all processes.
pub(crate) struct Stage {
    dir: PathBuf,
    devnet: Devnet,
    client: PrivateKeySigner,
    provers: Vec<(&'static str, PrivateKeySigner)>,
    attester: Player,
    nodes: Vec<(&'static str, Player)>,
}

impl Stage {
    /// Starts chain and attester, and deposits the provers' collateral.
    pub(crate) async fn set(dir: &Path, show: &Show) -> Result<Self> {
        let dir = clear(dir)?;
        let client = load_or_create(&key_path(&dir, "client"))?;
        let attester_key = load_or_create(&key_path(&dir, "attester"))?;
        let mut provers = Vec::new();
        for (name, _) in NODES {
            provers.push((name, load_or_create(&key_path(&dir, name))?));
        }
        let attester_port = free_port()?;
        let devnet = devnet(&dir, (&client, &provers), (&attester_key, attester_port)).await?;
        devnet.network().save(&dir.join("network.json"))?;
        show.say(
            "chain",
            &format!("runs at {} with the market deployed", devnet.network().rpc_url),
        );
        for (name, key) in &provers {
            deposit_collateral(&devnet, key).await.with_context(|| format!("fund {name}"))?;
        }
        let attester = start_attester(&dir, attester_port)?;
        answers(&devnet.network().attesters[0].url, Duration::from_secs(120)).await?;
        show.say("attester", &format!("signs as {}", attester_key.address()));
        Ok(Self { dir, devnet, client, provers, attester, nodes: Vec::new() })
    }

    /// Starts the nodes with floors that follow from what the work is worth.
    pub(crate) fn start_nodes(
        &mut self,
        terms: &Terms,
        news: mpsc::UnboundedSender<News>,
    ) -> Result<()> {
        for (name, multiple) in NODES {
            let config = self.dir.join(format!("{name}.toml"));
            fs::write(&config, terms.node_config(multiple, &self.artifacts()))?;
            let arguments = [
                "node".into(),
                "run".into(),
                "--json".into(),
                "--config".into(),
                text(&config),
                "--network".into(),
                text(&self.dir.join("network.json")),
                "--key-file".into(),
                text(&key_path(&self.dir, name)),
                "--data-dir".into(),
                text(&self.dir.join(name)),
            ];
            let player = Player::start_node(name, &arguments, &self.log(name), news.clone())?;
            self.nodes.push((name, player));
        }
        Ok(())
    }

    pub(crate) async fn market(&self) -> Result<Market> {
        let endpoint = Endpoint::connect(&self.devnet.network().rpc_url).await?;
        Ok(Market::connect(endpoint, self.devnet.network().market).await?)
    }

    pub(crate) fn client(&self) -> &PrivateKeySigner {
        &self.client
    }

    /// Everybody whose money the demo watches.
    pub(crate) fn accounts(&self) -> Vec<(&'static str, Address)> {
        let provers = self.provers.iter().map(|(name, key)| (*name, key.address()));
        [("requester", self.client.address())].into_iter().chain(provers).collect()
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn artifacts(&self) -> PathBuf {
        self.dir.join("artifacts")
    }

    fn log(&self, name: &str) -> PathBuf {
        log_path(&self.dir, name)
    }

    /// An error if a process has ended that should not have.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.attester.check("the attester", &log_path(&self.dir, "attester"))?;
        for (name, player) in &mut self.nodes {
            player.check(name, &log_path(&self.dir, name))?;
        }
        Ok(())
    }

    /// Kills a node for good.
    pub(crate) async fn kill_9(&mut self, node: &str) -> Result<()> {
        let at = self.nodes.iter().position(|(name, _)| *name == node);
        let (_, mut player) = self.nodes.remove(at.context("no such node")?);
        player.kill_9().await
    }
}

/// An empty folder for the demo. Only what an earlier demo made is ever removed.
fn clear(dir: &Path) -> Result<PathBuf> {
    const MARK: &str = ".rialto-demo";
    let is_empty = fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty && !dir.join(MARK).exists() {
        let what = format!("{} is not empty and no demo made it", dir.display());
        return Err(Failure::usage(what, "give --dir a folder of its own").into());
    }
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    fs::create_dir_all(dir.join("logs"))
        .with_context(|| format!("cannot create {}", dir.display()))?;
    fs::write(dir.join(MARK), "made by `rialto demo`, which may remove this folder\n")?;
    Ok(dir.canonicalize()?)
}

async fn devnet(
    dir: &Path,
    (client, provers): (&PrivateKeySigner, &[(&str, PrivateKeySigner)]),
    (attester, port): (&PrivateKeySigner, u16),
) -> Result<Devnet> {
    let url = format!("http://127.0.0.1:{port}").parse()?;
    let attesters = vec![Attester { address: attester.address(), url }];
    let fund = |account, collateral| Funding {
        account,
        eth: Wei::from(ETH),
        collateral: Collateral::from(collateral),
    };
    let provers = provers.iter().map(|(_, key)| fund(key.address(), RCT));
    let funded = [fund(client.address(), 0)].into_iter().chain(provers).collect();
    let config = DevnetConfig {
        funded,
        log: Some(log_path(dir, "anvil")),
        ..DevnetConfig::new(find_anvil()?, attesters, 1)
    };
    Ok(Devnet::start(config).await?)
}

async fn deposit_collateral(devnet: &Devnet, key: &PrivateKeySigner) -> Result<()> {
    let endpoint = devnet.endpoint().clone();
    let market = Market::connect(endpoint.clone(), devnet.network().market).await?;
    let (sender, task) =
        Sender::open(endpoint, key.clone(), SenderConfig::default(), Arc::new(())).await?;
    let task = tokio::spawn(task.run());
    let calls = market.collateral_deposit_calls(key.address(), Collateral::from(RCT)).await?;
    for call in calls {
        sender.send(call, SendOptions::default()).await?.outcome().await?;
    }
    drop(sender);
    task.await.context("the sender ends")
}

fn start_attester(dir: &Path, port: u16) -> Result<Player> {
    let arguments = [
        "attest".into(),
        "run".into(),
        "--network".into(),
        text(&dir.join("network.json")),
        "--key-file".into(),
        text(&key_path(dir, "attester")),
        "--listen".into(),
        format!("127.0.0.1:{port}"),
        "--data-dir".into(),
        text(&dir.join("attester")),
    ];
    Player::start(&arguments, &log_path(dir, "attester"))
}

fn key_path(dir: &Path, name: &str) -> PathBuf {
    dir.join("keys").join(format!("{name}.key"))
}

fn log_path(dir: &Path, name: &str) -> PathBuf {
    dir.join("logs").join(format!("{name}.log"))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
