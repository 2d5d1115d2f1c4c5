//! Who owns what, and what each call to the contracts does: the market's rules as a model.
//!
//! Written from the rules, not from the contract: the life of a request is
//! [`RequestState::apply`], and this adds what concerns more than one request. Signatures of clients
//! and provers are checked; seals are believed, though a claim must satisfy its request's predicate.
//!
//! Invariant: no wei and no token is made or lost. It is asserted after every call.

use super::contracts;
use crate::bindings::{CollateralToken as token, Market as abi};
use alloy::primitives::{Address, B256, Bytes, LogData, U256, keccak256};
use alloy::sol_types::{SolError, SolEvent, SolInterface};
use rialto_protocol::lifecycle::{Holder, Movement, Rejected, RequestEvent, RequestState};
use rialto_protocol::{MarketDomain, Offer, RequestDigest, RequestId, Timestamp};
use std::collections::BTreeMap;

/// One call, and the block that it is in.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) value: U256,
    pub(super) input: Bytes,
    pub(super) gas_limit: u64,
    pub(super) now: Timestamp,
    pub(super) block: u64,
}

/// What a call did.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    /// What it returns, or the revert's data.
    pub(super) result: Result<Vec<u8>, Vec<u8>>,
    /// Who logged what; empty after a revert.
    pub(super) logs: Vec<(Address, LogData)>,
    pub(super) gas_used: u64,
}

/// Amounts in the market under one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Deposit {
    pub(super) wei: U256,
    pub(super) collateral: U256,
}

/// One request that was locked or delivered.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) digest: RequestDigest,
    pub(super) offer: Offer,
    pub(super) state: RequestState,
    /// What the lock was made for; zero for a request that was never locked.
    pub(super) locker: Address,
    /// Who delivered after the lock had lapsed.
    pub(super) winner: Option<Address>,
    /// Whether a proof was ever delivered.
    pub(super) fulfilled: bool,
}

/// Everything that transactions change.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    pub(super) domain: MarketDomain,
    /// ETH in hand, the market's own included.
    pub(super) wei: BTreeMap<Address, U256>,
    /// Collateral tokens in hand, the market's own included.
    pub(super) tokens: BTreeMap<Address, U256>,
    pub(super) allowances: BTreeMap<(Address, Address), U256>,
    pub(super) deposits: BTreeMap<Address, Deposit>,
    pub(super) entries: BTreeMap<RequestId, Entry>,
    pub(super) commitments: BTreeMap<B256, u64>,
    /// Transactions that blocks include, by account.
    pub(super) nonces: BTreeMap<Address, u64>,
    wei_supply: U256,
    token_supply: U256,
}

/// A revert's data.
pub(super) type Revert = Vec<u8>;
/// What one entry point gives.
pub(super) type Outcome<T = ()> = Result<T, Revert>;

/// A call under way: the ledger that it changes and what it has logged.
pub(super) struct Running<'a> {
    pub(super) ledger: &'a mut Ledger,
    pub(super) message: &'a Message,
    pub(super) logs: Vec<(Address, LogData)>,
    /// Requests priced in this call, by digest.
    pub(super) priced: BTreeMap<RequestDigest, Offer>,
}

impl Ledger {
    pub(super) fn new(domain: MarketDomain) -> Self {
        Self {
            domain,
            wei: BTreeMap::new(),
            tokens: BTreeMap::new(),
            allowances: BTreeMap::new(),
            deposits: BTreeMap::new(),
            entries: BTreeMap::new(),
            commitments: BTreeMap::new(),
            nonces: BTreeMap::new(),
            wei_supply: U256::ZERO,
            token_supply: U256::ZERO,
        }
    }

    /// Brings ETH and tokens into being.
    pub(super) fn mint(&mut self, account: Address, wei: U256, tokens: U256) {
        *self.wei.entry(account).or_default() += wei;
        *self.tokens.entry(account).or_default() += tokens;
        self.wei_supply += wei;
        self.token_supply += tokens;
    }

    pub(super) fn deposit_of(&self, account: Address) -> Deposit {
        self.deposits.get(&account).copied().unwrap_or_default()
    }

    /// Takes what a transaction's gas cost out of circulation.
    pub(super) fn burn_wei(&mut self, from: Address, amount: U256) {
        let held = self.wei.entry(from).or_default();
        *held = held.checked_sub(amount).expect("gas was affordable when the block took it");
        self.wei_supply -= amount;
    }

    /// Carries a call out. A revert leaves nothing behind.
    pub(super) fn execute(&mut self, message: &Message) -> Effect {
        let before = self.clone();
        let gas_used = gas(message);
        let mut running =
            Running { ledger: self, message, logs: Vec::new(), priced: BTreeMap::new() };
        let result = match () {
            () if gas_used > message.gas_limit => Err(Revert::new()),
            () => running.run(),
        };
        let logs = match result {
            Ok(_) => std::mem::take(&mut running.logs),
            Err(_) => {
                *self = before;
                Vec::new()
            }
        };
        self.assert_conserved();
        Effect { result, logs, gas_used: gas_used.min(message.gas_limit) }
    }

    /// Panics if money was made or lost.
    pub(super) fn assert_conserved(&self) {
        let sum = |amounts: &BTreeMap<Address, U256>| amounts.values().sum::<U256>();
        assert_eq!(sum(&self.wei), self.wei_supply, "ETH in all hands");
        assert_eq!(sum(&self.tokens), self.token_supply, "tokens in all hands");
        let (mut wei, mut collateral) = (U256::ZERO, U256::ZERO);
        for deposit in self.deposits.values() {
            (wei, collateral) = (wei + deposit.wei, collateral + deposit.collateral);
        }
        for entry in self.entries.values() {
            let (price, stake) = escrow(&entry.state);
            (wei, collateral) = (wei + price, collateral + stake);
        }
        let held = |of: &BTreeMap<Address, U256>| of.get(&contracts::MARKET).copied();
        assert_eq!(wei, held(&self.wei).unwrap_or_default(), "the market's ETH");
        assert_eq!(collateral, held(&self.tokens).unwrap_or_default(), "the market's tokens");
    }
}

/// What a request's lock holds.
fn escrow(state: &RequestState) -> (U256, U256) {
    match state {
        RequestState::Locked(lock) | RequestState::DeliveredToClient(lock) => {
            (lock.price.0, lock.collateral.0)
        }
        RequestState::PaidInRace { lock, .. } => (U256::ZERO, lock.collateral.0),
        _ => (U256::ZERO, U256::ZERO),
    }
}

/// About what the contract takes, so that a limit that is too small shows.
fn gas(message: &Message) -> u64 {
    use abi::MarketCalls as Calls;
    if message.input.is_empty() {
        return 21_000;
    }
    let data = 16 * message.input.len() as u64;
    let work = match Calls::abi_decode(&message.input) {
        Ok(Calls::lockRequest(_) | Calls::lockRequestWithSignature(_)) => 110_000,
        Ok(Calls::fulfill(call)) => 60_000 + 60_000 * fills(&call.fulfillmentBatches),
        Ok(Calls::fulfillAndWithdraw(call)) => 90_000 + 60_000 * fills(&call.fulfillmentBatches),
        Ok(Calls::priceAndFulfill(call)) => 80_000 + 70_000 * fills(&call.fulfillmentBatches),
        Ok(Calls::submitRootAndFulfill(call)) => 110_000 + 40_000 * fills(&call.fulfillmentBatches),
        Ok(_) => 40_000,
        Err(_) => 35_000,
    };
    21_000 + data + work
}

fn fills(batches: &[abi::FulfillmentBatch]) -> u64 {
    batches.iter().map(|batch| batch.fills.len() as u64).sum()
}

impl Running<'_> {
    fn run(&mut self) -> Outcome<Vec<u8>> {
        let (from, to, value) = (self.message.from, self.message.to, self.message.value);
        self.transfer_wei(from, to, value)?;
        match to {
            contracts::MARKET => self.market(),
            contracts::TOKEN => self.token(),
            // Whatever else there is takes ETH and does nothing.
            _ => Ok(Vec::new()),
        }
    }

    pub(super) fn transfer_wei(&mut self, from: Address, to: Address, value: U256) -> Outcome {
        let held = self.ledger.wei.entry(from).or_default();
        *held = held.checked_sub(value).ok_or_else(Revert::new)?;
        *self.ledger.wei.entry(to).or_default() += value;
        Ok(())
    }

    pub(super) fn transfer_tokens(&mut self, from: Address, to: Address, value: U256) -> Outcome {
        let held = self.ledger.tokens.entry(from).or_default();
        let too_few = || token::InsufficientBalance {}.abi_encode();
        *held = held.checked_sub(value).ok_or_else(too_few)?;
        *self.ledger.tokens.entry(to).or_default() += value;
        let event = token::Transfer { from, to, amount: value };
        self.logs.push((contracts::TOKEN, event.encode_log_data()));
        Ok(())
    }

    pub(super) fn log(&mut self, event: &impl SolEvent) {
        self.logs.push((contracts::MARKET, event.encode_log_data()));
    }

    fn token(&mut self) -> Outcome<Vec<u8>> {
        use alloy::sol_types::SolValue;
        use token::CollateralTokenCalls as Calls;
        let from = self.message.from;
        let call = Calls::abi_decode(&self.message.input).map_err(|_| Revert::new())?;
        match call {
            Calls::approve(call) => {
                self.ledger.allowances.insert((from, call.spender), call.amount);
                Ok(true.abi_encode())
            }
            Calls::transfer(call) => {
                self.transfer_tokens(from, call.to, call.amount)?;
                Ok(true.abi_encode())
            }
            Calls::balanceOf(call) => {
                Ok(self.ledger.tokens.get(&call.owner).copied().unwrap_or_default().abi_encode())
            }
            Calls::allowance(call) => {
                let key = (call.owner, call.spender);
                Ok(self.ledger.allowances.get(&key).copied().unwrap_or_default().abi_encode())
            }
            _ => Err(Revert::new()),
        }
    }

    /// Moves what an accepted event moves, or says who has too little; then nothing has moved.
    pub(super) fn settle(
        &mut self,
        client: Address,
        movements: &[Movement],
    ) -> Result<(), Address> {
        let account = |holder: Holder| match holder {
            Holder::Client => Some(client),
            Holder::Prover(prover) => Some(prover),
            Holder::Market => Some(contracts::MARKET),
            Holder::Escrow | Holder::Burned => None,
        };
        let before = self.ledger.deposits.clone();
        for movement in movements {
            let (from, to, wei, collateral) = match *movement {
                Movement::Wei(from, to, amount) => (from, to, amount.0, U256::ZERO),
                Movement::Collateral(from, to, amount) => (from, to, U256::ZERO, amount.0),
            };
            if let Some(from) = account(from) {
                let held = self.ledger.deposits.entry(from).or_default();
                let left = held.wei.checked_sub(wei).zip(held.collateral.checked_sub(collateral));
                let Some((wei, collateral)) = left else {
                    self.ledger.deposits = before;
                    return Err(from);
                };
                *held = Deposit { wei, collateral };
            }
            match account(to) {
                Some(to) => self.credit(to, wei, collateral),
                None if to == Holder::Burned => {
                    let burned =
                        self.transfer_tokens(contracts::MARKET, contracts::BURNED, collateral);
                    burned.expect("the market holds what it burns");
                }
                None => {}
            }
        }
        Ok(())
    }

    pub(super) fn credit(&mut self, to: Address, wei: U256, collateral: U256) {
        let held = self.ledger.deposits.entry(to).or_default();
        held.wei += wei;
        held.collateral += collateral;
    }

    /// Settles a lapsed lock.
    pub(super) fn slash(&mut self, id: RequestId) -> Outcome {
        let number = id.to_u256();
        let not_locked = || abi::RequestIsNotLocked { requestId: number }.abi_encode();
        let entry = self.ledger.entries.get(&id).cloned().ok_or_else(not_locked)?;
        let event = RequestEvent::Slash { at: self.message.now };
        let applied = match entry.state.apply(&entry.offer, event) {
            Ok(applied) => applied,
            Err(rejected) => return Err(revert(rejected, id, &entry.offer)),
        };
        self.settle(id.client(), &applied.movements).expect("escrow holds what is forfeited");
        let (mut burned, mut transferred, mut recipient) =
            (U256::ZERO, U256::ZERO, contracts::MARKET);
        if let RequestState::PaidInRace { winner, .. } = entry.state {
            recipient = winner;
        }
        for movement in &applied.movements {
            match movement {
                Movement::Collateral(_, Holder::Burned, amount) => burned = amount.0,
                Movement::Collateral(_, _, amount) => transferred = amount.0,
                Movement::Wei(..) => {}
            }
        }
        self.log(&abi::ProverSlashed {
            requestId: number,
            collateralBurned: burned,
            collateralTransferred: transferred,
            collateralRecipient: recipient,
        });
        self.ledger.entries.insert(id, Entry { state: applied.state, ..entry });
        Ok(())
    }
}

/// A refusal in the contract's words.
pub(super) fn revert(rejected: Rejected, id: RequestId, offer: &Offer) -> Revert {
    let id = id.to_u256();
    match rejected {
        Rejected::RequestIsLocked => abi::RequestIsLocked { requestId: id }.abi_encode(),
        Rejected::RequestIsFulfilled => abi::RequestIsFulfilled { requestId: id }.abi_encode(),
        Rejected::RequestLockIsExpired => {
            let lock_deadline = offer.lock_deadline().0;
            abi::RequestLockIsExpired { requestId: id, lockDeadline: lock_deadline }.abi_encode()
        }
        Rejected::RequestIsExpired => abi::RequestIsExpired { requestId: id }.abi_encode(),
        Rejected::RequestIsNotLocked => abi::RequestIsNotLocked { requestId: id }.abi_encode(),
        Rejected::RequestIsSlashed => abi::RequestIsSlashed { requestId: id }.abi_encode(),
        Rejected::RequestIsNotExpired => {
            let deadline = offer.deadline().0;
            abi::RequestIsNotExpired { requestId: id, deadline }.abi_encode()
        }
    }
}

/// What must have been announced before `batches` are revealed.
pub(super) fn commitment(batches: &[abi::FulfillmentBatch]) -> B256 {
    use alloy::sol_types::SolValue;
    keccak256(batches.to_vec().abi_encode())
}
