//! `rialto attest`: verifies proofs natively and signs what it verified.

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::keys::{KeyArgs, KeysDirArgs};
use crate::network::NetworkArgs;
use crate::show::{Console, Facts};
use crate::zkvm;
use alloy::primitives::Address;
use anyhow::Result;
use clap::{Args, Subcommand};
use rialto_artifacts::StoreConfig;
use rialto_attester::{AttesterConfig, ServeError, ServedDomains, Verifier, serve};
use rialto_chain::Network;
use serde::Serialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `rialto attest …`
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AttestCommand {
    /// Serve until Ctrl-C
    Run(AttestArgs),
}

/// Options of `rialto attest run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto attest run --key-file .rialto/devnet/keys/attester-1.key
  rialto attest run --network base.json --key-file attester.json --password-file pw \\
      --listen 0.0.0.0:8650 --data-dir /var/lib/rialto-attester

The attester signs for the network's verifier contract alone, and only claims whose proofs it has
verified itself. What it signs is on disk before anybody sees the signature: keep the data directory.")]
pub(crate) struct AttestArgs {
    #[command(flatten)]
    pub(crate) network: NetworkArgs,

    #[command(flatten)]
    pub(crate) key: KeyArgs,

    /// Address to listen on [default: what the network file says of this attester]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,

    /// Where proofs and the record of signatures are kept [default: .rialto/attester-ADDRESS]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) keys_dir: KeysDirArgs,
}

/// What is shown once it listens.
#[derive(Debug, Serialize)]
struct Listening {
    attester: Address,
    listen: SocketAddr,
    network: String,
    verifier: Address,
    zkvm: String,
    data_dir: PathBuf,
}

/// `rialto attest …`
pub(crate) async fn run(command: &AttestCommand, console: Console) -> Result<()> {
    let AttestCommand::Run(args) = command;
    let mut interrupt = Interrupt::listen()?;
    let network = args.network.load()?;
    let key = args.key.load()?;
    let attester = key.address();
    let listen = match args.listen {
        Some(listen) => listen,
        None => planned_address(&network, attester)?,
    };
    if !network.attesters.iter().any(|known| known.address == attester) {
        console.remark(&format!(
            "warning: {attester} is not among the attesters of network {:?}; its signatures count for nothing there",
            network.name
        ));
    }
    let data_dir = args.data_dir.clone();
    let data_dir = data_dir.unwrap_or_else(|| format!(".rialto/attester-{attester}").into());
    let zkvm = zkvm::open(&args.keys_dir).await?;
    let verifier = Verifier { zkvm: zkvm.name().to_owned(), port: zkvm };
    let zkvm = verifier.zkvm.clone();
    let config = AttesterConfig::new(
        listen,
        ServedDomains::Only(vec![network.attester_domain()]),
        StoreConfig::Local { path: data_dir.join("proofs") },
        data_dir.join("signed.jsonl"),
    );
    let (ending, ended) = tokio::sync::oneshot::channel::<()>();
    // The other end is dropped when the command ends, which is a signal as well.
    let serving = serve(config, key, verifier, async { drop(ended.await) }).await;
    let serving = serving.map_err(start_failure)?;
    let verifier = network.attested_verifier;
    let listen = serving.address();
    let network = network.name;
    console.report(&Listening { attester, listen, network, verifier, zkvm, data_dir });
    let serving = serving.ended();
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        () = interrupt.arrived() => {}
    }
    console.remark("\nfinishing what is in progress; Ctrl-C again to leave it");
    drop(ending);
    tokio::select! {
        ended = &mut serving => Ok(ended?),
        () = interrupt.arrived() => Ok(()),
    }
}

/// Why it does not start, with the argument that helps.
fn start_failure(error: ServeError) -> anyhow::Error {
    match &error {
        ServeError::Listen { address, .. } => {
            let what = format!("cannot listen on {address}");
            let next = "end what listens there, or choose another address with --listen";
            anyhow::Error::new(error).context(Failure::usage(what, next))
        }
        _ => error.into(),
    }
}

/// Where the network file says that this attester listens.
fn planned_address(network: &Network, attester: Address) -> Result<SocketAddr> {
    let entry = network.attesters.iter().find(|known| known.address == attester);
    let planned = entry.and_then(|entry| {
        let addresses = entry.url.socket_addrs(|| None).ok()?;
        addresses.into_iter().find(|address| address.ip().is_loopback())
    });
    planned.ok_or_else(|| {
        let what = match entry {
            Some(entry) => format!("the attester's address {} is not of this machine", entry.url),
            None => format!("network {:?} knows no attester {attester}", network.name),
        };
        let next = "say where to listen with --listen, or use a key that the network file names";
        Failure::usage(what, next).into()
    })
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The attester listens at http://{}.\n", self.listen)?;
        let facts = Facts::new()
            .with("signs as", self.attester)
            .with("for verifier", format!("{} on network {:?}", self.verifier, self.network))
            .with("verifies", &self.zkvm)
            .with("keeps", self.data_dir.display());
        write!(f, "{facts}\nCtrl-C ends it.")
    }
}
