//! The attester is killed while it signs; afterwards it answers for every signature that left.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use alloy::primitives::B256;
use reqwest::Client;
use rialto_artifacts::ArtifactId;
use rialto_attester::AttestedProof;
use rialto_protocol::attestation::{AttestationRequest, ClaimedProof};
use rialto_zkvm::mock::MockZkvm;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::house::{DOMAIN, House, config, proven};

const DIR: &str = "RIALTO_TEST_ATTESTER_DIR";
const SAYS: &str = "attester listens at ";

/// The test binary itself, started as an attester.
async fn child(dir: &std::path::Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "kill::attester_of_its_own", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("the attester starts");
        if let Some((_, url)) = line.split_once(SAYS) {
            return (child, url.to_owned());
        }
    }
}

#[tokio::test]
#[ignore = "run by `every_signature_that_left_is_answered_for` as a process that can be killed"]
async fn attester_of_its_own() {
    let dir = PathBuf::from(std::env::var_os(DIR).unwrap());
    let house = House::with(config(&dir), Arc::new(MockZkvm::default())).await.unwrap();
    println!("\n{SAYS}{}", house.url);
    std::future::pending::<()>().await;
}

/// Uploads a proof and asks for a signature; the claim if one came back.
async fn obtain(client: Client, url: String, input: String) -> Option<ClaimedProof> {
    let (proof, claim) = proven(&input);
    let id = ArtifactId::of(&proof);
    client.put(format!("{url}/v1/artifacts/{id}")).body(proof.0).send().await.ok()?;
    let request = AttestationRequest { domain: DOMAIN, claims: vec![claim.clone()] };
    let signed = client.post(format!("{url}/v1/attestations")).json(&request).send().await.ok()?;
    signed.status().is_success().then_some(claim)
}

#[tokio::test]
async fn every_signature_that_left_is_answered_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut signed = Vec::new();
    for round in 1..=3 {
        let (mut attester, url) = child(dir.path()).await;
        let client = Client::new();
        let mut asking = JoinSet::new();
        for request in 0..32 {
            asking.spawn(obtain(client.clone(), url.clone(), format!("{round}-{request}")));
        }
        let mut came = 0;
        while let Some(claim) = asking.join_next().await {
            signed.extend(claim.unwrap());
            came += 1;
            if came == round * 4 {
                attester.kill().await.unwrap();
            }
        }
    }
    assert!(signed.len() >= 3 * 4, "some came before the kill");
    let house = House::open(dir.path()).await;
    for claim in signed {
        let evidence = house.get(&format!("/v1/claims/{}", claim.claim_digest)).await;
        assert_eq!(evidence.json::<AttestedProof>().await.unwrap().proof, claim.proof);
        let proof =
            house.get(&format!("/v1/artifacts/{}", claim.proof)).await.bytes().await.unwrap();
        assert_eq!(B256::new(ArtifactId::of(&proof).0), claim.proof);
    }
}
