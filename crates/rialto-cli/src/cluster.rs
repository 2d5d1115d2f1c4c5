//! `rialto cluster`: proofs by many workers, and the cluster that every prover node has within itself.

mod bench;
mod coordinator;
mod gantt;
mod place;
mod show;
mod worker;

pub(crate) use place::DeskArgs;

use crate::show::Console;
use anyhow::{Context, Result};
use clap::Subcommand;
use rialto_artifacts::{ArtifactStore, StoreConfig};
use rialto_cluster::Embedded;
use rialto_zkvm::Zkvm;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

/// `rialto cluster …`
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Keep the queue and give tasks to workers, until Ctrl-C
    Coordinator(Box<coordinator::CoordinatorArgs>),
    /// Do tasks for a coordinator, until Ctrl-C
    Worker(Box<worker::WorkerArgs>),
    /// Show how much there is to do, and who does it
    Status(show::StatusArgs),
    /// Show that again and again
    Top(show::TopArgs),
    /// Have a worker finish what it has and end
    Drain(show::DrainArgs),
    /// Draw who did what of a job, as SVG
    Gantt(gantt::GanttArgs),
    /// Measure what the cluster costs beside the zkVM called directly
    Bench(Box<bench::BenchArgs>),
    /// Compute tasks for the worker that started this
    #[command(hide = true)]
    Compute(worker::ComputeArgs),
}

/// `rialto cluster …`
pub(crate) async fn run(command: &ClusterCommand, console: Console) -> Result<()> {
    match command {
        ClusterCommand::Coordinator(args) => coordinator::run(args, console).await,
        ClusterCommand::Worker(args) => worker::run(args, console).await,
        ClusterCommand::Status(args) => show::status(args, console).await,
        ClusterCommand::Top(args) => show::top(args).await,
        ClusterCommand::Drain(args) => show::drain(args, console).await,
        ClusterCommand::Gantt(args) => gantt::run(args, console).await,
        ClusterCommand::Bench(args) => bench::run(args, console).await,
        ClusterCommand::Compute(args) => worker::compute(args).await,
    }
}

/// A cluster within this process, with everything that it keeps in `directory`.
pub(crate) async fn embedded(
    zkvm: Arc<dyn Zkvm>,
    directory: &Path,
    slots: NonZeroUsize,
) -> Result<Embedded> {
    let store = StoreConfig::Local { path: directory.join("artifacts") };
    let store = ArtifactStore::open(&store)?;
    let cluster = Embedded::start(zkvm, directory, store, slots).await;
    cluster.context("the cluster of this process does not start")
}
