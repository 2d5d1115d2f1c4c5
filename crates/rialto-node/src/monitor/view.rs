//! The node at one moment: from what its parts share to the pages' types.

use super::Monitor;
use super::balance::Levels;
use super::metrics::by;
use super::page::{
    Alert, Balances, BreakerState, Chain, Health, Host, IntakeState, Load, OrderLine, Readiness,
};
use crate::event::Level;
use crate::logbook::{OpenOrder, now_ms};
use crate::venue::Round;
use rialto_planner::{Breaker, Intake, Plan, Slot, Standing, Step};
use rialto_protocol::{Collateral, Cycles, Timestamp, Wei};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// The chain counts as lost when nothing was read for this long.
const SILENCE_MAX_S: u64 = 30;
/// As many blocks come in while one look at the chain is under way, on the fastest of chains.
const BLOCKS_BEHIND_MAX: u64 = 32;
/// Chains make blocks every few seconds; an endpoint so far behind has stopped following.
const HEAD_LAG_MAX_S: u64 = 300;
/// A round takes milliseconds, and twenty times the longest wait for the logbook's disk ends here.
const ROUND_MAX_S: u64 = 60;

/// Everything that decides on readiness.
#[derive(Clone, Debug, Default)]
struct Standings {
    /// Seconds since the chain was last read.
    silent_s: u64,
    blocks_behind: u64,
    is_stopping: bool,
    /// Why the logbook cannot be written, if so.
    logbook: Option<String>,
    /// Why the prover takes no work, if so.
    prover: Option<String>,
    levels: Levels,
    breaker: BreakerState,
    intake: IntakeState,
}

impl Standings {
    fn readiness(&self) -> Readiness {
        let mut problems = Vec::new();
        if self.silent_s > SILENCE_MAX_S {
            problems.push(format!("the chain was last read {} s ago", self.silent_s));
        }
        if self.blocks_behind > BLOCKS_BEHIND_MAX {
            problems.push(format!("{} blocks are not read yet", self.blocks_behind));
        }
        if self.is_stopping {
            problems.push("the node is stopping".to_owned());
        }
        problems.extend(self.logbook.clone());
        problems.extend(self.prover.clone());
        let balances = [("native", self.levels.native), ("collateral", self.levels.collateral)];
        for (name, _) in balances.iter().filter(|(_, level)| *level == Level::Error) {
            problems.push(format!("the {name} balance is below its error threshold"));
        }
        match self.breaker {
            BreakerState::Closed => {}
            BreakerState::Trial => problems.push("proving failed; one order is on trial".into()),
            BreakerState::Open => problems.push("proving fails; nothing is locked".into()),
        }
        match self.intake {
            IntakeState::Open | IntakeState::ListenOnly => {}
            IntakeState::Closed => problems.push("no new work is taken".into()),
        }
        Readiness { ready: problems.is_empty(), problems }
    }
}

/// What a node can work with, and its operator should know.
#[derive(Clone, Copy, Debug, Default)]
struct Signs {
    late_orders: usize,
    head_lag_s: u64,
    levels: Levels,
    disk_is_low: bool,
}

impl Signs {
    /// What stands in the way of work, then what does not yet.
    fn alerts(self, readiness: &Readiness) -> Vec<Alert> {
        let alert = |level| move |text: String| Alert { level, text };
        let mut alerts: Vec<_> =
            readiness.problems.iter().cloned().map(alert(Level::Error)).collect();
        if self.late_orders > 0 {
            let text = format!("{} locked orders are late by the estimates", self.late_orders);
            alerts.push(alert(Level::Error)(text));
        }
        let mut warn = |text: String| alerts.push(alert(Level::Warn)(text));
        let balances = [("native", self.levels.native), ("collateral", self.levels.collateral)];
        for (name, _) in balances.iter().filter(|(_, level)| *level == Level::Warn) {
            warn(format!("the {name} balance is below its warning threshold"));
        }
        if self.head_lag_s > HEAD_LAG_MAX_S {
            warn(format!("the chain's last block is {} s old", self.head_lag_s));
        }
        if self.disk_is_low {
            warn("the data directory's disk is nearly full".to_owned());
        }
        alerts
    }
}

impl Monitor {
    pub(super) fn health(&self) -> Health {
        let chain_last_read_s_ago = self.venue.head.borrow().seen_at.elapsed().as_secs();
        let last_round_s_ago = self.round().at.map(|at| at.elapsed().as_secs());
        let alive = last_round_s_ago.is_none_or(|ago| ago <= ROUND_MAX_S);
        Health { alive, last_round_s_ago, chain_last_read_s_ago }
    }

    pub(super) fn chain(&self) -> Chain {
        let head = *self.venue.head.borrow();
        Chain {
            chain_id: self.venue.domain.chain_id,
            market: self.venue.domain.market,
            now: head.now(),
            read_to_block: head.read_to,
            newest_block: head.newest.number.0,
            head_lag_s: head.timestamp.seconds_until(Timestamp(now_ms() / 1_000)),
            last_read_s_ago: head.seen_at.elapsed().as_secs(),
            gas_price_wei: head.gas_price,
        }
    }

    pub(super) async fn readiness(&self) -> Readiness {
        let prover = self.venue.prover.ready().await;
        let (chain, load) = (self.chain(), self.load());
        let standings = Standings {
            silent_s: chain.last_read_s_ago,
            blocks_behind: chain.newest_block.saturating_sub(chain.read_to_block),
            is_stopping: self.stop.is_cancelled(),
            logbook: self.logbook.borrow().clone(),
            prover: prover.err().map(|error| error.to_string()),
            levels: *self.levels.borrow(),
            breaker: load.breaker,
            intake: load.intake,
        };
        standings.readiness()
    }

    pub(super) fn alerts(&self, readiness: &Readiness) -> Vec<Alert> {
        let (load, chain) = (self.load(), self.chain());
        let signs = Signs {
            late_orders: load.late_orders,
            head_lag_s: chain.head_lag_s,
            levels: *self.levels.borrow(),
            disk_is_low: self.host.borrow().disk_is_low(),
        };
        signs.alerts(readiness)
    }

    pub(super) fn balances(&self) -> Balances {
        let known = self.balances.borrow().unwrap_or_default();
        let at_stake = self.round().plan.as_ref().map(|plan| plan.load.stake_at_risk);
        let free_collateral = self.venue.head.borrow().free_collateral;
        let collateral_at_stake = at_stake.unwrap_or_default();
        Balances { free_collateral, collateral_at_stake, ..known }
    }

    pub(super) fn open_orders(&self) -> usize {
        self.round().orders.len()
    }

    /// Orders that are not over, with what is done next: ours first, then by deadline.
    pub(super) fn order_lines(&self, limit: u32) -> Vec<OrderLine> {
        let now = self.venue.head.borrow().now();
        let round = self.round();
        let Some(plan) = &round.plan else { return Vec::new() };
        let mut orders: Vec<_> = round.orders.iter().zip(&plan.steps).collect();
        let me = self.venue.me();
        let rank = |open: &OpenOrder| (!open.order.is_locked_by(me), deadline(open, now));
        orders.sort_by_key(|(open, _)| rank(open));
        orders.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |(open, step): (&Arc<OpenOrder>, &Step)| {
            let order = &open.order;
            let offer = &order.request.offer;
            let lock = order.facts.lock.as_ref();
            let slot = slot_of(plan, open);
            OrderLine {
                request: order.request.id,
                digest: order.digest,
                standing: standing_word(&order.standing).to_owned(),
                next: step_words(step, now),
                is_ours: order.is_locked_by(me),
                deadline: deadline(open, now),
                proven_in_s: slot.map(|slot| slot.ends.as_secs()),
                progress_permille: progress.get(&order.digest).copied(),
                price_wei: lock.map_or_else(|| offer.price_at(now), |lock| offer.price_at(lock.at)),
                lock_collateral: offer.lock_collateral,
            }
        };
        orders.into_iter().map(line).collect()
    }

    pub(super) fn load(&self) -> Load {
        let round = self.round();
        let load = round.plan.as_ref().map(|plan| &plan.load);
        let slots = load.map_or(&[][..], |load| load.schedule.slots());
        let promised = round.orders.iter().filter(|open| {
            let is_ours = open.order.is_locked_by(self.venue.me());
            is_ours && slots.iter().any(|slot| slot.job.digest == open.order.digest)
        });
        let cycles = promised.filter_map(|open| open.order.cycles());
        Load {
            promised_orders: load.map_or(0, |load| load.promised),
            places: self.venue.settings().market.max_concurrent_proofs,
            promised_cycles: Cycles(cycles.fold(0, |sum, more| sum.saturating_add(more.0))),
            owed_orders: load.map_or(0, |load| load.owed),
            late_orders: slots.iter().filter(|slot| slot.is_late()).count(),
            busy_for_s: load.map_or(Duration::ZERO, |load| load.busy_for).as_secs(),
            learned_hz: round.learned_hz,
            assumed_hz: self.venue.settings().market.peak_prove_khz.saturating_mul(1_000),
            breaker: load.map_or(BreakerState::Closed, |load| load.breaker.into()),
            intake: self.venue.intake().into(),
            directive: *self.venue.directive.borrow(),
        }
    }

    fn round(&self) -> Arc<Round> {
        self.venue.round.borrow().clone()
    }

    /// Puts this moment into the metrics.
    pub(super) async fn set_levels(&self) {
        let levels = &self.metrics.levels;
        levels.open.clear();
        for open in &self.round().orders {
            let standing = standing_word(&open.order.standing);
            levels.open.get_or_create(&by("standing", standing)).inc();
        }
        levels.ready.set(self.readiness().await.ready.into());
        levels.prover_ready.set(self.venue.prover.ready().await.is_ok().into());
        levels.set_load(&self.load());
        levels.set_balances(&self.balances(), *self.levels.borrow());
        levels.set_chain(&self.chain());
        let round_age = self.health().last_round_s_ago.unwrap_or_default();
        levels.round_age.set(round_age.cast_signed());
        levels.set_host(&self.host.borrow());
    }
}

impl super::metrics::Levels {
    fn set_load(&self, load: &Load) {
        self.promised_orders.set(load.promised_orders.into());
        self.owed_orders.set(load.owed_orders.into());
        self.promised_cycles.set(float(load.promised_cycles.0));
        self.busy_for.set(load.busy_for_s.cast_signed());
        self.locks_late.set(i64::try_from(load.late_orders).unwrap_or(i64::MAX));
        self.breaker.set(load.breaker as i64);
        self.intake.set(load.intake as i64);
        let speeds = [("assumed", Some(load.assumed_hz)), ("learned", load.learned_hz)];
        for (kind, hz) in speeds {
            if let Some(hz) = hz {
                self.prover_hz.get_or_create(&by("kind", kind)).set(hz.cast_signed());
            }
        }
    }

    fn set_balances(&self, balances: &Balances, standing: Levels) {
        let wei = |place, amount: Wei| {
            self.balance.get_or_create(&by("place", place)).set(f64::from(amount.0));
        };
        wei("wallet", balances.wallet_wei);
        wei("market", balances.market_wei);
        let units = |state, amount: Collateral| {
            self.collateral.get_or_create(&by("state", state)).set(f64::from(amount.0));
        };
        units("free", balances.free_collateral);
        units("at_stake", balances.collateral_at_stake);
        let level = |asset, level: Level| {
            self.balance_level.get_or_create(&by("asset", asset)).set(level as i64);
        };
        level("native", standing.native);
        level("collateral", standing.collateral);
    }

    fn set_chain(&self, chain: &Chain) {
        self.head_block.set(chain.read_to_block.cast_signed());
        let behind = chain.newest_block.saturating_sub(chain.read_to_block);
        self.blocks_behind.set(behind.cast_signed());
        self.head_lag.set(chain.head_lag_s.cast_signed());
        self.read_age.set(chain.last_read_s_ago.cast_signed());
        self.gas_price.set(f64::from(chain.gas_price_wei.0));
    }

    fn set_host(&self, host: &Host) {
        self.cpu.set(f64::from(host.cpu_percent) / 100.0);
        let memory = |what, bytes: u64| {
            self.memory.get_or_create(&by("what", what)).set(float(bytes));
        };
        memory("used", host.memory_used_bytes);
        memory("process", host.process_memory_bytes);
        memory("total", host.memory_total_bytes);
        let disk = |what, bytes: u64| self.disk.get_or_create(&by("what", what)).set(float(bytes));
        disk("free", host.disk_free_bytes);
        disk("total", host.disk_total_bytes);
        for (index, gpu) in host.gpus.iter().enumerate() {
            let label = by("gpu", index.to_string());
            self.gpu.get_or_create(&label).set(f64::from(gpu.busy_percent) / 100.0);
            self.gpu_memory.get_or_create(&label).set(float(gpu.memory_used_bytes));
        }
    }
}

impl From<Breaker> for BreakerState {
    fn from(breaker: Breaker) -> Self {
        match breaker {
            Breaker::Closed => Self::Closed,
            Breaker::Trial => Self::Trial,
            Breaker::Open { .. } => Self::Open,
        }
    }
}

impl From<Intake> for IntakeState {
    fn from(intake: Intake) -> Self {
        match intake {
            Intake::Open => Self::Open,
            Intake::ListenOnly => Self::ListenOnly,
            Intake::Closed => Self::Closed,
        }
    }
}

/// The last second at which our work is of use: the lock's while it holds, else the request's.
fn deadline(open: &OpenOrder, now: Timestamp) -> Timestamp {
    let offer = &open.order.request.offer;
    if now <= offer.lock_deadline() { offer.lock_deadline() } else { offer.deadline() }
}

fn slot_of<'a>(plan: &'a Plan, open: &OpenOrder) -> Option<&'a Slot> {
    plan.load.schedule.slots().iter().find(|slot| slot.job.digest == open.order.digest)
}

fn standing_word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Seen => "seen",
        Standing::Skipped(_) => "skipped",
        Standing::Run(_) => "priced",
        Standing::Proven(..) => "proven",
        Standing::Sealed(..) => "sealed",
    }
}

/// The next step, for people.
fn step_words(step: &Step, now: Timestamp) -> String {
    match step {
        Step::Wait { until, why } => match now.seconds_until(*until) {
            0 | 1 => format!("waits for {why}"),
            seconds => format!("waits for {why} ({seconds} s)"),
        },
        Step::Skip(_) => "to be refused".to_owned(),
        Step::Preflight(_) => "to be judged".to_owned(),
        Step::Lock { .. } => "to be locked".to_owned(),
        Step::Prove { .. } => "to be proven".to_owned(),
        Step::Seal => "to be attested".to_owned(),
        Step::Deliver(_) => "to be delivered".to_owned(),
        Step::Slash => "its collateral to be called for".to_owned(),
        Step::Done(_) => "to be closed".to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a metric keeps the first 53 bits")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use rialto_planner::Waiting;

    #[test]
    fn everything_that_keeps_a_node_from_work_is_said() {
        let rows: String = [
            Standings::default(),
            Standings { silent_s: 30, blocks_behind: 32, ..Standings::default() },
            Standings { silent_s: 31, ..Standings::default() },
            Standings { blocks_behind: 33, ..Standings::default() },
            Standings { is_stopping: true, ..Standings::default() },
            Standings {
                logbook: Some("the logbook failed to write".into()),
                ..Standings::default()
            },
            Standings {
                prover: Some("the prover is shutting down".into()),
                ..Standings::default()
            },
            Standings {
                levels: Levels { native: Level::Warn, collateral: Level::Warn },
                ..Standings::default()
            },
            Standings {
                levels: Levels { native: Level::Error, collateral: Level::Error },
                ..Standings::default()
            },
            Standings { breaker: BreakerState::Trial, ..Standings::default() },
            Standings { breaker: BreakerState::Open, ..Standings::default() },
            Standings { intake: IntakeState::ListenOnly, ..Standings::default() },
            Standings { intake: IntakeState::Closed, ..Standings::default() },
        ]
        .map(|standings| {
            let Readiness { ready, problems } = standings.readiness();
            format!("{}\n", if ready { "ready".to_owned() } else { problems.join("; ") })
        })
        .concat();
        expect![[r#"
            ready
            ready
            the chain was last read 31 s ago
            33 blocks are not read yet
            the node is stopping
            the logbook failed to write
            the prover is shutting down
            ready
            the native balance is below its error threshold; the collateral balance is below its error threshold
            proving failed; one order is on trial
            proving fails; nothing is locked
            ready
            no new work is taken
        "#]].assert_eq(&rows);
    }

    #[test]
    fn what_an_operator_should_look_at_is_said_the_worst_first() {
        let not_ready = Readiness { ready: false, problems: vec!["the node is stopping".into()] };
        let signs = Signs {
            late_orders: 2,
            head_lag_s: 301,
            levels: Levels { native: Level::Warn, collateral: Level::Error },
            disk_is_low: true,
        };
        let lines: String = signs
            .alerts(&not_ready)
            .iter()
            .map(|alert| format!("{:?}: {}\n", alert.level, alert.text))
            .collect();
        expect![[r#"
            Error: the node is stopping
            Error: 2 locked orders are late by the estimates
            Warn: the native balance is below its warning threshold
            Warn: the chain's last block is 301 s old
            Warn: the data directory's disk is nearly full
        "#]]
        .assert_eq(&lines);
        let quiet = Signs { head_lag_s: 300, ..Signs::default() };
        assert_eq!(quiet.alerts(&Readiness { ready: true, problems: vec![] }), []);
    }

    #[test]
    fn a_step_is_said_with_what_it_waits_for() {
        let wait =
            |until, why| step_words(&Step::Wait { until: Timestamp(until), why }, Timestamp(10));
        assert_eq!(wait(75, Waiting::Price), "waits for the price to reach the target (65 s)");
        assert_eq!(wait(11, Waiting::Capacity), "waits for room among the promises");
    }
}
