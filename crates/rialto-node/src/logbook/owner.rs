//! Whose record it is, and of which market.

use super::{During, Logbook, LogbookError, Reader, Result};
use alloy::primitives::Address;
use rialto_protocol::MarketDomain;
use sqlx::SqlitePool;

impl Logbook {
    pub(super) async fn claim_ownership(&self) -> Result<()> {
        sqlx::query("INSERT INTO owner (one, prover) VALUES (1, ?) ON CONFLICT DO NOTHING")
            .bind(self.me.as_slice())
            .execute(&self.pool)
            .await
            .during("record whose it is")?;
        let owner = owner(&self.pool).await?;
        if owner != self.me {
            return Err(LogbookError::OtherProver { owner, me: self.me });
        }
        Ok(())
    }

    /// Makes the record one of this market, if it is of none yet.
    ///
    /// # Errors
    /// [`LogbookError::OtherMarket`] if it is of another.
    pub async fn claim_market(&self, domain: &MarketDomain) -> Result<()> {
        sqlx::query(
            "INSERT INTO market (one, chain_id, address) VALUES (1, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(domain.chain_id.cast_signed())
        .bind(domain.market.as_slice())
        .execute(&self.pool)
        .await
        .during("record its market")?;
        match market(&self.pool).await? {
            Some(kept) if kept != *domain => {
                Err(LogbookError::OtherMarket { kept, asked: *domain })
            }
            _ => Ok(()),
        }
    }
}

impl Reader {
    /// Which market it is of; none before a node has run.
    pub async fn market(&self) -> Result<Option<MarketDomain>> {
        market(&self.pool).await
    }
}

pub(super) async fn owner(pool: &SqlitePool) -> Result<Address> {
    let (owner,): (Vec<u8>,) = sqlx::query_as("SELECT prover FROM owner")
        .fetch_one(pool)
        .await
        .during("tell whose it is")?;
    address(&owner, "owner")
}

async fn market(pool: &SqlitePool) -> Result<Option<MarketDomain>> {
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT chain_id, address FROM market")
        .fetch_optional(pool)
        .await
        .during("tell its market")?;
    row.map(|(chain_id, market)| {
        let market = address(&market, "market")?;
        Ok(MarketDomain { chain_id: chain_id.cast_unsigned(), market })
    })
    .transpose()
}

fn address(bytes: &[u8], what: &'static str) -> Result<Address> {
    Address::try_from(bytes).map_err(|_| LogbookError::Malformed { what })
}
