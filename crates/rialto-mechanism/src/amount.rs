//! Money and shares of it. All of a run's money together stays below [`Amount::MAX`], which the
//! ledger sees to at its door; so sums of what is held cannot overflow, and `+` and `-` panic where
//! they would.

use alloy_primitives::U256;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// An amount in the smallest unit of the one currency that a run counts in. A mechanism that takes
/// bonds in another token is given them at that token's price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u128);

/// Basis points: 10 000 are the whole. More than the whole is a factor.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bps(pub u32);

impl Amount {
    /// Nothing at all.
    pub const ZERO: Self = Self(0);

    /// The most that a run can hold: 96 bits, as the contracts keep amounts.
    pub const MAX: Self = Self((1 << 96) - 1);

    /// `value`, cut to [`Amount::MAX`].
    pub const fn new(value: u128) -> Self {
        if value > Self::MAX.0 { Self::MAX } else { Self(value) }
    }

    /// The number of smallest units.
    pub fn get(self) -> u128 {
        self.0
    }

    /// Difference, zero when `other` is larger.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Sum, at most [`Amount::MAX`].
    pub fn saturating_add(self, other: Self) -> Self {
        Self::new(self.0.saturating_add(other.0))
    }

    /// `floor(self · factor)`, at most [`Amount::MAX`].
    pub fn times_down(self, factor: Bps) -> Self {
        self.scaled_down(factor.0.into(), Bps::ALL.0.into())
    }

    /// `ceil(self · factor)`, at most [`Amount::MAX`].
    pub fn times_up(self, factor: Bps) -> Self {
        let whole = u128::from(Bps::ALL.0);
        Self::new((self.0 * u128::from(factor.0)).div_ceil(whole))
    }

    /// `floor(self · numerator / denominator)`, at most [`Amount::MAX`]; zero over zero is zero.
    pub fn scaled_down(self, numerator: u128, denominator: u128) -> Self {
        if denominator == 0 {
            return Self::ZERO;
        }
        if let Some(product) = self.0.checked_mul(numerator) {
            return Self::new(product / denominator);
        }
        let exact = U256::from(self.0) * U256::from(numerator) / U256::from(denominator);
        Self::new(exact.saturating_to())
    }
}

impl Bps {
    /// The whole.
    pub const ALL: Self = Self(10_000);
}

impl From<u32> for Amount {
    fn from(value: u32) -> Self {
        Self(value.into())
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("the ledger holds at most 96 bits in all"))
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("nothing is taken from where less is"))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::add)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Bps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bps", self.0)
    }
}

/// Text formats get a string, since their integers end below [`Amount::MAX`].
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.collect_str(self),
            false => serializer.serialize_u128(self.0),
        }
    }
}

/// An integer, or a string of digits that `_` may group.
impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer.deserialize_any(Digits);
        }
        let value = u128::deserialize(deserializer)?;
        if value > Self::MAX.0 {
            Err(D::Error::custom("more than 96 bits"))
        } else {
            Ok(Self(value))
        }
    }
}

struct Digits;

impl Visitor<'_> for Digits {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount of at most 96 bits, such as 250 or \"1_000_000\"")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Amount, E> {
        let amount = u128::try_from(value).map(Amount);
        amount.map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Amount, E> {
        Ok(Amount(value.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        let amount = text.replace('_', "").parse().ok().map(Amount);
        let fits = amount.filter(|amount| *amount <= Amount::MAX);
        fits.ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_in_the_name() {
        let amount = Amount::new(7);
        assert_eq!(amount.times_down(Bps(5_000)), Amount::new(3));
        assert_eq!(amount.times_up(Bps(5_000)), Amount::new(4));
        assert_eq!(amount.times_up(Bps(20_000)), Amount::new(14));
        assert_eq!(amount.scaled_down(2, 3), Amount::new(4));
        assert_eq!(amount.scaled_down(2, 0), Amount::ZERO);
        // Where the product has more than 128 bits as where it has fewer.
        assert_eq!(Amount::MAX.scaled_down(1 << 40, 1 << 41), Amount::new(Amount::MAX.get() / 2));
        assert_eq!(Amount::MAX.scaled_down(1 << 20, 1 << 21), Amount::new(Amount::MAX.get() / 2));
        assert_eq!(Amount::MAX.scaled_down(u128::MAX, 1), Amount::MAX);
        assert_eq!(Amount::MAX.times_up(Bps(u32::MAX)), Amount::MAX);
        assert_eq!(Amount::MAX.saturating_add(amount), Amount::MAX);
        assert_eq!(amount.saturating_sub(Amount::MAX), Amount::ZERO);
    }

    #[test]
    fn amounts_are_read_from_text() {
        #[derive(Deserialize)]
        struct Row {
            amount: Amount,
        }
        let read = |text: &str| toml::from_str::<Row>(text).map(|row| row.amount.get());
        assert_eq!(read("amount = 250"), Ok(250));
        assert_eq!(read("amount = \"1_000\""), Ok(1_000));
        assert_eq!(read(&format!("amount = \"{}\"", Amount::MAX)), Ok(Amount::MAX.get()));
        for wrong in ["-1", "1.5", "\"\"", "\"79228162514264337593543950336\"", "true"] {
            let refusal = read(&format!("amount = {wrong}")).unwrap_err().to_string();
            assert!(refusal.contains("an amount of at most 96 bits"), "{refusal}");
        }
    }
}
