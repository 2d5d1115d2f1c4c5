//! One model of capacity, for what may be promised and for what is proven next.
//!
//! The prover works in `lanes`; a proof that has begun runs to its end; whenever a lane is free,
//! the waiting job with the nearest due time has it, and if that cannot begin yet the lane waits for it. The
//! list of jobs is ordered once, so a proof that ends sooner or begins sooner than expected never starts another one
//! later than the schedule says: promises that hold on the estimates hold whenever no proof takes
//! longer than its estimate. Where waiting would be idle, [`Schedule::starts`] lets others go first.
//!
//! A proof now and then takes longer than its estimate. What is taken on leaves each job its `spare`,
//! so that one proof that does is not late; what has been taken on may use it up.

use rialto_protocol::RequestDigest;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// One proof to be made. Times count from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// The order.
    pub digest: RequestDigest,
    /// When it can begin at the earliest: a lock may still be on its way.
    pub ready: Duration,
    /// How much longer it takes.
    pub left: Duration,
    /// How much longer than that it may take if it takes as long as any.
    pub spare: Duration,
    /// By when it has to be finished.
    pub due: Duration,
    /// Whether it has a lane.
    pub is_running: bool,
}

impl Job {
    /// The time that must be left until it is due for it to be taken on, even alone.
    pub(crate) fn needed(&self) -> Duration {
        self.ready.saturating_add(self.left).saturating_add(self.spare)
    }
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
                let free = if busy.len() < lanes {
                    Duration::ZERO
                } else {
                    let Reverse(free) = busy.pop().expect("there is a lane");
                    free
                };
                let starts = if job.is_running { Duration::ZERO } else { free.max(job.ready) };
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

    /// Takes a job on if then every job, it included, is finished in time with its spare left, or
    /// at least no later than without it; otherwise says how long to wait until it could be taken on, if the jobs
    /// end when they should.
    ///
    /// # Errors
    /// There is no room for it now.
    pub fn admit(&mut self, job: Job) -> Result<(), NoRoom> {
        let with = self.with(job);
        if with.keeps(self) {
            *self = with;
            return Ok(());
        }
        Err(NoRoom { room_in: self.room_in(job) })
    }

    /// Whether nobody is late, and nobody's spare is touched by what `before` did not have.
    fn keeps(&self, before: &Self) -> bool {
        self.slots.iter().all(|slot| {
            let is_kept = slot.ends.saturating_add(slot.job.spare) <= slot.job.due;
            let is_delayed = || {
                let was = before.slots.iter().find(|it| it.job.digest == slot.job.digest);
                was.is_none_or(|was| slot.ends > was.ends)
            };
            is_kept || !slot.is_late() && !is_delayed()
        })
    }

    /// The first end of a job after which `job` would fit among those that are left.
    fn room_in(&self, job: Job) -> Option<Duration> {
        let mut ends: Vec<_> = self.slots.iter().map(|slot| slot.ends).collect();
        ends.sort_unstable();
        ends.dedup();
        // Later than this it could not be finished even alone.
        let latest = job.due.checked_sub(job.needed())?;
        ends.into_iter().take_while(|at| *at <= latest).find(|at| {
            let left = self.slots.iter().filter(|slot| slot.ends > *at).map(|slot| Job {
                ready: slot.job.ready.saturating_sub(*at),
                left: slot.ends - slot.starts.max(*at),
                due: slot.job.due.saturating_sub(*at),
                is_running: slot.starts <= *at,
                ..slot.job
            });
            let then = Job { due: job.due - *at, ..job };
            let before = Self::of_sorted(self.lanes, left.collect());
            before.with(then).keeps(&before)
        })
    }

    /// Which of the jobs that are `able` begin now: those whose turn it is and, in lanes that would
    /// wait for one that cannot begin yet, those that make nobody late. Who is neither able nor still to
    /// come has no claim to a lane.
    pub fn starts(&self, able: impl Fn(RequestDigest) -> bool) -> Vec<RequestDigest> {
        let able = |job: &Job| job.ready.is_zero() && able(job.digest);
        let mut schedule = self.clone();
        let mut starting = Vec::new();
        while let Some((digest, begun)) = schedule.next_start(able) {
            starting.push(digest);
            schedule = begun;
        }
        starting
    }

    /// The next job to begin now, and the schedule in which it has.
    fn next_start(&self, able: impl Fn(&Job) -> bool) -> Option<(RequestDigest, Self)> {
        let running = self.slots.iter().filter(|slot| slot.job.is_running).count();
        if running >= self.lanes {
            return None;
        }
        let waiting = self.slots.iter().filter(|slot| !slot.job.is_running && able(&slot.job));
        waiting.map(|slot| (slot, self.with_running(slot.job.digest))).find_map(|(slot, begun)| {
            let claims = |it: &&Slot| able(&it.job) || !it.job.ready.is_zero();
            let was_late = |job: &Job| self.slots.iter().any(|it| it.job == *job && it.is_late());
            let mut late = begun.slots.iter().filter(claims).filter(|it| it.is_late());
            let hurts = late.any(|it| !was_late(&it.job));
            (slot.starts.is_zero() || !hurts).then_some((slot.job.digest, begun))
        })
    }

    fn with_running(&self, digest: RequestDigest) -> Self {
        let mut jobs: Vec<_> = self.slots.iter().map(|slot| slot.job).collect();
        jobs.iter_mut().for_each(|job| job.is_running |= job.digest == digest);
        jobs.sort_by_key(order_of);
        Self::of_sorted(self.lanes, jobs)
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
