//! A database server for one test or measurement alone.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A PostgreSQL server of one's own, on a socket in its directory.
pub(crate) struct Postgres {
    pub(crate) url: String,
    child: Child,
}

impl Postgres {
    /// Over files that a crash may have left, or that are made.
    pub(crate) fn start(data: &Path) -> Self {
        let bin = postgres_bin();
        if !data.exists() {
            std::fs::create_dir(data).expect("a directory for the server");
            let mut initdb = as_server(&bin.join("initdb"), data);
            initdb.args(["--username=rialto", "--auth=trust", "--no-sync", "--pgdata"]).arg(data);
            let made = initdb.output().expect("initdb starts");
            assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        }
        let _ = std::fs::remove_file(data.join("postmaster.pid"));
        let mut server = as_server(&bin.join("postgres"), data);
        server.arg("-D").arg(data).arg("-k").arg(data).args(["-c", "listen_addresses="]);
        let log = std::fs::File::create(data.join("log")).expect("a log file");
        server.stdout(Stdio::null()).stderr(log);
        let child = server.spawn().expect("postgres starts");
        let url = format!("postgres://rialto@localhost/postgres?host={}", data.display());
        let mut server = Self { url, child };
        server.wait(&bin, data);
        server
    }

    fn wait(&mut self, bin: &Path, data: &Path) {
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            let log = || std::fs::read_to_string(data.join("log")).unwrap_or_default();
            let ended = self.child.try_wait().expect("the server can be asked");
            assert!(ended.is_none(), "postgres ended: {}", log());
            let mut ask = Command::new(bin.join("pg_isready"));
            ask.arg("-h").arg(data).args(["-U", "rialto", "-q"]);
            if ask.status().is_ok_and(|status| status.success()) {
                return;
            }
            std::thread::yield_now();
        }
        panic!("postgres did not begin to answer within a minute");
    }
}

impl Drop for Postgres {
    /// As a crash would end it: nothing is flushed and nobody is told.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the server's programs are.
fn postgres_bin() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|it| it.path().join("bin")).collect();
    found.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let has = |dir: &PathBuf| dir.join("initdb").exists() && dir.join("postgres").exists();
    let missing = "PostgreSQL is missing; on Debian: apt-get install postgresql";
    found.into_iter().find(has).expect(missing)
}

/// A program of the server's, which refuses to be run by root.
fn as_server(program: &Path, data: &Path) -> Command {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|it| {
        use std::os::unix::fs::MetadataExt;
        it.uid() == 0
    });
    if !is_root {
        return Command::new(program);
    }
    let parent = data.parent().expect("the data lie in a directory");
    for path in [parent, data] {
        let owned = Command::new("chown").args(["postgres:postgres"]).arg(path).status();
        assert!(owned.is_ok_and(|it| it.success()), "the server's files can be given to it");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}
