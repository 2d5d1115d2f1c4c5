//! The life of one task, and who may say what about it.

use alloy_primitives::B256;
use rialto_protocol::{Span, Time};

/// A worker, by the number that it was registered under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u64);

/// Counts a task's leases. Whoever speaks under an older one than stands is not heard: a fencing token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

/// The right and duty to do a task, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which of the task's leases.
    pub generation: Generation,
    /// Whose.
    pub worker: WorkerId,
    /// Since when.
    pub begun: Time,
    /// When it is over unless it is renewed before.
    pub until: Time,
}

/// Where a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// It needs results of other tasks.
    Waiting {
        /// How many.
        missing: u32,
    },
    /// Whoever is given it may begin.
    Ready {
        /// But not before.
        not_before: Time,
    },
    /// One worker does it, or two at once: the second because the first takes too long.
    Leased(Vec<Lease>),
    /// Its result is kept.
    Done {
        /// The result's name in the artifact store.
        output: B256,
    },
    /// It failed as often as it may. Its inputs are kept for whoever looks into it.
    Quarantined,
}

/// A task and what befell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Where it is.
    pub state: TaskState,
    /// The latest lease that was given.
    pub generation: Generation,
    /// Who failed at it and how, in order: at most [`Retry::attempts_max`] and those that were in hand then.
    pub failures: Vec<(WorkerId, Fault)>,
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The program refused its input or broke down, by what the worker says: nobody else will do better.
    Program,
    /// The worker could not: out of memory, its store out of reach.
    Worker,
    /// Nothing was heard of the worker until its lease was over.
    Lost,
    /// The result was not what it was said to be.
    BadResult,
}

/// How often a task is tried, and when again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// So many failures and it is quarantined; at least 1.
    pub attempts_max: u32,
    /// So many workers have to blame the program for it to be believed; at least 1, at most `attempts_max`. With 1 a single
    /// worker that lies ends a job.
    pub blames: u32,
    /// The pause after the first failure. It doubles with each.
    pub pause: Span,
    /// The longest pause.
    pub pause_max: Span,
}

impl Retry {
    /// The pause after the `failed`th failure.
    fn pause_after(&self, failed: usize) -> Span {
        let doublings = u32::try_from(failed.saturating_sub(1)).unwrap_or(u32::MAX).min(32);
        self.pause.times(1 << doublings).min(self.pause_max)
    }
}

/// Something about a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// One of the results that it waits for is there.
    ChildDone,
    /// A worker begins, now and until then.
    Begun(WorkerId, Time),
    /// Its worker is alive: the lease stands until then.
    Renewed(Generation, Time),
    /// There is a result.
    Completed(Generation, B256),
    /// There is none.
    Failed(Generation, Fault),
    /// Time has passed: leases that are over are nobody's.
    Looked,
}

/// Why a task does not take an event. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// There is no such task: its job has ended or never was.
    Unknown,
    /// The lease does not stand: it is over, or the task is.
    Stale,
    /// It cannot begin: it waits, has to pause, is with a worker twice, or this worker has it.
    NotReady,
    /// It is not what such a task has to say.
    Contradiction,
}

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing that others have to know.
    Nothing,
    /// It can begin from then on.
    Ready(Time),
    /// It is with a worker, under this lease.
    Begun(Lease),
    /// It has its result.
    Done,
    /// Enough workers blame the program.
    Hopeless,
    /// It is tried no more.
    Quarantined,
}

/// A worker and one that is to be faster.
const LEASES_MAX: usize = 2;

impl Task {
    /// One that needs so many results of others.
    pub fn new(missing: u32, now: Time) -> Self {
        let state = match missing {
            0 => TaskState::Ready { not_before: now },
            missing => TaskState::Waiting { missing },
        };
        Self { state, generation: Generation(0), failures: Vec::new() }
    }

    /// The leases that stand.
    pub fn leases(&self) -> &[Lease] {
        match &self.state {
            TaskState::Leased(leases) => leases,
            _ => &[],
        }
    }

    /// Takes the event in, at `now`.
    ///
    /// # Errors
    /// Whoever says so may not, or not now.
    pub fn apply(&mut self, event: Event, now: Time, retry: &Retry) -> Result<Turn, Rejected> {
        match event {
            Event::ChildDone => self.child_done(now),
            Event::Begun(worker, until) => self.begin(worker, now, until),
            Event::Renewed(generation, until) => {
                let leases = self.standing(generation)?;
                leases.iter_mut().for_each(|lease| {
                    if lease.generation == generation {
                        lease.until = lease.until.max(until);
                    }
                });
                Ok(Turn::Nothing)
            }
            Event::Completed(generation, output) => {
                self.standing(generation)?;
                self.state = TaskState::Done { output };
                Ok(Turn::Done)
            }
            Event::Failed(generation, fault) => {
                self.standing(generation)?;
                Ok(self.lose(|lease| lease.generation == generation, fault, now, retry))
            }
            Event::Looked => Ok(self.lose(|lease| lease.until < now, Fault::Lost, now, retry)),
        }
    }

    fn child_done(&mut self, now: Time) -> Result<Turn, Rejected> {
        match &mut self.state {
            TaskState::Waiting { missing: 1 } => {
                self.state = TaskState::Ready { not_before: now };
                Ok(Turn::Ready(now))
            }
            TaskState::Waiting { missing } => {
                *missing -= 1;
                Ok(Turn::Nothing)
            }
            _ => Err(Rejected::Contradiction),
        }
    }

    fn begin(&mut self, worker: WorkerId, now: Time, until: Time) -> Result<Turn, Rejected> {
        let mut leases = match &mut self.state {
            TaskState::Ready { not_before } if *not_before <= now => Vec::new(),
            TaskState::Leased(leases)
                if leases.len() < LEASES_MAX && leases.iter().all(|it| it.worker != worker) =>
            {
                std::mem::take(leases)
            }
            _ => return Err(Rejected::NotReady),
        };
        self.generation = Generation(self.generation.0 + 1);
        let lease = Lease { generation: self.generation, worker, begun: now, until };
        leases.push(lease);
        self.state = TaskState::Leased(leases);
        Ok(Turn::Begun(lease))
    }

    /// The leases, if the one of that generation stands.
    fn standing(&mut self, generation: Generation) -> Result<&mut Vec<Lease>, Rejected> {
        match &mut self.state {
            TaskState::Leased(leases) if leases.iter().any(|it| it.generation == generation) => {
                Ok(leases)
            }
            _ => Err(Rejected::Stale),
        }
    }

    /// The leases that `are_over` came to nothing.
    fn lose(
        &mut self,
        is_over: impl Fn(&Lease) -> bool,
        fault: Fault,
        now: Time,
        retry: &Retry,
    ) -> Turn {
        let TaskState::Leased(leases) = &mut self.state else { return Turn::Nothing };
        let before = self.failures.len();
        self.failures.extend(leases.iter().filter(|it| is_over(it)).map(|it| (it.worker, fault)));
        leases.retain(|lease| !is_over(lease));
        let is_left = !leases.is_empty();
        if self.failures.len() == before {
            return Turn::Nothing;
        }
        let blames = self.failures.iter().filter(|(_, fault)| *fault == Fault::Program).count();
        let (turn, state) = match self.failures.len() {
            _ if blames >= retry.blames as usize => (Turn::Hopeless, TaskState::Quarantined),
            _ if is_left => return Turn::Nothing,
            failed if failed >= retry.attempts_max as usize => {
                (Turn::Quarantined, TaskState::Quarantined)
            }
            failed => {
                let not_before = now + retry.pause_after(failed);
                (Turn::Ready(not_before), TaskState::Ready { not_before })
            }
        };
        self.state = state;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    const RETRY: Retry =
        Retry { attempts_max: 3, blames: 2, pause: Span::s(1), pause_max: Span::s(3) };

    fn at(s: u64) -> Time {
        Time(s * 1_000)
    }

    fn begun(worker: u64, until_s: u64) -> Event {
        Event::Begun(WorkerId(worker), at(until_s))
    }

    fn done(generation: u32) -> Event {
        Event::Completed(Generation(generation), B256::repeat_byte(generation as u8))
    }

    fn failed(generation: u32, fault: Fault) -> Event {
        Event::Failed(Generation(generation), fault)
    }

    /// A row for each second's event: what came of it.
    fn story(missing: u32, events: &[(u64, Event)]) -> String {
        let mut task = Task::new(missing, at(0));
        let row = |(s, event): &(u64, Event)| {
            let said = match task.apply(*event, at(*s), &RETRY) {
                Ok(Turn::Begun(lease)) => format!("lease {}", lease.generation.0),
                Ok(Turn::Ready(from)) => format!("ready from {from}"),
                Ok(turn) => format!("{turn:?}"),
                Err(rejected) => format!("refused: {rejected:?}"),
            };
            let event = format!("{event:?}").replace("0x", "").chars().take(34).collect::<String>();
            format!("{s:<3}{event:34} {said}\n")
        };
        events.iter().map(row).collect()
    }

    #[test]
    fn the_life_of_a_task() {
        let renewed = |generation, until_s| Event::Renewed(Generation(generation), at(until_s));
        let rows = story(
            2,
            &[
                (1, begun(1, 5)),
                (1, Event::ChildDone),
                (2, Event::ChildDone),
                (2, Event::ChildDone),
                (3, done(1)),
                (3, begun(1, 8)),
                (4, begun(1, 9)),
                (5, renewed(1, 10)),
                (9, Event::Looked),
                (11, Event::Looked),
                (11, done(1)),
                (11, begun(2, 16)),
                (12, begun(2, 17)),
                (12, begun(3, 17)),
                (13, begun(4, 18)),
                (14, renewed(1, 99)),
                (14, failed(2, Fault::Worker)),
                (15, done(3)),
                (15, done(3)),
                (15, begun(2, 20)),
            ],
        );
        expect![[r#"
            1  Begun(WorkerId(1), Time(5000))     refused: NotReady
            1  ChildDone                          Nothing
            2  ChildDone                          ready from 2
            2  ChildDone                          refused: Contradiction
            3  Completed(Generation(1), 010101010 refused: Stale
            3  Begun(WorkerId(1), Time(8000))     lease 1
            4  Begun(WorkerId(1), Time(9000))     refused: NotReady
            5  Renewed(Generation(1), Time(10000) Nothing
            9  Looked                             Nothing
            11 Looked                             ready from 12
            11 Completed(Generation(1), 010101010 refused: Stale
            11 Begun(WorkerId(2), Time(16000))    refused: NotReady
            12 Begun(WorkerId(2), Time(17000))    lease 2
            12 Begun(WorkerId(3), Time(17000))    lease 3
            13 Begun(WorkerId(4), Time(18000))    refused: NotReady
            14 Renewed(Generation(1), Time(99000) refused: Stale
            14 Failed(Generation(2), Worker)      Nothing
            15 Completed(Generation(3), 030303030 Done
            15 Completed(Generation(3), 030303030 refused: Stale
            15 Begun(WorkerId(2), Time(20000))    refused: NotReady
        "#]]
        .assert_eq(&rows);
    }

    #[test]
    fn failures_pause_longer_and_end() {
        let often = story(
            0,
            &[
                (0, begun(1, 5)),
                (0, failed(1, Fault::Program)),
                (1, begun(2, 5)),
                (1, failed(2, Fault::BadResult)),
                (3, begun(1, 5)),
                (6, Event::Looked),
            ],
        );
        let blamed = story(
            0,
            &[
                (0, begun(1, 5)),
                (0, begun(2, 5)),
                (0, failed(1, Fault::Program)),
                (0, failed(2, Fault::Program)),
                (9, Event::Looked),
            ],
        );
        expect![[r#"
            0  Begun(WorkerId(1), Time(5000))     lease 1
            0  Failed(Generation(1), Program)     ready from 1
            1  Begun(WorkerId(2), Time(5000))     lease 2
            1  Failed(Generation(2), BadResult)   ready from 3
            3  Begun(WorkerId(1), Time(5000))     lease 3
            6  Looked                             Quarantined
        "#]]
        .assert_eq(&often);
        expect![[r#"
            0  Begun(WorkerId(1), Time(5000))     lease 1
            0  Begun(WorkerId(2), Time(5000))     lease 2
            0  Failed(Generation(1), Program)     Nothing
            0  Failed(Generation(2), Program)     Hopeless
            9  Looked                             Nothing
        "#]]
        .assert_eq(&blamed);
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let generation = || (0u32..6).prop_map(Generation);
        let fault = prop_oneof![Just(Fault::Program), Just(Fault::Worker), Just(Fault::BadResult)];
        prop_oneof![
            Just(Event::ChildDone),
            Just(Event::Looked),
            (0u64..4, 0u64..40).prop_map(|(worker, s)| begun(worker, s)),
            (generation(), 0u64..40).prop_map(|(it, s)| Event::Renewed(it, at(s))),
            (generation(), any::<u8>())
                .prop_map(|(it, byte)| Event::Completed(it, B256::repeat_byte(byte))),
            (generation(), fault).prop_map(|(it, fault)| Event::Failed(it, fault)),
        ]
    }

    proptest! {
        /// Whatever is said in whatever order: a result is accepted at most once and only under a lease that stands, a
        /// refusal changes nothing, and generations only grow.
        #[test]
        fn nobody_speaks_for_a_task_without_its_lease(
            missing in 0u32..3, events in prop::collection::vec((0u64..40, any_event()), 0..60),
        ) {
            let mut task = Task::new(missing, at(0));
            let mut results = 0;
            for (s, event) in events {
                let before = task.clone();
                let held = |it| before.leases().iter().any(|lease| lease.generation == it);
                let turn = task.apply(event, at(s), &RETRY);
                match (event, turn) {
                    (_, Err(_)) => prop_assert_eq!(&task, &before),
                    (Event::Completed(it, _) | Event::Failed(it, _) | Event::Renewed(it, _), Ok(_)) => {
                        prop_assert!(held(it));
                    }
                    (_, Ok(_)) => {}
                }
                results += u32::from(turn == Ok(Turn::Done));
                prop_assert!(task.generation >= before.generation && task.leases().len() <= 2);
                let given = turn.is_ok_and(|turn| matches!(turn, Turn::Begun(_)));
                prop_assert_eq!(task.generation.0 - before.generation.0, u32::from(given));
            }
            prop_assert!(results <= 1);
        }
    }
}
