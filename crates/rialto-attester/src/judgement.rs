//! The judgement: which requests are signed, and why the others are not.
//!
//! Each distinct proof of a request is loaded and verified on a thread of its own; the number of
//! threads and of requests waiting for one is bounded. The signature is recorded before it is
//! returned.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::{B256, Bytes};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use rialto_artifacts::{ArtifactId, ArtifactStore, StoreError};
use rialto_protocol::attestation::{
    AttestationRefusal, AttestationRequest, AttestationResponse, ClaimedProof, RefusalCode,
};
use rialto_protocol::{ClaimDigest, ImageId, merkle};
use rialto_zkvm::{ProofVerifier, VerifiedClaim};

use crate::queue::Queue;
use crate::record::{Record, Signed};
use crate::{AttesterConfig, ServedDomains};

/// A refusal that concerns no single claim.
pub(crate) fn refusal(code: RefusalCode, reason: impl Into<String>) -> AttestationRefusal {
    AttestationRefusal { code, reason: reason.into(), index: None }
}

pub(crate) struct Judge {
    signer: PrivateKeySigner,
    verifier: Arc<dyn ProofVerifier>,
    store: ArtifactStore,
    record: Arc<Record>,
    domains: ServedDomains,
    claims_max: usize,
    queue: Queue,
}

/// What a proof proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Proven {
    image_id: ImageId,
    claim_digest: ClaimDigest,
}

impl Judge {
    pub(crate) fn new(
        config: &AttesterConfig,
        signer: PrivateKeySigner,
        verifier: Arc<dyn ProofVerifier>,
        store: ArtifactStore,
        record: Arc<Record>,
    ) -> Self {
        Self {
            signer,
            verifier,
            store,
            record,
            domains: config.domains.clone(),
            claims_max: config.claims_max.get(),
            queue: Queue::new(config.threads.get(), config.requests_max.get()),
        }
    }

    /// Verifies every proof of the request and signs the root of its claims, or says why not.
    pub(crate) async fn attest(
        &self,
        request: AttestationRequest,
    ) -> Result<AttestationResponse, AttestationRefusal> {
        screen(&request, &self.domains, self.claims_max)?;
        let busy = || refusal(RefusalCode::Busy, "too many requests are waiting; ask again");
        let _place = self.queue.admit().ok_or_else(busy)?;
        let mut proven = BTreeMap::new();
        for (index, claim) in request.claims.iter().enumerate() {
            let at_claim =
                |refused: AttestationRefusal| AttestationRefusal { index: Some(index), ..refused };
            let known = match proven.get(&claim.proof) {
                Some(known) => *known,
                None => self.verify(claim.proof).await.map_err(at_claim)?,
            };
            proven.insert(claim.proof, known);
            compare(claim, &known).map_err(at_claim)?;
        }
        self.sign(request).await
    }

    async fn verify(&self, proof: B256) -> Result<Proven, AttestationRefusal> {
        let slot = self.queue.slot().await;
        // The bytes are loaded only now, so that requests that wait hold no memory.
        let bytes = match self.store.get(&ArtifactId(proof.0)).await {
            Ok(bytes) => bytes,
            Err(StoreError::NotFound { .. }) => {
                let reason = format!("proof {proof} is not here; upload it first");
                return Err(refusal(RefusalCode::ProofUnknown, reason));
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a proof cannot be read");
                return Err(refusal(RefusalCode::Internal, "the attester's store failed"));
            }
        };
        let verifier = self.verifier.clone();
        let verified = tokio::task::spawn_blocking(move || {
            // Held by the thread, not by the request: who hangs up makes no room for more work.
            let _slot = slot;
            verifier.verify(&bytes)
        });
        match verified.await {
            Ok(Ok(VerifiedClaim { image_id, claim_digest, .. })) => {
                Ok(Proven { image_id, claim_digest })
            }
            Ok(Err(error)) => {
                Err(refusal(RefusalCode::ProofInvalid, format!("proof {proof}: {error}")))
            }
            Err(panic) => {
                tracing::error!(%proof, error = &panic as &dyn std::error::Error, "the verifier panicked");
                Err(refusal(
                    RefusalCode::ProofInvalid,
                    format!("proof {proof}: the verifier gave up"),
                ))
            }
        }
    }

    async fn sign(
        &self,
        request: AttestationRequest,
    ) -> Result<AttestationResponse, AttestationRefusal> {
        let leaves: Vec<B256> =
            request.claims.iter().map(|claim| merkle::leaf(claim.claim_digest)).collect();
        let root = merkle::root(&leaves).expect("a screened request has a claim");
        let internal = |error: &(dyn std::error::Error + 'static)| {
            tracing::error!(error, %root, "cannot sign");
            refusal(RefusalCode::Internal, "the attester cannot sign now")
        };
        let digest = request.domain.digest(root);
        let signature = self.signer.sign_hash_sync(&digest).map_err(|e| internal(&e))?;
        let signature = Bytes::from(signature.as_bytes());
        let signed = Signed {
            signed_at: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            domain: request.domain,
            root,
            signature: signature.clone(),
            claims: request.claims,
        };
        let count = signed.claims.len();
        let record = self.record.clone();
        let recorded = tokio::task::spawn_blocking(move || record.append(&signed)).await;
        recorded.map_err(|e| internal(&e))?.map_err(|e| internal(&e))?;
        tracing::info!(%root, claims = count, domain = ?request.domain, "signed");
        Ok(AttestationResponse { root, signature, attester: self.signer.address() })
    }
}

/// What can be said without looking at a proof.
fn screen(
    request: &AttestationRequest,
    domains: &ServedDomains,
    claims_max: usize,
) -> Result<(), AttestationRefusal> {
    let AttestationRequest { domain, claims } = request;
    if !domains.contain(domain) {
        let reason = format!(
            "this attester does not sign for contract {} on chain {}; ask its operator to serve it",
            domain.verifier, domain.chain_id
        );
        return Err(refusal(RefusalCode::DomainNotServed, reason));
    }
    if claims.is_empty() || claims.len() > claims_max {
        let reason = format!("a request holds 1 to {claims_max} claims, not {}", claims.len());
        return Err(refusal(RefusalCode::BatchSize, reason));
    }
    Ok(())
}

/// Whether a verified proof proves what was claimed.
fn compare(claim: &ClaimedProof, proven: &Proven) -> Result<(), AttestationRefusal> {
    let mismatch = |what, claimed: &dyn std::fmt::Display, proven: &dyn std::fmt::Display| {
        let reason = format!("the proof is of {what} {proven}, not of {claimed}");
        Err(refusal(RefusalCode::ClaimMismatch, reason))
    };
    if claim.image_id != proven.image_id {
        return mismatch("image", &claim.image_id, &proven.image_id);
    }
    if claim.claim_digest != proven.claim_digest {
        return mismatch("claim", &claim.claim_digest, &proven.claim_digest);
    }
    Ok(())
}
