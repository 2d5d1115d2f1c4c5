//! `rialto node setup`: a short interview that writes a working configuration, and a look at
//! everything that a node needs.

mod checks;
mod interview;

use crate::failure::Failure;
use crate::keys::{KeyArgs, KeysDirArgs};
use crate::network::NetworkArgs;
use crate::show::Console;
use anyhow::{Context, Result};
use checks::Checks;
use clap::Args;
use interview::Interview;
use rialto_node::Settings;
use rialto_node::settings::Checked;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Options of `rialto node setup`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto node setup --key-file prover.key                   # asks, writes node.toml, checks
  rialto node setup --key-file prover.key --yes             # takes what it would propose
  rialto node setup --key-file prover.key --check --config node.toml

Every question shows what it proposes; Enter takes that. The file is only written when it is new. Then
chain, market, balances, attesters, prices and prover are looked at; exit code 3 means that
something is missing, and the table says what to do about it.")]
pub(crate) struct SetupArgs {
    /// The configuration to write, or to check
    #[arg(long, value_name = "FILE", default_value = "node.toml")]
    config: PathBuf,

    #[command(flatten)]
    network: NetworkArgs,

    #[command(flatten)]
    key: KeyArgs,

    #[command(flatten)]
    keys_dir: KeysDirArgs,

    /// Ask nothing; take what would be proposed
    #[arg(long)]
    yes: bool,

    /// Write nothing; check what the configuration says
    #[arg(long, conflicts_with = "yes")]
    check: bool,
}

/// `rialto node setup`
pub(super) async fn run(args: &SetupArgs, console: Console) -> Result<()> {
    let network = args.network.load()?;
    let key = args.key.load()?;
    if !args.check {
        refuse_to_overwrite(&args.config)?;
        let text = Interview::of(&network, args.yes).hold()?;
        write_new(&args.config, &text)
            .with_context(|| format!("cannot write {}", args.config.display()))?;
        console.remark(&format!("wrote {}\n", args.config.display()));
    }
    let Checked { settings, warnings } = Settings::load(&args.config)?;
    for warning in warnings {
        console.remark(&format!("{}, {warning}", args.config.display()));
    }
    let checks = Checks::make(&network, &settings, key.address(), &args.keys_dir, console).await;
    console.report(&checks);
    match checks.missing() {
        0 => Ok(()),
        missing => {
            let what = match missing {
                1 => "one thing that a node needs is missing".to_owned(),
                many => format!("{many} things that a node needs are missing"),
            };
            Err(Failure::refused(what, "mend it, then look again with --check").into())
        }
    }
}

fn refuse_to_overwrite(config: &Path) -> Result<()> {
    if !config.exists() {
        return Ok(());
    }
    let what = format!("{} exists already", config.display());
    Err(Failure::usage(what, "look at it with --check, or name another file with --config").into())
}

fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
