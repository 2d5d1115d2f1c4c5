//! Balances against the operator's thresholds: one event a crossing.
//!
//! Coming back takes a tenth more than the threshold, so that a balance that wavers about it is told
//! once.

use super::page::Balances;
use crate::event::{Asset, Event, Level};
use crate::settings::MarketSettings;
use alloy::primitives::U256;
use rialto_protocol::{Collateral, Wei};

/// Below which balances the operator is told. None is never told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thresholds {
    pub(crate) warn: Option<Wei>,
    pub(crate) error: Option<Wei>,
    pub(crate) collateral_warn: Option<Collateral>,
    pub(crate) collateral_error: Option<Collateral>,
}

/// Where each balance stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    pub(crate) native: Level,
    pub(crate) collateral: Level,
}

impl Thresholds {
    pub(crate) fn of(market: &MarketSettings) -> Self {
        Self {
            warn: market.balance_warn_threshold,
            error: market.balance_error_threshold,
            collateral_warn: market.collateral_balance_warn_threshold,
            collateral_error: market.collateral_balance_error_threshold,
        }
    }
}

impl Levels {
    /// Moves to where `balances` stand and gives what is worth telling.
    pub(crate) fn update(&mut self, balances: &Balances, thresholds: &Thresholds) -> Vec<Event> {
        let raw = |amount: Option<Wei>| amount.map(|wei| wei.0);
        let raw_collateral = |amount: Option<Collateral>| amount.map(|units| units.0);
        let native = Watched {
            asset: Asset::Native,
            balance: balances.wallet_wei.0,
            warn: raw(thresholds.warn),
            error: raw(thresholds.error),
        };
        let collateral = Watched {
            asset: Asset::Collateral,
            balance: balances.free_collateral.0,
            warn: raw_collateral(thresholds.collateral_warn),
            error: raw_collateral(thresholds.collateral_error),
        };
        let events = [native.step(&mut self.native), collateral.step(&mut self.collateral)];
        events.into_iter().flatten().collect()
    }
}

struct Watched {
    asset: Asset,
    balance: U256,
    warn: Option<U256>,
    error: Option<U256>,
}

impl Watched {
    fn step(&self, level: &mut Level) -> Option<Event> {
        let now = self.level_from(*level);
        if now == *level {
            return None;
        }
        *level = now;
        let Self { asset, balance, .. } = *self;
        Some(Event::BalanceLevel { asset, level: now, balance })
    }

    /// A level that holds is left only with a tenth to spare.
    fn level_from(&self, level: Level) -> Level {
        let below = |threshold: Option<U256>, holds: bool| {
            threshold.is_some_and(|threshold| {
                let spare = if holds { threshold / U256::from(10) } else { U256::ZERO };
                self.balance < threshold.saturating_add(spare)
            })
        };
        if below(self.error, level == Level::Error) {
            Level::Error
        } else if below(self.warn, level != Level::Ok) {
            Level::Warn
        } else {
            Level::Ok
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn a_crossing_is_told_once_and_coming_back_takes_a_tenth_more() {
        let thresholds = Thresholds {
            warn: Some(Wei::from(100)),
            error: Some(Wei::from(50)),
            collateral_warn: None,
            collateral_error: Some(Collateral::from(10)),
        };
        let mut levels = Levels::default();
        let mut told = |wallet: u128, collateral: u128| -> Vec<(Asset, Level)> {
            let balances = Balances {
                wallet_wei: Wei::from(wallet),
                free_collateral: Collateral::from(collateral),
                ..Balances::default()
            };
            let events = levels.update(&balances, &thresholds);
            let level = |event| match event {
                Event::BalanceLevel { asset, level, .. } => (asset, level),
                other => panic!("{other:?}"),
            };
            events.into_iter().map(level).collect()
        };
        let (native, collateral) = (Asset::Native, Asset::Collateral);
        let (ok, warn, error) = (Level::Ok, Level::Warn, Level::Error);
        assert_eq!(told(500, 10), []);
        assert_eq!(told(99, 10), [(native, warn)]);
        assert_eq!(told(100, 10), [], "not a tenth above");
        assert_eq!(told(95, 10), []);
        assert_eq!(told(110, 10), [(native, ok)]);
        assert_eq!(told(40, 9), [(native, error), (collateral, error)]);
        assert_eq!(told(54, 10), []);
        assert_eq!(told(55, 11), [(native, warn), (collateral, ok)]);
        assert_eq!(told(1000, 11), [(native, ok)]);
    }

    #[test]
    fn each_key_tells_of_its_own_balance() {
        let balances = Balances {
            wallet_wei: Wei::from(5_000_000_000),
            free_collateral: Collateral::from(7),
            ..Balances::default()
        };
        for (line, expected) in [
            ("balance_warn_threshold = \"6 gwei\"", (Level::Warn, Level::Ok)),
            ("balance_error_threshold = \"6 gwei\"", (Level::Error, Level::Ok)),
            ("balance_error_threshold = \"5 gwei\"", (Level::Ok, Level::Ok)),
            ("collateral_balance_warn_threshold = \"1 ZKC\"", (Level::Ok, Level::Warn)),
            ("collateral_balance_error_threshold = \"1 ZKC\"", (Level::Ok, Level::Error)),
        ] {
            let settings = Settings::parse(&format!("[market]\n{line}\n")).unwrap().settings;
            let mut levels = Levels::default();
            let told = levels.update(&balances, &Thresholds::of(&settings.market));
            assert_eq!((levels.native, levels.collateral), expected, "{line}");
            assert_eq!(told.is_empty(), expected == (Level::Ok, Level::Ok), "{line}");
        }
    }

    #[test]
    fn without_thresholds_nothing_is_told() {
        let mut levels = Levels::default();
        assert_eq!(levels.update(&Balances::default(), &Thresholds::default()), []);
        assert_eq!(levels, Levels::default());
    }
}
