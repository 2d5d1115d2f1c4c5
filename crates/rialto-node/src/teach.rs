//! What was measured of a prover, put where its node learns from.

use crate::lease::{Lease, LeaseError};
use crate::logbook::{LOGBOOK, Logbook, LogbookError};
use rialto_planner::Sample;
use rialto_protocol::ImageId;
use std::path::{Path, PathBuf};

/// Why measurements could not be recorded.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant is its source and what it was needed for")]
pub enum TeachError {
    #[error("cannot create the data directory {path}")]
    DataDir { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Lease(#[from] LeaseError),
    #[error("the record of this node cannot be used")]
    Logbook(#[from] LogbookError),
}

/// Adds measurements to the record of the node in `data_dir`, which need not have run yet: from its
/// next start on it judges and plans by them, as by its own proofs.
///
/// # Errors
/// If a node is at work there, since the record is its alone, or if it cannot be written.
pub async fn teach(data_dir: &Path, samples: &[(ImageId, Sample)]) -> Result<(), TeachError> {
    std::fs::create_dir_all(data_dir)
        .map_err(|source| TeachError::DataDir { path: data_dir.to_owned(), source })?;
    let _lease = Lease::take(data_dir)?;
    Ok(Logbook::keep_samples(&data_dir.join(LOGBOOK), samples).await?)
}
