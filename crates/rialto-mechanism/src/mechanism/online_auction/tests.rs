use crate::rulebook::{Rulebook, check};
use crate::{Account, Amount, JobId, Stage};
use expect_test::expect;
use std::collections::BTreeMap;

/// A tick every 10 s; a job pays 50 for a million cycles.
const RULES: &str = r#"
    tick = "10 s"
    work = "10 s"
    longest = "1 min"
    reserve = 50
    collateral = 100
    exit = "50 s"
"#;

const CYCLES: &str = "cycles 1000000";

#[test]
fn the_cheapest_who_is_there_has_the_highest_and_is_paid_what_it_could_have_asked() {
    check(
        "online-auction-reconstruction",
        RULES,
        "0 ann asks at 10 within 60
         0 ann joins stake 99
         0 ann joins stake 100
         0 bob joins stake 100
         0 cid joins stake 100
         1 ann asks at 51 within 60
         1 ann asks at 10 within 22
         1 ann asks at 9 within 60
         1 bob asks at 20 within 1000
         2 cid asks at 40 within 5
         3 req opens 1 for 49 until 100 cycles 1000000
         3 req opens 1 for 60 until 19 cycles 1000000
         3 req opens 1 for 60 until 100 cycles 1000000
         10 - ticks
         11 bob delivers 1
         11 ann delivers 1 badly
         11 ann delivers 1
         12 ann asks at 10 within 60
         12 one opens 2 for 70 until 100 cycles 1000000
         20 - ticks
         21 bob leaves
         25 ann asks at 10 within 60
         31 ann asks at 10 within 12
         31 one opens 3 for 70 until 100 cycles 2000000
         40 - ticks
         60 - ticks
         101 - ticks",
        expect![[r#"
            0 ann asks at 10 within 60 | refused: not a member
            0 ann joins stake 99 | refused: a stake of 100 is needed
            0 ann joins stake 100 | 100 ann>ann's stake (stake)
            0 bob joins stake 100 | 100 bob>bob's stake (stake)
            0 cid joins stake 100 | 100 cid>cid's stake (stake)
            1 ann asks at 51 within 60 | refused: the price may be at most 50
            1 ann asks at 10 within 22 |
            1 ann asks at 9 within 60 | refused: done before
            1 bob asks at 20 within 1000 |
            2 cid asks at 40 within 5 |
            3 req opens 1 for 49 until 100 cycles 1000000 | refused: the most that is paid must be 50 or more
            3 req opens 1 for 60 until 19 cycles 1000000 | refused: the deadline must be 20 s or later
            3 req opens 1 for 60 until 100 cycles 1000000 | 60 req>escrow#1 (escrow)
            10 - ticks | #1 to ann for 50 until 20
            11 bob delivers 1 | refused: reserved for others until 20 s
            11 ann delivers 1 badly | refused: the proof does not verify
            11 ann delivers 1 | 20 escrow#1>ann (price); 30 escrow#1>pool (pool); 10 escrow#1>req (refund); #1 proven
            12 ann asks at 10 within 60 | refused: done before
            12 one opens 2 for 70 until 100 cycles 1000000 | 70 one>escrow#2 (escrow)
            20 - ticks | #2 to bob for 50 until 30; 30 pool>ann (pool)
            21 bob leaves |
            25 ann asks at 10 within 60 |
            31 ann asks at 10 within 12 | [30.001] #2 lapsed for bob; [30.001] 100 bob's stake>burned (forfeit#2); [30.001] #2 to nobody; refused: done before
            31 one opens 3 for 70 until 100 cycles 2000000 | refused: the most that is paid must be 100 or more
            40 - ticks | #2 to ann for 50 until 50
            60 - ticks | [50.001] #2 lapsed for ann; [50.001] 100 ann's stake>burned (forfeit#2); [50.001] #2 to nobody
            101 - ticks | [100.001] 70 escrow#2>one (refund); [100.001] #2 unproven
        "#]],
    );
}

#[test]
fn whoever_misses_its_time_loses_the_collateral_and_the_job_waits_again() {
    check(
        "online-auction-reconstruction",
        RULES,
        "0 ann joins stake 100
         0 bob joins stake 100
         1 ann asks at 10 within 12
         2 req opens 1 for 60 until 50 cycles 1000000
         2 req opens 2 for 60 until 50 cycles 1000000
         3 req cancels 2
         10 - ticks
         11 req cancels 1
         21 ann delivers 1
         22 ann asks at 10 within 60
         32 bob asks at 30 within 3
         33 bob asks at 30 within 1000
         45 bob delivers 1
         50 - ticks
         51 - ticks
         200 - ticks",
        expect![[r#"
            0 ann joins stake 100 | 100 ann>ann's stake (stake)
            0 bob joins stake 100 | 100 bob>bob's stake (stake)
            1 ann asks at 10 within 12 |
            2 req opens 1 for 60 until 50 cycles 1000000 | 60 req>escrow#1 (escrow)
            2 req opens 2 for 60 until 50 cycles 1000000 | 60 req>escrow#2 (escrow)
            3 req cancels 2 | 60 escrow#2>req (refund); #2 cancelled
            10 - ticks | #1 to ann for 50 until 20
            11 req cancels 1 | refused: somebody has the job
            21 ann delivers 1 | [20.001] #1 lapsed for ann; [20.001] 100 ann's stake>burned (forfeit#1); [20.001] #1 to nobody; refused: the job is not allocated yet
            22 ann asks at 10 within 60 | refused: a stake of 100 is needed
            32 bob asks at 30 within 3 |
            33 bob asks at 30 within 1000 | refused: done before
            45 bob delivers 1 | refused: the job is not allocated yet
            50 - ticks |
            51 - ticks | [50.001] 60 escrow#1>req (refund); [50.001] #1 unproven
            200 - ticks |
        "#]],
    );
}

// ---------------------------------------------------------------------------------- by brute force

/// The highest that anybody may ask, and the least that a job may be worth.
const RESERVE: u32 = 50;

/// A job or a prover of the oracle: it is there at the ticks after `from` up to `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct There {
    from: u32,
    to: u32,
    /// A job's value, or twice what a prover asks.
    worth: u32,
}

impl There {
    fn is_at(&self, tick: u32) -> bool {
        self.from < tick && tick <= self.to
    }
}

/// Who has which job: the rule, written down once more in the plainest way.
fn matched(jobs: &[There], provers: &[There]) -> BTreeMap<usize, usize> {
    let mut won = BTreeMap::new();
    for tick in 1..=9 {
        loop {
            let waits = |job: &usize| jobs[*job].is_at(tick) && won.values().all(|it| it != job);
            let first = |best: usize, next: usize| {
                if jobs[next].worth > jobs[best].worth { next } else { best }
            };
            let job = (0..jobs.len()).filter(waits).reduce(first);
            let is_free = |it: &usize| provers[*it].is_at(tick) && !won.contains_key(it);
            let cheapest = |best: usize, next: usize| {
                if provers[next].worth < provers[best].worth { next } else { best }
            };
            let prover = (0..provers.len()).filter(is_free).reduce(cheapest);
            let (Some(job), Some(prover)) = (job, prover) else { break };
            if provers[prover].worth > 2 * jobs[job].worth {
                break;
            }
            won.insert(prover, job);
        }
    }
    won
}

/// The highest price at which a prover still has some job: prices are tried from the reserve down, half a unit
/// below each whole one, so that nobody asks the same.
fn critical(jobs: &[There], provers: &[There], of: usize) -> u32 {
    let wins = |price: &u32| {
        let mut provers = provers.to_vec();
        provers[of].worth = 2 * price - 1;
        matched(jobs, &provers).contains_key(&of)
    };
    (1..=RESERVE).rev().find(wins).unwrap_or(0)
}

/// The same chances each time.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, most: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32 % (most + 1)
    }

    /// Some who are there, each with a worth from `least` on.
    fn crowd(&mut self, most: u32, (least, more): (u32, u32)) -> Vec<There> {
        let count = 1 + self.up_to(most - 1);
        let one = |_| {
            let from = self.up_to(3);
            There { from, to: from + 1 + self.up_to(2), worth: least + self.up_to(more) }
        };
        (0..count).map(one).collect()
    }
}

/// What provers are paid, and which of them have a job, when `asks` are what they say. Provers' asks come in their order, as
/// they do in the oracle.
fn played(jobs: &[There], asks: &[There]) -> Vec<(u32, bool)> {
    let mut book = Rulebook::new("online-auction-reconstruction", RULES);
    for prover in 0..asks.len() {
        book.play(&format!("0 p{prover} joins stake 100"));
    }
    for tick in 0..=9 {
        for (prover, ask) in asks.iter().enumerate().filter(|(_, ask)| ask.from == tick) {
            let (at, within) = (10 * tick + 5, 10 * (ask.to - ask.from));
            book.play(&format!("{at} p{prover} asks at {} within {within}", ask.worth / 2));
        }
        for (job, wish) in jobs.iter().enumerate().filter(|(_, wish)| wish.from == tick) {
            let (at, number, until) = (10 * tick + 6, 100 * tick as usize + job, 10 * wish.to + 15);
            let row =
                format!("{at} r{job} opens {number} for {} until {until} {CYCLES}", wish.worth);
            book.play(&row);
        }
        book.play(&format!("{} - ticks", 10 * tick + 11));
        for id in book.machine.jobs() {
            for prover in 0..asks.len() {
                let party = book.party(&format!("p{prover}"));
                let stage = book.machine.job(id).map(|job| job.stage.clone());
                if let Some(Stage::Allocated(allocation)) = stage
                    && allocation.holders.iter().any(|holder| holder.party == party)
                {
                    book.play(&format!("{} p{prover} delivers {}", 10 * tick + 11, id.0));
                }
            }
        }
    }
    book.play("1000 - ticks");
    assert_eq!(book.machine.jobs(), Vec::<JobId>::new());
    assert_eq!(book.machine.ledger().balance(Account::Pool), Amount::ZERO);
    let paid_by_jobs: i128 = (0..jobs.len()).map(|job| -book.gain(&format!("r{job}"))).sum();
    let gains = (0..asks.len()).map(|prover| book.gain(&format!("p{prover}")) + 100);
    let gains: Vec<i128> = gains.collect();
    let burned = book.machine.ledger().balance(Account::Burned).get() as i128;
    assert_eq!(paid_by_jobs, gains.iter().sum::<i128>() + burned, "nothing comes from elsewhere");
    let won = paid_by_jobs / i128::from(RESERVE);
    assert_eq!(paid_by_jobs, won * i128::from(RESERVE), "every job pays the reserve");
    gains.iter().map(|gain| (u32::try_from(*gain).unwrap(), *gain > 0)).collect()
}

/// Jobs must open in the order of their numbers, so both sides are sorted by when they come. All asks differ, since of equal
/// ones the critical price says nothing about who wins.
fn instance(seed: u64) -> (Vec<There>, Vec<There>) {
    let mut dice = Dice(seed);
    let (mut jobs, mut provers) = (dice.crowd(4, (RESERVE, 40)), dice.crowd(4, (1, 10)));
    for (place, prover) in provers.iter_mut().enumerate() {
        prover.worth = 2 * (4 * prover.worth + place as u32);
    }
    jobs.sort_by_key(|job| job.from);
    provers.sort_by_key(|prover| prover.from);
    (jobs, provers)
}

/// Who wins, and what each is paid, is what trying every price gives.
#[test]
fn winners_are_paid_the_highest_price_that_wins() {
    let mut late = 0;
    for seed in 0..1_500 {
        let (jobs, provers) = instance(seed);
        let won = matched(&jobs, &provers);
        let due = |it: usize| if won.contains_key(&it) { critical(&jobs, &provers, it) } else { 0 };
        let due: Vec<u32> = (0..provers.len()).map(due).collect();
        let paid: Vec<u32> = played(&jobs, &provers).into_iter().map(|(paid, _)| paid).collect();
        assert_eq!(paid, due, "{jobs:?} {provers:?}");
        late += won.keys().filter(|it| pays_more_later(&jobs, &provers, **it)).count();
    }
    assert!(late > 100, "only {late} were worth more later than when they won");
}

/// Whether a prover that leaves right after its first tick is paid less for it.
fn pays_more_later(jobs: &[There], provers: &[There], of: usize) -> bool {
    let mut shorter = provers.to_vec();
    shorter[of].to = shorter[of].from + 1;
    critical(jobs, &shorter, of) < critical(jobs, provers, of)
}

/// Nobody gains by another price, nor by coming later or leaving earlier than it could, whatever the others do.
#[test]
fn no_lie_about_price_or_time_pays() {
    for seed in 2_000..2_200 {
        let (jobs, provers) = instance(seed);
        let honest = played(&jobs, &provers);
        for (of, truth) in provers.iter().enumerate() {
            let gain = |(paid, won): (u32, bool)| {
                i64::from(paid) - if won { i64::from(truth.worth / 2) } else { 0 }
            };
            assert!(gain(honest[of]) >= 0, "{of} loses by the truth: {jobs:?} {provers:?}");
            let windows = (truth.from..truth.to)
                .flat_map(|from| (from + 1..=truth.to).map(move |to| (from, to)));
            for (from, to) in windows {
                // Half of the prices are tried with each window.
                for price in (1 + (from + to) % 2..=RESERVE).step_by(7).chain([truth.worth / 2]) {
                    let mut lies = provers.clone();
                    lies[of] = There { from, to, worth: 2 * price };
                    let lied = played(&jobs, &lies)[of];
                    assert!(
                        gain(lied) <= gain(honest[of]),
                        "{of} gains by {:?}: {jobs:?} {provers:?}",
                        lies[of]
                    );
                }
            }
        }
    }
}

/// What the payment answers: two provers are there at the first tick, one of them alone at the second, with a job at each.
/// Paid the price of the tick at which it wins, the cheaper would ask more, lose the first job and have the second at the
/// reserve; or come late. Paid the highest price of its time, it has that for the truth.
#[test]
fn paying_the_price_of_the_winning_tick_would_make_lies_pay() {
    let job = |from| There { from, to: from + 1, worth: 60 };
    let jobs = [job(0), job(1)];
    let gain = |ask: There, pays_window: bool| {
        let provers = [There { from: 0, to: 1, worth: 40 }, ask];
        let mut tick = provers;
        // The tick at which it wins is the first at which it has a job though it leaves right after.
        let wins_by =
            |to: &u32| matched(&jobs, &[provers[0], There { to: *to, ..ask }]).contains_key(&1);
        let at = (ask.from + 1..=ask.to).find(wins_by).unwrap();
        tick[1] = There { from: at - 1, to: at, ..ask };
        critical(&jobs, if pays_window { &provers } else { &tick }, 1)
    };
    let truth = There { from: 0, to: 2, worth: 20 };
    let [dearer, later] = [There { worth: 60, ..truth }, There { from: 1, ..truth }];
    assert_eq!([truth, dearer, later].map(|ask| gain(ask, false)), [20, 50, 50]);
    assert_eq!([truth, dearer, later].map(|ask| gain(ask, true)), [50, 50, 50]);
    let paid = |ask: There| played(&jobs, &[There { from: 0, to: 1, worth: 40 }, ask])[1].0;
    assert_eq!([truth, dearer, later].map(paid), [50, 50, 50]);
}
