//! All jobs and tasks of a cluster: the rule book that a queue in a database follows row by row.

use super::shape::{Shape, Work};
use super::task::{
    Event, Fault, Generation, Lease, Rejected, Retry, Task, TaskState, Turn, WorkerId,
};
use alloy_primitives::B256;
use rialto_protocol::{Time, Wei};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

/// Names a job by what is proven: program, input and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobName(pub B256);

/// Whoever has jobs done, and has a share of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(pub u64);

/// What is known of a job before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobSpec {
    /// How proofs of segments become one.
    pub shape: Shape,
    /// The most segments that an execution within the job's limits can have. A worker that speaks of more is not heard.
    pub segments_max: NonZeroU32,
    /// Whose it is.
    pub tenant: TenantId,
    /// When the proof has to be there.
    pub due: Time,
    /// What the proof is worth; between jobs that are due at once.
    pub value: Wei,
}

/// One task of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKey {
    /// The job.
    pub job: JobName,
    /// Which of its tasks.
    pub work: Work,
}

/// What a worker shows with whatever it says of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// The task.
    pub key: TaskKey,
    /// Who speaks, by what the connection proves and not by what is said.
    pub worker: WorkerId,
    /// Under which of the task's leases.
    pub generation: Generation,
}

/// What a worker says of its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It goes on; the lease shall stand until then.
    Alive(Time),
    /// An execution has found this many segments so far, which can be proven already.
    Found(u32),
    /// An execution has ended: so many segments, and its journal.
    Executed(NonZeroU32, B256),
    /// Any other task has its result.
    Made(B256),
    /// There is no result.
    Failed(Fault),
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// With a proof that was verified.
    Proven(B256),
    /// One of its tasks failed for good.
    Failed {
        /// Which.
        work: Work,
        /// By whom and how, in order.
        failures: Vec<(WorkerId, Fault)>,
    },
    /// Nobody wants it any more.
    Cancelled,
}

/// What has become different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A task can begin from then on.
    Ready(TaskKey, Time),
    /// A job has ended; none of its tasks is known any more. Whoever still works on one is to stop.
    Ended(JobName, JobEnd),
}

/// A job that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What was asked for.
    pub spec: JobSpec,
    /// How many segments are known.
    pub found: u32,
    /// How many there are, once the execution has ended.
    pub segments: Option<NonZeroU32>,
    tasks: BTreeMap<Work, Task>,
    ready: BTreeSet<Work>,
}

/// The jobs that have not ended. It holds nothing of those that have.
#[derive(Clone, Debug)]
pub struct Queue {
    retry: Retry,
    jobs: BTreeMap<JobName, Job>,
    by_due: BTreeSet<(Time, JobName)>,
    /// When leases were to be over, as of when they were given or renewed.
    leases: BTreeSet<(Time, TaskKey)>,
}

impl Queue {
    /// One without jobs.
    pub fn new(retry: Retry) -> Self {
        let (jobs, by_due, leases) = Default::default();
        Self { retry, jobs, by_due, leases }
    }

    /// Knows a job as somebody kept it, from then on.
    pub fn keep(&mut self, name: JobName, job: Job) {
        self.by_due.insert((job.spec.due, name));
        for (work, task) in &job.tasks {
            let leases = task.leases().iter();
            self.leases.extend(leases.map(|it| (it.until, TaskKey { job: name, work: *work })));
        }
        self.jobs.insert(name, job);
    }

    /// A job that has not ended.
    pub fn job(&self, name: JobName) -> Option<&Job> {
        self.jobs.get(&name)
    }

    /// Those that have not ended, the nearest due time first.
    pub fn jobs(&self) -> impl Iterator<Item = (JobName, &Job)> {
        self.by_due.iter().map(|(_, name)| (*name, &self.jobs[name]))
    }

    /// A task of a job that has not ended.
    pub fn task(&self, key: TaskKey) -> Option<&Task> {
        self.jobs.get(&key.job)?.tasks.get(&key.work)
    }

    /// Takes a job on. One that is known already stays as it is, and nothing changes.
    pub fn submit(&mut self, name: JobName, spec: JobSpec, now: Time) -> Vec<Change> {
        if self.jobs.contains_key(&name) {
            return Vec::new();
        }
        let (tasks, ready) = Default::default();
        let mut job = Job { spec, found: 0, segments: None, tasks, ready };
        job.add(Work::Execute, 0, now);
        self.jobs.insert(name, job);
        self.by_due.insert((spec.due, name));
        vec![Change::Ready(TaskKey { job: name, work: Work::Execute }, now)]
    }

    /// Ends a job at its owner's wish, if it has not ended.
    pub fn cancel(&mut self, name: JobName) -> Vec<Change> {
        self.end(name, JobEnd::Cancelled).into_iter().collect()
    }

    /// Gives a task to a worker, until then.
    ///
    /// # Errors
    /// [`Rejected::Unknown`] or [`Rejected::NotReady`].
    pub fn begin(
        &mut self,
        key: TaskKey,
        worker: WorkerId,
        now: Time,
        until: Time,
    ) -> Result<Lease, Rejected> {
        let job = self.jobs.get_mut(&key.job).ok_or(Rejected::Unknown)?;
        let task = job.tasks.get_mut(&key.work).ok_or(Rejected::Unknown)?;
        let turn = task.apply(Event::Begun(worker, until), now, &self.retry)?;
        let Turn::Begun(lease) = turn else { unreachable!("a beginning gives a lease") };
        job.ready.remove(&key.work);
        self.leases.insert((until, key));
        Ok(lease)
    }

    /// Hears a worker that has a lease.
    ///
    /// # Errors
    /// The lease does not stand, or it says what cannot be. Then nothing has changed.
    pub fn hear(&mut self, token: Token, said: Said, now: Time) -> Result<Vec<Change>, Rejected> {
        let Token { key, worker, generation } = token;
        let job = self.jobs.get_mut(&key.job).ok_or(Rejected::Unknown)?;
        let task = job.tasks.get_mut(&key.work).ok_or(Rejected::Unknown)?;
        let is_theirs = |it: &Lease| (it.worker, it.generation) == (worker, generation);
        if !task.leases().iter().any(is_theirs) {
            return Err(Rejected::Stale);
        }
        let (is_execution, most) = (key.work == Work::Execute, job.spec.segments_max.get());
        match said {
            Said::Alive(until) => {
                task.apply(Event::Renewed(generation, until), now, &self.retry)?;
                self.leases.insert((until, key));
                Ok(Vec::new())
            }
            Said::Found(found) if is_execution && found <= most => {
                let found = job.find(found, now);
                Ok(found.map(|work| Change::Ready(TaskKey { work, ..key }, now)).collect())
            }
            Said::Executed(segments, output) if is_execution && segments.get() <= most => {
                task.apply(Event::Completed(generation, output), now, &self.retry)?;
                let ready = job.executed(segments, now);
                Ok(ready
                    .into_iter()
                    .map(|work| Change::Ready(TaskKey { work, ..key }, now))
                    .collect())
            }
            Said::Made(output) if !is_execution => {
                task.apply(Event::Completed(generation, output), now, &self.retry)?;
                Ok(self.made(key, output, now).into_iter().collect())
            }
            Said::Failed(fault) => {
                let turn = task.apply(Event::Failed(generation, fault), now, &self.retry)?;
                Ok(self.turned(key, turn).into_iter().collect())
            }
            Said::Found(_) | Said::Executed(..) | Said::Made(_) => Err(Rejected::Contradiction),
        }
    }

    /// Takes leases back that are over. Cheap when there is none.
    pub fn look(&mut self, now: Time) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some((until, key)) = self.leases.first().copied().filter(|(it, _)| *it < now) {
            self.leases.remove(&(until, key));
            let task = self.jobs.get_mut(&key.job).and_then(|job| job.tasks.get_mut(&key.work));
            let Some(task) = task else { continue };
            let turn = task.apply(Event::Looked, now, &self.retry);
            let turn = turn.expect("a look is never refused");
            changes.extend(self.turned(key, turn));
        }
        changes
    }

    /// When [`Queue::look`] may find something.
    pub fn next_look(&self) -> Option<Time> {
        self.leases.first().map(|(until, _)| until.next())
    }

    /// What can begin now: of each job at most `window` tasks, of jobs whatever is due first. A window keeps what
    /// is looked at small however many segments a job has.
    pub fn candidates(
        &self,
        now: Time,
        window: usize,
    ) -> impl Iterator<Item = (TaskKey, &Job, &Task)> {
        self.jobs().flat_map(move |(job, it)| {
            let works = it.next_works().filter(move |work| it.can_begin(*work, now)).take(window);
            works.map(move |work| (TaskKey { job, work }, it, &it.tasks[&work]))
        })
    }

    /// A result of another task than an execution is there.
    fn made(&mut self, key: TaskKey, output: B256, now: Time) -> Option<Change> {
        if key.work == Work::Verify {
            return self.end(key.job, JobEnd::Proven(output));
        }
        let job = self.jobs.get_mut(&key.job)?;
        let parent = job.spec.shape.parent(key.work, job.segments?)?;
        let task = job.tasks.get_mut(&parent).expect("what waits is there once segments are known");
        let turn = task.apply(Event::ChildDone, now, &self.retry);
        let turn = turn.expect("a parent waits as long as a child has no result");
        self.turned(TaskKey { work: parent, ..key }, turn)
    }

    /// What a task's turn means for its job.
    fn turned(&mut self, key: TaskKey, turn: Turn) -> Option<Change> {
        let job = self.jobs.get_mut(&key.job)?;
        match turn {
            Turn::Ready(from) => {
                job.ready.insert(key.work);
                Some(Change::Ready(key, from))
            }
            Turn::Hopeless | Turn::Quarantined => {
                let failures = job.tasks.remove(&key.work).map(|task| task.failures);
                let failures = failures.unwrap_or_default();
                self.end(key.job, JobEnd::Failed { work: key.work, failures })
            }
            Turn::Nothing | Turn::Begun(_) | Turn::Done => None,
        }
    }

    fn end(&mut self, name: JobName, end: JobEnd) -> Option<Change> {
        let job = self.jobs.remove(&name)?;
        self.by_due.remove(&(job.spec.due, name));
        Some(Change::Ended(name, end))
    }
}

impl Job {
    /// A job as somebody kept it, with some of its tasks. What is said of a task needs that task; once all segments
    /// are known also its parent ([`Shape::parent`]); the end of an execution needs every proof of a segment that has its
    /// result or was found beyond what there is. Of the rest nothing is looked at.
    pub fn kept(
        spec: JobSpec,
        found: u32,
        segments: Option<NonZeroU32>,
        tasks: BTreeMap<Work, Task>,
    ) -> Self {
        let is_ready = |task: &Task| matches!(task.state, TaskState::Ready { .. });
        let ready =
            tasks.iter().filter(|(_, task)| is_ready(task)).map(|(work, _)| *work).collect();
        Self { spec, found, segments, tasks, ready }
    }

    /// Its tasks that are known so far, with what befell them.
    pub fn tasks(&self) -> impl Iterator<Item = (Work, &Task)> {
        self.tasks.iter().map(|(work, task)| (*work, task))
    }

    fn add(&mut self, work: Work, missing: u32, now: Time) {
        self.tasks.insert(work, Task::new(missing, now));
        if missing == 0 {
            self.ready.insert(work);
        }
    }

    /// Segments up to that many can be proven. An execution that is repeated finds them again.
    fn find(&mut self, found: u32, now: Time) -> impl Iterator<Item = Work> + use<> {
        let new = self.found..found.max(self.found);
        new.clone().for_each(|segment| self.add(Work::Prove { segment }, 0, now));
        self.found = new.end;
        new.map(|segment| Work::Prove { segment })
    }

    /// All segments are known, and so is everything that comes after. Gives what can begin.
    fn executed(&mut self, segments: NonZeroU32, now: Time) -> Vec<Work> {
        let mut ready: Vec<_> = self.find(segments.get(), now).collect();
        self.segments = Some(segments);
        // An earlier execution that did not end may have named some that are none.
        let (none, joins) =
            (Work::Prove { segment: segments.get() }, Work::Join { level: 0, index: 0 });
        self.tasks.extract_if(none..joins, |_, _| true).for_each(drop);
        self.ready.extract_if(none..joins, |_| true).for_each(drop);
        let shape = self.spec.shape;
        // Proofs of segments may have come before.
        let mut proven = BTreeMap::<Work, u32>::new();
        for (work, task) in &self.tasks {
            let is_proven = matches!(task.state, TaskState::Done { .. });
            if let Some(parent) = shape.parent(*work, segments).filter(|_| is_proven) {
                *proven.entry(parent).or_default() += 1;
            }
        }
        for work in shape.upper(segments) {
            let (_, children) = shape.children(work, segments).expect("it waits for something");
            let missing = children.end - children.start - proven.get(&work).copied().unwrap_or(0);
            self.add(work, missing, now);
            ready.extend((missing == 0).then_some(work));
        }
        ready
    }

    /// Joins before proofs of segments: what is joined need not be kept.
    fn next_works(&self) -> impl Iterator<Item = Work> {
        let (proofs, joins) = (Work::Prove { segment: 0 }, Work::Join { level: 0, index: 0 });
        let first = self.ready.range(..proofs).chain(self.ready.range(joins..));
        first.chain(self.ready.range(proofs..joins)).copied()
    }

    fn can_begin(&self, work: Work, now: Time) -> bool {
        let state = self.tasks.get(&work).map(|task| &task.state);
        matches!(state, Some(TaskState::Ready { not_before }) if *not_before <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_protocol::Span;

    const JOB: JobName = JobName(B256::ZERO);
    const EXECUTE: TaskKey = TaskKey { job: JOB, work: Work::Execute };
    const NOW: Time = Time(1_000);

    fn some(count: u32) -> NonZeroU32 {
        NonZeroU32::new(count).unwrap()
    }

    /// With one job of at most four segments, whose execution worker 1 has.
    fn queue() -> (Queue, Token) {
        let retry = Retry { attempts_max: 3, blames: 1, pause: Span::s(1), pause_max: Span::s(9) };
        let mut queue = Queue::new(retry);
        let (tenant, value) = (TenantId(0), Wei::ZERO);
        let due = Time(90_000);
        let spec = JobSpec { shape: Shape::FLAT, segments_max: some(4), tenant, due, value };
        assert_eq!(queue.submit(JOB, spec, NOW), [Change::Ready(EXECUTE, NOW)]);
        assert_eq!(queue.submit(JOB, spec, NOW), [], "it is known");
        let worker = WorkerId(1);
        let lease = queue.begin(EXECUTE, worker, NOW, Time(5_000)).unwrap();
        (queue, Token { key: EXECUTE, worker, generation: lease.generation })
    }

    #[test]
    fn what_is_not_to_be_heard() {
        let (mut queue, token) = queue();
        let executed = |segments| Said::Executed(some(segments), B256::ZERO);
        let elsewhere = TaskKey { job: JobName(B256::repeat_byte(1)), ..EXECUTE };
        let later = TaskKey { work: Work::Verify, ..EXECUTE };
        let rows = [
            ("another job", Token { key: elsewhere, ..token }, executed(1), Rejected::Unknown),
            (
                "a task that is not known",
                Token { key: later, ..token },
                executed(1),
                Rejected::Unknown,
            ),
            (
                "another worker",
                Token { worker: WorkerId(2), ..token },
                executed(1),
                Rejected::Stale,
            ),
            (
                "another lease",
                Token { generation: Generation(2), ..token },
                executed(1),
                Rejected::Stale,
            ),
            ("more than there can be", token, Said::Found(5), Rejected::Contradiction),
            ("more in all", token, executed(5), Rejected::Contradiction),
            ("another task's word", token, Said::Made(B256::ZERO), Rejected::Contradiction),
        ];
        for (what, token, said, rejected) in rows {
            assert_eq!(queue.hear(token, said, NOW), Err(rejected), "{what}");
        }
        assert_eq!(queue.hear(token, executed(4), NOW).map(|changes| changes.len()), Ok(4));
    }

    #[test]
    fn an_execution_that_is_repeated_finds_its_segments_again() {
        let (mut queue, token) = queue();
        let ready =
            |segment| Change::Ready(TaskKey { work: Work::Prove { segment }, ..EXECUTE }, NOW);
        assert_eq!(queue.hear(token, Said::Found(2), NOW), Ok(vec![ready(0), ready(1)]));
        assert_eq!(queue.look(Time(5_001)).len(), 1, "its worker was not heard of");
        let (worker, again) = (WorkerId(2), Time(7_000));
        let lease = queue.begin(EXECUTE, worker, again, Time(9_000)).unwrap();
        let token = Token { key: EXECUTE, worker, generation: lease.generation };
        assert_eq!(queue.hear(token, Said::Found(1), again), Ok(vec![]));
        // The first had named one too many.
        assert_eq!(queue.hear(token, Said::Executed(some(1), B256::ZERO), again), Ok(vec![]));
        let left: Vec<_> = queue.job(JOB).unwrap().tasks().map(|(work, _)| work).collect();
        let join = Work::Join { level: 0, index: 0 };
        assert_eq!(left, [Work::Execute, Work::Prove { segment: 0 }, join, Work::Verify]);
    }

    #[test]
    fn a_job_that_has_ended_leaves_nothing() {
        let (mut queue, token) = queue();
        let failures = vec![(WorkerId(1), Fault::Program)];
        let end = JobEnd::Failed { work: Work::Execute, failures };
        let ended = queue.hear(token, Said::Failed(Fault::Program), NOW);
        assert_eq!(ended, Ok(vec![Change::Ended(JOB, end)]));
        assert_eq!((queue.jobs().count(), queue.candidates(NOW, 9).count()), (0, 0));
        assert_eq!(queue.hear(token, Said::Alive(NOW), NOW), Err(Rejected::Unknown));
        assert_eq!(queue.cancel(JOB), []);
        assert_eq!((queue.look(Time(99_000)), queue.next_look()), (vec![], None));
    }
}
