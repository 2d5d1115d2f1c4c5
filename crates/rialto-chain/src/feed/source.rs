//! Where a feed reads: the port that an endpoint and a simulated chain implement.

use crate::endpoint::OrFailed;
use crate::{BlockFacts, BlockNumber, BlockRef, Endpoint, EndpointError};
use alloy::primitives::Address;
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use async_trait::async_trait;

/// A chain as a feed sees it. Between any two calls it may grow, shrink or be another fork.
#[async_trait]
pub trait LogSource: Send + Sync {
    /// The newest block.
    async fn head(&self) -> Result<BlockFacts, EndpointError>;

    /// The canonical block of that number, if it is known.
    async fn block_at(&self, number: BlockNumber) -> Result<Option<BlockFacts>, EndpointError>;

    /// Logs of `address` in the canonical blocks `from` to `to`, both included, in chain order.
    async fn logs(
        &self,
        address: Address,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<Log>, EndpointError>;

    /// Logs of `address` in one block; an error if the node that answers does not have it.
    async fn logs_of(&self, address: Address, block: BlockRef) -> Result<Vec<Log>, EndpointError>;
}

#[async_trait]
impl LogSource for Endpoint {
    async fn head(&self) -> Result<BlockFacts, EndpointError> {
        Endpoint::head(self).await
    }

    async fn block_at(&self, number: BlockNumber) -> Result<Option<BlockFacts>, EndpointError> {
        Endpoint::block_at(self, number).await
    }

    async fn logs(
        &self,
        address: Address,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<Log>, EndpointError> {
        let filter = Filter::new().address(address).from_block(from.0).to_block(to.0);
        self.provider().get_logs(&filter).await.or_failed("tell the market's events")
    }

    async fn logs_of(&self, address: Address, block: BlockRef) -> Result<Vec<Log>, EndpointError> {
        let filter = Filter::new().address(address).at_block_hash(block.hash);
        self.provider().get_logs(&filter).await.or_failed("tell a block's events")
    }
}
