use super::*;
use crate::bindings::Market as abi;
use alloy::primitives::{FixedBytes, U256};
use alloy::sol_types::SolEvent;
use expect_test::expect;

fn a_request(predicate_type: u8) -> abi::ProofRequest {
    abi::ProofRequest {
        id: U256::from_be_slice(Address::repeat_byte(0x11).as_slice()) << 32 | U256::from(7),
        requirements: abi::Requirements {
            callback: abi::Callback { addr: Address::ZERO, gasLimit: Default::default() },
            predicate: abi::Predicate { predicateType: predicate_type, data: vec![3; 64].into() },
            selector: FixedBytes::ZERO,
        },
        imageUrl: "https://host/program.elf".to_owned(),
        input: abi::Input { inputType: 0, data: vec![0, 1].into() },
        offer: abi::Offer {
            minPrice: U256::from(1),
            maxPrice: U256::from(2),
            rampUpStart: 3,
            rampUpPeriod: 4,
            lockTimeout: 5,
            timeout: 6,
            lockCollateral: U256::from(7),
        },
    }
}

fn locked(predicate_type: u8) -> LogData {
    let request = a_request(predicate_type);
    abi::RequestLocked {
        requestId: request.id,
        prover: Address::repeat_byte(0x22),
        request,
        clientSignature: vec![9; 65].into(),
    }
    .encode_log_data()
}

#[test]
fn a_request_arrives_in_the_protocols_types() {
    let MarketEvent::RequestLocked { prover, request } = MarketEvent::decode(&locked(0)) else {
        panic!("a lock is a lock")
    };
    assert_eq!(prover, Address::repeat_byte(0x22));
    assert_eq!(request.request.id, RequestId::new(Address::repeat_byte(0x11), 7));
    assert_eq!(request.request.offer.max_price, Wei::from(2));
    assert_eq!(request.signature, Bytes::from(vec![9; 65]));
    // The way back gives the bytes that came.
    let back = AbiRequest::from(&request.request).abi_encode();
    assert_eq!(back, a_request(0).abi_encode());
}

#[test]
fn logs_that_are_no_events_are_malformed_and_say_why() {
    let good = locked(0);
    let cut = LogData::new_unchecked(good.topics().to_vec(), good.data.slice(..200));
    let foreign = LogData::new_unchecked(vec![B256::repeat_byte(1)], Bytes::new());
    let bare = LogData::new_unchecked(vec![], Bytes::new());
    let table: String = [locked(7), cut, foreign, bare]
        .iter()
        .map(|log| match MarketEvent::decode(log) {
            MarketEvent::Malformed { reason, .. } => reason + "\n",
            other => panic!("{other:?}"),
        })
        .collect();
    expect![[r#"
        predicate type 7 is unknown; 0 is DigestMatch, 1 PrefixMatch, 2 ClaimDigestMatch
        not an event of the market: ABI decoding failed: buffer overrun while deserializing
        not an event of the market: could not decode MarketEvents from log: LogData { topics: [0x0101010101010101010101010101010101010101010101010101010101010101], data: 0x }
        not an event of the market: could not decode MarketEvents from log: LogData { topics: [], data: 0x }
    "#]].assert_eq(&table);
}

#[test]
fn what_is_said_of_a_log_is_short_however_long_it_is() {
    let long = LogData::new_unchecked(vec![B256::repeat_byte(1)], vec![7; 1 << 20].into());
    let MarketEvent::Malformed { reason, .. } = MarketEvent::decode(&long) else { panic!() };
    assert!(reason.starts_with("not an event of the market") && reason.len() <= 300, "{reason}");
}

#[test]
fn a_failed_payment_says_why() {
    let id = U256::from(7);
    let reason = alloy::sol_types::SolError::abi_encode(&abi::RequestIsFulfilled { requestId: id });
    let log = abi::PaymentRequirementsFailed { reason: reason.into() }.encode_log_data();
    let expected = MarketRevert::RequestIsFulfilled(RequestId::try_from(id).unwrap());
    assert_eq!(MarketEvent::decode(&log), MarketEvent::PaymentFailed(Box::new(expected)));
}
