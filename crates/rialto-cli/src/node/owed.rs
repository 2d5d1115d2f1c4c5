//! What a node has promised and not delivered.

use super::telling::clock;
use crate::show::{eth, rct};
use alloy::primitives::Address;
use anyhow::Result;
use rialto_node::{LOGBOOK, Reader};
use rialto_protocol::{Collateral, RequestDigest, RequestId, Timestamp, Wei};
use serde::Serialize;
use std::fmt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// What is locked in one venue.
#[derive(Debug, Serialize)]
pub(super) struct Owed {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) venue: Option<String>,
    prover: Address,
    now: Timestamp,
    pub(super) locked: Vec<OwedOrder>,
}

#[derive(Debug, Serialize)]
pub(super) struct OwedOrder {
    request: RequestId,
    digest: RequestDigest,
    price: Wei,
    collateral: Collateral,
    deadline: Timestamp,
}

impl Owed {
    /// By the logbook in `data_dir`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) async fn read(data_dir: &Path, venue: Option<String>) -> Result<Self> {
        let logbook = Reader::open(&data_dir.join(LOGBOOK)).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (prover, now) = (logbook.prover(), Timestamp(now.as_secs()));
        let open = match logbook.market().await? {
            Some(market) => logbook.open_orders(&market).await?,
            None => Vec::new(),
        };
        let mut locked: Vec<_> = open
            .iter()
            .filter_map(|open| {
                let order = &open.order;
                let lock = order.facts.lock.as_ref()?;
                let is_ours = lock.prover == prover && lock.digest == order.digest;
                let delivered = order.facts.deliveries.iter().any(|by| by.prover == prover);
                let offer = &order.request.offer;
                (is_ours && !delivered && now <= offer.deadline()).then(|| OwedOrder {
                    request: order.request.id,
                    digest: order.digest,
                    price: offer.price_at(lock.at),
                    collateral: offer.lock_collateral,
                    deadline: offer.lock_deadline(),
                })
            })
            .collect();
        locked.sort_by_key(|order| order.deadline);
        Ok(Self { event: "owed", venue, prover, now, locked })
    }

    /// One line: how much, and by when.
    pub(super) fn in_short(&self) -> String {
        match self.locked.as_slice() {
            [] => "nothing is locked".to_owned(),
            [first, ..] => {
                let left_s = self.now.seconds_until(first.deadline);
                let count = self.locked.len();
                let orders = if count == 1 { "order" } else { "orders" };
                format!("{count} {orders} locked, the next is due in {left_s} s")
            }
        }
    }
}

impl fmt::Display for Owed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(venue) = &self.venue {
            write!(f, "{venue}: ")?;
        }
        if self.locked.is_empty() {
            return f.write_str("Nothing is locked; the node can stay down.");
        }
        writeln!(f, "Still locked; start the node again before these deadlines:\n")?;
        for order in &self.locked {
            let left_s = self.now.seconds_until(order.deadline);
            writeln!(
                f,
                "  {}  {} at stake, {} to earn, {} (in {left_s} s)",
                order.request,
                rct(order.collateral),
                eth(order.price),
                clock(order.deadline.0),
            )?;
        }
        Ok(())
    }
}
