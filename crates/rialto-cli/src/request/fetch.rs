//! `rialto request fetch`: what was delivered.

use super::history::{Delivery, History};
use super::{RequestArgs, evidence, status};
use crate::failure::{Failure, Kind};
use crate::journal::ShownJournal;
use crate::show::{Console, Facts};
use alloy::primitives::{Address, B256, Bytes};
use anyhow::{Context, Result};
use clap::Args;
use rialto_chain::{Market, Network};
use rialto_protocol::{ClaimDigest, FulfillmentData, ImageId, RequestDigest, RequestId};
use serde::Serialize;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Options of `rialto request fetch`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto request fetch 0x6a3f…01
  rialto request fetch 0x6a3f…01 --output result   # result/journal.bin, seal.bin, proof.bin
  rialto verify result/proof.bin --program block-header

Exit code 5 means that nothing has been delivered yet.")]
pub(crate) struct FetchArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,

    /// Write journal, seal, and the proof itself (from an attester) into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

/// What was delivered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fetched {
    request: RequestId,
    digest: RequestDigest,
    prover: Address,
    tx: B256,
    block: u64,
    claim_digest: ClaimDigest,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_id: Option<ImageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    journal: Option<ShownJournal>,
    seal: Bytes,
    written: Vec<PathBuf>,
}

/// The first delivery for `id`.
///
/// # Errors
/// If there is none yet.
pub(crate) async fn delivery(
    network: &Network,
    market: &Market,
    id: RequestId,
) -> Result<(History, Delivery)> {
    let history = History::read(network, market, id).await?;
    if let Some(delivery) = history.delivery() {
        return Ok((history, delivery));
    }
    let status = status::read(network, market, id).await?;
    let what = format!("no proof has been delivered for request {id}: {}", status.sentence);
    let next = format!("wait for it: `rialto request status {id} --wait`");
    Err(Failure::new(Kind::NotYet, what, next).into())
}

/// `rialto request fetch`
pub(crate) async fn run(args: &FetchArgs, console: Console) -> Result<()> {
    let (network, market) = args.request.network.connect().await?;
    let (_, delivery) = delivery(&network, &market, args.request.id).await?;
    let fulfillment = &delivery.fulfillment;
    let (image_id, journal) = match &fulfillment.data {
        FulfillmentData::ImageIdAndJournal(image_id, journal) => (Some(*image_id), Some(journal)),
        FulfillmentData::None => (None, None),
    };
    let shown =
        image_id.zip(journal).map(|(image_id, journal)| ShownJournal::new(image_id, journal));
    let written = match &args.output {
        None => Vec::new(),
        Some(directory) => {
            let spinner = console.spinner("fetching the proof from an attester");
            let evidence = evidence::fetch(&network, fulfillment.claim_digest).await;
            spinner.finish_and_clear();
            let proof = evidence.map(|evidence| evidence.proof);
            if let Err(error) = &proof {
                console.remark(&format!("without the proof itself: {error:#}"));
            }
            let journal = journal.map(|journal| journal.0.clone());
            let files = [
                ("journal.bin", journal),
                ("seal.bin", Some(fulfillment.seal.clone())),
                ("proof.bin", proof.ok()),
            ];
            write(directory, files)?
        }
    };
    console.report(&Fetched {
        request: args.request.id,
        digest: delivery.digest,
        prover: delivery.prover,
        tx: delivery.at.tx_hash,
        block: delivery.at.block.number.0,
        claim_digest: fulfillment.claim_digest,
        image_id,
        journal: shown,
        seal: fulfillment.seal.clone(),
        written,
    });
    Ok(())
}

fn write(directory: &Path, files: [(&str, Option<Bytes>); 3]) -> Result<Vec<PathBuf>> {
    let failed = || {
        let what = format!("cannot write into {}", directory.display());
        Failure::usage(what, "name another directory with --output")
    };
    fs::create_dir_all(directory).with_context(failed)?;
    let mut written = Vec::new();
    for (name, bytes) in files {
        if let Some(bytes) = bytes {
            let path = directory.join(name);
            fs::write(&path, bytes).with_context(failed)?;
            written.push(path);
        }
    }
    Ok(written)
}

impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Delivered in block {} by {}.\n", self.block, self.prover)?;
        let journal = match &self.journal {
            Some(journal) => journal.facts(),
            None => Facts::new().with("journal", "not published; the claim stands for it"),
        };
        let facts = Facts::new()
            .with("request", self.request)
            .with_some("program", self.image_id)
            .and(journal)
            .with("claim", self.claim_digest)
            .with("seal", format!("{} bytes, verifier {}", self.seal.len(), self.verifier()))
            .with("transaction", self.tx);
        write!(f, "{facts}")?;
        for path in &self.written {
            write!(f, "\n  wrote {}", path.display())?;
        }
        if self.written.is_empty() {
            write!(f, "\nCheck it with `rialto request verify {}`.", self.request)?;
        }
        Ok(())
    }
}

impl Fetched {
    fn verifier(&self) -> Bytes {
        self.seal.slice(..4.min(self.seal.len()))
    }
}
