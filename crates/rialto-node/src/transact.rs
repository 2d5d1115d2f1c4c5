//! Sends a transaction for an order: intent, hash, broadcast, outcome, each recorded in turn.

use crate::event::Event;
use crate::logbook::{IntentId, IntentKind, IntentOutcome, Logbook};
use crate::venue::Venue;
use crate::workshop::StepError;
use async_trait::async_trait;
use rialto_chain::sender::{SignedTx, TxLog};
use rialto_chain::{Call, Receipt, SendError, SendOptions};
use rialto_protocol::{RequestDigest, Timestamp, Wei};
use tokio::sync::broadcast;

/// Writes each hash into the logbook before its transaction is broadcast.
pub(crate) struct IntentLog {
    pub(crate) logbook: Logbook,
    pub(crate) bus: broadcast::Sender<crate::Entry>,
}

#[async_trait]
impl TxLog for IntentLog {
    async fn on_signed(
        &self,
        tx: &SignedTx,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if let Some(id) = tx.label.strip_prefix(LABEL).and_then(|id| id.parse().ok()) {
            let _ = self.bus.send(self.logbook.signed(IntentId(id), tx.hash).await?);
        }
        Ok(())
    }
}

/// Labels of transactions that stand for an intent; the intent's number follows.
const LABEL: &str = "intent#";

/// What to send and why.
pub(crate) struct Intent {
    pub(crate) kind: IntentKind,
    pub(crate) event: Event,
    pub(crate) call: Call,
    pub(crate) give_up_at: Option<Timestamp>,
}

/// What came of it. Errors that pass are steps to be retried.
pub(crate) enum Sent {
    /// Mined, and its facts are in the logbook.
    Mined,
    /// The contract refused, or the transaction cannot succeed; in the contract's words.
    Refused(Box<rialto_chain::MarketRevert>),
}

pub(crate) async fn send(
    venue: &Venue,
    digest: RequestDigest,
    intent: Intent,
) -> Result<Sent, StepError> {
    let Intent { kind, event, call, give_up_at } = intent;
    let (id, entry) = venue.logbook.intend(digest, kind, event).await?;
    venue.tell(entry);
    let options =
        SendOptions { label: format!("{LABEL}{}", id.0), give_up_at, ..SendOptions::default() };
    let outcome = match venue.sender.send(call, options).await {
        Ok(pending) => pending.outcome().await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(receipt) => {
            let gas_wei = cost(&receipt);
            venue.logbook.settle_intent(id, IntentOutcome::Mined(gas_wei)).await?;
            let mined = Event::TxMined {
                tx: receipt.tx_hash,
                kind: kind.as_str().to_owned(),
                gas_used: receipt.gas_used,
                gas_wei,
            };
            venue.tell(venue.logbook.note(Some(digest), mined).await?);
            venue.read_past(receipt.block.number.0).await;
            Ok(Sent::Mined)
        }
        Err(error) => {
            let paid = match &error {
                SendError::Reverted { receipt, .. } => cost(receipt),
                _ => Wei::ZERO,
            };
            venue.logbook.settle_intent(id, IntentOutcome::Failed(paid)).await?;
            match error {
                SendError::WouldRevert(reason) | SendError::Reverted { reason, .. } => {
                    Ok(Sent::Refused(reason))
                }
                passing => Err(StepError::again(kind.as_str(), &passing)),
            }
        }
    }
}

fn cost(receipt: &Receipt) -> Wei {
    let wei = u128::from(receipt.gas_used).saturating_mul(receipt.gas_price_wei);
    Wei::from(wei)
}
