//! The way from a provider to the chain, with everything that befalls questions on it.

use super::SimulatedChain;
use super::faults::Trouble;
use super::rpc::{Question, Refused};
use alloy::rpc::json_rpc::{
    ErrorPayload, RequestPacket, Response, ResponsePacket, ResponsePayload, SerializedRequest,
};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::Service;

/// A provider's transport.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    chain: SimulatedChain,
}

/// As long as an endpoint over HTTP is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

impl Wire {
    pub(super) fn new(chain: SimulatedChain) -> Self {
        Self { chain }
    }

    async fn respond(&self, request: SerializedRequest) -> Result<Response, TransportError> {
        let params: Value = request
            .params()
            .and_then(|params| serde_json::from_str(params.get()).ok())
            .unwrap_or_default();
        let (method, id) = (request.method(), request.id().clone());
        let answer = |behind: u64| {
            let mut chain = self.chain.lock();
            let head = chain.tip().number.saturating_sub(behind);
            Question { method, params: &params, head }.answer(&mut chain)
        };
        let trouble = {
            let mut chain = self.chain.lock();
            let asked = chain.asked.entry(method.to_owned()).or_default();
            *asked += 1;
            let nth = *asked;
            chain.faults.trouble(method, chain.now_ms, nth)
        };
        let answer = match trouble {
            Trouble::None => answer(0),
            Trouble::Stale { blocks } => answer(blocks),
            Trouble::Slow(time) => {
                let answer = answer(0);
                tokio::time::sleep(time).await;
                answer
            }
            Trouble::RateLimit => {
                return Err(TransportErrorKind::http_error(429, "too many requests".to_owned()));
            }
            Trouble::Error { processed } => {
                if processed {
                    let _ = answer(0);
                }
                let message = "internal error".to_owned();
                Err(Refused { code: -32603, message, data: None })
            }
            Trouble::TimeOut { processed } => {
                if processed {
                    let _ = answer(0);
                }
                tokio::time::sleep(PATIENCE).await;
                return Err(TransportErrorKind::custom_str("operation timed out"));
            }
        };
        Ok(Response { id, payload: payload(answer) })
    }
}

fn payload(answer: Result<Value, Refused>) -> ResponsePayload {
    let raw = |value: &Value| -> Box<RawValue> { to_raw_value(value).expect("JSON is JSON") };
    match answer {
        Ok(value) => ResponsePayload::Success(raw(&value)),
        Err(refused) => ResponsePayload::Failure(ErrorPayload {
            code: refused.code,
            message: refused.message.into(),
            data: refused.data.map(|data| raw(&serde_json::json!(data))),
        }),
    }
}

impl Service<RequestPacket> for Wire {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> TransportFut<'static> {
        let wire = self.clone();
        Box::pin(async move {
            match packet {
                RequestPacket::Single(request) => {
                    wire.respond(request).await.map(ResponsePacket::Single)
                }
                RequestPacket::Batch(requests) => {
                    let mut responses = Vec::with_capacity(requests.len());
                    for request in requests {
                        responses.push(wire.respond(request).await?);
                    }
                    Ok(ResponsePacket::Batch(responses))
                }
            }
        })
    }
}
