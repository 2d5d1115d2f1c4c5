//! What was fetched before, on disk.
//!
//! One file per URL, named by the URL's hash: a line of JSON (what the server said about the
//! content, and the content's SHA-256), then the content. A URL's content is mutable, so an entry
//! is never an answer by itself: it is used when the server says that nothing changed, or when the
//! caller knows the hash it wants. Entries are verified when read; a corrupt or foreign file counts
//! as absent. The directory is held below a size by dropping what was used longest ago.
//!
//! The cache only saves work: every failure here is logged and the fetch goes on without it.

use std::fs::{self, File, FileTimes};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ArtifactId;

/// What a server said about the content it sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Validators {
    /// The URL that answered, after redirects: only it is asked whether this content is current.
    pub(crate) answered_by: String,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    url: String,
    id: ArtifactId,
    validators: Validators,
}

/// A verified entry.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: ArtifactId,
    pub(crate) bytes: Bytes,
    pub(crate) validators: Validators,
}

/// A directory of entries, at most `max_bytes` together (checked after each store).
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    dir: PathBuf,
    max_bytes: u64,
}

impl Cache {
    pub(crate) fn open(dir: &Path, max_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned(), max_bytes })
    }

    pub(crate) async fn load(&self, url: &str) -> Option<Entry> {
        let (cache, url) = (self.clone(), url.to_owned());
        let read = tokio::task::spawn_blocking(move || cache.read(&url));
        read.await.ok()?
    }

    pub(crate) async fn store(&self, url: &str, entry: Entry) {
        let (cache, url) = (self.clone(), url.to_owned());
        let write = tokio::task::spawn_blocking(move || cache.write(&url, &entry));
        if let Ok(Err(error)) = write.await {
            tracing::warn!(dir = %self.dir.display(), %error, "cannot keep a fetched artifact in the cache");
        }
    }

    fn path(&self, url: &str) -> PathBuf {
        self.dir.join(ArtifactId::of(url.as_bytes()).to_string())
    }

    fn read(&self, url: &str) -> Option<Entry> {
        let path = self.path(url);
        let content = Bytes::from(fs::read(&path).ok()?);
        let end = content.iter().position(|byte| *byte == b'\n')?;
        let header: Header = serde_json::from_slice(&content[..end]).ok()?;
        let bytes = content.slice(end + 1..);
        if header.url != url || ArtifactId::of(&bytes) != header.id {
            tracing::warn!(path = %path.display(), "a cache entry is corrupt; it is fetched again");
            return None;
        }
        // The modification time is the time of last use; eviction goes by it. Losing one costs a
        // fetch.
        let _ = File::open(&path)
            .and_then(|f| f.set_times(FileTimes::new().set_modified(SystemTime::now())));
        Some(Entry { id: header.id, bytes, validators: header.validators })
    }

    fn write(&self, url: &str, entry: &Entry) -> io::Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let header =
            Header { url: url.to_owned(), id: entry.id, validators: entry.validators.clone() };
        let unique = COUNTER.fetch_add(1, Ordering::Relaxed);
        let part = self.dir.join(format!("part-{}-{unique}", std::process::id()));
        let mut file = File::create(&part)?;
        serde_json::to_writer(&mut file, &header)?;
        file.write_all(b"\n")?;
        file.write_all(&entry.bytes)?;
        fs::rename(&part, self.path(url))?;
        self.evict()
    }

    fn evict(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for file in fs::read_dir(&self.dir)? {
            let file = file?;
            // Another process that shares the directory may have removed it meanwhile.
            if let Ok(meta) = file.metadata() {
                files.push((meta.modified()?, meta.len(), file.path()));
            }
        }
        let mut total: u64 = files.iter().map(|(_, len, _)| len).sum();
        files.sort();
        for (_, len, path) in files {
            if total <= self.max_bytes {
                break;
            }
            fs::remove_file(path)?;
            total -= len;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(content: &'static [u8]) -> Entry {
        let validators =
            Validators { answered_by: "u".into(), etag: Some("\"1\"".into()), last_modified: None };
        Entry { id: ArtifactId::of(content), bytes: Bytes::from_static(content), validators }
    }

    #[test]
    fn an_entry_is_read_back_verified() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path(), 1 << 20).unwrap();
        assert!(cache.read("u").is_none());
        cache.write("u", &entry(b"one\ntwo\n")).unwrap();
        assert_eq!(cache.read("u").unwrap().bytes, &b"one\ntwo\n"[..]);
        let path = cache.path("u");
        let mut content = fs::read(&path).unwrap();
        *content.last_mut().unwrap() ^= 1;
        fs::write(&path, content).unwrap();
        assert!(cache.read("u").is_none());
        fs::write(&path, "no header").unwrap();
        assert!(cache.read("u").is_none());
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path(), 1 << 20).unwrap();
        for (url, age) in [("a", 1), ("b", 3), ("c", 2)] {
            cache.write(url, &entry(b"content")).unwrap();
            let used = SystemTime::now() - std::time::Duration::from_secs(age * 60);
            File::open(cache.path(url))
                .unwrap()
                .set_times(FileTimes::new().set_modified(used))
                .unwrap();
        }
        let two = 2 * fs::metadata(cache.path("a")).unwrap().len();
        Cache { max_bytes: two, ..cache.clone() }.evict().unwrap();
        let left: Vec<_> =
            ["a", "b", "c"].into_iter().filter(|url| cache.path(url).exists()).collect();
        assert_eq!(left, ["a", "c"]);
    }
}
