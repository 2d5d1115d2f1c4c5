//! The wish of whoever started a process that it end: Ctrl-C, or SIGTERM from a supervisor.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for Ctrl-C or SIGTERM. From its making on, neither ends the process by itself.
pub(crate) struct Interrupt {
    interrupted: Signal,
    terminated: Signal,
}

impl Interrupt {
    /// Begins to listen.
    ///
    /// # Errors
    /// If the operating system does not let us.
    pub(crate) fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupted: listen(SignalKind::interrupt())?,
            terminated: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn arrived(&mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}
