//! A mock of the port [`Line`]: the test is the coordinator and answers each question itself.

use async_trait::async_trait;
use rialto_cluster::wire::{Answer, Ask, Assignment, Hello, LeaseName, Saying, Welcome, Word};
use rialto_cluster::{Line, LineError};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// No heartbeat is due within a test.
pub(crate) const LONG_MS: u64 = 3_600_000;

/// Of which worker, what, and who waits for the answer.
pub(crate) type Question = (u64, Ask, Reply<Answer>);
type Reply<Said> = oneshot::Sender<Result<Said, LineError>>;

pub(crate) struct MockLine {
    hellos: mpsc::UnboundedSender<(Hello, Reply<Welcome>)>,
    asks: mpsc::UnboundedSender<Question>,
    beats: mpsc::UnboundedSender<Question>,
}

/// The coordinator's side.
pub(crate) struct FarEnd {
    pub(crate) hellos: mpsc::UnboundedReceiver<(Hello, Reply<Welcome>)>,
    pub(crate) asks: mpsc::UnboundedReceiver<Question>,
    pub(crate) beats: mpsc::UnboundedReceiver<Question>,
    /// A question that nobody has answered yet.
    waiting: Option<Question>,
    /// What the worker has, by what it was told and has said.
    given: BTreeMap<LeaseName, Assignment>,
    said: VecDeque<Word>,
}

pub(crate) fn mock_line() -> (Arc<MockLine>, FarEnd) {
    let (hellos, heard) = mpsc::unbounded_channel();
    let (asks, asked) = mpsc::unbounded_channel();
    let (beats, beaten) = mpsc::unbounded_channel();
    let (given, said) = Default::default();
    let far = FarEnd { hellos: heard, asks: asked, beats: beaten, waiting: None, given, said };
    (Arc::new(MockLine { hellos, asks, beats }), far)
}

#[async_trait]
impl Line for MockLine {
    async fn hello(&self, hello: Hello) -> Result<Welcome, LineError> {
        let (reply, answer) = oneshot::channel();
        self.hellos.send((hello, reply)).map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    async fn ask(&self, worker: u64, ask: Ask) -> Result<Answer, LineError> {
        let (reply, answer) = oneshot::channel();
        self.asks.send((worker, ask, reply)).map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    fn apart(&self) -> Arc<dyn Line> {
        let (hellos, beats) = (self.hellos.clone(), self.beats.clone());
        Arc::new(Self { hellos, asks: beats.clone(), beats })
    }
}

fn gone() -> LineError {
    LineError::Unreachable { reason: "the test does not answer".to_owned() }
}

impl FarEnd {
    /// Welcomes the worker under that number.
    pub(crate) async fn welcome(&mut self, worker: u64, lease_ms: u64) -> Hello {
        let (hello, reply) = self.hellos.recv().await.unwrap();
        let welcome = Welcome { worker, lease_ms, result_max_bytes: 1 << 20 };
        reply.send(Ok(welcome)).unwrap();
        hello
    }

    /// The next question, still unanswered.
    pub(crate) async fn asked(&mut self) -> Question {
        match self.waiting.take() {
            Some(question) if !question.2.is_closed() => question,
            _ => self.asks.recv().await.unwrap(),
        }
    }

    /// Answers until the worker was told of these.
    pub(crate) async fn give(&mut self, assignments: impl IntoIterator<Item = Assignment>) {
        self.given.extend(assignments.into_iter().map(|it| (it.lease, it)));
        loop {
            let question = self.asked().await;
            let takes = question.1.takes;
            if self.reply(question) && takes {
                return;
            }
        }
    }

    /// What the worker says next. Questions that only wait are left waiting.
    pub(crate) async fn said(&mut self) -> Word {
        loop {
            if let Some(word) = self.said.pop_front() {
                return word;
            }
            let question = self.asked().await;
            if question.1.said.is_empty() && self.unnamed(&question.1).is_empty() {
                self.waiting = Some(self.asks.recv().await.unwrap());
            } else {
                self.reply(question);
            }
        }
    }

    /// Answers the next question with that, whatever it says.
    pub(crate) async fn answer(&mut self, answer: Result<Answer, LineError>) -> Ask {
        loop {
            let (_, ask, reply) = self.asked().await;
            if reply.send(answer.clone()).is_ok() {
                return ask;
            }
        }
    }

    /// Answers the next heartbeat that names the lease.
    pub(crate) async fn beat(&mut self, lease: LeaseName, answer: Answer) {
        self.given.remove(&lease);
        loop {
            let (_, ask, reply) = self.beats.recv().await.unwrap();
            if ask.leases.contains(&lease) && reply.send(Ok(answer.clone())).is_ok() {
                return;
            }
        }
    }

    /// What the worker has and does not name, as far as the question tells.
    fn unnamed(&self, ask: &Ask) -> Vec<Assignment> {
        let given = self.given.iter().filter(|(lease, _)| !ask.leases.contains(lease));
        given.map(|(_, assignment)| assignment.clone()).collect()
    }

    /// Hears what is said and tells of everything that was given. Whether somebody waits for it.
    fn reply(&mut self, (_, ask, reply): Question) -> bool {
        let begin = self.unnamed(&ask);
        let is_heard = reply.send(Ok(Answer { begin, ..Answer::default() })).is_ok();
        if is_heard {
            let last = |word: &&Word| !matches!(word.said, Saying::Found { .. });
            for word in ask.said.iter().filter(last) {
                self.given.remove(&word.lease);
            }
            self.said.extend(ask.said);
        }
        is_heard
    }
}
