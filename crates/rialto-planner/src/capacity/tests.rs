use super::*;
use alloy_primitives::B256;
use expect_test::expect;
use proptest::prelude::*;

fn job(name: u8, left_s: u64, due_s: u64) -> Job {
    Job {
        digest: RequestDigest(B256::repeat_byte(name)),
        ready: Duration::ZERO,
        left: Duration::from_secs(left_s),
        spare: Duration::ZERO,
        due: Duration::from_secs(due_s),
        is_running: false,
    }
}

fn running(name: u8, left_s: u64, due_s: u64) -> Job {
    Job { is_running: true, ..job(name, left_s, due_s) }
}

#[test]
fn the_nearest_due_time_goes_first_and_a_running_job_is_not_stopped() {
    let rows: String = [1, 2]
        .map(|lanes| {
            let jobs = [job(1, 10, 90), job(2, 20, 50), running(3, 5, 99), job(4, 1, 70)];
            let schedule = Schedule::new(lanes, jobs);
            let slots = schedule.slots().iter().map(|slot| {
                format!(" {}: {:?}-{:?}", slot.job.digest.0[0], slot.starts, slot.ends)
            });
            format!("{lanes} lanes:{}\n", slots.collect::<String>())
        })
        .concat();
    expect![[r#"
        1 lanes: 3: 0ns-5s 2: 5s-25s 4: 25s-26s 1: 26s-36s
        2 lanes: 3: 0ns-5s 2: 0ns-20s 4: 5s-6s 1: 6s-16s
    "#]]
    .assert_eq(&rows);
}

#[test]
fn an_order_is_taken_on_only_if_every_promise_still_holds() {
    let schedule = || Schedule::new(1, [running(1, 10, 20), job(2, 10, 25)]);
    let rows: String = [
        ("fits after both", job(3, 10, 40)),
        ("fits between them, but the second would be late", job(3, 10, 22)),
        ("it would be late itself", job(3, 10, 29)),
        ("longer than it may take alone", job(3, 10, 9)),
    ]
    .map(|(what, job)| format!("{what}: {:?}\n", schedule().admit(job)))
    .concat();
    expect![[r#"
        fits after both: Ok(())
        fits between them, but the second would be late: Err(NoRoom { room_in: None })
        it would be late itself: Err(NoRoom { room_in: None })
        longer than it may take alone: Err(NoRoom { room_in: None })
    "#]]
    .assert_eq(&rows);
}

#[test]
fn a_promise_that_no_longer_holds_keeps_others_out_until_it_is_over() {
    let mut behind = Schedule::new(1, [running(1, 10, 5)]);
    let refused = behind.admit(job(2, 1, 1_000));
    assert_eq!(refused, Err(NoRoom { room_in: Some(Duration::from_secs(10)) }));
    assert_eq!(behind.slots().len(), 1);
}

#[test]
fn a_lane_waits_for_a_lock_only_if_others_would_make_it_late() {
    let locking = |due_s| Job { ready: Duration::from_secs(4), ..job(1, 10, due_s) };
    let everybody = |_| true;
    let rows: String = [
        ("there is time for both", Schedule::new(1, [locking(20), job(2, 10, 40)])),
        ("the lock would be late", Schedule::new(1, [locking(19), job(2, 10, 40)])),
        ("another lane is free", Schedule::new(2, [locking(19), job(2, 10, 40)])),
        ("it is late anyway", Schedule::new(1, [locking(9), job(2, 10, 40)])),
        ("a shorter one fits", Schedule::new(1, [locking(15), job(2, 10, 40), job(3, 5, 50)])),
        ("it has landed", Schedule::new(1, [job(1, 10, 19), job(2, 10, 40)])),
    ]
    .map(|(what, schedule)| {
        let begun = schedule.starts(everybody).into_iter().map(|digest| digest.0[0]);
        format!("{what}: {:?}\n", begun.collect::<Vec<_>>())
    })
    .concat();
    expect![[r#"
        there is time for both: [2]
        the lock would be late: []
        another lane is free: [2]
        it is late anyway: [2]
        a shorter one fits: [3]
        it has landed: [1]
    "#]]
    .assert_eq(&rows);
    let resting = Schedule::new(1, [job(1, 10, 11), job(2, 10, 40)]);
    let able = |digest: RequestDigest| digest.0[0] != 1;
    assert_eq!(resting.starts(able), [job(2, 0, 0).digest], "who rests has no claim to the lane");
}

#[test]
fn what_is_taken_on_leaves_everybody_its_spare() {
    let spare = Duration::from_secs(5);
    let schedule = || Schedule::new(1, [Job { spare, ..job(1, 10, 30) }]);
    let rows: String = [
        ("before it, with its spare left", job(2, 15, 20)),
        ("before it, into its spare", job(2, 16, 20)),
        ("behind it, without regard to its spare", job(2, 10, 40)),
        ("it would itself have no spare", Job { spare, ..job(2, 18, 31) }),
    ]
    .map(|(what, job)| format!("{what}: {:?}\n", schedule().admit(job).is_ok()))
    .concat();
    expect![[r#"
        before it, with its spare left: true
        before it, into its spare: false
        behind it, without regard to its spare: true
        it would itself have no spare: false
    "#]]
    .assert_eq(&rows);
    // A spare that is used up keeps nobody out who does not touch it.
    let mut slow = Schedule::new(1, [Job { spare, ..running(1, 8, 10) }]);
    assert_eq!(slow.admit(job(2, 10, 40)), Ok(()));
}

/// A prover as the model has it: it knows true times but for locks on their way, and starts what
/// `Schedule` says. All times of its jobs are absolute.
#[derive(Clone)]
struct Shop {
    lanes: u32,
    now: Duration,
    jobs: Vec<Work>,
}

#[derive(Clone, Copy, Debug)]
struct Work {
    left: Duration,
    is_running: bool,
    /// When its lock lands, which is when it is expected at the latest.
    lands: Duration,
    job: Job,
}

impl Shop {
    fn schedule(&self) -> Schedule {
        let jobs = self.jobs.iter().map(|work| Job {
            ready: if work.lands <= self.now {
                Duration::ZERO
            } else {
                work.job.ready.saturating_sub(self.now)
            },
            left: work.left,
            due: work.job.due.saturating_sub(self.now),
            is_running: work.is_running,
            ..work.job
        });
        Schedule::new(self.lanes, jobs)
    }

    /// Works until `until`; every job that ends must end in time.
    fn work(&mut self, until: Duration) {
        loop {
            let starting = self.schedule().starts(|_| true);
            for work in &mut self.jobs {
                work.is_running |= starting.contains(&work.job.digest);
            }
            let ends = self.jobs.iter().filter(|work| work.is_running).map(|work| work.left);
            let lands = self.jobs.iter().map(|work| work.lands.saturating_sub(self.now));
            let next = ends.chain(lands.filter(|lands| !lands.is_zero())).min();
            let step = next.unwrap_or(Duration::MAX).min(until.saturating_sub(self.now));
            for work in self.jobs.iter_mut().filter(|work| work.is_running) {
                work.left -= step;
            }
            self.now += step;
            for work in self.jobs.iter().filter(|work| work.left.is_zero()) {
                assert!(self.now <= work.job.due, "{work:?} ends at {:?}", self.now);
            }
            let before = self.jobs.len();
            self.jobs.retain(|work| !work.left.is_zero());
            // Where one has ended, the next begins at once.
            if self.now == until && self.jobs.len() == before {
                return;
            }
        }
    }
}

proptest! {
    /// Orders come at any time, of any size; proofs take what was estimated, locks land when they are
    /// expected or sooner. Nothing that was taken on is ever late, in one lane or several, and whoever is
    /// told when there is room gets it then if nobody else came and no lock is on its way.
    #[test]
    fn no_promise_is_ever_broken(
        lanes in 1u32..4,
        orders in prop::collection::vec((0u64..30, 1u64..60, 0u64..120, 0u64..20, 0u64..=100), 1..40),
    ) {
        let mut shop = Shop { lanes, now: Duration::ZERO, jobs: Vec::new() };
        let s = Duration::from_secs;
        for (i, (pause, estimate_s, slack_s, lock_s, percent)) in orders.iter().enumerate() {
            shop.work(shop.now + s(*pause));
            let digest = RequestDigest(B256::left_padding_from(&[i as u8 + 1]));
            let (ready, left, spare) = (s(*lock_s), s(*estimate_s), s(slack_s / 4));
            let due = ready + left + s(*slack_s);
            let job = Job { digest, ready, left, spare, due, is_running: false };
            let admitted = shop.schedule().admit(job);
            let is_settled = shop.jobs.iter().all(|work| work.lands <= shop.now);
            if let Err(NoRoom { room_in: Some(wait) }) = admitted && is_settled {
                let mut later = shop.clone();
                later.work(shop.now + wait);
                let job = Job { due: due - wait, ..job };
                prop_assert_eq!(later.schedule().admit(job), Ok(()));
            }
            if admitted.is_ok() {
                let lands = shop.now + ready * u32::try_from(*percent).unwrap() / 100;
                let job = Job { ready: shop.now + ready, due: shop.now + due, ..job };
                shop.jobs.push(Work { left, is_running: false, lands, job });
            }
        }
        shop.work(shop.now + s(10_000));
        prop_assert!(shop.jobs.is_empty());
    }

    /// The same when proofs end sooner than estimated: the schedule knows estimates only.
    #[test]
    fn proofs_that_end_early_hurt_nobody(
        lanes in 1u32..4,
        orders in prop::collection::vec((1u64..60, 0u64..120, 1u64..=100), 1..30),
    ) {
        let mut schedule = Schedule::new(lanes, []);
        let mut truth = Vec::new();
        for (i, (estimate_s, spare_s, percent)) in orders.iter().enumerate() {
            let digest = RequestDigest(B256::left_padding_from(&[i as u8 + 1]));
            let left = Duration::from_secs(*estimate_s);
            let due = left + Duration::from_secs(*spare_s);
            let job = Job { digest, left, due, ..job(0, 0, 0) };
            if schedule.admit(job).is_ok() {
                truth.push((digest, left * u32::try_from(*percent).unwrap() / 100));
            }
        }
        let shorter = schedule.slots().iter().map(|slot| {
            let left = truth.iter().find(|(digest, _)| *digest == slot.job.digest).unwrap().1;
            Job { left, ..slot.job }
        });
        prop_assert!(!Schedule::new(lanes, shorter).has_late());
    }
}
