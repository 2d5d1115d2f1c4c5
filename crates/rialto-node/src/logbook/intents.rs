//! Transactions that are about to be made, and what came of them.

use super::{During, Logbook, Result, commit, entry, now_ms, rows};
use crate::event::{Entry, Event};
use alloy::primitives::{B256, U256};
use rialto_protocol::{RequestDigest, Wei};

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntentKind {
    /// A lock.
    Lock,
    /// The commitment to an open fulfilment.
    Commit,
    /// A fulfilment.
    Deliver,
    /// A slash.
    Slash,
}

impl IntentKind {
    /// The word in the table and in history.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Commit => "commit",
            Self::Deliver => "deliver",
            Self::Slash => "slash",
        }
    }
}

/// Names one intended transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IntentId(pub(crate) i64);

/// What came of an intended transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntentOutcome {
    /// It was mined and did what it should; gas cost in wei.
    Mined(Wei),
    /// It had no effect; gas cost in wei.
    Failed(Wei),
}

impl Logbook {
    /// Records that one transaction is about to be made for these orders.
    pub(crate) async fn intend(
        &self,
        digests: &[RequestDigest],
        kind: IntentKind,
        event: &Event,
    ) -> Result<(Vec<IntentId>, Vec<Entry>)> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        let (mut ids, mut entries) = (Vec::new(), Vec::new());
        for digest in digests {
            let made = sqlx::query("INSERT INTO intent (digest, kind, at_ms) VALUES (?, ?, ?)")
                .bind(digest.0.as_slice())
                .bind(kind.as_str())
                .bind(now_ms().cast_signed())
                .execute(&mut *tx)
                .await
                .during("record an intent")?;
            ids.push(IntentId(made.last_insert_rowid()));
            let entry = entry(Some(*digest), event.clone());
            rows::insert_history(&mut tx, &entry).await?;
            entries.push(entry);
        }
        commit(tx, "record an intent").await?;
        Ok((ids, entries))
    }

    /// Records the hash under which an intended transaction is about to be broadcast.
    pub(crate) async fn signed(&self, intents: &[IntentId], hash: B256) -> Result<Vec<Entry>> {
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        let mut entries = Vec::new();
        for intent in intents {
            let (digest, kind): (Vec<u8>, String) =
                sqlx::query_as("UPDATE intent SET tx_hash = ? WHERE id = ? RETURNING digest, kind")
                    .bind(hash.as_slice())
                    .bind(intent.0)
                    .fetch_one(&mut *tx)
                    .await
                    .during("record a transaction's hash")?;
            let digest = RequestDigest(rows::word(&digest, "request digest")?);
            let entry = entry(Some(digest), Event::TxSigned { tx: hash, kind });
            rows::insert_history(&mut tx, &entry).await?;
            entries.push(entry);
        }
        commit(tx, "record a transaction's hash").await?;
        Ok(entries)
    }

    /// Records what came of an intended transaction. Its gas is shared out evenly; what does not
    /// divide goes to the first.
    pub(crate) async fn settle_intents(
        &self,
        intents: &[IntentId],
        outcome: IntentOutcome,
    ) -> Result<()> {
        let (word, gas) = match outcome {
            IntentOutcome::Mined(gas) => ("mined", gas),
            IntentOutcome::Failed(gas) => ("failed", gas),
        };
        let shares = U256::from(intents.len().max(1));
        let (share, rest) = gas.0.div_rem(shares);
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        for (i, intent) in intents.iter().enumerate() {
            let part = if i == 0 { share + rest } else { share };
            sqlx::query("UPDATE intent SET outcome = ?, gas_wei = ? WHERE id = ?")
                .bind(word)
                .bind(part.to_be_bytes_vec())
                .bind(intent.0)
                .execute(&mut *tx)
                .await
                .during("record a transaction's outcome")?;
        }
        commit(tx, "record a transaction's outcome").await
    }
}
