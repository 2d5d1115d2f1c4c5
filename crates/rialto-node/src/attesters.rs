//! Asking attesters for signatures: `k` of the `n` that the operator named.
//!
//! Attesters are strangers with a known address. Nothing they answer is used unchecked: a
//! signature counts when it is canonical and recovers to the expected address for the domain and
//! the root that were computed here. What they send is bounded, and each has a limited time.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, Signature};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use reqwest::{Client, Response, StatusCode, redirect};
use rialto_artifacts::ArtifactId;
use rialto_protocol::attestation::{
    AttestationRefusal, AttestationRequest, AttestationResponse, AttestedSeal, AttesterDomain,
    ClaimedProof,
};
use rialto_protocol::{ClaimDigest, ImageId, merkle};
use serde::de::DeserializeOwned;
use url::Url;

/// An answer is a few hundred bytes; a longer one is not read, and a refusal's reason is kept.
const ANSWER_BYTES_MAX: usize = 4 << 10;

/// One attester: where it is asked and whose signature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attester {
    /// Base URL of its service.
    pub url: Url,
    /// The address registered with the verifier contract.
    pub address: Address,
}

/// A proof to be attested.
#[derive(Clone, Debug)]
pub struct ProofToAttest {
    /// The program.
    pub image_id: ImageId,
    /// The claim.
    pub claim_digest: ClaimDigest,
    /// The proof.
    pub proof: Bytes,
}

/// The attesters of a verifier contract and how many of them it takes.
#[derive(Clone, Debug)]
pub struct Attesters {
    client: Client,
    attesters: Vec<Attester>,
    threshold: usize,
    timeout: Duration,
}

/// Enough signatures over one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// Merkle root of the claims.
    pub root: B256,
    /// `k` signatures of 65 bytes by ascending signer, as the verifier contract reads them.
    pub signatures: Bytes,
    /// The signers, in the same order.
    pub signers: Vec<Address>,
    leaves: Vec<B256>,
}

impl Attested {
    /// The seal of the claim at `index` of those that were attested; nothing for an index beyond.
    pub fn seal(&self, index: usize) -> Option<Bytes> {
        let path = merkle::path(&self.leaves, index)?;
        Some(AttestedSeal { path, signatures: self.signatures.clone() }.encode())
    }
}

/// The attesters are named in a way that could never reach the threshold, or no client can be
/// made.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAttesters {
    /// A threshold of nothing, or of more than there are.
    #[error(
        "{threshold} of {attesters} attesters cannot sign: name 1 to {attesters}, or more of them"
    )]
    Threshold {
        /// Signatures needed.
        threshold: usize,
        /// Attesters named.
        attesters: usize,
    },
    /// An address is named twice; its signature counts once.
    #[error("attester {0} is named twice")]
    Twice(Address),
    /// An attester's URL cannot have paths below it.
    #[error("{0} is not the address of a web service")]
    Url(Url),
    /// TLS cannot be set up.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Too few attesters signed. Lists what each of the others said.
#[derive(Debug)]
pub struct TooFewSignatures {
    /// Signatures needed.
    pub threshold: usize,
    /// Who signed.
    pub signed: Vec<Address>,
    /// Who did not, and why.
    pub failures: Vec<(Attester, AttesterFailure)>,
}

impl std::error::Error for TooFewSignatures {}

impl fmt::Display for TooFewSignatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} needed attesters signed", self.signed.len(), self.threshold)?;
        for (attester, failure) in &self.failures {
            write!(f, "; {} at {}: {failure}", attester.address, attester.url)?;
        }
        Ok(())
    }
}

/// Why one attester's signature is not there.
#[derive(Debug, thiserror::Error)]
pub enum AttesterFailure {
    /// It cannot be reached, or the connection broke.
    #[error("unreachable: {}", causes(.0))]
    Unreachable(reqwest::Error),
    /// It did not answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// It refused, with a reason.
    #[error("refused: {}", .0.reason)]
    Refused(AttestationRefusal),
    /// Its answer is not one that an attester gives.
    #[error("answered with status {0} and something that is no attester's answer")]
    Unreadable(StatusCode),
    /// It signed another root than that of the claims.
    #[error("signed root {0}, which is not the claims'")]
    OtherRoot(B256),
    /// Its signature is not 65 canonical bytes.
    #[error("its signature is malformed")]
    MalformedSignature,
    /// Its signature is somebody else's.
    #[error("its signature is by {0}")]
    OtherSigner(Address),
}

/// The client's own text says only which request failed; why stands in its sources.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl Attesters {
    /// `threshold` of `attesters`, each of which gets `timeout` for uploads and verification.
    ///
    /// # Errors
    /// If the threshold cannot be reached or a URL is not usable.
    pub fn new(
        attesters: Vec<Attester>,
        threshold: usize,
        timeout: Duration,
    ) -> Result<Self, InvalidAttesters> {
        if threshold == 0 || threshold > attesters.len() {
            return Err(InvalidAttesters::Threshold { threshold, attesters: attesters.len() });
        }
        for (index, attester) in attesters.iter().enumerate() {
            if attesters[..index].iter().any(|other| other.address == attester.address) {
                return Err(InvalidAttesters::Twice(attester.address));
            }
            if attester.url.cannot_be_a_base() {
                return Err(InvalidAttesters::Url(attester.url.clone()));
            }
        }
        let client = Client::builder().redirect(redirect::Policy::none()).build();
        let client = client.map_err(InvalidAttesters::Client)?;
        Ok(Self { client, attesters, threshold, timeout })
    }

    /// Asks all attesters at once and returns as soon as enough have signed. Safe to repeat:
    /// nothing is uploaded twice, and the same question gets the same signature.
    ///
    /// # Errors
    /// If too few sign, with the reason of each that did not.
    ///
    /// # Panics
    /// If `proofs` is empty: there is nothing to attest.
    pub async fn attest(
        &self,
        domain: AttesterDomain,
        proofs: &[ProofToAttest],
    ) -> Result<Attested, TooFewSignatures> {
        let claims: Vec<_> = proofs.iter().map(claimed).collect();
        let leaves: Vec<_> = claims.iter().map(|claim| merkle::leaf(claim.claim_digest)).collect();
        let root = merkle::root(&leaves).expect("there is a proof to attest");
        let request = AttestationRequest { domain, claims };

        let ask = |attester| self.ask_in_time(attester, &request, proofs, root);
        let mut answers: FuturesUnordered<_> = self.attesters.iter().map(ask).collect();
        let mut signatures = BTreeMap::new();
        let mut failures = Vec::new();
        while let Some((attester, answer)) = answers.next().await {
            match answer {
                Ok(signature) => {
                    signatures.insert(attester.address, signature);
                }
                Err(failure) => failures.push((attester.clone(), failure)),
            }
            if signatures.len() == self.threshold {
                let signers = signatures.keys().copied().collect();
                let signatures = signatures.values().flat_map(Signature::as_bytes).collect();
                return Ok(Attested { root, signatures, signers, leaves });
            }
        }
        let signed = signatures.into_keys().collect();
        Err(TooFewSignatures { threshold: self.threshold, signed, failures })
    }

    async fn ask_in_time<'a>(
        &self,
        attester: &'a Attester,
        request: &AttestationRequest,
        proofs: &[ProofToAttest],
        root: B256,
    ) -> (&'a Attester, Result<Signature, AttesterFailure>) {
        let asked = tokio::time::timeout(self.timeout, self.ask(attester, request, proofs));
        let response = asked.await.unwrap_or(Err(AttesterFailure::TimedOut(self.timeout)));
        (attester, response.and_then(|r| check(&r, request.domain.digest(root), root, attester)))
    }

    async fn ask(
        &self,
        attester: &Attester,
        request: &AttestationRequest,
        proofs: &[ProofToAttest],
    ) -> Result<AttestationResponse, AttesterFailure> {
        let named: BTreeMap<_, _> =
            request.claims.iter().zip(proofs).map(|(claim, proof)| (claim.proof, proof)).collect();
        for (name, proof) in named {
            self.upload_if_missing(attester, ArtifactId(name.0), &proof.proof).await?;
        }
        let url = below(&attester.url, &["v1", "attestations"]);
        let response = self.client.post(url).json(request).send().await;
        answer(response.map_err(AttesterFailure::Unreachable)?).await
    }

    async fn upload_if_missing(
        &self,
        attester: &Attester,
        id: ArtifactId,
        proof: &Bytes,
    ) -> Result<(), AttesterFailure> {
        let url = below(&attester.url, &["v1", "artifacts", &id.to_string()]);
        let found = self.client.head(url.clone()).send().await;
        if found.map_err(AttesterFailure::Unreachable)?.status().is_success() {
            return Ok(());
        }
        let put = self.client.put(url).body(proof.0.clone()).send().await;
        let put = put.map_err(AttesterFailure::Unreachable)?;
        if put.status().is_success() {
            return Ok(());
        }
        let status = put.status();
        answer::<AttestationResponse>(put).await.and(Err(AttesterFailure::Unreadable(status)))
    }
}

fn claimed(proof: &ProofToAttest) -> ClaimedProof {
    ClaimedProof {
        proof: B256::new(ArtifactId::of(&proof.proof).0),
        image_id: proof.image_id,
        claim_digest: proof.claim_digest,
    }
}

fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.path_segments_mut().expect("checked at construction").pop_if_empty().extend(path);
    url
}

async fn answer<T: DeserializeOwned>(mut response: Response) -> Result<T, AttesterFailure> {
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(AttesterFailure::Unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(AttesterFailure::Unreadable(status));
        }
    }
    let unreadable = |_| AttesterFailure::Unreadable(status);
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(unreadable);
    }
    Err(AttesterFailure::Refused(serde_json::from_slice(&body).map_err(unreadable)?))
}

/// The signature in `response`, if it is `attester`'s over `digest` in the only form that the
/// verifier contract takes: 65 bytes, `v` 27 or 28, low `s`.
fn check(
    response: &AttestationResponse,
    digest: B256,
    root: B256,
    attester: &Attester,
) -> Result<Signature, AttesterFailure> {
    if response.root != root {
        return Err(AttesterFailure::OtherRoot(response.root));
    }
    let malformed = AttesterFailure::MalformedSignature;
    if !matches!(response.signature.as_ref(), [.., 27 | 28]) {
        return Err(malformed);
    }
    let Ok(signature) = Signature::from_raw(&response.signature) else { return Err(malformed) };
    if signature.normalize_s().is_some() {
        return Err(malformed);
    }
    match signature.recover_address_from_prehash(&digest) {
        Ok(signer) if signer == attester.address => Ok(signature),
        Ok(signer) => Err(AttesterFailure::OtherSigner(signer)),
        Err(_) => Err(malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::U256;
    use alloy::signers::SignerSync;
    use alloy::signers::local::PrivateKeySigner;

    fn key(byte: u8) -> PrivateKeySigner {
        PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap()
    }

    fn attester(byte: u8) -> Attester {
        let url = format!("http://attester-{byte}.invalid").parse().unwrap();
        Attester { url, address: key(byte).address() }
    }

    #[test]
    fn only_the_expected_signature_counts() {
        let root = B256::repeat_byte(5);
        let domain = AttesterDomain { chain_id: 1, verifier: Address::repeat_byte(2) };
        let other_domain = AttesterDomain { chain_id: 2, ..domain };
        let response = |signature: Vec<u8>, root| AttestationResponse {
            root,
            signature: signature.into(),
            // What the attester says about itself does not matter.
            attester: Address::ZERO,
        };
        let sign =
            |byte, domain: AttesterDomain| key(byte).sign_hash_sync(&domain.digest(root)).unwrap();
        let check = |response| check(&response, domain.digest(root), root, &attester(1));

        let good = sign(1, domain);
        let bytes = good.as_bytes().to_vec();
        assert_eq!(check(response(bytes.clone(), root)).unwrap(), good);

        let is_other_root = |result| matches!(result, Err(AttesterFailure::OtherRoot(_)));
        assert!(is_other_root(check(response(bytes.clone(), B256::ZERO))));

        let is_other_signer = |result| matches!(result, Err(AttesterFailure::OtherSigner(_)));
        assert!(is_other_signer(check(response(sign(2, domain).as_bytes().to_vec(), root))));
        assert!(is_other_signer(check(response(sign(1, other_domain).as_bytes().to_vec(), root))));

        let order = U256::from_be_slice(&alloy::primitives::hex!(
            "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        ));
        let high_s = Signature::new(good.r(), order - good.s(), !good.v()).as_bytes().to_vec();
        let mut zero_based = bytes.clone();
        zero_based[64] -= 27;
        let mut longer = bytes.clone();
        longer.push(27);
        for malformed in [
            vec![],
            bytes[..64].to_vec(),
            longer,
            zero_based,
            high_s,
            vec![27; 65],
            [vec![0; 64], vec![27]].concat(),
        ] {
            let result = check(response(malformed.clone(), root));
            assert!(
                matches!(
                    result,
                    Err(AttesterFailure::MalformedSignature | AttesterFailure::OtherSigner(_))
                ),
                "{malformed:?}: {result:?}"
            );
        }
    }

    #[test]
    fn attesters_that_could_never_suffice_are_refused() {
        let new =
            |attesters, threshold| Attesters::new(attesters, threshold, Duration::from_secs(1));
        assert!(new(vec![attester(1), attester(2)], 2).is_ok());
        for threshold in [0, 3] {
            let result = new(vec![attester(1), attester(2)], threshold);
            assert!(matches!(result, Err(InvalidAttesters::Threshold { .. })));
        }
        let result = new(vec![attester(1), attester(2), attester(1)], 2);
        assert!(matches!(result, Err(InvalidAttesters::Twice(_))));
        let odd = Attester { url: "mailto:attester@example.org".parse().unwrap(), ..attester(1) };
        assert!(matches!(new(vec![odd], 1), Err(InvalidAttesters::Url(_))));
    }
}
