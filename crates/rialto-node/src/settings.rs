//! What the operator configures, from one TOML file with the section and key names that operators
//! of existing brokers know.
//!
//! Parsing is strict: an unknown key is an error that names the known ones.

use rialto_artifacts::{FetchPolicy, S3Location, StoreConfig};
use rialto_planner::{GasEstimates, Policy};
use rialto_protocol::{Collateral, Wei};
use serde::{Deserialize, Deserializer, de};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Everything that can be configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Floors, limits and margins.
    pub market: MarketSettings,
    /// How proofs are made.
    #[serde(default)]
    pub prover: ProverSettings,
    /// Where artifacts are kept and from where they may be fetched.
    #[serde(default)]
    pub artifacts: ArtifactSettings,
    /// What the node shows.
    #[serde(default)]
    pub monitor: MonitorSettings,
}

/// `[market]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketSettings {
    /// Least price per million cycles after gas, such as `"0.00002 ETH"`.
    #[serde(deserialize_with = "amount")]
    pub min_mcycle_price: Wei,
    /// Least reward per million cycles for delivering after another prover's lock has lapsed, such
    /// as `"0.001 ZKC"`. Default: nothing, so every such race is worth entering.
    #[serde(default, deserialize_with = "amount")]
    pub min_mcycle_price_collateral_token: Collateral,
    /// Most collateral put at stake for one request, such as `"20 ZKC"`.
    #[serde(deserialize_with = "amount")]
    pub max_collateral: Collateral,
    /// Seconds that must be left after the estimated end of proving. Default 60.
    #[serde(default = "defaults::min_deadline")]
    pub min_deadline: u64,
    /// Largest run of a program, in millions of cycles. Default 8000.
    #[serde(default = "defaults::max_mcycle_limit")]
    pub max_mcycle_limit: u64,
    /// Largest journal in bytes. Default 10000.
    #[serde(default = "defaults::max_journal_bytes")]
    pub max_journal_bytes: u64,
    /// Proving speed assumed for promises, in thousands of cycles per second. Default 100.
    #[serde(default = "defaults::peak_prove_khz")]
    pub peak_prove_khz: u64,
    /// Orders promised and not yet proven, at most. Default 1.
    #[serde(default = "defaults::one")]
    pub max_concurrent_proofs: u32,
    /// Programs run at once to judge requests. Default 2.
    #[serde(default = "defaults::max_concurrent_preflights")]
    pub max_concurrent_preflights: u32,
    /// Blocks searched for open requests at the first start. Default 300.
    #[serde(default = "defaults::lookback_blocks")]
    pub lookback_blocks: u64,
    /// Milliseconds between two looks at the chain. Default 500.
    #[serde(default = "defaults::events_poll_ms")]
    pub events_poll_ms: u64,
    /// Largest program or input fetched, in bytes. Default 50,000,000.
    #[serde(default = "defaults::max_file_size")]
    pub max_file_size: u64,
    /// Retries of a failing download. Default 2.
    #[serde(default = "defaults::max_fetch_retries")]
    pub max_fetch_retries: u32,
    /// Gas assumed for a lock when pricing. Default 200,000.
    #[serde(default = "defaults::lockin_gas_estimate")]
    pub lockin_gas_estimate: u64,
    /// Gas assumed for a fulfilment when pricing. Default 250,000.
    #[serde(default = "defaults::fulfill_gas_estimate")]
    pub fulfill_gas_estimate: u64,
    /// Gas assumed for each byte of a journal. Default 26.
    #[serde(default = "defaults::fulfill_journal_gas_per_byte")]
    pub fulfill_journal_gas_per_byte: u64,
}

/// `[prover]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProverSettings {
    /// Milliseconds between two attempts at a proof. Default 500.
    pub proof_retry_sleep_ms: u64,
    /// Memory of a program under judgement and proof, in bytes. Default 512 MiB.
    pub max_guest_memory_bytes: u64,
}

impl Default for ProverSettings {
    fn default() -> Self {
        Self { proof_retry_sleep_ms: 500, max_guest_memory_bytes: 512 << 20 }
    }
}

/// `[artifacts]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArtifactSettings {
    /// Where programs, inputs and proofs are kept. Default: a directory beside the logbook.
    pub store: Option<StoreConfig>,
    /// Directories below which `file` URLs of requests may be read. Default none: requests come
    /// from strangers.
    pub file_roots: Vec<PathBuf>,
    /// Buckets from which `s3` URLs of requests may be read. Default none.
    pub s3_buckets: Vec<S3Location>,
    /// Whether `http` URLs may lead to private addresses. Default no.
    pub allow_private_hosts: bool,
}

/// `[monitor]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MonitorSettings {
    /// Address of the HTTP status page, such as `"127.0.0.1:9090"`. Default none. It is not
    /// authenticated, so it must be a loopback address.
    pub listen: Option<SocketAddr>,
}

/// Why a file is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It cannot be read.
    #[error("cannot read the configuration {path}; `rialto node example` prints one")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{path} is not a valid configuration")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// What and where.
        source: Box<toml::de::Error>,
    },
    /// A value makes no sense.
    #[error("{key} is {value}; it must be {wanted}")]
    OutOfBounds {
        /// The key.
        key: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        wanted: &'static str,
    },
}

impl Settings {
    /// A configuration with the meaning of every key, in TOML.
    pub const EXAMPLE: &str = include_str!("../node.example.toml");

    /// Reads and checks a file.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
        let settings: Self = toml::from_str(&text).map_err(|source| SettingsError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let market = &self.market;
        let positive = [
            ("market.peak_prove_khz", market.peak_prove_khz),
            ("market.max_concurrent_proofs", market.max_concurrent_proofs.into()),
            ("market.max_concurrent_preflights", market.max_concurrent_preflights.into()),
            ("market.events_poll_ms", market.events_poll_ms),
        ];
        if let Some((key, value)) = positive.into_iter().find(|(_, value)| *value == 0) {
            let wanted = "at least 1";
            return Err(SettingsError::OutOfBounds { key, value: value.to_string(), wanted });
        }
        match self.monitor.listen {
            Some(address) if !address.ip().is_loopback() => Err(SettingsError::OutOfBounds {
                key: "monitor.listen",
                value: address.to_string(),
                wanted: "a loopback address, since the page is not authenticated",
            }),
            _ => Ok(()),
        }
    }

    /// What judgement needs.
    pub fn policy(&self) -> Policy {
        let market = &self.market;
        Policy {
            min_mcycle_price: market.min_mcycle_price,
            min_mcycle_price_collateral_token: market.min_mcycle_price_collateral_token,
            max_collateral: market.max_collateral,
            min_deadline_s: market.min_deadline,
            max_mcycle_limit: market.max_mcycle_limit,
            max_journal_bytes: market.max_journal_bytes,
            peak_prove_khz: market.peak_prove_khz,
            max_concurrent_proofs: market.max_concurrent_proofs,
            gas: GasEstimates {
                lock: market.lockin_gas_estimate,
                fulfill: market.fulfill_gas_estimate,
                journal_byte: market.fulfill_journal_gas_per_byte,
            },
        }
    }

    /// What may be fetched from where.
    pub fn fetch_policy(&self, cache_dir: PathBuf) -> FetchPolicy {
        FetchPolicy {
            max_bytes: self.market.max_file_size,
            attempts: self.market.max_fetch_retries.saturating_add(1),
            timeout: Duration::from_secs(30),
            file_roots: self.artifacts.file_roots.clone(),
            s3_buckets: self.artifacts.s3_buckets.clone(),
            allow_private_hosts: self.artifacts.allow_private_hosts,
            cache_dir: Some(cache_dir),
            ..FetchPolicy::default()
        }
    }
}

fn amount<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

mod defaults {
    macro_rules! defaults {
        ($($name:ident: $kind:ty = $value:expr;)*) => {
            $(pub(super) fn $name() -> $kind { $value })*
        };
    }

    defaults! {
        one: u32 = 1;
        min_deadline: u64 = 60;
        max_mcycle_limit: u64 = 8_000;
        max_journal_bytes: u64 = 10_000;
        peak_prove_khz: u64 = 100;
        max_concurrent_preflights: u32 = 2;
        lookback_blocks: u64 = 300;
        events_poll_ms: u64 = 500;
        max_file_size: u64 = 50_000_000;
        max_fetch_retries: u32 = 2;
        lockin_gas_estimate: u64 = 200_000;
        fulfill_gas_estimate: u64 = 250_000;
        fulfill_journal_gas_per_byte: u64 = 26;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn the_example_is_a_configuration() {
        let settings: Settings = toml::from_str(Settings::EXAMPLE).unwrap();
        settings.check().unwrap();
    }

    #[test]
    fn every_key_of_the_example_is_known_and_none_is_missing() {
        let example: toml::Table = toml::from_str(Settings::EXAMPLE).unwrap();
        let market = example["market"].as_table().unwrap();
        assert_eq!(market.len(), 16, "a key was added: show it in node.example.toml");
    }

    #[test]
    fn misspelt_keys_and_unitless_amounts_are_refused() {
        let good = "[market]\nmin_mcycle_price = \"1 gwei\"\nmax_collateral = \"1 ZKC\"\n";
        assert!(parse(good).is_ok());
        let misspelt = parse(&format!("{good}min_deadlin = 3\n")).unwrap_err();
        assert!(misspelt.contains("unknown field `min_deadlin`"), "{misspelt}");
        assert!(misspelt.contains("`min_deadline`"), "{misspelt}");
        let unitless = parse(&good.replace("1 gwei", "1")).unwrap_err();
        assert!(unitless.contains("such as \"0.01 ETH\""), "{unitless}");
    }

    #[test]
    fn values_without_sense_are_refused() {
        let mut settings: Settings = toml::from_str(Settings::EXAMPLE).unwrap();
        settings.market.peak_prove_khz = 0;
        assert_eq!(
            settings.check().unwrap_err().to_string(),
            "market.peak_prove_khz is 0; it must be at least 1"
        );
        settings.market.peak_prove_khz = 1;
        settings.monitor.listen = Some(([0, 0, 0, 0], 9090).into());
        assert!(settings.check().unwrap_err().to_string().contains("loopback"));
    }
}
