//! What tokens cost in dollars, by what several sources say.
//!
//! The sources are asked side by side, each within its time; what they say together is decided by
//! pure functions here. Invariants: a published price is fresh; a source's answer is a number
//! within reason or an error; a failing source never holds the others up.

mod source;

use crate::settings::{Aggregation, OracleSettings, PriceSetting, Settings};
use rialto_protocol::{Timestamp, Usd};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use source::Sources;
pub use source::{SourceError, SourceUrls};

/// While a price is missing, sources are asked this often, or as often as is configured.
const ASK_AGAIN: Duration = Duration::from_secs(30);

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

/// What has a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// The chain's token.
    Eth,
    /// The collateral token.
    Zkc,
}

/// Who tells prices, in the order in which they are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Chainlink's feeds, on the chain.
    Chainlink,
    /// CoinGecko.
    CoinGecko,
    /// CoinMarketCap.
    CoinMarketCap,
    /// Coinbase.
    Coinbase,
}

/// A source that did not tell a price.
#[derive(Debug)]
pub struct Trouble {
    /// Who.
    pub source: Source,
    /// Whose price.
    pub token: Token,
    /// Why.
    pub error: SourceError,
}

/// What a source said about a token.
#[derive(Debug)]
pub(crate) struct Quote {
    source: Source,
    token: Token,
    usd: Result<Usd, SourceError>,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eth => "ETH",
            Self::Zkc => "ZKC",
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = crate::logbook::with_sources(&self.error);
        write!(f, "{:?} does not tell the price of {}: {why}", self.source, self.token)
    }
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

    /// After a round of questions: what was fixed, else what the sources say, else what they said
    /// before while it is fresh.
    fn after(self, quotes: &[Quote], settings: &OracleSettings, now: Timestamp) -> Self {
        let fixed = Self::fixed(settings, now);
        let decide = |token, before: Option<SeenPrice>| {
            let said = said_of(token, quotes);
            let usd = together(&said, settings.aggregation_mode, settings.min_sources);
            let told = usd.map(|usd| SeenPrice { usd, at: now });
            told.or(before.filter(|seen| is_fresh(seen, settings, now)))
        };
        Self {
            eth_usd: fixed.eth_usd.or_else(|| decide(Token::Eth, self.eth_usd)),
            zkc_usd: fixed.zkc_usd.or_else(|| decide(Token::Zkc, self.zkc_usd)),
        }
    }

    /// How long until somebody should ask again.
    fn pause(&self, settings: &OracleSettings, now: Timestamp) -> Duration {
        let usual = Duration::from_secs(settings.refresh_interval_secs);
        let left = |price: Option<SeenPrice>| match price {
            Some(seen) => {
                let stale = seen.at.saturating_add(settings.max_secs_without_price_update);
                Duration::from_secs(now.seconds_until(stale).max(1))
            }
            None => ASK_AGAIN,
        };
        usual.min(left(self.eth_usd)).min(left(self.zkc_usd))
    }
}

fn is_fresh(seen: &SeenPrice, settings: &OracleSettings, now: Timestamp) -> bool {
    seen.at.seconds_until(now) < settings.max_secs_without_price_update
}

/// The answers about a token, the most believed source first.
fn said_of(token: Token, quotes: &[Quote]) -> Vec<Usd> {
    let mut said: Vec<(Source, Usd)> = quotes
        .iter()
        .filter(|quote| quote.token == token)
        .filter_map(|quote| Some((quote.source, *quote.usd.as_ref().ok()?)))
        .collect();
    said.sort_by_key(|(source, _)| *source);
    said.into_iter().map(|(_, usd)| usd).collect()
}

/// What sources say together, if there are enough of them.
fn together(said: &[Usd], mode: Aggregation, min_sources: u32) -> Option<Usd> {
    if said.is_empty() || said.len() < min_sources as usize {
        return None;
    }
    match mode {
        Aggregation::Priority => said.first().copied(),
        Aggregation::Average => mean_down(said),
        Aggregation::Median => {
            let mut sorted = said.to_vec();
            sorted.sort();
            let middle = sorted.len() / 2;
            mean_down(if sorted.len() % 2 == 1 {
                &sorted[middle..=middle]
            } else {
                &sorted[middle - 1..=middle]
            })
        }
    }
}

fn mean_down(said: &[Usd]) -> Option<Usd> {
    let sum = said.iter().try_fold(Usd::ZERO, |sum, usd| sum.checked_add(*usd))?;
    let count = alloy::primitives::U256::from(said.len());
    sum.0.checked_div(count).map(Usd)
}

/// Keeps prices current.
pub struct PriceOracle {
    sources: Sources,
    settings: watch::Receiver<Arc<Settings>>,
    current: watch::Sender<Prices>,
}

impl PriceOracle {
    /// Nobody is asked before [`PriceOracle::refresh`] or [`PriceOracle::run`]; until then only
    /// fixed prices are known. `rpc_url` is the endpoint of a chain for Chainlink when the settings
    /// name none.
    pub fn new(settings: watch::Receiver<Arc<Settings>>, rpc_url: Option<Url>) -> Self {
        Self::asking(SourceUrls::default(), settings, rpc_url)
    }

    /// The same with services at other addresses.
    pub fn asking(
        urls: SourceUrls,
        settings: watch::Receiver<Arc<Settings>>,
        rpc_url: Option<Url>,
    ) -> Self {
        let fixed = Prices::fixed(&settings.borrow().price_oracle, now());
        let (current, _) = watch::channel(fixed);
        Self { sources: Sources::new(urls, rpc_url), settings, current }
    }

    /// What is known, now and later.
    pub fn subscribe(&self) -> watch::Receiver<Prices> {
        self.current.subscribe()
    }

    /// Asks once and publishes. Gives the troubles.
    pub async fn refresh(&mut self) -> Vec<Trouble> {
        let settings = self.settings.borrow_and_update().clone();
        let quotes = match settings.needs_prices() {
            true => self.sources.ask(&settings, now()).await,
            false => Vec::new(),
        };
        let before = *self.current.borrow();
        let prices = before.after(&quotes, &settings.price_oracle, now());
        self.current.send_if_modified(|current| {
            let is_news = *current != prices;
            *current = prices;
            is_news
        });
        let trouble = |Quote { source, token, usd }: Quote| {
            Some(Trouble { source, token, error: usd.err()? })
        };
        quotes.into_iter().filter_map(trouble).collect()
    }

    /// Asks now, as often as the settings say, and when they change; until told to stop.
    pub async fn run(mut self, stop: CancellationToken, mut report: impl FnMut(Trouble)) {
        loop {
            let troubles = tokio::select! {
                troubles = self.refresh() => troubles,
                () = stop.cancelled() => return,
            };
            troubles.into_iter().for_each(&mut report);
            let pause = self.current.borrow().pause(&self.settings.borrow().price_oracle, now());
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                changed = self.settings.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = stop.cancelled() => return,
            }
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(since.as_secs())
}

#[cfg(test)]
mod tests;
