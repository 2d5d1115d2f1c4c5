//! Tells people and machines how the node is doing, and tidies its record.
//!
//! It reads the logbook through connections of its own and decides nothing, so neither a slow reader
//! nor a fault in here keeps the node from its work. The listener is not authenticated, and therefore
//! on loopback only.

mod balance;
mod host;
mod metrics;
pub mod page;
mod pages;
mod tally;
mod view;

use crate::event::Event;
use crate::logbook::{LogbookError, Reader, archive};
use crate::venue::Venue;
use balance::{Levels, Thresholds};
use metrics::Metrics;
use page::{Balances, Host};
use rialto_protocol::{RequestDigest, Wei};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tally::Tally;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often balances are asked for: a wallet is not emptied in seconds.
const BALANCE_EVERY: Duration = Duration::from_secs(15);
/// How often the machine is looked at.
const HOST_EVERY: Duration = Duration::from_secs(5);
/// How often the logbook is tried, and followed.
const LOGBOOK_EVERY: Duration = Duration::from_secs(5);
/// A disk that takes longer for one row is in trouble.
const LOGBOOK_PATIENCE: Duration = Duration::from_secs(5);
/// How often old history is looked for.
const ARCHIVE_EVERY: Duration = Duration::from_secs(60);

/// Why the monitor ended.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; is another node using it?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The listener failed.
    #[error("the status page's listener failed")]
    Serve(#[source] std::io::Error),
    /// The record failed.
    #[error(transparent)]
    Logbook(#[from] LogbookError),
}

/// What the pages are made of.
struct Monitor {
    venue: Arc<Venue>,
    reader: Reader,
    metrics: Metrics,
    tally: tokio::sync::Mutex<Tally>,
    balances: watch::Sender<Option<Balances>>,
    levels: watch::Sender<Levels>,
    host: watch::Sender<Host>,
    /// Why the logbook cannot be written, if so.
    logbook: watch::Sender<Option<String>>,
    /// How far proofs in the making have come, in thousandths.
    progress: Mutex<HashMap<RequestDigest, u32>>,
    stop: CancellationToken,
    began: Instant,
}

/// Works until told to stop.
pub(crate) async fn run(
    venue: Arc<Venue>,
    listen: Option<SocketAddr>,
    stop: CancellationToken,
) -> Result<(), MonitorError> {
    let metrics = Metrics::new();
    let started_ms = crate::logbook::now_ms();
    metrics.levels.started.set(f64::from(u32::try_from(started_ms / 1_000).unwrap_or(u32::MAX)));
    let reader = venue.logbook.reader().await?;
    let monitor = Arc::new(Monitor {
        metrics,
        tally: tokio::sync::Mutex::new(Tally::begin(reader.clone()).await?),
        reader,
        balances: watch::Sender::new(None),
        levels: watch::Sender::new(Levels::default()),
        host: watch::Sender::new(Host::default()),
        logbook: watch::Sender::new(None),
        progress: Mutex::new(HashMap::new()),
        stop: stop.clone(),
        began: Instant::now(),
        venue,
    });
    let serving = async {
        match listen {
            Some(address) => pages::serve(monitor.clone(), address, stop.clone()).await,
            None => {
                stop.cancelled().await;
                Ok(())
            }
        }
    };
    let watching = async {
        tokio::select! {
            ended = monitor.watch_balances() => ended,
            ended = monitor.watch_host() => ended,
            () = monitor.watch_logbook() => Ok(()),
            ended = monitor.tidy() => ended,
            () = monitor.watch_progress() => Ok(()),
            () = stop.cancelled() => Ok(()),
        }
    };
    tokio::try_join!(serving, watching).map(|_| ())
}

impl Monitor {
    async fn watch_balances(&self) -> Result<(), MonitorError> {
        loop {
            match self.ask_balances().await {
                Ok(balances) => {
                    let mut levels = *self.levels.borrow();
                    let events =
                        levels.update(&balances, &Thresholds::of(&self.venue.settings().market));
                    self.balances.send_replace(Some(balances));
                    self.levels.send_replace(levels);
                    for event in events {
                        self.venue.tell(self.venue.logbook.note(None, event).await?);
                    }
                }
                // The watch reports that the chain is silent; the last balances stand.
                Err(error) => {
                    let error = crate::logbook::with_sources(&error);
                    tracing::debug!(error, "cannot ask for balances");
                }
            }
            tokio::time::sleep(BALANCE_EVERY).await;
        }
    }

    async fn ask_balances(&self) -> Result<Balances, rialto_chain::MarketError> {
        let (market, me) = (&self.venue.market, self.venue.me());
        let wallet_wei: Wei = market.endpoint().eth_balance(me).await?;
        Ok(Balances {
            wallet_wei,
            market_wei: market.balance_of(me).await?,
            free_collateral: self.venue.head.borrow().free_collateral,
            ..Balances::default()
        })
    }

    async fn watch_host(&self) -> Result<(), MonitorError> {
        let mut gauge = host::Gauge::new(self.reader.path().parent().unwrap_or(Path::new(".")));
        let mut was_low = false;
        loop {
            let host = gauge.look().await;
            let is_low = host.disk_is_low();
            if is_low != was_low {
                was_low = is_low;
                let (free_bytes, total_bytes) = (host.disk_free_bytes, host.disk_total_bytes);
                let event = Event::Disk { is_low, free_bytes, total_bytes };
                self.venue.tell(self.venue.logbook.note(None, event).await?);
            }
            self.host.send_replace(host);
            tokio::time::sleep(HOST_EVERY).await;
        }
    }

    /// Moves old history away, a little at a time.
    async fn tidy(&self) -> Result<(), MonitorError> {
        loop {
            let before_ms = crate::logbook::now_ms().saturating_sub(archive::KEPT_MS);
            let limit = archive::ENTRIES_A_RUN;
            let moved = self.venue.logbook.archive(&self.reader, before_ms, limit).await;
            match moved {
                Ok(0) => {}
                Ok(entries) => tracing::info!(entries, "archived old history"),
                // It is only tidying: the node goes on, and the next run tries again.
                Err(error) => {
                    let error = crate::logbook::with_sources(&error);
                    tracing::warn!(error, "cannot archive old history");
                }
            }
            tokio::time::sleep(ARCHIVE_EVERY).await;
        }
    }

    /// Progress is on the bus alone: it is worth seeing and not worth keeping.
    async fn watch_progress(&self) {
        let mut events = self.venue.bus.subscribe();
        loop {
            let entry = match events.recv().await {
                Ok(entry) => entry,
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return std::future::pending().await,
            };
            let Some(digest) = entry.digest else { continue };
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            match entry.event {
                Event::Progress { permille } => _ = progress.insert(digest, permille),
                Event::Proven { .. } | Event::Closed { .. } => _ = progress.remove(&digest),
                _ => {}
            }
        }
    }

    /// Tries now and then whether the logbook can be written, and counts what was added: there is
    /// never much of it when somebody asks.
    async fn watch_logbook(&self) {
        loop {
            let trying = async {
                self.venue.logbook.touch().await?;
                self.tally.lock().await.catch_up(&self.metrics.counts).await
            };
            let trouble = match tokio::time::timeout(LOGBOOK_PATIENCE, trying).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(crate::logbook::with_sources(&error)),
                Err(_) => Some("the logbook does not answer".to_owned()),
            };
            self.logbook.send_replace(trouble);
            tokio::time::sleep(LOGBOOK_EVERY).await;
        }
    }

    /// Counts, sets the levels, and gives the text for a Prometheus server.
    async fn metrics_text(&self) -> Result<String, LogbookError> {
        let counts = &self.metrics.counts;
        self.tally.lock().await.catch_up(counts).await?;
        tally::count_traffic(self.venue.market.endpoint().traffic(), counts);
        self.set_levels().await;
        Ok(self.metrics.text().expect("writing to a string does not fail"))
    }
}
