//! What tokens cost in dollars.

use crate::settings::{OracleSettings, PriceSetting};
use rialto_protocol::{Timestamp, Usd};

/// A price and when it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenPrice {
    /// What one whole token costs.
    pub usd: Usd,
    /// When.
    pub at: Timestamp,
}

/// The prices that are known and fresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// One ETH.
    pub eth_usd: Option<SeenPrice>,
    /// One collateral token.
    pub zkc_usd: Option<SeenPrice>,
}

impl Prices {
    /// Those that the operator has fixed.
    pub fn fixed(settings: &OracleSettings, now: Timestamp) -> Self {
        let fixed = |setting| match setting {
            PriceSetting::Auto => None,
            PriceSetting::Fixed(usd) => Some(SeenPrice { usd, at: now }),
        };
        Self { eth_usd: fixed(settings.eth_usd), zkc_usd: fixed(settings.zkc_usd) }
    }
}
