use super::*;
use crate::example::*;
use crate::policy::Requestors;
use crate::priority::{CommitmentPriority, PricingPriority};
use crate::{BatchPolicy, Budget, CycleLimit};
use expect_test::expect;
use proptest::prelude::*;
use rialto_protocol::{Cycles, RequestId, Wei};

fn priced(name: u8, max_price: u128) -> Order {
    let mut order = named(name, tried());
    order.request.offer.max_price = Wei::from(max_price);
    order
}

#[test]
fn locks_are_taken_while_all_promises_hold_and_the_best_pay_first() {
    let mut world = World::at(1_090, [priced(1, 100), priced(2, 300), priced(3, 200)]);
    let three_at_once = world.show();
    world.policy.max_concurrent_proofs = 9;
    // 20 seconds each, and until 1200 - 20: there is room for four and a half.
    world.orders = (1..7).map(|name| priced(name, 100 + u128::from(name))).collect();
    let by_room = world.show();
    world.policy.max_commitment_duration_s = 45;
    let by_commitment = world.show();
    world.policy = Policy { max_stake_at_risk: Some(Collateral::from(60)), ..policy() };
    let by_risk = world.show();
    world.policy = policy();
    world.market.free_collateral = Collateral::from(119);
    let by_collateral = world.show();
    expect![[r#"
        1: Wait { until: Timestamp(1091), why: Capacity }
        2: Lock { price: Wei(270) }
        3: Lock { price: Wei(180) }
        2 promised, Collateral(120), busy for 40s

        room:
        1: Wait { until: Timestamp(1091), why: Capacity }
        2: Wait { until: Timestamp(1091), why: Capacity }
        3: Lock { price: Wei(92) }
        4: Lock { price: Wei(93) }
        5: Lock { price: Wei(94) }
        6: Lock { price: Wei(95) }
        4 promised, Collateral(240), busy for 80s

        commitment:
        1: Wait { until: Timestamp(1091), why: Capacity }
        2: Wait { until: Timestamp(1091), why: Capacity }
        3: Wait { until: Timestamp(1091), why: Capacity }
        4: Wait { until: Timestamp(1091), why: Capacity }
        5: Lock { price: Wei(94) }
        6: Lock { price: Wei(95) }
        2 promised, Collateral(120), busy for 40s

        risk:
        1: Wait { until: Timestamp(1091), why: Risk }
        2: Wait { until: Timestamp(1091), why: Risk }
        3: Wait { until: Timestamp(1091), why: Risk }
        4: Wait { until: Timestamp(1091), why: Risk }
        5: Wait { until: Timestamp(1091), why: Risk }
        6: Lock { price: Wei(95) }
        1 promised, Collateral(60), busy for 20s

        collateral:
        1: Wait { until: Timestamp(1091), why: Collateral }
        2: Wait { until: Timestamp(1091), why: Collateral }
        3: Wait { until: Timestamp(1091), why: Collateral }
        4: Wait { until: Timestamp(1091), why: Collateral }
        5: Wait { until: Timestamp(1091), why: Collateral }
        6: Lock { price: Wei(95) }
        1 promised, Collateral(60), busy for 20s
    "#]]
    .assert_eq(&format!(
        "{three_at_once}\nroom:\n{by_room}\ncommitment:\n{by_commitment}\nrisk:\n{by_risk}\ncollateral:\n{by_collateral}"
    ));
}

#[test]
fn a_lock_and_a_delivery_take_their_blocks_whatever_the_margin_is() {
    let show = |margin_s, block_s| {
        let mut world = World::at(1_160, [order(tried())]);
        world.policy.min_deadline_s = margin_s;
        world.market.block_time = Duration::from_secs(block_s);
        world.show()
    };
    let rows = [(20, 0), (20, 1), (0, 2), (0, 6), (17, 2)]
        .map(|(margin_s, block_s)| {
            let shown = show(margin_s, block_s);
            format!("margin {margin_s} s, block {block_s} s: {}\n", shown.lines().next().unwrap())
        })
        .concat();
    expect![[r#"
        margin 20 s, block 0 s: 5: Lock { price: Wei(100) }
        margin 20 s, block 1 s: 5: Skip(TooLittleTime { left_s: 40, needed_s: 42 })
        margin 0 s, block 2 s: 5: Lock { price: Wei(100) }
        margin 0 s, block 6 s: 5: Skip(TooLittleTime { left_s: 40, needed_s: 44 })
        margin 17 s, block 2 s: 5: Skip(TooLittleTime { left_s: 40, needed_s: 41 })
    "#]]
    .assert_eq(&rows);
}

#[test]
fn what_is_on_its_way_counts_as_promised() {
    let orders = || [priced(1, 100), priced(2, 300), priced(3, 200)];
    let world = World::at(1_090, orders()).hand(2, Hand::Locking { since: Timestamp(1_090) });
    let mut behind = World::at(1_090, [priced(1, 100).locked(ME, 1_080), priced(2, 300)])
        .hand(1, Hand::Proving { left: Some(Duration::from_secs(100)) });
    let late = behind.show();
    behind.hands.clear();
    let crashed = behind.show();
    expect![[r#"
        1: Wait { until: Timestamp(1091), why: Capacity }
        2: Lock { price: Wei(270) }
        3: Lock { price: Wei(180) }
        2 promised, Collateral(120), busy for 40s

        late:
        1: Prove { deadline: Timestamp(1200) }
        2: Wait { until: Timestamp(1091), why: Capacity }
        1 promised, Collateral(60), busy for 100s, behind

        crashed:
        1: Prove { deadline: Timestamp(1200) }
        2: Lock { price: Wei(270) }
        2 promised, Collateral(120), busy for 40s
    "#]]
    .assert_eq(&format!("{}\nlate:\n{late}\ncrashed:\n{crashed}", world.show()));
}

#[test]
fn promised_proofs_get_lanes_by_deadline() {
    let mut urgent = named(2, tried()).locked(ME, 1_030);
    urgent.request.offer.lock_timeout = 100;
    let world = World::at(1_040, [named(1, tried()).locked(ME, 1_030), urgent]);
    let by_deadline = world.show();
    let running = world.hand(1, Hand::Proving { left: None }).show();
    let resting = World::at(
        1_040,
        [named(1, tried()).locked(ME, 1_030), named(2, tried()).locked(ME, 1_030)],
    )
    .hand(1, Hand::Resting)
    .show();
    expect![[r#"
        1: Wait { until: Timestamp(1041), why: Lane }
        2: Prove { deadline: Timestamp(1100) }
        2 promised, Collateral(120), busy for 40s

        running:
        1: Prove { deadline: Timestamp(1200) }
        2: Wait { until: Timestamp(1041), why: Lane }
        2 promised, Collateral(120), busy for 40s

        resting:
        1: Prove { deadline: Timestamp(1200) }
        2: Prove { deadline: Timestamp(1200) }
        2 promised, Collateral(120), busy for 40s
    "#]]
    .assert_eq(&format!("{by_deadline}\nrunning:\n{running}\nresting:\n{resting}"));
}

#[test]
fn nothing_is_locked_while_proving_fails_or_the_intake_is_closed() {
    let mut world = World::at(1_090, [priced(1, 100), priced(2, 300), named(3, Standing::Seen)]);
    let mut shown = String::new();
    let mut show = |what: &str, world: &World| {
        shown.push_str(&format!("{what}:\n{}", world.show()));
    };
    world.health = ProverHealth { is_out: true, ..ProverHealth::default() };
    show("out", &world);
    let last_failure = Some(Timestamp(1_080));
    world.health = ProverHealth { failures_in_a_row: 2, last_failure, is_out: false };
    show("failing", &world);
    world.market.now = Timestamp(1_140);
    show("on trial", &world);
    world.health = ProverHealth::default();
    world.intake = Intake::ListenOnly;
    show("listening", &world);
    world.intake = Intake::Closed;
    show("closed", &world);
    expect![[r#"
        out:
        1: Wait { until: Timestamp(1091), why: Breaker }
        2: Wait { until: Timestamp(1091), why: Breaker }
        3: Preflight(Budget { cycles_max: Cycles(9000000), limited_by: Deadline, journal_bytes_max: 100 })
        0 promised, Collateral(0), busy for 0ns
        failing:
        1: Wait { until: Timestamp(1140), why: Breaker }
        2: Wait { until: Timestamp(1140), why: Breaker }
        3: Preflight(Budget { cycles_max: Cycles(9000000), limited_by: Deadline, journal_bytes_max: 100 })
        0 promised, Collateral(0), busy for 0ns
        on trial:
        1: Wait { until: Timestamp(1141), why: Breaker }
        2: Lock { price: Wei(300) }
        3: Preflight(Budget { cycles_max: Cycles(4000000), limited_by: Deadline, journal_bytes_max: 100 })
        1 promised, Collateral(60), busy for 20s
        listening:
        1: Wait { until: Timestamp(1141), why: Intake }
        2: Wait { until: Timestamp(1141), why: Intake }
        3: Preflight(Budget { cycles_max: Cycles(4000000), limited_by: Deadline, journal_bytes_max: 100 })
        0 promised, Collateral(0), busy for 0ns
        closed:
        1: Wait { until: Timestamp(1141), why: Paused }
        2: Wait { until: Timestamp(1141), why: Paused }
        3: Wait { until: Timestamp(1141), why: Paused }
        0 promised, Collateral(0), busy for 0ns
    "#]]
    .assert_eq(&shown);
}

#[test]
fn races_take_only_what_promises_leave() {
    let lapsed = |name| named(name, tried()).locked(RIVAL, 1_030);
    let alone = World::at(1_210, [lapsed(1), lapsed(2)]).show();
    let mut ours = named(3, tried()).locked(ME, 1_030);
    ours.request.offer.lock_timeout = 250;
    let after_promises = World::at(1_210, [lapsed(1), ours]).show();
    let going =
        World::at(1_215, [lapsed(1), lapsed(2)]).hand(1, Hand::Proving { left: None }).show();
    let lost =
        World::at(1_215, [lapsed(1).delivered(RIVAL, 1_212)]).hand(1, Hand::Proving { left: None });
    let kept = Policy { cancel_proving_expired_orders: false, ..policy() };
    let kept = World { policy: kept, ..World::at(1_215, lost.orders.clone()) }
        .hand(1, Hand::Proving { left: None })
        .show();
    let no_time = World::at(1_261, [lapsed(1)]).show();
    expect![[r#"
        1: Prove { deadline: Timestamp(1300) }
        2: Wait { until: Timestamp(1211), why: Lane }
        0 promised, Collateral(0), busy for 20s

        after promises:
        1: Wait { until: Timestamp(1211), why: Lane }
        3: Prove { deadline: Timestamp(1250) }
        1 promised, Collateral(60), busy for 20s

        going:
        1: Prove { deadline: Timestamp(1300) }
        2: Wait { until: Timestamp(1216), why: Lane }
        0 promised, Collateral(0), busy for 20s

        lost:
        1: Done(TakenByOther)
        cancel 1
        0 promised, Collateral(0), busy for 20s

        kept:
        1: Done(TakenByOther)
        0 promised, Collateral(0), busy for 20s

        no time:
        1: Skip(TooLittleTime { left_s: 39, needed_s: 40 })
        0 promised, Collateral(0), busy for 0ns
    "#]]
    .assert_eq(&format!(
        "{alone}\nafter promises:\n{after_promises}\ngoing:\n{going}\nlost:\n{}\nkept:\n{kept}\nno time:\n{no_time}",
        lost.show()
    ));
}

#[test]
fn proofs_under_locks_go_together_and_races_by_themselves() {
    let batch = BatchPolicy { min_size: 3, ..policy().batch };
    let done = |name| named(name, proven()).locked(ME, 1_030);
    let coming = named(9, tried()).locked(ME, 1_030);
    let mut world = World::at(1_100, [done(1), done(2), coming]);
    world.policy.batch = batch;
    let waits = world.show();
    world.orders.push(done(3));
    let closes = world.show();
    world.orders = vec![done(1), named(2, proven()).locked(RIVAL, 1_030)];
    world.market.now = Timestamp(1_205);
    let lapsed = world.show();
    world.market.now = Timestamp(1_100);
    world.orders = (1..=70).map(|name| named(name, sealed()).locked(ME, 1_030)).collect();
    let sizes: Vec<_> = world.plan().deliveries.iter().map(|batch| batch.orders.len()).collect();
    assert_eq!(sizes, [64, 6]);
    expect![[r#"
        1: Wait { until: Timestamp(1101), why: Batch }
        2: Wait { until: Timestamp(1101), why: Batch }
        9: Prove { deadline: Timestamp(1200) }
        1 promised, Collateral(180), busy for 20s

        closes:
        1: Seal
        2: Seal
        9: Prove { deadline: Timestamp(1200) }
        3: Seal
        seal 1 2 3, Size
        1 promised, Collateral(240), busy for 20s

        lapsed:
        1: Seal
        2: Seal
        seal 1, Deadline
        seal 2, Deadline
        0 promised, Collateral(60), busy for 0ns
    "#]]
    .assert_eq(&format!("{waits}\ncloses:\n{closes}\nlapsed:\n{lapsed}"));
}

/// Names in the order in which they get something, when there is one place at a time.
fn ranking(world: &mut World, seed: u64, got: impl Fn(&Step) -> bool) -> String {
    let mut names = String::new();
    while let Some(i) = world.plan_of(seed).steps.iter().position(&got) {
        names += &world.orders.remove(i).digest.0[0].to_string();
    }
    names
}

#[test]
fn judging_follows_the_pricing_priority() {
    let new = |name: u8, max_price: u128, lock_timeout: u32, seen_at_ms: u64| {
        let mut order = named(name, Standing::Seen);
        order.request.id = RequestId::new(Address::repeat_byte(name), 1);
        order.request.offer.max_price = Wei::from(max_price);
        order.request.offer.lock_timeout = lock_timeout;
        Order { seen_at_ms, ..order }
    };
    let ranked = |priority, requestors: Requestors, seed| {
        let mut world =
            World::at(1_000, [new(1, 200, 250, 3), new(2, 100, 200, 1), new(3, 300, 225, 2)]);
        world.policy.order_pricing_priority = priority;
        world.policy.requestors = requestors.into();
        world.policy.max_concurrent_preflights = 1;
        ranking(&mut world, seed, |step| matches!(step, Step::Preflight(_)))
    };
    let of = |priority| ranked(priority, Requestors::default(), 1);
    assert_eq!(of(PricingPriority::ObservationTime), "231");
    assert_eq!(of(PricingPriority::ShortestExpiry), "231");
    assert_eq!(of(PricingPriority::Price), "312");
    assert_eq!(of(PricingPriority::CyclePrice), "312");
    let lots: std::collections::BTreeSet<_> =
        (0..60).map(|seed| ranked(PricingPriority::Random, Requestors::default(), seed)).collect();
    assert_eq!(lots.len(), 6, "every order comes up: {lots:?}");
    let first = [(Address::repeat_byte(2), 10), (Address::repeat_byte(1), 90)].into();
    let first = Requestors { priority: first, ..Requestors::default() };
    assert_eq!(ranked(PricingPriority::Price, first, 1), "123");
}

#[test]
fn locking_follows_the_commitment_priority() {
    let one = |name: u8, max_price: u128, lock_timeout: u32, mcycles: u64| {
        let run = crate::Preflight { cycles: Cycles(mcycles * 1_000_000), ..run() };
        let mut order = named(name, Standing::Run(run));
        order.request.offer.max_price = Wei::from(max_price);
        order.request.offer.lock_timeout = lock_timeout;
        order
    };
    let ranked = |priority, seed| {
        // Per Mcycle: 50, 90, 80. To spare: 60, 140, 55 seconds.
        let mut world =
            World::at(1_100, [one(1, 200, 220, 4), one(2, 180, 280, 2), one(3, 400, 225, 5)]);
        world.policy.order_commitment_priority = priority;
        world.policy.max_concurrent_proofs = 1;
        ranking(&mut world, seed, |step| matches!(step, Step::Lock { .. }))
    };
    assert_eq!(ranked(CommitmentPriority::Price, 1), "312");
    assert_eq!(ranked(CommitmentPriority::CyclePrice, 1), "231");
    assert_eq!(ranked(CommitmentPriority::ShortestExpiry, 1), "132");
    assert_eq!(ranked(CommitmentPriority::TightestDeadline, 1), "312");
    let lots: std::collections::BTreeSet<_> =
        (0..60).map(|seed| ranked(CommitmentPriority::Random, seed)).collect();
    assert_eq!(lots.len(), 6, "every order comes up: {lots:?}");
}

#[test]
fn as_many_programs_run_as_may() {
    let mut world = World::at(1_000, (1..=4).map(|name| named(name, Standing::Seen)))
        .hand(4, Hand::Preflighting);
    world.policy.max_concurrent_preflights = 3;
    let budget = Budget {
        cycles_max: Cycles(10_000_000),
        limited_by: CycleLimit::Price,
        journal_bytes_max: 100,
    };
    let wait = Step::Wait { until: Timestamp(1_001), why: Waiting::Turn };
    let go = Step::Preflight(budget);
    assert_eq!(world.plan().steps, [go.clone(), go.clone(), wait, go]);
}

proptest! {
    /// Whatever is on the table, what the node promises at once stays within every bound, the
    /// schedule of the estimates holds if it held before, and no more proofs start than lanes.
    #[test]
    fn no_plan_commits_too_much(
        now in 1_000u64..1_250, lanes in 1u32..3, most in 1u32..6, free in 0u128..500,
        risk in prop::option::of(0u128..400), seed in 0u64..100,
        orders in prop::collection::vec((0..4, 0..6, 40u32..300, 1u64..9, 0..4), 1..12),
    ) {
        let mut world = World::at(now, []);
        world.policy.concurrent_jobs = lanes;
        world.policy.max_concurrent_proofs = most;
        world.policy.max_stake_at_risk = risk.map(Collateral::from);
        world.market.free_collateral = Collateral::from(free);
        for (i, (owner, stage, lock_timeout, mcycles, hand)) in orders.into_iter().enumerate() {
            let name = i as u8 + 1;
            let standing = match stage {
                0 => Standing::Seen,
                1 => proven(),
                2 => sealed(),
                _ => Standing::Run(crate::Preflight { cycles: Cycles(mcycles * 1_000_000), ..run() }),
            };
            let mut order = named(name, standing);
            order.request.offer.lock_timeout = lock_timeout;
            world.orders.push(match owner {
                0 => order.locked(ME, 1_000),
                1 => order.locked(RIVAL, 1_000),
                _ => order,
            });
            if (hand, owner) == (0, 2) {
                world = world.hand(name, Hand::Locking { since: Timestamp(now) });
            }
        }
        let before = {
            let mut closed = World { orders: world.orders.clone(), hands: world.hands.clone(), policy: world.policy.clone(), ..World::at(now, []) };
            closed.intake = Intake::Closed;
            closed.plan().load
        };
        let plan = world.plan_of(seed);
        let locks: Vec<_> = world.orders.iter().zip(&plan.steps)
            .filter(|(order, step)| matches!(step, Step::Lock { .. }) && !world.hands.contains_key(&order.digest))
            .collect();
        if !locks.is_empty() {
            prop_assert!(plan.load.promised <= most);
            prop_assert!(!plan.load.is_behind);
            let stakes = |orders: &mut dyn Iterator<Item = &Order>| {
                orders.fold(0u128, |sum, order| sum + u128::try_from(order.request.offer.lock_collateral.0).unwrap())
            };
            let new = stakes(&mut locks.iter().map(|(order, _)| *order));
            let on_the_way = stakes(&mut world.orders.iter().filter(|order| world.hands.contains_key(&order.digest)));
            prop_assert!(new + on_the_way <= free);
            if let Some(risk) = risk {
                prop_assert!(plan.load.stake_at_risk <= Collateral::from(risk));
            }
        }
        prop_assert_eq!(plan.load.promised as usize, before.promised as usize + locks.len());
        let proving = plan.steps.iter().filter(|step| matches!(step, Step::Prove { .. })).count();
        prop_assert!(proving <= lanes as usize);
        prop_assert_eq!(plan, world.plan_of(seed));
    }
}
