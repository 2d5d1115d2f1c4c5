//! What was signed, on disk, before anybody sees the signature.
//!
//! One line of JSON per signature, appended and synced; never rewritten. A line that a crash cut
//! short never led to a signature that left, and is dropped on the next start. Any other line that
//! does not parse stops the start: an attester that cannot say what it signed must not sign more.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use alloy::primitives::{B256, Bytes};
use rialto_artifacts::ArtifactId;
use rialto_protocol::ClaimDigest;
use rialto_protocol::attestation::{AttesterDomain, ClaimedProof};
use serde::{Deserialize, Serialize};

/// One signature and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signed {
    /// Seconds since 1970, by this machine's clock.
    pub(crate) signed_at: u64,
    pub(crate) domain: AttesterDomain,
    pub(crate) root: B256,
    pub(crate) signature: Bytes,
    pub(crate) claims: Vec<ClaimedProof>,
}

/// The record cannot be opened or continued.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file cannot be opened, read, written or synced.
    #[error("cannot {operation} the record of signatures {path}")]
    File {
        /// What was attempted.
        operation: &'static str,
        /// The record.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another attester uses the file.
    #[error(
        "another process holds the record of signatures {path}; two attesters need two records"
    )]
    Held {
        /// The record.
        path: PathBuf,
    },
    /// A line in the middle is damaged. Restore the file from a copy, or start a new one with a new
    /// key.
    #[error("line {line} of the record of signatures {path} is damaged")]
    Damaged {
        /// The record.
        path: PathBuf,
        /// Line number from 1.
        line: usize,
        /// Why it does not parse.
        source: serde_json::Error,
    },
}

/// The open record. All operations block on the disk; call them from blocking threads.
#[derive(Debug)]
pub(crate) struct Record {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    /// Length up to the last whole line; whatever a failed write left behind it is cut off by the
    /// next one.
    len: u64,
    proofs: HashMap<ClaimDigest, ArtifactId>,
    /// What signatures say, by their EIP-712 digest: the same one is recorded once.
    digests: HashSet<B256>,
}

impl Record {
    /// Opens the record, creating it when absent, and reads what it holds.
    pub(crate) fn open(path: &Path) -> Result<Self, RecordError> {
        let failed = |operation| {
            move |source| RecordError::File { operation, path: path.to_owned(), source }
        };
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(failed("create the directory of"))?;
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(RecordError::Held { path: path.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        // The file's own name must survive a power cut too.
        File::open(parent)
            .and_then(|dir| dir.sync_all())
            .map_err(failed("sync the directory of"))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed("read"))?;

        let mut inner = Inner { file, len: 0, proofs: HashMap::new(), digests: HashSet::new() };
        for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if line.last() != Some(&b'\n') {
                tracing::warn!(path = %path.display(), bytes = line.len(), "the last line was cut short by a crash; dropped");
                break;
            }
            let signed = serde_json::from_slice(line).map_err(|source| RecordError::Damaged {
                path: path.to_owned(),
                line: index + 1,
                source,
            })?;
            inner.learn(&signed);
            inner.len += line.len() as u64;
        }
        Ok(Self { path: path.to_owned(), inner: Mutex::new(inner) })
    }

    /// Makes `signed` durable; what is already recorded is not written again.
    pub(crate) fn append(&self, signed: &Signed) -> Result<(), RecordError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.digests.contains(&signed.domain.digest(signed.root)) {
            return Ok(());
        }
        let written = inner.write(signed);
        written.map_err(|source| RecordError::File {
            operation: "write",
            path: self.path.clone(),
            source,
        })?;
        inner.learn(signed);
        Ok(())
    }

    /// The proof that a signature for `claim` rests on.
    pub(crate) fn proof_of(&self, claim: ClaimDigest) -> Option<ArtifactId> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).proofs.get(&claim).copied()
    }
}

impl Inner {
    fn learn(&mut self, signed: &Signed) {
        self.digests.insert(signed.domain.digest(signed.root));
        let proofs =
            signed.claims.iter().map(|claim| (claim.claim_digest, ArtifactId(claim.proof.0)));
        self.proofs.extend(proofs);
    }

    fn write(&mut self, signed: &Signed) -> io::Result<()> {
        let mut line = serde_json::to_vec(signed)?;
        line.push(b'\n');
        self.file.set_len(self.len)?;
        self.file.seek(SeekFrom::Start(self.len))?;
        self.file.write_all(&line)?;
        self.file.sync_data()?;
        self.len += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::Address;
    use rialto_protocol::ImageId;

    fn signed(claim: u8) -> Signed {
        let claims = vec![ClaimedProof {
            proof: B256::repeat_byte(claim + 100),
            image_id: ImageId(B256::ZERO),
            claim_digest: ClaimDigest(B256::repeat_byte(claim)),
        }];
        let domain = AttesterDomain { chain_id: 1, verifier: Address::repeat_byte(1) };
        let root = B256::repeat_byte(claim);
        Signed { signed_at: 7, domain, root, signature: Bytes::from(vec![1; 65]), claims }
    }

    fn proof(record: &Record, claim: u8) -> Option<ArtifactId> {
        record.proof_of(ClaimDigest(B256::repeat_byte(claim)))
    }

    #[test]
    fn what_was_appended_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/signed.jsonl");
        let record = Record::open(&path).unwrap();
        for claim in [1, 2, 1] {
            record.append(&signed(claim)).unwrap();
        }
        drop(record);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap().lines().count(),
            2,
            "the same is recorded once"
        );
        let record = Record::open(&path).unwrap();
        assert_eq!(proof(&record, 2), Some(ArtifactId([102; 32])));
        assert_eq!(proof(&record, 3), None);
        let other =
            Signed { domain: AttesterDomain { chain_id: 2, ..signed(1).domain }, ..signed(1) };
        record.append(&other).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap().lines().count(),
            3,
            "another domain says more"
        );
    }

    #[test]
    fn a_crash_at_any_byte_of_a_line_loses_that_line_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signed.jsonl");
        let record = Record::open(&path).unwrap();
        record.append(&signed(1)).unwrap();
        let first = std::fs::read(&path).unwrap().len();
        record.append(&signed(2)).unwrap();
        drop(record);
        let whole = std::fs::read(&path).unwrap();
        for cut in (first..whole.len()).step_by(7).chain([whole.len() - 1]) {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let record = Record::open(&path).unwrap();
            assert!(proof(&record, 1).is_some() && proof(&record, 2).is_none(), "{cut}");
            record.append(&signed(3)).unwrap();
            drop(record);
            let record = Record::open(&path).unwrap();
            assert!(proof(&record, 1).is_some() && proof(&record, 3).is_some(), "{cut}");
        }
    }

    #[test]
    fn damage_and_a_second_attester_stop_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signed.jsonl");
        let record = Record::open(&path).unwrap();
        for claim in [1, 2, 3] {
            record.append(&signed(claim)).unwrap();
        }
        assert!(matches!(Record::open(&path), Err(RecordError::Held { .. })));
        drop(record);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("\"root\"", "\"rxxt\"", 2)).unwrap();
        assert!(matches!(Record::open(&path), Err(RecordError::Damaged { line: 1, .. })));
    }
}
