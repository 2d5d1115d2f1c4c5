//! A runtime of its own whose clock the test moves, for work that also waits for real threads (see
//! `quiet`).

use crate::quiet::until_quiet;
use std::sync::mpsc as thread;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

/// Work under way; it is dropped where it stands when this is.
pub(crate) struct Clock {
    advance: Option<mpsc::UnboundedSender<Duration>>,
    advanced: thread::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Clock {
    /// Begins the work at time zero.
    pub(crate) fn start<F>(work: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (advance, mut advances) = mpsc::unbounded_channel();
        let (ack, advanced) = thread::channel();
        let body = move || {
            let builder = &mut tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().start_paused(true).build().unwrap();
            runtime.block_on(async {
                // While a blocking task runs, the paused clock does not move by itself.
                let (_hold, held) = thread::channel::<()>();
                tokio::task::spawn_blocking(move || held.recv());
                let work = tokio::spawn(work());
                while let Some(time) = advances.recv().await {
                    tokio::time::advance(time).await;
                    ack.send(()).unwrap();
                }
                work.abort();
            });
            runtime.shutdown_background();
        };
        let clock =
            Self { advance: Some(advance), advanced, thread: Some(std::thread::spawn(body)) };
        until_quiet(None);
        clock
    }

    /// Lets time pass, and waits until all that is due is done.
    pub(crate) fn advance(&self, time: Duration) {
        self.advance.as_ref().unwrap().send(time).unwrap();
        self.advanced.recv().unwrap();
        until_quiet(None);
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.advance = None;
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(panic)) = ended
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}
