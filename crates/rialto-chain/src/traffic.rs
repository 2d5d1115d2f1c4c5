//! How often an endpoint is asked and how often it fails, counted below everything that asks.

use alloy::rpc::json_rpc::{ErrorPayload, RequestPacket, ResponsePacket};
use alloy::transports::{BoxTransport, TransportError, TransportFut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tower::Service;

/// Counts since the connection was made.
#[derive(Debug, Default)]
pub struct Traffic {
    asked: AtomicU64,
    failed: AtomicU64,
}

impl Traffic {
    /// Requests that were made.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Requests without an answer, and those answered with a fault of the endpoint's own. A contract
    /// that refuses a call is no failure.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

/// A transport whose requests are counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    below: BoxTransport,
    traffic: Arc<Traffic>,
}

impl Counted {
    pub(crate) fn new(below: BoxTransport) -> (Self, Arc<Traffic>) {
        let traffic = Arc::<Traffic>::default();
        (Self { below, traffic: traffic.clone() }, traffic)
    }
}

impl Service<RequestPacket> for Counted {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.below.poll_ready(context)
    }

    fn call(&mut self, packet: RequestPacket) -> TransportFut<'static> {
        let traffic = self.traffic.clone();
        traffic.asked.fetch_add(packet.len() as u64, Ordering::Relaxed);
        let answer = self.below.call(packet);
        Box::pin(async move {
            let answer = answer.await;
            let failed = match &answer {
                Ok(packet) => packet.iter_errors().any(is_a_fault),
                Err(_) => true,
            };
            traffic.failed.fetch_add(failed.into(), Ordering::Relaxed);
            answer
        })
    }
}

/// JSON-RPC's word for a server in trouble.
const INTERNAL_ERROR: i64 = -32603;

/// Whether the endpoint is to blame and not the question.
fn is_a_fault(error: &ErrorPayload) -> bool {
    error.code == INTERNAL_ERROR || error.is_retry_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::{Faults, Genesis, SimulatedChain};
    use rialto_protocol::Timestamp;
    use std::time::Duration;

    #[test]
    fn a_refusing_contract_is_no_fault() {
        let error = |code, message: &str| -> ErrorPayload {
            let json = serde_json::json!({ "code": code, "message": message });
            serde_json::from_value(json).unwrap()
        };
        assert!(is_a_fault(&error(-32603, "internal error")));
        assert!(is_a_fault(&error(429, "too many requests")));
        assert!(is_a_fault(&error(-32005, "daily request count exceeded")));
        assert!(!is_a_fault(&error(3, "execution reverted")));
        assert!(!is_a_fault(&error(-32000, "nonce too low")));
    }

    #[tokio::test(start_paused = true)]
    async fn every_request_is_counted_and_every_failure_too() {
        let chain = SimulatedChain::start(Genesis {
            chain_id: 7,
            time: Timestamp(1_000),
            block_interval: Duration::from_secs(1),
        });
        let endpoint = chain.endpoint();
        endpoint.head().await.unwrap();
        assert_eq!((endpoint.traffic().asked(), endpoint.traffic().failed()), (1, 0));
        for fault in [
            Faults { rate_limits: 1_000, ..Faults::default() },
            Faults { errors: 1_000, ..Faults::default() },
        ] {
            chain.set_faults(fault);
            // Put again seven times.
            endpoint.head().await.unwrap_err();
        }
        assert_eq!((endpoint.traffic().asked(), endpoint.traffic().failed()), (17, 16));
    }
}
