//! Where a request stands, derived from its offer, what happened to it, and the time.
//!
//! The market's own state machine (`rialto_protocol::lifecycle`) does the deriving; here its
//! states get the words that a requester needs.

use crate::show::eth;
use alloy::primitives::Address;
use rialto_chain::{LogPosition, MarketEvent};
use rialto_protocol::lifecycle::{Lock, RequestEvent, RequestState};
use rialto_protocol::{Offer, RequestDigest, Timestamp, Wei};
use serde::Serialize;

/// A word for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// Bidding has not started.
    Upcoming,
    /// It can be locked.
    Open,
    /// A prover is at work.
    Locked,
    /// The lock lapsed, or nobody locked: whoever proves first delivers.
    Race,
    /// A proof has been delivered.
    Delivered,
    /// No proof came, and none is accepted any more.
    Expired,
}

/// Where a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// For machines.
    pub(crate) word: Word,
    /// For people.
    pub(crate) sentence: String,
    /// Who locked.
    pub(crate) locked_by: Option<Address>,
    /// Who delivered first.
    pub(crate) delivered_by: Option<Address>,
    /// What the client paid, once it is settled.
    pub(crate) paid: Option<Wei>,
}

impl Word {
    /// Whether waiting longer changes nothing for the requester.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Delivered | Self::Expired)
    }
}

impl Standing {
    /// The standing at `now` of the request `digest` with `offer`.
    pub(crate) fn of(
        offer: &Offer,
        digest: RequestDigest,
        events: &[(LogPosition, MarketEvent)],
        now: Timestamp,
    ) -> Self {
        let mut state = RequestState::Open;
        let mut locked_by = None;
        let mut delivered_by = None;
        let mut paid = None;
        for (at, event) in events {
            let happened = match event {
                MarketEvent::RequestLocked { prover, .. } => {
                    locked_by = Some(*prover);
                    RequestEvent::Lock { prover: *prover, at: at.timestamp }
                }
                MarketEvent::ProofDelivered { prover, digest: of, .. } if *of == digest => {
                    delivered_by.get_or_insert(*prover);
                    RequestEvent::Deliver { prover: *prover, at: at.timestamp }
                }
                MarketEvent::ProverSlashed { .. } => RequestEvent::Slash { at: at.timestamp },
                _ => continue,
            };
            // What the market let happen is in its rules; what is not changes nothing here.
            let Ok(applied) = state.apply(offer, happened) else { continue };
            paid = payment(&state, &applied.state, offer, at.timestamp).or(paid);
            state = applied.state;
        }
        let (word, sentence) = words(&state, delivered_by, offer, now);
        Self { word, sentence, locked_by, delivered_by, paid }
    }
}

/// What the step from one state to the next cost the client.
fn payment(
    before: &RequestState,
    after: &RequestState,
    offer: &Offer,
    at: Timestamp,
) -> Option<Wei> {
    match (before, after) {
        (
            RequestState::Locked(lock) | RequestState::DeliveredToClient(lock),
            RequestState::PaidInLock { .. },
        ) => Some(lock.price),
        (_, RequestState::PaidInRace { .. }) => Some(Wei::ZERO),
        (_, RequestState::PaidUnlocked { .. }) => Some(offer.price_at(at)),
        _ => None,
    }
}

fn words(
    state: &RequestState,
    delivered_by: Option<Address>,
    offer: &Offer,
    now: Timestamp,
) -> (Word, String) {
    let left_s = |until: Timestamp| now.seconds_until(until);
    let lock_left_s = left_s(offer.lock_deadline());
    let race_left_s = left_s(offer.deadline());
    let expired = now > offer.deadline();
    let in_lock = now <= offer.lock_deadline();
    match state {
        RequestState::Open if now < offer.ramp_up_start => {
            let starts_s = left_s(offer.ramp_up_start);
            let min = eth(offer.min_price);
            (Word::Upcoming, format!("bidding starts at {min} in {starts_s} s"))
        }
        RequestState::Open if in_lock => {
            let (price, max) = (eth(offer.price_at(now)), eth(offer.max_price));
            let sentence = format!("open at {price} of {max}, {lock_left_s} s left to lock");
            (Word::Open, sentence)
        }
        RequestState::Open if !expired => {
            (Word::Race, format!("nobody locked it; open for {race_left_s} s more, unpaid"))
        }
        RequestState::Open => (Word::Expired, "expired: nobody took it".to_owned()),
        RequestState::Locked(Lock { prover, price, .. }) if in_lock => {
            let price = eth(*price);
            (Word::Locked, format!("locked by {prover} at {price}, due in {lock_left_s} s"))
        }
        RequestState::Locked(Lock { prover, .. }) if !expired => {
            let sentence =
                format!("{prover} missed its deadline; open to all for {race_left_s} s more");
            (Word::Race, sentence)
        }
        RequestState::Locked(Lock { prover, .. }) => {
            (Word::Expired, format!("expired: {prover} locked it and did not deliver"))
        }
        RequestState::DeliveredToClient(Lock { prover, .. }) => {
            let sentence = format!("delivered; {prover}, who holds the lock, is not paid yet");
            (Word::Delivered, sentence)
        }
        RequestState::PaidInLock { prover } => {
            (Word::Delivered, format!("delivered by {prover}, who was paid"))
        }
        RequestState::PaidInRace { lock, winner } => {
            let late = lock.prover;
            let sentence =
                format!("delivered by {winner} after {late} missed its deadline; you paid nothing");
            (Word::Delivered, sentence)
        }
        RequestState::PaidUnlocked { prover } => {
            (Word::Delivered, format!("delivered by {prover} without a lock"))
        }
        RequestState::Slashed { locker } => match delivered_by {
            Some(prover) => {
                let sentence =
                    format!("delivered by {prover}; {locker} lost its collateral for being late");
                (Word::Delivered, sentence)
            }
            None => {
                let sentence = format!("expired: {locker} did not deliver and lost its collateral");
                (Word::Expired, sentence)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::B256;
    use expect_test::expect;
    use rialto_chain::{BlockNumber, BlockRef};
    use rialto_protocol::{
        Callback, ClaimDigest, Collateral, Fulfillment, FulfillmentData, Input, Predicate,
        ProofRequest, RequestId, Requirements, Selector, Unverified,
    };

    fn offer() -> Offer {
        Offer {
            min_price: Wei::from(1_000_000_000_000_000),
            max_price: Wei::from(3_000_000_000_000_000),
            ramp_up_start: Timestamp(100),
            ramp_up_period: 20,
            lock_timeout: 50,
            timeout: 100,
            lock_collateral: Collateral::from(2),
        }
    }

    fn request() -> ProofRequest {
        ProofRequest {
            id: RequestId::new(Address::repeat_byte(9), 1),
            requirements: Requirements {
                callback: Callback::default(),
                predicate: Predicate::ClaimDigestMatch(ClaimDigest(B256::ZERO)),
                selector: Selector::ZERO,
            },
            image_url: "https://host/program".into(),
            input: Input::Inline(Default::default()),
            offer: offer(),
        }
    }

    fn at(timestamp: u64) -> LogPosition {
        LogPosition {
            block: BlockRef { number: BlockNumber(timestamp), hash: B256::ZERO },
            timestamp: Timestamp(timestamp),
            tx_hash: B256::ZERO,
            log_index: 0,
        }
    }

    const DIGEST: RequestDigest = RequestDigest(B256::ZERO);

    fn locked(by: u8) -> MarketEvent {
        let request = Unverified { request: request(), signature: Default::default() };
        MarketEvent::RequestLocked { prover: Address::repeat_byte(by), request: Box::new(request) }
    }

    fn delivered(by: u8) -> MarketEvent {
        let fulfillment = Fulfillment {
            claim_digest: ClaimDigest(B256::ZERO),
            data: FulfillmentData::None,
            seal: Default::default(),
        };
        MarketEvent::ProofDelivered {
            id: request().id,
            prover: Address::repeat_byte(by),
            digest: DIGEST,
            fulfillment: Box::new(fulfillment),
        }
    }

    fn slashed() -> MarketEvent {
        MarketEvent::ProverSlashed {
            id: request().id,
            burned: Collateral::from(1),
            transferred: Collateral::from(1),
            recipient: Address::ZERO,
        }
    }

    #[test]
    fn every_standing_has_its_words() {
        let lock = || (at(110), locked(1));
        type Case = (&'static str, Vec<(LogPosition, MarketEvent)>, u64);
        let cases: [Case; 12] = [
            ("before the start", vec![], 90),
            ("on the ramp", vec![], 110),
            ("nobody locked", vec![], 160),
            ("nobody came", vec![], 201),
            ("locked", vec![lock()], 120),
            ("lapsed", vec![lock()], 160),
            ("never delivered", vec![lock()], 201),
            ("paid", vec![lock(), (at(120), delivered(1))], 130),
            ("another was faster", vec![lock(), (at(120), delivered(2))], 130),
            ("race", vec![lock(), (at(160), delivered(2))], 170),
            ("race, slashed", vec![lock(), (at(160), delivered(2)), (at(210), slashed())], 220),
            ("slashed", vec![lock(), (at(210), slashed())], 220),
        ];
        let rows: String = cases
            .iter()
            .map(|(name, events, now)| {
                let standing = Standing::of(&offer(), DIGEST, events, Timestamp(*now));
                let paid = standing.paid.map_or("-".into(), eth);
                let sentence = standing.sentence.replace("0101010101010101010101010101010101", "…");
                let sentence = sentence.replace("0202020202020202020202020202020202", "…");
                format!("{name}: {:?}, {paid}: {sentence}\n", standing.word)
            })
            .collect();
        expect![[r#"
            before the start: Upcoming, -: bidding starts at 0.001 ETH in 10 s
            on the ramp: Open, -: open at 0.002 ETH of 0.003 ETH, 40 s left to lock
            nobody locked: Race, -: nobody locked it; open for 40 s more, unpaid
            nobody came: Expired, -: expired: nobody took it
            locked: Locked, -: locked by 0x…010101 at 0.002 ETH, due in 30 s
            lapsed: Race, -: 0x…010101 missed its deadline; open to all for 40 s more
            never delivered: Expired, -: expired: 0x…010101 locked it and did not deliver
            paid: Delivered, 0.002 ETH: delivered by 0x…010101, who was paid
            another was faster: Delivered, -: delivered; 0x…010101, who holds the lock, is not paid yet
            race: Delivered, 0 ETH: delivered by 0x…020202 after 0x…010101 missed its deadline; you paid nothing
            race, slashed: Delivered, 0 ETH: delivered by 0x…020202; 0x…010101 lost its collateral for being late
            slashed: Expired, -: expired: 0x…010101 did not deliver and lost its collateral
        "#]].assert_eq(&rows);
    }
}
