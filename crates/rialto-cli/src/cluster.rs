//! `rialto cluster`: proofs by many workers, and the cluster that every prover node has within itself.

use anyhow::{Context, Result};
use rialto_artifacts::{ArtifactStore, StoreConfig};
use rialto_cluster::Embedded;
use rialto_zkvm::Zkvm;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

/// A cluster within this process, with everything that it keeps in `directory`.
pub(crate) async fn embedded(
    zkvm: Arc<dyn Zkvm>,
    directory: &Path,
    slots: NonZeroUsize,
) -> Result<Embedded> {
    let store = StoreConfig::Local { path: directory.join("artifacts") };
    let store = ArtifactStore::open(&store)?;
    let cluster = Embedded::start(zkvm, directory, store, slots).await;
    cluster.context("the cluster of this process does not start")
}
