//! Every door for bytes from outside, beaten with mutations of what is valid: none may panic, and
//! what comes through must come through again.
//!
//! Each target runs for `RIALTO_FUZZ_SECONDS`, a fifth of a second unless that is set. The mutations
//! follow from `RIALTO_FUZZ_SEED` and a number; a failure names both.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]

mod market;
mod mutation;

use alloy::sol_types::SolValue;
use mutation::{Mutation, beat};
use rialto_artifacts::ArtifactId;
use rialto_chain::{MarketRevert, Network};
use rialto_node::requestor_lists::RequestorList;
use rialto_node::{Directive, Grouping, Settings, Sought};
use rialto_protocol::attestation::{
    AttestationRefusal, AttestationRequest, AttestationResponse, AttestedSeal, AttesterDomain,
    ClaimedProof, RefusalCode,
};
use rialto_protocol::{
    ClaimDigest, Collateral, Cycles, Fulfillment, FulfillmentData, ImageId, Journal, ProofRequest,
    RequestId, Unverified, Usd, Wei, abi, claim_digest, guest_env,
};
use rialto_zkvm::mock::{MockRun, MockZkvm};
use rialto_zkvm::{ExecutionLimits, ProofKind, ProofVerifier, Zkvm};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::ops::ControlFlow;
use std::str::FromStr;

/// A text that is read must be shown as a text that reads the same.
fn settles<T: FromStr + PartialEq + Debug>(text: &str, show: impl Fn(&T) -> String) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(show(&value).parse::<T>().ok(), Some(value), "{text:?}");
    }
}

#[test]
fn configurations() {
    let own = "[market]\npricing_overrides = { by_requestor = { \
               \"0x1111111111111111111111111111111111111111\" = \"1 wei\" } }\n\
               gas_priority_mode = { custom = { priority_fee_percentile = 12.5 } }\n\
               [[venue]]\nname = \"v\"\nnetwork = \"v.json\"\n[venue.market]\nmin_deadline = 7\n";
    let words =
        ["[market]", "[[venue]]", "= \"1 USD\"", "\u{feff}", "1e999", "-1", "'''", "{ a = "];
    beat("configurations", &[&Settings::example(), own], &words, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(checked) = Settings::parse(text) {
            assert!(checked.settings.changes(&checked.settings).is_empty());
        }
    });
}

#[test]
fn amounts_and_names() {
    let seeds = [
        "1 ETH",
        "0.000000000000000001 ETH",
        "10 ZKC",
        "5 RCT",
        "2.5 USD",
        "7 wei",
        "12 gwei",
        "0x1111111111111111111111111111111111111111#7",
        "0x0000000000000000000000000000000000000000000000000000000000000001",
    ];
    let words = [
        "0",
        ".",
        "e",
        " ",
        "-",
        "+",
        "115792089237316195423570985008687907853269984665640564039457584007913129639936",
    ];
    beat("amounts and names", &seeds, &words, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        settles::<Wei>(text, |wei| format!("{} wei", wei.0));
        settles::<RequestId>(text, ToString::to_string);
        let _ = text.parse::<Collateral>();
        let _ = text.parse::<Usd>();
        let _ = text.parse::<Sought>();
        settles::<ArtifactId>(text, ToString::to_string);
        settles::<Directive>(text, ToString::to_string);
        let _ = text.parse::<Grouping>();
    });
}

#[test]
fn requestor_lists() {
    let list = r#"{ "name": "A list", "description": "Who asks", "schemaVersion": { "major": 1, "minor": 2 },
        "version": { "major": 3, "minor": 4 }, "requestors": [ { "address": "0x1111111111111111111111111111111111111111",
        "chainId": 8453, "name": "one", "tags": ["a"], "extensions": { "priority": { "level": 9 },
        "requestEstimates": { "estimatedMcycleCountMin": 1, "estimatedMcycleCountMax": 2 } } } ] }"#;
    let words = ["{", "[", "null", "1e99", "\"\\u0000\"", "-1", "18446744073709551616"];
    beat("requestor lists", &[list], &words, |bytes| drop(RequestorList::parse(bytes)));
}

#[test]
fn network_files() {
    let words = ["{", "null", "\"0x\"", "-1", "18446744073709551616", "\"file:///\""];
    let network = serde_json::to_string(&market::network()).unwrap();
    beat("network files", &[&network], &words, |bytes| {
        drop(serde_json::from_slice::<Network>(bytes));
    });
}

#[test]
fn seals_and_inputs() {
    let seal = AttestedSeal { path: vec![[1; 32].into(); 3], signatures: vec![7; 130].into() };
    let mutation = Mutation::of_words(32);
    mutation.beat("seals", &[&seal.encode(), &[]], |bytes| {
        if let Ok(seal) = AttestedSeal::decode(bytes) {
            assert_eq!(AttestedSeal::decode(&seal.encode()).ok(), Some(seal));
        }
    });
    mutation.beat("inputs", &[&guest_env::encode(b"hello")], |bytes| {
        if let Ok(stdin) = guest_env::decode(bytes) {
            assert_eq!(guest_env::decode(&guest_env::encode(&stdin)).ok(), Some(stdin));
        }
    });
}

#[test]
fn attesters_and_those_who_ask_them() {
    let domain = AttesterDomain { chain_id: 31_337, verifier: [0xaa; 20].into() };
    let claim = ClaimedProof {
        proof: [1; 32].into(),
        image_id: ImageId([2; 32].into()),
        claim_digest: ClaimDigest([3; 32].into()),
    };
    let request = AttestationRequest { domain, claims: vec![claim; 2] };
    let response = AttestationResponse {
        root: [4; 32].into(),
        signature: vec![7; 65].into(),
        attester: [5; 20].into(),
    };
    let refusal = AttestationRefusal {
        code: RefusalCode::ClaimMismatch,
        reason: "another claim".into(),
        index: Some(1),
    };
    let words = ["0x", "null", "-1", "18446744073709551616", "{", "[", "\"\\ud800\""];
    let seeds = [
        serde_json::to_string(&request).unwrap(),
        serde_json::to_string(&response).unwrap(),
        serde_json::to_string(&refusal).unwrap(),
    ];
    beat("attestations", &seeds.each_ref().map(String::as_str), &words, |bytes| {
        again::<AttestationRequest>(bytes);
        again::<AttestationResponse>(bytes);
        again::<AttestationRefusal>(bytes);
    });
}

/// JSON that is read is written as JSON that reads the same.
fn again<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(bytes) {
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<T>(&text).ok(), Some(value));
    }
}

#[test]
fn what_is_said_to_be_a_proof() {
    let echo = |stdin: &[u8]| Ok(MockRun { segments: vec![Cycles(1)], journal: stdin.to_vec() });
    let zkvm = MockZkvm::new().with_program("echo", echo);
    let limits = ExecutionLimits {
        cycles_max: Cycles(1),
        memory_max_bytes: 1 << 20,
        journal_max_bytes: 1 << 10,
    };
    let go_on = &mut |_| ControlFlow::Continue(());
    let proof = zkvm.prove(b"echo", b"hello", &limits, ProofKind::Composite, go_on).unwrap();
    Mutation::of_words(8).beat("proofs", &[&proof, &[]], |bytes| {
        if let Ok(claim) = zkvm.verify(bytes) {
            assert_eq!(claim.claim_digest, claim_digest(claim.image_id, &claim.journal));
        }
    });
}

#[test]
fn requests_and_fulfilments_in_calldata() {
    let request = abi::ProofRequest::from(&market::request().request).abi_encode();
    let journal = Journal(vec![1; 70].into());
    let fill = Fulfillment {
        claim_digest: claim_digest(ImageId([2; 32].into()), &journal),
        data: FulfillmentData::ImageIdAndJournal(ImageId([2; 32].into()), journal),
        seal: vec![9; 100].into(),
    };
    let fill = abi::Fulfillment::from(&fill).abi_encode();
    Mutation::of_words(32).beat("calldata", &[&request, &fill], |bytes| {
        if let Ok(decoded) = abi::ProofRequest::abi_decode(bytes)
            && let Ok(request) = ProofRequest::try_from(decoded)
        {
            let encoded = abi::ProofRequest::from(&request).abi_encode();
            let back = abi::ProofRequest::abi_decode(&encoded).unwrap();
            assert_eq!(ProofRequest::try_from(back).ok(), Some(request));
        }
        if let Ok(decoded) = abi::Fulfillment::abi_decode(bytes)
            && let Ok(fill) = Fulfillment::try_from(decoded)
        {
            let encoded = abi::Fulfillment::from(&fill).abi_encode();
            let back = abi::Fulfillment::abi_decode(&encoded).unwrap();
            assert_eq!(Fulfillment::try_from(back).ok(), Some(fill));
        }
    });
}

#[test]
fn logs_and_reverts_of_the_market() {
    let logs = market::logs();
    assert!(logs.len() >= 3, "the market has said too little to mutate: {}", logs.len());
    let mutation = Mutation::of_words(32);
    let encoded: Vec<Vec<u8>> = logs.iter().map(market::flat).collect();
    let encoded: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
    mutation.beat("logs", &encoded, |bytes| drop(market::read(bytes)));
    mutation.beat("reverts", &encoded, |bytes| drop(MarketRevert::decode(bytes).to_string()));
}

#[test]
fn requests_that_claim_to_be_signed() {
    let request = serde_json::to_string(&market::request()).unwrap();
    let words = ["0x", "null", "-1", "18446744073709551616", "\"file:///\"", "{", "PrefixMatch"];
    beat("requests", &[&request], &words, |bytes| {
        if let Ok(request) = serde_json::from_slice::<Unverified>(bytes) {
            drop(request.verify(&market::domain()));
        }
    });
}
