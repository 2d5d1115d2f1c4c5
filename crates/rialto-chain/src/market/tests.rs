use super::*;
use crate::bindings::Market as abi;
use alloy::primitives::U256;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolError, SolValue};
use rialto_protocol::{
    ClaimDigest, Fulfillment, FulfillmentBatch, FulfillmentData, ImageId, Input, Journal, Offer,
    Predicate, ProofRequest, Requirements, SignedRequest, SlimRequest, Unverified,
};

fn market() -> Market {
    Market {
        endpoint: Endpoint::offline(31_337),
        address: Address::repeat_byte(0x4d),
        router: Address::repeat_byte(0x52),
        collateral_token: Address::repeat_byte(0x54),
    }
}

fn signed(input: Input) -> SignedRequest {
    let client = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
    let request = ProofRequest {
        id: RequestId::new(client.address(), 3),
        requirements: Requirements {
            callback: Default::default(),
            predicate: Predicate::PrefixMatch {
                image_id: ImageId(B256::repeat_byte(1)),
                prefix: vec![2; 40].into(),
            },
            selector: Default::default(),
        },
        image_url: "https://host/program.elf".to_owned(),
        input,
        offer: Offer {
            min_price: Wei::from(1),
            max_price: Wei::from(2),
            ramp_up_start: Timestamp(1_700_000_000),
            ramp_up_period: 10,
            lock_timeout: 20,
            timeout: 30,
            lock_collateral: Collateral::from(4),
        },
    };
    let digest = market().domain().request_digest(&request);
    let signature = client.sign_hash_sync(&digest.0).unwrap().as_bytes().to_vec().into();
    Unverified { request, signature }.verify(&market().domain()).unwrap()
}

fn batches() -> Vec<FulfillmentBatch> {
    let request = signed(Input::Inline(vec![0, 9].into()));
    let fill = |data| Fulfillment {
        claim_digest: ClaimDigest(B256::repeat_byte(5)),
        data,
        seal: vec![6; 37].into(),
    };
    let known = FulfillmentData::ImageIdAndJournal(
        ImageId(B256::repeat_byte(1)),
        Journal(vec![2; 41].into()),
    );
    vec![FulfillmentBatch {
        requests: vec![SlimRequest::from(request.request()); 2],
        fills: vec![fill(known), fill(FulfillmentData::None)],
        assessor_seal: vec![8; 69].into(),
        prover: Address::repeat_byte(0x50),
    }]
}

/// The generated bindings read what the protocol's types wrote, and would write the same.
fn check<C: SolCall>(call: Call) -> C {
    let decoded = C::abi_decode_validate(&call.data).unwrap();
    assert_eq!(decoded.abi_encode(), call.data, "{}", C::SIGNATURE);
    assert_eq!(call.to, Some(market().address()), "{}", C::SIGNATURE);
    decoded
}

#[test]
fn calls_are_encoded_as_the_market_reads_them() {
    let market = market();
    let inline = signed(Input::Inline(vec![0, 1, 2].into()));
    let by_url = signed(Input::Url("https://host/input".to_owned()));
    let submit = market.submit_request(&inline.clone().into_unverified(), Wei::from(5));
    assert_eq!(submit.value, Wei::from(5));
    let submitted = check::<abi::submitRequestCall>(submit);
    assert_eq!(submitted.request.id, inline.request().id.to_u256());
    let locked = check::<abi::lockRequestCall>(market.lock_request(&by_url));
    assert_eq!(locked.request.input.inputType, 1);
    assert_eq!(locked.clientSignature, *by_url.signature());
    check::<abi::lockRequestWithSignatureCall>(
        market.lock_request_with_signature(&inline, vec![1; 65].into()),
    );
    let fulfilled = check::<abi::fulfillCall>(market.fulfill(&batches()));
    assert_eq!(fulfilled.fulfillmentBatches[0].fills.len(), 2);
    check::<abi::fulfillAndWithdrawCall>(market.fulfill_and_withdraw(&batches()));
    check::<abi::priceAndFulfillCall>(market.price_and_fulfill(&[inline, by_url], &batches()));
    let root = SignedRoot {
        set_verifier: Address::repeat_byte(3),
        root: B256::repeat_byte(4),
        seal: vec![5; 69].into(),
    };
    check::<abi::submitRootAndFulfillCall>(market.submit_root_and_fulfill(&root, &batches()));
    check::<abi::slashCall>(market.slash(RequestId::new(Address::repeat_byte(1), 2)));
}

#[test]
fn the_commitment_is_the_hash_of_the_calls_arguments() {
    let call = market().fulfill(&batches());
    let expected = alloy::primitives::keccak256(&call.data[4..]);
    assert_eq!(rialto_protocol::commitment(&batches()), expected);
}

#[test]
fn payment_errors_are_taken_apart_in_order() {
    let locked = abi::RequestIsLocked { requestId: U256::from(7) };
    let returned = (vec![Bytes::new(), locked.abi_encode().into()],).abi_encode_params();
    let id = RequestId::try_from(U256::from(7)).unwrap();
    let failed = Payment::Failed(Box::new(MarketRevert::RequestIsLocked(id)));
    assert_eq!(payments(&returned).unwrap(), [Payment::Paid, failed]);
    assert!(matches!(payments(&[1, 2, 3]), Err(MarketError::UnexpectedAnswer { .. })));
}
