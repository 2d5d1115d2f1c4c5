//! The proof behind an attestation: attesters keep what they signed for, and anybody may have it.

use crate::failure::{Failure, Kind};
use alloy::primitives::Bytes;
use anyhow::{Context, Result, anyhow};
use rialto_artifacts::{ArtifactId, FetchPolicy, Fetcher};
use rialto_attester::AttestedProof;
use rialto_chain::Network;
use rialto_protocol::ClaimDigest;
use std::time::Duration;
use url::Url;

/// Attesters take no larger proof by default.
const PROOF_BYTES_MAX: u64 = 128 << 20;

/// A proof from an attester, not yet verified.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// The bytes.
    pub(crate) proof: Bytes,
    /// Their SHA-256.
    pub(crate) id: ArtifactId,
    /// Who gave it.
    pub(crate) from: Url,
}

/// The proof of `claim` from the first attester that has it.
///
/// # Errors
/// If none does. The error lists what each said.
pub(crate) async fn fetch(network: &Network, claim: ClaimDigest) -> Result<Evidence> {
    let policy = FetchPolicy {
        max_bytes: PROOF_BYTES_MAX,
        attempts: 2,
        timeout: Duration::from_secs(60),
        // The network file names them, not a stranger.
        allow_private_hosts: true,
        ..FetchPolicy::default()
    };
    let fetcher = Fetcher::new(policy)?;
    let mut said = Vec::new();
    for attester in &network.attesters {
        match ask(&fetcher, &attester.url, claim).await {
            Ok(evidence) => return Ok(evidence),
            Err(error) => said.push(format!("{error:#}")),
        }
    }
    let what =
        format!("no attester of network {:?} gives the proof of claim {claim}", network.name);
    let next = "start an attester (`rialto attest run`), or give the proof itself with --proof";
    Err(anyhow!(said.join("; "))).context(Failure::new(Kind::Unreachable, what, next))
}

async fn ask(fetcher: &Fetcher, attester: &Url, claim: ClaimDigest) -> Result<Evidence> {
    let base = attester.as_str().trim_end_matches('/');
    let found = fetcher.fetch(&format!("{base}/v1/claims/{claim}")).await?;
    let found: AttestedProof = serde_json::from_slice(&found.bytes)
        .with_context(|| format!("{base} does not answer like an attester"))?;
    let id = ArtifactId(found.proof.0);
    let url = format!("{base}/v1/artifacts/{id}");
    let fetched = fetcher.fetch_expecting(&url, id).await?;
    Ok(Evidence { proof: fetched.bytes.into(), id, from: attester.clone() })
}
