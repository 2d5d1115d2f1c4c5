use super::*;
use alloy_primitives::B256;
use expect_test::expect;
use proptest::prelude::*;

fn job(name: u8, left_s: u64, due_s: u64) -> Job {
    Job {
        digest: RequestDigest(B256::repeat_byte(name)),
        left: Duration::from_secs(left_s),
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

/// A prover as the model has it: it knows true times, and starts what `Schedule` puts first.
struct Shop {
    lanes: u32,
    now: Duration,
    /// Remaining true time, whether it runs, the job as it was promised with its absolute due time.
    jobs: Vec<(Duration, bool, Job)>,
}

impl Shop {
    fn schedule(&self, estimate: impl Fn(Duration) -> Duration) -> Schedule {
        let jobs = self.jobs.iter().map(|(left, is_running, job)| Job {
            left: estimate(*left),
            due: job.due.saturating_sub(self.now),
            is_running: *is_running,
            ..*job
        });
        Schedule::new(self.lanes, jobs)
    }

    /// Works until `until`; every job that ends must end in time.
    fn work(&mut self, until: Duration) {
        loop {
            let starting: Vec<_> = self
                .schedule(|left| left)
                .slots()
                .iter()
                .take(self.lanes as usize)
                .map(|slot| slot.job.digest)
                .collect();
            for (_, is_running, job) in &mut self.jobs {
                *is_running |= starting.contains(&job.digest);
            }
            let step = self.jobs.iter().filter(|job| job.1).map(|job| job.0).min();
            let step = step.unwrap_or(Duration::MAX).min(until.saturating_sub(self.now));
            for (left, is_running, _) in &mut self.jobs {
                if *is_running {
                    *left -= step;
                }
            }
            self.now += step;
            for (left, _, job) in &self.jobs {
                assert!(!left.is_zero() || self.now <= job.due, "{job:?} ends at {:?}", self.now);
            }
            let before = self.jobs.len();
            self.jobs.retain(|(left, _, _)| !left.is_zero());
            if self.now == until && self.jobs.len() == before {
                return;
            }
        }
    }
}

proptest! {
    /// Orders come at any time, of any size; proofs take what was estimated. Nothing that
    /// was taken on is ever late, in one lane or several, and whoever is told when there is room
    /// gets it then if nobody else came.
    #[test]
    fn no_promise_is_ever_broken(
        lanes in 1u32..4,
        orders in prop::collection::vec((0u64..30, 1u64..60, 0u64..120), 1..40),
    ) {
        let mut shop = Shop { lanes, now: Duration::ZERO, jobs: Vec::new() };
        for (i, (pause, estimate_s, spare_s)) in orders.iter().enumerate() {
            shop.work(shop.now + Duration::from_secs(*pause));
            let digest = RequestDigest(B256::left_padding_from(&[i as u8 + 1]));
            let left = Duration::from_secs(*estimate_s);
            let due = left + Duration::from_secs(*spare_s);
            let job = Job { digest, left, due, is_running: false };
            let admitted = shop.schedule(|left| left).admit(job);
            if let Err(NoRoom { room_in: Some(wait) }) = admitted {
                let mut later = Shop { lanes, now: shop.now, jobs: shop.jobs.clone() };
                later.work(shop.now + wait);
                let job = Job { due: due - wait, ..job };
                prop_assert_eq!(later.schedule(|left| left).admit(job), Ok(()));
            }
            if admitted.is_ok() {
                shop.jobs.push((left, false, Job { due: shop.now + due, ..job }));
            }
        }
        shop.work(shop.now + Duration::from_secs(10_000));
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
            if schedule.admit(Job { digest, left, due, is_running: false }).is_ok() {
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
