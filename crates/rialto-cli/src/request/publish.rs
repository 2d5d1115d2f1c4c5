//! Puts a program or an input where provers may fetch it: into an artifact directory that their
//! settings open (`file_roots`).

use crate::failure::Failure;
use alloy::primitives::Bytes;
use anyhow::{Context, Result};
use rialto_artifacts::{ArtifactStore, StoreConfig};
use rialto_chain::Network;
use std::fs;
use std::path::{Path, PathBuf};
use url::Url;

/// A directory of artifacts, which provers read by `file` URLs.
pub(crate) struct Shelf {
    directory: PathBuf,
}

impl Shelf {
    /// The directory that the user named, else the network's own; nothing if there is neither.
    ///
    /// # Errors
    /// If it cannot be made or is no directory of this machine.
    pub(crate) fn open(named: Option<&Path>, network: &Network) -> Result<Option<Self>> {
        let directory = match (named, &network.artifacts) {
            (Some(directory), _) => directory.to_owned(),
            (None, Some(url)) => url.to_file_path().map_err(|()| {
                let what =
                    format!("the network's artifacts lie at {url}, which is not a directory");
                Failure::usage(
                    what,
                    "name a directory with --artifacts, or publish the program \
                                      yourself and give its URL as --program",
                )
            })?,
            (None, None) => return Ok(None),
        };
        let made = fs::create_dir_all(&directory).and_then(|()| directory.canonicalize());
        let directory = made.with_context(|| {
            let what = format!("the artifact directory {} cannot be used", directory.display());
            Failure::usage(what, "name another one with --artifacts")
        })?;
        Ok(Some(Self { directory }))
    }

    /// Keeps `bytes` and gives the URL to fetch them by. The same bytes have the same URL.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(crate) async fn put(&self, bytes: Bytes) -> Result<Url> {
        let store = ArtifactStore::open(&StoreConfig::Local { path: self.directory.clone() })?;
        let name = store.put(bytes).await?.to_string();
        let path = self.directory.join("sha256").join(&name[..2]).join(&name);
        let url = Url::from_file_path(&path).ok().filter(|_| path.is_file());
        url.with_context(|| format!("the artifact is not at {}", path.display()))
    }
}
