//! Locks a request at the price of the next block.

use crate::event::Event;
use crate::logbook::{IntentKind, OpenOrder};
use crate::transact::{Intent, Sent, send};
use crate::venue::Venue;
use crate::workshop::StepError;
use rialto_planner::Skip;
use rialto_protocol::Wei;
use std::sync::Arc;

/// Two calls on the way, the client's balance and the transaction: gas is not estimated, since
/// another prover may have locked by the time an estimate is back.
pub(crate) async fn run(
    venue: Arc<Venue>,
    open: Arc<OpenOrder>,
    price: Wei,
) -> Result<(), StepError> {
    let order = &open.order;
    let client = order.request.id.client();
    let balance = venue.market.balance_of(client).await;
    let balance = balance.map_err(|error| StepError::again("ask for a balance", &error))?;
    if balance < price {
        let skip = Skip::ClientCannotPay { balance, price };
        venue.tell(venue.logbook.skip(order.digest, &skip).await?);
        return Ok(());
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
        Sent::Refused(reason) => {
            let skip = Skip::LockFailed { what: reason.to_string() };
            venue.tell(venue.logbook.skip(order.digest, &skip).await?);
        }
    }
    venue.wake.notify_one();
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
