//! The task that owns an account's nonces: it waits, looks, plans and does.

use super::book::{Attempt, Book, Facts, Intent, Millis, Mined, Place, Slot};
use super::fees::{Bidding, Fees};
use super::plan::{Action, Policy, plan};
use super::port::{GasCall, TxPort};
use super::verdict::Verdict;
use super::{Nonce, PendingTx, Receipt, SendError, SendOptions, SignedTx, TxLog};
use crate::{Call, EndpointError, MarketRevert};
use alloy::consensus::{SignableTransaction, TxEip1559};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::{B256, Bytes};
use alloy::signers::local::PrivateKeySigner;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use rialto_protocol::Wei;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

/// What an actor is made of.
pub(super) struct Parts<P> {
    pub(super) port: Arc<P>,
    pub(super) signer: PrivateKeySigner,
    pub(super) chain_id: u64,
    pub(super) log: Arc<dyn TxLog>,
    pub(super) policy: Policy,
    pub(super) bidding: watch::Receiver<Bidding>,
    pub(super) poll_interval: Duration,
    pub(super) idle_interval: Duration,
    pub(super) in_flight_max: usize,
    pub(super) mailbox: mpsc::Receiver<Request>,
}

/// A call that wants a nonce.
pub(super) struct Request {
    pub(super) call: GasCall,
    pub(super) options: SendOptions,
    pub(super) reply: oneshot::Sender<Result<PendingTx, SendError>>,
}

/// The sender of one account.
pub(super) struct Actor<P> {
    parts: Parts<P>,
    book: Book,
    works: BTreeMap<Nonce, Work>,
    errands: FuturesUnordered<BoxFuture<'static, Done>>,
    looking: bool,
    looked_at: Millis,
    explaining: usize,
    failures: u32,
}

type NotRecorded = Box<dyn std::error::Error + Send + Sync>;
type Outcome = oneshot::Sender<Result<Receipt, SendError>>;

/// What a call's nonce is used for, beyond what the book knows.
struct Work {
    call: GasCall,
    label: String,
    outcome: Option<Outcome>,
    /// Why it is being cancelled, if not because its time is up.
    refusal: Option<SendError>,
}

/// A transaction that is not signed yet.
struct Draft {
    call: GasCall,
    label: String,
    empty: bool,
}

/// What an errand brings back.
enum Done {
    Looked(Result<Facts, EndpointError>),
    Sent(Nonce, B256, Verdict),
    Discovered(Nonce, Option<(GasCall, Attempt)>),
    Explained(Option<Outcome>, Box<Mined>, MarketRevert),
}

/// Gas of a transfer, which is what an empty transaction is.
const TRANSFER_GAS: u64 = 21_000;
const EMPTY_LABEL: &str = "use up a nonce";
const LEFTOVER_LABEL: &str = "left over from an earlier life";

impl<P: TxPort> Actor<P> {
    /// Looks at the chain, so that the first nonce is right, and adopts what the mempool holds.
    pub(super) async fn start(parts: Parts<P>) -> Result<Self, EndpointError> {
        let facts = parts.port.look(Vec::new()).await?;
        let now = parts.port.now();
        let mut actor = Self {
            parts,
            book: Book::new(&facts, now),
            works: BTreeMap::new(),
            errands: FuturesUnordered::new(),
            looking: false,
            looked_at: now,
            explaining: 0,
            failures: 0,
        };
        actor.carry_out_plan().await;
        while let Some(done) = actor.errands.next().await {
            actor.record(done).await;
        }
        Ok(actor)
    }

    /// Runs until the mailbox is closed and nobody awaits an outcome.
    pub(super) async fn run(mut self) {
        let mut tick = tokio::time::interval(self.parts.poll_interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut open = true;
        while open || self.is_awaited() {
            let has_room = self.book.in_flight() < self.parts.in_flight_max;
            tokio::select! {
                request = self.parts.mailbox.recv(), if open && has_room => match request {
                    Some(request) => self.accept(request).await,
                    None => open = false,
                },
                Some(done) = self.errands.next(), if !self.errands.is_empty() => {
                    self.record(done).await;
                }
                _ = tick.tick(), if !self.looking => if self.is_look_due() {
                    self.look();
                },
            }
        }
    }

    /// While nothing is on its way or watched, only what others pay is of interest.
    fn is_look_due(&self) -> bool {
        let since = self.parts.port.now().0.saturating_sub(self.looked_at.0);
        !self.book.slots.is_empty() || u128::from(since) >= self.parts.idle_interval.as_millis()
    }

    /// The owner may have changed how bids are made; what waits has changed anyway.
    fn follow_bidding(&mut self) {
        let limits = &mut self.parts.policy.limits;
        (limits.bidding, limits.waiting) = (*self.parts.bidding.borrow(), self.book.in_flight());
    }

    fn is_awaited(&self) -> bool {
        let awaited = |work: &Work| work.outcome.as_ref().is_some_and(|reply| !reply.is_closed());
        self.explaining > 0 || self.works.values().any(awaited)
    }

    // ------------------------------------------------------------------------------- requests

    async fn accept(&mut self, request: Request) {
        let Request { call, options, reply } = request;
        let (outcome, awaiting) = oneshot::channel();
        let work =
            Work { call, label: options.label.clone(), outcome: Some(outcome), refusal: None };
        let intent =
            Intent::Call { give_up_at: options.give_up_at, extra_tip_wei: options.extra_tip_wei };
        self.follow_bidding();
        let fees = self.book.market.bid(options.extra_tip_wei, &self.parts.policy.limits);
        let begun = self.begin(intent, work, fees).await;
        let pending = begun
            .map(|(nonce, tx_hash)| PendingTx { nonce, tx_hash, outcome: awaiting })
            .map_err(|(_, failed)| failed);
        // Whoever asked may have gone; the call goes on, as the log has it.
        let _ = reply.send(pending);
    }

    /// Gives `work` the next nonce, signs it, and sends it.
    async fn begin(
        &mut self,
        intent: Intent,
        work: Work,
        fees: Fees,
    ) -> Result<(Nonce, B256), (Work, SendError)> {
        let nonce = self.book.next;
        let draft = Draft { call: work.call.clone(), label: work.label.clone(), empty: false };
        let attempt = match self.signed(nonce, draft, fees).await {
            Ok(attempt) => attempt,
            Err(refused) => return Err((work, SendError::NotRecorded(refused))),
        };
        let hash = attempt.hash;
        self.book.assign(Slot::new(intent, vec![attempt], self.book.tip()));
        self.works.insert(nonce, work);
        self.broadcast(nonce);
        Ok((nonce, hash))
    }

    /// Signs, and has the log record it. Nothing that the log did not take is ever sent.
    async fn signed(
        &mut self,
        nonce: Nonce,
        draft: Draft,
        fees: Fees,
    ) -> Result<Attempt, NotRecorded> {
        let (hash, raw) = self.sign(nonce, &draft.call, fees);
        let label = draft.label;
        tracing::debug!(nonce = nonce.0, tx = %hash, label, max_fee_wei = fees.max_wei, "signed");
        let tx = SignedTx { hash, nonce, label, raw: raw.clone() };
        self.parts.log.on_signed(&tx).await?;
        Ok(Attempt { hash, fees, raw, empty: draft.empty })
    }

    fn sign(&self, nonce: Nonce, call: &GasCall, fees: Fees) -> (B256, Bytes) {
        let mut tx = TxEip1559 {
            chain_id: self.parts.chain_id,
            nonce: nonce.0,
            gas_limit: call.gas_limit,
            max_fee_per_gas: fees.max_wei,
            max_priority_fee_per_gas: fees.tip_wei,
            to: call.call.kind(),
            value: call.call.value.0,
            access_list: Default::default(),
            input: call.call.data.clone(),
        };
        let signature = self
            .parts
            .signer
            .sign_transaction_sync(&mut tx)
            .expect("a local key signs what it is given");
        let signed = tx.into_signed(signature);
        (*signed.hash(), signed.encoded_2718().into())
    }

    /// What to sign for a nonce: its call, as long as that is wanted.
    fn draft(&self, nonce: Nonce) -> Draft {
        let intent = self.book.slots.get(&nonce).map(|slot| slot.intent);
        match (intent, self.works.get(&nonce)) {
            (Some(Intent::Call { .. }), Some(work)) => {
                Draft { call: work.call.clone(), label: work.label.clone(), empty: false }
            }
            _ => {
                let call = Call::transfer(self.parts.signer.address(), Wei::ZERO);
                let call = GasCall { call, gas_limit: TRANSFER_GAS };
                Draft { call, label: EMPTY_LABEL.to_owned(), empty: true }
            }
        }
    }

    // -------------------------------------------------------------------------------- errands

    fn look(&mut self) {
        (self.looking, self.looked_at) = (true, self.parts.port.now());
        let (port, watches) = (self.parts.port.clone(), self.book.watches());
        self.errands.push(Box::pin(async move { Done::Looked(port.look(watches).await) }));
    }

    /// Sends the newest attempt, unless that is being done.
    fn broadcast(&mut self, nonce: Nonce) {
        let now = self.parts.port.now();
        let Some(slot) = self.book.slots.get_mut(&nonce) else { return };
        let Some(newest) = slot.attempts.last() else { return };
        let Place::Pool { sent_at, sending, .. } = &mut slot.place else { return };
        let (port, hash, raw) = (self.parts.port.clone(), newest.hash, newest.raw.clone());
        if sending.replace(hash) != Some(hash) {
            *sent_at = Some(now);
            let errand = async move { Done::Sent(nonce, hash, port.broadcast(raw).await) };
            self.errands.push(Box::pin(errand));
        }
    }

    /// Until more is known, the nonce is in use for something unknown.
    fn discover(&mut self, nonce: Nonce) {
        let unknown = Slot::new(Intent::Unknown, Vec::new(), self.book.tip());
        self.book.slots.insert(nonce, unknown);
        let port = self.parts.port.clone();
        self.errands.push(Box::pin(async move {
            let found = port.leftover(nonce).await;
            Done::Discovered(nonce, found)
        }));
    }

    /// From here on a transaction of an earlier life is sent again and replaced like our own.
    fn adopt(&mut self, nonce: Nonce, found: Option<(GasCall, Attempt)>) {
        let (now, tip) = (self.parts.port.now(), self.book.tip());
        let Some(slot) = self.book.slots.get_mut(&nonce) else { return };
        if slot.intent != Intent::Unknown || !slot.attempts.is_empty() {
            return;
        }
        let Some((call, attempt)) = found else {
            if let Place::Pool { since, since_time, sent_at, .. } = &mut slot.place {
                ((*since, *since_time), *sent_at) = (tip, Some(now));
            }
            return;
        };
        tracing::info!(nonce = nonce.0, tx = %attempt.hash, "adopting what an earlier life left");
        let intent = Intent::Call { give_up_at: None, extra_tip_wei: 0 };
        *slot = Slot::new(intent, vec![attempt], tip);
        slot.told = true;
        let label = LEFTOVER_LABEL.to_owned();
        self.works.insert(nonce, Work { call, label, outcome: None, refusal: None });
    }

    async fn record(&mut self, done: Done) {
        match done {
            Done::Looked(Ok(facts)) => {
                (self.looking, self.failures) = (false, 0);
                self.book.observe(facts, self.parts.port.now());
                self.carry_out_plan().await;
            }
            Done::Looked(Err(failed)) => {
                self.looking = false;
                self.failures += 1;
                if self.failures.is_power_of_two() {
                    tracing::warn!(
                        error = &failed as &dyn std::error::Error,
                        failures = self.failures,
                        "the sender cannot look at the chain; it goes on trying"
                    );
                }
            }
            Done::Sent(nonce, hash, verdict) => self.judge(nonce, hash, verdict).await,
            Done::Discovered(nonce, found) => self.adopt(nonce, found),
            Done::Explained(outcome, mined, reason) => {
                self.explaining -= 1;
                let (reason, receipt) = (Box::new(reason), Box::new(mined.receipt));
                reply(outcome, Err(SendError::Reverted { reason, receipt }));
            }
        }
    }

    // -------------------------------------------------------------------------------- actions

    async fn carry_out_plan(&mut self) {
        self.follow_bidding();
        for action in plan(&self.book, &self.parts.policy, self.parts.port.now()) {
            self.execute(action).await;
        }
    }

    async fn execute(&mut self, action: Action) {
        match action {
            Action::Broadcast(nonce) => self.broadcast(nonce),
            Action::Replace(nonce, fees) => self.replace(nonce, fees).await,
            Action::Cancel(nonce, fees) => {
                tracing::info!(
                    nonce = nonce.0,
                    "a call's time is up; its nonce is used for nothing instead"
                );
                self.make_empty(nonce, fees).await;
            }
            Action::Fill(nonce, fees) => {
                tracing::warn!(
                    nonce = nonce.0,
                    "nothing uses this nonce and later ones wait for it; filling it"
                );
                self.make_empty(nonce, fees).await;
            }
            Action::Discover(nonce) => self.discover(nonce),
            Action::Tell(nonce) => self.conclude(nonce),
            Action::Taken(nonce) => {
                let account = self.parts.signer.address();
                self.tell(nonce, Err(SendError::NonceTaken { account, nonce }));
                self.forget(nonce);
            }
            Action::Forget(nonce) => self.forget(nonce),
            Action::Continue(nonce) => {
                tracing::info!(
                    from = self.book.next.0,
                    to = nonce.0,
                    "the account's nonce has moved without this sender"
                );
                self.book.next = nonce;
            }
        }
    }

    /// Has `nonce` used for nothing, whatever it was used for.
    async fn make_empty(&mut self, nonce: Nonce, fees: Fees) {
        let tip = self.book.tip();
        let slot = self.book.slots.entry(nonce);
        slot.or_insert_with(|| Slot::new(Intent::Empty, Vec::new(), tip)).intent = Intent::Empty;
        self.replace(nonce, fees).await;
    }

    /// Signs for `nonce` once more, at `fees`.
    async fn replace(&mut self, nonce: Nonce, fees: Fees) {
        let draft = self.draft(nonce);
        let (label, max_fee_wei) = (draft.label.clone(), fees.max_wei);
        tracing::info!(nonce = nonce.0, label, max_fee_wei, "signing a replacement");
        match self.signed(nonce, draft, fees).await {
            Ok(attempt) => {
                let tip = self.book.tip();
                if let Some(slot) = self.book.slots.get_mut(&nonce) {
                    slot.replace(attempt, tip);
                }
                self.broadcast(nonce);
            }
            Err(refused) => {
                let error = &*refused as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    nonce = nonce.0,
                    "a replacement could not be recorded; it is not sent"
                );
            }
        }
    }

    /// Tells the outcome of a mined transaction, once it is known why if it reverted.
    fn conclude(&mut self, nonce: Nonce) {
        let Some(slot) = self.book.slots.get_mut(&nonce) else { return };
        let Place::Block(mined) = &slot.place else { return };
        slot.told = true;
        let mined = mined.clone();
        let hash = mined.receipt.tx_hash;
        let empty = slot.attempts.iter().any(|attempt| attempt.hash == hash && attempt.empty);
        let Some(work) = self.works.get_mut(&nonce) else { return };
        let outcome = work.outcome.take();
        match () {
            () if empty => reply(outcome, Err(work.refusal.take().unwrap_or(SendError::GaveUp))),
            () if mined.succeeded => reply(outcome, Ok(mined.receipt)),
            () if outcome.is_none() => {}
            () => {
                let (port, call) = (self.parts.port.clone(), work.call.clone());
                self.explaining += 1;
                self.errands.push(Box::pin(async move {
                    let reason = port.explain(call, &mined).await;
                    Done::Explained(outcome, mined, reason)
                }));
            }
        }
    }

    fn tell(&mut self, nonce: Nonce, outcome: Result<Receipt, SendError>) {
        reply(self.works.get_mut(&nonce).and_then(|work| work.outcome.take()), outcome);
    }

    fn forget(&mut self, nonce: Nonce) {
        self.book.slots.remove(&nonce);
        self.works.remove(&nonce);
    }

    // ------------------------------------------------------------------------------- verdicts

    async fn judge(&mut self, nonce: Nonce, hash: B256, verdict: Verdict) {
        let Some(slot) = self.book.slots.get_mut(&nonce) else { return };
        let is_newest = slot.attempts.last().is_some_and(|newest| newest.hash == hash);
        let is_only = slot.attempts.len() == 1 && is_newest;
        let Place::Pool { sent_at, sending, accepted, uncertain, outbid, .. } = &mut slot.place
        else {
            return;
        };
        if *sending == Some(hash) {
            *sending = None;
        }
        // Until an endpoint may have taken it, nobody else can have it.
        let is_ours_alone = is_only && !*accepted && !*uncertain;
        match verdict {
            Verdict::Accepted => *accepted = true,
            Verdict::NonceUsed if is_ours_alone => self.move_on(nonce, true).await,
            // The next look finds the block, or that the nonce is somebody else's.
            Verdict::NonceUsed => {}
            Verdict::Occupied if is_ours_alone => {
                self.move_on(nonce, false).await;
                self.discover(nonce);
            }
            Verdict::Occupied | Verdict::Underpriced => *outbid = is_newest || *outbid,
            Verdict::Poor(detail) if is_only && !*accepted => {
                let account = self.parts.signer.address();
                let reason = SendError::InsufficientFunds { account, detail };
                self.refuse(nonce, reason, is_ours_alone).await;
            }
            Verdict::Refused(detail) if is_only && !*accepted => {
                self.refuse(nonce, SendError::Refused(detail), is_ours_alone).await;
            }
            Verdict::Poor(detail) | Verdict::Refused(detail) => {
                tracing::warn!(
                    nonce = nonce.0,
                    detail,
                    "an attempt was not taken; those before it stay"
                );
            }
            Verdict::Unclear(failed) => {
                *uncertain = true;
                if is_newest {
                    *sent_at = None;
                }
                let error = &failed as &dyn std::error::Error;
                tracing::warn!(error, nonce = nonce.0, "a broadcast failed; it is repeated");
            }
        }
    }

    /// A transaction that is not of this sender has the nonce, in the mempool or in a block, and the
    /// endpoint never took ours: the call moves to the next nonce.
    async fn move_on(&mut self, nonce: Nonce, is_used: bool) {
        let Some(slot) = self.book.slots.remove(&nonce) else { return };
        if is_used {
            self.book.latest = self.book.latest.max(Nonce(nonce.0 + 1));
        }
        let (Some(work), Some(fees)) = (self.works.remove(&nonce), slot.fees()) else { return };
        let label = &work.label;
        tracing::warn!(nonce = nonce.0, label, "another transaction has this nonce; moving on");
        if let Err((work, failed)) = self.begin(slot.intent, work, fees).await {
            reply(work.outcome, Err(failed));
        }
    }

    /// A call that the endpoint does not take. If no other can have it, that is its outcome, and its
    /// nonce goes to the next call, or to nothing if later ones were given out meanwhile. Else it is
    /// cancelled, and what becomes of that is its outcome.
    async fn refuse(&mut self, nonce: Nonce, reason: SendError, is_ours_alone: bool) {
        let fees = self.book.slots.get(&nonce).and_then(Slot::fees);
        let bid = self.book.market.bid(0, &self.parts.policy.limits);
        if !is_ours_alone {
            let raised =
                fees.and_then(|old| self.book.market.outbid(old, 0, &self.parts.policy.limits));
            if let (Some(work), Some(fees)) = (self.works.get_mut(&nonce), raised) {
                work.refusal = Some(reason);
                self.make_empty(nonce, fees).await;
            }
            return;
        }
        self.tell(nonce, Err(reason));
        self.forget(nonce);
        match nonce.0 + 1 == self.book.next.0 {
            true => self.book.next = nonce,
            false => self.make_empty(nonce, bid).await,
        }
    }
}

/// Tells an outcome to whoever still awaits it.
fn reply(outcome: Option<Outcome>, result: Result<Receipt, SendError>) {
    if let Some(outcome) = outcome {
        let _ = outcome.send(result);
    }
}

#[cfg(test)]
mod tests;
