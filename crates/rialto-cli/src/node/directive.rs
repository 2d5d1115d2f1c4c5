//! `rialto node pause`, `resume` and `drain`: what a node does about new work.

use super::owed::Owed;
use super::records::RecordArgs;
use crate::show::Console;
use anyhow::Result;
use clap::Args;
use rialto_node::{Directive, LOGBOOK, holder};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Options of `rialto node pause` and `rialto node resume`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto node pause                       # every node below .rialto
  rialto node pause --data-dir data/base
  rialto node resume

A paused node goes on with what it has locked and takes nothing new. The word stands in the data
directory: a node that is started again is still paused.")]
pub(crate) struct TellArgs {
    #[command(flatten)]
    nodes: RecordArgs,
}

/// Options of `rialto node drain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto node drain                       # and wait until it is done
  rialto node drain --no-wait
  rialto node resume                      # changes its mind

A drained node takes nothing new, finishes what it has locked, and ends. Until `rialto node resume` a
start of it ends again at once.")]
pub(crate) struct DrainArgs {
    #[command(flatten)]
    nodes: RecordArgs,

    /// Return at once; the node drains all the same
    #[arg(long)]
    no_wait: bool,
}

/// What a node was told.
#[derive(Debug, Serialize)]
struct Told {
    data_dir: PathBuf,
    directive: Directive,
    /// The process, if one runs there.
    process: Option<String>,
    locked: usize,
    #[serde(skip)]
    owed: String,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let does = match self.directive {
            Directive::Run => "takes work",
            Directive::Pause => "takes no new work and finishes what is locked",
            Directive::Drain => "finishes what is locked and ends",
            Directive::HandOver => "ends",
        };
        let dir = self.data_dir.display();
        match &self.process {
            Some(process) => write!(f, "{dir}: process {process} {does}; {}", self.owed),
            None => {
                write!(f, "{dir}: no node runs there; one that is started {does}; {}", self.owed)
            }
        }
    }
}

/// How often a drain is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// `rialto node pause` and `rialto node resume`
pub(super) async fn tell(args: &TellArgs, directive: Directive, console: Console) -> Result<()> {
    for dir in args.nodes.dirs()? {
        console.report(&told(&dir, directive).await?);
    }
    Ok(())
}

/// `rialto node drain`
pub(super) async fn drain(args: &DrainArgs, console: Console) -> Result<()> {
    let dirs = args.nodes.dirs()?;
    for dir in &dirs {
        console.report(&told(dir, Directive::Drain).await?);
    }
    if args.no_wait {
        return Ok(());
    }
    for dir in &dirs {
        let spinner = console.spinner(format!("draining {}", dir.display()));
        while holder(dir)?.is_some() {
            let owed = owed(dir).await?.map(|owed| owed.in_short()).unwrap_or_default();
            spinner.set_message(format!("draining {}: {owed}", dir.display()));
            tokio::time::sleep(LOOK_EVERY).await;
        }
        spinner.finish_and_clear();
        if let Some(owed) = owed(dir).await? {
            console.report(&owed);
        }
    }
    Ok(())
}

async fn told(dir: &Path, directive: Directive) -> Result<Told> {
    directive.write(dir)?;
    let owed = owed(dir).await?;
    let locked = owed.as_ref().map_or(0, |owed| owed.locked.len());
    let owed = owed.map_or_else(|| "it has not run yet".to_owned(), |owed| owed.in_short());
    Ok(Told { data_dir: dir.to_owned(), directive, process: holder(dir)?, locked, owed })
}

async fn owed(dir: &Path) -> Result<Option<Owed>> {
    if !dir.join(LOGBOOK).exists() {
        return Ok(None);
    }
    Ok(Some(Owed::read(dir, None).await?))
}
