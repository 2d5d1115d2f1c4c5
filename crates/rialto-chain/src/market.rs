//! The market's client: what it knows (reads), what can be asked of it (calls to sign), and what a
//! call would do (simulation).
//!
//! Reads are of the newest block and may be undone by a reorg; whoever must not be wrong follows
//! the [feed](crate::feed).

mod calls;

pub use calls::SignedRoot;

use crate::bindings::{CollateralToken, Market as abi};
use crate::endpoint::OrFailed;
use crate::{BlockNumber, Call, Endpoint, EndpointError, MarketRevert, revert};
use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::Provider;
use alloy::sol_types::SolCall;
use rialto_protocol::eip712::AssessorDomain;
use rialto_protocol::{Collateral, MarketDomain, RequestDigest, RequestId, Timestamp, Wei};

/// One deployed market behind one endpoint, cheap to clone.
#[derive(Clone, Debug)]
pub struct Market {
    endpoint: Endpoint,
    address: Address,
    router: Address,
    collateral_token: Address,
}

/// Why a read or a simulation has no result.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
    /// The endpoint's fault; ask again.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The contract refused.
    #[error("the contract refuses the call")]
    Reverted(#[from] Box<MarketRevert>),
    /// The address holds something else.
    #[error(
        "there is no market at {address} on chain {chain_id}; check the network file's chain and market address"
    )]
    NotAMarket {
        /// Where a market was expected.
        address: Address,
        /// On which chain.
        chain_id: u64,
    },
    /// The answer is not what the contract's ABI promises.
    #[error("the answer to {call} does not decode; is the contract another version?")]
    UnexpectedAnswer {
        /// The function's signature.
        call: &'static str,
        /// What does not fit.
        source: alloy::sol_types::Error,
    },
}

/// A lock as the market stores it. Fields are cleared as it is settled, so it is not a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnChainLock {
    /// Who locked; after a paid delivery in the race, who delivered.
    pub prover: Address,
    /// Last second at which the locker is paid.
    pub lock_deadline: Timestamp,
    /// Last second at which a delivery is accepted.
    pub deadline: Timestamp,
    /// The escrowed price; zero once it was paid.
    pub price: Wei,
    /// The prover's stake; zero once it was settled.
    pub collateral: Collateral,
    /// The request that was locked.
    pub digest: RequestDigest,
    /// The locker delivered in time and was paid.
    pub paid_in_lock: bool,
    /// Somebody delivered after the lock deadline.
    pub paid_in_race: bool,
    /// The collateral was forfeited.
    pub slashed: bool,
}

/// How the market paid, or would pay, one fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payment {
    /// As promised.
    Paid,
    /// Not, or not in full; the delivery itself counts unless this is `RequestIsExpired`.
    Failed(Box<MarketRevert>),
}

impl Market {
    /// Connects to the market at `address`, after a look whether there is one.
    pub async fn connect(endpoint: Endpoint, address: Address) -> Result<Self, MarketError> {
        let code = endpoint.provider().get_code_at(address);
        let router = read(&endpoint, address, abi::ROUTERCall {});
        let token = read(&endpoint, address, abi::COLLATERAL_TOKEN_CONTRACTCall {});
        let (code, router, token) = tokio::join!(code, router, token);
        if code.or_failed("tell a contract's code")?.is_empty() {
            return Err(MarketError::NotAMarket { address, chain_id: endpoint.chain_id() });
        }
        let (router, collateral_token) = (router?, token?);
        Ok(Self { endpoint, address, router, collateral_token })
    }

    /// What requests are signed for.
    pub fn domain(&self) -> MarketDomain {
        MarketDomain { chain_id: self.endpoint.chain_id(), market: self.address }
    }

    /// The endpoint that is asked.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The market's address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The verifier router that the market trusts.
    pub fn router(&self) -> Address {
        self.router
    }

    /// The token in which provers put up collateral.
    pub fn collateral_token(&self) -> Address {
        self.collateral_token
    }

    /// What a prover signs batches for, given the address of the router's on-chain assessor.
    pub fn assessor_domain(&self, assessor: Address) -> AssessorDomain {
        AssessorDomain { chain_id: self.endpoint.chain_id(), assessor }
    }

    /// ETH that `account` has deposited, without escrows.
    pub async fn balance_of(&self, account: Address) -> Result<Wei, MarketError> {
        self.read(abi::balanceOfCall { addr: account }).await.map(Wei)
    }

    /// Collateral that `account` has deposited, without what its locks hold.
    pub async fn collateral_of(&self, account: Address) -> Result<Collateral, MarketError> {
        self.read(abi::balanceOfCollateralCall { addr: account }).await.map(Collateral)
    }

    /// Collateral tokens in `account`'s own hands.
    pub async fn token_balance_of(&self, account: Address) -> Result<Collateral, MarketError> {
        let call = CollateralToken::balanceOfCall { owner: account };
        read(&self.endpoint, self.collateral_token, call).await.map(Collateral)
    }

    /// Collateral tokens that the market may pull from `account`.
    pub async fn token_allowance_of(&self, account: Address) -> Result<Collateral, MarketError> {
        let call = CollateralToken::allowanceCall { owner: account, spender: self.address };
        read(&self.endpoint, self.collateral_token, call).await.map(Collateral)
    }

    /// The lock under `id`, if there ever was one.
    pub async fn lock_of(&self, id: RequestId) -> Result<Option<OnChainLock>, MarketError> {
        let raw = self.read(abi::requestLocksCall { requestId: id.to_u256() }).await?;
        if raw.prover == Address::ZERO {
            return Ok(None);
        }
        let flags = raw.requestLockFlags;
        Ok(Some(OnChainLock {
            prover: raw.prover,
            lock_deadline: Timestamp(raw.lockDeadline),
            deadline: Timestamp(raw.lockDeadline).saturating_add(raw.deadlineDelta.to::<u64>()),
            price: Wei::from(raw.price.to::<u128>()),
            collateral: Collateral::from(raw.collateral.to::<u128>()),
            digest: RequestDigest(raw.requestDigest),
            paid_in_lock: flags & PAID_IN_LOCK != 0,
            paid_in_race: flags & PAID_IN_RACE != 0,
            slashed: flags & SLASHED != 0,
        }))
    }

    /// Whether `id` was ever locked.
    pub async fn is_locked(&self, id: RequestId) -> Result<bool, MarketError> {
        self.read(abi::requestIsLockedCall { requestId: id.to_u256() }).await
    }

    /// Whether a proof for `id` was ever delivered.
    pub async fn is_fulfilled(&self, id: RequestId) -> Result<bool, MarketError> {
        self.read(abi::requestIsFulfilledCall { requestId: id.to_u256() }).await
    }

    /// Whether the lock under `id` was forfeited.
    pub async fn is_slashed(&self, id: RequestId) -> Result<bool, MarketError> {
        self.read(abi::requestIsSlashedCall { requestId: id.to_u256() }).await
    }

    /// The block in which `commitment` was announced, unless it is unknown or used up.
    pub async fn commit_block(&self, commitment: B256) -> Result<Option<BlockNumber>, MarketError> {
        let block = self.read(abi::fulfillmentCommitBlockCall(commitment)).await?;
        let number = BlockNumber(block.saturating_to());
        Ok((number != BlockNumber(0)).then_some(number))
    }

    /// What `call` would return if `from` sent it now; [`MarketError::Reverted`] if it would revert.
    pub async fn simulate(&self, from: Address, call: &Call) -> Result<Bytes, MarketError> {
        simulate(&self.endpoint, from, call).await
    }

    /// How each fill of a fulfilment would be paid, in order, if `from` sent it now. `call` is one
    /// of the `fulfill…` calls.
    pub async fn simulate_fulfillment(
        &self,
        from: Address,
        call: &Call,
    ) -> Result<Vec<Payment>, MarketError> {
        let returned = self.simulate(from, call).await?;
        payments(&returned)
    }

    async fn read<C: SolCall>(&self, call: C) -> Result<C::Return, MarketError> {
        read(&self.endpoint, self.address, call).await
    }
}

/// Bits of `requestLockFlags`.
const PAID_IN_LOCK: u8 = 1;
const PAID_IN_RACE: u8 = 2;
const SLASHED: u8 = 4;

/// Takes the `bytes[] paymentError` of a fulfilment apart.
fn payments(returned: &[u8]) -> Result<Vec<Payment>, MarketError> {
    let errors = decoded::<abi::fulfillCall>(returned)?;
    let payment = |error: &Bytes| match error.is_empty() {
        true => Payment::Paid,
        false => Payment::Failed(Box::new(MarketRevert::decode(error))),
    };
    Ok(errors.iter().map(payment).collect())
}

pub(crate) async fn simulate(
    endpoint: &Endpoint,
    from: Address,
    call: &Call,
) -> Result<Bytes, MarketError> {
    let result = endpoint.run(call.request(from), BlockId::pending()).await;
    result.map_err(|failed| match revert::revert_of(&failed) {
        Some(revert) => MarketError::Reverted(Box::new(revert)),
        None => MarketError::Endpoint(failed),
    })
}

/// Reads a view of the contract at `to`.
pub(crate) async fn read<C: SolCall>(
    endpoint: &Endpoint,
    to: Address,
    call: C,
) -> Result<C::Return, MarketError> {
    let request = Call::new(to, call.abi_encode()).request(Address::ZERO);
    let result = endpoint.run(request, BlockId::latest()).await;
    let returned = result.map_err(|failed| match revert::revert_of(&failed) {
        Some(revert) => MarketError::Reverted(Box::new(revert)),
        None => MarketError::Endpoint(failed),
    })?;
    decoded::<C>(&returned)
}

fn decoded<C: SolCall>(returned: &[u8]) -> Result<C::Return, MarketError> {
    C::abi_decode_returns_validate(returned)
        .map_err(|source| MarketError::UnexpectedAnswer { call: C::SIGNATURE, source })
}

#[cfg(test)]
mod tests;
