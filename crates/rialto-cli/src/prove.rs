//! `rialto prove` and `rialto verify`: a proof on this machine, without any market.

mod benchmark;

use crate::cluster::DeskArgs;
use crate::failure::{Failure, Kind};
use crate::journal::ShownJournal;
use crate::keys::KeysDirArgs;
use crate::show::{Console, Facts};
use crate::workload::{Run, Workload, WorkloadArgs, refusal};
use crate::zkvm;
use alloy::primitives::{B256, Bytes};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use rialto_artifacts::ArtifactId;
use rialto_cluster::ClusterProver;
use rialto_protocol::{ClaimDigest, Cycles, ImageId};
use rialto_zkvm::{JobStatus, Progress, ProofKind, ProveError, Prover, VerifiedClaim, Zkvm};
use serde::Serialize;
use std::fmt;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use url::Url;

/// Runs below this say little about speed.
const SMALL_CYCLES: u64 = 1_000_000;

/// Options of `rialto prove`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  rialto prove --program block-header --block examples/ethereum-block-24666352.json
  rialto prove --program ./guest.elf --input-file input.bin --output guest.proof
  rialto prove --program ./guest.elf --input-file input.bin --cluster http://127.0.0.1:7070
  rialto prove benchmark

No market, key or chain is needed. How fast this machine proves, and what a node on it may promise,
`rialto prove benchmark` measures.")]
pub(crate) struct ProveArgs {
    #[command(subcommand)]
    command: Option<ProveCommand>,

    /// The program: `block-header` (built in), an ELF file, or its http(s) URL
    #[arg(long, value_name = "PROGRAM", required_unless_present = "headers")]
    program: Option<String>,

    #[command(flatten)]
    pub(crate) workload: WorkloadArgs,

    /// Instead of an input: so many block headers, a real one and made-up descendants, for the built-in program
    #[arg(long, value_name = "N", conflicts_with_all = ["program", "input"], value_parser = clap::value_parser!(u16).range(1..))]
    headers: Option<u16>,

    /// Where the proof goes
    #[arg(long, value_name = "FILE", default_value = "rialto.proof")]
    pub(crate) output: PathBuf,

    /// Have it made by the cluster whose coordinator is at this address
    #[arg(long, value_name = "URL")]
    cluster: Option<Url>,

    /// File with the token that opens the cluster; or RIALTO_CLUSTER_TOKEN
    #[arg(long, value_name = "FILE", requires = "cluster")]
    token_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) keys_dir: KeysDirArgs,
}

/// `rialto prove …`
#[derive(Clone, Debug, Subcommand)]
enum ProveCommand {
    /// Measure how fast this machine makes proofs of several sizes
    Benchmark(Box<benchmark::BenchmarkArgs>),
}

/// Options of `rialto verify`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto verify rialto.proof
  rialto verify rialto.proof --program block-header
  rialto verify rialto.proof --image-id 0x5e1f… --json

A proof says for itself which program it is of: compare that with the one that you trust, by
--program or --image-id. Exit code 3 means that the proof does not hold or is of another program.")]
pub(crate) struct VerifyArgs {
    /// The proof
    #[arg(value_name = "PROOF")]
    pub(crate) proof: PathBuf,

    /// The program that it must be of: `block-header` or an ELF file
    #[arg(long, value_name = "PROGRAM", conflicts_with = "image_id")]
    pub(crate) program: Option<String>,

    /// The image id that it must be of
    #[arg(long, value_name = "HASH")]
    pub(crate) image_id: Option<B256>,

    #[command(flatten)]
    pub(crate) keys_dir: KeysDirArgs,
}

/// A proof that was made.
#[derive(Clone, Debug, Serialize)]
struct Proved {
    zkvm: String,
    image_id: ImageId,
    claim_digest: ClaimDigest,
    journal: ShownJournal,
    cycles: Cycles,
    segments: usize,
    execute_s: f64,
    prove_s: f64,
    khz: f64,
    proof: PathBuf,
    proof_sha256: String,
    proof_bytes: usize,
}

/// A proof that holds.
#[derive(Clone, Debug, Serialize)]
struct Verified {
    image_id: ImageId,
    claim_digest: ClaimDigest,
    journal: ShownJournal,
    proof_bytes: usize,
    verify_s: f64,
    /// Whether the program was compared with one that the user named.
    program_checked: bool,
}

/// `rialto prove`
pub(crate) async fn run(args: &ProveArgs, console: Console) -> Result<()> {
    if let Some(ProveCommand::Benchmark(args)) = &args.command {
        return benchmark::run(args, console).await;
    }
    check_folder(&args.output)?;
    let work = match args.headers {
        Some(count) => args.workload.headers(count)?,
        None => {
            let program = args.program.as_deref().context("clap asks for a program")?;
            args.workload.load(program).await?
        }
    };
    console.report(&prove(args, work, console).await?);
    Ok(())
}

async fn prove(args: &ProveArgs, work: Workload, console: Console) -> Result<Proved> {
    let zkvm = zkvm::open(&args.keys_dir).await?;
    let began = Instant::now();
    let run = work.execute(&zkvm, console).await?;
    let execute_s = began.elapsed().as_secs_f64();
    let bar = console.progress(run.cycles.0);
    let began = Instant::now();
    let proof = match &args.cluster {
        Some(cluster) => {
            let desk =
                DeskArgs { coordinator: cluster.clone(), token_file: args.token_file.clone() };
            let made = by_cluster(&desk, zkvm.name(), &work, &bar).await;
            made.and_then(|proof| checked(&zkvm, proof, &run))
        }
        None => here(&zkvm, &work, &bar).await,
    };
    let prove_s = began.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let proof = proof?;
    fs::write(&args.output, &proof).with_context(|| {
        let what = format!("cannot write the proof to {}", args.output.display());
        Failure::usage(what, "name another file with --output")
    })?;
    let claim = VerifiedClaim::new(run.image_id, run.journal);
    Ok(Proved {
        zkvm: zkvm.name().to_owned(),
        image_id: claim.image_id,
        claim_digest: claim.claim_digest,
        journal: ShownJournal::new(claim.image_id, &claim.journal),
        cycles: run.cycles,
        segments: run.segments,
        execute_s: thousandths(execute_s),
        prove_s: thousandths(prove_s),
        khz: thousandths(run.cycles.0 as f64 / prove_s.max(0.001) / 1000.0),
        proof: args.output.clone(),
        proof_sha256: ArtifactId::of(&proof).to_string(),
        proof_bytes: proof.len(),
    })
}

/// Proves in this process, with the zkVM directly.
async fn here(zkvm: &Arc<dyn Zkvm>, work: &Workload, bar: &ProgressBar) -> Result<Bytes> {
    let (zkvm, proving, bar) = (zkvm.clone(), work.clone(), bar.clone());
    let proof = tokio::task::spawn_blocking(move || {
        let watch = &mut |progress| {
            advance(&bar, progress);
            ControlFlow::Continue(())
        };
        let limits = proving.limits();
        zkvm.prove(&proving.elf, &proving.stdin, &limits, ProofKind::Composite, watch)
    });
    let proof = proof.await?.map_err(|error| match error {
        ProveError::Execute(error) => refusal(&work.name, error),
        error => anyhow::Error::new(error).context("cannot prove"),
    });
    proof.map(Into::into)
}

/// Has it proven by the workers of a cluster, and verified here by whoever asked for it.
async fn by_cluster(
    desk: &DeskArgs,
    engine: &str,
    work: &Workload,
    bar: &ProgressBar,
) -> Result<Bytes> {
    let prover = ClusterProver::new(Arc::new(desk.line()?), engine, "");
    let id = prover.submit(work.job()).await?;
    bar.println(format!("job {id}"));
    let mut status = prover.watch(id).await?;
    loop {
        let now = status.borrow_and_update().clone();
        match now {
            JobStatus::Running(progress) => advance(bar, progress),
            JobStatus::Queued => {}
            JobStatus::Done => return Ok(prover.fetch(id).await?.into()),
            JobStatus::Failed { reason, .. } => {
                let next = "see `rialto cluster status --ended`";
                return Err(
                    Failure::refused(format!("the cluster made no proof: {reason}"), next).into()
                );
            }
            JobStatus::Cancelled => {
                return Err(Failure::refused("the job was cancelled", "order it again").into());
            }
        }
        status.changed().await.context("the coordinator has forgotten the job")?;
    }
}

/// The proof, if it says what the program said here.
fn checked(zkvm: &Arc<dyn Zkvm>, proof: Bytes, run: &Run) -> Result<Bytes> {
    let next = "do not rely on that cluster";
    let refused = |what: &str| Failure::refused(what, next);
    let claim = zkvm.verify(&proof);
    let claim = claim.with_context(|| refused("the cluster's proof does not hold"))?;
    if (claim.image_id, &claim.journal) != (run.image_id, &run.journal) {
        return Err(refused("the cluster's proof says something else than the program").into());
    }
    Ok(proof)
}

/// A folder that is missing is better noticed before proving than after.
fn check_folder(output: &Path) -> Result<()> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_none_or(Path::is_dir) && !output.is_dir() {
        return Ok(());
    }
    let what = format!("the proof cannot be written to {}", output.display());
    Err(Failure::usage(what, "name a file in an existing folder with --output").into())
}

/// Cut to what was measured in earnest.
fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn advance(bar: &ProgressBar, progress: Progress) {
    match progress {
        Progress::Executing => bar.set_message("finding the segments"),
        Progress::Proving { segments_done, segments, cycles_done, .. } => {
            bar.set_position(cycles_done.0);
            bar.set_message(format!("proving segment {} of {segments}", segments_done + 1));
        }
        Progress::Joining => {
            bar.set_position(bar.length().unwrap_or_default());
            bar.set_message("joining and verifying");
        }
    }
    bar.tick();
}

/// `rialto verify`
pub(crate) async fn verify(args: &VerifyArgs, console: Console) -> Result<()> {
    let proof = fs::read(&args.proof).with_context(|| {
        let what = format!("cannot read the proof {}", args.proof.display());
        Failure::usage(
            what,
            "check its name; `rialto prove` and `request fetch --output` write one",
        )
    })?;
    let proof_bytes = proof.len();
    let verifier = zkvm::verifier(&args.keys_dir).await?;
    let began = Instant::now();
    let claim = tokio::task::spawn_blocking(move || verifier.verify(&proof)).await?;
    let verify_s = began.elapsed().as_secs_f64();
    let claim = claim.with_context(|| {
        let what = format!("{} is not a valid proof", args.proof.display());
        Failure::refused(what, "do not rely on it; ask for the proof again")
    })?;
    let report = Verified {
        journal: ShownJournal::new(claim.image_id, &claim.journal),
        image_id: claim.image_id,
        claim_digest: claim.claim_digest,
        proof_bytes,
        verify_s: thousandths(verify_s),
        program_checked: args.program.is_some() || args.image_id.is_some(),
    };
    args.check_program(claim.image_id).await?;
    console.report(&report);
    Ok(())
}

impl VerifyArgs {
    async fn check_program(&self, found: ImageId) -> Result<()> {
        let wanted = match (&self.program, self.image_id) {
            (Some(program), _) => zkvm::image_id_of(program, &self.keys_dir).await?,
            (None, Some(image_id)) => ImageId(image_id),
            (None, None) => return Ok(()),
        };
        if wanted == found {
            return Ok(());
        }
        let what = format!("the proof holds, but for program {found}, not for {wanted}");
        let next = "do not rely on it for the program that you named";
        Err(Failure::new(Kind::Refused, what, next).into())
    }
}

impl fmt::Display for Proved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cycles, segments, execute_s, prove_s, khz, .. } = self;
        writeln!(f, "Proven and verified in {prove_s:.1} s: {cycles} cycles at {khz:.1} kHz.\n")?;
        let segments = match segments {
            1 => "1 segment".to_owned(),
            many => format!("{many} segments"),
        };
        let facts = Facts::new()
            .with("program", self.image_id)
            .and(self.journal.facts())
            .with("claim", self.claim_digest)
            .with("execution", format!("{execute_s:.2} s, {segments}"))
            .with("zkVM", &self.zkvm)
            .with("proof", format!("{} ({} bytes)", self.proof.display(), self.proof_bytes))
            .with("sha256", &self.proof_sha256);
        write!(f, "{facts}")?;
        if self.cycles.0 < SMALL_CYCLES {
            write!(
                f,
                "\nA run this small spends its time on what every proof costs; `rialto prove benchmark` tells the two apart."
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { proof_bytes, verify_s, .. } = self;
        writeln!(f, "The proof holds ({proof_bytes} bytes, verified in {verify_s:.2} s).\n")?;
        let facts = Facts::new()
            .with("program", self.image_id)
            .and(self.journal.facts())
            .with("claim", self.claim_digest);
        write!(f, "{facts}")?;
        if !self.program_checked {
            write!(f, "\nCompare the program with the one you trust: --program or --image-id.")?;
        }
        Ok(())
    }
}
