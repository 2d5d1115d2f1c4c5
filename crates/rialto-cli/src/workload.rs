//! What is to be proven: a program and its input, as arguments name them; and its run without
//! proof, which shows what a proof would cost and say.

use crate::failure::{Failure, Kind};
use crate::show::Console;
use alloy::primitives::Bytes;
use anyhow::{Context, Result};
use block_header_core::host;
use clap::Args;
use rialto_artifacts::{FetchError, FetchPolicy, Fetcher};
use rialto_protocol::{Cycles, ImageId, Input, Journal, ProofRequest, guest_env};
use rialto_zkvm::{ExecuteError, ExecutionLimits, ProofJob, ProofKind, Zkvm};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// A real block, for whoever has none at hand.
pub(crate) const EXAMPLE_BLOCK: &str =
    include_str!("../../../examples/ethereum-block-24666352.json");
/// The built-in program's name.
const BLOCK_HEADER: &str = "block-header";
/// Provers fetch no larger program by default.
const PROGRAM_BYTES_MAX: u64 = 50_000_000;
/// A journal of the built-in zkVM is at most this long.
const JOURNAL_BYTES_MAX: u64 = 1020;
/// What prover nodes give a program by default.
const MEMORY_BYTES_MAX: u64 = 512 << 20;

/// On which input a program runs, and how far.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct WorkloadArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Stop a run that takes more million cycles than this
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) max_mcycles: u64,
}

/// The program's standard input; empty if none is given.
#[derive(Clone, Debug, Default, Args)]
#[group(multiple = false)]
pub(crate) struct InputArgs {
    /// File with the program's input
    #[arg(long, value_name = "FILE")]
    pub(crate) input_file: Option<PathBuf>,

    /// The program's input as hexadecimal digits
    #[arg(long, value_name = "HEX")]
    pub(crate) input_hex: Option<Bytes>,

    /// Ethereum blocks as JSON, parent before child: input of `block-header`
    #[arg(long, value_name = "BLOCK.json", num_args = 1..)]
    pub(crate) block: Vec<PathBuf>,
}

/// Where a program came from, which decides where provers get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Built in or a local file: provers need a copy.
    Here,
    /// A URL that provers can use as well.
    Web(Url),
}

/// A program and its input in hand.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// What the user calls it.
    pub(crate) name: String,
    /// The program.
    pub(crate) elf: Bytes,
    /// Where it came from.
    pub(crate) origin: Origin,
    /// Its standard input.
    pub(crate) stdin: Bytes,
    limits: ExecutionLimits,
}

/// What came of a run without proof.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The program.
    pub(crate) image_id: ImageId,
    /// Instructions executed.
    pub(crate) cycles: Cycles,
    /// Segments to prove.
    pub(crate) segments: usize,
    /// The public output.
    pub(crate) journal: Journal,
}

impl WorkloadArgs {
    /// Obtains the program that the user calls `name`, and its input.
    ///
    /// # Errors
    /// If a file or URL cannot be had, or the input has not the form that it should have.
    pub(crate) async fn load(&self, name: &str) -> Result<Workload> {
        let stdin = self.input.stdin(name)?;
        let (elf, origin) = program(name).await?;
        Ok(Workload { name: name.to_owned(), elf, origin, stdin, limits: self.limits() })
    }

    /// The built-in program on so many headers: a real one and its made-up descendants.
    ///
    /// # Errors
    /// If one input does not hold so many.
    pub(crate) fn headers(&self, count: u16) -> Result<Workload> {
        let block = serde_json::from_str(EXAMPLE_BLOCK)?;
        let stdin = host::input_of_made_chain(&block, count.into())?;
        Ok(Workload {
            name: format!("{BLOCK_HEADER} × {count}"),
            elf: Bytes::from_static(host::PROGRAM),
            origin: Origin::Here,
            stdin: stdin.into(),
            limits: self.limits(),
        })
    }

    /// What a request asks for.
    ///
    /// # Errors
    /// If its program or input cannot be had.
    pub(crate) async fn asked_by(
        &self,
        request: &ProofRequest,
        file_roots: &[PathBuf],
    ) -> Result<Workload> {
        let elf = fetch(&request.image_url, file_roots).await?;
        let encoded = match &request.input {
            Input::Inline(data) => data.clone(),
            Input::Url(url) => fetch(url, file_roots).await?,
        };
        let stdin = guest_env::decode(&encoded).with_context(|| {
            let what = format!("the input of request {} cannot be read", request.id);
            Failure::new(Kind::Refused, what, "name another request: no prover can prove this one")
        })?;
        Ok(Workload {
            name: format!("request {:x}", request.id.to_u256()),
            elf,
            origin: Origin::Here,
            stdin,
            limits: self.limits(),
        })
    }

    fn limits(&self) -> ExecutionLimits {
        ExecutionLimits {
            cycles_max: Cycles(self.max_mcycles.saturating_mul(1_000_000)),
            memory_max_bytes: MEMORY_BYTES_MAX,
            journal_max_bytes: JOURNAL_BYTES_MAX,
        }
    }
}

/// Obtains the program that the user calls `name`.
///
/// # Errors
/// If there is none.
pub(crate) async fn program(name: &str) -> Result<(Bytes, Origin)> {
    if name == BLOCK_HEADER {
        return Ok((Bytes::from_static(host::PROGRAM), Origin::Here));
    }
    if !name.starts_with("http://") && !name.starts_with("https://") {
        return Ok((read_program(name)?, Origin::Here));
    }
    let url: Url = name
        .parse()
        .with_context(|| Failure::usage(format!("{name:?} is not a URL"), "correct --program"))?;
    Ok((fetch(url.as_str(), &[]).await?, Origin::Web(url)))
}

/// The image id of a program, without running it.
///
/// # Errors
/// If it is no program.
pub(crate) async fn image_id(name: &str, elf: Bytes, zkvm: &Arc<dyn Zkvm>) -> Result<ImageId> {
    let zkvm = zkvm.clone();
    let named = tokio::task::spawn_blocking(move || zkvm.image_id(&elf)).await?;
    named.map_err(|error| refusal(name, error.into()))
}

impl InputArgs {
    fn stdin(&self, program: &str) -> Result<Bytes> {
        if let Some(path) = &self.input_file {
            return Ok(read(path, "the input file")?.into());
        }
        if let Some(bytes) = &self.input_hex {
            return Ok(bytes.clone());
        }
        if !self.block.is_empty() {
            if program != BLOCK_HEADER {
                let what = format!("--block is input for `{BLOCK_HEADER}`, not for {program:?}");
                let next = "give this program's input with --input-file or --input-hex";
                return Err(Failure::usage(what, next).into());
            }
            return blocks(&self.block);
        }
        if program == BLOCK_HEADER {
            let what = format!("`{BLOCK_HEADER}` needs at least one header to check");
            let next = "name a file with an Ethereum block as JSON: --block block.json";
            return Err(Failure::usage(what, next).into());
        }
        Ok(Bytes::new())
    }
}

/// Blocks as the program reads them. Whether they are true is the program's question.
fn blocks(paths: &[PathBuf]) -> Result<Bytes> {
    let blocks: Vec<Value> = paths.iter().map(|path| block(path)).collect::<Result<_>>()?;
    let input = host::input_from_json(&blocks).with_context(|| {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        let what = format!("{} cannot be read as Ethereum blocks", names.join(", "));
        let next = "give the answer of eth_getBlockByNumber, or its `result`, in each file";
        Failure::usage(what, next)
    })?;
    Ok(input.into())
}

fn block(path: &Path) -> Result<Value> {
    let text = read(path, "the block file")?;
    serde_json::from_slice(&text).with_context(|| {
        let what = format!("{} is not JSON", path.display());
        Failure::usage(what, "save the answer of eth_getBlockByNumber into it")
    })
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| {
        let what = format!("cannot read {what} {}", path.display());
        Failure::usage(what, "check its name and permissions")
    })
}

fn read_program(name: &str) -> Result<Bytes> {
    let path = Path::new(name);
    if !path.exists() {
        let what = format!("there is no program {name:?}: neither built in nor a file");
        let next = format!("give `{BLOCK_HEADER}`, the path of an ELF file, or an http(s) URL");
        return Err(Failure::usage(what, next).into());
    }
    let bytes = read(path, "the program")?;
    let (length, limit) = (bytes.len(), PROGRAM_BYTES_MAX);
    if length as u64 > limit {
        let what = format!("the program {name} has {length} bytes; provers take at most {limit}");
        return Err(Failure::usage(what, "strip it of debug information").into());
    }
    Ok(bytes.into())
}

/// Whoever calls names the URL, so it may lead to this machine's own network.
async fn fetch(url: &str, file_roots: &[PathBuf]) -> Result<Bytes> {
    let policy = FetchPolicy {
        max_bytes: PROGRAM_BYTES_MAX,
        attempts: 2,
        timeout: Duration::from_secs(30),
        allow_private_hosts: true,
        file_roots: file_roots.to_vec(),
        ..FetchPolicy::default()
    };
    let fetched = Fetcher::new(policy)?.fetch(url).await;
    Ok(fetched
        .map_err(|error| {
            let what = format!("{url} cannot be fetched");
            let (kind, next) = match &error {
                FetchError::TooLarge { .. } => {
                    (Kind::Usage, "publish a smaller ELF: strip it of debug information")
                }
                error if error.is_transient() => (
                    Kind::Unreachable,
                    "check that the server runs and can be reached, then try again",
                ),
                _ => (Kind::Usage, "correct the URL; file URLs need their directory opened"),
            };
            anyhow::Error::new(error).context(Failure::new(kind, what, next))
        })?
        .bytes
        .into())
}

impl Workload {
    /// The same as a prover's job.
    pub(crate) fn job(&self) -> ProofJob {
        let (elf, stdin) = (self.elf.0.clone(), self.stdin.0.clone());
        ProofJob { elf, stdin, limits: self.limits(), kind: ProofKind::Composite }
    }

    /// What a run may use.
    pub(crate) fn limits(&self) -> ExecutionLimits {
        self.limits
    }

    /// Runs the program without proving.
    ///
    /// # Errors
    /// If it is no program, refuses its input, or needs more than the limits.
    pub(crate) async fn execute(&self, zkvm: &Arc<dyn Zkvm>, console: Console) -> Result<Run> {
        let spinner = console.spinner(format!("running {} without proof", self.name));
        let (zkvm, work) = (zkvm.clone(), self.clone());
        let ran = tokio::task::spawn_blocking(move || {
            let run = zkvm.execute(&work.elf, &work.stdin, &work.limits)?;
            let image_id = zkvm.image_id(&work.elf)?;
            let segments = run.segments.len();
            Ok(Run { image_id, cycles: run.cycles, segments, journal: run.journal })
        });
        let ran = ran.await?;
        spinner.finish_and_clear();
        ran.map_err(|error| refusal(&self.name, error))
    }
}

/// An execution's end with the way out.
pub(crate) fn refusal(name: &str, error: ExecuteError) -> anyhow::Error {
    let (kind, what, next) = match &error {
        ExecuteError::NotAProgram(_) => (
            Kind::Usage,
            format!("{name} is not a program of the built-in zkVM"),
            "give an ELF that was built for OpenVM; guests/README.md shows how",
        ),
        ExecuteError::GuestPanicked { .. } => (
            Kind::Refused,
            format!("{name} refuses this input; nothing was signed or sent"),
            "correct the input: no prover can prove this run",
        ),
        ExecuteError::CycleLimit { .. } => (
            Kind::Refused,
            format!("{name} does not end in time"),
            "raise --max-mcycles, or give it less to do",
        ),
        ExecuteError::Internal { .. } => {
            (Kind::Failed, format!("{name} could not be run"), "run it again with RUST_LOG=debug")
        }
        _ => (
            Kind::Refused,
            format!("{name} cannot be proven on this input"),
            "correct the program or its input; provers have the same limits",
        ),
    };
    anyhow::Error::new(error).context(Failure::new(kind, what, next))
}
