//! The services that tell prices, each with its own way of saying them.

use super::{Quote, Source, Token};
use crate::settings::{PriceSetting, Secret, Settings};
use alloy::primitives::{Address, U256, address};
use alloy::sol;
use futures::future::{BoxFuture, FutureExt, join_all};
use reqwest::{Client, RequestBuilder, redirect};
use rialto_chain::{Endpoint, EndpointError};
use rialto_protocol::{Timestamp, Usd};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::time::Duration;
use url::Url;

/// An answer about two tokens has some hundred bytes; CoinMarketCap adds what it knows of them.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// A token that costs more is a mistake. In whole dollars.
const DOLLARS_MAX: u64 = 1_000_000_000;
/// Digits of the longest number that is read.
const DIGITS_MAX: usize = 60;

/// Where the services are.
#[derive(Clone, Debug)]
pub struct SourceUrls {
    /// CoinGecko.
    pub coingecko: Url,
    /// CoinMarketCap.
    pub cmc: Url,
    /// Coinbase.
    pub coinbase: Url,
}

impl Default for SourceUrls {
    fn default() -> Self {
        let url = |text: &str| text.parse().expect("a constant URL");
        Self {
            coingecko: url("https://api.coingecko.com/"),
            cmc: url("https://pro-api.coinmarketcap.com/"),
            coinbase: url("https://api.coinbase.com/"),
        }
    }
}

/// Why a source did not tell a price.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It was silent for too long.
    #[error("no complete answer within {0:?}")]
    Slow(Duration),
    /// It cannot be reached.
    #[error("it cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// It refuses.
    #[error("it answers with status {0}")]
    Status(u16),
    /// It says too much.
    #[error("its answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    /// It says something else.
    #[error("its answer is not of the form that is known")]
    Form(#[from] serde_json::Error),
    /// It does not know the token.
    #[error("it does not know the token")]
    Unknown,
    /// It says a price that cannot be.
    #[error("{0} is no price in dollars")]
    Absurd(String),
    /// It wants a key.
    #[error("it answers only with a key, and none is set")]
    NoKey,
    /// There is no endpoint to ask.
    #[error("no endpoint is known whose chain has its feeds")]
    NoEndpoint,
    /// The chain has no feed.
    #[error("no feed is known on chain {0}")]
    NoFeed(u64),
    /// The endpoint failed.
    #[error("the endpoint failed")]
    Endpoint(#[from] EndpointError),
    /// The feed did not answer as feeds do.
    #[error("the feed does not answer as feeds do")]
    Feed(#[from] alloy::contract::Error),
    /// The feed has stood still.
    #[error("the feed says what was so {0} s ago")]
    Stale(u64),
}

/// The price of ETH in dollars by chain.
const ETH_FEEDS: [(u64, Address); 8] = [
    (1, address!("5f4eC3Df9cbd43714FE2740f5E3616155c5b8419")),
    (10, address!("13e3Ee699D1909E989722E753853AE30b17e08c5")),
    (8_453, address!("71041dddad3595F9CEd3DcCFBe3D1F4b0a16Bb70")),
    (42_161, address!("639Fe6ab55C921f74e7fac1ee960C0B6293ba612")),
    (84_532, address!("4aDC67696bA383F43DD60A9e78F2C97Fbbfc7cb1")),
    (421_614, address!("d30e2101a97dcbAeBCBC04F14C3f624E67A35165")),
    (11_155_111, address!("694AA1769357215DE4FAC081bf1f309aDC325306")),
    (11_155_420, address!("61Ec26aA57019C486B10502285c5A3D4A4750AD7")),
];

sol! {
    #[sol(rpc)]
    interface Aggregator {
        function decimals() external view returns (uint8);
        function latestRoundData()
            external
            view
            returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
    }
}

type Said = Vec<(Token, Result<Usd, SourceError>)>;

/// All services.
pub(super) struct Sources {
    client: Client,
    urls: SourceUrls,
    rpc_url: Option<Url>,
}

impl Sources {
    pub(super) fn new(urls: SourceUrls, rpc_url: Option<Url>) -> Self {
        let client = Client::builder()
            .user_agent(concat!("rialto/", env!("CARGO_PKG_VERSION")))
            // A key must not follow a redirect.
            .redirect(redirect::Policy::none())
            .build()
            .expect("a client without options that can be wrong");
        Self { client, urls, rpc_url }
    }

    /// What every enabled source says about every token that is not fixed.
    pub(super) async fn ask(&self, settings: &Settings, now: Timestamp) -> Vec<Quote> {
        let oracle = &settings.price_oracle;
        let is_auto = |setting| setting == PriceSetting::Auto;
        let mut tokens = Vec::new();
        tokens.extend(is_auto(oracle.eth_usd).then_some(Token::Eth));
        tokens.extend(is_auto(oracle.zkc_usd).then_some(Token::Zkc));
        let tokens = tokens.as_slice();
        let timeout = Duration::from_secs(oracle.timeout_secs);
        let mut asked: Vec<(Source, &[Token], BoxFuture<'_, Said>)> = Vec::new();
        if settings.chainlink.enabled && tokens.contains(&Token::Eth) {
            let chainlink = self.chainlink(settings, now);
            let eth: &[Token] = &[Token::Eth];
            asked.push((
                Source::Chainlink,
                eth,
                chainlink.map(|eth| vec![(Token::Eth, eth)]).boxed(),
            ));
        }
        if settings.coingecko.enabled {
            let key = settings.coingecko.api_key.as_ref();
            asked.push((Source::CoinGecko, tokens, self.coingecko(tokens, key).boxed()));
        }
        if settings.cmc.enabled {
            let key = settings.cmc.api_key.as_ref();
            asked.push((Source::CoinMarketCap, tokens, self.cmc(tokens, key).boxed()));
        }
        if settings.coinbase.enabled {
            // Each token is a question of its own, with its own time.
            for token in tokens.chunks(1) {
                asked.push((Source::Coinbase, token, self.coinbase(token[0]).boxed()));
            }
        }
        let asking = asked.into_iter().map(async |(source, tokens, answer)| {
            let said = tokio::time::timeout(timeout, answer).await;
            let said = said.unwrap_or_else(|_| all(tokens, || SourceError::Slow(timeout)));
            said.into_iter().map(|(token, usd)| Quote { source, token, usd }).collect::<Vec<_>>()
        });
        join_all(asking).await.into_iter().flatten().collect()
    }

    async fn chainlink(&self, settings: &Settings, now: Timestamp) -> Result<Usd, SourceError> {
        let url = settings.chainlink.rpc_url.as_ref().or(self.rpc_url.as_ref());
        let endpoint = Endpoint::connect(url.ok_or(SourceError::NoEndpoint)?).await?;
        let chain_id = endpoint.chain_id();
        let feed = ETH_FEEDS.iter().find(|(chain, _)| *chain == chain_id);
        let (_, feed) = feed.ok_or(SourceError::NoFeed(chain_id))?;
        let feed = Aggregator::new(*feed, endpoint.provider());
        let decimals = feed.decimals().call().await?;
        let round = feed.latestRoundData().call().await?;
        let updated_at = Timestamp(u64::try_from(round.updatedAt).unwrap_or_default());
        let age_s = updated_at.seconds_until(now);
        if age_s >= settings.price_oracle.max_secs_without_price_update {
            return Err(SourceError::Stale(age_s));
        }
        dollars(&format!("{}e-{decimals}", round.answer))
    }

    async fn coingecko(&self, tokens: &[Token], key: Option<&Secret>) -> Said {
        let id = |token| match token {
            Token::Eth => "ethereum",
            Token::Zkc => "boundless",
        };
        let ids: Vec<_> = tokens.iter().map(|token| id(*token)).collect();
        let query = format!("ids={}&vs_currencies=usd", ids.join(","));
        let mut request = self.get(&self.urls.coingecko, "api/v3/simple/price", &query);
        if let Some(key) = key {
            request = request.header("x-cg-demo-api-key", key.expose());
        }
        type Answer = HashMap<String, HashMap<String, Box<RawValue>>>;
        let answer = answer::<Answer>(request).await;
        each(tokens, answer, |answer, token| {
            Some(answer.get(id(token))?.get("usd")?.get().to_owned())
        })
    }

    async fn cmc(&self, tokens: &[Token], key: Option<&Secret>) -> Said {
        #[derive(Deserialize)]
        struct Answer {
            data: HashMap<String, Vec<Coin>>,
        }
        #[derive(Deserialize)]
        struct Coin {
            quote: HashMap<String, Price>,
        }
        #[derive(Deserialize)]
        struct Price {
            price: Option<Box<RawValue>>,
        }
        let Some(key) = key else { return all(tokens, || SourceError::NoKey) };
        let symbols: Vec<_> = tokens.iter().map(ToString::to_string).collect();
        let query = format!("symbol={}&convert=USD", symbols.join(","));
        let request = self.get(&self.urls.cmc, "v2/cryptocurrency/quotes/latest", &query);
        let answer = answer::<Answer>(request.header("X-CMC_PRO_API_KEY", key.expose())).await;
        each(tokens, answer, |answer, token| {
            // Of several coins with one symbol the first is the one that is traded most.
            let coin = answer.data.get(&token.to_string())?.first()?;
            Some(coin.quote.get("USD")?.price.as_ref()?.get().to_owned())
        })
    }

    async fn coinbase(&self, token: Token) -> Said {
        #[derive(Deserialize)]
        struct Answer {
            data: Spot,
        }
        #[derive(Deserialize)]
        struct Spot {
            amount: String,
        }
        let path = format!("v2/prices/{token}-USD/spot");
        let answer = answer::<Answer>(self.get(&self.urls.coinbase, &path, "")).await;
        let usd = match answer {
            Err(SourceError::Status(404)) => Err(SourceError::Unknown),
            answer => answer.and_then(|answer| dollars(&answer.data.amount)),
        };
        vec![(token, usd)]
    }

    fn get(&self, base: &Url, path: &str, query: &str) -> RequestBuilder {
        let mut url = base.clone();
        url.set_path(path);
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        self.client.get(url)
    }
}

/// The answer to a request, read within bounds.
async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, SourceError> {
    let unreachable = |error: reqwest::Error| SourceError::Unreachable(error.without_url());
    let mut response = request.send().await.map_err(unreachable)?;
    if !response.status().is_success() {
        return Err(SourceError::Status(response.status().as_u16()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(SourceError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(serde_json::from_slice(&bytes)?)
}

fn all(tokens: &[Token], error: impl Fn() -> SourceError) -> Said {
    tokens.iter().map(|token| (*token, Err(error()))).collect()
}

/// Each token's price out of one answer. What is wrong with the answer as a whole is said once, for
/// the first token.
fn each<T>(
    tokens: &[Token],
    answer: Result<T, SourceError>,
    pick: impl Fn(&T, Token) -> Option<String>,
) -> Said {
    match answer {
        Ok(answer) => {
            let usd = |token| dollars(&pick(&answer, token).ok_or(SourceError::Unknown)?);
            tokens.iter().map(|token| (*token, usd(*token))).collect()
        }
        Err(error) => tokens.first().map(|token| (*token, Err(error))).into_iter().collect(),
    }
}

/// A price in dollars, exactly as far as 18 decimals go, rounded down beyond them.
pub(super) fn dollars(text: &str) -> Result<Usd, SourceError> {
    let absurd = || SourceError::Absurd(text.chars().take(DIGITS_MAX).collect());
    let price = exact(text).ok_or_else(absurd)?;
    let most = U256::from(DOLLARS_MAX) * U256::from(10).pow(U256::from(18));
    if price.is_zero() || price > most { Err(absurd()) } else { Ok(Usd(price)) }
}

/// A decimal number with or without an exponent, in units of 10^-18.
fn exact(text: &str) -> Option<U256> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || digits.len() > DIGITS_MAX || !is_plain {
        return None;
    }
    let digits = U256::from_str_radix(&digits, 10).ok()?;
    let shift = i64::from(exponent) + 18 - i64::try_from(fraction.len()).ok()?;
    let power = U256::from(10).checked_pow(U256::from(shift.unsigned_abs()));
    match (shift >= 0, power) {
        (true, power) => digits.checked_mul(power?),
        (false, Some(power)) => digits.checked_div(power),
        (false, None) => Some(U256::ZERO),
    }
}
