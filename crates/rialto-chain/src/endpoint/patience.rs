//! Asks again when an endpoint fails in a way that passes, or is silent for longer than usual.
//!
//! One step of a feed or a node takes many questions; if each of them could end it, an endpoint that
//! fails one question in ten would stop a node, and one that loses one in a hundred would hold it up
//! for seconds. So a silent question is put again while its answer is still awaited, and the first
//! answer counts. Only questions are repeated: a transaction that may have been taken is its sender's
//! business.

use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket};
use alloy::transports::{RpcError, TransportError, TransportErrorKind, TransportFut};
use futures::stream::{FuturesUnordered, StreamExt};
use serde_json::value::RawValue;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tower::{Layer, Service};

/// Pauses between a failure and each further try. Where one question in seven goes wrong, all eight tries do
/// for one in six million.
const PAUSES: [Duration; 7] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(400),
    Duration::from_millis(800),
];
/// So many tries are equally far apart while there is silence: that they were all lost is less and less
/// likely, so the endpoint is busy, and each further try waits twice as long.
const STEADY_TRIES: usize = 3;
/// How long the last try is waited for: a busy node answers later than usual, a lost question never.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// Logs of many blocks take a node longer than anything else.
const LOGS_LIMIT: Duration = Duration::from_secs(10);

/// Makes a transport patient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience;

impl<S> Layer<S> for Patience {
    type Service = Patient<S>;

    fn layer(&self, inner: S) -> Patient<S> {
        Patient { inner, pace: Arc::default() }
    }
}

/// A transport that asks again.
#[derive(Clone, Debug)]
pub(super) struct Patient<S> {
    inner: S,
    pace: Arc<Mutex<Pace>>,
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
        let mut patient = self.clone();
        Box::pin(async move {
            match asks_for(&packet, "eth_sendRawTransaction") {
                true => patient.inner.call(packet).await,
                false => patient.ask(packet).await,
            }
        })
    }
}

impl<S> Patient<S>
where
    S: Service<RequestPacket, Response = ResponsePacket, Error = TransportError>,
{
    /// The first good answer; after the last try, the last bad one.
    async fn ask(&mut self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let is_for_logs = asks_for(&packet, "eth_getLogs");
        let limit = if is_for_logs { LOGS_LIMIT } else { ANSWER_LIMIT };
        let names_block = is_for_logs && names(&packet, "blockHash");
        let mut silence = self.pace().silence();
        let (mut pauses, mut next) = (PAUSES.iter(), Instant::now() + silence);
        let mut tries = FuturesUnordered::from_iter([timed(self.inner.call(packet.clone()))]);
        let mut failed = None;
        loop {
            tokio::select! {
                Some((answer, took)) = tries.next() => {
                    let passes = passes(&answer) || names_block && is_unknown(&answer);
                    if !passes {
                        self.pace().learn(took);
                        return answer;
                    }
                    failed = Some(answer);
                    match pauses.as_slice().first() {
                        Some(pause) => next = next.min(Instant::now() + *pause),
                        None if tries.is_empty() => break,
                        None => {}
                    }
                }
                () = sleep_until(next) => {
                    if pauses.next().is_none() {
                        break;
                    }
                    tries.push(timed(self.inner.call(packet.clone())));
                    let left = pauses.as_slice().len();
                    if PAUSES.len() - left >= STEADY_TRIES {
                        silence *= 2;
                    }
                    let is_last = left == 0;
                    next = Instant::now() + if is_last { limit } else { silence };
                }
            }
        }
        failed.unwrap_or_else(|| Err(TransportErrorKind::custom_str("no answer in time")))
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer and how long it took.
async fn timed<T>(answer: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    (answer.await, began.elapsed())
}

/// How fast an endpoint answers: the smoothed time and its mean deviation, as TCP takes them from
/// its round trips (RFC 6298), so that a question that was lost is told from one that takes its time.
#[derive(Clone, Copy, Debug, Default)]
struct Pace(Option<(Duration, Duration)>);

/// Silence after which a question is put again: while nothing is known, at least, and at most.
const SILENCE_FIRST: Duration = Duration::from_millis(250);
const SILENCE_MIN: Duration = Duration::from_millis(100);
const SILENCE_MAX: Duration = Duration::from_secs(1);

impl Pace {
    fn learn(&mut self, took: Duration) {
        self.0 = Some(match self.0 {
            None => (took, took / 2),
            Some((usual, deviation)) => {
                ((usual * 7 + took) / 8, (deviation * 3 + usual.abs_diff(took)) / 4)
            }
        });
    }

    fn silence(&self) -> Duration {
        let silence = self.0.map_or(SILENCE_FIRST, |(usual, deviation)| usual + deviation * 4);
        silence.clamp(SILENCE_MIN, SILENCE_MAX)
    }
}

fn asks_for(packet: &RequestPacket, method: &str) -> bool {
    packet.requests().iter().any(|request| request.method() == method)
}

fn names(packet: &RequestPacket, parameter: &str) -> bool {
    let parameters = |text: &RawValue| text.get().contains(parameter);
    packet.requests().iter().any(|request| request.params().is_some_and(parameters))
}

/// Whether a node of the endpoint lacks the block that it was asked about, which another has told of: it
/// lags behind, and a moment later it or its neighbour answers.
fn is_unknown(answer: &Result<ResponsePacket, TransportError>) -> bool {
    /// What servers say for want of a better word (EIP-1474); of a block's events it means this.
    const INVALID_INPUT: i64 = -32000;
    match answer {
        Ok(answer) => answer.first_error_code() == Some(INVALID_INPUT),
        Err(error) => error.as_error_resp().is_some_and(|it| it.code == INVALID_INPUT),
    }
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
        // What is no JSON comes from something between the node and here.
        Err(RpcError::DeserError { .. }) => true,
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
    use alloy::primitives::B256;
    use alloy::providers::{Provider, RootProvider};
    use alloy::rpc::client::RpcClient;
    use alloy::rpc::json_rpc::{ErrorPayload, Response, ResponsePayload};
    use alloy::rpc::types::Filter;
    use expect_test::expect;
    use serde_json::value::to_raw_value;
    use std::sync::{Arc, Mutex};

    /// What becomes of each question in turn; the last holds for all further ones.
    #[derive(Clone, Copy)]
    enum Fate {
        Answer,
        Late(u64),
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
                    Fate::Late(ms) => {
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                        ResponsePayload::Success(to_raw_value("0x7").unwrap())
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
        assert_eq!(ask(&[RateLimit], false).await, (8, false), "it gives up");
        assert_eq!(ask(&[Silence], false).await, (8, false), "it gives up");
        assert_eq!(ask(&[Error(3), Answer], false).await, (1, false), "a revert is an answer");
        assert_eq!(ask(&[RateLimit, Answer], true).await, (1, false), "sent once");
    }

    /// How often was asked for the logs of one block, or of a range.
    async fn ask_for_logs(filter: Filter) -> usize {
        let scripted = Scripted(Arc::new(Mutex::new((0, vec![Fate::Error(-32000)]))));
        let client = RpcClient::builder().layer(Patience).transport(scripted.clone(), true);
        let provider: RootProvider = RootProvider::new(client);
        assert!(provider.get_logs(&filter).await.is_err());
        scripted.0.lock().unwrap().0
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_that_another_node_has_told_of_is_asked_for_again() {
        assert_eq!(ask_for_logs(Filter::new().at_block_hash(B256::ZERO)).await, 8);
        assert_eq!(
            ask_for_logs(Filter::new().from_block(1)).await,
            1,
            "too many blocks, it may be"
        );
    }

    /// How often was asked, and after how many milliseconds there was an answer.
    async fn time(script: &[Fate]) -> (usize, u128) {
        let began = Instant::now();
        let (asked, is_answered) = ask(script, false).await;
        assert!(is_answered);
        (asked, began.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_question_is_put_again_and_the_first_answer_counts() {
        use Fate::{Answer, Late, RateLimit, Silence};
        assert_eq!(time(&[Late(249), Answer]).await, (1, 249));
        assert_eq!(time(&[Silence, Answer]).await, (2, 250));
        assert_eq!(time(&[Late(300), Silence]).await, (2, 300), "the first try is still awaited");
        assert_eq!(time(&[Late(1_000), RateLimit, Late(100)]).await, (3, 450));
        assert_eq!(time(&[Silence, Silence, Silence, Silence, Answer]).await, (5, 1_250));
    }

    #[test]
    fn what_is_usual_says_how_long_to_wait() {
        let mut pace = Pace::default();
        let silences = [200, 200, 200, 1_500, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].map(|ms| {
            pace.learn(Duration::from_millis(ms));
            pace.silence().as_millis()
        });
        expect![[r#"
            [
                600,
                500,
                425,
                1000,
                1000,
                1000,
                1000,
                1000,
                1000,
                1000,
                1000,
                977,
                873,
                777,
                690,
            ]
        "#]]
        .assert_debug_eq(&silences);
    }
}
