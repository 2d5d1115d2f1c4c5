//! Where logbooks are looked for.

use crate::failure::Failure;
use anyhow::{Context, Result};
use clap::Args;
use rialto_node::{LOGBOOK, Reader};
use std::path::{Path, PathBuf};

/// Where nodes keep their data unless told otherwise.
pub(super) const NODES: &str = ".rialto";

/// Which nodes' records.
#[derive(Clone, Debug, Args)]
pub(crate) struct RecordArgs {
    /// A node's data directory; may be repeated [default: every .rialto/node-*]
    #[arg(long = "data-dir", value_name = "DIR")]
    data_dirs: Vec<PathBuf>,
}

/// The logbook of one node.
pub(crate) struct NodeRecord {
    /// The data directory, as it was named.
    pub(crate) dir: PathBuf,
    /// The logbook.
    pub(crate) reader: Reader,
}

impl RecordArgs {
    /// The data directories.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn dirs(&self) -> Result<Vec<PathBuf>> {
        let dirs = match self.data_dirs.as_slice() {
            [] => found_below(Path::new(NODES)),
            named => named.to_vec(),
        };
        if dirs.is_empty() {
            let here = std::env::current_dir().unwrap_or_default();
            let what = format!("there is no {NODES}/node-*/{LOGBOOK} in {}", here.display());
            let next = "name the node's data directory with --data-dir";
            return Err(Failure::usage(what, next).into());
        }
        Ok(dirs)
    }

    /// Opens them all, to be read; a running node is not held up.
    ///
    /// # Errors
    /// If there is none, or one cannot be read.
    pub(crate) async fn open(&self) -> Result<Vec<NodeRecord>> {
        let mut records = Vec::new();
        for dir in self.dirs()? {
            let reader = Reader::open(&dir.join(LOGBOOK)).await;
            let what = || format!("cannot read the record of the node in {}", dir.display());
            let reader = reader.with_context(what)?;
            records.push(NodeRecord { dir, reader });
        }
        Ok(records)
    }
}

impl NodeRecord {
    /// The record's name among others: its directory's.
    pub(crate) fn name(&self) -> String {
        let name = self.dir.file_name().unwrap_or(self.dir.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

/// Data directories of nodes that were started without naming one.
fn found_below(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else { return Vec::new() };
    let is_node = |dir: &PathBuf| {
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("node-") && dir.join(LOGBOOK).is_file()
    };
    let mut dirs: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_node).collect();
    dirs.sort();
    dirs
}
