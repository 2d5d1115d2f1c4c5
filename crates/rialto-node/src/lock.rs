//! Locks a request at the price of the next block.

use crate::event::Event;
use crate::logbook::{IntentKind, OpenOrder};
use crate::transact::{Intent, Sent, send};
use crate::venue::Venue;
use crate::workshop::StepError;
use alloy::primitives::Address;
use rialto_planner::Skip;
use rialto_protocol::Wei;
use std::sync::Arc;
use std::time::Duration;

/// How often a client who cannot pay is asked again. Another lock may hold its money for a moment,
/// or a deposit be on its way; but a request without money behind it costs nothing to post.
const UNPAID_TRIES: u32 = 3;

/// Two calls on the way, the client's balance and the transaction: gas is not estimated, since
/// another prover may have locked by the time an estimate is back. `failures` says how often this
/// has failed.
pub(crate) async fn run(
    venue: Arc<Venue>,
    open: Arc<OpenOrder>,
    price: Wei,
    failures: u32,
) -> Result<(), StepError> {
    let order = &open.order;
    let client = order.request.id.client();
    let balance = venue.market.balance_of(client).await;
    let balance = balance.map_err(|error| StepError::again("ask for a balance", &error))?;
    if balance < price {
        return unpaid(&venue, &open, Skip::ClientCannotPay { balance, price }, failures).await;
    }
    let policy = venue.policy();
    let contract =
        if order.request.id.has_contract_signature() { policy.gas.contract_client } else { 0 };
    let intent = Intent {
        kind: IntentKind::Lock,
        event: Event::Locking { price },
        call: venue.market.lock_request(&open.signed),
        give_up_at: Some(order.request.offer.lock_deadline()),
        gas_limit: Some(with_margin(policy.gas.lock.saturating_add(contract))),
        extra_tip_wei: venue.settings().market.lockin_priority_gas.into(),
    };
    match send(&venue, &[order.digest], intent).await? {
        Sent::Mined => {}
        // Whoever was faster is in the facts with the next block.
        Sent::Refused(reason) if is_taken(&reason) => venue.next_block().await,
        // Another lock was faster to its money; what is left is asked for again.
        Sent::Refused(reason) if is_unpaid(&reason, client) => {
            let skip = Skip::LockFailed { what: reason.to_string() };
            return unpaid(&venue, &open, skip, failures).await;
        }
        Sent::Refused(reason) => {
            let skip = Skip::LockFailed { what: reason.to_string() };
            venue.tell(venue.logbook.skip(order.digest, &skip).await?);
        }
    }
    venue.wake.notify_one();
    Ok(())
}

/// Refuses, or rests for twice as long as before.
async fn unpaid(
    venue: &Venue,
    open: &OpenOrder,
    skip: Skip,
    failures: u32,
) -> Result<(), StepError> {
    if failures < UNPAID_TRIES {
        let (step, reason) = (IntentKind::Lock.as_str(), skip.to_string());
        let after = Duration::from_secs(2 << failures);
        return Err(StepError::Again { step, reason, after });
    }
    venue.tell(venue.logbook.skip(open.order.digest, &skip).await?);
    Ok(())
}

/// Estimates are for pricing; what is allowed is a quarter more.
fn with_margin(gas: u64) -> u64 {
    gas.saturating_add(gas / 4)
}

fn is_taken(reason: &rialto_chain::MarketRevert) -> bool {
    use rialto_chain::MarketRevert as Revert;
    matches!(reason, Revert::RequestIsLocked { .. } | Revert::RequestIsFulfilled { .. })
}

fn is_unpaid(reason: &rialto_chain::MarketRevert, client: Address) -> bool {
    matches!(reason, rialto_chain::MarketRevert::InsufficientBalance(account) if *account == client)
}
