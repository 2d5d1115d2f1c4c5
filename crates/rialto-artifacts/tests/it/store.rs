use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::stream;
use rialto_artifacts::{ArtifactId, ArtifactStore, StoreConfig, StoreError};

const MIB: usize = 1 << 20;

pub(crate) fn chunks(content: &[u8], size: usize) -> Vec<Result<Bytes, std::io::Error>> {
    content.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect()
}

pub(crate) fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i / 251 + i % 251) as u8).collect()
}

/// What every driver must do.
pub(crate) async fn check_driver(store: &ArtifactStore) {
    let absent = ArtifactId::of(b"absent");
    assert!(!store.contains(&absent).await.unwrap());
    assert!(
        matches!(store.get(&absent).await, Err(StoreError::NotFound { id, .. }) if id == absent)
    );

    for bytes in [&b""[..], b"a proof"] {
        let id = store.put(bytes).await.unwrap();
        assert_eq!(id, ArtifactId::of(bytes));
        assert_eq!(store.put(bytes).await.unwrap(), id, "putting again is harmless");
        assert!(store.contains(&id).await.unwrap());
        assert_eq!(store.get(&id).await.unwrap(), bytes);
    }

    for len in [0, 1, 3 * MIB, 21 * MIB + 7] {
        let content = content(len);
        let expected = ArtifactId::of(&content);
        let source = stream::iter(chunks(&content, 300_000));
        let id = store.put_stream(source, len as u64, Some(expected)).await.unwrap();
        assert_eq!(id, expected);
        assert!(store.get(&id).await.unwrap() == content, "{len} bytes come back");
    }

    for len in [100, 12 * MIB] {
        let mut content = content(len);
        content[0] = 99;
        let id = ArtifactId::of(&content);
        let put = |limit, expected| {
            store.put_stream(stream::iter(chunks(&content, 300_000)), limit, expected)
        };
        let limit_bytes = len as u64 - 1;
        let error = put(limit_bytes, None).await.unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { limit_bytes: l } if l == limit_bytes));
        let error = put(len as u64, Some(absent)).await.unwrap_err();
        assert!(
            matches!(error, StoreError::WrongHash { expected, found } if expected == absent && found == id)
        );
        let mut broken = chunks(&content, 300_000);
        broken.push(Err(std::io::Error::other("the line went dead")));
        let error = store.put_stream(stream::iter(broken), u64::MAX, None).await.unwrap_err();
        assert!(matches!(error, StoreError::Source(_)));
        assert!(!store.contains(&id).await.unwrap(), "a refused stream leaves nothing");
    }
}

fn local(dir: &Path) -> ArtifactStore {
    ArtifactStore::open(&StoreConfig::Local { path: dir.join("new/store") }).unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn memory_keeps_what_it_is_given() {
    check_driver(&ArtifactStore::open(&StoreConfig::Memory).unwrap()).await;
}

#[tokio::test]
async fn a_directory_keeps_what_it_is_given_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    check_driver(&local(dir.path())).await;
    for file in files(dir.path()) {
        let name: ArtifactId = file.file_name().unwrap().to_str().unwrap().parse().unwrap();
        assert_eq!(ArtifactId::of(&std::fs::read(&file).unwrap()), name);
    }
}

#[tokio::test]
async fn a_directory_outlives_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let id = local(dir.path()).put("kept").await.unwrap();
    assert_eq!(local(dir.path()).get(&id).await.unwrap(), "kept");
}

#[tokio::test]
async fn corruption_is_named_and_healed_by_putting_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = local(dir.path());
    let id = store.put("program").await.unwrap();
    let file = files(dir.path()).pop().unwrap();
    for tampered in [&b"progrbm"[..], b"", b"program and more"] {
        std::fs::write(&file, tampered).unwrap();
        let error = store.get(&id).await.unwrap_err();
        let StoreError::Corrupt { id: named, found, location } = &error else {
            panic!("{error:?}")
        };
        assert_eq!((*named, *found), (id, ArtifactId::of(tampered)));
        assert!(location.contains(&id.to_string()) && location.contains("new/store"), "{location}");
        assert!(error.to_string().contains(location));
    }
    store.put("program").await.unwrap();
    assert_eq!(store.get(&id).await.unwrap(), "program");
}

/// A writer that was killed leaves a staging file; it is never read, and does not stand in the way.
#[tokio::test]
async fn a_staging_file_of_a_killed_writer_is_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let store = local(dir.path());
    let id = store.put("proof").await.unwrap();
    let file = files(dir.path()).pop().unwrap();
    let mut staging = file.clone().into_os_string();
    staging.push("#1");
    std::fs::rename(&file, &staging).unwrap();
    assert!(!store.contains(&id).await.unwrap());
    assert_eq!(store.put("proof").await.unwrap(), id);
    assert_eq!(store.get(&id).await.unwrap(), "proof");
}

#[tokio::test]
async fn an_upload_that_is_given_up_midway_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = local(dir.path());
    let (sender, receiver) = futures::channel::mpsc::unbounded();
    for chunk in chunks(&content(12 * MIB), MIB) {
        sender.unbounded_send(chunk).unwrap();
    }
    let uploading = tokio::spawn({
        let store = store.clone();
        async move { store.put_stream(receiver, u64::MAX, None).await }
    });
    // The upload waits for more; it has begun to stage when a file is there.
    while files(dir.path()).is_empty() {
        tokio::task::yield_now().await;
    }
    uploading.abort();
    assert!(uploading.await.unwrap_err().is_cancelled());
    while !files(dir.path()).is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_same_artifact_may_be_put_by_many_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = local(dir.path());
    let content = content(9 * MIB);
    let puts = (0..8).map(|i| {
        let (store, content) = (store.clone(), content.clone());
        async move {
            match i % 2 {
                0 => store.put(content).await,
                _ => store.put_stream(stream::iter(chunks(&content, MIB)), u64::MAX, None).await,
            }
        }
    });
    for id in futures::future::join_all(puts).await {
        assert!(store.get(&id.unwrap()).await.unwrap() == content);
    }
    assert_eq!(files(dir.path()).len(), 1);
}

#[test]
fn a_store_that_cannot_be_opened_says_where() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = StoreConfig::Local { path: file.path().join("below a file") };
    let error = ArtifactStore::open(&config).unwrap_err();
    assert!(error.to_string().contains(file.path().to_str().unwrap()), "{error}");
}
