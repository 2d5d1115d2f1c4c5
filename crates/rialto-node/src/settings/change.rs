//! What differs between two snapshots.

use super::{Key, Section, Settings, VenueSettings};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// When a change is felt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TakesEffect {
    /// From now on.
    Live,
    /// From the next start on.
    AtRestart,
}

/// One setting that another snapshot has differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `section.name`, or `venue.NAME.section.name`.
    pub key: String,
    /// What it was, in TOML; nothing if it was not set.
    pub old: Option<String>,
    /// What it is.
    pub new: Option<String>,
    /// When that is felt.
    pub takes_effect: TakesEffect,
}

/// A setting with its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flat {
    /// `section.name`, or `venue.NAME.section.name`.
    pub key: String,
    /// In TOML; nothing if it is not set.
    pub value: Option<String>,
    /// Whether it would be the same without being set.
    pub is_default: bool,
    #[serde(skip)]
    takes_effect: TakesEffect,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        write!(f, "{}: {} -> {}", self.key, shown(&self.old), shown(&self.new))?;
        match self.takes_effect {
            TakesEffect::Live => Ok(()),
            TakesEffect::AtRestart => f.write_str(" (from the next start on)"),
        }
    }
}

impl Settings {
    /// Every setting with its value: the process's, then each venue's own and what it overrides.
    pub fn flat(&self) -> Vec<Flat> {
        let defaults = Self::default();
        let pairs = self.sections().into_iter().zip(defaults.sections());
        let mut flat: Vec<Flat> =
            pairs.flat_map(|(section, default)| rows("", section, default)).collect();
        flat.extend(self.venues.iter().flat_map(|venue| self.flat_venue(venue)));
        flat
    }

    fn has_venue(&self, name: &str) -> bool {
        self.venues.iter().any(|venue| venue.identity.name == name)
    }

    fn flat_venue(&self, venue: &VenueSettings) -> Vec<Flat> {
        let prefix = format!("venue.{}.", venue.identity.name);
        let identity = venue.identity.keys().iter().map(|key| Flat {
            key: format!("{prefix}{}", key.name),
            value: venue.identity.show(key.name),
            is_default: false,
            takes_effect: TakesEffect::AtRestart,
        });
        let pairs: [(&dyn Section, &dyn Section); 3] = [
            (&venue.market, &self.market),
            (&venue.prover, &self.prover),
            (&venue.batcher, &self.batcher),
        ];
        let overrides = pairs.into_iter().flat_map(|(own, base)| rows(&prefix, own, base));
        identity.chain(overrides.filter(|row| !row.is_default)).collect()
    }

    /// What `newer` has differently, in the order of the keys.
    pub fn changes(&self, newer: &Self) -> Vec<Change> {
        let (old, new) = (self.flat(), newer.flat());
        let by_key = |flat: &[Flat]| -> BTreeMap<String, Option<String>> {
            flat.iter().map(|row| (row.key.clone(), row.value.clone())).collect()
        };
        let (old_values, new_values) = (by_key(&old), by_key(&new));
        let gone = old.iter().filter(|row| !new_values.contains_key(&row.key));
        let changed = |row: &&Flat| {
            let side = |values: &BTreeMap<String, _>| values.get(&row.key).cloned().flatten();
            side(&old_values) != side(&new_values)
        };
        // A venue is opened and closed at a start alone.
        let is_of_both =
            |key: &str| match key.strip_prefix("venue.").and_then(|key| key.split_once('.')) {
                Some((venue, _)) => [self, newer].iter().all(|side| side.has_venue(venue)),
                None => true,
            };
        let change = |row: &Flat| Change {
            key: row.key.clone(),
            old: old_values.get(&row.key).cloned().flatten(),
            new: new_values.get(&row.key).cloned().flatten(),
            takes_effect: match is_of_both(&row.key) {
                true => row.takes_effect,
                false => TakesEffect::AtRestart,
            },
        };
        new.iter().chain(gone).filter(changed).map(change).collect()
    }
}

fn rows(prefix: &str, section: &dyn Section, default: &dyn Section) -> Vec<Flat> {
    let row = |key: &Key| {
        let value = section.show(key.name);
        let takes_effect =
            if key.flags.at_restart { TakesEffect::AtRestart } else { TakesEffect::Live };
        let is_default = value == default.show(key.name);
        Flat { key: format!("{prefix}{}", key.path()), value, is_default, takes_effect }
    };
    section.keys().iter().map(row).collect()
}
