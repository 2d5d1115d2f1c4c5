//! Amounts and instants, each its own type, so that wei are never added to collateral and a
//! deadline is never compared with a duration.

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! token_amount {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub U256);

        impl $name {
            /// Nothing at all.
            pub const ZERO: Self = Self(U256::ZERO);

            /// Sum, or `None` past 2^256 - 1.
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            /// Difference, or `None` when `other` is larger.
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map(Self)
            }

            /// Difference, zero when `other` is larger.
            pub fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }

            /// Whether the contracts can store the amount: they keep amounts in 96 bits.
            pub fn fits_storage(self) -> bool {
                self.0.bit_len() <= 96
            }
        }

        impl From<u128> for $name {
            fn from(value: u128) -> Self {
                Self(U256::from(value))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

token_amount! {
    /// An amount of the chain's native token in wei.
    Wei
}

token_amount! {
    /// An amount of the collateral token in its smallest unit.
    Collateral
}

/// A point in time, in whole seconds since the UNIX epoch, as blocks carry it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Seconds from `self` until `later`, zero when `later` is not later.
    pub fn seconds_until(self, later: Self) -> u64 {
        later.0.saturating_sub(self.0)
    }

    /// The instant `seconds` later, at most the largest one.
    pub fn saturating_add(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The instant `seconds` earlier, at least the epoch.
    pub fn saturating_sub(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Work: instructions that a zkVM executed. Prices are per million of them (Mcycle).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Cycles(pub u64);

impl fmt::Display for Cycles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not an amount: {problem}; write a decimal number and a unit, such as {example:?}"
)]
pub struct InvalidAmount {
    text: String,
    problem: &'static str,
    example: &'static str,
}

impl FromStr for Wei {
    type Err = InvalidAmount;

    /// Reads `"0.01 ETH"`, `"30 gwei"` or `"7 wei"`; a unit is demanded, since a bare number has
    /// cost people a factor of 10^18.
    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let units = [("eth", 18), ("gwei", 9), ("wei", 0)];
        parse_amount(text, &units, "0.01 ETH").map(Self)
    }
}

impl FromStr for Collateral {
    type Err = InvalidAmount;

    /// Reads `"10 RCT"` (or `ZKC`, the name that existing configurations use), 18 decimals, or
    /// `"5 raw"` in the token's smallest unit.
    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let units = [("rct", 18), ("zkc", 18), ("raw", 0)];
        parse_amount(text, &units, "10 RCT").map(Self)
    }
}

impl Wei {
    /// The amount for people: in ETH with up to six significant decimals, rounded down.
    pub fn to_eth_down(self) -> String {
        to_decimal_down(self.0)
    }
}

impl Collateral {
    /// The amount for people: in whole tokens of 18 decimals, rounded down.
    pub fn to_tokens_down(self) -> String {
        to_decimal_down(self.0)
    }
}

fn parse_amount(
    text: &str,
    units: &[(&str, u8)],
    example: &'static str,
) -> Result<U256, InvalidAmount> {
    let fail = |problem| InvalidAmount { text: text.to_owned(), problem, example };
    let mut words = text.split_whitespace();
    let (Some(number), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Err(fail("it needs a number and a unit"));
    };
    let unit = unit.to_lowercase();
    let Some((_, decimals)) = units.iter().find(|(name, _)| *name == unit) else {
        return Err(fail("its unit is unknown here"));
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(fail("it has no digits"));
    }
    if fraction.len() > usize::from(*decimals) {
        return Err(fail("it has more decimals than the unit"));
    }
    let digits = format!("{whole}{fraction:0<width$}", width = usize::from(*decimals));
    if digits.bytes().any(|byte| !byte.is_ascii_digit()) {
        return Err(fail("it is not a plain decimal number"));
    }
    U256::from_str(&digits).map_err(|_| fail("it is too large"))
}

fn to_decimal_down(value: U256) -> String {
    let (whole, rest) = value.div_rem(U256::from(10u64).pow(U256::from(18)));
    let fraction = format!("{rest:0>18}");
    let leading_zeros = fraction.bytes().take_while(|byte| *byte == b'0').count();
    let kept = if whole.is_zero() { (leading_zeros + 6).min(18) } else { 6 };
    let fraction = fraction[..kept].trim_end_matches('0');
    if fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn amounts_are_read_with_their_unit() {
        let cases = [
            "0.00002 ETH",
            "1 eth",
            "30 gwei",
            "7 wei",
            "0.5 wei",
            "1",
            "1 USD",
            "x ETH",
            "-1 ETH",
            ". ETH",
        ];
        let rows: String = cases
            .iter()
            .map(|text| match text.parse::<Wei>() {
                Ok(amount) => format!("{text} = {amount} wei = {} ETH\n", amount.to_eth_down()),
                Err(refusal) => format!("{refusal}\n"),
            })
            .collect();
        expect![[r#"
            0.00002 ETH = 20000000000000 wei = 0.00002 ETH
            1 eth = 1000000000000000000 wei = 1 ETH
            30 gwei = 30000000000 wei = 0.00000003 ETH
            7 wei = 7 wei = 0.000000000000000007 ETH
            "0.5 wei" is not an amount: it has more decimals than the unit; write a decimal number and a unit, such as "0.01 ETH"
            "1" is not an amount: it needs a number and a unit; write a decimal number and a unit, such as "0.01 ETH"
            "1 USD" is not an amount: its unit is unknown here; write a decimal number and a unit, such as "0.01 ETH"
            "x ETH" is not an amount: it is not a plain decimal number; write a decimal number and a unit, such as "0.01 ETH"
            "-1 ETH" is not an amount: it is not a plain decimal number; write a decimal number and a unit, such as "0.01 ETH"
            ". ETH" is not an amount: it has no digits; write a decimal number and a unit, such as "0.01 ETH"
        "#]]
        .assert_eq(&rows);
        assert_eq!("2.5 ZKC".parse(), Ok(Collateral::from(2_500_000_000_000_000_000)));
    }

    #[test]
    fn amounts_are_shown_rounded_down() {
        assert_eq!(Wei::from(1_234_567_899_999_999_999).to_eth_down(), "1.234567");
        assert_eq!(Wei::from(1_234_567_899_999).to_eth_down(), "0.00000123456");
        assert_eq!(Wei::ZERO.to_eth_down(), "0");
    }
}
