//! Every door for bytes from outside, beaten with mutations of what is valid: none may panic, and
//! what comes through must come through again.
//!
//! Each target runs for `RIALTO_FUZZ_SECONDS`, a fifth of a second unless that is set. The mutations
//! follow from `RIALTO_FUZZ_SEED` and a number; a failure names both.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]

mod market;
mod mutation;

use mutation::{Mutation, beat};
use rialto_chain::{MarketRevert, Network};
use rialto_node::requestor_lists::RequestorList;
use rialto_node::{Settings, Sought};
use rialto_protocol::attestation::AttestedSeal;
use rialto_protocol::{Collateral, RequestId, Unverified, Usd, Wei, guest_env};
use std::fmt::Debug;
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
