//! A bounded queue: so many at work, so many waiting, the rest turned away at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

pub(crate) struct Queue {
    places: Semaphore,
    slots: Arc<Semaphore>,
}

impl Queue {
    /// `slots` at work and `places` admitted, those at work included.
    pub(crate) fn new(slots: usize, places: usize) -> Self {
        Self { places: Semaphore::new(places), slots: Arc::new(Semaphore::new(slots)) }
    }

    /// A place in the queue for as long as the caller is concerned with it, if there is one.
    pub(crate) fn admit(&self) -> Option<SemaphorePermit<'_>> {
        self.places.try_acquire().ok()
    }

    /// Waits for a turn. The slot can outlive its caller: work that goes on after its caller has
    /// hung up still occupies it.
    pub(crate) async fn slot(&self) -> OwnedSemaphorePermit {
        self.slots.clone().acquire_owned().await.expect("the semaphore is never closed")
    }
}
