//! Instants and durations in milliseconds. A run begins wherever its log does; nothing here knows
//! what time it is.
//!
//! A window includes its last millisecond: what is due "until t" is in time at t, and what follows
//! begins at [`Time::next`].

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Add, Sub};

/// An instant: milliseconds since the log's origin, which for a live log is the UNIX epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(pub u64);

/// A duration in milliseconds. In text it carries its unit: `"250 ms"`, `"180 s"`, `"15 min"`,
/// `"2 h"`, `"7 d"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

/// From the largest unit down, with its length in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];

impl Time {
    /// The first instant after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The duration since `earlier`; zero if that is not earlier.
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// The longest: a thousand years, so that instants cannot overflow.
    pub const MAX: Self = Self(1_000 * 366 * 86_400_000);

    /// `value` milliseconds, at most [`Span::MAX`].
    pub const fn ms(value: u64) -> Self {
        if value > Self::MAX.0 { Self::MAX } else { Self(value) }
    }

    /// `value` seconds, at most [`Span::MAX`].
    pub const fn s(value: u64) -> Self {
        Self::ms(value.saturating_mul(1_000))
    }

    /// The number of milliseconds.
    pub fn get(self) -> u64 {
        self.0
    }

    /// `count` times as long, at most [`Span::MAX`].
    pub fn times(self, count: u64) -> Self {
        Self::ms(self.0.saturating_mul(count))
    }
}

impl Add<Span> for Time {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Add for Span {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::ms(self.0.saturating_add(other.0))
    }
}

impl Sub<Span> for Time {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

/// Seconds, as far as needed with a fraction.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000, self.0 % 1_000);
        match rest {
            0 => write!(f, "{whole}"),
            rest => write!(f, "{whole}.{}", format!("{rest:03}").trim_end_matches('0')),
        }
    }
}

/// In the largest unit that divides it.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, length): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*length);
        let (unit, length) = UNITS.iter().find(fits).unwrap_or(&("s", 1_000));
        write!(f, "{} {unit}", self.0 / length)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.collect_str(self),
            false => serializer.serialize_u64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.is_human_readable() {
            true => deserializer.deserialize_str(WithUnit),
            false => u64::deserialize(deserializer).map(Self::ms),
        }
    }
}

struct WithUnit;

impl Visitor<'_> for WithUnit {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a whole number and a unit, such as \"250 ms\", \"180 s\", \"15 min\", \"2 h\" or \"7 d\"",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
        let read = || {
            let (number, unit) = text.split_once(' ')?;
            let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
            let length = number.parse::<u64>().ok()?.checked_mul(*length)?;
            (length <= Span::MAX.0).then_some(Span(length))
        };
        read().ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_they_are_read() {
        #[derive(Deserialize)]
        struct Row {
            span: Span,
        }
        let read = |text: &str| toml::from_str::<Row>(&format!("span = {text}"));
        for text in ["0 s", "250 ms", "90 s", "15 min", "2 h", "7 d"] {
            assert_eq!(read(&format!("\"{text}\"")).unwrap().span.to_string(), text);
        }
        for wrong in ["15", "\"15\"", "\"1.5 s\"", "\"-1 s\"", "\"1 year\"", "\"999999999 d\""] {
            let refusal = read(wrong).err().unwrap().to_string();
            assert!(refusal.contains("a whole number and a unit"), "{refusal}");
        }
    }

    #[test]
    fn instants_are_shown_in_seconds() {
        let shown = [0, 1, 1_500, 60_000].map(|ms| Time(ms).to_string());
        assert_eq!(shown, ["0", "0.001", "1.5", "60"]);
    }
}
