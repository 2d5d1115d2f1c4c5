//! `rialto prove benchmark`: how fast this machine makes proofs, how sure that is, and telling a node.

use crate::failure::Failure;
use crate::keys::KeysDirArgs;
use crate::network::NetworkArgs;
use crate::request;
use crate::show::Console;
use crate::workload::{Run, Workload, WorkloadArgs, refusal};
use crate::zkvm;
use anyhow::{Context, Result};
use clap::Args;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use rialto_lab::Mean;
use rialto_node::teach;
use rialto_planner::{Sample, Speeds};
use rialto_protocol::{Cycles, ImageId, RequestId};
use rialto_zkvm::{ProofKind, ProveError, Zkvm};
use serde::Serialize;
use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Options of `rialto prove benchmark`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto prove benchmark                                      # the built-in program, three sizes
  rialto prove benchmark --headers 1,50 --repeat 5
  rialto prove benchmark --program ./guest.elf --input-file input.bin
  rialto prove benchmark --request 0x6a3f…01 --request 0x6a3f…02
  rialto prove benchmark --data-dir .rialto/node-31337        # and let that node learn from it

Each figure is a mean with its 95 % interval; more proofs (--repeat) make it narrower. A node learns
from its own proofs as well, so it needs this only before its first orders.")]
pub(crate) struct BenchmarkArgs {
    /// Numbers of block headers for the built-in program: one size each
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        default_values_t = [1, 10, 40],
        conflicts_with_all = ["program", "requests"],
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    headers: Vec<u16>,

    /// A program of your own instead: an ELF file or its http(s) URL
    #[arg(long, value_name = "PROGRAM", conflicts_with = "requests")]
    program: Option<String>,

    #[command(flatten)]
    workload: WorkloadArgs,

    /// What a request of the market asks for; may be repeated
    #[arg(long = "request", value_name = "ID")]
    requests: Vec<RequestId>,

    #[command(flatten)]
    network: NetworkArgs,

    /// Directory below which file URLs of those requests may be read; may be repeated
    #[arg(long = "file-root", value_name = "DIR")]
    file_roots: Vec<PathBuf>,

    /// Proofs of each size
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=100))]
    repeat: u32,

    /// Data directory of a node that shall learn these speeds; it must not be running
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    #[command(flatten)]
    keys_dir: KeysDirArgs,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
struct Report {
    zkvm: String,
    threads: usize,
    took_s: f64,
    sizes: Vec<Size>,
    /// What every proof costs, and what each million cycles adds, where there were several sizes.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
    /// What a node may promise that has measured nothing.
    peak_prove_khz: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    taught: Option<PathBuf>,
}

/// Proofs of the same run.
#[derive(Clone, Debug, Serialize)]
struct Size {
    name: String,
    image_id: ImageId,
    cycles: Cycles,
    segments: usize,
    proofs: usize,
    /// From the start of the proof until it is made and verified.
    seconds: f64,
    seconds_half_width: f64,
    mcycles_per_s: f64,
    mcycles_per_s_low: f64,
    /// Absent if the proofs differ so much that nothing can be said.
    mcycles_per_s_high: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Cost {
    fixed_s: f64,
    per_mcycle_s: f64,
}

/// `rialto prove benchmark`
pub(super) async fn run(args: &BenchmarkArgs, console: Console) -> Result<()> {
    let began = Instant::now();
    let works = args.works().await?;
    let zkvm = zkvm::open(&args.keys_dir).await?;
    let (mut sizes, mut samples) = (Vec::new(), Vec::new());
    let bar = console.progress(works.len() as u64 * u64::from(args.repeat));
    for work in works {
        let run = work.execute(&zkvm, console).await?;
        let mut seconds = Vec::new();
        for nth in 1..=args.repeat {
            let name = &work.name;
            bar.set_message(format!(
                "{name}, {} cycles: proof {nth} of {}",
                run.cycles, args.repeat
            ));
            let took = prove(&zkvm, &work).await?;
            seconds.push(took.as_secs_f64());
            samples.push((run.image_id, Sample { cycles: run.cycles, took }));
            bar.inc(1);
        }
        sizes.push(Size::of(work.name, &run, &seconds));
    }
    bar.finish_and_clear();
    if let Some(data_dir) = &args.data_dir {
        teach(data_dir, &samples).await.with_context(|| {
            let what = format!("the node in {} cannot be taught", data_dir.display());
            Failure::usage(what, "stop the node first, or name its data directory with --data-dir")
        })?;
    }
    let largest = sizes.iter().max_by_key(|size| size.cycles).context("there is a size")?;
    console.report(&Report {
        zkvm: zkvm.name().to_owned(),
        threads: std::thread::available_parallelism().map_or(1, Into::into),
        took_s: began.elapsed().as_secs_f64(),
        cost: cost(&samples),
        peak_prove_khz: khz_down(largest),
        taught: args.data_dir.clone(),
        sizes,
    });
    Ok(())
}

impl BenchmarkArgs {
    async fn works(&self) -> Result<Vec<Workload>> {
        if let Some(program) = &self.program {
            return Ok(vec![self.workload.load(program).await?]);
        }
        if self.requests.is_empty() {
            return self.headers.iter().map(|count| self.workload.headers(*count)).collect();
        }
        let mut works = Vec::new();
        for id in &self.requests {
            let signed = request::signed(&self.network, *id).await?;
            works.push(self.workload.asked_by(signed.request(), &self.file_roots).await?);
        }
        Ok(works)
    }
}

/// One proof, from nothing to verified.
async fn prove(zkvm: &Arc<dyn Zkvm>, work: &Workload) -> Result<Duration> {
    let (zkvm, name, work) = (zkvm.clone(), work.name.clone(), work.clone());
    let began = Instant::now();
    let proving = tokio::task::spawn_blocking(move || {
        let go_on = &mut |_| ControlFlow::Continue(());
        zkvm.prove(&work.elf, &work.stdin, &work.limits(), ProofKind::Composite, go_on)
    });
    proving.await?.map_err(|error| match error {
        ProveError::Execute(error) => refusal(&name, error),
        error => anyhow::Error::new(error).context("cannot prove"),
    })?;
    Ok(began.elapsed())
}

impl Size {
    fn of(name: String, run: &Run, seconds: &[f64]) -> Self {
        let mut mean = Mean::default();
        mean.extend(seconds.iter().copied());
        let estimate = mean.estimate();
        // Without a lower bound on the time there is no upper one on the speed.
        let low = Some(estimate.low()).filter(|low| *low > 0.0);
        let mcycles = run.cycles.0 as f64 / 1e6;
        Self {
            name,
            image_id: run.image_id,
            cycles: run.cycles,
            segments: run.segments,
            proofs: seconds.len(),
            seconds: estimate.mean,
            seconds_half_width: estimate.half,
            mcycles_per_s: mcycles / estimate.mean,
            mcycles_per_s_low: mcycles / estimate.high(),
            mcycles_per_s_high: low.map(|low| mcycles / low),
        }
    }
}

/// The line through the samples of a program, if they are of several sizes.
fn cost(samples: &[(ImageId, Sample)]) -> Option<Cost> {
    let (program, _) = samples.first()?;
    if samples.iter().any(|(other, _)| other != program) {
        return None;
    }
    let mut speeds = Speeds::new(1);
    samples.iter().for_each(|(program, sample)| speeds.learn(*program, *sample));
    let (fixed, per_mcycle) = speeds.cost(*program)?;
    Some(Cost { fixed_s: fixed.as_secs_f64(), per_mcycle_s: per_mcycle.as_secs_f64() })
}

/// What is surely done in a second at this size, in thousand cycles.
fn khz_down(size: &Size) -> u64 {
    ((size.mcycles_per_s_low * 1_000.0) as u64).max(1)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { zkvm, threads, took_s, sizes, .. } = self;
        let proofs: usize = sizes.iter().map(|size| size.proofs).sum();
        writeln!(f, "{proofs} proofs by {zkvm} in {took_s:.0} s; {threads} threads.\n")?;
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_header(["run", "cycles", "segments", "proofs", "seconds", "Mcycle/s (95 %)"]);
        for index in 1..6 {
            if let Some(column) = table.column_mut(index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for size in sizes {
            table.add_row(size.cells());
        }
        writeln!(f, "{table}")?;
        if let Some(Cost { fixed_s, per_mcycle_s }) = self.cost {
            writeln!(
                f,
                "\nA proof costs {fixed_s:.1} s, and {per_mcycle_s:.2} s more for each million cycles."
            )?;
        }
        writeln!(
            f,
            "\nFor a node that has measured nothing (the largest run's lower bound):\n\n  \
             [market]\n  peak_prove_khz = {}",
            self.peak_prove_khz
        )?;
        match &self.taught {
            Some(data_dir) => write!(f, "\nThe node in {} has learned them.", data_dir.display()),
            None => write!(f, "\nWith --data-dir a node learns all of it, fixed cost included."),
        }
    }
}

impl Size {
    fn cells(&self) -> [String; 6] {
        let digits = if self.mcycles_per_s < 0.1 { 4 } else { 2 };
        let high =
            self.mcycles_per_s_high.map_or("?".to_owned(), |high| format!("{high:.digits$}"));
        [
            self.name.clone(),
            self.cycles.to_string(),
            self.segments.to_string(),
            self.proofs.to_string(),
            format!("{:.2} ± {:.2}", self.seconds, self.seconds_half_width),
            format!(
                "{:.digits$} ({:.digits$} to {high})",
                self.mcycles_per_s, self.mcycles_per_s_low
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::B256;
    use expect_test::expect;
    use rialto_protocol::Journal;

    fn size(name: &str, cycles: u64, seconds: &[f64]) -> Size {
        let run = Run {
            image_id: ImageId(B256::ZERO),
            cycles: Cycles(cycles),
            segments: 1,
            journal: Journal(Default::default()),
        };
        Size::of(name.to_owned(), &run, seconds)
    }

    #[test]
    fn a_report_says_how_sure_it_is() {
        let sizes =
            vec![size("small", 7_057, &[5.0, 15.0]), size("large", 2_000_000, &[19.0, 20.0, 21.0])];
        let report = Report {
            zkvm: "openvm".into(),
            threads: 2,
            took_s: 80.0,
            cost: Some(Cost { fixed_s: 9.9, per_mcycle_s: 5.02 }),
            peak_prove_khz: khz_down(&sizes[1]),
            taught: None,
            sizes,
        };
        expect![[r#"
            5 proofs by openvm in 80 s; 2 threads.

            ┌───────┬─────────┬──────────┬────────┬───────────────┬──────────────────────┐
            │ run   ┆  cycles ┆ segments ┆ proofs ┆       seconds ┆      Mcycle/s (95 %) │
            ╞═══════╪═════════╪══════════╪════════╪═══════════════╪══════════════════════╡
            │ small ┆    7057 ┆        1 ┆      2 ┆ 10.00 ± 63.53 ┆ 0.0007 (0.0001 to ?) │
            │ large ┆ 2000000 ┆        1 ┆      3 ┆  20.00 ± 2.48 ┆  0.10 (0.09 to 0.11) │
            └───────┴─────────┴──────────┴────────┴───────────────┴──────────────────────┘

            A proof costs 9.9 s, and 5.02 s more for each million cycles.

            For a node that has measured nothing (the largest run's lower bound):

              [market]
              peak_prove_khz = 88

            With --data-dir a node learns all of it, fixed cost included."#]]
        .assert_eq(&report.to_string());
    }

    #[test]
    fn costs_are_of_one_program_in_several_sizes() {
        let sample = |byte, cycles, s| {
            let took = Duration::from_secs(s);
            (ImageId(B256::repeat_byte(byte)), Sample { cycles: Cycles(cycles), took })
        };
        assert!(cost(&[sample(1, 1_000_000, 10), sample(2, 3_000_000, 14)]).is_none());
        assert!(cost(&[sample(1, 1_000_000, 10), sample(1, 1_000_000, 11)]).is_none());
        let found = cost(&[sample(1, 1_000_000, 10), sample(1, 3_000_000, 14)]).unwrap();
        assert!((found.fixed_s - 8.0).abs() < 1e-6 && (found.per_mcycle_s - 2.0).abs() < 1e-6);
    }
}
