//! The market's entry points and views, one rule after the other in the contract's order.

use super::contracts;
use super::ledger::{Entry, Ledger, Outcome, Revert, Running, commitment, revert};
use crate::bindings::Market as abi;
use alloy::primitives::{Address, Bytes, Signature, U256};
use alloy::sol_types::{SolError, SolInterface, SolValue};
use rialto_protocol::abi::{Predicate as AbiPredicate, ProofRequest as AbiRequest};
use rialto_protocol::lifecycle::{Rejected, RequestEvent, RequestState};
use rialto_protocol::{
    ClaimDigest, FulfillmentData, Predicate, ProofRequest, RequestDigest, RequestId, SlimRequest,
    claim_digest,
};

impl Running<'_> {
    pub(super) fn market(&mut self) -> Outcome<Vec<u8>> {
        use abi::MarketCalls as Calls;
        let call = Calls::abi_decode(&self.message.input).map_err(|_| Revert::new())?;
        let from = self.message.from;
        match call {
            Calls::deposit(_) => self.deposit(from)?,
            Calls::depositTo(call) => self.deposit(call.to)?,
            Calls::withdraw(call) => self.withdraw(from, call.value)?,
            Calls::depositCollateral(call) => self.deposit_collateral(from, call.value)?,
            Calls::depositCollateralTo(call) => self.deposit_collateral(call.to, call.value)?,
            Calls::withdrawCollateral(call) => self.withdraw_collateral(call.value)?,
            Calls::submitRequest(call) => {
                if self.message.value > U256::ZERO {
                    self.deposit(from)?;
                }
                let (request, signature) = (call.request, call.clientSignature);
                self.log(&abi::RequestSubmitted {
                    requestId: request.id,
                    request,
                    clientSignature: signature,
                });
            }
            Calls::lockRequest(call) => {
                let request = self.authentic(&call.request, &call.clientSignature)?;
                self.lock(request, call.request, call.clientSignature, from)?;
            }
            Calls::lockRequestWithSignature(call) => {
                let request = self.authentic(&call.request, &call.clientSignature)?;
                let digest = self.ledger.domain.lock_digest(&request);
                let prover = recover(&call.proverSignature, digest)?;
                self.lock(request, call.request, call.clientSignature, prover)?;
            }
            Calls::commitFulfillment(call) => {
                let block = self.message.block;
                self.ledger.commitments.entry(call.commitment).or_insert(block);
            }
            Calls::slash(call) => {
                let id = request_id(call.requestId)?;
                self.slash(id)?;
            }
            Calls::submitRoot(_) => {}
            other => return self.fulfillment(other),
        }
        Ok(Vec::new())
    }

    fn fulfillment(&mut self, call: abi::MarketCalls) -> Outcome<Vec<u8>> {
        use abi::MarketCalls as Calls;
        let (requests, batches, withdraw) = match call {
            Calls::fulfill(c) => (vec![], c.fulfillmentBatches, false),
            Calls::fulfillAndWithdraw(c) => (vec![], c.fulfillmentBatches, true),
            Calls::priceAndFulfill(c) => (c.requestBatches, c.fulfillmentBatches, false),
            Calls::priceAndFulfillAndWithdraw(c) => (c.requestBatches, c.fulfillmentBatches, true),
            Calls::submitRootAndFulfill(c) => (vec![], c.fulfillmentBatches, false),
            Calls::submitRootAndFulfillAndWithdraw(c) => (vec![], c.fulfillmentBatches, true),
            Calls::submitRootAndPriceAndFulfill(c) => {
                (c.requestBatches, c.fulfillmentBatches, false)
            }
            Calls::submitRootAndPriceAndFulfillAndWithdraw(c) => {
                (c.requestBatches, c.fulfillmentBatches, true)
            }
            view => return self.ledger.view(view).unwrap_or(Err(Revert::new())),
        };
        for batch in requests {
            for (request, signature) in batch.requests.iter().zip(&batch.signatures) {
                let request = self.authentic(request, signature)?;
                let consistent = request.offer.check_consistent();
                consistent.map_err(|_| abi::InvalidRequest {}.abi_encode())?;
                let digest = self.ledger.domain.request_digest(&request);
                self.priced.insert(digest, request.offer);
            }
        }
        let errors = self.fulfill(&batches)?;
        if withdraw {
            for prover in batches.iter().map(|batch| batch.prover) {
                let balance = self.ledger.deposit_of(prover).wei;
                if balance > U256::ZERO {
                    self.withdraw(prover, balance)?;
                }
            }
        }
        Ok((errors,).abi_encode_params())
    }

    // ----------------------------------------------------------------------------- balances

    fn deposit(&mut self, to: Address) -> Outcome {
        let value = self.message.value;
        self.credit(to, value, U256::ZERO);
        self.log(&abi::Deposit { account: to, value });
        Ok(())
    }

    fn withdraw(&mut self, account: Address, value: U256) -> Outcome {
        let held = self.ledger.deposits.entry(account).or_default();
        let too_little = || abi::InsufficientBalance { account }.abi_encode();
        held.wei = held.wei.checked_sub(value).ok_or_else(too_little)?;
        self.log(&abi::Withdrawal { account, value });
        self.transfer_wei(contracts::MARKET, account, value)
    }

    fn deposit_collateral(&mut self, to: Address, value: U256) -> Outcome {
        let from = self.message.from;
        let allowed = self.ledger.allowances.entry((from, contracts::MARKET)).or_default();
        let refused = || abi::TransferFromFailed {}.abi_encode();
        *allowed = allowed.checked_sub(value).ok_or_else(refused)?;
        self.transfer_tokens(from, contracts::MARKET, value).map_err(|_| refused())?;
        self.credit(to, U256::ZERO, value);
        self.log(&abi::CollateralDeposit { account: to, value });
        Ok(())
    }

    fn withdraw_collateral(&mut self, value: U256) -> Outcome {
        let account = self.message.from;
        let held = self.ledger.deposits.entry(account).or_default();
        let too_little = || abi::InsufficientBalance { account }.abi_encode();
        held.collateral = held.collateral.checked_sub(value).ok_or_else(too_little)?;
        self.log(&abi::CollateralWithdrawal { account, value });
        self.transfer_tokens(contracts::MARKET, account, value)
    }

    // --------------------------------------------------------------------------------- lock

    /// The request, if its id is well-formed and its client signed it.
    fn authentic(&self, raw: &abi::ProofRequest, signature: &Bytes) -> Outcome<ProofRequest> {
        request_id(raw.id)?;
        let invalid = || abi::InvalidRequest {}.abi_encode();
        let request = AbiRequest::abi_decode(&raw.abi_encode()).map_err(|_| invalid())?;
        let request = ProofRequest::try_from(request).map_err(|_| invalid())?;
        let digest = self.ledger.domain.request_digest(&request);
        if recover(signature, digest.0)? != request.id.client() {
            return Err(abi::InvalidSignature {}.abi_encode());
        }
        Ok(request)
    }

    fn lock(
        &mut self,
        request: ProofRequest,
        raw: abi::ProofRequest,
        client_signature: Bytes,
        prover: Address,
    ) -> Outcome {
        let (id, offer) = (request.id, request.offer.clone());
        offer.check_consistent().map_err(|_| abi::InvalidRequest {}.abi_encode())?;
        let known = self.ledger.entries.get(&id);
        let state = known.map_or(RequestState::Open, |entry| entry.state.clone());
        let event = RequestEvent::Lock { prover, at: self.message.now };
        let applied = state.apply(&offer, event).map_err(|why| revert(why, id, &offer))?;
        self.settle(id.client(), &applied.movements)
            .map_err(|account| abi::InsufficientBalance { account }.abi_encode())?;
        let digest = self.ledger.domain.request_digest(&request);
        let entry = Entry {
            digest,
            offer,
            state: applied.state,
            locker: prover,
            winner: None,
            fulfilled: false,
        };
        self.ledger.entries.insert(id, entry);
        let number = id.to_u256();
        self.log(&abi::RequestLocked {
            requestId: number,
            prover,
            request: raw,
            clientSignature: client_signature,
        });
        Ok(())
    }

    // ------------------------------------------------------------------------------- fulfil

    fn fulfill(&mut self, batches: &[abi::FulfillmentBatch]) -> Outcome<Vec<Bytes>> {
        let now = self.message.now;
        let is_open = |slim: &abi::SlimRequest| match request_id(slim.id) {
            Ok(id) => self.ledger.entries.get(&id).is_none_or(|entry| {
                entry.locker == Address::ZERO || entry.offer.lock_deadline() < now
            }),
            Err(_) => true,
        };
        if batches.iter().flat_map(|batch| &batch.requests).any(is_open) {
            let commitment = commitment(batches);
            let committed = self.ledger.commitments.get(&commitment).copied();
            if committed.is_none_or(|block| block + 1 > self.message.block) {
                return Err(abi::MissingFulfillmentCommitment {}.abi_encode());
            }
            self.ledger.commitments.remove(&commitment);
        }
        let mut errors = Vec::new();
        for batch in batches {
            if batch.requests.len() != batch.fills.len() {
                let (size, limit) = (batch.requests.len(), batch.fills.len());
                let (size, limit) = (U256::from(size), U256::from(limit));
                return Err(abi::BatchSizeExceedsLimit { batchSize: size, limit }.abi_encode());
            }
            for (slim, fill) in batch.requests.iter().zip(&batch.fills) {
                errors.push(self.deliver(slim, fill, batch.prover)?);
            }
        }
        Ok(errors)
    }

    fn deliver(
        &mut self,
        slim: &abi::SlimRequest,
        fill: &abi::Fulfillment,
        prover: Address,
    ) -> Outcome<Bytes> {
        let slim = slim_request(slim)?;
        let (id, number) = (slim.id, slim.id.to_u256());
        let digest = self.ledger.domain.slim_digest(&slim);
        let known = self.ledger.entries.get(&id).filter(|entry| entry.digest == digest).cloned();
        let entry = match (known, self.priced.get(&digest)) {
            (Some(entry), _) => entry,
            (None, Some(_)) if self.ledger.entries.contains_key(&id) => {
                unreachable!("the model knows one request under each id")
            }
            (None, Some(offer)) => {
                let (offer, state) = (offer.clone(), RequestState::Open);
                Entry {
                    digest,
                    offer,
                    state,
                    locker: Address::ZERO,
                    winner: None,
                    fulfilled: false,
                }
            }
            (None, None) => {
                return Err(abi::RequestIsNotLockedOrPriced { requestId: number }.abi_encode());
            }
        };
        satisfies(&slim, fill)?;
        let event = RequestEvent::Deliver { prover, at: self.message.now };
        let applied = entry.state.apply(&entry.offer, event);
        let is_first = matches!(entry.state, RequestState::Open | RequestState::Locked(_));
        if is_first && applied.is_ok() {
            let event =
                abi::RequestFulfilled { requestId: number, prover, requestDigest: digest.0 };
            self.log(&event);
        }
        let (offer, error) = (entry.offer.clone(), self.paid(entry, id, applied)?);
        if !error.is_empty() {
            self.log(&abi::PaymentRequirementsFailed { reason: error.clone() });
        }
        if self.message.now <= offer.deadline() {
            self.log(&delivered(number, digest, fill, prover));
        }
        Ok(error)
    }

    /// Records the outcome of a delivery and gives the payment error, if there is one.
    fn paid(
        &mut self,
        entry: Entry,
        id: RequestId,
        applied: Result<rialto_protocol::lifecycle::Applied, Rejected>,
    ) -> Outcome<Bytes> {
        let applied = match applied {
            Ok(applied) => applied,
            Err(rejected) => return Ok(revert(rejected, id, &entry.offer).into()),
        };
        let mut error = Revert::new();
        if matches!(applied.state, RequestState::DeliveredToClient(_)) {
            error = revert(Rejected::RequestIsLocked, id, &entry.offer);
        }
        if let Err(account) = self.settle(id.client(), &applied.movements) {
            error = abi::InsufficientBalance { account }.abi_encode();
        }
        let winner = match applied.state {
            RequestState::PaidInRace { winner, .. } => Some(winner),
            _ => None,
        };
        let settled = Entry { state: applied.state, winner, fulfilled: true, ..entry };
        self.ledger.entries.insert(id, settled);
        Ok(error.into())
    }
}

impl Ledger {
    /// What a view of the market answers; nothing for a call that is none.
    pub(super) fn view(&self, call: abi::MarketCalls) -> Option<Outcome<Vec<u8>>> {
        use abi::MarketCalls as Calls;
        let entry = |id: U256| request_id(id).map(|id| self.entries.get(&id));
        let told = |id: U256, tell: fn(&Entry) -> bool| {
            entry(id).map(|entry| entry.is_some_and(tell).abi_encode())
        };
        Some(match call {
            Calls::ROUTER(_) => Ok(contracts::ROUTER.abi_encode()),
            Calls::COLLATERAL_TOKEN_CONTRACT(_) => Ok(contracts::TOKEN.abi_encode()),
            Calls::MARKET_FEE_BPS(_) => Ok(U256::ZERO.abi_encode()),
            Calls::balanceOf(call) => Ok(self.deposit_of(call.addr).wei.abi_encode()),
            Calls::balanceOfCollateral(call) => {
                Ok(self.deposit_of(call.addr).collateral.abi_encode())
            }
            Calls::fulfillmentCommitBlock(call) => {
                let block = self.commitments.get(&call.0).copied().unwrap_or_default();
                Ok(U256::from(block).abi_encode())
            }
            Calls::requestIsLocked(call) => told(call.requestId, |it| it.locker != Address::ZERO),
            Calls::requestIsFulfilled(call) => told(call.requestId, |it| it.fulfilled),
            Calls::requestIsSlashed(call) => {
                told(call.requestId, |it| matches!(it.state, RequestState::Slashed { .. }))
            }
            Calls::requestLocks(call) => entry(call.requestId).map(lock_words),
            _ => return None,
        })
    }
}

/// The raw lock, with fields cleared as the contract clears them.
fn lock_words(entry: Option<&Entry>) -> Vec<u8> {
    let Some(entry) = entry.filter(|entry| entry.locker != Address::ZERO) else {
        return vec![0; 7 * 32];
    };
    let (lock_deadline, deadline) = (entry.offer.lock_deadline().0, entry.offer.deadline().0);
    let (prover, flags, price, collateral) = match &entry.state {
        RequestState::Locked(lock) | RequestState::DeliveredToClient(lock) => {
            (lock.prover, 0u8, lock.price.0, lock.collateral.0)
        }
        RequestState::PaidInRace { lock, winner } => (*winner, 2, lock.price.0, lock.collateral.0),
        RequestState::Slashed { locker } => {
            let flags = if entry.winner.is_some() { 6 } else { 4 };
            (entry.winner.unwrap_or(*locker), flags, U256::ZERO, U256::ZERO)
        }
        _ => (entry.locker, 1, U256::ZERO, U256::ZERO),
    };
    let words = (
        prover,
        U256::from(lock_deadline),
        U256::from(deadline - lock_deadline),
        U256::from(flags),
        price,
        collateral,
        entry.digest.0,
    );
    words.abi_encode()
}

fn request_id(raw: U256) -> Outcome<RequestId> {
    RequestId::try_from(raw).map_err(|_| abi::InvalidRequest {}.abi_encode())
}

fn recover(signature: &[u8], digest: alloy::primitives::B256) -> Outcome<Address> {
    if signature.len() != 65 {
        let length = U256::from(signature.len());
        return Err(abi::ECDSAInvalidSignatureLength { length }.abi_encode());
    }
    let malformed = || abi::ECDSAInvalidSignature {}.abi_encode();
    let signature = Signature::from_raw(signature).map_err(|_| malformed())?;
    signature.recover_address_from_prehash(&digest).map_err(|_| malformed())
}

fn slim_request(raw: &abi::SlimRequest) -> Outcome<SlimRequest> {
    let predicate = AbiPredicate {
        predicateType: raw.predicate.predicateType,
        data: raw.predicate.data.clone(),
    };
    Ok(SlimRequest {
        id: request_id(raw.id)?,
        predicate: Predicate::try_from(predicate).map_err(|_| Revert::new())?,
        callback: rialto_protocol::Callback {
            addr: raw.callback.addr,
            gas_limit: raw.callback.gasLimit.to::<u128>(),
        },
        selector: raw.selector,
        image_url_hash: raw.imageUrlHash,
        input_digest: raw.inputDigest,
        offer_digest: raw.offerDigest,
    })
}

/// A seal is believed; that it is for a claim which the request asks for is not.
fn satisfies(slim: &SlimRequest, fill: &abi::Fulfillment) -> Outcome {
    let data = FulfillmentData::from_parts(fill.fulfillmentDataType, &fill.fulfillmentData)
        .map_err(|_| abi::MalformedFulfillmentData {}.abi_encode())?;
    let claimed = ClaimDigest(fill.claimDigest);
    let holds = match (&data, &slim.predicate) {
        (FulfillmentData::None, Predicate::ClaimDigestMatch(wanted)) => *wanted == claimed,
        (FulfillmentData::None, _) => false,
        (FulfillmentData::ImageIdAndJournal(image_id, journal), predicate) => {
            claim_digest(*image_id, journal) == claimed
                && predicate.check(*image_id, journal).is_ok()
        }
    };
    let failed =
        || crate::bindings::OnChainAssessor::PredicateFailed { index: U256::ZERO }.abi_encode();
    holds.then_some(()).ok_or_else(failed)
}

fn delivered(
    id: U256,
    digest: RequestDigest,
    fill: &abi::Fulfillment,
    prover: Address,
) -> abi::ProofDelivered {
    abi::ProofDelivered {
        requestId: id,
        prover,
        fulfillment: abi::DeliveredFulfillment {
            id,
            requestDigest: digest.0,
            claimDigest: fill.claimDigest,
            fulfillmentDataType: fill.fulfillmentDataType,
            fulfillmentData: fill.fulfillmentData.clone(),
            seal: fill.seal.clone(),
        },
    }
}
