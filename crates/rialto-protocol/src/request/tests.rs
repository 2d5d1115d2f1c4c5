use super::*;
use alloy_primitives::{U256, address, b256, hex};
use expect_test::expect;
use proptest::prelude::*;

/// The request of the published sample, with a key of our own as the client.
fn request() -> ProofRequest {
    serde_json::from_str(include_str!("sample.json")).unwrap()
}

fn domain() -> MarketDomain {
    MarketDomain { chain_id: 8453, market: address!("fd152dadc5183870710fe54f939eae3ab9f0fe82") }
}

#[test]
fn json_is_the_form_that_order_streams_exchange() {
    let text = include_str!("sample.json");
    let again = serde_json::to_string_pretty(&request()).unwrap();
    assert_eq!(again.trim(), text.trim());
}

#[test]
fn unknown_fields_and_malformed_predicates_are_refused() {
    let text = include_str!("sample.json");
    let parse = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} is in the sample");
        serde_json::from_str::<ProofRequest>(&text.replace(from, to)).unwrap_err().to_string()
    };
    expect!["unknown field `imageURL`, expected one of `id`, `requirements`, `imageUrl`, `input`, `offer` at line 14 column 12"]
        .assert_eq(&parse("\"imageUrl\"", "\"imageURL\""));
    expect![
        "ClaimDigestMatch data is 64 bytes; it must be 32: the claim digest at line 11 column 5"
    ]
    .assert_eq(&parse("DigestMatch", "ClaimDigestMatch"));
}

fn sign(request: &ProofRequest, domain: &MarketDomain) -> Bytes {
    let key = k256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let digest = domain.request_digest(request);
    let (signature, parity) = key.sign_prehash_recoverable(digest.0.as_slice()).unwrap();
    Signature::from((signature, parity)).as_bytes().into()
}

fn our_client() -> Address {
    Address::from_public_key(k256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap().verifying_key())
}

fn ours() -> ProofRequest {
    ProofRequest { id: RequestId::new(our_client(), 7), ..request() }
}

#[test]
fn the_door_opens_for_the_client_alone() {
    let signature = sign(&ours(), &domain());
    let signed = Unverified { request: ours(), signature: signature.clone() };
    let verified = signed.clone().verify(&domain()).unwrap();
    assert_eq!(verified.digest(), domain().request_digest(&ours()));
    assert_eq!(verified.into_unverified(), signed);

    let refusal = |request: ProofRequest, signature: Bytes, domain: MarketDomain| {
        Unverified { request, signature }.verify(&domain).unwrap_err()
    };
    let stranger = ProofRequest { id: RequestId::new(Address::repeat_byte(1), 7), ..request() };
    let other_chain = MarketDomain { chain_id: 1, ..domain() };
    let mut changed = ours();
    changed.offer.max_price.0 += U256::from(1);
    for wrong in [
        refusal(stranger, signature.clone(), domain()),
        refusal(ours(), signature.clone(), other_chain),
        refusal(changed, signature.clone(), domain()),
    ] {
        assert!(matches!(wrong, RequestRejected::WrongSigner { .. }), "{wrong:?}");
    }
    let mut parity = signature.to_vec();
    parity[64] -= 27;
    let mut high_s = signature.to_vec();
    let n = U256::from_be_bytes(hex!(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
    ));
    let s = U256::from_be_slice(&high_s[32..64]);
    high_s[32..64].copy_from_slice(&(n - s).to_be_bytes::<32>());
    high_s[64] ^= 7;
    let reasons: String = [Vec::new(), signature[1..].to_vec(), parity, high_s]
        .into_iter()
        .map(|bytes| format!("{}\n", refusal(ours(), bytes.into(), domain())))
        .collect();
    expect![[r#"
        the signature is malformed (it is empty); it must be 65 bytes r, s, v with a low s and v 27 or 28
        the signature is malformed (it is not 65 bytes long); it must be 65 bytes r, s, v with a low s and v 27 or 28
        the signature is malformed (its last byte is neither 27 nor 28); it must be 65 bytes r, s, v with a low s and v 27 or 28
        the signature is malformed (its s is in the upper half); it must be 65 bytes r, s, v with a low s and v 27 or 28
    "#]]
    .assert_eq(&reasons);
}

#[test]
fn a_contract_client_is_left_for_the_chain_to_ask() {
    let request =
        ProofRequest { id: RequestId::new(our_client(), 7).with_contract_signature(), ..request() };
    assert!(Unverified { request, signature: Bytes::new() }.verify(&domain()).is_ok());
}

#[test]
fn requests_without_a_client_or_a_program_are_refused() {
    let nobody = ProofRequest { id: RequestId::new(Address::ZERO, 1), ..request() };
    assert_eq!(nobody.check(), Err(RequestRejected::NoClient));
    for url in ["", "program.elf", "://host", "https://"] {
        let request = ProofRequest { image_url: url.into(), ..request() };
        assert_eq!(request.check(), Err(RequestRejected::ImageUrl(url.into())));
    }
}

#[test]
fn published_digests() {
    let separator = b256!("9a12073b41e4f815ee99d0bd899eff082991a9634e637181204f852376d71a87");
    assert_eq!(domain().separator(), separator);
    let digest = b256!("32e9170807f21b048ce1965b01e9442d42004e1854025efb2cae2c191425e755");
    assert_eq!(domain().request_digest(&request()).0, digest);
    let lock = b256!("5764044d23f4608aaaf6db11b2ccb86eb9320fc54b3c72067628000d04897852");
    assert_eq!(domain().lock_digest(&request()), lock);
    assert_eq!(domain().slim_digest(&(&request()).into()).0, digest);
}

proptest! {
    /// Bytes that did not come from the client never pass, and never panic.
    #[test]
    fn random_signatures_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let unverified = Unverified { request: ours(), signature: bytes.into() };
        prop_assert!(unverified.verify(&domain()).is_err());
    }
}
