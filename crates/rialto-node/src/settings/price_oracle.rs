//! `[price_oracle]`: where the prices come from that turn dollars into tokens.

use super::section::section;
use super::value::{Secret, Value, quoted, words};
use rialto_protocol::Usd;
use toml::de::DeValue;
use url::Url;

words! {
    /// What several sources together say.
    Aggregation {
        /// The middle one; of two middle ones the mean.
        Median = "median",
        /// The first that answers: Chainlink, CoinGecko, CoinMarketCap, Coinbase.
        Priority = "priority",
        /// The mean.
        Average = "average",
    }
}

/// A price that is looked up or fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceSetting {
    /// What the sources say.
    Auto,
    /// This many dollars.
    Fixed(Usd),
}

impl Value for PriceSetting {
    const KIND: &'static str = "\"auto\" or a price in dollars";

    fn read(value: &DeValue<'_>, _notes: &mut Vec<String>) -> Result<Self, String> {
        let must = || "must be \"auto\" or a price above zero such as \"2500.00\"".to_owned();
        let text = value.as_str().ok_or_else(must)?.trim();
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let dollars = if text.contains(' ') { text.to_owned() } else { format!("{text} USD") };
        let price: Usd = dollars.parse().map_err(|_| must())?;
        if price == Usd::ZERO { Err(must()) } else { Ok(Self::Fixed(price)) }
    }

    fn show(&self) -> Option<String> {
        Some(match self {
            Self::Auto => quoted("auto"),
            Self::Fixed(price) => quoted(&price.to_decimal_exact()),
        })
    }
}

section! {
    /// Prices that turn dollars into tokens. Nothing is asked while no amount needs it.
    "price_oracle" => OracleSettings {
        /// Price of one ETH: `"auto"`, or fixed.
        [Converting, process]
        eth_usd: PriceSetting = PriceSetting::Auto, in "dollars";
        /// Price of one collateral token: `"auto"`, or fixed.
        [Converting, process]
        zkc_usd: PriceSetting = PriceSetting::Auto, in "dollars";
        /// Time between two rounds of questions to the sources.
        [Converting, process]
        refresh_interval_secs: u64 = 900, in "seconds", least 1;
        /// Longest time that one source may take.
        [Converting, process]
        timeout_secs: u64 = 10, in "seconds", least 1, most 300;
        /// What several sources together say.
        [Converting, process]
        aggregation_mode: Aggregation = Aggregation::Median;
        /// Sources that must answer for a price to count.
        [Converting, process]
        min_sources: u32 = 1, in "sources", least 1, most 4;
        /// Age from which a price is not used any more. Requests that need it wait until there is a
        /// newer one.
        [Converting, process]
        max_secs_without_price_update: u64 = 43_200, in "seconds", least 1;
    }
}

section! {
    /// Chainlink's feeds on the chain, for ETH alone: there is none for the collateral token.
    "price_oracle.onchain.chainlink" => ChainlinkSettings {
        /// Whether it is asked.
        [Converting, process]
        enabled: bool = true;
        /// Endpoint of the chain with the feed. When absent: the venue's own, where a feed is known
        /// (Ethereum, Base, Optimism, Arbitrum and their Sepolia test networks).
        [Converting, process]
        rpc_url: Option<Url> = None, such as "\"https://rpc.example.org\"";
    }
}

section! {
    /// CoinGecko.
    "price_oracle.offchain.coingecko" => CoinGeckoSettings {
        /// Whether it is asked.
        [Converting, process]
        enabled: bool = true;
        /// Key of its service. Its free service needs none.
        [Converting, process]
        api_key: Option<Secret> = None, such as "\"KEY\"";
    }
}

section! {
    /// CoinMarketCap.
    "price_oracle.offchain.cmc" => CmcSettings {
        /// Whether it is asked. It answers only with a key.
        [Converting, process]
        enabled: bool = false;
        /// Key of its service.
        [Converting, process]
        api_key: Option<Secret> = None, such as "\"KEY\"";
    }
}

section! {
    /// Coinbase.
    "price_oracle.offchain.coinbase" => CoinbaseSettings {
        /// Whether it is asked.
        [Converting, process]
        enabled: bool = true;
    }
}
