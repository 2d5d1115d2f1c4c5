use super::source::dollars;
use super::*;
use alloy::primitives::U256;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::net::TcpListener;

fn usd(text: &str) -> Usd {
    format!("{text} USD").parse().unwrap()
}

fn quote(source: Source, text: &str) -> Quote {
    Quote { source, token: Token::Eth, usd: dollars(text) }
}

fn oracle(text: &str) -> OracleSettings {
    Settings::parse(&format!("[price_oracle]\n{text}")).unwrap().settings.price_oracle
}

#[test]
fn sources_together_say_the_middle_the_first_or_the_mean() {
    use Source::{Chainlink, CoinGecko, CoinMarketCap, Coinbase};
    let said = [
        quote(Coinbase, "10"),
        quote(CoinMarketCap, "1000000"),
        quote(CoinGecko, "12"),
        quote(Chainlink, "11"),
    ];
    let decide = |quotes: &[Quote], text: &str| {
        let prices = Prices::default().after(quotes, &oracle(text), Timestamp(7));
        prices.eth_usd.map(|seen| seen.usd)
    };
    assert_eq!(decide(&said, ""), Some(usd("11.5")), "one source cannot move the middle far");
    assert_eq!(decide(&said[..3], ""), Some(usd("12")));
    assert_eq!(decide(&said, "aggregation_mode = \"priority\""), Some(usd("11")));
    assert_eq!(decide(&said[..3], "aggregation_mode = \"priority\""), Some(usd("12")));
    assert_eq!(decide(&said, "aggregation_mode = \"average\""), Some(usd("250008.25")));
    let failed = [quote(Chainlink, "nonsense"), quote(CoinGecko, "12")];
    assert_eq!(decide(&failed, "aggregation_mode = \"priority\""), Some(usd("12")));
    assert_eq!(decide(&failed, "min_sources = 2"), None);
    assert_eq!(decide(&[], ""), None);
    assert_eq!(decide(&said, "eth_usd = \"5\""), Some(usd("5")), "what is fixed is not asked");
}

#[test]
fn a_price_is_kept_while_it_is_fresh_and_no_longer() {
    let settings = oracle("max_secs_without_price_update = 100\nrefresh_interval_secs = 60");
    let seen =
        Prices::default().after(&[quote(Source::Coinbase, "3")], &settings, Timestamp(1_000));
    assert_eq!(seen.eth_usd, Some(SeenPrice { usd: usd("3"), at: Timestamp(1_000) }));
    let at = |second| seen.after(&[], &settings, Timestamp(second));
    assert_eq!(at(1_099), seen);
    assert_eq!(at(1_100).eth_usd, None);
    let both = Prices { zkc_usd: seen.eth_usd, ..seen };
    let pauses = [1_000, 1_050, 1_099, 1_100]
        .map(|second| both.pause(&settings, Timestamp(second)).as_secs());
    assert_eq!(pauses, [60, 50, 1, 1], "it is asked again before it is stale");
    assert_eq!(seen.pause(&settings, Timestamp(1_000)), ASK_AGAIN, "one price is missing");
}

#[test]
fn numbers_are_read_exactly_or_refused() {
    let cases = [
        "2514.37",
        "3",
        ".5",
        "1e3",
        "1.25E-2",
        "251437000000e-8",
        "0.1234567890123456789",
        "1000000000",
        "1000000000.01",
        "0",
        "0.00",
        "-1",
        "+1",
        "",
        ".",
        "e3",
        "NaN",
        "1e400",
        "1e-400",
        "1,000",
        "0x10",
        "\"3\"",
        "null",
        "1e",
        "1 ",
    ];
    let rows: String = cases
        .iter()
        .map(|text| match dollars(text) {
            Ok(usd) => format!("{text} = {}\n", usd.to_decimal_exact()),
            Err(error) => format!("{error}\n"),
        })
        .collect();
    expect![[r#"
        2514.37 = 2514.37
        3 = 3
        .5 = 0.5
        1e3 = 1000
        1.25E-2 = 0.0125
        251437000000e-8 = 2514.37
        0.1234567890123456789 = 0.123456789012345678
        1000000000 = 1000000000
        1000000000.01 is no price in dollars
        0 is no price in dollars
        0.00 is no price in dollars
        -1 is no price in dollars
        +1 is no price in dollars
         is no price in dollars
        . is no price in dollars
        e3 is no price in dollars
        NaN is no price in dollars
        1e400 is no price in dollars
        1e-400 is no price in dollars
        1,000 is no price in dollars
        0x10 is no price in dollars
        "3" is no price in dollars
        null is no price in dollars
        1e is no price in dollars
        1  is no price in dollars
    "#]]
    .assert_eq(&rows);
}

proptest! {
    /// What is read is a price within reason; nothing else is.
    #[test]
    fn no_number_is_beyond_the_parser(text in "[0-9.eE+-]{0,80}|\\PC{0,40}") {
        if let Ok(price) = dollars(&text) {
            prop_assert!(price > Usd::ZERO && price <= usd("1000000000"), "{text}");
        }
    }
}

/// Plays every service on one port: what is put for a path is what it answers.
#[derive(Clone, Default)]
struct Stage(Arc<Mutex<Vec<(&'static str, Play)>>>);

#[derive(Clone)]
enum Play {
    Says(Value),
    Status(u16),
    Raw(String),
    Silent,
    NeedsKey(&'static str, Value),
}

async fn play(State(stage): State<Stage>, uri: Uri, headers: HeaderMap, body: String) -> Response {
    let plays = stage.0.lock().unwrap().clone();
    let (path, question) = (uri.path().to_owned(), format!("{uri} {body}"));
    let play = plays.into_iter().find(|(part, _)| question.contains(part));
    match play.map(|(_, play)| play) {
        Some(Play::Says(value)) => answered(&body, value),
        Some(Play::Raw(text)) => text.into_response(),
        Some(Play::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Play::NeedsKey(name, value)) if headers.get(name).is_some_and(|key| key == "k3y") => {
            answered(&body, value)
        }
        Some(Play::NeedsKey(..)) => StatusCode::UNAUTHORIZED.into_response(),
        Some(Play::Silent) => {
            let never = futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
            Body::from_stream(never).into_response()
        }
        None => (StatusCode::NOT_FOUND, path).into_response(),
    }
}

/// JSON-RPC wraps its answers.
fn answered(question: &str, value: Value) -> Response {
    match serde_json::from_str::<Value>(question) {
        Ok(asked) => axum::Json(json!({ "jsonrpc": "2.0", "id": asked["id"], "result": value }))
            .into_response(),
        Err(_) => axum::Json(value).into_response(),
    }
}

struct Theatre {
    url: Url,
    stage: Stage,
}

impl Theatre {
    async fn open() -> Self {
        let stage = Stage::default();
        let app = Router::new().fallback(play).with_state(stage.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, stage }
    }

    fn put(&self, part: &'static str, play: Play) {
        let mut plays = self.stage.0.lock().unwrap();
        plays.retain(|(known, _)| *known != part);
        plays.push((part, play));
    }

    fn oracle(&self, text: &str) -> PriceOracle {
        let urls = SourceUrls {
            coingecko: self.url.clone(),
            cmc: self.url.clone(),
            coinbase: self.url.clone(),
        };
        let settings = Arc::new(Settings::parse(text).unwrap().settings);
        PriceOracle::asking(urls, watch::channel(settings).1, Some(self.url.clone()))
    }

    /// What is known after one round, and what went wrong.
    async fn round(&self, text: &str) -> String {
        let mut oracle = self.oracle(text);
        let mut troubles: Vec<_> = oracle.refresh().await.iter().map(ToString::to_string).collect();
        troubles.sort();
        let prices = *oracle.subscribe().borrow();
        let shown = |price: Option<SeenPrice>| {
            price.map_or("unknown".to_owned(), |seen| seen.usd.to_decimal_exact())
        };
        let line = format!("ETH {}, ZKC {}\n", shown(prices.eth_usd), shown(prices.zkc_usd));
        line + &troubles.into_iter().map(|trouble| trouble + "\n").collect::<String>()
    }

    async fn check(&self, text: &str, expected: Expect) {
        expected.assert_eq(&self.round(text).await);
    }
}

/// One source alone.
fn only(source: &str) -> String {
    let all = ["onchain.chainlink", "offchain.coingecko", "offchain.cmc", "offchain.coinbase"];
    let sections = all.iter().map(|name| {
        let key = if *name == "offchain.cmc" { "api_key = \"k3y\"\n" } else { "" };
        format!("[price_oracle.{name}]\nenabled = {}\n{key}", name.ends_with(source))
    });
    format!("[price_oracle]\ntimeout_secs = 1\n{}", sections.collect::<String>())
}

#[tokio::test]
async fn coingecko_is_understood_and_outlived() {
    let theatre = Theatre::open().await;
    let of = only("coingecko");
    let both = json!({ "ethereum": { "usd": 2514.37 }, "boundless": { "usd": 1.1e-1 } });
    theatre.put("simple/price", Play::Says(both.clone()));
    theatre
        .check(
            &of,
            expect![[r#"
        ETH 2514.37, ZKC 0.11
    "#]],
        )
        .await;
    theatre.put("simple/price", Play::NeedsKey("x-cg-demo-api-key", both));
    theatre
        .check(
            &of,
            expect![[r#"
        ETH unknown, ZKC unknown
        CoinGecko does not tell the price of ETH: it answers with status 401
    "#]],
        )
        .await;
    let keyed =
        of.replace("[price_oracle.offchain.cmc]", "api_key = \"k3y\"\n[price_oracle.offchain.cmc]");
    theatre
        .check(
            &keyed,
            expect![[r#"
        ETH 2514.37, ZKC 0.11
    "#]],
        )
        .await;
    theatre.put("simple/price", Play::Says(json!({ "ethereum": { "usd": 1e30 } })));
    theatre
        .check(
            &of,
            expect![[r#"
        ETH unknown, ZKC unknown
        CoinGecko does not tell the price of ETH: 1e+30 is no price in dollars
        CoinGecko does not tell the price of ZKC: it does not know the token
    "#]],
        )
        .await;
    for play in [
        Play::Status(429),
        Play::Raw("<html>".to_owned()),
        Play::Raw(" ".repeat(300 << 10)),
        Play::Silent,
        Play::Says(json!({ "ethereum": { "usd": null }, "boundless": { "usd": "3" } })),
        Play::Says(json!({ "ethereum": { "usd": -1 }, "boundless": {} })),
    ] {
        theatre.put("simple/price", play);
        let said = theatre.round(&of).await;
        assert!(said.starts_with("ETH unknown, ZKC unknown\nCoinGecko does not tell"), "{said}");
    }
}

#[tokio::test]
async fn coinmarketcap_is_understood_and_outlived() {
    let theatre = Theatre::open().await;
    let of = only("cmc");
    let coin = |price: Value| json!([{ "quote": { "USD": { "price": price } } }]);
    let both = json!({ "data": { "ETH": coin(json!(2500.125)), "ZKC": coin(json!(0.25)) } });
    theatre.put("quotes/latest", Play::NeedsKey("X-CMC_PRO_API_KEY", both));
    theatre
        .check(
            &of,
            expect![[r#"
        ETH 2500.125, ZKC 0.25
    "#]],
        )
        .await;
    theatre
        .check(
            &of.replace("api_key = \"k3y\"\n", ""),
            expect![[r#"
        ETH unknown, ZKC unknown
        CoinMarketCap does not tell the price of ETH: it answers only with a key, and none is set
        CoinMarketCap does not tell the price of ZKC: it answers only with a key, and none is set
    "#]],
        )
        .await;
    theatre.put(
        "quotes/latest",
        Play::Says(json!({ "data": { "ETH": coin(Value::Null), "ZKC": [] } })),
    );
    theatre
        .check(
            &of,
            expect![[r#"
        ETH unknown, ZKC unknown
        CoinMarketCap does not tell the price of ETH: it does not know the token
        CoinMarketCap does not tell the price of ZKC: it does not know the token
    "#]],
        )
        .await;
}

#[tokio::test]
async fn coinbase_is_understood_and_outlived() {
    let theatre = Theatre::open().await;
    let of = only("coinbase");
    let spot = |amount: &str| Play::Says(json!({ "data": { "amount": amount } }));
    theatre.put("ETH-USD", spot("2514.37"));
    theatre
        .check(
            &of,
            expect![[r#"
        ETH 2514.37, ZKC unknown
        Coinbase does not tell the price of ZKC: it does not know the token
    "#]],
        )
        .await;
    theatre.put("ZKC-USD", spot("0.12"));
    theatre
        .check(
            &of,
            expect![[r#"
        ETH 2514.37, ZKC 0.12
    "#]],
        )
        .await;
    theatre.put("ETH-USD", spot("99999999999"));
    theatre.put("ZKC-USD", Play::Silent);
    theatre
        .check(
            &of,
            expect![[r#"
        ETH unknown, ZKC unknown
        Coinbase does not tell the price of ETH: 99999999999 is no price in dollars
        Coinbase does not tell the price of ZKC: no complete answer within 1s
    "#]],
        )
        .await;
}

/// The answer of a feed: five words, of which the second is the price and the fourth its time.
fn round_data(answer: i64, updated_at: u64) -> Value {
    let price = alloy::primitives::I256::try_from(answer).unwrap().into_raw();
    let words = [U256::from(1), price, U256::ZERO, U256::from(updated_at), U256::from(1)];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect();
    json!(alloy::hex::encode_prefixed(bytes))
}

#[tokio::test]
async fn chainlink_is_understood_and_outlived() {
    let theatre = Theatre::open().await;
    let of = only("chainlink");
    theatre.put("eth_chainId", Play::Says(json!("0x2105")));
    theatre.put("0x313ce567", Play::Says(json!(format!("0x{:064x}", 8))));
    theatre.put("0xfeaf968c", Play::Says(round_data(251_437_000_000, now().0)));
    theatre
        .check(
            &of,
            expect![[r#"
        ETH 2514.37, ZKC unknown
    "#]],
        )
        .await;
    theatre.put("0xfeaf968c", Play::Says(round_data(-1, now().0)));
    theatre
        .check(
            &of,
            expect![[r#"
        ETH unknown, ZKC unknown
        Chainlink does not tell the price of ETH: -1e-8 is no price in dollars
    "#]],
        )
        .await;
    theatre.put("0xfeaf968c", Play::Says(round_data(251_437_000_000, now().0 - 100_000)));
    let stale = theatre.round(&of).await;
    assert!(stale.contains("the feed says what was so 100"), "{stale}");
    theatre.put("0xfeaf968c", Play::Says(json!("0x")));
    let garbage = theatre.round(&of).await;
    assert!(garbage.contains("the feed does not answer as feeds do"), "{garbage}");
    theatre.put("eth_chainId", Play::Says(json!("0x7a69")));
    theatre
        .check(
            &of,
            expect![[r#"
        ETH unknown, ZKC unknown
        Chainlink does not tell the price of ETH: no feed is known on chain 31337
    "#]],
        )
        .await;
    theatre.put("eth_chainId", Play::Silent);
    theatre
        .check(
            &of,
            expect![[r#"
        ETH unknown, ZKC unknown
        Chainlink does not tell the price of ETH: no complete answer within 1s
    "#]],
        )
        .await;
}

#[tokio::test]
async fn a_slow_or_broken_source_does_not_hold_up_the_others() {
    let theatre = Theatre::open().await;
    theatre.put("simple/price", Play::Silent);
    theatre.put("ETH-USD", Play::Says(json!({ "data": { "amount": "10" } })));
    theatre.put("ZKC-USD", Play::Status(500));
    theatre.put("eth_chainId", Play::Says(json!("0x1")));
    theatre.put("0x313ce567", Play::Says(json!(format!("0x{:064x}", 8))));
    theatre.put("0xfeaf968c", Play::Says(round_data(20 * 100_000_000, now().0)));
    theatre
        .check(
            "[price_oracle]\ntimeout_secs = 1\nzkc_usd = \"0.5\"\n",
            expect![[r#"
        ETH 15, ZKC 0.5
        CoinGecko does not tell the price of ETH: no complete answer within 1s
    "#]],
        )
        .await;
}

#[tokio::test]
async fn nobody_is_asked_while_no_amount_needs_a_price() {
    let theatre = Theatre::open().await;
    let text = "[market]\nmin_mcycle_price = \"1 wei\"\nmin_mcycle_price_collateral_token = \"1 ZKC\"\n\
                max_collateral = \"1 ZKC\"\n";
    theatre
        .check(
            text,
            expect![[r#"
        ETH unknown, ZKC unknown
    "#]],
        )
        .await;
}

#[tokio::test]
async fn prices_are_kept_current_and_follow_the_settings() {
    let theatre = Theatre::open().await;
    theatre.put(
        "simple/price",
        Play::Says(json!({ "ethereum": { "usd": 1 }, "boundless": { "usd": 2 } })),
    );
    let of = only("coingecko").replace("timeout_secs", "refresh_interval_secs = 1\ntimeout_secs");
    let parse = |text: &str| Arc::new(Settings::parse(text).unwrap().settings);
    let urls = SourceUrls { coingecko: theatre.url.clone(), ..SourceUrls::default() };
    let (change, settings) = watch::channel(parse(&of));
    let oracle = PriceOracle::asking(urls, settings, None);
    let mut prices = oracle.subscribe();
    let stop = CancellationToken::new();
    let running = tokio::spawn(oracle.run(stop.clone(), |trouble| panic!("{trouble}")));
    let is = |eth: &'static str| {
        move |prices: &Prices| prices.eth_usd.is_some_and(|seen| seen.usd == usd(eth))
    };
    prices.wait_for(is("1")).await.unwrap();
    theatre.put(
        "simple/price",
        Play::Says(json!({ "ethereum": { "usd": 3 }, "boundless": { "usd": 2 } })),
    );
    prices.wait_for(is("3")).await.unwrap();
    change.send_replace(parse(&of.replace("[price_oracle]", "[price_oracle]\neth_usd = \"7\"")));
    prices.wait_for(is("7")).await.unwrap();
    stop.cancel();
    running.await.unwrap();
}
