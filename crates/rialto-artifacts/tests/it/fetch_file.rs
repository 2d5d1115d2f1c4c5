use std::os::unix::fs::symlink;
use std::path::Path;

use rialto_artifacts::{ArtifactId, FetchError, FetchPolicy, Fetcher};
use url::Url;

fn fetcher(root: &Path) -> Fetcher {
    let file_roots = vec![root.to_owned(), root.join("absent-root")];
    Fetcher::new(FetchPolicy { max_bytes: 100, file_roots, ..FetchPolicy::default() }).unwrap()
}

fn url(path: &Path) -> String {
    Url::from_file_path(path).unwrap().into()
}

#[tokio::test]
async fn a_file_below_a_root_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("in put.bin");
    std::fs::write(&file, "content").unwrap();
    let fetched = fetcher(dir.path()).fetch(&url(&file)).await.unwrap();
    assert_eq!(fetched.bytes, "content");
    assert_eq!(fetched.id, ArtifactId::of(b"content"));
    std::fs::write(&file, "changed").unwrap();
    let expected = ArtifactId::of(b"content");
    let error = fetcher(dir.path()).fetch_expecting(&url(&file), expected).await.unwrap_err();
    assert!(matches!(error, FetchError::WrongHash { .. }));
}

/// Refused alike, whether or not there is such a file: a stranger learns nothing about this
/// machine.
#[tokio::test]
async fn nothing_outside_the_roots_is_read_or_revealed() {
    let dir = tempfile::tempdir().unwrap();
    let (root, secret) = (dir.path().join("root"), dir.path().join("secret"));
    std::fs::create_dir(&root).unwrap();
    std::fs::write(&secret, "secret").unwrap();
    symlink(&secret, root.join("link")).unwrap();
    symlink(dir.path(), root.join("up")).unwrap();
    let fetcher = fetcher(&root);
    let root = root.display();
    for url in [
        "file:///etc/passwd".to_owned(),
        "file:///etc/no-such-file".to_owned(),
        "file://localhost/etc/passwd".to_owned(),
        url(&secret),
        format!("file://{root}-beside/x"),
        format!("file://{root}/link"),
        format!("file://{root}/up/secret"),
        format!("file://{root}/../secret"),
        format!("file://{root}/%2e%2e/secret"),
        format!("file://{root}/..%2fsecret"),
        format!("file://{root}/..%2fno-such-file"),
    ] {
        let result = fetcher.fetch(&url).await;
        assert!(matches!(result, Err(FetchError::OutsideRoots { .. })), "{url}: {result:?}");
    }
}

#[tokio::test]
async fn without_roots_no_file_is_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let closed = Fetcher::new(FetchPolicy::default()).unwrap();
    let result = closed.fetch(&url(file.path())).await;
    assert!(matches!(result, Err(FetchError::OutsideRoots { .. })), "{result:?}");
}

#[tokio::test]
async fn what_is_no_readable_file_has_its_own_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("large"), vec![0; 101]).unwrap();
    std::fs::write(dir.path().join("limit"), vec![0; 100]).unwrap();
    let status = std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status();
    assert!(status.unwrap().success());
    let fetcher = fetcher(dir.path());
    let get = async |name: &str| fetcher.fetch(&url(&dir.path().join(name))).await;
    assert!(matches!(get("absent").await, Err(FetchError::NotFound { .. })));
    assert!(matches!(get("large").await, Err(FetchError::TooLarge { limit_bytes: 100, .. })));
    assert_eq!(get("limit").await.unwrap().bytes.len(), 100);
    assert!(matches!(get("pipe").await, Err(FetchError::Unreadable { .. })));
    assert!(matches!(get("").await, Err(FetchError::Unreadable { .. })));
    assert!(matches!(get("limit/below").await, Err(FetchError::Unreadable { .. })));
}
