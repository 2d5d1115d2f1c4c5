//! The way from a node to anvil, with everything that befalls questions on it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rialto_chain::simulated::{Faults, Trouble};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

/// As long as an endpoint over HTTP is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// An endpoint before anvil's, in the run's time.
pub(crate) struct Wire {
    anvil: Url,
    client: reqwest::Client,
    faults: Mutex<Faults>,
    asked: Mutex<BTreeMap<String, u64>>,
    now_ms: watch::Sender<u64>,
}

impl Wire {
    /// Begins to serve, and says where.
    pub(crate) async fn lay(anvil: Url, now_ms: u64) -> (Arc<Self>, Url) {
        let wire = Arc::new(Self {
            anvil,
            client: reqwest::Client::new(),
            faults: Mutex::default(),
            asked: Mutex::default(),
            now_ms: watch::Sender::new(now_ms),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let app = axum::Router::new().route("/", post(answer)).with_state(wire.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (wire, url)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        *self.now_ms.borrow()
    }

    pub(crate) fn set_now_ms(&self, now_ms: u64) {
        self.now_ms.send_replace(now_ms);
    }

    pub(crate) fn faults(&self) -> Faults {
        *self.faults.lock().unwrap()
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        *self.faults.lock().unwrap() = faults;
    }

    fn trouble(&self, method: &str) -> Trouble {
        let mut asked = self.asked.lock().unwrap();
        let nth = asked.entry(method.to_owned()).or_default();
        *nth += 1;
        self.faults().trouble(method, self.now_ms(), *nth)
    }

    /// Waits until the run's clock has moved on by `time`.
    async fn pass(&self, time: Duration) {
        let until = self.now_ms() + u64::try_from(time.as_millis()).unwrap();
        self.now_ms.subscribe().wait_for(|now| *now >= until).await.unwrap();
    }

    async fn forward(&self, question: &Value) -> reqwest::Result<Value> {
        let mut answer: Value =
            self.client.post(self.anvil.clone()).json(question).send().await?.json().await?;
        if question["method"] == "eth_getTransactionReceipt"
            && let Ok(hash) = serde_json::from_value(question["params"][0].clone())
            && self.faults().hides_receipt(hash, self.now_ms())
        {
            answer["result"] = Value::Null;
        }
        Ok(answer)
    }

    /// The answer of a node that is `blocks` behind.
    async fn stale(&self, mut question: Value, blocks: u64) -> reqwest::Result<Value> {
        let number = json!({ "jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber" });
        let newest = number_in(&self.forward(&number).await?["result"]).unwrap_or_default();
        let head = newest.saturating_sub(blocks);
        if let Some(params) = question["params"].as_array_mut() {
            let named = |param: &&mut Value| **param == "latest" || **param == "pending";
            params.iter_mut().filter(named).for_each(|it| *it = json!(format!("{head:#x}")));
        }
        let mut answer = self.forward(&question).await?;
        let beyond = |block: &Value| number_in(block).is_some_and(|number| number > head);
        let Some(result) = answer.get_mut("result") else { return Ok(answer) };
        if question["method"] == "eth_blockNumber" {
            *result = json!(format!("{head:#x}"));
        } else if beyond(&result["blockNumber"]) || beyond(&result["number"]) {
            *result = Value::Null;
        } else if let Some(logs) = result.as_array_mut() {
            let known = logs.len();
            logs.retain(|log| !beyond(&log["blockNumber"]));
            if logs.len() < known && !question["params"][0]["blockHash"].is_null() {
                return Ok(refusal(&question, -32000, "unknown block"));
            }
        }
        Ok(answer)
    }
}

async fn answer(State(wire): State<Arc<Wire>>, Json(question): Json<Value>) -> Response {
    let method = question["method"].as_str().unwrap_or_default();
    let answer = match wire.trouble(method) {
        Trouble::None => wire.forward(&question).await,
        Trouble::Stale { blocks } => wire.stale(question, blocks).await,
        Trouble::Slow(time) => {
            let answer = wire.forward(&question).await;
            wire.pass(time).await;
            answer
        }
        Trouble::RateLimit => return StatusCode::TOO_MANY_REQUESTS.into_response(),
        Trouble::Error { processed } => {
            if processed {
                let _ = wire.forward(&question).await;
            }
            Ok(refusal(&question, -32603, "internal error"))
        }
        Trouble::TimeOut { processed } => {
            if processed {
                let _ = wire.forward(&question).await;
            }
            wire.pass(PATIENCE).await;
            return StatusCode::GATEWAY_TIMEOUT.into_response();
        }
    };
    answer.map_or_else(|_| StatusCode::BAD_GATEWAY.into_response(), |it| Json(it).into_response())
}

fn refusal(question: &Value, code: i64, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": question["id"], "error": { "code": code, "message": message } })
}

fn number_in(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}
