//! Hands in sealed proofs and calls for forfeited collateral that is ours.

use crate::event::Event;
use crate::logbook::{IntentKind, OpenOrder};
use crate::transact::{Intent, Sent, send};
use crate::venue::Venue;
use crate::workshop::StepError;
use alloy::primitives::{B256, Bytes};
use alloy::signers::SignerSync;
use rialto_chain::{Call, SignedRoot};
use rialto_planner::{Delivering, ROOT_FROM, Sealed, Standing};
use rialto_protocol::attestation::AttestedSeal;
use rialto_protocol::{
    Fulfillment, FulfillmentBatch, FulfillmentData, Predicate, RequestDigest, SlimRequest,
    Timestamp, commitment, merkle, registry,
};
use std::sync::Arc;

/// Hands in proofs under locks of ours in one transaction. If it is refused, each is tried by
/// itself, so that one that has gone wrong does not hold up the others.
pub(crate) async fn deliver(
    venue: Arc<Venue>,
    orders: Vec<Arc<OpenOrder>>,
) -> Result<(), StepError> {
    let refused = match deliver_together(&venue, &orders).await? {
        Sent::Refused(reason) if orders.len() > 1 => {
            tracing::warn!(%reason, orders = orders.len(), "a batch was refused; one by one");
            let mut refused = None;
            for open in &orders {
                if let Sent::Refused(reason) =
                    deliver_together(&venue, std::slice::from_ref(open)).await?
                {
                    refused = Some(reason);
                }
            }
            refused
        }
        Sent::Refused(reason) => Some(reason),
        Sent::Mined => None,
    };
    venue.wake.notify_one();
    refused.map_or(Ok(()), |reason| Err(StepError::again("deliver", &*reason)))
}

async fn deliver_together(venue: &Venue, orders: &[Arc<OpenOrder>]) -> Result<Sent, StepError> {
    let Some(mut batch) = batch(venue, orders)? else { return Ok(Sent::Mined) };
    let digests: Vec<_> = orders.iter().map(|open| open.order.digest).collect();
    let deadlines = orders.iter().map(|open| open.order.request.offer.lock_deadline());
    let give_up_at = deadlines.max();
    let how = Delivering::UnderLock;
    let root = take_root(venue, &mut batch)?;
    let batches = [batch];
    let withdraw = venue.settings().batcher.withdraw;
    let call = match root {
        None if withdraw => venue.market.fulfill_and_withdraw(&batches),
        None => venue.market.fulfill(&batches),
        Some(root) if venue.settings().batcher.single_txn_fulfill => match withdraw {
            true => venue.market.submit_root_fulfill_and_withdraw(&root, &batches),
            false => venue.market.submit_root_and_fulfill(&root, &batches),
        },
        Some(root) => {
            let call = venue.market.submit_root(&root);
            let intent = delivery(call, Event::SubmittingRoot { root: root.root }, give_up_at);
            if let refused @ Sent::Refused(_) = send(venue, &digests, intent).await? {
                return Ok(refused);
            }
            match withdraw {
                true => venue.market.fulfill_and_withdraw(&batches),
                false => venue.market.fulfill(&batches),
            }
        }
    };
    send(venue, &digests, delivery(call, Event::Delivering { how }, give_up_at)).await
}

fn delivery(call: Call, event: Event, give_up_at: Option<Timestamp>) -> Intent {
    Intent { kind: IntentKind::Deliver, event, call, give_up_at, gas_limit: None, extra_tip_wei: 0 }
}

/// Hands in a proof after a lock has lapsed: announced a block before it is shown, so that it
/// cannot be copied on its way.
pub(crate) async fn race(venue: Arc<Venue>, open: Arc<OpenOrder>) -> Result<(), StepError> {
    let Some(batch) = batch(&venue, std::slice::from_ref(&open))? else { return Ok(()) };
    let digest = open.order.digest;
    let give_up_at = Some(open.order.request.offer.deadline());
    if !commit(&venue, digest, &batch, give_up_at).await? {
        venue.wake.notify_one();
        return Ok(());
    }
    let event = Event::Delivering { how: Delivering::InRace };
    let batches = [batch];
    let call = match venue.settings().batcher.withdraw {
        true => venue.market.fulfill_and_withdraw(&batches),
        false => venue.market.fulfill(&batches),
    };
    refused_is_retried(
        "deliver",
        send(&venue, &[digest], delivery(call, event, give_up_at)).await?,
    )?;
    venue.wake.notify_one();
    Ok(())
}

/// Makes sure that the batch was committed at least a block ago. False when it has only just been
/// sent: the next round looks at the facts again before it reveals anything.
async fn commit(
    venue: &Venue,
    digest: RequestDigest,
    batch: &FulfillmentBatch,
    give_up_at: Option<Timestamp>,
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
        give_up_at,
        gas_limit: None,
        extra_tip_wei: 0,
    };
    refused_is_retried("commit", send(venue, &[digest], intent).await?)?;
    Ok(false)
}

/// Calls for the collateral of a lapsed lock.
pub(crate) async fn slash(venue: Arc<Venue>, open: Arc<OpenOrder>) -> Result<(), StepError> {
    let intent = Intent {
        kind: IntentKind::Slash,
        event: Event::Slashing,
        call: venue.market.slash(open.order.request.id),
        give_up_at: None,
        gas_limit: None,
        extra_tip_wei: 0,
    };
    refused_is_retried("slash", send(&venue, &[open.order.digest], intent).await?)?;
    venue.wake.notify_one();
    Ok(())
}

fn refused_is_retried(step: &'static str, sent: Sent) -> Result<(), StepError> {
    match sent {
        Sent::Mined => Ok(()),
        Sent::Refused(reason) => Err(StepError::again(step, &*reason)),
    }
}

/// The batch of these orders. It is the same every time, so that a commitment made before a crash
/// is still good after it. Nothing if one of them is not sealed.
fn batch(venue: &Venue, orders: &[Arc<OpenOrder>]) -> Result<Option<FulfillmentBatch>, StepError> {
    let mut fills = Vec::with_capacity(orders.len());
    for open in orders {
        let Some(fill) = fill(open) else { return Ok(None) };
        fills.push(fill);
    }
    let digests: Vec<_> = orders.iter().map(|open| open.order.digest).collect();
    let claims: Vec<_> = fills.iter().map(|fill| fill.claim_digest).collect();
    let digest = venue.assessor.batch_digest(venue.me(), &digests, &claims);
    let signature = venue
        .signer
        .sign_hash_sync(&digest)
        .map_err(|error| StepError::again("sign the batch", &error))?;
    let assessor_seal =
        [registry::ON_CHAIN_ASSESSOR.as_slice(), &signature.as_bytes()].concat().into();
    let requests = orders.iter().map(|open| SlimRequest::from(&open.order.request)).collect();
    Ok(Some(FulfillmentBatch { requests, fills, assessor_seal, prover: venue.me() }))
}

fn fill(open: &OpenOrder) -> Option<Fulfillment> {
    let Standing::Sealed(run, Sealed { proven, seal }) = &open.order.standing else { return None };
    let requirements = &open.order.request.requirements;
    let bare = matches!(requirements.predicate, Predicate::ClaimDigestMatch(_))
        && requirements.callback.addr.is_zero();
    let data = if bare {
        FulfillmentData::None
    } else {
        FulfillmentData::ImageIdAndJournal(run.image_id, run.journal.clone())
    };
    Some(Fulfillment { claim_digest: proven.claim, data, seal: seal.clone() })
}

/// Takes the signatures out of the seals and puts the root that they are over in front, where all
/// were sealed together and that is cheaper.
fn take_root(venue: &Venue, batch: &mut FulfillmentBatch) -> Result<Option<SignedRoot>, StepError> {
    if batch.fills.len() < ROOT_FROM {
        return Ok(None);
    }
    let read = |fill: &Fulfillment| -> Result<(B256, AttestedSeal), StepError> {
        let seal = AttestedSeal::decode(&fill.seal);
        let seal = seal.map_err(|error| StepError::again("read our own seal", &error))?;
        Ok((merkle::fold(merkle::leaf(fill.claim_digest), &seal.path), seal))
    };
    let seals: Vec<_> = batch.fills.iter().map(read).collect::<Result<_, _>>()?;
    let Some((root, first)) = seals.first() else { return Ok(None) };
    if seals.iter().any(|(other, _)| other != root) {
        return Ok(None);
    }
    let seal: Bytes = [registry::ATTESTED_VERIFIER.as_slice(), &first.signatures].concat().into();
    let root = SignedRoot { set_verifier: venue.attester_domain.verifier, root: *root, seal };
    for (fill, (_, seal)) in batch.fills.iter_mut().zip(seals) {
        fill.seal = AttestedSeal { signatures: Bytes::new(), ..seal }.encode();
    }
    Ok(Some(root))
}
