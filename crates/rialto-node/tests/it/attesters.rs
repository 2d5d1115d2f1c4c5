//! The node's side of attestation against real attesters.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::town::{Answer, Question, Town};
use alloy::primitives::{Address, B256, Bytes};
use alloy::signers::local::PrivateKeySigner;
use axum::http::StatusCode;
use expect_test::expect;
use rialto_artifacts::StoreConfig;
use rialto_attester::{AttesterConfig, ServedDomains, Verifier, serve};
use rialto_node::attesters::{
    Attested, Attester, AttesterFailure, Attesters, ProofToAttest, TooFewSignatures,
};
use rialto_protocol::attestation::{
    AttestationRequest, AttestationResponse, AttestedSeal, AttesterDomain, RefusalCode,
};
use rialto_protocol::{ClaimDigest, Cycles, merkle};
use rialto_zkvm::mock::{MockRun, MockZkvm};
use rialto_zkvm::{ExecutionLimits, ProofKind, ProofVerifier, Zkvm};
use tempfile::TempDir;
use tokio::net::TcpListener;

const DOMAIN: AttesterDomain =
    AttesterDomain { chain_id: 31337, verifier: Address::repeat_byte(0xaa) };
const PATIENCE: Duration = Duration::from_secs(20);

fn key(byte: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap()
}

/// An attester with key `byte` that serves `domain`, for as long as the test's runtime lives.
async fn attester(byte: u8, domain: AttesterDomain) -> (Attester, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let config = AttesterConfig::new(
        "127.0.0.1:0".parse().unwrap(),
        ServedDomains::Only(vec![domain]),
        StoreConfig::Memory,
        dir.path().join("signed.jsonl"),
    );
    let verifier = Verifier { zkvm: "mock".into(), port: Arc::new(MockZkvm::default()) };
    let serving = serve(config, key(byte), verifier, std::future::pending()).await.unwrap();
    let url = format!("http://{}", serving.address()).parse().unwrap();
    (Attester { url, address: key(byte).address() }, dir)
}

/// An attester that takes connections and never answers.
async fn silent(byte: u8) -> (Attester, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    (Attester { url, address: key(byte).address() }, listener)
}

async fn ask(
    attesters: &[&Attester],
    threshold: usize,
    proofs: &[ProofToAttest],
) -> Result<Attested, TooFewSignatures> {
    let attesters = attesters.iter().map(|attester| (*attester).clone()).collect();
    Attesters::new(attesters, threshold, PATIENCE).unwrap().attest(DOMAIN, proofs).await
}

fn failure(error: &TooFewSignatures, of: &Attester) -> String {
    let found = error.failures.iter().find(|(attester, _)| attester == of);
    format!("{:?}", found.unwrap().1)
}

#[tokio::test]
async fn signatures_come_sorted_and_each_claim_has_its_seal() {
    let (a, _a) = attester(1, DOMAIN).await;
    let (b, _b) = attester(2, DOMAIN).await;
    let (c, _c) = attester(3, DOMAIN).await;
    let proofs: Vec<_> = ["x", "y", "z"].map(proven).into();
    let attested = ask(&[&a, &b, &c], 3, &proofs).await.unwrap();
    let mut addresses = [a.address, b.address, c.address];
    addresses.sort();
    assert_eq!(attested.signers, addresses);
    for (index, proof) in proofs.iter().enumerate() {
        let seal = AttestedSeal::decode(&attested.seal(index).unwrap()).unwrap();
        assert_eq!(merkle::fold(merkle::leaf(proof.claim_digest), &seal.path), attested.root);
        let signers: Vec<_> = seal
            .signatures
            .chunks(65)
            .map(|signature| {
                let signature = alloy::primitives::Signature::from_raw(signature).unwrap();
                signature.recover_address_from_prehash(&DOMAIN.digest(attested.root)).unwrap()
            })
            .collect();
        assert_eq!(signers, addresses);
    }
    assert_eq!(attested.seal(3), None);
    let again = ask(&[&c, &b, &a], 3, &proofs).await.unwrap();
    assert_eq!(again, attested, "the same question gets the same answer");
}

/// One attester of three may be down, silent, at another contract or an impostor.
#[tokio::test]
async fn enough_are_enough() {
    let (a, _a) = attester(1, DOMAIN).await;
    let (b, _b) = attester(2, DOMAIN).await;
    let (elsewhere, _elsewhere) = attester(3, AttesterDomain { chain_id: 1, ..DOMAIN }).await;
    let (silent, _listener) = silent(4).await;
    let down = Attester { url: "http://127.0.0.1:9".parse().unwrap(), address: key(5).address() };
    let (impostor, _impostor) = attester(6, DOMAIN).await;
    let impostor = Attester { address: key(7).address(), ..impostor };
    for third in [elsewhere, silent, down, impostor] {
        let attested = ask(&[&third, &a, &b], 2, &[proven("x")]).await.unwrap();
        assert!(!attested.signers.contains(&third.address));
    }
}

#[tokio::test]
async fn too_few_say_each_why() {
    let (good, _good) = attester(1, DOMAIN).await;
    let (elsewhere, _elsewhere) = attester(2, AttesterDomain { chain_id: 1, ..DOMAIN }).await;
    let down = Attester { url: "http://127.0.0.1:9".parse().unwrap(), address: key(3).address() };
    let (impostor, _impostor) = attester(4, DOMAIN).await;
    let impostor = Attester { address: key(5).address(), ..impostor };
    let error = ask(&[&good, &elsewhere, &down, &impostor], 2, &[proven("x")]).await.unwrap_err();
    assert_eq!((error.threshold, &error.signed[..]), (2, &[good.address][..]));
    assert!(failure(&error, &elsewhere).contains("DomainNotServed"));
    assert!(failure(&error, &down).contains("Unreachable"));
    assert_eq!(failure(&error, &impostor), format!("OtherSigner({:?})", key(4).address()));
    let text = error.to_string();
    for attester in [&elsewhere, &down, &impostor] {
        assert!(text.contains(&attester.address.to_string()), "{text}");
    }
    assert!(text.starts_with("1 of 2"), "{text}");
}

#[tokio::test]
async fn a_bad_proof_is_refused_by_all() {
    let (a, _a) = attester(1, DOMAIN).await;
    let good = proven("x");
    let noise = ProofToAttest { proof: Bytes::from_static(b"noise"), ..good.clone() };
    let other = ProofToAttest { claim_digest: ClaimDigest(B256::ZERO), ..good.clone() };
    for (proof, code) in [(noise, RefusalCode::ProofInvalid), (other, RefusalCode::ClaimMismatch)] {
        let error = ask(&[&a], 1, &[good.clone(), proof]).await.unwrap_err();
        let AttesterFailure::Refused(refusal) = &error.failures[0].1 else { panic!("{error}") };
        assert_eq!((refusal.code, refusal.index), (code, Some(1)));
    }
}

/// An answer as attesters give it.
fn signed(root: B256, signature: &[u8]) -> String {
    let signature = Bytes::copy_from_slice(signature);
    let attester = key(1).address();
    serde_json::to_string(&AttestationResponse { root, signature, attester }).unwrap()
}

/// The root that is asked for.
fn root_of(question: &Question) -> B256 {
    let asked = serde_json::from_str::<AttestationRequest>(&question.body);
    let claims = asked.map(|asked| asked.claims).unwrap_or_default();
    let claims: Vec<_> = claims.iter().map(|claim| merkle::leaf(claim.claim_digest)).collect();
    claims.first().copied().unwrap_or_default()
}

#[tokio::test]
async fn answers_that_are_none_are_told_apart_and_never_used() {
    let says = |answer: fn(&Question) -> Answer| async move {
        let town = Town::open(answer);
        let attester = Attester { url: town.url.parse().unwrap(), address: key(1).address() };
        let error = ask(&[&attester], 1, &[proven("x")]).await.unwrap_err();
        format!("{}\n", error.failures[0].1)
    };
    let rows = [
        says(|_| Answer::Says("<html>".to_owned())).await,
        says(|_| Answer::Says("{}".to_owned())).await,
        says(|_| Answer::Says(" ".repeat(1 << 20))).await,
        says(|_| Answer::Says(r#"{ "root": "0x12", "signature": "0x" }"#.to_owned())).await,
        says(|_| Answer::Says(signed(B256::ZERO, &[0x1b; 65]))).await,
        says(|question| Answer::Says(signed(root_of(question), &[0x1b; 64]))).await,
        says(|_| Answer::Fails(StatusCode::INTERNAL_SERVER_ERROR)).await,
        says(|_| Answer::Fails(StatusCode::FOUND)).await,
    ];
    expect![[r#"
        answered with status 200 OK and something that is no attester's answer
        answered with status 200 OK and something that is no attester's answer
        answered with status 200 OK and something that is no attester's answer
        answered with status 200 OK and something that is no attester's answer
        signed root 0x0000000000000000000000000000000000000000000000000000000000000000, which is not the claims'
        its signature is malformed
        answered with status 500 Internal Server Error and something that is no attester's answer
        answered with status 302 Found and something that is no attester's answer
    "#]].assert_eq(&rows.concat());
}

#[tokio::test]
async fn whoever_never_answers_runs_out_of_time() {
    let (silent, _listener) = silent(1).await;
    let time = Duration::from_millis(50);
    let attesters = Attesters::new(vec![silent], 1, time).unwrap();
    let error = attesters.attest(DOMAIN, &[proven("x")]).await.unwrap_err();
    assert!(matches!(error.failures[0].1, AttesterFailure::TimedOut(t) if t == time));
}

/// A proof of the mock, different for each `input`.
fn proven(input: &str) -> ProofToAttest {
    let echo = |stdin: &[u8]| Ok(MockRun { segments: vec![Cycles(1)], journal: stdin.to_vec() });
    let zkvm = MockZkvm::new().with_program("echo", echo);
    let limits = ExecutionLimits {
        cycles_max: Cycles(1),
        memory_max_bytes: 1 << 20,
        journal_max_bytes: 1 << 10,
    };
    let watch = &mut |_| ControlFlow::Continue(());
    let proof =
        zkvm.prove(b"echo", input.as_bytes(), &limits, ProofKind::Composite, watch).unwrap();
    let claim = zkvm.verify(&proof).unwrap();
    let (image_id, claim_digest) = (claim.image_id, claim.claim_digest);
    ProofToAttest { image_id, claim_digest, proof: proof.into() }
}
