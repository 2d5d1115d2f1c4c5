//! Servers that a node asks: for prices, lists and programs. They answer in threads of their own.

use crate::stage::Change;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rialto_artifacts::Fetcher;
use rialto_node::Settings;
use rialto_node::prices::{PriceOracle, Prices, SourceUrls};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// What a server is asked.
pub(crate) struct Question {
    /// Path and query.
    pub(crate) uri: String,
    /// Keys that came with it.
    pub(crate) key: Option<String>,
    pub(crate) body: String,
    /// How often the same path was asked for before.
    pub(crate) nth: u32,
}

/// What it answers.
pub(crate) enum Answer {
    Says(String),
    Fails(StatusCode),
    Silence,
}

/// One server for everything.
pub(crate) struct Town {
    pub(crate) url: String,
    asked: Arc<Mutex<HashMap<String, u32>>>,
}

impl Town {
    pub(crate) fn open(answer: fn(&Question) -> Answer) -> Self {
        let asked = Arc::<Mutex<HashMap<String, u32>>>::default();
        let counted = asked.clone();
        let respond = move |uri: Uri, headers: HeaderMap, body: bytes::Bytes| async move {
            let body = String::from_utf8_lossy(&body).into_owned();
            let mut counted = counted.lock().unwrap();
            let times = counted.entry(uri.path().to_owned()).or_default();
            let nth = *times;
            *times += 1;
            let keys = ["x-cg-demo-api-key", "X-CMC_PRO_API_KEY"];
            let key = keys.iter().find_map(|name| headers.get(*name)?.to_str().ok());
            let key = key.map(str::to_owned);
            respond(answer(&Question { uri: uri.to_string(), key, body, nth }))
        };
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
                axum::serve(listener, Router::new().fallback(respond)).await.unwrap();
            });
        });
        Self { url: told.recv().unwrap(), asked }
    }

    /// How often the paths with this in them were asked for.
    pub(crate) fn asked(&self, part: &str) -> u32 {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(path, _)| path.contains(part)).map(|(_, times)| times).sum()
    }
}

fn respond(answer: Answer) -> Response {
    match answer {
        Answer::Says(text) => text.into_response(),
        Answer::Fails(status) => status.into_response(),
        Answer::Silence => {
            let never = futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
            Body::from_stream(never).into_response()
        }
    }
}

/// Waits for what needs a runtime.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

// ---------------------------------------------------------------------------------------- fetching

/// What a fetcher with the value makes of the program at a URL. In both, `TOWN` is where the server
/// is and `DIR` a folder, in which a file `program` lies.
pub(crate) fn fetched(url: &'static str) -> impl Fn(&Change) -> String {
    move |change| {
        let town = Town::open(|question| match question.nth {
            0 | 1 if question.uri.contains("shaky") => Answer::Fails(StatusCode::BAD_GATEWAY),
            _ => Answer::Says("a program".to_owned()),
        });
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("program"), "a program").unwrap();
        let path = dir.path().display().to_string();
        let settings = change.with("TOWN", &town.url).with("DIR", &path).over("");
        let fetcher = Fetcher::new(settings.fetch_policy(dir.path().join("fetched"))).unwrap();
        let url = url.replace("TOWN", &town.url).replace("DIR", &path);
        let said = match block_on(fetcher.fetch(&url)) {
            Ok(fetched) => String::from_utf8(fetched.bytes.into()).unwrap(),
            Err(error) => error.to_string(),
        };
        let filled =
            ["fetched", "elsewhere"].into_iter().filter(|name| is_filled(&dir.path().join(name)));
        let filled: Vec<_> = filled.collect();
        let said = said.replace(&town.url, "TOWN").replace(&path, "DIR");
        if filled.is_empty() { said } else { format!("{said}, cached in {}", filled.join(", ")) }
    }
}

fn is_filled(folder: &Path) -> bool {
    folder.read_dir().is_ok_and(|mut folder| folder.next().is_some())
}

// ------------------------------------------------------------------------------------------ prices

/// Prices of ETH and ZKC by service, and of a chain whose feed was updated a hundred seconds ago.
pub(crate) fn prices(question: &Question) -> Answer {
    let Question { uri, key, body, .. } = question;
    let says = |value: Value| Answer::Says(value.to_string());
    let coin = |usd: u32| json!([{ "quote": { "USD": { "price": usd } } }]);
    match () {
        () if uri.contains("simple/price") && key.as_deref() == Some("better") => {
            says(json!({ "ethereum": { "usd": 21 }, "boundless": { "usd": 2 } }))
        }
        () if uri.contains("simple/price") => {
            says(json!({ "ethereum": { "usd": 20 }, "boundless": { "usd": 2 } }))
        }
        () if uri.contains("quotes/latest") && key.as_deref() == Some("k3y") => {
            says(json!({ "data": { "ETH": coin(40), "ZKC": coin(4) } }))
        }
        () if uri.contains("quotes/latest") => Answer::Fails(StatusCode::UNAUTHORIZED),
        () if uri.contains("ETH-USD") => says(json!({ "data": { "amount": "60" } })),
        () if uri.contains("ZKC-USD") => says(json!({ "data": { "amount": "6" } })),
        () => says(on_chain(uri, body)),
    }
}

/// A chain at `/elsewhere` has another price than the others.
fn on_chain(uri: &str, body: &str) -> Value {
    let asked: Value = serde_json::from_str(body).unwrap();
    let word = |number: u64| format!("{number:064x}");
    let dollars = if uri.contains("elsewhere") { 11 } else { 10 };
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let updated = since.as_secs() - 100;
    let result = match asked["method"].as_str().unwrap() {
        "eth_chainId" => "0x1".to_owned(),
        // decimals()
        "eth_call" if body.contains("313ce567") => format!("0x{}", word(0)),
        // latestRoundData()
        _ => format!("0x{}", [1, dollars, updated, updated, 1].map(word).concat()),
    };
    json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result })
}

/// An oracle that asks the town, and the file that it follows.
pub(crate) fn oracle(town: &Town, change: &Change) -> (watch::Sender<Arc<Settings>>, PriceOracle) {
    let settings = change.with("TOWN", &town.url).over("");
    let url: url::Url = town.url.parse().unwrap();
    let urls = SourceUrls { coingecko: url.clone(), cmc: url.clone(), coinbase: url.clone() };
    let file = watch::Sender::new(Arc::new(settings));
    let oracle = PriceOracle::asking(urls, file.subscribe(), Some(url));
    (file, oracle)
}

/// What is known after one round of questions.
pub(crate) fn priced(change: &Change) -> String {
    let town = Town::open(prices);
    let prices = block_on(async {
        let (_file, mut oracle) = oracle(&town, change);
        oracle.refresh().await;
        *oracle.subscribe().borrow()
    });
    show(&prices)
}

fn show(prices: &Prices) -> String {
    let show = |price: Option<rialto_node::prices::SeenPrice>| {
        price.map_or("unknown".to_owned(), |seen| seen.usd.to_decimal_exact())
    };
    format!("ETH {}, ZKC {}", show(prices.eth_usd), show(prices.zkc_usd))
}
