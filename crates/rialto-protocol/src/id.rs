//! The id of a request: who asks, under which index, and whether a contract signs.
//!
//! Layout (256 bits): index in bits 0 to 31, client address in 32 to 191, the smart-contract flag
//! (ERC-1271) in bit 192, zeros above.

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A request id with its unused bits known to be clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "U256", into = "U256")]
pub struct RequestId(U256);

/// Why a number is no request id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequestId {
    /// A bit above 192 is set.
    #[error(
        "request id 0x{0:x} has bits above 192 set; an id is flag << 192 | client << 32 | index"
    )]
    UnknownBits(U256),
    /// The text is neither a 0x-hex nor a decimal number of at most 256 bits.
    #[error("{0:?} is not a request id; write it as 0x-hex or as a decimal number")]
    NotANumber(String),
}

impl RequestId {
    const FLAG_BIT: usize = 192;

    /// The id of a request that `client` signs with an ordinary key. A client gets one proof per
    /// index, ever.
    pub fn new(client: Address, index: u32) -> Self {
        Self(U256::from_be_slice(client.as_slice()) << 32 | U256::from(index))
    }

    /// The same id with the flag that says: `client` is a contract and decides by ERC-1271.
    pub fn with_contract_signature(self) -> Self {
        Self(self.0 | (U256::from(1) << Self::FLAG_BIT))
    }

    /// Who asks and pays.
    pub fn client(self) -> Address {
        let bytes: [u8; 32] = self.0.to_be_bytes();
        Address::from_slice(&bytes[8..28])
    }

    /// The client's own number for the request.
    pub fn index(self) -> u32 {
        self.0.as_limbs()[0] as u32
    }

    /// Whether the client is a contract that decides by ERC-1271.
    pub fn has_contract_signature(self) -> bool {
        self.0.bit(Self::FLAG_BIT)
    }

    /// The id as the number that the contracts use.
    pub fn to_u256(self) -> U256 {
        self.0
    }
}

impl TryFrom<U256> for RequestId {
    type Error = InvalidRequestId;

    fn try_from(raw: U256) -> Result<Self, InvalidRequestId> {
        if raw.bit_len() > Self::FLAG_BIT + 1 {
            return Err(InvalidRequestId::UnknownBits(raw));
        }
        Ok(Self(raw))
    }
}

impl From<RequestId> for U256 {
    fn from(id: RequestId) -> U256 {
        id.0
    }
}

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, InvalidRequestId> {
        let raw = U256::from_str(text.trim())
            .map_err(|_| InvalidRequestId::NotANumber(text.to_owned()))?;
        Self::try_from(raw)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::address;

    #[test]
    fn published_ids_take_apart_and_back() {
        let client = address!("7FA9385bE102ac3EAc297483Dd6233D62b3e1496");
        let eoa: RequestId =
            "3130239009558586413752262552917257075388277690201777635428".parse().unwrap();
        assert_eq!((eoa.client(), eoa.index(), eoa.has_contract_signature()), (client, 100, false));
        assert_eq!(RequestId::new(client, 100), eoa);
        let contract: RequestId =
            "9407340744945267177588051976124923491490633134665812148266".parse().unwrap();
        assert_eq!(RequestId::new(client, 42).with_contract_signature(), contract);
        assert!(contract.has_contract_signature());
        assert_eq!(contract.to_string().parse::<RequestId>().unwrap(), contract);
    }

    #[test]
    fn stray_bits_and_words_are_refused() {
        let stray = U256::from(1) << 193;
        assert_eq!(RequestId::try_from(stray), Err(InvalidRequestId::UnknownBits(stray)));
        assert_eq!(
            "seven".parse::<RequestId>(),
            Err(InvalidRequestId::NotANumber("seven".to_owned()))
        );
    }
}
