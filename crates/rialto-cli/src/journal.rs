//! A journal as people read it: bytes, and the fields where the program is known.

use crate::show::Facts;
use alloy::primitives::{B256, Bytes, b256};
use block_header_core as block_header;
use rialto_protocol::{ImageId, Journal};
use serde::Serialize;

/// The image id of the built-in `block-header` program, to know its journals by. Nothing is
/// decided by it; `rialto prove --program block-header` prints the current one.
const BLOCK_HEADER: ImageId =
    ImageId(b256!("8e5c6d22eaf6e8a28620487da200b358fe4b4378d44d26a43956f0ab91b2bfa3"));

/// A journal with what it means.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ShownJournal {
    bytes: Bytes,
    sha256: B256,
    #[serde(skip_serializing_if = "Option::is_none")]
    block_header: Option<ShownHeader>,
}

/// What a journal of the `block-header` program says.
#[derive(Clone, Debug, Serialize)]
struct ShownHeader {
    number: u64,
    hash: B256,
    parent_hash: B256,
    state_root: B256,
    timestamp_s: u64,
    header_count: u32,
    first_parent_hash: B256,
}

impl ShownJournal {
    /// The journal of program `image_id`.
    pub(crate) fn new(image_id: ImageId, journal: &Journal) -> Self {
        let header = block_header::Journal::decode(&journal.0).ok().map(ShownHeader::from);
        Self {
            bytes: journal.0.clone(),
            sha256: journal.sha256(),
            block_header: header.filter(|_| image_id == BLOCK_HEADER),
        }
    }

    /// Lines for people.
    pub(crate) fn facts(&self) -> Facts {
        let Some(header) = &self.block_header else {
            let length = self.bytes.len();
            return Facts::new().with("journal", format!("{} ({length} bytes)", self.bytes));
        };
        let headers = match header.header_count {
            1 => "1 header whose hash is true".to_owned(),
            count => format!("{count} headers, each the parent of the next"),
        };
        Facts::new()
            .with("journal", format!("{headers}; the last one:"))
            .with("  block", header.number)
            .with("  hash", header.hash)
            .with("  parent", header.parent_hash)
            .with("  state root", header.state_root)
            .with("  timestamp", header.timestamp_s)
    }
}

impl From<block_header::Journal> for ShownHeader {
    fn from(journal: block_header::Journal) -> Self {
        Self {
            number: journal.number,
            hash: B256::new(journal.hash.0),
            parent_hash: B256::new(journal.parent_hash.0),
            state_root: B256::new(journal.state_root.0),
            timestamp_s: journal.timestamp_s,
            header_count: journal.header_count,
            first_parent_hash: B256::new(journal.first_parent_hash.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use block_header_core::host;
    use rialto_zkvm::{KeyStore, OpenVm, Zkvm};

    #[test]
    fn the_built_in_programs_image_id_is_current_slow() {
        let zkvm = OpenVm::load(&KeyStore::in_memory()).unwrap();
        assert_eq!(zkvm.image_id(host::PROGRAM).unwrap(), BLOCK_HEADER, "put it into journal.rs");
    }

    #[test]
    fn a_journal_is_read_only_where_its_program_is_known() {
        let journal = Journal(vec![0; block_header::Journal::LENGTH].into());
        assert!(ShownJournal::new(BLOCK_HEADER, &journal).block_header.is_some());
        assert!(ShownJournal::new(ImageId(B256::ZERO), &journal).block_header.is_none());
        assert!(ShownJournal::new(BLOCK_HEADER, &Journal::default()).block_header.is_none());
    }
}
