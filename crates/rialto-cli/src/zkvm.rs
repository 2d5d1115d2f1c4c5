//! The zkVM that is built in, loaded with keys from the cache.

use crate::keys::KeysDirArgs;
use crate::workload;
use anyhow::{Context, Result};
use rialto_protocol::ImageId;
use rialto_zkvm::{OpenVm, OpenVmVerifier, ProofVerifier, Zkvm};
use std::sync::Arc;

/// Loads everything: executes, proves and verifies.
///
/// # Errors
/// If the keys cannot be made or are not those that this software was built for.
pub(crate) async fn open(keys: &KeysDirArgs) -> Result<Arc<dyn Zkvm>> {
    open_with(keys, None).await
}

/// The same, with executions cut so that proving a segment takes at most so many bytes of memory.
///
/// # Errors
/// As [`open`].
pub(crate) async fn open_with(
    keys: &KeysDirArgs,
    segment_bytes: Option<usize>,
) -> Result<Arc<dyn Zkvm>> {
    let keys = keys.store()?;
    let loaded = tokio::task::spawn_blocking(move || OpenVm::load(&keys)).await;
    let zkvm = loaded.context("loading the zkVM broke off")?.context("cannot load the zkVM")?;
    Ok(Arc::new(match segment_bytes {
        Some(bytes) => zkvm.with_segment_memory(bytes),
        None => zkvm,
    }))
}

/// Loads what verifying takes.
///
/// # Errors
/// As [`open`].
pub(crate) async fn verifier(keys: &KeysDirArgs) -> Result<Arc<dyn ProofVerifier>> {
    let keys = keys.store()?;
    let loaded = tokio::task::spawn_blocking(move || OpenVmVerifier::load(&keys)).await;
    let verifier =
        loaded.context("loading the verifier broke off")?.context("cannot load the verifier")?;
    Ok(Arc::new(verifier))
}

/// The image id of `block-header` or of an ELF file.
///
/// # Errors
/// If there is no such program, or it is none of this zkVM.
pub(crate) async fn image_id_of(program: &str, keys: &KeysDirArgs) -> Result<ImageId> {
    let (elf, _) = workload::program(program).await?;
    let zkvm = open(keys).await?;
    workload::image_id(program, elf, &zkvm).await
}
