//! An attester in a directory of its own, and somebody who talks to it.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, Signature};
use alloy::signers::local::PrivateKeySigner;
use reqwest::{Client, Response, StatusCode};
use rialto_artifacts::{ArtifactId, StoreConfig};
use rialto_attester::{AttesterConfig, ServeError, ServedDomains, Serving, Verifier, serve};
use rialto_protocol::Cycles;
use rialto_protocol::attestation::{
    AttestationRefusal, AttestationRequest, AttestationResponse, AttesterDomain, ClaimedProof,
    RefusalCode,
};
use rialto_zkvm::mock::{MockRun, MockZkvm};
use rialto_zkvm::{ExecutionLimits, ProofKind, ProofVerifier, Zkvm};
use tokio::sync::oneshot;

pub(crate) const DOMAIN: AttesterDomain =
    AttesterDomain { chain_id: 31337, verifier: Address::repeat_byte(0xaa) };

pub(crate) const LIMITS: ExecutionLimits = ExecutionLimits {
    cycles_max: Cycles(10_000_000),
    memory_max_bytes: 64 << 20,
    journal_max_bytes: 1020,
};

pub(crate) fn config(dir: &Path) -> AttesterConfig {
    AttesterConfig::new(
        "127.0.0.1:0".parse().unwrap(),
        ServedDomains::Only(vec![DOMAIN]),
        StoreConfig::Local { path: dir.join("proofs") },
        dir.join("signed.jsonl"),
    )
}

pub(crate) fn signer() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap()
}

/// A running attester.
pub(crate) struct House {
    pub(crate) url: String,
    pub(crate) client: Client,
    serving: Serving,
    stop: oneshot::Sender<()>,
}

impl House {
    pub(crate) async fn open(dir: &Path) -> Self {
        Self::with(config(dir), Arc::new(MockZkvm::default())).await.unwrap()
    }

    pub(crate) async fn with(
        config: AttesterConfig,
        port: Arc<dyn ProofVerifier>,
    ) -> Result<Self, ServeError> {
        let (stop, stopped) = oneshot::channel::<()>();
        let verifier = Verifier { zkvm: "mock".into(), port };
        let shutdown = async move { drop(stopped.await) };
        let serving = serve(config, signer(), verifier, shutdown).await?;
        let url = format!("http://{}", serving.address());
        Ok(Self { url, client: Client::new(), serving, stop })
    }

    /// Stops it and waits until it has.
    pub(crate) async fn close(self) {
        self.stop.send(()).unwrap();
        self.serving.ended().await.unwrap();
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.at(path)).send().await.unwrap()
    }

    pub(crate) async fn put(&self, id: &str, bytes: impl Into<reqwest::Body>) -> Response {
        self.client.put(self.at(&format!("/v1/artifacts/{id}"))).body(bytes).send().await.unwrap()
    }

    pub(crate) async fn upload(&self, proof: &Bytes) {
        let response = self.put(&ArtifactId::of(proof).to_string(), proof.to_vec()).await;
        assert_eq!(response.status(), StatusCode::CREATED);
    }

    pub(crate) async fn ask(&self, domain: AttesterDomain, claims: &[ClaimedProof]) -> Response {
        let request = AttestationRequest { domain, claims: claims.to_vec() };
        self.client.post(self.at("/v1/attestations")).json(&request).send().await.unwrap()
    }

    /// The signature over these claims, checked to be the attester's.
    pub(crate) async fn signed(&self, claims: &[ClaimedProof]) -> AttestationResponse {
        let response = self.ask(DOMAIN, claims).await;
        assert_eq!(response.status(), StatusCode::OK);
        let signed: AttestationResponse = response.json().await.unwrap();
        let signature = Signature::from_raw(&signed.signature).unwrap();
        let by = signature.recover_address_from_prehash(&DOMAIN.digest(signed.root)).unwrap();
        assert_eq!((by, signed.attester), (signer().address(), signer().address()));
        signed
    }
}

/// Status, code and index of a refusal; its reason is not empty.
pub(crate) async fn refused(response: Response) -> (u16, RefusalCode, Option<usize>) {
    let status = response.status().as_u16();
    let refusal: AttestationRefusal = response.json().await.unwrap();
    assert!(!refusal.reason.is_empty());
    (status, refusal.code, refusal.index)
}

/// A proof of the mock, different for each `input`, and its claim.
pub(crate) fn proven(input: &str) -> (Bytes, ClaimedProof) {
    let echo = |stdin: &[u8]| Ok(MockRun { segments: vec![Cycles(1)], journal: stdin.to_vec() });
    let zkvm = MockZkvm::new().with_program("echo", echo);
    let watch = &mut |_| ControlFlow::Continue(());
    let proof =
        zkvm.prove(b"echo", input.as_bytes(), &LIMITS, ProofKind::Composite, watch).unwrap();
    let claim = zkvm.verify(&proof).unwrap();
    let name = B256::new(ArtifactId::of(&proof).0);
    let (image_id, claim_digest) = (claim.image_id, claim.claim_digest);
    (proof.into(), ClaimedProof { proof: name, image_id, claim_digest })
}
