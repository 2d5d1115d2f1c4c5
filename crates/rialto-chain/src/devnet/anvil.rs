//! The anvil process: found, started on a port, and ended with its owner.

use super::DevnetConfig;
use std::env;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use url::Url;

/// Names the anvil binary and is asked first.
const ANVIL_VARIABLE: &str = "RIALTO_ANVIL";
/// Where the repository keeps tools that come from npm.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/node_modules/@foundry-rs");
/// A loaded machine takes seconds; a process that says nothing for longer will not start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Why there is no anvil.
#[derive(Debug, thiserror::Error)]
pub enum AnvilError {
    /// It is not installed.
    #[error("anvil was not found; run tools/setup.sh, or set RIALTO_ANVIL to the binary")]
    NotFound,
    /// The variable names nothing.
    #[error("RIALTO_ANVIL is {0}, which is not a file; set it to the anvil binary")]
    NotAFile(PathBuf),
    /// The process or its log file cannot be used.
    #[error("cannot {operation} {path}")]
    Io {
        /// What failed.
        operation: &'static str,
        /// The binary or the log file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended or was silent instead of listening.
    #[error("anvil did not begin to listen; it said: {said}")]
    NotListening {
        /// The end of its output.
        said: String,
    },
}

/// The anvil binary: `RIALTO_ANVIL`, else the one that `tools/setup.sh` installs, else the one on
/// `PATH`.
pub fn find_anvil() -> Result<PathBuf, AnvilError> {
    if let Some(named) = env::var_os(ANVIL_VARIABLE).map(PathBuf::from) {
        return if named.is_file() { Ok(named) } else { Err(AnvilError::NotAFile(named)) };
    }
    let installed = platform()
        .map(|platform| Path::new(TOOLS).join(format!("anvil-{platform}")).join("bin/anvil"));
    let on_path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&on_path).map(|folder| folder.join("anvil")).collect::<Vec<_>>();
    let mut candidates = installed.into_iter().chain(on_path);
    candidates.find(|candidate| candidate.is_file()).ok_or(AnvilError::NotFound)
}

/// The npm packages' word for this machine.
fn platform() -> Option<String> {
    let os = match env::consts::OS {
        "linux" => "linux",
        "macos" => "darwin",
        _ => return None,
    };
    let machine = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        _ => return None,
    };
    Some(format!("{os}-{machine}"))
}

/// Gas of a block: what Ethereum's have, and room for all of a deployment.
const BLOCK_GAS: u64 = 60_000_000;

/// A running anvil that makes blocks on demand. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Anvil {
    process: Child,
    url: Url,
}

impl Anvil {
    pub(super) async fn start(config: &DevnetConfig) -> Result<Self, AnvilError> {
        let io_error = |operation, path: &Path| {
            let path = path.to_owned();
            move |source| AnvilError::Io { operation, path, source }
        };
        let mut log = match &config.log {
            Some(path) => {
                let opened = OpenOptions::new().create(true).append(true).open(path);
                let file = opened.map_err(io_error("write anvil's log", path))?;
                Some(tokio::fs::File::from_std(file))
            }
            None => None,
        };
        let mut process = command(config).spawn().map_err(io_error("start", &config.anvil))?;
        let stdout = process.stdout.take().expect("its output is piped");
        let mut lines = BufReader::new(stdout).lines();
        let listening = tokio::time::timeout(START_LIMIT, port(&mut lines, &mut log)).await;
        let port = match listening {
            Ok(Ok(port)) => port,
            Ok(Err(said)) => return Err(AnvilError::NotListening { said }),
            Err(_) => return Err(AnvilError::NotListening { said: "nothing".to_owned() }),
        };
        // A process whose output nobody reads stops when the pipe is full.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                append(&mut log, &line).await;
            }
        });
        let url = format!("http://127.0.0.1:{port}").parse().expect("an address and a port");
        Ok(Self { process, url })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn process_id(&self) -> Option<u32> {
        self.process.id()
    }

    pub(super) async fn stop(mut self) -> Result<(), AnvilError> {
        let path = PathBuf::from("anvil");
        let killed = self.process.kill().await;
        killed.map_err(|source| AnvilError::Io { operation: "end", path, source })
    }
}

/// The process is a group of its own, so that an interrupt from the terminal reaches its owner
/// first, who can still keep the chain.
fn command(config: &DevnetConfig) -> Command {
    let mut command = Command::new(&config.anvil);
    command
        .args(["--host", "127.0.0.1"])
        .args(["--port", &config.port.unwrap_or(0).to_string()])
        .args(["--chain-id", &config.chain_id.to_string()])
        .args(["--accounts", "0"])
        .args(["--gas-limit", &BLOCK_GAS.to_string()])
        .arg("--no-mining")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// Reads until anvil says where it listens; the end of its output if it does not.
async fn port(
    lines: &mut Lines<BufReader<ChildStdout>>,
    log: &mut Option<tokio::fs::File>,
) -> Result<u16, String> {
    let mut last = String::from("nothing");
    while let Ok(Some(line)) = lines.next_line().await {
        append(log, &line).await;
        if let Some(address) = line.strip_prefix("Listening on ") {
            let port = address.rsplit(':').next().and_then(|port| port.trim().parse().ok());
            return port.ok_or(line);
        }
        if !line.trim().is_empty() {
            last = line;
        }
    }
    Err(last)
}

/// A log that cannot be written is no reason to end a chain.
async fn append(log: &mut Option<tokio::fs::File>, line: &str) {
    if let Some(file) = log {
        let _ = file.write_all(format!("{line}\n").as_bytes()).await;
    }
}
