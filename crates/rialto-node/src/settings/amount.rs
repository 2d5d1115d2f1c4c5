//! Amounts of the file: in the chain's token, in the collateral token, or in dollars.
//!
//! Dollars become tokens when they are needed, at the price of that moment. The rounding favours
//! whoever set the limit: floors round up, ceilings round down.

use super::value::{Value, quoted, text};
use crate::prices::Prices;
use rialto_protocol::{Collateral, InvalidAmount, Usd, Wei};
use std::str::FromStr;
use toml::de::DeValue;

/// A price in the chain's token or in dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceAmount {
    /// Dollars, worth what the price oracle says.
    Usd(Usd),
    /// The chain's token.
    Wei(Wei),
}

/// An amount of collateral, in its token or in dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollateralAmount {
    /// Dollars, worth what the price oracle says.
    Usd(Usd),
    /// The collateral token.
    Tokens(Collateral),
}

impl PriceAmount {
    /// In the chain's token, rounded up; `None` without a price of ETH.
    pub fn to_wei_up(self, prices: &Prices) -> Option<Wei> {
        match self {
            Self::Usd(usd) => usd.to_wei_up(prices.eth_usd?.usd),
            Self::Wei(wei) => Some(wei),
        }
    }

    /// In the collateral token, rounded up; `None` without the prices that it takes.
    pub fn to_collateral_up(self, prices: &Prices) -> Option<Collateral> {
        let usd = match self {
            Self::Usd(usd) => usd,
            Self::Wei(wei) if wei == Wei::ZERO => return Some(Collateral::ZERO),
            Self::Wei(wei) => wei.to_usd_up(prices.eth_usd?.usd)?,
        };
        usd.to_collateral_up(prices.zkc_usd?.usd)
    }

    /// Whether it means nothing without a price.
    pub fn is_usd(self) -> bool {
        matches!(self, Self::Usd(_))
    }
}

impl CollateralAmount {
    /// In the collateral token, rounded up; `None` without its price.
    pub fn to_collateral_up(self, prices: &Prices) -> Option<Collateral> {
        match self {
            Self::Usd(usd) => usd.to_collateral_up(prices.zkc_usd?.usd),
            Self::Tokens(tokens) => Some(tokens),
        }
    }

    /// In the collateral token, rounded down; `None` without its price.
    pub fn to_collateral_down(self, prices: &Prices) -> Option<Collateral> {
        match self {
            Self::Usd(usd) => usd.to_collateral_down(prices.zkc_usd?.usd),
            Self::Tokens(tokens) => Some(tokens),
        }
    }

    /// Whether it means nothing without a price.
    pub fn is_usd(self) -> bool {
        matches!(self, Self::Usd(_))
    }
}

impl Value for PriceAmount {
    const KIND: &'static str = "amount in ETH or USD";

    fn read(value: &DeValue<'_>, notes: &mut Vec<String>) -> Result<Self, String> {
        let text = spoken(value, "\"0.00002 ETH\" or \"0.00002 USD\"", ("ETH", notes))?;
        match is_in(&text, "usd") {
            true => read(&text).map(Self::Usd),
            false => read(&text).map(Self::Wei),
        }
    }

    fn show(&self) -> Option<String> {
        match self {
            Self::Usd(usd) => Some(quoted(&format!("{} USD", usd.to_decimal_exact()))),
            Self::Wei(wei) => wei.show(),
        }
    }
}

impl Value for CollateralAmount {
    const KIND: &'static str = "amount in ZKC or USD";

    fn read(value: &DeValue<'_>, notes: &mut Vec<String>) -> Result<Self, String> {
        let text = spoken(value, "\"10 ZKC\" or \"10 USD\"", ("ZKC", notes))?;
        match is_in(&text, "usd") {
            true => read(&text).map(Self::Usd),
            false => read(&text).map(Self::Tokens),
        }
    }

    fn show(&self) -> Option<String> {
        match self {
            Self::Usd(usd) => Some(quoted(&format!("{} USD", usd.to_decimal_exact()))),
            Self::Tokens(tokens) => tokens.show(),
        }
    }
}

impl Value for Wei {
    const KIND: &'static str = "amount in ETH";

    fn read(value: &DeValue<'_>, notes: &mut Vec<String>) -> Result<Self, String> {
        read(&spoken(value, "\"0.5 ETH\" or \"30 gwei\"", ("ETH", notes))?)
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&format!("{} ETH", self.to_decimal_exact())))
    }
}

impl Value for Collateral {
    const KIND: &'static str = "amount in ZKC";

    fn read(value: &DeValue<'_>, notes: &mut Vec<String>) -> Result<Self, String> {
        read(&spoken(value, "\"10 ZKC\"", ("ZKC", notes))?)
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&format!("{} ZKC", self.to_decimal_exact())))
    }
}

/// The amount's words. A number without quotes is refused, since it says nothing of its unit; text
/// without a unit is what configurations of existing brokers have, with one meaning for each key,
/// and passes with a remark.
fn spoken(
    value: &DeValue<'_>,
    sample: &str,
    (unit, notes): (&str, &mut Vec<String>),
) -> Result<String, String> {
    if matches!(value, DeValue::Integer(_) | DeValue::Float(_)) {
        return Err(format!("must have a unit and stand in quotes, such as {sample}"));
    }
    let text = text(value, &format!("an amount such as {sample}"))?.trim();
    let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if bare {
        notes.push(format!("has no unit and is taken as \"{text} {unit}\""));
        return Ok(format!("{text} {unit}"));
    }
    Ok(text.to_owned())
}

fn is_in(text: &str, unit: &str) -> bool {
    text.split_whitespace().next_back().is_some_and(|word| word.eq_ignore_ascii_case(unit))
}

fn read<T: FromStr<Err = InvalidAmount>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: InvalidAmount| {
        format!("must be an amount such as {:?}: {}", error.example(), error.problem())
    })
}
