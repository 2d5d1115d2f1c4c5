//! What a plan costs with many open requests, and what it saves over taking orders as they come.

mod trace;
mod world;

use rialto_planner::{Hand, Plan, ProverHealth, Snapshot, Speeds, plan};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use world::{ME, market, order, policy};

/// Open requests, as after a long outage of everybody else.
const OPEN: u64 = 10_000;
const PLANS: usize = 200;

fn main() {
    many_open_requests();
    trace::compare();
}

fn many_open_requests() {
    let before = resident_bytes();
    let orders: Vec<_> = (0..OPEN).map(|name| order(name, 1_000, 1 + name % 40)).collect();
    let held = resident_bytes().saturating_sub(before);
    let orders: Vec<_> = orders.iter().collect();
    let (policy, market) = (policy(), market(1_090));
    let (hands, health) = (BTreeMap::<_, Hand>::new(), ProverHealth::default());
    let speeds = Speeds::new(policy.peak_prove_khz);
    let snapshot = Snapshot {
        me: ME,
        policy: &policy,
        market: &market,
        orders: &orders,
        hands: &hands,
        speeds: &speeds,
        health: &health,
        intake: rialto_planner::Intake::Open,
        elsewhere: &[],
    };
    let mut times: Vec<Duration> = (0..PLANS)
        .map(|seed| {
            let began = Instant::now();
            let made: Plan = plan(&snapshot, seed as u64);
            assert_eq!(made.steps.len(), orders.len());
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    let (p50, p99) = (times[PLANS / 2], times[PLANS * 99 / 100]);
    let per_second = OPEN as f64 / p50.as_secs_f64();
    println!("plans for {OPEN} open requests that have been judged");
    println!("  one plan                  p50 {p50:>9.2?}   p99 {p99:>9.2?}");
    println!("  orders per second         {per_second:>9.0}");
    println!("  memory of the orders      {:>9.1} MiB", held as f64 / f64::from(1 << 20));
}

/// Zero where the operating system does not tell.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4_096
}
