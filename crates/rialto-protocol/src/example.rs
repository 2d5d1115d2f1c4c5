//! A request that tests and measurements vary.

use crate::{
    Callback, Collateral, ImageId, Input, Offer, Predicate, ProofRequest, RequestId, Requirements,
    Timestamp, Wei, guest_env, registry,
};
use alloy_primitives::{Address, B256, Bytes};

/// The first request of `client`: any journal of the program zero, priced from 0 to 100 wei over
/// [1000, 1100], to be locked until 1200 for 60 units of collateral, and to be proven until 1300.
pub fn request(client: Address) -> ProofRequest {
    ProofRequest {
        id: RequestId::new(client, 1),
        requirements: Requirements {
            callback: Callback::default(),
            predicate: Predicate::PrefixMatch {
                image_id: ImageId(B256::ZERO),
                prefix: Bytes::new(),
            },
            selector: registry::DEFAULT,
        },
        image_url: "https://host/program".into(),
        input: Input::Inline(guest_env::encode(b"in")),
        offer: Offer {
            min_price: Wei::ZERO,
            max_price: Wei::from(100),
            ramp_up_start: Timestamp(1_000),
            ramp_up_period: 100,
            lock_timeout: 200,
            timeout: 300,
            lock_collateral: Collateral::from(60),
        },
    }
}
