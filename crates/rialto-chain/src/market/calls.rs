//! Calls to the market and its token, ready to be signed.
//!
//! Requests and fulfilments are encoded from the protocol's own ABI types; a test holds every
//! encoding to the generated bindings.

use super::{Market, MarketError};
use crate::Call;
use crate::bindings::{AttestedVerifier as verifier, CollateralToken, Market as abi};
use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::{SolCall, SolValue};
use rialto_protocol::abi::{FulfillmentBatch as AbiBatch, ProofRequest as AbiRequest};
use rialto_protocol::{Collateral, FulfillmentBatch, RequestId, SignedRequest, Unverified, Wei};

impl Market {
    /// Credits `value` to the sender.
    pub fn deposit(&self, value: Wei) -> Call {
        self.call(abi::depositCall {}).with_value(value)
    }

    /// Sends `value` of the sender's deposit back to the sender.
    pub fn withdraw(&self, value: Wei) -> Call {
        self.call(abi::withdrawCall { value: value.0 })
    }

    /// Allows the market to pull `amount` of the sender's tokens.
    pub fn approve_collateral(&self, amount: Collateral) -> Call {
        let call = CollateralToken::approveCall { spender: self.address, amount: amount.0 };
        Call::new(self.collateral_token, call.abi_encode())
    }

    /// Pulls `amount` tokens from the sender, who has allowed it, and credits the sender.
    pub fn deposit_collateral(&self, amount: Collateral) -> Call {
        self.call(abi::depositCollateralCall { value: amount.0 })
    }

    /// The calls that deposit `amount` for `owner`: first an approval, if the allowance is short.
    pub async fn collateral_deposit_calls(
        &self,
        owner: Address,
        amount: Collateral,
    ) -> Result<Vec<Call>, MarketError> {
        let approval = match self.token_allowance_of(owner).await? {
            enough if enough >= amount => None,
            _ => Some(self.approve_collateral(amount)),
        };
        Ok(approval.into_iter().chain([self.deposit_collateral(amount)]).collect())
    }

    /// Sends `amount` of the sender's collateral back to the sender.
    pub fn withdraw_collateral(&self, amount: Collateral) -> Call {
        self.call(abi::withdrawCollateralCall { value: amount.0 })
    }

    /// Publishes a request and credits `value` to the sender. The market checks nothing.
    pub fn submit_request(&self, submitted: &Unverified, value: Wei) -> Call {
        let arguments = (AbiRequest::from(&submitted.request), submitted.signature.clone());
        self.encoded::<abi::submitRequestCall>(arguments.abi_encode_params()).with_value(value)
    }

    /// Locks a request for the sender at the price of the block's time.
    pub fn lock_request(&self, request: &SignedRequest) -> Call {
        let arguments = (AbiRequest::from(request.request()), request.signature().clone());
        self.encoded::<abi::lockRequestCall>(arguments.abi_encode_params())
    }

    /// Locks a request for the prover who signed it with
    /// [`MarketDomain::lock_digest`](rialto_protocol::MarketDomain::lock_digest).
    pub fn lock_request_with_signature(&self, request: &SignedRequest, prover: Bytes) -> Call {
        let client = request.signature().clone();
        let arguments = (AbiRequest::from(request.request()), client, prover);
        self.encoded::<abi::lockRequestWithSignatureCall>(arguments.abi_encode_params())
    }

    /// Announces open fills; see [`rialto_protocol::commitment`].
    pub fn commit_fulfillment(&self, commitment: B256) -> Call {
        self.call(abi::commitFulfillmentCall { commitment })
    }

    /// Delivers proofs for locked requests, or with a commitment one block older also for requests
    /// whose lock lapsed.
    pub fn fulfill(&self, batches: &[FulfillmentBatch]) -> Call {
        let arguments = (encoded_batches(batches),);
        self.encoded::<abi::fulfillCall>(arguments.abi_encode_params())
    }

    /// [`Market::fulfill`], then pays every batch's prover its whole balance out.
    pub fn fulfill_and_withdraw(&self, batches: &[FulfillmentBatch]) -> Call {
        let arguments = (encoded_batches(batches),);
        self.encoded::<abi::fulfillAndWithdrawCall>(arguments.abi_encode_params())
    }

    /// Prices `requests` and delivers, so that requests which were never locked can be paid.
    pub fn price_and_fulfill(
        &self,
        requests: &[SignedRequest],
        batches: &[FulfillmentBatch],
    ) -> Call {
        let priced: Vec<AbiRequest> = requests.iter().map(|r| r.request().into()).collect();
        let signatures: Vec<Bytes> = requests.iter().map(|r| r.signature().clone()).collect();
        let arguments = (vec![(priced, signatures)], encoded_batches(batches));
        self.encoded::<abi::priceAndFulfillCall>(arguments.abi_encode_params())
    }

    /// Stores a Merkle root of claims at `set_verifier`, then delivers.
    pub fn submit_root_and_fulfill(&self, root: &SignedRoot, batches: &[FulfillmentBatch]) -> Call {
        let batches = encoded_batches(batches);
        let arguments = (root.set_verifier, root.root, root.seal.clone(), batches);
        self.encoded::<abi::submitRootAndFulfillCall>(arguments.abi_encode_params())
    }

    /// [`Market::submit_root_and_fulfill`], then pays every batch's prover its whole balance out.
    pub fn submit_root_fulfill_and_withdraw(
        &self,
        root: &SignedRoot,
        batches: &[FulfillmentBatch],
    ) -> Call {
        let batches = encoded_batches(batches);
        let arguments = (root.set_verifier, root.root, root.seal.clone(), batches);
        self.encoded::<abi::submitRootAndFulfillAndWithdrawCall>(arguments.abi_encode_params())
    }

    /// Stores a Merkle root of claims at its verifier, for deliveries in later transactions.
    pub fn submit_root(&self, root: &SignedRoot) -> Call {
        let call = verifier::submitMerkleRootCall { root: root.root, seal: root.seal.clone() };
        Call::new(root.set_verifier, call.abi_encode())
    }

    /// Settles a lapsed lock; the sender earns nothing unless it delivered in the race.
    pub fn slash(&self, id: RequestId) -> Call {
        self.call(abi::slashCall { requestId: id.to_u256() })
    }

    fn call(&self, call: impl SolCall) -> Call {
        Call::new(self.address, call.abi_encode())
    }

    fn encoded<C: SolCall>(&self, arguments: Vec<u8>) -> Call {
        Call::new(self.address, [C::SELECTOR.as_slice(), &arguments].concat())
    }
}

/// A Merkle root of claims with what convinces its verifier of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRoot {
    /// The contract that keeps roots.
    pub set_verifier: Address,
    /// The root.
    pub root: B256,
    /// Selector and signatures.
    pub seal: Bytes,
}

fn encoded_batches(batches: &[FulfillmentBatch]) -> Vec<AbiBatch> {
    batches.iter().map(Into::into).collect()
}
