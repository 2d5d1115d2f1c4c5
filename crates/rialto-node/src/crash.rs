//! Places where a test ends the node: before and after everything that it does for good.
//!
//! Without the feature `fault-injection` there is nothing here. With it, a test arms one [`Blow`]:
//! the task that reaches its place stops for ever, and [`struck`] tells whoever holds the runtime,
//! who drops everything else.

#[cfg(feature = "fault-injection")]
pub use injected::{Blow, Place, arm, fell_at, struck};

/// Does `step`, which lasts beyond the node's life and is called `name`.
#[cfg(not(feature = "fault-injection"))]
#[inline]
pub(crate) async fn around<T>(_name: &'static str, step: impl Future<Output = T>) -> T {
    step.await
}

#[cfg(feature = "fault-injection")]
pub(crate) use injected::around;

#[cfg(feature = "fault-injection")]
mod injected {
    use std::collections::BTreeSet;
    use std::fmt;
    use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
    use tokio::sync::watch::Sender;

    /// Where the node may end.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Place {
        /// Before the step of this name.
        Before(&'static str),
        /// After it.
        After(&'static str),
    }

    impl Place {
        /// The step that it is before or after.
        pub fn step(self) -> &'static str {
            match self {
                Self::Before(step) | Self::After(step) => step,
            }
        }
    }

    impl fmt::Display for Place {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Self::Before(step) => write!(f, "before: {step}"),
                Self::After(step) => write!(f, "after: {step}"),
            }
        }
    }

    /// When the node ends.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Blow {
        /// Not at all.
        Never,
        /// At the so many-th place that it reaches.
        Nth(u64),
        /// At the first place that is none of these.
        Beyond(BTreeSet<Place>),
    }

    struct Watch {
        blow: Blow,
        passed: u64,
        fell_at: Option<Place>,
    }

    static WATCH: Mutex<Watch> = Mutex::new(Watch::over(Blow::Never));
    static STRUCK: LazyLock<Sender<bool>> = LazyLock::new(|| Sender::new(false));

    fn watch() -> MutexGuard<'static, Watch> {
        WATCH.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the node of this process end so. Everything is counted from now on.
    pub fn arm(blow: Blow) {
        *watch() = Watch::over(blow);
        STRUCK.send_replace(false);
    }

    /// Where the blow has fallen, once it has.
    pub fn fell_at() -> Option<Place> {
        watch().fell_at
    }

    /// Waits until the blow has fallen.
    pub async fn struck() {
        // The sender is static, so waiting cannot fail.
        let _ = STRUCK.subscribe().wait_for(|struck| *struck).await;
    }

    /// Does `step`, which lasts beyond the node's life and is called `name`.
    pub(crate) async fn around<T>(name: &'static str, step: impl Future<Output = T>) -> T {
        pass(Place::Before(name)).await;
        let done = step.await;
        pass(Place::After(name)).await;
        done
    }

    async fn pass(place: Place) {
        if watch().is_last(place) {
            tracing::warn!(%place, "the test ends the node here");
            STRUCK.send_replace(true);
            std::future::pending::<()>().await;
        }
    }

    impl Watch {
        const fn over(blow: Blow) -> Self {
            Self { blow, passed: 0, fell_at: None }
        }

        fn is_last(&mut self, place: Place) -> bool {
            // The dead do nothing more.
            if self.fell_at.is_some() {
                return true;
            }
            self.passed += 1;
            let falls = match &self.blow {
                Blow::Never => false,
                Blow::Nth(nth) => self.passed == *nth,
                Blow::Beyond(known) => !known.contains(&place),
            };
            if falls {
                self.fell_at = Some(place);
            }
            falls
        }
    }
}
