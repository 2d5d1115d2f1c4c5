//! Amounts in JSON as decimal strings of their smallest unit, since JSON's numbers lose digits.

use alloy::primitives::U256;
use rialto_protocol::{Collateral, Wei};
use serde::{Deserialize, Deserializer, Serializer, de};
use std::fmt::Display;

pub(crate) fn serialize<S: Serializer>(amount: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(amount)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Amount>(from: D) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    U256::from_str_radix(&text, 10).map(T::of).map_err(de::Error::custom)
}

/// What is counted in smallest units.
pub(crate) trait Amount {
    fn of(units: U256) -> Self;
}

impl Amount for Wei {
    fn of(units: U256) -> Self {
        Self(units)
    }
}

impl Amount for Collateral {
    fn of(units: U256) -> Self {
        Self(units)
    }
}
