//! One process goes on where another one stops, with its locks in flight.

use crate::directive::{Directive, DirectiveError};
use crate::lease::{LeaseError, holder};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Why a node cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// It does not end.
    #[error(
        "process {holder} still works on {path} after {waited_s} s; stop it, then start this one"
    )]
    Stays {
        /// The data directory.
        path: PathBuf,
        /// The other process.
        holder: String,
        /// For how long it was waited for.
        waited_s: u64,
    },
    /// It cannot be told to end.
    #[error(transparent)]
    Directive(#[from] DirectiveError),
    /// It cannot be told whether it runs.
    #[error(transparent)]
    Lease(#[from] LeaseError),
}

/// How often one looks whether the other has ended.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Has the node that works on `data_dir` end, at the latest within `patience`, and leave its locks to
/// the caller. What the operator had told it holds again then. Gives the process that has ended, if
/// there was one.
pub async fn take_over(
    data_dir: &Path,
    patience: Duration,
) -> Result<Option<String>, HandOverError> {
    let Some(ending) = holder(data_dir)? else { return Ok(None) };
    let before = Directive::read(data_dir)?;
    Directive::HandOver.write(data_dir)?;
    let began = Instant::now();
    let waited = async {
        while let Some(holder) = holder(data_dir)? {
            let waited = began.elapsed();
            if waited >= patience {
                let (path, waited_s) = (data_dir.to_owned(), waited.as_secs());
                return Err(HandOverError::Stays { path, holder, waited_s });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(Some(ending))
    };
    let ended = waited.await;
    // A taker that was killed leaves its own word behind; it is not for anybody any more.
    let goes_on = if before == Directive::HandOver { Directive::Run } else { before };
    goes_on.write(data_dir)?;
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::Lease;

    #[tokio::test(start_paused = true)]
    async fn the_other_is_told_and_awaited_and_its_orders_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        let patience = Duration::from_secs(60);
        assert_eq!(take_over(&path, patience).await.unwrap(), None, "nobody is there");
        let lease = Lease::take(&path).unwrap();
        Directive::Pause.write(&path).unwrap();
        let refused = take_over(&path, patience).await.unwrap_err().to_string();
        assert!(refused.contains("after 60 s; stop it"), "{refused}");
        let node = tokio::spawn({
            let path = path.clone();
            async move {
                while Directive::read(&path).unwrap() != Directive::HandOver {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                drop(lease);
            }
        });
        assert!(take_over(&path, patience).await.unwrap().is_some());
        node.await.unwrap();
        assert_eq!(Directive::read(&path).unwrap(), Directive::Pause);
    }
}
