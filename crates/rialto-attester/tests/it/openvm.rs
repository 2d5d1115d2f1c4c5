//! The attester with the zkVM that is built in: what strangers may send as an OpenVM proof.

use std::ops::ControlFlow;
use std::sync::Arc;

use alloy::primitives::{B256, Bytes};
use block_header_core::host;
use rialto_artifacts::ArtifactId;
use rialto_protocol::attestation::{ClaimedProof, RefusalCode};
use rialto_zkvm::{KeyStore, OpenVm, OpenVmVerifier, ProofKind, ProofVerifier, Zkvm};
use serde_json::Value;

use crate::house::{DOMAIN, House, LIMITS, config, proven, refused};

/// The start of an envelope: magic, format, zkVM.
const HEAD: &[u8] = b"RIALTOPF\0\x01openvm\0\0";

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let (mock, _) = proven("a mock's proof");
    let mut relabelled = mock.to_vec();
    relabelled[..HEAD.len()].copy_from_slice(HEAD);
    let noise: Vec<u8> =
        (0..100_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    vec![
        ("nothing", vec![]),
        ("noise", noise.clone()),
        ("zeros", vec![0; 1 << 20]),
        ("a head alone", HEAD.to_vec()),
        ("noise behind a head", [HEAD, &noise].concat()),
        ("another zkVM's proof", mock.to_vec()),
        ("another zkVM's proof under this one's name", relabelled),
    ]
}

#[tokio::test]
async fn hostile_bytes_are_refused_by_the_real_verifier() {
    let verifier = OpenVmVerifier::load(&KeyStore::in_memory()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let house = House::with(config(dir.path()), Arc::new(verifier)).await.unwrap();
    for (what, bytes) in hostile() {
        let bytes = Bytes::from(bytes);
        house.upload(&bytes).await;
        let (_, claim) = proven("anything");
        let claim = ClaimedProof { proof: B256::new(ArtifactId::of(&bytes).0), ..claim };
        let answer = refused(house.ask(DOMAIN, &[claim]).await).await;
        assert_eq!(answer, (422, RefusalCode::ProofInvalid, Some(0)), "{what}");
    }
}

/// One real proof, from the guest's run to the signature; and the same with a bit changed.
#[tokio::test]
async fn a_real_proof_is_signed_and_a_damaged_one_refused_slow() {
    let block = include_str!("../../../../examples/ethereum-block-24666352.json");
    let block: Value = serde_json::from_str(block).unwrap();
    let input = host::input_from_json(&[block]).unwrap();
    let zkvm = Arc::new(OpenVm::load(&KeyStore::in_memory()).unwrap());
    let prover = zkvm.clone();
    let proving = tokio::task::spawn_blocking(move || {
        let (kind, go_on) = (ProofKind::Composite, &mut |_| ControlFlow::Continue(()));
        prover.prove(host::PROGRAM, &input, &LIMITS, kind, go_on)
    });
    let proof = Bytes::from(proving.await.unwrap().unwrap());
    let proven = zkvm.verify(&proof).unwrap();
    let claim = |proof: &Bytes| ClaimedProof {
        proof: B256::new(ArtifactId::of(proof).0),
        image_id: proven.image_id,
        claim_digest: proven.claim_digest,
    };

    let dir = tempfile::tempdir().unwrap();
    let house = House::with(config(dir.path()), zkvm).await.unwrap();
    house.upload(&proof).await;
    house.signed(&[claim(&proof)]).await;
    for position in [54, 60, proof.len() / 3, proof.len() / 2, proof.len() - 1] {
        let mut damaged = proof.to_vec();
        damaged[position] ^= 1;
        let damaged = Bytes::from(damaged);
        house.upload(&damaged).await;
        let answer = refused(house.ask(DOMAIN, &[claim(&damaged)]).await).await;
        assert_eq!(answer, (422, RefusalCode::ProofInvalid, Some(0)), "byte {position}");
    }
}
