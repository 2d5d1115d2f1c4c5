//! `file`: regular files below the policy's roots, and nothing else.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use url::Url;

use super::{FetchError, FetchPolicy, Fetched, invalid};
use crate::ArtifactId;

pub(super) async fn read(url: &Url, policy: &FetchPolicy) -> Result<Fetched, FetchError> {
    let path = url.to_file_path().map_err(|()| invalid(url, "it names no local path"))?;
    let (url, policy) = (url.clone(), policy.clone());
    let reading = tokio::task::spawn_blocking(move || read_below_roots(&url, &path, &policy));
    reading.await.expect("reading a file does not panic")
}

fn read_below_roots(url: &Url, path: &Path, policy: &FetchPolicy) -> Result<Fetched, FetchError> {
    let real = resolve(url, path, &policy.file_roots)?;
    let unreadable = |source| FetchError::Unreadable { path: path.to_owned(), source };
    let meta = real.metadata().map_err(unreadable)?;
    if !meta.is_file() {
        // Opening a pipe or a device would wait for somebody, or never end.
        return Err(unreadable(io::Error::other("it is not a regular file")));
    }
    if meta.len() > policy.max_bytes {
        return Err(policy.too_large(url));
    }
    let mut bytes = Vec::new();
    let file = File::open(&real).map_err(unreadable)?;
    file.take(policy.max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > policy.max_bytes {
        return Err(policy.too_large(url));
    }
    Ok(Fetched { id: ArtifactId::of(&bytes), bytes: bytes.into() })
}

/// The path without symbolic links, if it lies below a root. Whether something exists outside the
/// roots is not told: such a path is refused alike whether it resolves or not.
fn resolve(url: &Url, path: &Path, roots: &[PathBuf]) -> Result<PathBuf, FetchError> {
    let outside = || FetchError::OutsideRoots { path: path.to_owned() };
    let mut real_roots = roots.iter().filter_map(|root| root.canonicalize().ok());
    match path.canonicalize() {
        Ok(real) if real_roots.any(|root| real.starts_with(root)) => Ok(real),
        Ok(_) => Err(outside()),
        Err(source) => {
            let climbs = path.components().any(|part| part == Component::ParentDir);
            let below = roots.iter().any(|root| path.starts_with(root))
                || real_roots.any(|root| path.starts_with(root));
            if climbs || !below {
                Err(outside())
            } else if source.kind() == io::ErrorKind::NotFound {
                Err(FetchError::NotFound { url: url.to_string() })
            } else {
                Err(FetchError::Unreadable { path: path.to_owned(), source })
            }
        }
    }
}
