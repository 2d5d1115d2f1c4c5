//! The demo's processes: each a `rialto` of its own, as an operator would start it.

use anyhow::{Context, Result, bail};
use rialto_node::Entry;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// One line of a node's event stream with the node's name.
pub(crate) type News = (&'static str, Entry);

/// A process of the demo. It is killed when dropped.
pub(crate) struct Player {
    child: Child,
}

impl Player {
    /// Starts `rialto <arguments>`; what it says goes to `log`.
    pub(crate) fn start(arguments: &[String], log: &Path) -> Result<Self> {
        Ok(Self { child: command(arguments, log)?.stdout(Stdio::null()).spawn()? })
    }

    /// Starts `rialto node run … --json` and passes its events on.
    pub(crate) fn start_node(
        name: &'static str,
        arguments: &[String],
        log: &Path,
        news: mpsc::UnboundedSender<News>,
    ) -> Result<Self> {
        let mut child = command(arguments, log)?.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("the node's output is piped")?;
        tokio::spawn(async move {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                // A line that is no event is the node's last word before an error; it is in the log.
                let Ok(entry) = serde_json::from_str(&line) else { continue };
                if news.send((name, entry)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child })
    }

    /// Kills without warning, as a power failure would.
    pub(crate) async fn kill_9(&mut self) -> Result<()> {
        self.child.kill().await.context("kill a node")
    }

    /// Whether it is still running; an error with its exit status if it is not.
    pub(crate) fn check(&mut self, name: &str, log: &Path) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{name} ended early ({status}); its log is {}", log.display());
        }
        Ok(())
    }
}

fn command(arguments: &[String], log: &Path) -> Result<Command> {
    let program = std::env::current_exe().context("find this program's own file")?;
    let log_file = File::create(log).with_context(|| format!("create {}", log.display()))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(log_file).kill_on_drop(true);
    Ok(command)
}

/// Waits until an HTTP service answers at `url`.
pub(crate) async fn answers(url: &url::Url, patience: Duration) -> Result<()> {
    let (host, port) = (url.host_str().unwrap_or("127.0.0.1"), url.port().unwrap_or(80));
    let knock = async {
        while tokio::net::TcpStream::connect((host, port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(patience, knock).await.with_context(|| format!("{url} does not answer"))
}

/// A port that is free now.
pub(crate) fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("find a free port")?;
    Ok(listener.local_addr()?.port())
}
