//! What the operator told the node to do about new work.
//!
//! It stands in a file of the data directory, so that it outlives the node, needs no open port and
//! is guarded by the directory's permissions.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What the operator wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Directive {
    /// Take work.
    #[default]
    Run,
    /// Take no new work; finish what is locked.
    Pause,
    /// Take no new work, finish what is locked, then end.
    Drain,
    /// End at once: another process goes on with what is locked.
    HandOver,
}

/// Why the operator's word cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DirectiveError {
    /// The file cannot be read or written.
    #[error("cannot use {path}; check the data directory and its permissions")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It says something else.
    #[error("{path} says {found:?}; it must be run, pause, drain or hand_over, or be deleted")]
    Unknown {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: String,
    },
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Run => "run",
            Self::Pause => "pause",
            Self::Drain => "drain",
            Self::HandOver => "hand_over",
        })
    }
}

impl FromStr for Directive {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Run, Self::Pause, Self::Drain, Self::HandOver]
            .into_iter()
            .find(|directive| directive.to_string() == text.trim())
            .ok_or(())
    }
}

impl Directive {
    /// What stands for the node of `data_dir`; to run, if nothing does.
    pub fn read(data_dir: &Path) -> Result<Self, DirectiveError> {
        let path = file(data_dir);
        match std::fs::read_to_string(&path) {
            Ok(text) => text
                .parse()
                .map_err(|()| DirectiveError::Unknown { path, found: text.trim().into() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::Run),
            Err(source) => Err(DirectiveError::File { path, source }),
        }
    }

    /// Puts it down for the node of `data_dir`, whether that runs or not. It is replaced in one
    /// step: a reader sees the old word or the new one.
    pub fn write(self, data_dir: &Path) -> Result<(), DirectiveError> {
        let path = file(data_dir);
        let next = path.with_extension("next");
        let written =
            std::fs::write(&next, format!("{self}\n")).and_then(|()| std::fs::rename(&next, &path));
        written.map_err(|source| DirectiveError::File { path, source })
    }
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("directive")
}

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Keeps `told` at what the file says. A file that cannot be understood changes nothing.
pub(crate) async fn follow(
    data_dir: PathBuf,
    told: watch::Sender<Directive>,
    stop: CancellationToken,
) {
    loop {
        match Directive::read(&data_dir) {
            Ok(directive) => {
                told.send_if_modified(|old| std::mem::replace(old, directive) != directive);
            }
            Err(error) => {
                tracing::warn!(error = %crate::logbook::with_sources(&error), "not followed");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_and_nonsense_is_told() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Directive::read(dir.path()).unwrap(), Directive::Run);
        for directive in [Directive::Pause, Directive::Drain, Directive::HandOver, Directive::Run] {
            directive.write(dir.path()).unwrap();
            assert_eq!(Directive::read(dir.path()).unwrap(), directive);
        }
        std::fs::write(file(dir.path()), "stop it").unwrap();
        let error = Directive::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("says \"stop it\"; it must be run, pause, drain"), "{error}");
    }
}
