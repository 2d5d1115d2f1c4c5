//! One request's story: what was seen, decided and done, what it brought, and why it went so.

use crate::event::Entry;
use crate::ledger::{Grouping, Statement, Sums};
use crate::logbook::{LogbookError, Reader, Sought};
use crate::verdict::{Verdict, verdict};
use alloy::primitives::Address;
use rialto_protocol::{Offer, RequestDigest, RequestId};
use serde::{Deserialize, Serialize};

/// What a node's record tells about one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// Its id.
    pub request: RequestId,
    /// Its digest; a client may have signed several requests under one id.
    pub digest: RequestDigest,
    /// Who asks and pays.
    pub client: Address,
    /// What it offers and demands.
    pub offer: Offer,
    /// When it was first seen, in milliseconds since the UNIX epoch.
    pub seen_at_ms: u64,
    /// What it has earned and cost so far.
    pub sums: Sums,
    /// Everything that happened, oldest first.
    pub timeline: Vec<Entry>,
    /// Why it went as it did.
    pub verdict: Verdict,
}

impl Reader {
    /// The stories of every request of that name.
    pub async fn stories(&self, sought: Sought) -> Result<Vec<Story>, LogbookError> {
        let mut stories = Vec::new();
        for record in self.records(sought).await? {
            let timeline = self.timeline(record.digest).await?;
            let postings = self.postings_of(record.digest).await?;
            let statement = Statement::new(Grouping::Request, &[(String::new(), postings)]);
            let sums = statement.total.sums;
            stories.push(Story {
                request: record.request.id,
                digest: record.digest,
                client: record.request.id.client(),
                seen_at_ms: record.seen_at_ms,
                sums,
                verdict: verdict(&record, &timeline, &sums),
                timeline,
                offer: record.request.offer,
            });
        }
        Ok(stories)
    }
}
