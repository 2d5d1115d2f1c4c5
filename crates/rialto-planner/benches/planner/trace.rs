//! One bursty hour, for our planner and for a prover that takes orders as they come.
//!
//! The trace is made by a fixed seed: quiet minutes with a request now and then, and bursts of a few
//! dozen within seconds, of sizes over two orders of magnitude. Both provers have one lane, the same
//! true speed, and estimates that are up to a tenth too short or too long.

use crate::world::{ME, SPEED_KHZ, market, order, policy};
use alloy_primitives::B256;
use rialto_planner::{
    Delivery, Hand, LockFact, Order, ProverHealth, Sample, Snapshot, Speeds, Standing, Step, plan,
};
use rialto_protocol::{ImageId, RequestDigest, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const BEGIN: u64 = 10_000;
const HOUR_S: u64 = 3_600;

/// What became of a prover's hour.
#[derive(Default)]
struct Score {
    locked: u64,
    delivered: u64,
    missed: u64,
    mcycles: u64,
    busy_s: u64,
}

pub(crate) fn compare() {
    let trace = trace();
    println!("deadlines on a bursty hour: {} requests, one lane", trace.len());
    println!("                          locked  delivered  missed  Mcycles in time   busy");
    for (name, score) in [("this planner", planned(&trace)), ("as they come", in_turn(&trace))] {
        let Score { locked, delivered, missed, mcycles, busy_s } = score;
        let busy = busy_s * 100 / HOUR_S;
        println!("  {name:<22} {locked:>7} {delivered:>10} {missed:>7} {mcycles:>16}  {busy:>4} %");
    }
}

struct Asked {
    order: Order,
    at: u64,
    /// How long its proof truly takes.
    takes_s: u64,
}

fn trace() -> Vec<Asked> {
    let mut dice = Dice(0x5eed);
    let mut asked = Vec::new();
    let mut at = BEGIN;
    while at < BEGIN + HOUR_S {
        let burst = if dice.below(10) == 0 { 20 + dice.below(30) } else { 1 };
        for _ in 0..burst {
            let mcycles = 1 << dice.below(7);
            let mcycles = mcycles + dice.below(mcycles);
            let order = order(asked.len() as u64, at, mcycles);
            let permille = 900 + dice.below(201);
            let takes_s = (mcycles * 1_000 * permille / SPEED_KHZ).div_ceil(1_000);
            asked.push(Asked { order, at, takes_s });
            at += u64::from(dice.below(3) == 0);
        }
        at += dice.below(60);
    }
    asked
}

/// Second by second as the node does: plan, lock what the plan locks, prove what it begins.
fn planned(trace: &[Asked]) -> Score {
    let mut score = Score::default();
    let (policy, mut speeds) = (policy(), Speeds::new(SPEED_KHZ));
    let mut open: BTreeMap<RequestDigest, (Order, u64)> = BTreeMap::new();
    let mut proving: Option<(RequestDigest, u64)> = None;
    for now in seconds(trace) {
        for asked in trace.iter().filter(|asked| asked.at == now) {
            open.insert(asked.order.digest, (asked.order.clone(), asked.takes_s));
        }
        if let Some((digest, ends)) = proving.filter(|(_, ends)| *ends <= now) {
            // One whose lock ran out meanwhile is gone, and was counted.
            if let Some((order, takes_s)) = open.remove(&digest) {
                let cycles = order.cycles().expect("it has been judged");
                let took = Duration::from_secs(takes_s);
                speeds.learn(ImageId(B256::ZERO), Sample { cycles, took });
                settle(&order, ends, &mut score);
            }
            proving = None;
        }
        open.retain(|_, (order, _)| is_alive(order, now, &mut score));
        let hands = proving.iter().map(|(digest, ends)| {
            (*digest, Hand::Proving { left: Some(Duration::from_secs(ends - now)) })
        });
        let orders: Vec<&Order> = open.values().map(|(order, _)| order).collect();
        let snapshot = Snapshot {
            me: ME,
            policy: &policy,
            market: &market(now),
            orders: &orders,
            hands: &hands.collect(),
            speeds: &speeds,
            health: &ProverHealth::default(),
            intake: rialto_planner::Intake::Open,
            elsewhere: &[],
        };
        let steps = plan(&snapshot, 1).steps;
        for ((digest, (order, takes_s)), step) in open.iter_mut().zip(steps) {
            match step {
                Step::Lock { .. } => lock(order, now, &mut score),
                Step::Prove { .. } if proving.is_none() && order.is_locked_by(ME) => {
                    proving = Some((*digest, now + *takes_s));
                    score.busy_s += *takes_s;
                }
                _ => {}
            }
        }
    }
    score
}

/// Locks whatever could be proven in time by itself as soon as it pays, and proves in that order.
fn in_turn(trace: &[Asked]) -> Score {
    let mut score = Score::default();
    let policy = policy();
    let mut queue: VecDeque<(Order, u64)> = VecDeque::new();
    let mut free_at = 0;
    for now in seconds(trace) {
        // The price is above the floor from the first second on.
        for asked in trace.iter().filter(|asked| asked.at == now) {
            let estimate_s =
                asked.order.cycles().map_or(0, |cycles| cycles.0 / (SPEED_KHZ * 1_000));
            let left_s = Timestamp(now).seconds_until(asked.order.request.offer.lock_deadline());
            if estimate_s + policy.min_deadline_s <= left_s {
                let mut order = asked.order.clone();
                lock(&mut order, now, &mut score);
                queue.push_back((order, asked.takes_s));
            }
        }
        while free_at <= now
            && let Some((order, takes_s)) = queue.pop_front()
        {
            // What cannot be in time any more is not begun.
            if Timestamp(now + takes_s) > order.request.offer.lock_deadline() {
                score.missed += 1;
                continue;
            }
            free_at = now + takes_s;
            score.busy_s += takes_s;
            settle(&order, free_at, &mut score);
        }
    }
    score
}

fn seconds(trace: &[Asked]) -> std::ops::Range<u64> {
    let last = trace.last().map_or(BEGIN, |asked| asked.at);
    BEGIN..last + 300
}

fn lock(order: &mut Order, now: u64, score: &mut Score) {
    score.locked += 1;
    let digest = order.digest;
    order.facts.lock = Some(LockFact { prover: ME, digest, at: Timestamp(now) });
}

fn settle(order: &Order, at: u64, score: &mut Score) {
    let delivery = Delivery { prover: ME, at: Timestamp(at) };
    if delivery.at > order.request.offer.lock_deadline() {
        score.missed += 1;
        return;
    }
    score.delivered += 1;
    score.mcycles += order.cycles().map_or(0, |cycles| cycles.0 / 1_000_000);
}

/// Whether an order may still be worth something; a lock that runs out is a miss.
fn is_alive(order: &Order, now: u64, score: &mut Score) -> bool {
    let over = Timestamp(now) > order.request.offer.lock_deadline();
    score.missed += u64::from(over && order.is_locked_by(ME));
    debug_assert!(matches!(order.standing, Standing::Run(_)));
    !over
}

/// A linear congruential generator (Knuth's MMIX constants): the same trace everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}
