//! Asks again when an endpoint fails in a way that passes.
//!
//! One step of a feed or a node takes many questions; if each of them could end it, an endpoint that
//! fails one question in ten would stop a node. Only questions are repeated: a transaction that
//! may have been taken is its sender's business.

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::{RpcError, TransportError, TransportErrorKind, TransportFut};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;
use tower::{Layer, Service};

/// Pauses before each further try.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(500)];
/// How long an answer is waited for before the question is put again: a busy node answers later than
/// usual, a lost question never.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// Logs of many blocks take a node longer than anything else.
const LOGS_LIMIT: Duration = Duration::from_secs(10);

/// Makes a transport patient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience;

impl<S> Layer<S> for Patience {
    type Service = Patient<S>;

    fn layer(&self, inner: S) -> Patient<S> {
        Patient { inner }
    }
}

/// A transport that asks again.
#[derive(Clone, Debug)]
pub(super) struct Patient<S> {
    inner: S,
}

impl<S> Service<RequestPacket> for Patient<S>
where
    S: Service<RequestPacket, Response = ResponsePacket, Error = TransportError>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, packet: RequestPacket) -> TransportFut<'static> {
        let mut inner = self.inner.clone();
        Box::pin(async move {
            if asks_for(&packet, "eth_sendRawTransaction") {
                return inner.call(packet).await;
            }
            let logs = asks_for(&packet, "eth_getLogs");
            let limit = if logs { LOGS_LIMIT } else { ANSWER_LIMIT };
            for pause in PAUSES {
                match timeout(limit, inner.call(packet.clone())).await {
                    Ok(answer) if !passes(&answer) => return answer,
                    _ => tokio::time::sleep(pause).await,
                }
            }
            let answer = timeout(limit, inner.call(packet)).await;
            answer.unwrap_or_else(|_| Err(TransportErrorKind::custom_str("no answer in time")))
        })
    }
}

fn asks_for(packet: &RequestPacket, method: &str) -> bool {
    packet.requests().iter().any(|request| request.method() == method)
}

/// Whether the same question may be answered a moment later.
fn passes(answer: &Result<ResponsePacket, TransportError>) -> bool {
    match answer {
        Ok(answer) => answer.first_error_code().is_some_and(is_passing),
        Err(RpcError::ErrorResp(payload)) => is_passing(payload.code),
        Err(RpcError::Transport(kind)) => match kind.as_http_error() {
            Some(error) => error.status == 429 || error.status >= 500,
            None => true,
        },
        Err(_) => false,
    }
}

/// Internal error, resource unavailable, limit exceeded (EIP-1474).
fn is_passing(code: i64) -> bool {
    matches!(code, -32603 | -32002 | -32005)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::providers::{Provider, RootProvider};
    use alloy::rpc::client::RpcClient;
    use alloy::rpc::json_rpc::{ErrorPayload, Response, ResponsePayload};
    use serde_json::value::to_raw_value;
    use std::sync::{Arc, Mutex};

    /// What becomes of each question in turn; the last holds for all further ones.
    #[derive(Clone, Copy)]
    enum Fate {
        Answer,
        Silence,
        RateLimit,
        Error(i64),
    }

    #[derive(Clone)]
    struct Scripted(Arc<Mutex<(usize, Vec<Fate>)>>);

    impl Service<RequestPacket> for Scripted {
        type Response = ResponsePacket;
        type Error = TransportError;
        type Future = TransportFut<'static>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, packet: RequestPacket) -> TransportFut<'static> {
            let fate = {
                let mut script = self.0.lock().unwrap();
                script.0 += 1;
                script.1[(script.0 - 1).min(script.1.len() - 1)]
            };
            Box::pin(async move {
                let payload = match fate {
                    Fate::Silence => std::future::pending().await,
                    Fate::RateLimit => {
                        return Err(TransportErrorKind::http_error(429, "slower".to_owned()));
                    }
                    Fate::Answer => ResponsePayload::Success(to_raw_value("0x7").unwrap()),
                    Fate::Error(code) => {
                        let message = "no".into();
                        ResponsePayload::Failure(ErrorPayload { code, message, data: None })
                    }
                };
                let id = packet.requests()[0].id().clone();
                Ok(ResponsePacket::Single(Response { id, payload }))
            })
        }
    }

    /// How often was asked, and whether there was an answer at last.
    async fn ask(script: &[Fate], is_transaction: bool) -> (usize, bool) {
        let scripted = Scripted(Arc::new(Mutex::new((0, script.to_vec()))));
        let client = RpcClient::builder().layer(Patience).transport(scripted.clone(), true);
        let provider: RootProvider = RootProvider::new(client);
        let is_answered = match is_transaction {
            true => provider.send_raw_transaction(&[1]).await.is_ok(),
            false => provider.get_block_number().await.is_ok(),
        };
        let asked = scripted.0.lock().unwrap().0;
        (asked, is_answered)
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_asked_again_and_nothing_else() {
        use Fate::{Answer, Error, RateLimit, Silence};
        assert_eq!(ask(&[Answer], false).await, (1, true));
        assert_eq!(ask(&[RateLimit, Silence, Error(-32603), Answer], false).await, (4, true));
        assert_eq!(ask(&[RateLimit], false).await, (4, false), "it gives up");
        assert_eq!(ask(&[Silence], false).await, (4, false), "it gives up");
        assert_eq!(ask(&[Error(3), Answer], false).await, (1, false), "a revert is an answer");
        assert_eq!(ask(&[RateLimit, Answer], true).await, (1, false), "sent once");
    }
}
