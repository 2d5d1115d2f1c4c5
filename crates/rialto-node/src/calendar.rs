//! Days and months in UTC, for what is kept and summed by them.

use serde::{Deserialize, Serialize};
use std::fmt;

const MS_PER_DAY: u64 = 86_400_000;

/// A day of the Gregorian calendar, in UTC. Shown as `2026-11-21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Day {
    year: u64,
    month: u64,
    day: u64,
}

/// A text that is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a day; write it as 2026-11-21")]
pub struct InvalidDay(String);

impl Day {
    /// The day of an instant in milliseconds since the UNIX epoch.
    pub fn of_ms(unix_ms: u64) -> Self {
        // Counted in eras of 400 years that begin in March, so that a leap day ends its year.
        let since_march_0000 = unix_ms / MS_PER_DAY + 719_468;
        let era = since_march_0000 / 146_097;
        let of_era = since_march_0000 % 146_097;
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self { year: era * 400 + year_of_era + u64::from(month <= 2), month, day }
    }

    /// The month that the day is in, as `2026-11`.
    pub fn month(self) -> String {
        format!("{:04}-{:02}", self.year, self.month)
    }

    /// The instant at which the day of `unix_ms` began.
    pub fn start_ms(unix_ms: u64) -> u64 {
        unix_ms - unix_ms % MS_PER_DAY
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = InvalidDay;

    fn try_from(text: String) -> Result<Self, InvalidDay> {
        let mut numbers = text.splitn(3, '-').map(str::parse);
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(year)), Some(Ok(month @ 1..=12)), Some(Ok(day @ 1..=31))) => {
                Ok(Self { year, month, day })
            }
            _ => Err(InvalidDay(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01"),
            (86_399_999, "1970-01-01"),
            (86_400_000, "1970-01-02"),
            (951_782_400_000, "2000-02-29"),
            (951_868_800_000, "2000-03-01"),
            (1_709_164_800_000, "2024-02-29"),
            (1_735_603_200_000, "2024-12-31"),
            (1_735_689_600_000, "2025-01-01"),
            (4_107_542_400_000, "2100-03-01"),
        ];
        for (unix_ms, day) in cases {
            assert_eq!(Day::of_ms(unix_ms).to_string(), day);
            assert_eq!(Day::try_from(day.to_owned()).unwrap(), Day::of_ms(unix_ms));
            assert_eq!(Day::of_ms(Day::start_ms(unix_ms)), Day::of_ms(unix_ms));
        }
        assert_eq!(Day::of_ms(1_709_164_800_000).month(), "2024-02");
        assert!(Day::try_from("2024-13-01".to_owned()).is_err());
    }
}
