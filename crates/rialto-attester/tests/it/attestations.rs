use std::sync::{Arc, Mutex};

use alloy::primitives::{Address, B256, Bytes};
use rialto_artifacts::ArtifactId;
use rialto_attester::{
    AttestedProof, AttesterConfig, AttesterInfo, RecordError, ServeError, ServedDomains,
};
use rialto_protocol::attestation::{AttestationRequest, AttesterDomain, ClaimedProof, RefusalCode};
use rialto_protocol::{ClaimDigest, ImageId, merkle};
use rialto_zkvm::mock::MockZkvm;
use rialto_zkvm::{ProofVerifier, VerifiedClaim, VerifyError};
use tokio::sync::mpsc;

use crate::house::{DOMAIN, House, config, proven, refused, signer};

#[tokio::test]
async fn it_introduces_itself() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path()).await;
    assert!(house.get("/health").await.status().is_success());
    let info: AttesterInfo = house.get("/v1/attester").await.json().await.unwrap();
    assert_eq!(info.address, signer().address());
    assert_eq!(info.domains, ServedDomains::Only(vec![DOMAIN]));
    assert_eq!(info.zkvms, ["mock"]);
    house.close().await;
}

#[tokio::test]
async fn a_verified_claim_is_signed_and_its_proof_stays_fetchable() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path()).await;
    let (proof, claim) = proven("one");
    house.upload(&proof).await;
    let signed = house.signed(std::slice::from_ref(&claim)).await;
    assert_eq!(signed.root, merkle::leaf(claim.claim_digest), "one claim is its own root");
    assert_eq!(
        house.signed(std::slice::from_ref(&claim)).await,
        signed,
        "asking again changes nothing"
    );

    let evidence = house.get(&format!("/v1/claims/{}", claim.claim_digest)).await;
    let AttestedProof { proof: name } = evidence.json().await.unwrap();
    assert_eq!(name, claim.proof);
    let fetched = house.get(&format!("/v1/artifacts/{name}")).await.bytes().await.unwrap();
    assert_eq!(fetched, proof.0);
}

#[tokio::test]
async fn a_batch_is_signed_by_its_root() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path()).await;
    let mut claims = Vec::new();
    for input in ["a", "b", "c", "d", "e"] {
        let (proof, claim) = proven(input);
        house.upload(&proof).await;
        claims.push(claim);
    }
    claims.push(claims[0].clone());
    let leaves: Vec<_> = claims.iter().map(|claim| merkle::leaf(claim.claim_digest)).collect();
    assert_eq!(Some(house.signed(&claims).await.root), merkle::root(&leaves));
    for claim in &claims {
        let status = house.get(&format!("/v1/claims/{}", claim.claim_digest)).await.status();
        assert!(status.is_success());
    }
}

/// Each refusal has its code, and the index of the claim it is about.
#[tokio::test]
async fn what_it_does_not_sign_it_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path()).await;
    let (proof, good) = proven("good");
    house.upload(&proof).await;
    let broken = Bytes::copy_from_slice(&proof[..proof.len() - 1]);
    house.upload(&broken).await;
    let (_, absent) = proven("never uploaded");

    let other_image = ClaimedProof { image_id: ImageId(B256::repeat_byte(9)), ..good.clone() };
    let other_claim =
        ClaimedProof { claim_digest: ClaimDigest(B256::repeat_byte(9)), ..good.clone() };
    let swapped = ClaimedProof { claim_digest: absent.claim_digest, ..good.clone() };
    let invalid = ClaimedProof { proof: B256::new(ArtifactId::of(&broken).0), ..good.clone() };
    let other_chain = AttesterDomain { chain_id: 1, ..DOMAIN };
    let other_contract = AttesterDomain { verifier: Address::ZERO, ..DOMAIN };
    use RefusalCode::*;
    for (domain, claims, code, index) in [
        (other_chain, vec![good.clone()], DomainNotServed, None),
        (other_contract, vec![], DomainNotServed, None),
        (DOMAIN, vec![], BatchSize, None),
        (DOMAIN, vec![good.clone(); 129], BatchSize, None),
        (DOMAIN, vec![good.clone(), absent.clone()], ProofUnknown, Some(1)),
        (DOMAIN, vec![good.clone(), good.clone(), invalid], ProofInvalid, Some(2)),
        (DOMAIN, vec![other_image], ClaimMismatch, Some(0)),
        (DOMAIN, vec![good.clone(), other_claim], ClaimMismatch, Some(1)),
        (DOMAIN, vec![good.clone(), swapped], ClaimMismatch, Some(1)),
    ] {
        assert_eq!(refused(house.ask(domain, &claims).await).await, (422, code, index));
    }
    let unsigned = house.get(&format!("/v1/claims/{}", good.claim_digest)).await;
    assert_eq!(
        refused(unsigned).await,
        (404, ProofUnknown, None),
        "a refused batch signs none of its claims"
    );
    assert_eq!(std::fs::read(dir.path().join("signed.jsonl")).unwrap(), b"");
}

#[tokio::test]
async fn what_cannot_be_read_is_malformed() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path()).await;
    let (_, claim) = proven("x");
    let mut request =
        serde_json::to_value(AttestationRequest { domain: DOMAIN, claims: vec![claim] }).unwrap();
    request["claims"][0]["extra"] = 1.into();
    for body in ["".into(), "{".into(), "[]".into(), request.to_string(), " ".repeat(1 << 20)] {
        let response =
            house.client.post(house.at("/v1/attestations")).body(body).send().await.unwrap();
        assert_eq!(refused(response).await, (400, RefusalCode::Malformed, None));
    }
    let response = house.get("/v1/claims/0x12").await;
    assert_eq!(refused(response).await, (400, RefusalCode::Malformed, None));
}

#[tokio::test]
async fn any_contract_is_served_when_that_is_written_out() {
    let dir = tempfile::tempdir().unwrap();
    let config = AttesterConfig { domains: ServedDomains::Any, ..config(dir.path()) };
    let house = House::with(config, Arc::new(MockZkvm::default())).await.unwrap();
    let (proof, claim) = proven("one");
    house.upload(&proof).await;
    let other = AttesterDomain { chain_id: 5, verifier: Address::repeat_byte(3) };
    assert!(house.ask(other, &[claim]).await.status().is_success());
}

#[tokio::test]
async fn it_answers_for_its_signatures_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path()).await;
    let (proof, claim) = proven("one");
    house.upload(&proof).await;
    let signed = house.signed(std::slice::from_ref(&claim)).await;
    let record = std::fs::read_to_string(dir.path().join("signed.jsonl")).unwrap();
    assert!(record.contains(&signed.root.to_string()) && record.contains(&claim.proof.to_string()));

    let second = House::with(config(dir.path()), Arc::new(MockZkvm::default())).await;
    assert!(matches!(second.err(), Some(ServeError::Record(RecordError::Held { .. }))));

    house.close().await;
    let house = House::open(dir.path()).await;
    let evidence = house.get(&format!("/v1/claims/{}", claim.claim_digest)).await;
    assert_eq!(evidence.json::<AttestedProof>().await.unwrap().proof, claim.proof);
    let fetched = house.get(&format!("/v1/artifacts/{}", claim.proof)).await.bytes().await.unwrap();
    assert_eq!(fetched, proof.0);
}

#[tokio::test]
async fn a_proof_that_rots_on_disk_is_not_signed() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::open(dir.path()).await;
    let (proof, claim) = proven("one");
    house.upload(&proof).await;
    let name = ArtifactId::of(&proof).to_string();
    let file = dir.path().join("proofs/sha256").join(&name[..2]).join(&name);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let response = house.ask(DOMAIN, std::slice::from_ref(&claim)).await;
    assert_eq!(refused(response).await, (500, RefusalCode::Internal, Some(0)));
    house.upload(&proof).await;
    house.signed(&[claim]).await;
}

/// Verifies like the mock, but says when it begins and waits until it may go on.
struct Gate {
    entered: mpsc::UnboundedSender<()>,
    open: Mutex<std::sync::mpsc::Receiver<()>>,
}

impl ProofVerifier for Gate {
    fn verify(&self, proof: &[u8]) -> Result<VerifiedClaim, VerifyError> {
        self.entered.send(()).unwrap();
        self.open.lock().unwrap().recv().unwrap();
        MockZkvm::default().verify(proof)
    }
}

#[tokio::test]
async fn when_too_much_waits_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let config = AttesterConfig { requests_max: 1.try_into().unwrap(), ..config(dir.path()) };
    let (enter, mut entered) = mpsc::unbounded_channel();
    let (open, gate) = std::sync::mpsc::channel();
    let gate = Gate { entered: enter, open: Mutex::new(gate) };
    let house = Arc::new(House::with(config, Arc::new(gate)).await.unwrap());
    let (proof, claim) = proven("one");
    house.upload(&proof).await;
    let first = tokio::spawn({
        let (house, claim) = (house.clone(), claim.clone());
        async move { house.signed(&[claim]).await }
    });
    entered.recv().await.unwrap();
    let response = house.ask(DOMAIN, std::slice::from_ref(&claim)).await;
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(refused(response).await, (503, RefusalCode::Busy, None));
    open.send(()).unwrap();
    let signed = first.await.unwrap();
    open.send(()).unwrap();
    assert_eq!(house.signed(&[claim]).await, signed);
}

/// A verifier with a bug.
struct Panics;

impl ProofVerifier for Panics {
    fn verify(&self, _: &[u8]) -> Result<VerifiedClaim, VerifyError> {
        panic!("index out of bounds");
    }
}

#[tokio::test]
async fn a_verifier_that_panics_costs_one_refusal() {
    let dir = tempfile::tempdir().unwrap();
    let house = House::with(config(dir.path()), Arc::new(Panics)).await.unwrap();
    let (proof, claim) = proven("one");
    house.upload(&proof).await;
    for _ in 0..5 {
        let response = house.ask(DOMAIN, std::slice::from_ref(&claim)).await;
        assert_eq!(refused(response).await, (422, RefusalCode::ProofInvalid, Some(0)));
    }
}
