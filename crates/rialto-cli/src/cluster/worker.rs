//! `rialto cluster worker`, and the process in which its tasks are computed.

use super::place::{DeskArgs, StoreArgs};
use crate::interrupt::Interrupt;
use crate::keys::KeysDirArgs;
use crate::show::Console;
use crate::zkvm;
use anyhow::{Context, Result};
use clap::Args;
use rialto_cluster::{Bench, ChildCommand, Ending, WorkerConfig, bench_main, run as work};
use rialto_zkvm::Zkvm;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A process that has not its keys after this hangs.
const START_MAX: Duration = Duration::from_secs(300);

/// Options of `rialto cluster worker`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto cluster worker --artifacts .rialto/cluster/artifacts
  rialto cluster worker --coordinator https://cluster.example:7070 --token-file worker.token --s3-bucket proofs

A worker may be killed at any moment: what it had in hand is another's three seconds later. Ctrl-C or
SIGTERM finishes what is in hand first; a second one gives it back. Tasks are computed in processes of
their own, so that a crash or too little memory costs a task and not the worker.")]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    desk: DeskArgs,

    #[command(flatten)]
    store: StoreArgs,

    /// What people call it; each worker has its own [default: the machine's name and the process]
    #[arg(long)]
    name: Option<String>,

    /// Tasks at once; one proof uses every core already
    #[arg(long, value_name = "N", default_value = "1")]
    slots: NonZeroUsize,

    /// Memory that tasks may use together [default: all of the machine's]
    #[arg(long, value_name = "MIB")]
    memory_mib: Option<u32>,

    /// A task that takes longer hangs, and is ended
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    task_max_s: u64,

    /// Compute in threads of this process
    #[arg(long)]
    in_process: bool,

    #[command(flatten)]
    compute: ComputeArgs,
}

/// How tasks are computed.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto cluster worker --artifacts .rialto/cluster/artifacts     # starts this by itself")]
pub(crate) struct ComputeArgs {
    /// Cut executions so that proving a segment takes at most so much memory, by OpenVM's estimate for GPUs
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(512..))]
    segment_mib: Option<u64>,

    #[command(flatten)]
    keys_dir: KeysDirArgs,
}

impl ComputeArgs {
    async fn zkvm(&self) -> Result<Arc<dyn Zkvm>> {
        zkvm::open_with(&self.keys_dir, self.segment_mib.map(|mib| (mib as usize) << 20)).await
    }

    fn as_arguments(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["cluster".into(), "compute".into()];
        if let Some(mib) = self.segment_mib {
            args.extend(["--segment-mib".into(), mib.to_string().into()]);
        }
        if let Some(directory) = &self.keys_dir.keys_dir {
            args.extend(["--keys-dir".into(), directory.into()]);
        }
        args
    }
}

/// `rialto cluster worker`
pub(super) async fn run(args: &WorkerArgs, console: Console) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let line = Arc::new(args.desk.line()?);
    let store = args.store.open(PathBuf::from(".rialto/cluster/artifacts"))?;
    let zkvm = args.compute.zkvm().await?;
    let bench = match args.in_process {
        true => Bench::threads(zkvm, args.slots).context("cannot start a proving thread")?,
        false => Bench::children(args.child(zkvm.name())?, args.slots),
    };
    let mut config = WorkerConfig::of_this_machine(args.name.clone().unwrap_or_else(usual_name));
    config.memory_mib = args.memory_mib.unwrap_or(config.memory_mib);
    console.remark(&format!("{} works for {}", config.name, args.desk.coordinator));
    let ending = Ending::default();
    let working = work(line, store, bench, config, ending.clone());
    tokio::pin!(working);
    tokio::select! {
        ended = &mut working => return Ok(ended?),
        () = interrupt.arrived() => {}
    }
    console.remark("\nfinishing what is in hand; Ctrl-C again to give it back");
    ending.drain.cancel();
    tokio::select! {
        ended = &mut working => return Ok(ended?),
        () = interrupt.arrived() => {}
    }
    ending.stop.cancel();
    Ok(working.await?)
}

impl WorkerArgs {
    fn child(&self, engine: &str) -> Result<ChildCommand> {
        Ok(ChildCommand {
            program: std::env::current_exe().context("cannot find this executable")?,
            args: self.compute.as_arguments(),
            env: Vec::new(),
            engine: engine.to_owned(),
            start_max: START_MAX,
            task_max: Duration::from_secs(self.task_max_s),
        })
    }
}

/// Different on every machine and for every process.
fn usual_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "worker" } else { host.trim() };
    format!("{host}-{}", std::process::id())
}

/// `rialto cluster compute`
pub(super) async fn compute(args: &ComputeArgs) -> Result<()> {
    let zkvm = args.zkvm().await?;
    let ended = tokio::task::spawn_blocking(move || bench_main(zkvm)).await?;
    // The worker reads the exit code; nobody else does.
    (ended == std::process::ExitCode::SUCCESS)
        .then_some(())
        .context("the worker was not understood")
}
