//! One node at a time on one data directory: two would use the same nonces and promise the same
//! prover twice.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The right to work on a data directory. The operating system takes it back when the process ends,
/// however it ends.
#[derive(Debug)]
pub(crate) struct Lease {
    _file: File,
}

/// Why a data directory cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another process has it.
    #[error(
        "another node, process {holder}, works on {path}; stop it, or start this one with \
         --take-over to go on with its locks"
    )]
    Held {
        /// The data directory.
        path: PathBuf,
        /// The other process, as it wrote itself down.
        holder: String,
    },
    /// The file cannot be used.
    #[error("cannot lock {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Who works on a data directory, as it wrote itself down; nobody if it is free or there is none.
///
/// # Errors
/// [`LeaseError::File`] if that cannot be told.
pub fn holder(data_dir: &Path) -> Result<Option<String>, LeaseError> {
    let path = data_dir.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    match Lease::take(data_dir) {
        Ok(_) => Ok(None),
        Err(LeaseError::Held { holder, .. }) => Ok(Some(holder)),
        Err(error) => Err(error),
    }
}

const FILE: &str = "lease";

impl Lease {
    /// Takes the directory, if nobody has it.
    pub(crate) fn take(data_dir: &Path) -> Result<Self, LeaseError> {
        let path = data_dir.join(FILE);
        let failed = |source| LeaseError::File { path: path.clone(), source };
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = options.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Whoever holds it may be about to write; its number is for people only.
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim().to_owned();
                return Err(LeaseError::Held { path: data_dir.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_node_is_told_who_was_first() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(holder(dir.path()).unwrap(), None);
        let first = Lease::take(dir.path()).unwrap();
        assert_eq!(holder(dir.path()).unwrap(), Some(std::process::id().to_string()));
        let refused = Lease::take(dir.path()).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("process {}, works on", std::process::id())),
            "{refused}"
        );
        drop(first);
        assert_eq!(holder(dir.path()).unwrap(), None);
        Lease::take(dir.path()).unwrap();
    }
}
