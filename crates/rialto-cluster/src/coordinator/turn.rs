//! The rounds: what came in, what follows, who is answered.

use super::SubmitError;
use super::check::Checker;
use super::config::ClusterConfig;
use super::floor::Floor;
use crate::causes::on_one_line;
use crate::ledger::{Chosen, Heard, Joins, Ledger, LedgerError, NewJob, Round, Tally, Took};
use crate::line::LineError;
use crate::wire::{Answer, Ask, Hello, LeaseName, Refused, Saying, Stored, Welcome, WorkName};
use alloy_primitives::B256;
use rialto_planner::cluster::{Fault, JobName, Rejected, TaskKey, Token, Work, WorkerId};
use rialto_zkvm::ProofKind;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// What a round is asked to do.
pub(super) enum Message {
    Submit { name: JobName, job: Box<NewJob>, reply: oneshot::Sender<Result<(), SubmitError>> },
    Cancel { name: JobName, reply: oneshot::Sender<Result<bool, LedgerError>> },
    Drain { name: String, drains: bool, reply: oneshot::Sender<Result<bool, LedgerError>> },
    Hello { hello: Hello, reply: oneshot::Sender<Result<Welcome, LineError>> },
    Ask { worker: WorkerId, ask: Ask, reply: oneshot::Sender<Result<Answer, LineError>> },
}

/// A worker's question that waits for something to say.
struct Parked {
    asked: Ask,
    until: Instant,
    reply: oneshot::Sender<Result<Answer, LineError>>,
}

/// Messages that one round takes: bounds how long its transaction is.
const ROUND_MESSAGES: usize = 1_024;

/// How often a queue is looked at that others may change, should the database's word of it get lost; and how long the
/// slowest reaction to time alone may take.
const POLL: Duration = Duration::from_millis(500);

/// Whoever the coordinator is among workers: results that it has judged itself.
const OURSELVES: WorkerId = WorkerId(0);

/// The state of the rounds: nothing of it is missed after an end.
pub(super) struct Turning {
    ledger: Ledger,
    config: ClusterConfig,
    known_engines: BTreeSet<String>,
    newest: watch::Sender<u64>,
    floor: Floor,
    parked: BTreeMap<WorkerId, Parked>,
    next_look: Option<Instant>,
    forgot: Instant,
}

/// What is answered once a round has happened.
#[derive(Default)]
struct Replies {
    submits: Vec<Due<Result<(), SubmitError>>>,
    flags: Vec<Due<Result<bool, LedgerError>>>,
    hellos: Vec<Due<Result<Welcome, LineError>>>,
    asks: Vec<Asking>,
}

/// An answer, and who waits for it.
type Due<T> = (oneshot::Sender<T>, T);

/// A question in this round, with what is known of its answer.
struct Asking {
    worker: WorkerId,
    ask: Ask,
    refused: Vec<Refused>,
    /// Whether it was asked just now; what was asked earlier renews no lease.
    is_new: bool,
    until: Instant,
    reply: oneshot::Sender<Result<Answer, LineError>>,
}

impl Turning {
    pub(super) async fn new(
        ledger: Ledger,
        config: ClusterConfig,
        newest: watch::Sender<u64>,
        checker: &Checker,
    ) -> Result<Self, LedgerError> {
        let mut round = ledger.round().await?;
        for engine in checker.engines() {
            for proof in [ProofKind::Composite, ProofKind::Compressed] {
                if let Some(it) = engine.joining(proof) {
                    let (leaf_arity, arity, levels_min) =
                        (it.leaf_arity, it.arity.get(), it.levels_min);
                    let joins = Joins { leaf_arity, arity, levels_min };
                    round.set_joins(engine.name(), proof, joins).await?;
                }
            }
        }
        round.commit().await?;
        let mut floor = Floor::new(config.clone());
        for (machine, took) in ledger.durations().await? {
            floor.learn_of(machine, &took);
        }
        let known_engines = checker.engines().iter().map(|it| it.name().to_owned()).collect();
        let (parked, next_look, forgot) = (BTreeMap::new(), Some(Instant::now()), Instant::now());
        Ok(Self { ledger, config, known_engines, newest, floor, parked, next_look, forgot })
    }

    /// Turns rounds until nobody can say anything any more.
    pub(super) async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut batch = Vec::new();
        loop {
            let wait = self.wait();
            let came = tokio::time::timeout(wait, messages.recv_many(&mut batch, ROUND_MESSAGES));
            if let Ok(0) = came.await {
                return;
            }
            self.turn(std::mem::take(&mut batch)).await;
        }
    }

    fn wait(&self) -> Duration {
        let parked = self.parked.values().map(|it| it.until).min();
        let now = Instant::now();
        let soonest = parked.into_iter().chain(self.next_look).min();
        soonest.map_or(POLL, |at| at.saturating_duration_since(now).min(POLL))
    }

    async fn turn(&mut self, batch: Vec<Message>) {
        let (messages, asks) = self.split(batch);
        match self.round(messages, asks).await {
            Ok(replies) => self.reply(replies),
            // Whoever waits for an answer is told by its channel's end, and asks again.
            Err(error) => tracing::error!(error = on_one_line(&error), "a round failed"),
        }
    }

    /// Questions apart from the rest; a worker's newer question takes the place of one that waits.
    fn split(&mut self, batch: Vec<Message>) -> (Vec<Message>, Vec<Asking>) {
        let now = Instant::now();
        let mut asks = Vec::new();
        let mut rest = Vec::new();
        for message in batch {
            let Message::Ask { worker, ask, reply } = message else {
                rest.push(message);
                continue;
            };
            // A question that only renews leases does not take the place of one that waits for work.
            if ask.takes
                && let Some(old) = self.parked.remove(&worker)
            {
                let _ = old.reply.send(Ok(Answer::default()));
            }
            let until = now + Duration::from_millis(ask.wait_ms);
            let is_new = true;
            asks.push(Asking { worker, ask, refused: Vec::new(), is_new, until, reply });
        }
        for (worker, Parked { asked, until, reply }) in std::mem::take(&mut self.parked) {
            // Whoever does not wait any more is not there to begin anything.
            if !reply.is_closed() {
                let (ask, is_new) = (Ask { said: Vec::new(), holds: None, ..asked }, false);
                asks.push(Asking { worker, ask, refused: Vec::new(), is_new, until, reply });
            }
        }
        (rest, asks)
    }

    async fn round(
        &mut self,
        messages: Vec<Message>,
        asks: Vec<Asking>,
    ) -> Result<Done, LedgerError> {
        let mut round = self.ledger.round().await?;
        let mut replies = Replies { asks, ..Replies::default() };
        for message in messages {
            self.do_one(&mut round, message, &mut replies).await?;
        }
        let ids = replies.asks.iter().map(|it| it.worker).collect();
        self.floor.enlisted = round.enlisted(&ids).await?;
        self.hear(&mut round, &mut replies.asks).await?;
        round.look().await?;
        self.dispatch(&mut round, &replies.asks).await?;
        let leases = round.leases(&ids).await?;
        let mut fresh = Vec::new();
        for it in &replies.asks {
            let named = |token: &&Token| !it.ask.leases.contains(&lease_name(token));
            fresh.extend(leases.get(&it.worker).into_iter().flatten().filter(named).copied());
        }
        let assignments = round.assignments(&fresh).await?;
        let next_look = round.next_look().await?.map(|at| at.since(round.now()));
        if self.forgot.elapsed() > FORGET_EVERY {
            round.forget(round.now() - self.config.keep).await?;
            self.forgot = Instant::now();
        }
        let changed = round.commit().await?;
        self.next_look = next_look.map(|span| Instant::now() + Duration::from_millis(span.get()));
        if changed {
            self.newest.send_modify(|it| *it += 1);
        }
        Ok(Done { replies, leases, assignments })
    }

    async fn do_one(
        &mut self,
        round: &mut Round,
        message: Message,
        replies: &mut Replies,
    ) -> Result<(), LedgerError> {
        match message {
            Message::Submit { name, job, reply } => {
                let taken = self.submit(round, name, *job).await?;
                replies.submits.push((reply, taken));
            }
            Message::Cancel { name, reply } => {
                replies.flags.push((reply, Ok(round.cancel(name).await?)));
            }
            Message::Drain { name, drains, reply } => {
                replies.flags.push((reply, Ok(round.set_draining(&name, drains).await?)));
            }
            Message::Hello { hello, reply } => {
                let welcome = self.hello(round, hello).await?;
                replies.hellos.push((reply, welcome));
            }
            Message::Ask { .. } => unreachable!("questions were put apart"),
        }
        Ok(())
    }

    async fn submit(
        &mut self,
        round: &mut Round,
        name: JobName,
        job: NewJob,
    ) -> Result<Result<(), SubmitError>, LedgerError> {
        let Some(joins) = round.joins(&job.engine, job.proof).await? else {
            let engines = round.engines().await?;
            let known = match engines.is_empty() {
                true => "no worker has come yet".to_owned(),
                false => format!("it has {}", engines.join(", ")),
            };
            let NewJob { engine, proof, .. } = job;
            return Ok(Err(SubmitError::NoEngine { engine, proof, known }));
        };
        round.submit(name, job, joins).await?;
        Ok(Ok(()))
    }

    async fn hello(
        &mut self,
        round: &mut Round,
        hello: Hello,
    ) -> Result<Result<Welcome, LineError>, LedgerError> {
        let refuse = |reason: String| Ok(Err(LineError::NotTaken { reason }));
        let ours = env!("CARGO_PKG_VERSION");
        if hello.version != ours {
            return refuse(format!(
                "the worker is of version {}, the coordinator of {ours}; install the same",
                hello.version
            ));
        }
        if hello.slots == 0 || hello.name.is_empty() {
            return refuse("a worker needs a name and at least one place for a task".to_owned());
        }
        for it in &hello.joins {
            let joins = NonZeroU32::new(it.leaf_arity).map(|leaf_arity| Joins {
                leaf_arity,
                arity: it.arity,
                levels_min: it.levels_min,
            });
            let Some(joins) = joins.filter(|joins| joins.shape().is_some()) else {
                return refuse(format!("{} joins in a way that never ends", hello.engine));
            };
            match round.joins(&hello.engine, it.proof).await? {
                Some(known) if known == joins => {}
                Some(_) if self.known_engines.contains(&hello.engine) => {
                    return refuse(format!("it joins otherwise than {} does", hello.engine));
                }
                _ => round.set_joins(&hello.engine, it.proof, joins).await?,
            }
        }
        let enlisted = round.enlist(&hello).await?;
        Ok(Ok(Welcome {
            worker: enlisted.id.0,
            lease_ms: self.config.lease.get(),
            result_max_bytes: self.config.result_max_bytes,
        }))
    }

    /// Hears everybody, and counts.
    async fn hear(&mut self, round: &mut Round, asks: &mut [Asking]) -> Result<(), LedgerError> {
        let mut heard = Vec::new();
        let mut whose = Vec::new();
        for (place, it) in asks.iter().enumerate() {
            if !it.is_new || !self.floor.enlisted.contains_key(&it.worker) {
                continue;
            }
            let spoken: BTreeSet<_> = it.ask.said.iter().map(|word| word.lease).collect();
            let silent = it.ask.leases.iter().filter(|lease| !spoken.contains(lease));
            for lease in silent {
                heard.push(Heard { token: token(lease, it.worker), said: None });
                whose.push(place);
            }
            for word in &it.ask.said {
                let said = Some(word.said.clone());
                heard.push(Heard { token: token(&word.lease, it.worker), said });
                whose.push(place);
            }
        }
        let until = round.now() + self.config.lease;
        let answers = round.hear(&heard, until).await?;
        let mut tallies = BTreeMap::<WorkerId, Tally>::new();
        let mut judged = Vec::new();
        for ((it, answer), place) in heard.iter().zip(answers).zip(whose) {
            let tally = tallies.entry(it.token.worker).or_default();
            count(tally, it, &answer);
            match answer {
                Ok(took) => {
                    if let Some(took) = &took {
                        self.floor.learn(took, round.now());
                    }
                    if let Some(Saying::Made { output }) = &it.said {
                        judged.extend(self.judged(&it.token, *output));
                    }
                }
                Err(why) if it.said.is_some() => {
                    let lease = lease_name(&it.token);
                    asks[place].refused.push(Refused { lease, reason: sentence(why).to_owned() });
                }
                Err(_) => {}
            }
        }
        self.conclude(round, judged).await?;
        for it in asks.iter_mut() {
            if let Some(holds) = it.ask.holds.take() {
                self.floor.holds(it.worker, holds);
            }
            if it.is_new {
                tallies.entry(it.worker).or_default();
            }
        }
        round.tally(&tallies, self.config.refused_max.get()).await
    }

    /// A joined proof that was verified before it counted: if it is the whole's, nothing is left to verify.
    fn judged(&self, token: &Token, output: Stored) -> Option<(JobName, Stored)> {
        let engine = &self.floor.enlisted.get(&token.worker)?.hello.engine;
        let is_join = matches!(token.key.work, Work::Join { .. });
        let is_judged = is_join && self.known_engines.contains(engine);
        is_judged.then_some((token.key.job, output))
    }

    async fn conclude(
        &mut self,
        round: &mut Round,
        judged: Vec<(JobName, Stored)>,
    ) -> Result<(), LedgerError> {
        let outputs: BTreeMap<_, _> = judged.into_iter().collect();
        let chosen = outputs.keys().map(|job| Chosen {
            key: TaskKey { job: *job, work: Work::Verify },
            worker: OURSELVES,
        });
        let begun =
            round.begin(&chosen.collect::<Vec<_>>(), round.now() + self.config.lease).await?;
        let made = |token: Token| {
            let output = *outputs.get(&token.key.job)?;
            Some(Heard { token, said: Some(Saying::Made { output }) })
        };
        let heard: Vec<_> = begun.into_iter().filter_map(made).collect();
        round.hear(&heard, round.now()).await?;
        Ok(())
    }

    /// Gives what can begin to whoever asks, and ends at once what an earlier attempt has done.
    async fn dispatch(&mut self, round: &mut Round, asks: &[Asking]) -> Result<(), LedgerError> {
        let asking: BTreeSet<_> =
            asks.iter().filter(|it| it.ask.takes).map(|it| it.worker).collect();
        let until = round.now() + self.config.lease;
        for engine in self.floor.engines(&asking) {
            loop {
                let chosen = self.floor.choose(round, &engine, &asking).await?;
                if chosen.is_empty() {
                    break;
                }
                let begun = round.begin(&chosen, until).await?;
                let earlier = round.earlier(&begun).await?;
                if earlier.is_empty() {
                    break;
                }
                round.recall(&earlier).await?;
                // They were judged when they were made.
                let judged = |(token, output): &(Token, Stored)| self.judged(token, *output);
                let judged = earlier.iter().filter_map(judged).collect();
                self.conclude(round, judged).await?;
            }
        }
        Ok(())
    }

    fn reply(&mut self, done: Done) {
        let Done { replies, leases, assignments } = done;
        replies.submits.into_iter().for_each(|(to, it)| drop(to.send(it)));
        replies.flags.into_iter().for_each(|(to, it)| drop(to.send(it)));
        replies.hellos.into_iter().for_each(|(to, it)| drop(to.send(it)));
        let mut fresh = BTreeMap::<WorkerId, Vec<_>>::new();
        for (worker, assignment) in assignments {
            fresh.entry(worker).or_default().push(assignment);
        }
        let now = Instant::now();
        for Asking { worker, ask, refused, until, reply, .. } in replies.asks {
            let Some(known) = self.floor.enlisted.get(&worker) else {
                drop(reply.send(Err(LineError::UnknownWorker)));
                continue;
            };
            let drain = match known.may_take() {
                Ok(takes) => !takes,
                Err(error) => {
                    drop(reply.send(Err(error)));
                    continue;
                }
            };
            let standing = leases.get(&worker).map(Vec::as_slice).unwrap_or_default();
            let stands = |lease: &&LeaseName| !standing.iter().any(|it| lease_name(it) == **lease);
            let stop: Vec<_> = ask.leases.iter().filter(stands).copied().collect();
            let begin = fresh.get(&worker).cloned().unwrap_or_default();
            let begin: Vec<_> =
                begin.into_iter().filter(|it| !ask.leases.contains(&it.lease)).collect();
            let is_empty = begin.is_empty() && stop.is_empty() && refused.is_empty();
            if is_empty && !drain && ask.said.is_empty() && until > now {
                self.parked.insert(worker, Parked { asked: ask, until, reply });
                continue;
            }
            drop(reply.send(Ok(Answer { refused, begin, stop, drain })));
        }
    }
}

/// A round that happened.
struct Done {
    replies: Replies,
    leases: BTreeMap<WorkerId, Vec<Token>>,
    assignments: Vec<(WorkerId, crate::wire::Assignment)>,
}

/// How often what is older than it need be is removed.
const FORGET_EVERY: Duration = Duration::from_secs(600);

fn lease_name(token: &Token) -> LeaseName {
    LeaseName {
        job: rialto_zkvm::JobId(token.key.job.0.0),
        work: WorkName(token.key.work),
        generation: token.generation.0,
    }
}

fn token(lease: &LeaseName, worker: WorkerId) -> Token {
    let key = TaskKey { job: JobName(B256::new(lease.job.0)), work: lease.work.0 };
    Token { key, worker, generation: lease.generation() }
}

/// What counts for and against a worker. A word under a lease that does not stand counts as none: the slow say such things.
fn count(tally: &mut Tally, heard: &Heard, answer: &Result<Option<Took>, Rejected>) {
    match (&heard.said, answer) {
        (Some(Saying::Made { .. } | Saying::Executed { .. }), Ok(_)) => tally.made += 1,
        (Some(Saying::Failed { fault: Fault::BadResult, .. }), Ok(_)) => tally.refused += 1,
        (Some(Saying::Failed { .. }), Ok(_)) => tally.failed += 1,
        (Some(_), Err(Rejected::Contradiction)) => tally.refused += 1,
        _ => {}
    }
}

fn sentence(why: Rejected) -> &'static str {
    match why {
        Rejected::Unknown => "the task is not known any more: its job has ended",
        Rejected::Stale => "the lease does not stand: the task was given to another",
        Rejected::NotReady => "the task cannot begin",
        Rejected::Contradiction => "what was said cannot be",
    }
}
