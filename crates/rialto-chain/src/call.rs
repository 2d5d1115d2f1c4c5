//! A call to a contract before anybody has signed it.

use alloy::primitives::{Address, Bytes, TxKind, U256};
use alloy::rpc::types::{TransactionInput, TransactionRequest};
use rialto_protocol::Wei;

/// What a transaction does: whom it calls, with which data and value. It has no sender, nonce or
/// fee yet; [`crate::Sender`] gives it those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The contract, or `None` to create one from `data`.
    pub to: Option<Address>,
    /// ETH that goes with it.
    pub value: Wei,
    /// Selector and arguments, or creation code and constructor arguments.
    pub data: Bytes,
}

impl Call {
    /// A call without value.
    pub fn new(to: Address, data: impl Into<Bytes>) -> Self {
        Self { to: Some(to), value: Wei::ZERO, data: data.into() }
    }

    /// The creation of a contract.
    pub fn create(data: impl Into<Bytes>) -> Self {
        Self { to: None, value: Wei::ZERO, data: data.into() }
    }

    /// A plain transfer of ETH.
    pub fn transfer(to: Address, value: Wei) -> Self {
        Self { to: Some(to), value, data: Bytes::new() }
    }

    /// The same call with `value` attached.
    pub fn with_value(self, value: Wei) -> Self {
        Self { value, ..self }
    }

    pub(crate) fn kind(&self) -> TxKind {
        self.to.map_or(TxKind::Create, TxKind::Call)
    }

    /// The form in which endpoints simulate it.
    pub(crate) fn request(&self, from: Address) -> TransactionRequest {
        TransactionRequest {
            from: Some(from),
            to: Some(self.kind()),
            value: (self.value.0 != U256::ZERO).then_some(self.value.0),
            input: TransactionInput::new(self.data.clone()),
            ..TransactionRequest::default()
        }
    }
}
