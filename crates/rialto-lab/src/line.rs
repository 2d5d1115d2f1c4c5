//! A line of jobs before servers: any load, any distribution of service times, copies of a job at once or after a
//! while, and jobs that are given up at their deadline. It is about time alone; no mechanism chooses here.

use crate::Dice;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// How long a server takes for one copy of a job, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Service {
    /// Memoryless, with this mean.
    Exponential {
        /// The mean.
        mean_s: f64,
    },
    /// Lognormal.
    Lognormal {
        /// The median.
        median_s: f64,
        /// The deviation of the logarithm.
        deviation: f64,
    },
}

/// Jobs that come at random before servers that take the oldest first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// How many servers.
    pub servers: usize,
    /// Jobs a second, at random: the times between them are exponential.
    pub arrivals_per_s: f64,
    /// How long a copy takes.
    pub service: Service,
    /// Copies of a job that are handed in at once; the first to be done counts, and the others are dropped then.
    pub copies: u32,
    /// After how many seconds one more copy is handed in, if the job is not done by then.
    pub hedge_s: Option<f64>,
    /// Within how many seconds a job is on time.
    pub deadline_s: f64,
    /// Whether a job is dropped when it is late.
    pub abandons: bool,
}

/// What became of the jobs of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Jobs that were looked at.
    pub jobs: u64,
    /// Of these, how many had to wait for a server.
    pub waited: u64,
    /// How many were done by their deadline.
    pub on_time: u64,
}

/// What is due at an instant, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Ends { copy: usize },
    Hedges { job: usize },
    Expires { job: usize },
    Arrives,
}

/// A job that has come.
#[derive(Debug)]
struct Job {
    arrived: u64,
    is_over: bool,
    /// Its copies that a server works on.
    copies: Vec<usize>,
}

/// A line at work.
struct Shop<'a> {
    line: &'a Line,
    dice: &'a mut Dice,
    agenda: BinaryHeap<Reverse<(u64, Due)>>,
    now: u64,
    idle: usize,
    /// Copies that wait, as the numbers of their jobs; those of jobs that are over are passed over.
    queue: VecDeque<usize>,
    jobs: Vec<Job>,
    /// The job of each copy that was begun; none once it was dropped.
    copies: Vec<Option<usize>>,
    warm_up: usize,
    served: Served,
}

impl Line {
    /// Serves `jobs` after the first `warm_up`, which are not looked at, and then those that are left.
    pub fn serve(&self, warm_up: usize, jobs: usize, dice: &mut Dice) -> Served {
        let mut shop = Shop {
            line: self,
            dice,
            agenda: BinaryHeap::new(),
            now: 0,
            idle: self.servers,
            queue: VecDeque::new(),
            jobs: Vec::with_capacity(warm_up + jobs),
            copies: Vec::new(),
            warm_up,
            served: Served { jobs: jobs as u64, ..Served::default() },
        };
        shop.next_arrival();
        while let Some(Reverse((at, due))) = shop.agenda.pop() {
            shop.now = at;
            shop.act(due, warm_up + jobs);
        }
        shop.served
    }
}

impl Service {
    fn draw(self, dice: &mut Dice) -> f64 {
        match self {
            Self::Exponential { mean_s } => mean_s * dice.exponential(),
            Self::Lognormal { median_s, deviation } => median_s * (deviation * dice.normal()).exp(),
        }
    }
}

impl Shop<'_> {
    fn plan(&mut self, after_s: f64, due: Due) {
        self.agenda.push(Reverse((self.now + (after_s * 1e9).round() as u64, due)));
    }

    fn next_arrival(&mut self) {
        let after = self.dice.exponential() / self.line.arrivals_per_s;
        self.plan(after, Due::Arrives);
    }

    fn act(&mut self, due: Due, jobs: usize) {
        match due {
            Due::Arrives => {
                self.arrive();
                if self.jobs.len() < jobs {
                    self.next_arrival();
                }
            }
            Due::Ends { copy } => {
                let Some(job) = self.copies[copy] else { return };
                let took = self.now - self.jobs[job].arrived;
                if job >= self.warm_up && took as f64 <= self.line.deadline_s * 1e9 {
                    self.served.on_time += 1;
                }
                self.end(job);
            }
            Due::Hedges { job } if !self.jobs[job].is_over => self.hand_in(job),
            Due::Expires { job } if !self.jobs[job].is_over => self.end(job),
            Due::Hedges { .. } | Due::Expires { .. } => {}
        }
    }

    fn arrive(&mut self) {
        let job = self.jobs.len();
        self.jobs.push(Job { arrived: self.now, is_over: false, copies: Vec::new() });
        if job >= self.warm_up && self.idle == 0 {
            self.served.waited += 1;
        }
        (0..self.line.copies).for_each(|_| self.hand_in(job));
        if let Some(after) = self.line.hedge_s {
            self.plan(after, Due::Hedges { job });
        }
        if self.line.abandons {
            self.plan(self.line.deadline_s, Due::Expires { job });
        }
    }

    fn hand_in(&mut self, job: usize) {
        self.queue.push_back(job);
        self.serve_queue();
    }

    /// Idle servers take what has waited longest.
    fn serve_queue(&mut self) {
        while self.idle > 0
            && let Some(job) = self.queue.pop_front()
        {
            if self.jobs[job].is_over {
                continue;
            }
            self.idle -= 1;
            let copy = self.copies.len();
            self.copies.push(Some(job));
            self.jobs[job].copies.push(copy);
            let takes = self.line.service.draw(self.dice);
            self.plan(takes, Due::Ends { copy });
        }
    }

    /// A job is over; all its copies are dropped.
    fn end(&mut self, job: usize) {
        self.jobs[job].is_over = true;
        for copy in std::mem::take(&mut self.jobs[job].copies) {
            self.copies[copy] = None;
            self.idle += 1;
        }
        self.serve_queue();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(servers: usize, service: Service) -> Line {
        Line {
            servers,
            arrivals_per_s: 1.0,
            service,
            copies: 1,
            hedge_s: None,
            deadline_s: 10.0,
            abandons: false,
        }
    }

    /// A copy that always takes the same time: what is on time follows by hand.
    #[test]
    fn copies_are_dropped_and_late_jobs_given_up() {
        let takes = |median_s| Service::Lognormal { median_s, deviation: 0.0 };
        let serve = |line: Line| line.serve(10, 1_000, &mut Dice::new(1, "line"));
        let enough = serve(line(1_000, takes(10.0)));
        assert_eq!(enough, Served { jobs: 1_000, waited: 0, on_time: 1_000 });
        assert_eq!(serve(line(1_000, takes(10.1))).on_time, 0);
        // Two at once fill two servers, and one at a time is done in half a second: nobody else is held up by the other copy.
        let alone = Line { arrivals_per_s: 0.001, ..line(2, takes(0.5)) };
        assert_eq!(serve(Line { copies: 2, ..alone }).on_time, 1_000);
        // Without dropping, the queue before one slow server only grows.
        let slow = Line { arrivals_per_s: 0.2, ..line(1, takes(9.9)) };
        let (patient, given_up) = (serve(slow), serve(Line { abandons: true, ..slow }));
        assert!(given_up.on_time > 4 * patient.on_time, "{given_up:?} {patient:?}");
    }

    /// With one memoryless server a job waits with the probability of its load.
    #[test]
    fn one_server_is_busy_as_often_as_its_load() {
        let single = Line { arrivals_per_s: 0.5, ..line(1, Service::Exponential { mean_s: 1.0 }) };
        let served = single.serve(1_000, 200_000, &mut Dice::new(2, "line"));
        assert!((served.waited as f64 / 200_000.0 - 0.5).abs() < 0.01, "{served:?}");
    }
}
