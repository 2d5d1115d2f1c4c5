//! `rialto cluster coordinator`.

use super::place::StoreArgs;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::keys::KeysDirArgs;
use crate::show::{Console, Facts};
use crate::zkvm;
use anyhow::{Context, Result};
use clap::Args;
use rialto_cluster::api::{ApiConfig, TlsFiles, serve};
use rialto_cluster::coordinator::{ClusterConfig, Coordinator};
use rialto_cluster::ledger::Ledger;
use rialto_cluster::{Access, QUEUE};
use serde::Serialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Options of `rialto cluster coordinator`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto cluster coordinator                                      # SQLite and a directory, this machine alone
  rialto cluster coordinator --listen 0.0.0.0:7070 --tokens tokens.toml \\
      --tls-certificates cert.pem --tls-key key.pem --s3-bucket proofs
  RIALTO_CLUSTER_DATABASE=postgres://rialto@db/rialto rialto cluster coordinator --s3-bucket proofs

A coordinator keeps nothing that is not in its database and in the artifact store: kill it at any moment
and start it again, here or elsewhere. Several may work on one PostgreSQL at once. Workers need the same
artifact store. Its interface is described at /openapi.json.")]
pub(crate) struct CoordinatorArgs {
    /// Where it listens; off this machine it wants --tokens
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,

    /// Where queue and artifacts are kept unless they are elsewhere
    #[arg(long, value_name = "DIR", default_value = ".rialto/cluster")]
    data_dir: PathBuf,

    /// The queue: sqlite:///path or postgres://user@host/name; with a password in the environment alone
    #[arg(long, value_name = "URL", env = "RIALTO_CLUSTER_DATABASE", hide_env_values = true)]
    database: Option<String>,

    #[command(flatten)]
    store: StoreArgs,

    /// Who is let in: tokens with their scopes, as TOML
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,

    /// Certificate, and those that lead to its root, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificates: Option<PathBuf>,

    /// The certificate's key, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificates")]
    tls_key: Option<PathBuf>,

    /// What it goes by, as TOML; without it the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The largest program or input that is taken, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    upload_max_mib: u64,

    #[command(flatten)]
    keys_dir: KeysDirArgs,
}

/// What is shown once it listens.
#[derive(Debug, Serialize)]
struct Listening {
    listen: SocketAddr,
    tls: bool,
    tokens: bool,
    queue: String,
    artifacts: String,
    engine: String,
}

/// `rialto cluster coordinator`
pub(super) async fn run(args: &CoordinatorArgs, console: Console) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let config = config(args.config.as_deref())?;
    let access = match &args.tokens {
        Some(file) => {
            let usage =
                || Failure::usage("the tokens cannot be used", "correct the file of --tokens");
            Access::in_file(file).with_context(usage)?
        }
        None => Access::open(),
    };
    std::fs::create_dir_all(&args.data_dir)
        .with_context(|| format!("cannot make {}", args.data_dir.display()))?;
    let store = args.store.open(args.data_dir.join("artifacts"))?;
    let usual = || format!("sqlite://{}", args.data_dir.join(QUEUE).display());
    let url = args.database.clone().unwrap_or_else(usual);
    let ledger = Ledger::open(&url).await?;
    let queue = format!("{:?}", ledger.database());
    let zkvm = zkvm::open(&args.keys_dir).await?;
    let (engine, artifacts) = (zkvm.name().to_owned(), store.to_string());
    let coordinator = Coordinator::start(ledger, store, vec![zkvm], config).await?;
    let tls = args.tls_certificates.clone().zip(args.tls_key.clone());
    let tls = tls.map(|(certificates, key)| TlsFiles { certificates, key });
    let (has_tls, tokens) = (tls.is_some(), args.tokens.is_some());
    let api =
        ApiConfig { listen: args.listen, tls, access, upload_max_bytes: args.upload_max_mib << 20 };
    let stop = CancellationToken::new();
    let serving = serve(coordinator, api, stop.clone()).await?;
    let listen = serving.address();
    console.report(&Listening { listen, tls: has_tls, tokens, queue, artifacts, engine });
    let ended = serving.ended();
    tokio::pin!(ended);
    tokio::select! {
        ended = &mut ended => return Ok(ended?),
        () = interrupt.arrived() => {}
    }
    console.remark("\nfinishing what is in progress; Ctrl-C again to leave it");
    stop.cancel();
    tokio::select! {
        ended = &mut ended => Ok(ended?),
        () = interrupt.arrived() => Ok(()),
    }
}

fn config(file: Option<&Path>) -> Result<ClusterConfig> {
    let Some(file) = file else { return Ok(ClusterConfig::default()) };
    let usage = || {
        let what = format!("the configuration {} cannot be used", file.display());
        Failure::usage(what, "correct it; what stands before it is the place")
    };
    let text = std::fs::read_to_string(file).with_context(usage)?;
    ClusterConfig::from_toml(&text).with_context(usage)
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        writeln!(f, "The coordinator listens on {scheme}://{}\n", self.listen)?;
        let tokens = if self.tokens { "by token" } else { "everybody on this machine" };
        let facts = Facts::new()
            .with("who is let in", tokens)
            .with("queue", &self.queue)
            .with("artifacts", &self.artifacts)
            .with("judges itself", &self.engine);
        write!(f, "{facts}")
    }
}
