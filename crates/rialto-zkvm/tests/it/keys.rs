//! The key cache: what is whole is used, what is not is made again.

use std::fs;
use std::path::{Path, PathBuf};

use rialto_zkvm::{KeyOrigin, KeyStore, OpenVm, OpenVmVerifier};
use sha2::{Digest, Sha256};

const HEADER_BYTES: usize = 42;

fn origin(directory: &Path) -> KeyOrigin {
    OpenVmVerifier::load(&KeyStore::in_directory(directory)).unwrap().key_origin()
}

fn only_file(directory: &Path) -> PathBuf {
    let mut files: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[test]
fn a_key_is_made_once_and_then_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("made").join("on demand");
    assert_eq!(origin(&folder), KeyOrigin::Made);
    assert_eq!(origin(&folder), KeyOrigin::Loaded);
    let keys = KeyStore::in_directory(&folder);
    assert_eq!(OpenVm::load(&keys).unwrap().key_origin(), KeyOrigin::Made);
    assert_eq!(OpenVm::load(&keys).unwrap().key_origin(), KeyOrigin::Loaded);
}

#[test]
fn without_a_folder_a_key_is_made_every_time() {
    let verifier = OpenVmVerifier::load(&KeyStore::in_memory()).unwrap();
    assert_eq!(verifier.key_origin(), KeyOrigin::Made);
}

#[test]
fn a_damaged_key_is_made_again_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(origin(folder.path()), KeyOrigin::Made);
    let path = only_file(folder.path());
    let whole = fs::read(&path).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] ^= byte;
        bytes
    };
    let damaged = [
        vec![],
        whole[..20].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        // Magic, version, checksum, content.
        with(0, 1),
        with(9, 1),
        with(20, 1),
        with(whole.len() / 2, 1),
    ];
    for bytes in damaged {
        fs::write(&path, &bytes).unwrap();
        assert_eq!(origin(folder.path()), KeyOrigin::Made);
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn a_forged_key_is_never_used() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(origin(folder.path()), KeyOrigin::Made);
    let path = only_file(folder.path());
    let mut forged = fs::read(&path).unwrap();
    let at = forged.len() - 1;
    forged[at] ^= 1;
    let checksum = Sha256::digest(&forged[HEADER_BYTES..]);
    forged[HEADER_BYTES - 32..HEADER_BYTES].copy_from_slice(&checksum);
    fs::write(&path, forged).unwrap();
    assert_eq!(origin(folder.path()), KeyOrigin::Made);
}

#[test]
fn a_folder_that_cannot_be_written_fails_nobody() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(origin(&file.path().join("below a file")), KeyOrigin::Made);
}
