//! What is bid for inclusion: three presets, or one's own numbers.

use super::section::{Section, section};
use super::value::Value;
use rialto_chain::Bidding;
use std::time::Duration;
use toml::de::DeValue;

/// How much is bid for inclusion, or assumed to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GasMode {
    /// Cheap; may wait.
    Low,
    /// The usual.
    Medium,
    /// To be among the first.
    High,
    /// One's own numbers.
    Custom(CustomGas),
}

section! {
    /// One's own numbers for what is bid.
    "custom" => CustomGas {
        /// Base fee that the bid covers, as a share of today's.
        [Locking]
        base_fee_multiplier_percentage: u64 = 200, in "percent", most 10_000;
        /// The tip, as a share of the percentile.
        [Locking]
        priority_fee_multiplier_percentage: u64 = 100, in "percent", most 10_000;
        /// Which of recent tips to start from.
        [Locking]
        priority_fee_percentile: Percentile = Percentile(2_000);
        /// Added for every transaction that is waiting already.
        [Locking]
        dynamic_multiplier_percentage: u64 = 5, in "percent", most 10_000;
        /// Least tip; some nodes refuse to pass on what has none.
        [Locking]
        min_priority_fee_wei: u64 = 1_000_000, in "wei per gas";
    }
}

/// A percentile in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentile(pub u16);

impl GasMode {
    /// What is bid.
    pub fn sending(&self) -> CustomGas {
        let (base, percentile, dynamic) = match self {
            Self::Low => (200, 2_000, 3),
            Self::Medium => (200, 3_000, 5),
            Self::High => (250, 5_000, 7),
            Self::Custom(custom) => return custom.clone(),
        };
        CustomGas {
            base_fee_multiplier_percentage: base,
            priority_fee_percentile: Percentile(percentile),
            dynamic_multiplier_percentage: dynamic,
            ..CustomGas::default()
        }
    }

    /// What is assumed when a request is priced: the fee of a calm block, not a bid's headroom.
    pub fn estimating(&self) -> CustomGas {
        let percentile = match self {
            Self::Low => 1_000,
            Self::Medium => 2_000,
            Self::High => 3_000,
            Self::Custom(custom) => return custom.clone(),
        };
        CustomGas {
            base_fee_multiplier_percentage: 100,
            priority_fee_percentile: Percentile(percentile),
            dynamic_multiplier_percentage: 0,
            ..CustomGas::default()
        }
    }
}

impl CustomGas {
    /// The same for the transaction sender. `patience` is for bids that today's blocks would take.
    pub(crate) fn bidding(&self, patience: Duration) -> Bidding {
        Bidding {
            base_fee_percent: self.base_fee_multiplier_percentage,
            tip_percentile: self.priority_fee_percentile.0,
            tip_percent: self.priority_fee_multiplier_percentage,
            waiting_percent: self.dynamic_multiplier_percentage,
            tip_min_wei: self.min_priority_fee_wei.into(),
            patience,
        }
    }
}

impl Value for GasMode {
    const KIND: &'static str = "\"low\", \"medium\", \"high\" or { custom = { … } }";

    fn read(value: &DeValue<'_>, notes: &mut Vec<String>) -> Result<Self, String> {
        match value.as_str() {
            Some("low") => return Ok(Self::Low),
            Some("medium") => return Ok(Self::Medium),
            Some("high") => return Ok(Self::High),
            _ => {}
        }
        let custom = value.as_table().filter(|table| table.len() == 1);
        let custom = custom.and_then(|table| table.get("custom")?.get_ref().as_table());
        let custom = custom.ok_or_else(|| format!("must be {}", Self::KIND))?;
        let mut read = CustomGas::default();
        for (key, value) in custom {
            // The older name of the same number.
            let name = match key.get_ref().as_ref() {
                "multiplier_percentage" => "priority_fee_multiplier_percentage",
                name => name,
            };
            let names: Vec<_> = read.keys().iter().map(|key| key.name).collect();
            if !names.contains(&name) {
                return Err(format!("must have no {name:?} in custom, only {}", names.join(", ")));
            }
            let set = read.set(name, value.get_ref(), notes);
            set.map_err(|must| format!("{must} (in {name})"))?;
        }
        Ok(Self::Custom(read))
    }

    fn show(&self) -> Option<String> {
        let word = match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Custom(custom) => {
                let row = |name: &str| Some(format!("{name} = {}", custom.show(name)?));
                let rows: Vec<_> = custom.keys().iter().filter_map(|key| row(key.name)).collect();
                return Some(format!("{{ custom = {{ {} }} }}", rows.join(", ")));
            }
        };
        Some(super::value::quoted(word))
    }
}

impl Value for Percentile {
    const KIND: &'static str = "percentile";

    /// Exact: a percentile has at most two decimals.
    fn read(value: &DeValue<'_>, _notes: &mut Vec<String>) -> Result<Self, String> {
        let must = || "must be a number from 0 to 100 with at most two decimals".to_owned();
        let text = match value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return Err(must()),
        };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > 2 {
            return Err(must());
        }
        let hundredths: u16 = format!("{whole}{decimals:0<2}").parse().map_err(|_| must())?;
        if hundredths <= 10_000 { Ok(Self(hundredths)) } else { Err(must()) }
    }

    fn show(&self) -> Option<String> {
        Some(format!("{}.{:02}", self.0 / 100, self.0 % 100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn modes_and_time_outs_become_rules_for_bids() {
        let of = |text: &str| {
            let settings = Settings::parse(text).unwrap().settings;
            (settings.bidding(), settings.assumed_bidding())
        };
        let (usual, assumed) = of("");
        let usual_of = (usual.base_fee_percent, usual.tip_percentile, usual.waiting_percent);
        assert_eq!((usual_of, usual.patience), ((200, 3_000, 5), Duration::from_secs(45)));
        let assumed = (assumed.base_fee_percent, assumed.tip_percentile, assumed.waiting_percent);
        assert_eq!(assumed, (100, 2_000, 0), "what a calm block takes");
        let (high, low) = of("[market]\ngas_priority_mode = \"high\"\n\
             gas_estimation_priority_mode = \"low\"\n[batcher]\ntxn_timeout = 7\n");
        assert_eq!((high.base_fee_percent, high.patience), (250, Duration::from_secs(7)));
        assert_eq!(low.tip_percentile, 1_000);
        let (own, _) = of("[market]\ngas_priority_mode = { custom = { \
             base_fee_multiplier_percentage = 130, min_priority_fee_wei = 9 } }\n");
        assert_eq!((own.base_fee_percent, own.tip_min_wei), (130, 9));
    }

    fn read(text: &str) -> Result<GasMode, String> {
        GasMode::read(DeValue::parse(text).unwrap().get_ref(), &mut Vec::new())
    }

    #[test]
    fn presets_bid_more_than_they_assume() {
        for mode in [GasMode::Low, GasMode::Medium, GasMode::High] {
            let (bid, assumed) = (mode.sending(), mode.estimating());
            assert!(bid.base_fee_multiplier_percentage > assumed.base_fee_multiplier_percentage);
            assert!(bid.priority_fee_percentile.0 > assumed.priority_fee_percentile.0);
        }
    }

    #[test]
    fn own_numbers_are_read_exactly_and_strictly() {
        let custom =
            read("{ custom = { priority_fee_percentile = 12.5, multiplier_percentage = 3 } }");
        let Ok(GasMode::Custom(custom)) = custom else { panic!("{custom:?}") };
        assert_eq!(custom.priority_fee_percentile, Percentile(1_250));
        assert_eq!(custom.priority_fee_multiplier_percentage, 3);
        assert_eq!(GasMode::Custom(custom.clone()).estimating(), custom);
        for bad in [
            "\"fast\"",
            "{ custom = { tip = 1 } }",
            "{ custom = { priority_fee_percentile = 100.01 } }",
            "{ custom = { priority_fee_percentile = -1 } }",
            "{ custom = { priority_fee_percentile = 1e1 } }",
            "{ custom = {}, high = {} }",
            "3",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
