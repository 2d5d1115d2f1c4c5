//! The logbook as the ledger reads it: orders that have moved our money.

use super::rows::{self, FactTuple, facts_of_tuples, word};
use super::{During, Reader, Result};
use crate::ledger::{Account, Posting};
use rialto_protocol::{RequestDigest, Wei};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe};
use std::collections::HashMap;

/// Of which orders the accounts are wanted.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// Those that have moved money since an instant.
    Since { ms: u64 },
    /// One.
    Order(RequestDigest),
}

/// With a transaction, a lock or a delivery of ours, or closed, since an instant: closing is what
/// turns a stake into a forfeit.
const SINCE: &str = "
    SELECT digest FROM intent WHERE at_ms >= ?1
    UNION SELECT digest FROM fact WHERE account = ?2 AND at >= ?1 / 1000 AND digest IS NOT NULL
    UNION SELECT closed.digest FROM closed
          WHERE at_ms >= ?1 AND EXISTS (SELECT 1 FROM intent WHERE intent.digest = closed.digest)";
const ORDER: &str = "SELECT digest FROM request WHERE digest = ?1";

const ORDERS: &str = "
    SELECT request.digest, request,
           EXISTS (SELECT 1 FROM closed WHERE closed.digest = request.digest)
    FROM ours CROSS JOIN request ON request.digest = ours.digest
    ORDER BY seen_at_ms, request.digest";
const FACTS: &str = "
    SELECT fact.kind, fact.digest, account, transferred, at, request.digest
    FROM ours
    CROSS JOIN request ON request.digest = ours.digest
    CROSS JOIN fact ON fact.request_id = request.request_id
    ORDER BY block, log_index";
const GAS: &str = "
    SELECT intent.digest, at_ms, gas_wei
    FROM ours CROSS JOIN intent ON intent.digest = ours.digest
    WHERE gas_wei IS NOT NULL ORDER BY intent.id";

impl Reader {
    /// What orders have earned and cost since `since_ms`, zero for all of it.
    pub async fn postings(&self, since_ms: u64) -> Result<Vec<Posting>> {
        let mut postings = self.postings_of_wanted(Wanted::Since { ms: since_ms }).await?;
        postings.retain(|posting| posting.at_ms >= since_ms);
        Ok(postings)
    }

    /// What one order has earned and cost.
    pub async fn postings_of(&self, digest: RequestDigest) -> Result<Vec<Posting>> {
        self.postings_of_wanted(Wanted::Order(digest)).await
    }

    async fn postings_of_wanted(&self, wanted: Wanted) -> Result<Vec<Posting>> {
        let mut accounts = self.accounts(wanted).await?;
        // In the order of time; what happened at once stays in the order of the requests.
        let me = self.prover();
        let mut postings: Vec<_> =
            accounts.drain(..).flat_map(|account| account.postings(me)).collect();
        postings.sort_by_key(|posting| posting.at_ms);
        Ok(postings)
    }

    async fn accounts(&self, wanted: Wanted) -> Result<Vec<Account>> {
        // One transaction, so that the three answers are of one moment.
        let mut tx = self.pool.begin().await.during("begin to read the books")?;
        let orders: Vec<(Vec<u8>, String, bool)> =
            sqlx::query_as_with(wanted.sql(ORDERS), self.arguments(wanted))
                .fetch_all(&mut *tx)
                .await
                .during("read our orders")?;
        let facts: Vec<FactTuple> = sqlx::query_as_with(wanted.sql(FACTS), self.arguments(wanted))
            .fetch_all(&mut *tx)
            .await
            .during("read our orders' facts")?;
        let spent: Vec<(Vec<u8>, i64, Vec<u8>)> =
            sqlx::query_as_with(wanted.sql(GAS), self.arguments(wanted))
                .fetch_all(&mut *tx)
                .await
                .during("read what transactions cost")?;
        let mut facts = facts_of_tuples(facts)?;
        let mut gas: HashMap<RequestDigest, Vec<(u64, Wei)>> = HashMap::new();
        for (digest, at_ms, wei) in spent {
            let digest = RequestDigest(word(&digest, "request digest")?);
            let wei = Wei(rows::number(&wei, "gas cost")?);
            gas.entry(digest).or_default().push((at_ms.cast_unsigned(), wei));
        }
        let account = |(digest, request, closed): (Vec<u8>, String, bool)| {
            let digest = RequestDigest(word(&digest, "request digest")?);
            Ok(Account {
                digest,
                request: rows::parse(&request, "request")?,
                facts: facts.remove(&digest).unwrap_or_default(),
                closed,
                gas: gas.remove(&digest).unwrap_or_default(),
            })
        };
        orders.into_iter().map(account).collect()
    }

    fn arguments(&self, wanted: Wanted) -> SqliteArguments {
        let mut arguments = SqliteArguments::default();
        let added = match wanted {
            Wanted::Since { ms } => {
                arguments.add(ms.cast_signed()).and_then(|()| arguments.add(self.prover().to_vec()))
            }
            Wanted::Order(digest) => arguments.add(digest.0.to_vec()),
        };
        added.expect("numbers and bytes can be bound");
        arguments
    }
}

impl Wanted {
    /// `query` over these orders. All parts are constants.
    fn sql(self, query: &str) -> AssertSqlSafe<String> {
        let ours = match self {
            Self::Since { .. } => SINCE,
            Self::Order(_) => ORDER,
        };
        AssertSqlSafe(format!("WITH ours AS ({ours}) {query}"))
    }
}
