//! Intents that an earlier life made and of which nobody knows what became.

use super::{During, Logbook, Result, commit, rows};
use alloy::primitives::{B256, U256};
use rialto_protocol::{RequestDigest, Wei};

/// An intent without outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leftover {
    id: i64,
    /// The order that it was for.
    pub(crate) digest: RequestDigest,
    /// The newest transaction that was signed for it.
    pub(crate) tx: Option<B256>,
    /// Intents that share the transaction, this one included.
    shared_by: i64,
}

type LeftoverRow = (i64, Vec<u8>, Option<Vec<u8>>, i64);

impl Logbook {
    /// Every intent that has no outcome.
    pub(crate) async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let rows: Vec<LeftoverRow> = sqlx::query_as(
            "SELECT id, digest, tx_hash,
                    (SELECT count(*) FROM intent AS other WHERE other.tx_hash = intent.tx_hash)
             FROM intent WHERE outcome IS NULL ORDER BY id",
        )
        .fetch_all(&self.pool)
        .await
        .during("read the intents without outcome")?;
        rows.into_iter()
            .map(|(id, digest, tx, shared_by)| {
                let digest = RequestDigest(rows::word(&digest, "request digest")?);
                let tx = tx.map(|tx| rows::word(&tx, "transaction hash")).transpose()?;
                Ok(Leftover { id, digest, tx, shared_by })
            })
            .collect()
    }

    /// Whether an order is over.
    pub(crate) async fn is_closed(&self, digest: RequestDigest) -> Result<bool> {
        let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM closed WHERE digest = ?")
            .bind(digest.0.as_slice())
            .fetch_optional(&self.pool)
            .await
            .during("tell whether an order is over")?;
        Ok(row.is_some())
    }

    /// Records what became of a leftover: whether its transaction succeeded and what it cost, or that
    /// it was never mined.
    pub(crate) async fn settle_leftover(
        &self,
        leftover: &Leftover,
        mined: Option<(bool, Wei)>,
    ) -> Result<()> {
        let (succeeded, gas) = mined.unwrap_or((false, Wei::ZERO));
        let share = gas.0 / U256::from(leftover.shared_by.max(1));
        let mut tx = self.pool.begin().await.during("begin a transaction")?;
        sqlx::query("UPDATE intent SET outcome = ?, gas_wei = ? WHERE id = ?")
            .bind(if succeeded { "mined" } else { "failed" })
            .bind(share.to_be_bytes_vec())
            .bind(leftover.id)
            .execute(&mut *tx)
            .await
            .during("record what became of an earlier life's transaction")?;
        commit(tx, "record what became of an earlier life's transaction").await
    }
}
