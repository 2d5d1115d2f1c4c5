//! A second, simpler opinion: what was given to whom, what was accepted from whom, and whether it adds up.

use crate::world::Plight;
use rialto_planner::cluster::{JobEnd, JobName, Resources, Stage, TaskKey, Work, WorkerId};
use rialto_protocol::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) violations: Vec<String>,
    proven: u64,
    failed: u64,
    cancelled: u64,
    given: u64,
    accepted: u64,
    refused: u64,
    expired: u64,
    /// Tasks that were with two workers at once.
    helped: u64,
}

impl Report {
    pub(crate) fn add(&mut self, other: &Self) {
        self.proven += other.proven;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.given += other.given;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.expired += other.expired;
        self.helped += other.helped;
    }

    /// A plight that did not happen shows nothing.
    pub(crate) fn assert_saw(&self, plight: Plight) {
        assert!(self.proven > 0 && self.cancelled > 0);
        let loses = !matches!(plight, Plight::Calm | Plight::Poison | Plight::Slow);
        assert!(!loses || self.refused > 0, "nobody was late: {self}");
        let kills = matches!(plight, Plight::Workers | Plight::Storm);
        assert!(!kills || self.expired > 0 && self.helped > 0, "nothing was lost: {self}");
        assert!(plight != Plight::Poison || self.failed > 0, "nothing failed: {self}");
        assert!(plight != Plight::Calm || self.expired == 0, "what was lost? {self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { proven, failed, cancelled, given, accepted, refused, expired, helped, .. } =
            self;
        write!(
            f,
            "{proven} jobs proven, {failed} failed, {cancelled} cancelled; {given} leases, {accepted} results, \
             {refused} refusals, {expired} leases lost, {helped} stragglers helped"
        )
    }
}

/// What a job should come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truth {
    pub(crate) segments: u32,
    /// How many proofs a join takes at level 0, and above.
    pub(crate) arities: (u32, u32),
    /// Whether it can be proven.
    pub(crate) is_sound: bool,
    pub(crate) is_cancelled: bool,
}

#[derive(Debug, Default)]
struct Account {
    accepted: BTreeSet<Work>,
    end: Option<JobEnd>,
}

/// Looks over the coordinator's and the workers' shoulders.
#[derive(Default)]
pub(crate) struct Auditor {
    truths: BTreeMap<JobName, Truth>,
    accounts: BTreeMap<JobName, Account>,
    /// The leases that stand, with their ends.
    leases: BTreeMap<(TaskKey, u32), (WorkerId, Time)>,
    pub(crate) report: Report,
}

impl Auditor {
    pub(crate) fn submitted(&mut self, job: JobName, truth: Truth) {
        self.truths.insert(job, truth);
        self.accounts.insert(job, Account::default());
    }

    pub(crate) fn given(&mut self, key: TaskKey, generation: u32, worker: WorkerId, until: Time) {
        self.report.given += 1;
        let others: Vec<_> =
            self.leases.range((key, 0)..=(key, u32::MAX)).map(|it| it.1.0).collect();
        self.report.helped += u64::from(others.len() == 1);
        self.require(others.len() < 2, || format!("{key:?} is with three"));
        self.require(!others.contains(&worker), || format!("{key:?} is with {worker:?} twice"));
        let latest = self.leases.insert((key, generation), (worker, until));
        self.require(latest.is_none(), || format!("{key:?} has generation {generation} twice"));
        let account = &self.accounts[&key.job];
        let is_over = account.end.is_some() || account.accepted.contains(&key.work);
        self.require(!is_over, || format!("{key:?} is given after its end"));
    }

    pub(crate) fn renewed(&mut self, key: TaskKey, generation: u32, until: Time) {
        match self.leases.get_mut(&(key, generation)) {
            Some((_, end)) => *end = until.max(*end),
            None => {
                self.blame(format!("{key:?}: generation {generation} renewed though it is over"))
            }
        }
    }

    /// The coordinator has looked for leases that are over.
    pub(crate) fn looked(&mut self, now: Time) {
        let before = self.leases.len();
        self.leases.retain(|_, (_, until)| *until >= now);
        self.report.expired += (before - self.leases.len()) as u64;
    }

    pub(crate) fn refused(&mut self) {
        self.report.refused += 1;
    }

    /// A result was accepted.
    pub(crate) fn accepted(&mut self, key: TaskKey, generation: u32, worker: WorkerId) {
        self.report.accepted += 1;
        let lease = self.leases.get(&(key, generation)).copied();
        let is_holder = lease.is_some_and(|(holder, _)| holder == worker);
        self.require(is_holder, || format!("{key:?}: {worker:?} was heard without a lease"));
        let all: Vec<_> = self.leases.range((key, 0)..=(key, u32::MAX)).map(|it| *it.0).collect();
        self.leases.retain(|it, _| !all.contains(it));
        let account = self.accounts.get_mut(&key.job).expect("a job");
        let (is_first, has_ended) = (account.accepted.insert(key.work), account.end.is_some());
        self.require(is_first, || format!("{key:?} has two results"));
        self.require(!has_ended, || format!("{key:?} has a result after its job's end"));
        for child in self.children(key) {
            let is_there = self.accounts[&key.job].accepted.contains(&child);
            self.require(is_there, || format!("{key:?} is done before {child:?}"));
        }
    }

    /// A lease was given back with a failure.
    pub(crate) fn failed(&mut self, key: TaskKey, generation: u32) {
        let lease = self.leases.remove(&(key, generation));
        self.require(lease.is_some(), || format!("{key:?}: a failure was heard without a lease"));
    }

    pub(crate) fn ended(&mut self, job: JobName, end: JobEnd) {
        let truth = self.truths[&job];
        let account = self.accounts.get_mut(&job).expect("a job");
        let first = account.end.replace(end.clone()).is_none();
        let (accepted, needed) = (account.accepted.len(), truth.tasks());
        self.leases.retain(|(key, _), _| key.job != job);
        self.require(first, || format!("{job:?} ends twice"));
        match end {
            JobEnd::Proven(_) => {
                self.report.proven += 1;
                self.require(accepted == needed, || {
                    format!("{job:?}: {accepted} of {needed} tasks")
                });
                self.require(truth.is_sound, || format!("{job:?} cannot be proven, but is"));
            }
            JobEnd::Failed { .. } => {
                self.report.failed += 1;
                self.require(!truth.is_sound, || format!("{job:?} failed: {end:?}"));
            }
            JobEnd::Cancelled => {
                self.report.cancelled += 1;
                self.require(truth.is_cancelled, || format!("{job:?} was not to be cancelled"));
            }
        }
    }

    /// What a worker really does at once.
    pub(crate) fn works(&mut self, worker: WorkerId, taken: Resources, total: Resources) {
        self.require(total.fits(taken), || format!("{worker:?} does more than it can: {taken:?}"));
    }

    /// All has been well for long enough.
    pub(crate) fn finish(mut self) -> Report {
        let open: Vec<_> = self.accounts.iter().filter(|(_, it)| it.end.is_none()).collect();
        let open: Vec<_> =
            open.into_iter().map(|(job, it)| format!("{job:?} is open: {it:?}")).collect();
        open.into_iter().for_each(|it| self.blame(it));
        self.report
    }

    /// What a task waits for, by the levels counted out.
    fn children(&self, key: TaskKey) -> Vec<Work> {
        let truth = self.truths[&key.job];
        let levels = truth.levels();
        let part = |level: usize, index: u32| {
            let (arity, below) = match level {
                0 => (truth.arities.0, truth.segments),
                level => (truth.arities.1, levels[level - 1]),
            };
            let all = 0..below;
            all.filter(move |child| child / arity == index)
        };
        match (key.work, key.work.stage()) {
            (Work::Prove { .. } | Work::Execute, _) => Vec::new(),
            (Work::Join { level: 0, index }, _) => {
                part(0, index).map(|segment| Work::Prove { segment }).collect()
            }
            (Work::Join { level, index }, Stage::Join(_)) => {
                let below = part(usize::from(level), index);
                below.map(|index| Work::Join { level: level - 1, index }).collect()
            }
            (Work::Verify, _) => {
                vec![Work::Join { level: (levels.len() - 1) as u8, index: 0 }]
            }
            other => panic!("a join of another kind: {other:?}"),
        }
    }

    fn require(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.blame(otherwise());
        }
    }

    fn blame(&mut self, what: String) {
        self.report.violations.push(what);
    }
}

impl Truth {
    fn levels(&self) -> Vec<u32> {
        let mut widths = vec![self.segments.div_ceil(self.arities.0)];
        while let Some(width) = widths.last().copied().filter(|width| *width > 1) {
            widths.push(width.div_ceil(self.arities.1));
        }
        widths
    }

    /// Execution, segments, joins and the verification.
    fn tasks(&self) -> usize {
        let joins: u32 = self.levels().iter().sum();
        (1 + self.segments + joins + 1) as usize
    }
}
