//! `rialto request verify`: checks a delivery without trusting prover, chain endpoint's verdicts or
//! attesters further than it says.

use super::RequestArgs;
use super::evidence;
use super::fetch::delivery;
use super::history::Delivery;
use crate::failure::Failure;
use crate::keys::KeysDirArgs;
use crate::show::Console;
use crate::zkvm;
use alloy::primitives::{Address, B256, Signature};
use anyhow::{Context, Result};
use clap::Args;
use rialto_chain::Network;
use rialto_protocol::attestation::AttestedSeal;
use rialto_protocol::{FulfillmentData, Predicate, RequestId, SignedRequest, claim_digest, merkle};
use rialto_zkvm::VerifiedClaim;
use serde::Serialize;
use std::fmt;
use std::fs;
use std::path::PathBuf;

/// Options of `rialto request verify`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto request verify 0x6a3f…01
  rialto request verify 0x6a3f…01 --proof result/proof.bin   # with a proof that you have
  rialto request verify 0x6a3f…01 --no-proof                 # believe the attesters

Exit code 3 means that a check failed; 5 that nothing has been delivered yet.")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,

    /// The proof itself [default: fetched from an attester]
    #[arg(long, value_name = "FILE", conflicts_with = "no_proof")]
    pub(crate) proof: Option<PathBuf>,

    /// Do not verify the proof itself
    #[arg(long)]
    pub(crate) no_proof: bool,

    #[command(flatten)]
    pub(crate) keys_dir: KeysDirArgs,
}

/// How one check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Holds,
    Fails,
    NotChecked,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Check {
    what: &'static str,
    outcome: Outcome,
    detail: String,
}

/// All of them, with what is left to trust.
#[derive(Clone, Debug, Serialize)]
struct Verdict {
    request: RequestId,
    checks: Vec<Check>,
    trust: String,
}

/// `rialto request verify`
pub(crate) async fn run(args: &VerifyArgs, console: Console) -> Result<()> {
    let (network, market) = args.request.network.connect().await?;
    let id = args.request.id;
    let (history, delivery) = delivery(&network, &market, id).await?;
    let request = history.request(&market);
    let spinner = console.spinner("checking");
    let mut checks = vec![
        request_check(request.as_ref(), &delivery),
        claim_check(&delivery),
        predicate_check(request.as_ref(), &delivery),
        attestation_check(&network, &delivery),
    ];
    let proof = proof_check(args, &network, &delivery).await?;
    spinner.finish_and_clear();
    let proven = proof.outcome == Outcome::Holds;
    checks.push(proof);
    let failed = checks.iter().find(|check| check.outcome == Outcome::Fails).cloned();
    let trust = trust(&network, proven);
    console.report(&Verdict { request: id, checks, trust });
    match failed {
        None => Ok(()),
        Some(Check { what, detail, .. }) => {
            let what =
                format!("the delivery for request {id} does not check out: {what}: {detail}");
            let next = match args.proof {
                Some(_) => "give the proof of this very claim, or leave --proof out",
                None => "do not rely on it; tell the network's attesters and keep the transaction",
            };
            Err(Failure::refused(what, next).into())
        }
    }
}

fn holds(what: &'static str, detail: impl Into<String>) -> Check {
    Check { what, outcome: Outcome::Holds, detail: detail.into() }
}

fn fails(what: &'static str, detail: impl Into<String>) -> Check {
    Check { what, outcome: Outcome::Fails, detail: detail.into() }
}

fn not_checked(what: &'static str, detail: impl Into<String>) -> Check {
    Check { what, outcome: Outcome::NotChecked, detail: detail.into() }
}

fn request_check(request: Option<&SignedRequest>, delivery: &Delivery) -> Check {
    let what = "request";
    match request {
        Some(request) if request.digest() == delivery.digest => {
            let who = match request.request().id.has_contract_signature() {
                true => "its client is a contract, which the market asked",
                false => "signed by its client",
            };
            holds(what, format!("{who}; digest {}", delivery.digest))
        }
        Some(request) => fails(
            what,
            format!("delivered for {}, but asked was {}", delivery.digest, request.digest()),
        ),
        None => not_checked(what, "it was never published on the chain"),
    }
}

fn claim_check(delivery: &Delivery) -> Check {
    let what = "claim";
    let claim = delivery.fulfillment.claim_digest;
    match &delivery.fulfillment.data {
        FulfillmentData::None => not_checked(what, "the journal is not published"),
        FulfillmentData::ImageIdAndJournal(image_id, journal) => {
            let found = claim_digest(*image_id, journal);
            if found == claim {
                holds(what, format!("program and journal hash to {claim}"))
            } else {
                fails(what, format!("program and journal hash to {found}, not to {claim}"))
            }
        }
    }
}

fn predicate_check(request: Option<&SignedRequest>, delivery: &Delivery) -> Check {
    let what = "predicate";
    let Some(request) = request else {
        return not_checked(what, "the request was never published on the chain");
    };
    let predicate = &request.request().requirements.predicate;
    let claim = delivery.fulfillment.claim_digest;
    match (&delivery.fulfillment.data, predicate) {
        (FulfillmentData::ImageIdAndJournal(image_id, journal), _) => {
            match predicate.check(*image_id, journal) {
                Ok(()) => holds(what, "the journal is one that was asked for"),
                Err(mismatch) => fails(what, mismatch.to_string()),
            }
        }
        (FulfillmentData::None, Predicate::ClaimDigestMatch(wanted)) if *wanted == claim => {
            holds(what, "the claim is the one that was asked for")
        }
        (FulfillmentData::None, _) => fails(what, "it needs a journal and none is published"),
    }
}

/// Signatures by enough of the network's attesters over the claim's root.
fn attestation_check(network: &Network, delivery: &Delivery) -> Check {
    let what = "attestations";
    let fulfillment = &delivery.fulfillment;
    let seal = match AttestedSeal::decode(&fulfillment.seal) {
        Ok(seal) => seal,
        Err(error) => return not_checked(what, format!("{error}; the market's router judged it")),
    };
    if seal.signatures.is_empty() {
        let detail = "the root was stored on the chain before; its signatures are there";
        return not_checked(what, detail);
    }
    let root = merkle::fold(merkle::leaf(fulfillment.claim_digest), &seal.path);
    let digest = network.attester_domain().digest(root);
    let signers = match signers(&seal.signatures, digest) {
        Ok(signers) => signers,
        Err(reason) => return fails(what, reason),
    };
    let known = |signer: &Address| network.attesters.iter().any(|known| known.address == *signer);
    if let Some(stranger) = signers.iter().find(|signer| !known(signer)) {
        return fails(what, format!("{stranger} is no attester of the network file"));
    }
    let (count, all, threshold) = (signers.len(), network.attesters.len(), network.threshold);
    if count < threshold {
        return fails(what, format!("{count} of {all} signed, {threshold} must"));
    }
    let names: Vec<_> = signers.iter().map(ToString::to_string).collect();
    holds(what, format!("{count} of {all} signed, {threshold} must: {}", names.join(", ")))
}

fn signers(signatures: &[u8], digest: B256) -> Result<Vec<Address>, String> {
    let (each, rest) = signatures.as_chunks::<65>();
    if !rest.is_empty() {
        return Err("the signatures are not 65 bytes each".to_owned());
    }
    let signers: Vec<Address> = each
        .iter()
        .map(|raw| Signature::from_raw(raw).ok()?.recover_address_from_prehash(&digest).ok())
        .collect::<Option<_>>()
        .ok_or("a signature is malformed")?;
    if signers.is_sorted_by(|a, b| a < b) {
        Ok(signers)
    } else {
        Err("the signers are not in ascending order, or repeat".to_owned())
    }
}

/// The proof itself, by this machine's own computation.
async fn proof_check(args: &VerifyArgs, network: &Network, delivery: &Delivery) -> Result<Check> {
    let what = "proof";
    let claim = delivery.fulfillment.claim_digest;
    if args.no_proof {
        return Ok(not_checked(what, "--no-proof"));
    }
    let (proof, from) = match &args.proof {
        Some(path) => {
            let proof = fs::read(path).with_context(|| {
                let what = format!("cannot read the proof {}", path.display());
                Failure::usage(what, "check its name")
            })?;
            (proof.into(), path.display().to_string())
        }
        None => {
            let evidence = evidence::fetch(network, claim).await?;
            (evidence.proof, format!("{} at {}", evidence.id, evidence.from))
        }
    };
    let verifier = zkvm::verifier(&args.keys_dir).await?;
    let verified = tokio::task::spawn_blocking(move || verifier.verify(&proof)).await?;
    Ok(match verified {
        Ok(VerifiedClaim { claim_digest, .. }) if claim_digest == claim => {
            holds(what, format!("verified here, for this claim ({from})"))
        }
        Ok(other) => fails(what, format!("{from} proves {}, another claim", other.claim_digest)),
        Err(error) => fails(what, format!("{from}: {error}")),
    })
}

/// What remains to be believed.
fn trust(network: &Network, proven: bool) -> String {
    let (threshold, all) = (network.threshold, network.attesters.len());
    if proven {
        "You have verified the STARK yourself: nobody needs to be trusted for this claim. Contracts \
         that read it from the chain still trust the attesters."
            .to_owned()
    } else {
        format!(
            "The chain has not verified the STARK: it believes {threshold} of {all} attesters, who \
             verified it off the chain. Without --no-proof it is verified here."
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Request {}\n", self.request)?;
        for Check { what, outcome, detail } in &self.checks {
            let mark = match outcome {
                Outcome::Holds => "✓",
                Outcome::Fails => "✗",
                Outcome::NotChecked => "–",
            };
            writeln!(f, "  {mark} {what:<12}  {detail}")?;
        }
        write!(f, "\n{}", self.trust)
    }
}
