//! Amounts and instants, each its own type, so that wei are never added to collateral and a
//! deadline is never compared with a duration.

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One whole token: all amounts have 18 decimals.
const UNIT: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

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

            /// The exact amount in whole units of 18 decimals, without trailing zeros.
            pub fn to_decimal_exact(self) -> String {
                let (whole, rest) = self.0.div_rem(UNIT);
                let fraction = format!("{rest:0>18}");
                let fraction = fraction.trim_end_matches('0');
                if fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") }
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

token_amount! {
    /// An amount of US dollars in 10^-18 dollars; as a price, what one whole token costs.
    Usd
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

impl InvalidAmount {
    /// What is wrong with it, as a clause that begins with "it".
    pub fn problem(&self) -> &'static str {
        self.problem
    }

    /// An amount of the kind that was wanted.
    pub fn example(&self) -> &'static str {
        self.example
    }
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

impl FromStr for Usd {
    type Err = InvalidAmount;

    /// Reads `"0.00002 USD"`.
    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        parse_amount(text, &[("usd", 18)], "0.5 USD").map(Self)
    }
}

impl Usd {
    /// The ETH that these dollars buy at `price`, rounded up; `None` when the price is zero or the
    /// amount is out of all bounds.
    pub fn to_wei_up(self, price: Self) -> Option<Wei> {
        self.bought(price, true).map(Wei)
    }

    /// The collateral that these dollars buy at `price`, rounded up; `None` as above.
    pub fn to_collateral_up(self, price: Self) -> Option<Collateral> {
        self.bought(price, true).map(Collateral)
    }

    /// The collateral that these dollars buy at `price`, rounded down; `None` as above.
    pub fn to_collateral_down(self, price: Self) -> Option<Collateral> {
        self.bought(price, false).map(Collateral)
    }

    fn bought(self, price: Self, up: bool) -> Option<U256> {
        let scaled = self.0.checked_mul(UNIT)?;
        let (whole, rest) = (!price.0.is_zero()).then(|| scaled.div_rem(price.0))?;
        if up && !rest.is_zero() { whole.checked_add(U256::ONE) } else { Some(whole) }
    }
}

impl Wei {
    /// What the amount costs at `price`, rounded up; `None` when it is out of all bounds.
    pub fn to_usd_up(self, price: Usd) -> Option<Usd> {
        let (whole, rest) = self.0.checked_mul(price.0)?.div_rem(UNIT);
        if rest.is_zero() { Some(Usd(whole)) } else { whole.checked_add(U256::ONE).map(Usd) }
    }

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
    let (whole, rest) = value.div_rem(UNIT);
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
    fn dollars_buy_with_the_rounding_that_is_asked_for() {
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        let three = usd("3 USD");
        assert_eq!(usd("1 USD").to_wei_up(three), Some(Wei::from(333_333_333_333_333_334)));
        let down = Collateral::from(333_333_333_333_333_333);
        assert_eq!(usd("1 USD").to_collateral_down(three), Some(down));
        assert_eq!(usd("6 USD").to_collateral_up(three), Some("2 ZKC".parse().unwrap()));
        assert_eq!(usd("1 USD").to_wei_up(Usd::ZERO), None);
        assert_eq!(Usd(U256::MAX).to_wei_up(three), None);
        assert_eq!(Wei::from(1).to_usd_up(usd("2500 USD")), Some(Usd::from(2500)));
        assert_eq!(Wei::from(1).to_usd_up(usd("0.5 USD")), Some(Usd::from(1)));
        assert_eq!(Wei(U256::MAX).to_usd_up(three), None);
    }

    #[test]
    fn exact_amounts_keep_every_digit() {
        for text in ["0", "1", "0.000000000000000001", "12.5", "1234567.000000000000000001"] {
            let amount: Usd = format!("{text} USD").parse().unwrap();
            assert_eq!(amount.to_decimal_exact(), text);
        }
    }

    #[test]
    fn amounts_are_shown_rounded_down() {
        assert_eq!(Wei::from(1_234_567_899_999_999_999).to_eth_down(), "1.234567");
        assert_eq!(Wei::from(1_234_567_899_999).to_eth_down(), "0.00000123456");
        assert_eq!(Wei::ZERO.to_eth_down(), "0");
    }
}
