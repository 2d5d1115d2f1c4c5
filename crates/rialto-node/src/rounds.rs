//! The working loop: looks at everything, decides for all orders at once, starts what was decided.
//!
//! A round has no memory that matters: orders are a mirror of the logbook, the prover's health and
//! speed are read from its records, and what is in hand dies with the process. So the first round
//! after a crash is a round like any other.

use crate::directive::Directive;
use crate::event::Event;
use crate::logbook::{LogbookError, OpenOrder};
use crate::venue::{Round, TICK, Venue};
use crate::workshop::{Job, Workshop};
use crate::{lock, preflight, produce, settle};
use rialto_planner::{
    Batch, Closing, Delivering, Hand, Outcome, Plan, ProverHealth, Snapshot, Speeds, Step, Waiting,
    plan,
};
use rialto_protocol::{RequestDigest, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Works until told to stop, or until the logbook fails.
pub(crate) async fn run(venue: Arc<Venue>, stop: CancellationToken) -> Result<(), LogbookError> {
    let mut rounds = Rounds::begin(&venue);
    loop {
        rounds.round(&venue).await?;
        if rounds.is_done(&venue) {
            return Ok(());
        }
        let tick = Instant::now() + TICK;
        let until = rounds.workshop.next_rested().map_or(tick, |rested| rested.min(tick));
        tokio::select! {
            () = venue.wake.notified() => {}
            () = tokio::time::sleep_until(until) => {}
            done = rounds.workshop.finished(&venue) => done?,
            () = stop.cancelled() => return Ok(()),
        }
    }
}

/// A prover that has not said by then that it takes work takes none; a round waits no longer.
const READY_LIMIT: Duration = Duration::from_millis(250);

struct Rounds {
    workshop: Workshop,
    orders: BTreeMap<RequestDigest, Arc<OpenOrder>>,
    speeds: Speeds,
    health: ProverHealth,
    /// Attempts and samples are read again when there are more of them.
    attempts_seen: u64,
    /// The speed that is assumed where none was measured.
    assumed_khz: u64,
    /// Why an order was last said to wait.
    held: BTreeMap<RequestDigest, Waiting>,
    batching: Beat,
    reaping: Beat,
    seed: u64,
}

impl Rounds {
    fn begin(venue: &Venue) -> Self {
        let assumed_khz = venue.settings().market.peak_prove_khz;
        Self {
            workshop: Workshop::default(),
            orders: BTreeMap::new(),
            speeds: Speeds::new(assumed_khz),
            health: ProverHealth::default(),
            attempts_seen: u64::MAX,
            assumed_khz,
            held: BTreeMap::new(),
            batching: Beat::default(),
            reaping: Beat::default(),
            // Lots differ from node to node, and are the same for all rounds of one life.
            seed: venue.head.borrow().timestamp.0 ^ u64::from_be_bytes(first_bytes(venue)),
        }
    }

    async fn round(&mut self, venue: &Arc<Venue>) -> Result<(), LogbookError> {
        self.refresh(venue).await?;
        let settings = venue.settings();
        venue.sender.set_bidding(settings.bidding());
        let now = Instant::now();
        self.batching = self.batching.look(now, settings.batcher.batch_poll_time_ms);
        self.reaping = self.reaping.look(now, settings.prover.reaper_interval_secs * 1_000);
        let policy = venue.policy();
        let market = venue.market_now();
        let hands = self.workshop.hands();
        let open: Vec<_> = self.orders.values().cloned().collect();
        let orders: Vec<_> = open.iter().map(|open| &open.order).collect();
        let decide = |elsewhere: &[rialto_planner::Job]| {
            let snapshot = Snapshot {
                me: venue.me(),
                policy: &policy,
                market: &market,
                orders: &orders,
                hands: &hands,
                speeds: &self.speeds,
                health: &self.health,
                intake: venue.intake(),
                elsewhere,
            };
            plan(&snapshot, self.seed)
        };
        let plan = venue.seat.plan(|digest| self.orders.contains_key(&digest), decide);
        self.execute(venue, &open, &hands, &plan).await?;
        venue.round.send_replace(Arc::new(Round {
            orders: open,
            plan: Some(plan),
            at: Some(Instant::now()),
            learned_hz: self.speeds.learned_hz(),
        }));
        Ok(())
    }

    /// Brings the mirror of the logbook up to date.
    async fn refresh(&mut self, venue: &Venue) -> Result<(), LogbookError> {
        match venue.logbook.take_changes() {
            None => {
                let open = venue.logbook.open_orders(&venue.domain).await?;
                self.orders =
                    open.into_iter().map(|open| (open.order.digest, open.into())).collect();
            }
            Some(changed) if changed.is_empty() => {}
            Some(changed) => {
                for digest in &changed {
                    self.orders.remove(digest);
                }
                let open = venue.logbook.open_among(&venue.domain, &changed).await?;
                self.orders.extend(open.into_iter().map(|open| (open.order.digest, open.into())));
            }
        }
        self.held.retain(|digest, _| self.orders.contains_key(digest));
        let attempts = venue.logbook.ended_attempts();
        let assumed_khz = venue.settings().market.peak_prove_khz;
        if (attempts, assumed_khz) != (self.attempts_seen, self.assumed_khz) {
            (self.attempts_seen, self.assumed_khz) = (attempts, assumed_khz);
            let record = venue.logbook.prover_record().await?;
            self.speeds = Speeds::new(assumed_khz);
            for (program, sample) in record.samples {
                self.speeds.learn(program, sample);
            }
            self.health = record.health;
        }
        let ready = timeout(READY_LIMIT, venue.prover.ready()).await;
        self.health.is_out = !matches!(ready, Ok(Ok(())));
        Ok(())
    }

    async fn execute(
        &mut self,
        venue: &Arc<Venue>,
        open: &[Arc<OpenOrder>],
        hands: &BTreeMap<RequestDigest, Hand>,
        plan: &Plan,
    ) -> Result<(), LogbookError> {
        for digest in &plan.cancels {
            self.workshop.cancel(*digest);
        }
        for (open, step) in open.iter().zip(&plan.steps) {
            // An order that rests after a failure may be over all the same: what failed may have
            // landed late.
            let may_start = match hands.get(&open.order.digest) {
                None => true,
                Some(Hand::Resting) => matches!(step, Step::Done(_)),
                Some(_) => false,
            };
            if may_start {
                self.start(venue, open, step).await?;
            }
        }
        let due = |batch: &&Batch| self.batching.is_now || batch.closing == Closing::Deadline;
        for batch in plan.seals.iter().filter(due) {
            let orders = self.of(&batch.orders);
            let job = Job { orders: batch.orders.clone(), hand: Hand::Settling };
            self.workshop.start(job, |_| produce::seal(venue.clone(), orders));
        }
        for batch in &plan.deliveries {
            let orders = self.of(&batch.orders);
            let job = Job { orders: batch.orders.clone(), hand: Hand::Settling };
            self.workshop.start(job, |_| settle::deliver(venue.clone(), orders));
        }
        Ok(())
    }

    /// Whether the operator wants the node to end, and it may.
    fn is_done(&self, venue: &Venue) -> bool {
        let round = venue.round.borrow();
        let owes_nothing = round.plan.as_ref().is_some_and(|plan| plan.load.owed == 0);
        match *venue.directive.borrow() {
            Directive::HandOver => true,
            Directive::Drain => owes_nothing && self.workshop.is_idle(),
            Directive::Run | Directive::Pause => false,
        }
    }

    fn of(&self, digests: &[RequestDigest]) -> Vec<Arc<OpenOrder>> {
        digests.iter().filter_map(|digest| self.orders.get(digest).cloned()).collect()
    }

    async fn start(
        &mut self,
        venue: &Arc<Venue>,
        open: &Arc<OpenOrder>,
        step: &Step,
    ) -> Result<(), LogbookError> {
        let digest = open.order.digest;
        let job = |hand| Job { orders: vec![digest], hand };
        let (venue, open) = (venue.clone(), open.clone());
        match step {
            Step::Skip(skip) => venue.tell(venue.logbook.skip(digest, skip).await?),
            Step::Preflight(budget) => {
                let budget = *budget;
                self.workshop
                    .start(job(Hand::Preflighting), |_| preflight::run(venue, open, budget));
            }
            Step::Lock { price } => {
                let (price, failures) = (*price, self.workshop.failures(digest));
                let locking = Hand::Locking { since: venue.head.borrow().now() };
                self.workshop.start(job(locking), |_| lock::run(venue, open, price, failures));
            }
            Step::Prove { deadline } => {
                let deadline = *deadline;
                let proving = Hand::Proving { left: None };
                self.workshop
                    .start(job(proving), |bench| produce::prove(venue, open, deadline, bench));
            }
            Step::Deliver(Delivering::InRace) => {
                self.workshop.start(job(Hand::Settling), |_| settle::race(venue, open));
            }
            Step::Slash => {
                self.workshop.start(job(Hand::Settling), |_| settle::slash(venue, open));
            }
            Step::Done(outcome) => self.close(&venue, &open, *outcome).await?,
            Step::Wait { until, why } => self.hold(&venue, digest, *until, *why).await?,
            // Those go in batches.
            Step::Seal | Step::Deliver(Delivering::UnderLock) => {}
        }
        Ok(())
    }

    /// Closes an order that is over; a loss only when the reaper looks and its grace has passed,
    /// since a chain that is reorganised may still turn it.
    async fn close(
        &self,
        venue: &Venue,
        open: &OpenOrder,
        outcome: Outcome,
    ) -> Result<(), LogbookError> {
        let grace_s = venue.settings().prover.reaper_grace_period_secs;
        let ends = open.order.request.offer.deadline().saturating_add(grace_s);
        let lost = matches!(outcome, Outcome::Forfeited | Outcome::Expired);
        if lost && (!self.reaping.is_now || venue.head.borrow().now() < ends) {
            return Ok(());
        }
        let block = venue.head.borrow().read_to;
        venue.tell(venue.logbook.close(open.order.digest, outcome, block).await?);
        Ok(())
    }

    /// Records what an order waits for when that changes and is worth knowing.
    async fn hold(
        &mut self,
        venue: &Venue,
        digest: RequestDigest,
        until: Timestamp,
        why: Waiting,
    ) -> Result<(), LogbookError> {
        if self.held.insert(digest, why) != Some(why) && why.is_telling() {
            venue.tell(venue.logbook.note(Some(digest), Event::Held { why, until }).await?);
        }
        Ok(())
    }
}

/// Something that is looked at less often than everything else.
#[derive(Clone, Copy, Default)]
struct Beat {
    looked_at: Option<Instant>,
    is_now: bool,
}

impl Beat {
    fn look(self, now: Instant, every_ms: u64) -> Self {
        let every = Duration::from_millis(every_ms);
        let is_now = self.looked_at.is_none_or(|at| now.saturating_duration_since(at) >= every);
        Self { looked_at: if is_now { Some(now) } else { self.looked_at }, is_now }
    }
}

fn first_bytes(venue: &Venue) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&venue.me().as_slice()[..8]);
    bytes
}

/// A pause that doubles with every failure after the first few, up to a minute.
pub(crate) fn growing_pause(base: Duration, failures: u32, patient: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(60);
    let doublings = failures.saturating_sub(patient).min(16);
    base.saturating_mul(1 << doublings).min(LONGEST.max(base))
}
