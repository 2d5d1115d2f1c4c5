//! What the operator configures, from one TOML file with the section and key names that operators
//! of existing brokers know.
//!
//! One table declares every key (`section`): structs, defaults, messages, the example and the
//! documents come from it. Parsing is strict and complete: whatever is wrong is told at once, each
//! with its line. A snapshot never changes; a changed file becomes another snapshot.

mod amount;
mod change;
mod document;
mod gas;
mod live;
mod market;
mod overrides;
mod place;
mod policy;
mod price_oracle;
mod prover;
mod read;
mod reload;
mod retired;
mod section;
mod value;

#[cfg(test)]
mod tests;

pub use amount::{CollateralAmount, PriceAmount};
pub use change::{Change, Flat, TakesEffect};
pub use document::{Explained, Explanation, NotASetting};
pub use gas::{CustomGas, GasMode, Percentile};
pub(crate) use live::Live;
pub use market::{CommitmentPriority, MarketSettings, PricingPriority};
pub use overrides::PricingOverrides;
pub use place::{ArtifactSettings, MonitorSettings, VenueIdentity};
pub use price_oracle::{
    Aggregation, ChainlinkSettings, CmcSettings, CoinGeckoSettings, CoinbaseSettings,
    OracleSettings, PriceSetting,
};
pub use prover::{BatcherSettings, ProverSettings};
pub use read::Remark;
pub use reload::{Reload, Reloading};
pub use section::{Flags, Key, Section, Stage};
pub use value::Secret;

use crate::prices::Prices;
use read::{Reader, VENUE};
use rialto_artifacts::FetchPolicy;
use rialto_chain::Bidding;
use rialto_protocol::{Collateral, Wei};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeTable;

/// A priority requestor's program or input is at most this large, or `max_file_size` if that is more.
const PRIORITY_FILE_BYTES_MAX: u64 = 1 << 30;
/// A larger file is no configuration.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Everything that can be configured, for one venue or for the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `[market]`
    pub market: MarketSettings,
    /// `[prover]`
    pub prover: ProverSettings,
    /// `[batcher]`
    pub batcher: BatcherSettings,
    /// `[price_oracle]`
    pub price_oracle: OracleSettings,
    /// `[price_oracle.onchain.chainlink]`
    pub chainlink: ChainlinkSettings,
    /// `[price_oracle.offchain.coingecko]`
    pub coingecko: CoinGeckoSettings,
    /// `[price_oracle.offchain.cmc]`
    pub cmc: CmcSettings,
    /// `[price_oracle.offchain.coinbase]`
    pub coinbase: CoinbaseSettings,
    /// `[artifacts]`
    pub artifacts: ArtifactSettings,
    /// `[monitor]`
    pub monitor: MonitorSettings,
    /// `[[venue]]`
    pub venues: Vec<VenueSettings>,
}

/// A `[[venue]]` with its overrides in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueSettings {
    /// Its name and files.
    pub identity: VenueIdentity,
    /// `[market]` as it applies there.
    pub market: MarketSettings,
    /// `[prover]` as it applies there.
    pub prover: ProverSettings,
    /// `[batcher]` as it applies there.
    pub batcher: BatcherSettings,
}

/// A file that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What it says.
    pub settings: Settings,
    /// What its author should know.
    pub warnings: Vec<Remark>,
}

/// Why a file is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It cannot be read.
    #[error("cannot read the configuration {path}; `rialto node config example` prints one")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{path} is not a valid configuration")]
    Refused {
        /// Which file.
        path: PathBuf,
        /// What and where.
        source: Problems,
    },
}

/// All that is wrong with a file, by line; at least one thing is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Remark>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Settings {
    /// Reads and checks a file.
    pub fn load(path: &Path) -> Result<Checked, SettingsError> {
        let text = text_of(path)
            .map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
        Self::parse(&text)
            .map_err(|source| SettingsError::Refused { path: path.to_owned(), source })
    }

    /// Reads and checks the text of a file.
    pub fn parse(text: &str) -> Result<Checked, Problems> {
        let mut reader = Reader::new(text);
        let mut settings = Self::default();
        match DeTable::parse(text) {
            Ok(table) => settings.fill(&mut reader, table.get_ref()),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                reader.problem(at, format!("this is not TOML: {}", error.message()));
            }
        }
        if reader.problems.is_empty() {
            reader.warnings.sort();
            return Ok(Checked { settings, warnings: reader.warnings });
        }
        reader.problems.sort();
        Err(Problems(reader.problems))
    }

    /// What applies in a venue: the same, with its overrides.
    pub fn at(&self, venue: &VenueSettings) -> Self {
        Self {
            market: venue.market.clone(),
            prover: venue.prover.clone(),
            batcher: venue.batcher.clone(),
            ..self.clone()
        }
    }

    /// The sections of the file but the venues.
    pub fn sections(&self) -> [&dyn Section; 10] {
        [
            &self.market,
            &self.prover,
            &self.batcher,
            &self.price_oracle,
            &self.chainlink,
            &self.coingecko,
            &self.cmc,
            &self.coinbase,
            &self.artifacts,
            &self.monitor,
        ]
    }

    fn sections_mut(&mut self) -> [&mut dyn Section; 10] {
        [
            &mut self.market,
            &mut self.prover,
            &mut self.batcher,
            &mut self.price_oracle,
            &mut self.chainlink,
            &mut self.coingecko,
            &mut self.cmc,
            &mut self.coinbase,
            &mut self.artifacts,
            &mut self.monitor,
        ]
    }

    /// Every key that there is, those of venues last.
    pub fn keys() -> Vec<Key> {
        let settings = Self::default();
        let venue = VenueIdentity::default();
        let mut keys: Vec<Key> =
            settings.sections().iter().flat_map(|section| section.keys()).copied().collect();
        keys.extend(venue.keys());
        keys
    }

    fn fill<'t>(&mut self, reader: &mut Reader<'t>, table: &DeTable<'t>) {
        reader.table(&mut self.sections_mut(), "", table);
        check_market(&self.market, reader, 0);
        self.check_listen(reader);
        let Some((key, value)) = table.get_key_value(VENUE) else { return };
        let venues = value.get_ref().as_array();
        let tables =
            venues.map(|venues| venues.iter().map(|venue| (venue, venue.get_ref().as_table())));
        for (value, table) in tables.into_iter().flatten() {
            if let Some(table) = table {
                self.read_venue(reader, value.span().start, table);
            }
        }
        let all =
            venues.is_some_and(|venues| venues.iter().all(|venue| venue.get_ref().is_table()));
        if !all {
            let text = "venue is a list of tables; begin each with [[venue]]";
            reader.problem(key.span().start, text);
        }
    }

    fn read_venue<'t>(&mut self, reader: &mut Reader<'t>, at: usize, table: &DeTable<'t>) {
        let name = table.get("name").and_then(|name| name.get_ref().as_str());
        reader.enter_venue(name.unwrap_or_default());
        let mut venue = VenueSettings {
            identity: VenueIdentity::default(),
            market: self.market.clone(),
            prover: self.prover.clone(),
            batcher: self.batcher.clone(),
        };
        let VenueSettings { identity, market, prover, batcher } = &mut venue;
        reader.table(&mut [identity, market, prover, batcher], VENUE, table);
        check_market(&venue.market, reader, at);
        for (key, missing) in [
            ("name", name.is_none()),
            ("network", venue.identity.network.is_none() && !table.contains_key("network")),
        ] {
            if missing {
                reader.problem(at, format!("a venue needs a {key}"));
            }
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_some_and(|name| !name.bytes().all(is_plain)) {
            reader.problem(
                at,
                "a venue's name is of letters, digits, - and _: a directory has it too",
            );
        }
        if name.is_some_and(|name| self.venues.iter().any(|other| other.identity.name == name)) {
            reader.problem(at, "another venue has the same name");
        }
        self.venues.push(venue);
    }

    fn check_listen(&self, reader: &mut Reader<'_>) {
        if let Some(address) = self.monitor.listen
            && !address.ip().is_loopback()
        {
            let at = reader.place_of("monitor.listen").unwrap_or_default();
            let text = format!(
                "monitor.listen is {address}, but must be a loopback address, since the page is \
                 not authenticated"
            );
            reader.problem(at, text);
        }
    }

    /// Whether any amount means nothing without a price.
    pub fn needs_prices(&self) -> bool {
        self.market.needs_prices() || self.venues.iter().any(|venue| venue.market.needs_prices())
    }

    /// How transactions are bid for.
    pub(crate) fn bidding(&self) -> Bidding {
        let patience = Duration::from_secs(self.batcher.txn_timeout);
        self.market.gas_priority_mode.sending().bidding(patience)
    }

    /// What is assumed of fees when requests are priced.
    pub(crate) fn assumed_bidding(&self) -> Bidding {
        self.market.gas_estimation_priority_mode.estimating().bidding(Duration::ZERO)
    }

    /// What may be fetched from where.
    pub fn fetch_policy(&self, cache_dir: PathBuf) -> FetchPolicy {
        FetchPolicy {
            max_bytes: self.market.max_file_size,
            attempts: u32::from(self.market.max_fetch_retries) + 1,
            timeout: Duration::from_secs(30),
            file_roots: self.artifacts.file_roots.clone(),
            s3_buckets: self.artifacts.s3_buckets.clone(),
            allow_private_hosts: self.artifacts.allow_private_hosts,
            cache_dir: Some(self.market.cache_dir.clone().unwrap_or(cache_dir)),
            ..FetchPolicy::default()
        }
    }
}

/// What may be fetched for priority requestors, whom `max_file_size` does not bind: what is fetched is
/// held in memory, so there is a limit all the same.
pub(crate) fn for_priority(policy: FetchPolicy) -> FetchPolicy {
    FetchPolicy { max_bytes: policy.max_bytes.max(PRIORITY_FILE_BYTES_MAX), ..policy }
}

impl MarketSettings {
    /// The floor for races after a lapsed lock; `None` while the prices that it takes are unknown.
    pub fn race_floor(&self, prices: &Prices) -> Option<Collateral> {
        match self.min_mcycle_price_collateral_token {
            Some(floor) => floor.to_collateral_up(prices),
            None => self.min_mcycle_price.to_collateral_up(prices),
        }
    }

    /// Whether any amount means nothing without a price.
    pub fn needs_prices(&self) -> bool {
        let stakes = [Some(self.max_collateral), self.max_stake_at_risk];
        let race = self.min_mcycle_price_collateral_token;
        let derived = race.is_none() && self.min_mcycle_price != PriceAmount::Wei(Wei::ZERO);
        self.min_mcycle_price.is_usd()
            || derived
            || self.pricing_overrides.amounts().any(PriceAmount::is_usd)
            || stakes.into_iter().chain([race]).flatten().any(CollateralAmount::is_usd)
    }
}

/// What no single key can tell. `at` is where to point when the file sets none of the keys.
fn check_market(market: &MarketSettings, reader: &mut Reader<'_>, at: usize) {
    let MarketSettings { min_mcycle_limit: min, max_mcycle_limit: max, .. } = market;
    if min > max {
        let text = format!(
            "market.min_mcycle_limit is {min} and max_mcycle_limit {max}, so no request is left"
        );
        let low = reader.place_of("market.min_mcycle_limit");
        let place = low.or_else(|| reader.place_of("market.max_mcycle_limit"));
        reader.problem(place.unwrap_or(at), text);
    }
    let lists = [
        ("market.allow_client_addresses", market.allow_client_addresses.is_empty()),
        ("market.allow_requestor_lists", market.allow_requestor_lists.is_empty()),
    ];
    for (path, empty) in lists {
        if empty && let Some(place) = reader.place_of(path) {
            let text = format!("{path} is empty, so nobody would be served; leave it out");
            reader.problem(place, text);
        }
    }
}

fn text_of(path: &Path) -> std::io::Result<String> {
    use std::io::{Error, ErrorKind, Read};
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    match text.len() as u64 > FILE_BYTES_MAX {
        true => Err(Error::new(ErrorKind::FileTooLarge, "it is longer than a mebibyte")),
        false => Ok(text),
    }
}
