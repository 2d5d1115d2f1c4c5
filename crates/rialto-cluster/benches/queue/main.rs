//! What the queue and its coordinator take of their own, with workers in the same process that compute nothing.
//!
//! Every round is a transaction on a real database: a SQLite file or a PostgreSQL server of the measurement's
//! own, as durable as in use. Arguments choose what is measured; none is everything.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no other outcome")]

mod hall;
mod hand;
#[path = "../../tests/it/postgres.rs"]
mod postgres;

use hall::{Hall, Kind};
use hand::{Hand, Hands, Pace};
use rialto_cluster::wire::LeaseName;
use rialto_cluster::wire::Word;
use rialto_zkvm::JobId;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

#[tokio::main]
async fn main() {
    let chosen: Vec<_> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let is_chosen = |what: &str| chosen.is_empty() || chosen.iter().any(|it| it == what);
    if is_chosen("rate") {
        for kind in KINDS {
            rate(kind).await;
        }
    }
    if is_chosen("latency") {
        for kind in KINDS {
            latency(kind).await;
        }
    }
    if is_chosen("completion") {
        for kind in KINDS {
            completion(kind).await;
        }
    }
    if is_chosen("memory") {
        memory().await;
    }
    if is_chosen("recovery") {
        for kind in KINDS {
            restart(kind).await;
            lost_worker(kind).await;
        }
    }
    if is_chosen("scaling") {
        scaling().await;
    }
}

/// Tasks that take no time, as fast as they go.
async fn rate(kind: Kind) {
    let mut hall = Hall::new(kind).await;
    let hands = Hands::new(&hall, 16, 64, Pace::NONE).await;
    let begun = Instant::now();
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(hall.order(10_000).await);
    }
    for job in jobs {
        hall.ended(job).await;
    }
    let took = begun.elapsed();
    let made = hands.seen.lock().unwrap().made;
    let rate = made as f64 / took.as_secs_f64();
    println!("{kind:?}: {made} tasks that do nothing, 16 workers of 64 places, 4 jobs");
    println!("  tasks a second                                {rate:>10.0}");
}

/// Half-busy workers, and jobs that come while they wait.
async fn latency(kind: Kind) {
    let mut hall = Hall::new(kind).await;
    let pace = Pace { segment: Duration::from_millis(40), other: Duration::from_millis(1) };
    let hands = Hands::new(&hall, 8, 2, pace).await;
    let mut first_tasks = Vec::new();
    for _ in 0..200 {
        let before = hands.seen.lock().unwrap().executions.len();
        let submitted = Instant::now();
        let job = hall.order(1).await;
        hall.ended(job).await;
        let had = hands.seen.lock().unwrap().executions[before];
        first_tasks.push(had - submitted);
    }
    hands.seen.lock().unwrap().waits.clear();
    let job = hall.order(4_000).await;
    hall.ended(job).await;
    let waits = std::mem::take(&mut hands.seen.lock().unwrap().waits);
    println!("{kind:?}: 8 workers of 2 places, 40 ms a segment");
    print_times("  a job is submitted, a waiting worker has its first task", first_tasks);
    print_times("  a result is said, the worker has its next task", waits);
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    println!("{what:<60} p50 {:>7.2} ms  p99 {:>7.2} ms  of {}", at(50), at(99), times.len());
}

/// One worker that says one result at a time.
async fn completion(kind: Kind) {
    println!("{kind:?}: one result said and the next task had, by one worker");
    for segments in [100, 100_000] {
        let mut hall = Hall::new(kind).await;
        let hand = Hand::new(&hall, "one", 1).await;
        hall.order(segments).await;
        let mut has = hand.ask(Vec::new(), Vec::new()).await.unwrap().begin;
        let mut times = Vec::new();
        while times.len() < 80 {
            let task = has.remove(0);
            let leases: Vec<_> = std::iter::once(&task).chain(&has).map(|it| it.lease).collect();
            let (words, begun) = (hand.words(&task).await, Instant::now());
            let is_result = words.len() == 1;
            has.extend(hand.ask(leases, words).await.unwrap().begin);
            if is_result {
                times.push(begun.elapsed());
            }
        }
        print_times(&format!("  in a job of {segments} segments"), times);
    }
}

/// What the whole process takes at most, workers included, beyond what it took before.
async fn memory() {
    println!(
        "Sqlite: memory of the process at its peak during a job, 16 workers of 8 places included"
    );
    for segments in [1_000, 50_000] {
        let mut hall = Hall::new(Kind::Sqlite).await;
        let _hands = Hands::new(&hall, 16, 8, Pace::NONE).await;
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let job = hall.order(segments).await;
        hall.ended(job).await;
        let peak_mib = peak_kib() as f64 / 1024.0;
        println!("  {segments:>6} segments {peak_mib:>8.1} MiB");
    }
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A coordinator that is gone and another in its place, while 1,000 tasks are in hand.
async fn restart(kind: Kind) {
    let mut hall = Hall::new(kind).await;
    let (job, mut hands, mut in_hand) = thousand_in_hand(&mut hall).await;
    // Some results are in before.
    for (hand, leases) in hands.iter().zip(&mut in_hand).take(10) {
        say_one(hand, leases).await;
    }
    let begun = Instant::now();
    hall.restart().await;
    let mut answers = 0;
    let mut first_new = None;
    for (hand, leases) in hands.iter_mut().zip(&mut in_hand) {
        hand.line = hall.coordinator.clone();
        say_one(hand, leases).await;
        answers += 1;
        first_new.get_or_insert_with(|| begun.elapsed());
    }
    let all = begun.elapsed();
    println!("{kind:?}: the coordinator restarted with 1000 tasks in hand");
    println!(
        "  a worker has its next task after     {:>8.0} ms",
        first_new.unwrap().as_secs_f64() * 1e3
    );
    println!("  all {answers} workers, one after another   {:>8.0} ms", all.as_secs_f64() * 1e3);
    for (hand, leases) in hands.iter().zip(&mut in_hand) {
        while !hall.progress(job).await.1 && !leases.is_empty() {
            say_one(hand, leases).await;
        }
    }
    println!("  results that were heard twice        {:>8}", heard_twice(&hall, job).await);
}

async fn thousand_in_hand(hall: &mut Hall) -> (JobId, Vec<Hand>, Vec<Vec<LeaseName>>) {
    let mut hands = Vec::new();
    for number in 0..50 {
        hands.push(Hand::new(hall, &format!("hand {number}"), 19).await);
    }
    let job = hall.order(1_200).await;
    let execute = hands[0].ask(Vec::new(), Vec::new()).await.unwrap().begin.remove(0);
    let words = hands[0].words(&execute).await;
    let mut in_hand = Vec::new();
    let begin = hands[0].ask(vec![execute.lease], words).await.unwrap().begin;
    in_hand.push(begin.iter().map(|it| it.lease).collect::<Vec<_>>());
    for hand in &hands[1..] {
        let begin = hand.ask(Vec::new(), Vec::new()).await.unwrap().begin;
        in_hand.push(begin.iter().map(|it| it.lease).collect());
    }
    let count: usize = in_hand.iter().map(Vec::len).sum();
    assert_eq!(count, 1_000, "so many are measured");
    (job, hands, in_hand)
}

/// Says the result of its first task, and takes what it gets.
async fn say_one(hand: &Hand, leases: &mut Vec<LeaseName>) {
    let word = Word { lease: leases[0], said: hand.made() };
    let answer = hand.ask(leases.clone(), vec![word]).await.unwrap();
    leases.remove(0);
    leases.retain(|lease| !answer.stop.contains(lease));
    leases.extend(answer.begin.iter().map(|it| it.lease));
}

/// Of all results that the queue tells of, how many it tells of again.
async fn heard_twice(hall: &Hall, job: JobId) -> usize {
    let (mut after, mut works, mut twice) = (0, BTreeSet::new(), 0);
    loop {
        let events = hall.coordinator.events(Some(job), after, 1_000).await.unwrap();
        let Some(last) = events.last() else { return twice };
        after = last.seq;
        for event in events.iter().filter(|it| it.what == "made") {
            twice += usize::from(!works.insert(event.work));
        }
    }
}

/// A worker takes a task and is not heard of again, while another waits.
async fn lost_worker(kind: Kind) {
    let mut hall = Hall::new(kind).await;
    let lost = Hand::new(&hall, "lost", 1).await;
    hall.order(1).await;
    let task = lost.ask(Vec::new(), Vec::new()).await.unwrap().begin.remove(0);
    let begun = Instant::now();
    let other = Hand::new(&hall, "other", 1).await;
    loop {
        let answer = other.ask(Vec::new(), Vec::new()).await.unwrap();
        if answer.begin.iter().any(|it| it.lease.work == task.lease.work) {
            break;
        }
    }
    println!("{kind:?}: a worker is lost, leases of 3 s");
    println!(
        "  another has its task after           {:>8.0} ms",
        begun.elapsed().as_secs_f64() * 1e3
    );
}

/// Workers of one place, whose segments take 200 ms of the clock and nothing of the machine.
async fn scaling() {
    println!("Sqlite: 240 segments of 200 ms, joins of 1 ms");
    let pace = Pace { segment: Duration::from_millis(200), other: Duration::from_millis(1) };
    let mut alone = None;
    for count in [1, 2, 4, 8] {
        let mut hall = Hall::new(Kind::Sqlite).await;
        let _hands = Hands::new(&hall, count, 1, pace).await;
        let begun = Instant::now();
        let job = hall.order(240).await;
        hall.ended(job).await;
        let took = begun.elapsed().as_secs_f64();
        let share = *alone.get_or_insert(took) / took / f64::from(count) * 100.0;
        println!("  {count} workers {took:>8.2} s  {share:>6.1} % of {count} times one");
    }
}
