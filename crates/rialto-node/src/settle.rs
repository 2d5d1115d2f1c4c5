//! Delivers a sealed proof and calls for forfeited collateral that is ours.

use crate::event::Event;
use crate::logbook::{IntentKind, OpenOrder};
use crate::transact::{Intent, Sent, send};
use crate::venue::Venue;
use crate::workshop::StepError;
use alloy::signers::SignerSync;
use rialto_planner::{Delivering, Standing};
use rialto_protocol::{
    Fulfillment, FulfillmentBatch, FulfillmentData, Predicate, SlimRequest, commitment, registry,
};
use std::sync::Arc;

/// Hands the proof in: straight under our lock, or committed a block before in a race.
pub(crate) async fn deliver(
    venue: Arc<Venue>,
    open: OpenOrder,
    how: Delivering,
) -> Result<(), StepError> {
    let Some(batch) = batch(&venue, &open)? else { return Ok(()) };
    let order = &open.order;
    let offer = &order.request.offer;
    let give_up_at = match how {
        Delivering::UnderLock => offer.lock_deadline(),
        Delivering::InRace => offer.deadline(),
    };
    if how == Delivering::InRace && !commit(&venue, &open, &batch).await? {
        return Ok(());
    }
    let intent = Intent {
        kind: IntentKind::Deliver,
        event: Event::Delivering { how },
        call: venue.market.fulfill(&[batch]),
        give_up_at: Some(give_up_at),
    };
    refused_is_retried("deliver", send(&venue, order.digest, intent).await?)?;
    venue.wakes.all();
    Ok(())
}

/// Makes sure that the batch was committed at least a block ago. False when it has only just been
/// sent: the next tick looks at the facts again before it reveals anything.
async fn commit(
    venue: &Venue,
    open: &OpenOrder,
    batch: &FulfillmentBatch,
) -> Result<bool, StepError> {
    let commitment = commitment(std::slice::from_ref(batch));
    let committed = venue.market.commit_block(commitment).await;
    let committed = committed.map_err(|error| StepError::again("look up a commitment", &error))?;
    if committed.is_some_and(|block| block.0 <= venue.head.borrow().read_to) {
        return Ok(true);
    }
    let intent = Intent {
        kind: IntentKind::Commit,
        event: Event::Committing,
        call: venue.market.commit_fulfillment(commitment),
        give_up_at: Some(open.order.request.offer.deadline()),
    };
    refused_is_retried("commit", send(venue, open.order.digest, intent).await?)?;
    Ok(false)
}

/// Calls for the collateral of a lapsed lock.
pub(crate) async fn slash(venue: Arc<Venue>, open: OpenOrder) -> Result<(), StepError> {
    let intent = Intent {
        kind: IntentKind::Slash,
        event: Event::Slashing,
        call: venue.market.slash(open.order.request.id),
        give_up_at: None,
    };
    refused_is_retried("slash", send(&venue, open.order.digest, intent).await?)?;
    venue.wakes.all();
    Ok(())
}

fn refused_is_retried(step: &'static str, sent: Sent) -> Result<(), StepError> {
    match sent {
        Sent::Mined => Ok(()),
        Sent::Refused(reason) => Err(StepError::again(step, &*reason)),
    }
}

/// The batch of one order. It is the same every time, so that a commitment made before a crash is
/// still good after it.
fn batch(venue: &Venue, open: &OpenOrder) -> Result<Option<FulfillmentBatch>, StepError> {
    let order = &open.order;
    let Standing::Sealed(run, _, sealed) = &order.standing else { return Ok(None) };
    let requirements = &order.request.requirements;
    let bare = matches!(requirements.predicate, Predicate::ClaimDigestMatch(_))
        && requirements.callback.addr.is_zero();
    let data = if bare {
        FulfillmentData::None
    } else {
        FulfillmentData::ImageIdAndJournal(run.image_id, run.journal.clone())
    };
    let claim = sealed.proven.claim;
    let digest = venue.assessor.batch_digest(venue.me(), &[order.digest], &[claim]);
    let signature = venue
        .signer
        .sign_hash_sync(&digest)
        .map_err(|error| StepError::again("sign the batch", &error))?;
    let assessor_seal =
        [registry::ON_CHAIN_ASSESSOR.as_slice(), &signature.as_bytes()].concat().into();
    Ok(Some(FulfillmentBatch {
        requests: vec![SlimRequest::from(&order.request)],
        fills: vec![Fulfillment { claim_digest: claim, data, seal: sealed.seal.clone() }],
        assessor_seal,
        prover: venue.me(),
    }))
}
