//! Somebody at a terminal with a devnet of their own.

use alloy::primitives::Address;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use tempfile::TempDir;

/// The block that comes with the sources.
pub(crate) const BLOCK: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/ethereum-block-24666352.json");

/// What one command came to.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The only line of standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.out.trim()).unwrap_or_else(|error| {
            panic!("{error}: {}{}", self.out, self.err);
        })
    }

    /// The same, of a command that must have succeeded.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }

    /// The error as standard error shows it, without remarks and progress before it.
    pub(crate) fn error(&self) -> &str {
        self.err.find("error: ").map_or("", |at| &self.err[at..])
    }
}

/// A process that runs on, killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    /// Its next line of standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the process ended without another word");
        line
    }

    /// Its next lines, until one satisfies `is_it`.
    pub(crate) fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let value = serde_json::from_str(&self.line()).unwrap();
            if is_it(&value) {
                return value;
            }
        }
    }

    /// Asks it to end, as a supervisor does.
    pub(crate) fn terminate(&mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn exit_code(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory, and the devnet that runs in it.
pub(crate) struct Terminal {
    pub(crate) dir: TempDir,
    pub(crate) devnet: Value,
    _chain: Running,
}

impl Terminal {
    /// With a devnet that is up.
    pub(crate) fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let args = ["devnet", "--json", "--port", "0", "--attester-port", "0"];
        let mut chain = start(dir.path(), &args);
        let devnet = serde_json::from_str(&chain.line()).unwrap();
        Self { dir, devnet, _chain: chain }
    }

    /// Runs `rialto` with the network where `devnet` wrote it.
    pub(crate) fn rialto(&self, args: &[&str]) -> Said {
        said(command(self.dir.path(), args).output().unwrap())
    }

    /// The same, signing as `who`.
    pub(crate) fn rialto_as(&self, who: &str, args: &[&str]) -> Said {
        let key = format!(".rialto/devnet/keys/{who}.key");
        self.rialto(&[args, &["--key-file", &key]].concat())
    }

    /// Starts a process that runs on.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        start(self.dir.path(), args)
    }

    /// A file of the directory, written.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// An account's address, as JSON has it.
    pub(crate) fn address(&self, who: &str) -> String {
        let accounts = self.devnet["accounts"].as_array().unwrap();
        let account = accounts.iter().find(|account| account["name"] == who).unwrap();
        account["address"].as_str().unwrap().to_owned()
    }

    /// The network file.
    pub(crate) fn network_file(&self) -> String {
        std::fs::read_to_string(self.dir.path().join(".rialto/devnet/network.json")).unwrap()
    }

    /// What was said, with names for addresses.
    pub(crate) fn without_addresses(&self, said: &Said) -> String {
        let network: Value = serde_json::from_str(&self.network_file()).unwrap();
        let token = network["collateral_token"].as_str().unwrap().to_owned();
        let mut text = format!("{}exit code {}\n", said.error(), said.code);
        for (address, name) in [(self.address("client"), "CLIENT"), (token, "TOKEN")] {
            let address: Address = address.parse().unwrap();
            text = text.replace(&address.to_string(), name);
        }
        text
    }
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rialto"));
    let keys = Path::new(env!("CARGO_TARGET_TMPDIR")).join("proving-keys");
    for name in ["RIALTO_NETWORK", "RIALTO_KEY_FILE", "RIALTO_PRIVATE_KEY", "RIALTO_KEY_PASSWORD"] {
        command.env_remove(name);
    }
    command.args(args).current_dir(dir).env("RIALTO_KEYS_DIR", keys).stdin(Stdio::null());
    command
}

fn start(dir: &Path, args: &[&str]) -> Running {
    let log = File::create(dir.join(format!("{}.log", args[0]))).unwrap();
    let mut child = command(dir, args).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    Running { child, lines }
}

fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
