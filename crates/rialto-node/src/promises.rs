//! What all venues of a process have promised of the one prover.
//!
//! Invariant: venues plan one after the other, each with what the others have promised, so that
//! together they promise no more than the prover can do.

use rialto_planner::{Job, Plan};
use rialto_protocol::RequestDigest;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// The promises of a process, by venue.
#[derive(Clone, Debug, Default)]
pub struct Promises(Arc<Mutex<Board>>);

#[derive(Debug, Default)]
struct Board {
    seats: u64,
    promised: BTreeMap<u64, Promised>,
}

#[derive(Debug)]
struct Promised {
    at: Instant,
    jobs: Vec<Job>,
}

/// The place of one venue among the others; what it has promised goes with it.
#[derive(Debug)]
pub(crate) struct Seat {
    board: Promises,
    number: u64,
}

impl Promises {
    pub(crate) fn join(&self) -> Seat {
        let mut board = self.lock();
        board.seats += 1;
        Seat { board: self.clone(), number: board.seats }
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Plans with what the others have promised and keeps what the plan promises of `own` orders.
    pub(crate) fn plan(
        &self,
        is_own: impl Fn(RequestDigest) -> bool,
        decide: impl FnOnce(&[Job]) -> Plan,
    ) -> Plan {
        let mut board = self.board.lock();
        let now = Instant::now();
        let others = board.promised.iter().filter(|(number, _)| **number != self.number);
        let elsewhere: Vec<Job> = others.flat_map(|(_, promised)| promised.aged(now)).collect();
        let plan = decide(&elsewhere);
        let jobs = plan.load.schedule.slots().iter().map(|slot| slot.job);
        let jobs = jobs.filter(|job| is_own(job.digest)).collect();
        board.promised.insert(self.number, Promised { at: now, jobs });
        plan
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.board.lock().promised.remove(&self.number);
    }
}

impl Promised {
    /// As they are by now, if all goes as estimated.
    fn aged(&self, now: Instant) -> impl Iterator<Item = Job> + '_ {
        let age = now.saturating_duration_since(self.at);
        self.jobs.iter().map(move |job| Job {
            ready: job.ready.saturating_sub(age),
            left: if job.is_running { job.left.saturating_sub(age) } else { job.left },
            due: job.due.saturating_sub(age),
            ..*job
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_planner::{Breaker, Load, Schedule};
    use rialto_protocol::Collateral;
    use std::time::Duration;

    fn job(byte: u8, is_running: bool) -> Job {
        let digest = RequestDigest([byte; 32].into());
        let s = Duration::from_secs;
        Job { digest, ready: s(0), left: s(40), spare: s(0), due: s(100), is_running }
    }

    fn promising(jobs: Vec<Job>) -> Plan {
        let schedule = Schedule::new(1, jobs);
        let load = Load {
            promised: 0,
            owed: 0,
            stake_at_risk: Collateral::ZERO,
            busy_for: schedule.ends(),
            is_behind: false,
            breaker: Breaker::Closed,
            schedule,
        };
        Plan { steps: vec![], seals: vec![], deliveries: vec![], cancels: vec![], load }
    }

    #[tokio::test(start_paused = true)]
    async fn each_plans_with_what_the_others_promised_until_they_leave() {
        let promises = Promises::default();
        let (first, second) = (promises.join(), promises.join());
        let own = [job(1, true), job(2, false)];
        first.plan(
            |_| true,
            |elsewhere| {
                assert!(elsewhere.is_empty());
                promising(own.to_vec())
            },
        );
        tokio::time::advance(Duration::from_secs(30)).await;
        let seen = |elsewhere: &[Job]| -> Vec<(u64, u64)> {
            elsewhere.iter().map(|job| (job.left.as_secs(), job.due.as_secs())).collect()
        };
        second.plan(
            |digest| digest == job(3, false).digest,
            |elsewhere| {
                assert_eq!(seen(elsewhere), [(10, 70), (40, 70)]);
                promising([elsewhere, &[job(3, false)]].concat())
            },
        );
        first.plan(
            |_| true,
            |elsewhere| {
                assert_eq!(seen(elsewhere), [(40, 100)], "its own are not told back to it");
                promising(vec![])
            },
        );
        drop(second);
        first.plan(
            |_| true,
            |elsewhere| {
                assert!(elsewhere.is_empty());
                promising(vec![])
            },
        );
    }
}
