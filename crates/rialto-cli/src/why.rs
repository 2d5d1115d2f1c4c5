//! `rialto why`: everything that a node saw, decided and did about one request, in order, and why
//! it went as it did.

use crate::failure::Failure;
use crate::node::records::{NodeRecord, RecordArgs};
use crate::node::sentence;
use crate::show::{Console, Facts, eth, rct};
use alloy::primitives::{Address, B256};
use anyhow::{Result, anyhow};
use clap::Args;
use rialto_node::{Entry, Grouping, Record, Sought, Statement, Sums, Verdict, verdict};
use rialto_protocol::{Offer, RequestDigest, RequestId, Timestamp};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Options of `rialto why`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto why 0xc10000000000000000000000000000000000000001
  rialto why 0x5c1e…64 hexadecimal digits… --data-dir .rialto/node-0x1234
  rialto why 0xc10000000000000000000000000000000000000001 --json | jq .requests[0].verdict

It reads the node's own record, the archives too, and asks no chain; a running node is not held up.
The last line is the verdict: what was earned, or which value of which setting would have taken it.")]
pub(crate) struct WhyArgs {
    /// The request's id or its digest
    #[arg(value_name = "REQUEST")]
    request: String,

    #[command(flatten)]
    records: RecordArgs,
}

/// What was found.
#[derive(Serialize)]
struct Report {
    requests: Vec<Told>,
}

/// One request in one node's record.
#[derive(Serialize)]
struct Told {
    node: Address,
    data_dir: PathBuf,
    request: RequestId,
    digest: RequestDigest,
    client: Address,
    offer: Offer,
    sums: Sums,
    timeline: Vec<Line>,
    verdict: Verdict,
}

/// One thing that happened.
#[derive(Serialize)]
struct Line {
    after_ms: u64,
    said: String,
    #[serde(flatten)]
    entry: Entry,
}

/// Looks the request up and tells.
pub(crate) async fn run(args: &WhyArgs, console: Console) -> Result<()> {
    let sought = sought(&args.request)?;
    let records = args.records.open().await?;
    let mut requests = Vec::new();
    for node in &records {
        for record in node.reader.records(sought).await? {
            requests.push(tell(node, &record).await?);
        }
    }
    if requests.is_empty() {
        return Err(unknown(&args.request, &records).await);
    }
    console.report(&Report { requests });
    Ok(())
}

/// A digest has 64 hexadecimal digits; an id with as many would have bits that no id has.
fn sought(text: &str) -> Result<Sought> {
    if let Ok(id) = text.parse::<RequestId>() {
        return Ok(Sought::Id(id));
    }
    match text.parse::<B256>() {
        Ok(digest) => Ok(Sought::Digest(RequestDigest(digest))),
        Err(_) => {
            let what = format!("{text:?} is neither a request's id nor its digest");
            let next =
                "both are hexadecimal numbers with 0x before them; `rialto node run` shows ids";
            Err(Failure::usage(what, next).into())
        }
    }
}

async fn tell(node: &NodeRecord, record: &Record) -> Result<Told> {
    let timeline = node.reader.timeline(record.digest).await?;
    let postings = node.reader.postings_of(record.digest).await?;
    let statement = Statement::new(Grouping::Request, &[(node.name(), postings)]);
    let sums = statement.total.sums;
    let verdict = verdict(record, &timeline, &sums);
    let line = |entry: Entry| Line {
        after_ms: entry.at_ms.saturating_sub(record.seen_at_ms),
        said: sentence(&entry.event, Timestamp(entry.at_ms / 1000)),
        entry,
    };
    Ok(Told {
        node: node.reader.prover(),
        data_dir: node.dir.clone(),
        request: record.request.id,
        digest: record.digest,
        client: record.request.id.client(),
        offer: record.request.offer.clone(),
        sums,
        timeline: timeline.into_iter().map(line).collect(),
        verdict,
    })
}

async fn unknown(request: &str, records: &[NodeRecord]) -> anyhow::Error {
    let mut searched = Vec::new();
    for node in records {
        let path = node.reader.path().display();
        match node.reader.request_count().await {
            Ok(count) => searched.push(format!("{path} ({count} requests)")),
            Err(error) => return anyhow!(error),
        }
    }
    let what = format!("no node here has seen request {request}; searched {}", searched.join(", "));
    let next = "name the data directory of the node that should have with --data-dir; without it, \
                every .rialto/node-* below the current directory is searched";
    Failure::refused(what, next).into()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, told) in self.requests.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{told}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offer = &self.offer;
        let pays = format!(
            "{} rising to {} within {} s",
            eth(offer.min_price),
            eth(offer.max_price),
            offer.ramp_up_period
        );
        let facts = Facts::new()
            .with("request", self.request)
            .with("digest", self.digest)
            .with("client", self.client)
            .with("node", format!("{} in {}", self.node, self.data_dir.display()))
            .with("pays", pays)
            .with("asks for", format!("{} at stake", rct(offer.lock_collateral)))
            .with("a lock ends", offer.lock_deadline())
            .with("it ends", offer.deadline());
        writeln!(f, "{facts}")?;
        for line in &self.timeline {
            let (s, ms) = (line.after_ms / 1000, line.after_ms % 1000);
            writeln!(f, "  {:>10}  {}", format!("+{s}.{ms:03} s"), line.said)?;
        }
        writeln!(f, "\n{}", self.verdict.sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_digests_are_told_apart() {
        let id = "0xc10000000000000000000000000000000000000001";
        assert!(matches!(sought(id).unwrap(), Sought::Id(_)));
        assert!(matches!(sought("17").unwrap(), Sought::Id(_)));
        let digest = format!("0x{}", "5c".repeat(32));
        assert!(matches!(sought(&digest).unwrap(), Sought::Digest(_)));
        let refused = sought("block-header").unwrap_err();
        assert!(refused.to_string().contains("neither"), "{refused}");
    }
}
