//! Which orders have changed since somebody last looked, so that nobody reads all of them again.

use rialto_protocol::RequestDigest;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Nothing inside means that any order may have changed.
#[derive(Debug, Default)]
pub(super) struct Changes(Mutex<Option<HashSet<RequestDigest>>>);

impl Changes {
    pub(super) fn of(&self, digests: impl IntoIterator<Item = RequestDigest>) {
        if let Some(changed) = self.lock().as_mut() {
            changed.extend(digests);
        }
    }

    pub(super) fn all(&self) {
        *self.lock() = None;
    }

    /// From now on changes are counted anew.
    pub(super) fn take(&self) -> Option<HashSet<RequestDigest>> {
        self.lock().replace(HashSet::new())
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashSet<RequestDigest>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
