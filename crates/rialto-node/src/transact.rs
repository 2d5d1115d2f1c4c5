//! Sends a transaction for an order: intent, hash, broadcast, outcome, each recorded in turn.

use crate::crash;
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
        let ids = tx.label.strip_prefix(LABEL).unwrap_or_default();
        let ids: Vec<_> = ids.split(',').filter_map(|id| id.parse().ok().map(IntentId)).collect();
        for entry in self.logbook.signed(&ids, tx.hash).await? {
            let _ = self.bus.send(entry);
        }
        Ok(())
    }
}

/// Labels of transactions that stand for intents; their numbers follow, with commas between.
const LABEL: &str = "intent#";

/// What to send and why.
pub(crate) struct Intent {
    pub(crate) kind: IntentKind,
    pub(crate) event: Event,
    pub(crate) call: Call,
    pub(crate) give_up_at: Option<Timestamp>,
    /// Estimated when absent.
    pub(crate) gas_limit: Option<u64>,
    pub(crate) extra_tip_wei: u128,
}

/// What came of it. Errors that pass are steps to be retried.
pub(crate) enum Sent {
    /// Mined, and its facts are in the logbook.
    Mined,
    /// The contract refused, or the transaction cannot succeed; in the contract's words.
    Refused(Box<rialto_chain::MarketRevert>),
}

/// Sends one transaction for one order or for several; its gas is shared out among them.
pub(crate) async fn send(
    venue: &Venue,
    digests: &[RequestDigest],
    intent: Intent,
) -> Result<Sent, StepError> {
    let Intent { kind, event, call, give_up_at, gas_limit, extra_tip_wei } = intent;
    let (ids, entries) = venue.logbook.intend(digests, kind, &event).await?;
    entries.into_iter().for_each(|entry| venue.tell(entry));
    let numbers: Vec<_> = ids.iter().map(|id| id.0.to_string()).collect();
    let label = format!("{LABEL}{}", numbers.join(","));
    let options = SendOptions { label, gas_limit, extra_tip_wei, give_up_at };
    let outcome = match crash::around("sign a transaction", venue.sender.send(call, options)).await
    {
        Ok(pending) => pending.outcome().await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(receipt) => {
            let gas_wei = cost(&receipt);
            venue.logbook.settle_intents(&ids, IntentOutcome::Mined(gas_wei)).await?;
            for digest in digests {
                let mined = Event::TxMined {
                    tx: receipt.tx_hash,
                    kind: kind.as_str().to_owned(),
                    gas_used: receipt.gas_used,
                    gas_wei,
                };
                venue.tell(venue.logbook.note(Some(*digest), mined).await?);
            }
            venue.read_past(receipt.block.number.0).await;
            Ok(Sent::Mined)
        }
        Err(error) => {
            let paid = match &error {
                SendError::Reverted { receipt, .. } => cost(receipt),
                _ => Wei::ZERO,
            };
            venue.logbook.settle_intents(&ids, IntentOutcome::Failed(paid)).await?;
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
