//! `rialto why`: everything that a node saw, decided and did about one request, in order, and why
//! it went as it did.

use crate::failure::Failure;
use crate::node::records::{NodeRecord, RecordArgs};
use crate::node::sentence;
use crate::show::{Console, Facts, eth, rct};
use alloy::primitives::Address;
use anyhow::{Result, anyhow};
use clap::Args;
use rialto_node::{Sought, Story};
use rialto_protocol::Timestamp;
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
    #[serde(flatten)]
    story: Story,
}

/// Looks the request up and tells.
pub(crate) async fn run(args: &WhyArgs, console: Console) -> Result<()> {
    let sought: Sought = args.request.parse()?;
    let records = args.records.open().await?;
    let mut requests = Vec::new();
    for node in &records {
        for story in node.reader.stories(sought).await? {
            let (node, data_dir) = (node.reader.prover(), node.dir.clone());
            requests.push(Told { node, data_dir, story });
        }
    }
    if requests.is_empty() {
        return Err(unknown(&args.request, &records).await);
    }
    console.report(&Report { requests });
    Ok(())
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
        let (story, offer) = (&self.story, &self.story.offer);
        let pays = format!(
            "{} rising to {} within {} s",
            eth(offer.min_price),
            eth(offer.max_price),
            offer.ramp_up_period
        );
        let facts = Facts::new()
            .with("request", story.request)
            .with("digest", story.digest)
            .with("client", story.client)
            .with("node", format!("{} in {}", self.node, self.data_dir.display()))
            .with("pays", pays)
            .with("asks for", format!("{} at stake", rct(offer.lock_collateral)))
            .with("a lock ends", offer.lock_deadline())
            .with("it ends", offer.deadline());
        writeln!(f, "{facts}")?;
        for entry in &story.timeline {
            let after_ms = entry.at_ms.saturating_sub(story.seen_at_ms);
            let after = format!("+{}.{:03} s", after_ms / 1000, after_ms % 1000);
            let said = sentence(&entry.event, Timestamp(entry.at_ms / 1000));
            writeln!(f, "  {after:>10}  {said}")?;
        }
        writeln!(f, "\n{}", story.verdict.sentence)
    }
}
