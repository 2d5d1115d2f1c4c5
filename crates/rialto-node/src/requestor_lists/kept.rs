//! What lists said last, from start to start: each in a file named by the hash of its URL, as it came.

use super::{LIST_BYTES_MAX, ListError, RequestorList};
use alloy::primitives::keccak256;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use url::Url;

pub(super) struct Shelf(PathBuf);

impl Shelf {
    /// Nothing is made there before there is something to keep.
    pub(super) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// What the list at `url` said last. A file that is no list is as good as none: the next answer
    /// replaces it.
    pub(super) fn find(&self, url: &Url) -> Option<RequestorList> {
        let mut bytes = Vec::new();
        let file = File::open(self.path_of(url)).ok()?;
        file.take(LIST_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
        RequestorList::parse(&bytes).ok()
    }

    /// Replaces what is kept of the list at `url`, whole.
    pub(super) fn keep(&self, url: &Url, bytes: &[u8]) -> Result<(), ListError> {
        let path = self.path_of(url);
        let written = write_whole(&self.0, &path, bytes);
        written.map_err(|source| ListError::Keep { path, source })
    }

    fn path_of(&self, url: &Url) -> PathBuf {
        self.0.join(format!("{}.json", alloy::hex::encode(keccak256(url.as_str()))))
    }
}

/// A reader sees the old file or the new one.
fn write_whole(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let draft = path.with_extension("draft");
    std::fs::write(&draft, bytes)?;
    std::fs::rename(draft, path)
}
