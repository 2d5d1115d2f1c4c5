//! Artifacts at hand: what tasks read now, what they will read next, and what they may read again.
//!
//! Memory is bounded: what no task needs is thrown out, the longest unread first, and a task's inputs are not fetched
//! while others hold as much as there is room for. Only a task that is alone may go beyond that, by what it reads itself.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use rialto_artifacts::{ArtifactId, ArtifactStore, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore};

/// Inputs of one task that are fetched at once.
const FETCHES: usize = 8;
/// Where an artifact lies matters only if fetching it takes a while.
const TOLD_MIN_BYTES: usize = 64 << 10;
/// A coordinator is told of the largest so many.
const TOLD_MAX: usize = 256;

/// A worker's artifacts, in memory.
pub(crate) struct Shelf {
    store: ArtifactStore,
    budget_bytes: usize,
    /// One task's inputs after another's: so two never wait for each other with half of theirs.
    turn: Semaphore,
    freed: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: HashMap<ArtifactId, Entry>,
    /// What no task holds, the longest unread first.
    idle: BTreeMap<u64, ArtifactId>,
    clock: u64,
    bytes: usize,
    held_bytes: usize,
    /// Counts changes of what a coordinator is told.
    version: u64,
}

struct Entry {
    bytes: Bytes,
    holders: u32,
    /// When it was last let go of; its place among the idle.
    read: u64,
}

/// A task's inputs. They stay at hand until this is dropped.
pub(crate) struct Held {
    shelf: Arc<Shelf>,
    ids: Vec<ArtifactId>,
}

impl Shelf {
    pub(crate) fn new(store: ArtifactStore, budget_bytes: usize) -> Self {
        let turn = Semaphore::new(1);
        Self { store, budget_bytes, turn, freed: Notify::new(), state: Mutex::default() }
    }

    /// The artifacts of these names in their order, and the right to keep them. Waits until there is room.
    ///
    /// # Errors
    /// If one cannot be had.
    pub(crate) async fn fetch(
        self: &Arc<Self>,
        ids: &[ArtifactId],
    ) -> Result<(Vec<Bytes>, Held), StoreError> {
        let _turn = self.turn.acquire().await.expect("turns are never taken away");
        self.room().await;
        let mut held = Held { shelf: Arc::clone(self), ids: Vec::new() };
        let missing = {
            let mut state = self.state();
            let mut missing = Vec::new();
            for id in ids {
                if state.hold(id) {
                    held.ids.push(*id);
                } else if !missing.contains(id) {
                    missing.push(*id);
                }
            }
            missing
        };
        let fetches = missing.into_iter().map(|id| async move {
            let bytes = self.store.get(&id).await?;
            Ok::<_, StoreError>((id, bytes))
        });
        let mut fetches = stream::iter(fetches).buffer_unordered(FETCHES);
        while let Some((id, bytes)) = fetches.try_next().await? {
            self.state().put(id, bytes, self.budget_bytes, true);
            held.ids.push(id);
        }
        let state = self.state();
        let bytes = |id| state.entries.get(id).map(|entry| entry.bytes.clone());
        let found: Option<Vec<_>> = ids.iter().map(bytes).collect();
        drop(state);
        Ok((found.expect("what is held is there"), held))
    }

    /// Keeps what was made here, if there is room: it may be read here next.
    pub(crate) fn keep(&self, id: ArtifactId, bytes: Bytes) {
        self.state().put(id, bytes, self.budget_bytes, false);
    }

    /// What is at hand that takes a while to fetch, the largest first, if that is not what it was at `version`.
    pub(crate) fn told(&self, version: Option<u64>) -> Option<(u64, Vec<ArtifactId>)> {
        let state = self.state();
        if version == Some(state.version) {
            return None;
        }
        let is_told = |entry: &Entry| entry.bytes.len() >= TOLD_MIN_BYTES;
        let entries = state.entries.iter().filter(|(_, entry)| is_told(entry));
        let mut told: Vec<_> = entries.map(|(id, entry)| (entry.bytes.len(), *id)).collect();
        told.sort_unstable_by(|a, b| b.cmp(a));
        Some((state.version, told.into_iter().take(TOLD_MAX).map(|(_, id)| id).collect()))
    }

    /// Waits until tasks hold less than there is room for.
    async fn room(&self) {
        loop {
            let freed = self.freed.notified();
            if self.state().held_bytes < self.budget_bytes.max(1) {
                return;
            }
            freed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.shelf.state();
        self.ids.iter().for_each(|id| state.let_go(id));
        state.make_room(self.shelf.budget_bytes);
        drop(state);
        self.shelf.freed.notify_one();
    }
}

impl State {
    /// One more holds it, if it is there.
    fn hold(&mut self, id: &ArtifactId) -> bool {
        let Some(entry) = self.entries.get_mut(id) else { return false };
        if entry.holders == 0 {
            self.idle.remove(&entry.read);
            self.held_bytes += entry.bytes.len();
        }
        entry.holders += 1;
        true
    }

    fn let_go(&mut self, id: &ArtifactId) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.holders -= 1;
        if entry.holders == 0 {
            self.clock += 1;
            entry.read = self.clock;
            self.idle.insert(self.clock, *id);
            self.held_bytes -= entry.bytes.len();
        }
    }

    /// Puts it there, held by a task or not, and throws out what there is no room for any more.
    fn put(&mut self, id: ArtifactId, bytes: Bytes, budget_bytes: usize, is_held: bool) {
        if !self.entries.contains_key(&id) {
            self.bytes += bytes.len();
            self.version += u64::from(bytes.len() >= TOLD_MIN_BYTES);
            self.clock += 1;
            self.idle.insert(self.clock, id);
            self.entries.insert(id, Entry { bytes, holders: 0, read: self.clock });
        }
        if is_held {
            self.hold(&id);
        }
        self.make_room(budget_bytes);
    }

    fn make_room(&mut self, budget_bytes: usize) {
        while self.bytes > budget_bytes
            && let Some((_, id)) = self.idle.pop_first()
        {
            let Some(entry) = self.entries.remove(&id) else { continue };
            self.bytes -= entry.bytes.len();
            self.version += u64::from(entry.bytes.len() >= TOLD_MIN_BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_artifacts::StoreConfig;
    use std::task::Poll;

    /// A shelf with room for 100 bytes, and four artifacts of 40 in its store.
    async fn shelf() -> (Arc<Shelf>, Vec<ArtifactId>) {
        let store = ArtifactStore::open(&StoreConfig::Memory).unwrap();
        let mut ids = Vec::new();
        for byte in 0..4u8 {
            ids.push(store.put(vec![byte; 40]).await.unwrap());
        }
        (Arc::new(Shelf::new(store, 100)), ids)
    }

    fn at_hand(shelf: &Shelf, ids: &[ArtifactId]) -> Vec<usize> {
        let state = shelf.state();
        (0..ids.len()).filter(|at| state.entries.contains_key(&ids[*at])).collect()
    }

    #[tokio::test]
    async fn the_longest_unread_goes_first() {
        let (shelf, ids) = shelf().await;
        for at in [0, 1, 0, 2] {
            let (bytes, _held) = shelf.fetch(&ids[at..=at]).await.unwrap();
            assert_eq!(bytes, [vec![at as u8; 40]]);
        }
        assert_eq!(at_hand(&shelf, &ids), [0, 2]);
        shelf.keep(ids[3], vec![3; 40].into());
        assert_eq!(at_hand(&shelf, &ids), [2, 3]);
    }

    #[tokio::test]
    async fn a_task_waits_until_others_let_go() {
        let (shelf, ids) = shelf().await;
        let (_, first) = shelf.fetch(&[ids[0], ids[1], ids[2], ids[0]]).await.unwrap();
        assert_eq!(at_hand(&shelf, &ids), [0, 1, 2], "a task alone has what it needs");
        let mut next = std::pin::pin!(shelf.fetch(&ids[3..]));
        assert!(futures::poll!(next.as_mut()).is_pending());
        drop(first);
        assert_eq!(at_hand(&shelf, &ids).len(), 2, "what nobody holds is within the budget");
        let (bytes, _held) = next.await.unwrap();
        assert_eq!(bytes, [vec![3; 40]]);
    }

    #[tokio::test]
    async fn what_is_missing_is_named_and_nothing_stays_held() {
        let (shelf, ids) = shelf().await;
        let none = ArtifactId::of(b"none");
        let error = shelf.fetch(&[ids[0], none]).await.map(drop).unwrap_err().to_string();
        assert!(error.contains(&none.to_string()), "{error}");
        assert_eq!(shelf.state().held_bytes, 0);
    }

    #[tokio::test]
    async fn only_what_takes_a_while_to_fetch_is_told_once() {
        let (shelf, _) = shelf().await;
        let shelf = Shelf::new(shelf.store.clone(), 1 << 20);
        let large = Bytes::from(vec![7; TOLD_MIN_BYTES]);
        let (version, told) = shelf.told(None).unwrap();
        assert_eq!(told, []);
        shelf.keep(ArtifactId::of(b"small"), Bytes::from_static(b"small"));
        assert_eq!(shelf.told(Some(version)), None);
        shelf.keep(ArtifactId::of(&large), large.clone());
        let (version, told) = shelf.told(Some(version)).unwrap();
        assert_eq!(told, [ArtifactId::of(&large)]);
        assert_eq!(shelf.told(Some(version)), None);
    }

    #[tokio::test]
    async fn whoever_stops_waiting_leaves_the_turn_to_others() {
        let (shelf, ids) = shelf().await;
        let (_, held) = shelf.fetch(&ids[..3]).await.unwrap();
        {
            let mut waits = std::pin::pin!(shelf.fetch(&ids[3..]));
            assert!(matches!(futures::poll!(waits.as_mut()), Poll::Pending));
        }
        drop(held);
        assert!(shelf.fetch(&ids[3..]).await.is_ok());
    }
}
