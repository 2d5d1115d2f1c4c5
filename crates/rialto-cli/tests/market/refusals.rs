//! What strangers may send: each kind of nonsense gets its own answer from the node, and no lock.

use crate::world::{World, block};
use alloy::primitives::{B256, U256};
use expect_test::expect;
use rialto_node::{Entry, Event};
use rialto_protocol::{
    Input, MarketDomain, Predicate, ProofRequest, RequestDigest, Unverified, Wei, guest_env,
};
use std::collections::BTreeMap;

/// A bad request: its name here, and what is sent.
type Bad = (&'static str, Unverified, Wei);

#[tokio::test]
async fn every_kind_of_bad_request_gets_its_own_answer_and_no_lock() {
    let world = World::start().await;
    let cases = bad_requests(&world).await;
    let domain = world.market.domain();
    let names: BTreeMap<RequestDigest, &str> =
        cases.iter().map(|(name, bad, _)| (domain.request_digest(&bad.request), *name)).collect();
    for (_, bad, deposit) in cases.clone() {
        world.submit_signed(bad, deposit).await;
    }
    let mut answers = BTreeMap::new();
    let mut node = world.start_node();
    node.until_entry("every request is answered", |entry| {
        if let (Some(name), Some(answer)) =
            (entry.digest.and_then(|d| names.get(&d)), answer(entry))
        {
            answers.insert(*name, answer);
        }
        answers.len() == names.len()
    })
    .await;
    node.kill_9().await;
    let shown: String = answers.iter().map(|(name, said)| format!("{name}: {said}\n")).collect();
    expect![[r#"
        client cannot pay: the client has 0.00000000000000001 ETH in the market, the price is 9.223372 ETH
        input tampered with: the program refused its input: header 24666352: hash is … the header says …
        journal misses the predicate: the journal's SHA-256 is … the request wants …
        offer contradicts itself: the offer is not self-consistent: a lock lasts 5000 s but the request only 2000 s; lockTimeout must be at most timeout
        program is no program: the program is not an executable of this zkVM: it is not a 32-bit little-endian ELF file
        program outside the roots: /etc/passwd is refused: it is not below a directory that file URLs may read (see the setting of file roots)
        program too large: … the content is larger than the limit of 1000000 bytes
        program unreachable: http://127.0.0.1:1/program.elf: unreachable after 1 attempts: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)
        signature is another's: signed by … but the request id names client … the request was changed after signing, or signed by another key, or for another market or chain than … on chain 31337
        signed for another chain: signed by … but the request id names client … the request was changed after signing, or signed by another key, or for another market or chain than … on chain 31337
    "#]]
    .assert_eq(&shown);
    for (name, bad, _) in &cases {
        assert!(!world.market.is_locked(bad.request.id).await.unwrap(), "{name}");
    }
}

#[tokio::test]
async fn a_client_who_pays_a_moment_later_is_served() {
    let world = World::start().await;
    let request = world.good_request(1).await;
    let signature = world.sign(&world.market.domain(), &request);
    let price = request.offer.max_price;
    world.submit_signed(Unverified { request, signature }, Wei::ZERO).await;
    let mut node = world.start_node();
    let waits =
        |event: &Event| matches!(event, Event::Retrying { step, .. } if step.as_str() == "lock");
    let event = node.until("the client is found without money", waits).await;
    let Event::Retrying { reason, .. } = event else { unreachable!() };
    assert!(reason.contains("the client has 0 ETH in the market"), "{reason}");
    world.deposit(price).await;
    node.until("it is locked all the same", |event| matches!(event, Event::Locked { .. })).await;
    node.kill_9().await;
}

/// The refusal in an event, with what differs from run to run blotted out.
fn answer(entry: &Entry) -> Option<String> {
    let text = match &entry.event {
        Event::Ignored { reason } | Event::Skipped { reason, .. } => reason,
        _ => return None,
    };
    let words = text.split(' ').map(|word| {
        let varies = word.contains("0x") || word.contains("file://");
        if varies { "…".to_owned() } else { word.to_owned() }
    });
    Some(words.collect::<Vec<_>>().join(" "))
}

async fn bad_requests(world: &World) -> Vec<Bad> {
    world.write("big.elf", &vec![0; 1_000_001]);
    world.write("prose.elf", b"no program at all");
    let domain = world.market.domain();
    let deposit = Wei(U256::from(1));
    let mut cases = Vec::new();
    let mut index = 10;
    let mut add = async |name, change: &dyn Fn(&mut ProofRequest)| {
        index += 1;
        let mut request = world.good_request(index).await;
        change(&mut request);
        let signature = world.sign(&domain, &request);
        cases.push((name, Unverified { request, signature }, deposit));
    };
    add("offer contradicts itself", &|request| request.offer.lock_timeout = 5_000).await;
    add("program unreachable", &|request| {
        request.image_url = "http://127.0.0.1:1/program.elf".into();
    })
    .await;
    let outside = "file:///etc/passwd".to_owned();
    add("program outside the roots", &|request| request.image_url = outside.clone()).await;
    let big = world.file_url("big.elf");
    add("program too large", &|request| request.image_url = big.clone()).await;
    let prose = world.file_url("prose.elf");
    add("program is no program", &|request| request.image_url = prose.clone()).await;
    add("input tampered with", &|request| request.input = tampered()).await;
    add("journal misses the predicate", &|request| {
        let image_id = request.requirements.predicate.image_id().unwrap();
        request.requirements.predicate =
            Predicate::DigestMatch { image_id, journal_sha256: B256::repeat_byte(9) };
    })
    .await;
    add("client cannot pay", &|request| {
        request.offer.min_price = Wei(U256::from(1u64 << 62));
        request.offer.max_price = Wei(U256::from(1u64 << 63));
    })
    .await;
    let mut forged = world.good_request(1).await;
    let signature = world.sign(&domain, &forged);
    forged.offer.max_price.0 += U256::from(1);
    cases.push(("signature is another's", Unverified { request: forged, signature }, deposit));
    let request = world.good_request(2).await;
    let elsewhere = MarketDomain { chain_id: 1, ..domain };
    let signature = world.sign(&elsewhere, &request);
    cases.push(("signed for another chain", Unverified { request, signature }, deposit));
    cases
}

/// The example block with another state root.
fn tampered() -> Input {
    let mut block = block();
    block["stateRoot"] = format!("0x{}", "11".repeat(32)).into();
    let input = block_header_core::host::input_from_json(&[block]).unwrap();
    Input::Inline(guest_env::encode(&input))
}
