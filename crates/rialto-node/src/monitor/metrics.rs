//! Every number that `/metrics` shows, with its name, unit and meaning.
//!
//! Labels have few values, all of them words of this program: nothing of a request is ever one.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::atomic::AtomicU64;

/// A word by which a number is split up.
pub(super) type Label = [(&'static str, String); 1];
/// Two of them.
type Labels = [(&'static str, String); 2];
/// Amounts are sums of 256 bits; a metric keeps the first 53 of them. `/api/v1/pnl` is exact.
pub(super) type Float = Counter<f64, AtomicU64>;
pub(super) type Level = Gauge<f64, AtomicU64>;

/// One label.
pub(super) fn by(name: &'static str, word: impl Into<String>) -> Label {
    [(name, word.into())]
}

/// Two labels.
pub(super) fn by_two(one: (&'static str, &str), two: (&'static str, &str)) -> Labels {
    [(one.0, one.1.to_owned()), (two.0, two.1.to_owned())]
}

/// What a Prometheus server collects.
pub(super) struct Metrics {
    registry: Registry,
    pub(super) counts: Counts,
    pub(super) levels: Levels,
}

/// What only grows.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) seen: Counter,
    pub(super) closed: Family<Label, Counter>,
    pub(super) refused: Family<Label, Counter>,
    pub(super) locks: Family<Label, Counter>,
    pub(super) transactions: Family<Labels, Counter>,
    pub(super) gas: Family<Label, Float>,
    pub(super) income: Float,
    pub(super) rewards: Float,
    pub(super) forfeits: Float,
    pub(super) proofs: Counter,
    pub(super) deliveries: Counter,
    pub(super) retries: Family<Label, Counter>,
    pub(super) reorgs: Counter,
    pub(super) rpc_requests: Counter,
    pub(super) rpc_errors: Counter,
    pub(super) proving: Buckets<PROVING>,
    pub(super) seen_to_lock: Buckets<SEEN_TO_LOCK>,
    pub(super) batch: Buckets<BATCH>,
}

/// What goes up and down.
#[derive(Default)]
pub(super) struct Levels {
    pub(super) open: Family<Label, Gauge>,
    pub(super) promised_orders: Gauge,
    pub(super) owed_orders: Gauge,
    pub(super) promised_cycles: Level,
    pub(super) busy_for: Gauge,
    pub(super) locks_late: Gauge,
    pub(super) prover_hz: Family<Label, Gauge>,
    pub(super) prover_ready: Gauge,
    pub(super) breaker: Gauge,
    pub(super) intake: Gauge,
    pub(super) ready: Gauge,
    pub(super) balance: Family<Label, Level>,
    pub(super) collateral: Family<Label, Level>,
    pub(super) balance_level: Family<Label, Gauge>,
    pub(super) head_block: Gauge,
    pub(super) blocks_behind: Gauge,
    pub(super) head_lag: Gauge,
    pub(super) read_age: Gauge,
    pub(super) round_age: Gauge,
    pub(super) gas_price: Level,
    pub(super) started: Level,
    pub(super) cpu: Level,
    pub(super) memory: Family<Label, Level>,
    pub(super) disk: Family<Label, Level>,
    pub(super) gpu: Family<Label, Level>,
    pub(super) gpu_memory: Family<Label, Level>,
}

const PROVING: usize = 0;
const SEEN_TO_LOCK: usize = 1;
const BATCH: usize = 2;
/// Upper bounds, by the constants above: seconds, seconds, orders.
const BOUNDS: [&[f64]; 3] = [
    &[1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 14_400.0],
    &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0],
    &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
];

/// A histogram with the bounds of its kind.
#[derive(Clone)]
pub(super) struct Buckets<const KIND: usize>(pub(super) Histogram);

impl<const KIND: usize> Default for Buckets<KIND> {
    fn default() -> Self {
        Self(Histogram::new(BOUNDS[KIND].iter().copied()))
    }
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("rialto");
        let (counts, levels) = (Counts::default(), Levels::default());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", build);
        orders(&mut registry, &counts, &levels);
        money(&mut registry, &counts, &levels);
        work(&mut registry, &counts, &levels);
        chain(&mut registry, &counts, &levels);
        host(&mut registry, &levels);
        counts.begin_at_zero();
        Self { registry, counts, levels }
    }

    /// All of it, as text in the OpenMetrics format.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Counts {
    /// A rule about a series that does not exist yet never fires, so what rules are about exists
    /// from the start.
    fn begin_at_zero(&self) {
        for result in ["sent", "landed", "lost"] {
            drop(self.locks.get_or_create(&by("result", result)));
        }
        for step in ["prove", "seal", "deliver"] {
            drop(self.retries.get_or_create(&by("step", step)));
        }
        for outcome in ["paid", "race_won", "forfeited", "taken_by_other", "expired", "refused"] {
            drop(self.closed.get_or_create(&by("outcome", outcome)));
        }
    }
}

fn orders(to: &mut Registry, counts: &Counts, levels: &Levels) {
    to.register("orders_seen", "Requests seen", counts.seen.clone());
    let help = "Orders that are not over, by how far they have come";
    to.register("orders_open", help, levels.open.clone());
    to.register("orders_closed", "Orders that are over, by outcome", counts.closed.clone());
    to.register("refusals", "Requests refused, by code", counts.refused.clone());
    to.register("locks", "Locks sent, landed and lost", counts.locks.clone());
    let help = "Orders that we hold the lock of and have not proven";
    to.register("promised_orders", help, levels.promised_orders.clone());
    let help = "Orders that we hold the lock of and have not delivered";
    to.register("owed_orders", help, levels.owed_orders.clone());
    let help = "Cycles of the promised orders";
    to.register("promised_cycles", help, levels.promised_cycles.clone());
    let help = "Until the prover has made all it has promised, by the estimates";
    to.register_with_unit("busy_for", help, Unit::Seconds, levels.busy_for.clone());
    let help = "Promised orders that by the estimates miss their deadline";
    to.register("locks_late", help, levels.locks_late.clone());
    let help = "From a request's first sight to its lock being sent";
    to.register_with_unit("seen_to_lock", help, Unit::Seconds, counts.seen_to_lock.0.clone());
}

fn money(to: &mut Registry, counts: &Counts, levels: &Levels) {
    to.register("income_wei", "Prices paid to us", counts.income.clone());
    to.register("gas_spent_wei", "What transactions cost, by kind", counts.gas.clone());
    let help = "Our shares of lapsed locks' collateral, in its smallest unit";
    to.register("rewards_collateral", help, counts.rewards.clone());
    let help = "Collateral lost to lapsed locks of ours, in its smallest unit";
    to.register("forfeited_collateral", help, counts.forfeits.clone());
    let help = "Native token in the wallet and in the market";
    to.register("balance_wei", help, levels.balance.clone());
    let help = "Collateral that is free and that locks hold, in its smallest unit";
    to.register("collateral", help, levels.collateral.clone());
    let help =
        "Balances against their thresholds: 0 enough, 1 below the warning, 2 below the error";
    to.register("balance_level", help, levels.balance_level.clone());
}

fn work(to: &mut Registry, counts: &Counts, levels: &Levels) {
    to.register("proofs", "Proofs made", counts.proofs.clone());
    let help = "How long proofs took";
    to.register_with_unit("proving", help, Unit::Seconds, counts.proving.0.clone());
    to.register("deliveries", "Deliveries of ours that were mined", counts.deliveries.clone());
    let help = "Orders in each transaction that hands in proofs";
    to.register("delivery_batch_orders", help, counts.batch.0.clone());
    let help = "Speed of the prover in cycles a second: as set, and by its latest proofs";
    to.register("prover_speed_hz", help, levels.prover_hz.clone());
    let help = "Whether the prover takes work";
    to.register("prover_ready", help, levels.prover_ready.clone());
    let help = "Steps that failed and are tried again, by step";
    to.register("retries", help, counts.retries.clone());
    let help = "Locking while proving fails: 0 goes on, 1 on trial, 2 has stopped";
    to.register("breaker_state", help, levels.breaker.clone());
    let help = "New work: 0 is taken, 1 is judged only, 2 is refused";
    to.register("intake_state", help, levels.intake.clone());
    to.register("ready", "Whether the node can take and finish work", levels.ready.clone());
    let help = "How long ago the node last looked at all orders";
    to.register_with_unit("round_age", help, Unit::Seconds, levels.round_age.clone());
    let help = "When the node was started, in UNIX time";
    to.register_with_unit("start_time", help, Unit::Seconds, levels.started.clone());
}

fn chain(to: &mut Registry, counts: &Counts, levels: &Levels) {
    let help = "Transactions, by kind and by what came of them: mined, failed, or not_sent since \
                they would have failed";
    to.register("transactions", help, counts.transactions.clone());
    to.register("rpc_requests", "Requests to the chain's endpoint", counts.rpc_requests.clone());
    let help = "Requests to the chain's endpoint that it did not answer or failed at";
    to.register("rpc_errors", help, counts.rpc_errors.clone());
    to.register("reorgs", "Reorganisations of the chain", counts.reorgs.clone());
    to.register("head_block", "The last block that was read", levels.head_block.clone());
    let help = "Blocks of the endpoint that are not read yet";
    to.register("blocks_behind", help, levels.blocks_behind.clone());
    let help = "How far the last block's time is behind this machine's";
    to.register_with_unit("head_lag", help, Unit::Seconds, levels.head_lag.clone());
    let help = "How long ago the chain was last read";
    to.register_with_unit("chain_read_age", help, Unit::Seconds, levels.read_age.clone());
    to.register("gas_price_wei", "What a unit of gas costs", levels.gas_price.clone());
}

fn host(to: &mut Registry, levels: &Levels) {
    let help = "Share of the processors that is busy, from 0 to 1";
    to.register_with_unit("host_cpu", help, Unit::Ratios, levels.cpu.clone());
    let help = "Memory: in use, in use by this process, and all of it";
    to.register_with_unit("host_memory", help, Unit::Bytes, levels.memory.clone());
    let help = "The data directory's disk: free, and all of it";
    to.register_with_unit("host_disk", help, Unit::Bytes, levels.disk.clone());
    let help = "How busy each graphics processor is, from 0 to 1";
    to.register_with_unit("host_gpu", help, Unit::Ratios, levels.gpu.clone());
    let help = "Memory of each graphics processor in use";
    to.register_with_unit("host_gpu_memory", help, Unit::Bytes, levels.gpu_memory.clone());
}
