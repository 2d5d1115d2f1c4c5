//! The two databases that a queue can be in, each for one test alone.

use crate::postgres::Postgres;
use rialto_cluster::ledger::Ledger;

/// A queue that is gone with the value.
pub(crate) struct Kept {
    pub(crate) url: String,
    dir: tempfile::TempDir,
    server: Option<Postgres>,
}

impl Kept {
    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let url = format!("sqlite://{}", dir.path().join("queue.sqlite").display());
        Self { url, dir, server: None }
    }

    pub(crate) fn postgres() -> Self {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let server = Postgres::start(&dir.path().join("data"));
        Self { url: server.url.clone(), dir, server: Some(server) }
    }

    pub(crate) async fn ledger(&self) -> Ledger {
        Ledger::open(&self.url).await.expect("the queue opens")
    }

    /// Kills the server as a crash would, and starts it again on the same files.
    pub(crate) fn crash(&mut self) {
        drop(self.server.take());
        self.server = Some(Postgres::start(&self.dir.path().join("data")));
    }
}
