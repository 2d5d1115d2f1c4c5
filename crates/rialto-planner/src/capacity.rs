//! One model of capacity, for what may be promised and for what is proven next.
//!
//! The prover works in `lanes`; a proof that has begun runs to its end; whenever a lane is free,
//! the waiting job with the nearest due time starts. The list of jobs is ordered once, so shorter
//! proofs than estimated never start another one later than the schedule says: promises that hold
//! on the estimates hold whenever no proof takes longer than its estimate.

use rialto_protocol::RequestDigest;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// One proof to be made. Times count from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// The order.
    pub digest: RequestDigest,
    /// How much longer it takes.
    pub left: Duration,
    /// By when it has to be finished.
    pub due: Duration,
    /// Whether it has a lane.
    pub is_running: bool,
}

/// When one job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The job.
    pub job: Job,
    /// When it has a lane.
    pub starts: Duration,
    /// When it is finished.
    pub ends: Duration,
}

impl Slot {
    /// Whether it is finished after it is due.
    pub fn is_late(&self) -> bool {
        self.ends > self.job.due
    }
}

/// Jobs in the order of their start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    lanes: usize,
    slots: Vec<Slot>,
}

impl Schedule {
    /// Running jobs first, then by due time. `lanes` is at least 1.
    pub fn new(lanes: u32, jobs: impl IntoIterator<Item = Job>) -> Self {
        let mut jobs: Vec<_> = jobs.into_iter().collect();
        jobs.sort_by_key(order_of);
        Self::of_sorted(usize::try_from(lanes.max(1)).unwrap_or(usize::MAX), jobs)
    }

    fn of_sorted(lanes: usize, jobs: Vec<Job>) -> Self {
        // The lanes that are busy, by when they are free.
        let mut busy = BinaryHeap::with_capacity(jobs.len().min(lanes));
        let slots = jobs
            .into_iter()
            .map(|job| {
                let starts = if busy.len() < lanes {
                    Duration::ZERO
                } else {
                    let Reverse(free) = busy.pop().expect("there is a lane");
                    if job.is_running { Duration::ZERO } else { free }
                };
                let ends = starts.saturating_add(job.left);
                busy.push(Reverse(ends));
                Slot { job, starts, ends }
            })
            .collect();
        Self { lanes, slots }
    }

    /// The jobs with their times, in the order of their start.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// When the last job is finished.
    pub fn ends(&self) -> Duration {
        self.slots.iter().map(|slot| slot.ends).max().unwrap_or_default()
    }

    /// Whether a job is finished too late.
    pub fn has_late(&self) -> bool {
        self.slots.iter().any(Slot::is_late)
    }

    /// The schedule with one more job.
    pub fn with(&self, job: Job) -> Self {
        let mut jobs: Vec<_> = self.slots.iter().map(|slot| slot.job).collect();
        let at = jobs.partition_point(|other| order_of(other) <= order_of(&job));
        jobs.insert(at, job);
        Self::of_sorted(self.lanes, jobs)
    }

    /// Takes a job on if then every job, it included, is finished in time; otherwise says how
    /// long to wait until it could be taken on, if the jobs end when they should.
    pub fn admit(&mut self, job: Job) -> Result<(), NoRoom> {
        let with = self.with(job);
        if !with.has_late() {
            *self = with;
            return Ok(());
        }
        Err(NoRoom { room_in: self.room_in(job) })
    }

    /// The first end of a job after which `job` would fit among those that are left.
    fn room_in(&self, job: Job) -> Option<Duration> {
        let mut ends: Vec<_> = self.slots.iter().map(|slot| slot.ends).collect();
        ends.sort_unstable();
        ends.dedup();
        // Later than this it could not be finished even alone.
        let latest = job.due.checked_sub(job.left)?;
        ends.into_iter().take_while(|at| *at <= latest).find(|at| {
            let left = self.slots.iter().filter(|slot| slot.ends > *at).map(|slot| Job {
                left: slot.ends - slot.starts.max(*at),
                due: slot.job.due.saturating_sub(*at),
                is_running: slot.starts <= *at,
                ..slot.job
            });
            let then = Job { due: job.due - *at, ..job };
            !Self::of_sorted(self.lanes, left.collect()).with(then).has_late()
        })
    }
}

fn order_of(job: &Job) -> (Reverse<bool>, Duration, RequestDigest) {
    (Reverse(job.is_running), job.due, job.digest)
}

/// A job would make itself or another one late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// How long until there is room, if that is in time.
    pub room_in: Option<Duration>,
}

#[cfg(test)]
mod tests;
