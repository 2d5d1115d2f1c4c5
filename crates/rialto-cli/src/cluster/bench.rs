//! `rialto cluster bench`: what the cluster costs beside the zkVM called directly, same job, same cores, in one run.

use crate::keys::KeysDirArgs;
use crate::show::Console;
use crate::workload::{Workload, WorkloadArgs};
use crate::zkvm;
use anyhow::{Context, Result};
use clap::Args;
use rialto_lab::Mean;
use rialto_zkvm::{JobStatus, ProofKind, Prover, Zkvm};
use serde::Serialize;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Options of `rialto cluster bench`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto cluster bench
  rialto cluster bench --headers 120 --segment-mib 512 --repeat 3

The same proof is made by the zkVM called directly and by the cluster of this process, by turns, each from
nothing: executed, proven, joined, verified. The ratio of the means is what queue, leases, artifacts
and the second look at every result cost.")]
pub(crate) struct BenchArgs {
    /// Block headers that the built-in program checks
    #[arg(long, value_name = "N", default_value_t = 40)]
    headers: u16,

    /// Cut executions so that proving a segment takes at most so much memory, by OpenVM's estimate for GPUs
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(512..))]
    segment_mib: Option<u64>,

    /// Proofs each way
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeat: u32,

    #[command(flatten)]
    workload: WorkloadArgs,

    #[command(flatten)]
    keys_dir: KeysDirArgs,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    cycles: u64,
    segments: usize,
    direct_s: Vec<f64>,
    cluster_s: Vec<f64>,
    ratio: f64,
}

/// `rialto cluster bench`
pub(super) async fn run(args: &BenchArgs, console: Console) -> Result<()> {
    let work = args.workload.headers(args.headers)?;
    let segment_bytes = args.segment_mib.map(|mib| (mib as usize) << 20);
    let zkvm = zkvm::open_with(&args.keys_dir, segment_bytes).await?;
    let run = work.execute(&zkvm, console).await?;
    let (mut direct_s, mut cluster_s) = (Vec::new(), Vec::new());
    let bar = console.progress(u64::from(args.repeat) * 2);
    for nth in 1..=args.repeat {
        bar.set_message(format!("the zkVM directly, {nth} of {}", args.repeat));
        direct_s.push(directly(&zkvm, &work).await?.as_secs_f64());
        bar.inc(1);
        bar.set_message(format!("the cluster, {nth} of {}", args.repeat));
        cluster_s.push(by_cluster(&zkvm, &work).await?.as_secs_f64());
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mean = |seconds: &[f64]| {
        let mut mean = Mean::default();
        mean.extend(seconds.iter().copied());
        mean.estimate().mean
    };
    let ratio = mean(&cluster_s) / mean(&direct_s);
    let (cycles, segments) = (run.cycles.0, run.segments);
    console.report(&Report { cycles, segments, direct_s, cluster_s, ratio });
    Ok(())
}

async fn directly(zkvm: &Arc<dyn Zkvm>, work: &Workload) -> Result<Duration> {
    let (zkvm, work) = (zkvm.clone(), work.clone());
    let began = Instant::now();
    let proving = tokio::task::spawn_blocking(move || {
        let go_on = &mut |_| ControlFlow::Continue(());
        zkvm.prove(&work.elf, &work.stdin, &work.limits(), ProofKind::Composite, go_on)
    });
    proving.await?.context("cannot prove")?;
    Ok(began.elapsed())
}

/// A cluster of its own each time: nothing of an earlier proof is found.
async fn by_cluster(zkvm: &Arc<dyn Zkvm>, work: &Workload) -> Result<Duration> {
    let directory = Scratch::new()?;
    let cluster = super::embedded(zkvm.clone(), &directory.0, NonZeroUsize::MIN).await?;
    let job = work.job();
    let began = Instant::now();
    let id = cluster.submit(job).await?;
    let mut status = cluster.watch(id).await?;
    let ended = status.wait_for(JobStatus::has_ended).await?.clone();
    let took = began.elapsed();
    anyhow::ensure!(ended == JobStatus::Done, "the cluster's proof ended so: {ended:?}");
    cluster.fetch(id).await?;
    Ok(took)
}

/// A directory that is gone with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("rialto-bench-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).context("cannot make a directory to work in")?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cycles, segments, direct_s, cluster_s, ratio } = self;
        writeln!(f, "{cycles} cycles in {segments} segments")?;
        let list = |seconds: &[f64]| {
            let each: Vec<_> = seconds.iter().map(|it| format!("{it:.2}")).collect();
            each.join(", ")
        };
        writeln!(f, "the zkVM directly   {} s", list(direct_s))?;
        writeln!(f, "the cluster         {} s", list(cluster_s))?;
        write!(f, "ratio of the means  {ratio:.3}")
    }
}
