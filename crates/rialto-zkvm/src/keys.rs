//! Keys cached on disk: files that are used when whole and made again when not.
//!
//! ```text
//! 8 bytes    "RIALTOKY"
//! 2 bytes    format version, big endian: 1
//! 32 bytes   SHA-256 of the content
//! n bytes    content, postcard
//! ```
//!
//! The checksum finds damage, not forgery: whoever loads a key that somebody else must be able
//! to rely on compares it with a commitment in the source. The cache never fails anybody: what
//! cannot be read is made, what cannot be written is made again next time.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use thiserror::Error;

const MAGIC: &[u8; 8] = b"RIALTOKY";
const VERSION: [u8; 2] = 1u16.to_be_bytes();
const HEADER_BYTES: usize = MAGIC.len() + VERSION.len() + 32;

/// A directory of cached keys, or none.
#[derive(Clone, Debug, Default)]
pub struct KeyStore {
    directory: Option<PathBuf>,
}

/// Where a key came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrigin {
    /// It was read from disk.
    Loaded,
    /// It was made, because there was none or the file was damaged.
    Made,
}

/// What is loaded when it is first needed: whoever does not need it does not pay for it.
#[derive(Debug)]
pub(crate) struct Lazily<T>(Mutex<Option<Arc<T>>>);

impl<T> Default for Lazily<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Lazily<T> {
    /// The value, from `load` if there is none yet. Others who need it wait meanwhile.
    pub(crate) fn get<E>(&self, load: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let mut value = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = &*value {
            return Ok(Arc::clone(value));
        }
        Ok(Arc::clone(value.insert(Arc::new(load()?))))
    }
}

#[derive(Debug, Error)]
enum Unusable {
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("it is not a key file of this version")]
    Foreign,
    #[error("its content does not have the recorded checksum")]
    Damaged,
    #[error("it does not decode: {0}")]
    Undecodable(postcard::Error),
}

impl KeyStore {
    /// Keys live in `directory`, which is made when the first key is written.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self { directory: Some(directory.into()) }
    }

    /// Keys are made anew by every process.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// The key called `name`: from disk if its file is whole, else from `make`, which is then
    /// kept. A name stands for one set of parameters and is a file name.
    pub(crate) fn load_or_make<K, E>(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<K, E>,
    ) -> Result<(K, KeyOrigin), E>
    where
        K: Serialize + DeserializeOwned,
    {
        let Some(directory) = &self.directory else { return Ok((make()?, KeyOrigin::Made)) };
        let path = directory.join(format!("{name}.key"));
        match load(&path) {
            Ok(key) => return Ok((key, KeyOrigin::Loaded)),
            Err(Unusable::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a cached key is not usable and is made again");
            }
        }
        let key = make()?;
        if let Err(error) = store(&path, &key) {
            tracing::warn!(path = %path.display(), %error, "a key could not be cached");
        }
        Ok((key, KeyOrigin::Made))
    }
}

fn load<K: DeserializeOwned>(path: &Path) -> Result<K, Unusable> {
    let bytes = fs::read(path).map_err(Unusable::Unreadable)?;
    let (header, content) = bytes.split_at_checked(HEADER_BYTES).ok_or(Unusable::Foreign)?;
    if header[..MAGIC.len()] != *MAGIC || header[MAGIC.len()..][..VERSION.len()] != VERSION {
        return Err(Unusable::Foreign);
    }
    if header[MAGIC.len() + VERSION.len()..] != *Sha256::digest(content) {
        return Err(Unusable::Damaged);
    }
    postcard::from_bytes(content).map_err(Unusable::Undecodable)
}

/// Writes beside and renames, so that no reader ever sees half a file.
fn store<K: Serialize>(path: &Path, key: &K) -> io::Result<()> {
    let content = postcard::to_allocvec(key).map_err(io::Error::other)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(MAGIC)?;
    file.write_all(&VERSION)?;
    file.write_all(&Sha256::digest(&content))?;
    file.write_all(&content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
