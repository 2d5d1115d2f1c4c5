//! A coordinator, its workers and the network between them, in virtual time.

use crate::auditor::{Auditor, Report, Truth};
use alloy_primitives::{B256, keccak256};
use rialto_planner::cluster::{
    Board, Candidate, Change, Device, Durations, Fault, Generation, InHand, JobName, JobSpec,
    Lease, Queue, Resources, Retry, Said, Shape, Stage, Start, TaskKey, TenantId, Token, Weights,
    Work, WorkerId, WorkerView, dispatch,
};
use rialto_protocol::{Span, Time, Wei};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::num::NonZeroU32;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plight {
    Calm,
    Workers,
    Network,
    Coordinator,
    Slow,
    Poison,
    Liars,
    Storm,
}

impl Plight {
    pub(crate) const ALL: [Self; 8] = [
        Self::Calm,
        Self::Workers,
        Self::Network,
        Self::Coordinator,
        Self::Slow,
        Self::Poison,
        Self::Liars,
        Self::Storm,
    ];

    fn is(self, plight: Self) -> bool {
        self == plight || self == Self::Storm
    }
}

/// The same numbers again for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0 >> 11) * u128::from(bound)) >> 53) as u64
    }

    fn permille(&mut self, chance: u64) -> bool {
        self.below(1_000) < chance
    }
}

/// The lease, how often a worker says that it is alive, and how often it asks for work.
const LEASE: Span = Span::ms(5_000);
const ALIVE: Span = Span::ms(1_500);
const ASK: Span = Span::ms(400);
/// How long a worker waits for an answer.
const PATIENCE: Span = Span::ms(2_000);
/// Faults end here, so that everything has time to end well.
const CALM_FROM: Time = Time(60_000);
const END: Time = Time(900_000);
/// How many tasks of a job are looked at.
const WINDOW: usize = 8;

/// What a worker tells the coordinator.
#[derive(Clone, Debug)]
enum Message {
    /// It has room; these are its leases.
    Ask { number: u64, holds: Vec<(TaskKey, Generation)> },
    /// Something about a task.
    Tell { key: TaskKey, generation: Generation, said: Said },
}

/// What the coordinator answers.
#[derive(Clone, Debug)]
enum Answer {
    /// Do these, and stop those.
    Work { number: u64, begin: Vec<(TaskKey, Generation)>, stop: Vec<(TaskKey, Generation)> },
    /// Heard, or refused: either way it need not be said again.
    Settled { key: TaskKey, generation: Generation, said: Said },
}

#[derive(Clone, Debug)]
enum Happening {
    ToCoordinator(WorkerId, Message),
    /// For the life of the worker that asked.
    ToWorker(WorkerId, u32, Answer),
    Turn(WorkerId),
    Looks,
    Submits(usize),
    Cancels(JobName),
}

struct Doing {
    begun: Time,
    ends: Time,
    /// Segments that it has told of.
    found: u32,
    said_alive: Time,
    /// What it has to say until it is heard.
    result: Option<Said>,
}

struct Worker {
    view: WorkerView,
    /// How many lives it has had.
    life: u32,
    down_until: Time,
    cut_off_until: Time,
    doing: BTreeMap<(TaskKey, Generation), Doing>,
    /// Leases of this life that are over, whatever a late answer says.
    over: BTreeSet<(TaskKey, Generation)>,
    asked: Option<(u64, Time)>,
    asks: u64,
    lies: bool,
}

/// A run of one seed.
pub(crate) struct World {
    plight: Plight,
    dice: Dice,
    now: Time,
    heap: BinaryHeap<Reverse<(Time, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    next: u64,
    workers: Vec<Worker>,
    jobs: Vec<(JobName, JobSpec, Truth)>,
    /// What survives the coordinator.
    queue: Queue,
    /// What does not.
    durations: Durations,
    heard_of: BTreeMap<WorkerId, Time>,
    down_until: Time,
    weights: Weights,
    auditor: Auditor,
}

const GIB: u32 = 1_024;

impl World {
    pub(crate) fn new(plight: Plight, seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ plight as u64);
        let workers = (1..=2 + dice.below(4)).map(|id| Worker {
            view: WorkerView {
                id: WorkerId(id),
                device: Device((id % 2) as u32),
                total: Resources {
                    cores: 8,
                    memory_mib: 16 * GIB,
                    gpu_memory_mib: 0,
                    disk_mib: 100,
                },
                holds: BTreeSet::new(),
                bytes_per_s: 100_000_000,
            },
            life: 0,
            down_until: Time(0),
            cut_off_until: Time(0),
            doing: BTreeMap::new(),
            over: BTreeSet::new(),
            asked: None,
            asks: 0,
            lies: plight.is(Plight::Liars) && id == 1,
        });
        // With more attempts than there are faults: what is sound has to come out proven.
        let attempts_max = if plight == Plight::Poison { 4 } else { 40 };
        let retry = Retry { attempts_max, blames: 2, pause: Span::ms(200), pause_max: Span::s(2) };
        let mut world = Self {
            plight,
            now: Time(0),
            heap: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            next: 0,
            workers: workers.collect(),
            jobs: Vec::new(),
            queue: Queue::new(retry),
            durations: Durations::new(Span::s(2)),
            heard_of: BTreeMap::new(),
            down_until: Time(0),
            weights: Weights::from([(TenantId(1), 3)]),
            auditor: Auditor::default(),
            dice,
        };
        world.plan_jobs();
        (0..world.workers.len()).for_each(|at| {
            let id = world.workers[at].view.id;
            world.happens(Span::ms(id.0), Happening::Turn(id));
        });
        world.happens(Span::ZERO, Happening::Looks);
        world
    }

    fn plan_jobs(&mut self) {
        for number in 0..2 + self.dice.below(4) {
            let job = JobName(keccak256([number as u8]));
            let segments = 1 + self.dice.below(9) as u32;
            let arities = (1 + self.dice.below(3) as u32, 2 + self.dice.below(2) as u32);
            let leaf = NonZeroU32::new(arities.0).expect("one at least");
            let shape = Shape::tree(leaf, arities.1, 1).expect("two at least");
            let is_sound = self.plight != Plight::Poison || self.dice.permille(500);
            let is_cancelled = self.dice.permille(100);
            let at = Span::ms(self.dice.below(30_000));
            let due = Time(at.get() + 20_000 + self.dice.below(60_000));
            let (tenant, value) = (TenantId(self.dice.below(3)), Wei::from(u128::from(number)));
            let segments_max = NonZeroU32::new(segments).expect("one at least");
            let spec = JobSpec { shape, segments_max, tenant, due, value };
            self.jobs.push((job, spec, Truth { segments, arities, is_sound, is_cancelled }));
            self.happens(at, Happening::Submits(self.jobs.len() - 1));
            if is_cancelled {
                let after = at + Span::ms(1 + self.dice.below(8_000));
                self.happens(after, Happening::Cancels(job));
            }
        }
    }

    fn happens(&mut self, after: Span, happening: Happening) {
        self.next += 1;
        self.heap.push(Reverse((self.now + after, self.next)));
        self.happenings.insert(self.next, happening);
    }

    pub(crate) fn run(mut self) -> Report {
        while let Some(Reverse((at, number))) = self.heap.pop() {
            if at > END || self.is_over() {
                break;
            }
            self.now = at;
            let happening = self.happenings.remove(&number).expect("it was planned");
            self.happen(happening);
        }
        self.auditor.finish()
    }

    /// Everything was submitted and has ended.
    fn is_over(&self) -> bool {
        self.now > Time(40_000) && self.queue.jobs().next().is_none()
    }

    fn is_faulty(&mut self, plight: Plight, permille: u64) -> bool {
        self.now < CALM_FROM && self.plight.is(plight) && self.dice.permille(permille)
    }

    fn happen(&mut self, happening: Happening) {
        let is_down = self.now < self.down_until;
        match happening {
            Happening::ToCoordinator(from, message) if !is_down => self.hear(from, message),
            Happening::ToCoordinator(..) => {}
            Happening::ToWorker(id, life, answer) => self.answered(id, life, answer),
            Happening::Turn(id) => self.turn(id),
            Happening::Looks => {
                if !is_down {
                    let changes = self.queue.look(self.now);
                    self.auditor.looked(self.now);
                    self.changed(changes);
                }
                if self.is_faulty(Plight::Coordinator, 15) {
                    // Whoever restarts knows what the queue knows, and nothing else.
                    self.down_until = self.now + Span::ms(200 + self.dice.below(9_000));
                    (self.heard_of, self.durations) = (BTreeMap::new(), Durations::new(Span::s(2)));
                }
                self.happens(Span::ms(250), Happening::Looks);
            }
            Happening::Submits(at) => {
                let (job, spec, truth) = self.jobs[at];
                self.auditor.submitted(job, truth);
                let changes = self.queue.submit(job, spec, self.now);
                self.changed(changes);
            }
            Happening::Cancels(job) => {
                let changes = self.queue.cancel(job);
                self.changed(changes);
            }
        }
    }

    fn changed(&mut self, changes: Vec<Change>) {
        for change in changes {
            if let Change::Ended(job, end) = change {
                self.auditor.ended(job, end);
            }
        }
    }

    // The coordinator.

    fn hear(&mut self, from: WorkerId, message: Message) {
        self.heard_of.insert(from, self.now);
        match message {
            Message::Ask { number, holds } => {
                let stands = |it: &&(TaskKey, Generation)| self.stands(it.0, it.1, from);
                let stop = holds.iter().filter(|it| !stands(it)).copied().collect();
                let mut begin = self.leases_of(from);
                begin.retain(|it| !holds.contains(it));
                let starts = self.dispatch();
                begin.extend(starts.into_iter().filter(|start| start.worker == from).map(
                    |start| {
                        let lease = self.queue.begin(start.key, from, self.now, self.now + LEASE);
                        let Lease { generation, until, .. } = lease.expect("what can begin begins");
                        self.auditor.given(start.key, generation.0, from, until);
                        (start.key, generation)
                    },
                ));
                self.answer(from, Answer::Work { number, begin, stop });
            }
            Message::Tell { key, generation, said } => {
                self.told(from, key, generation, said);
                self.answer(from, Answer::Settled { key, generation, said });
            }
        }
    }

    fn told(&mut self, from: WorkerId, key: TaskKey, generation: Generation, said: Said) {
        // What a worker says of its time is not believed, and a result is looked at before it is.
        let said = match said {
            Said::Alive(_) => Said::Alive(self.now + LEASE),
            Said::Made(output) if output != result_of(key) => Said::Failed(Fault::BadResult),
            said => said,
        };
        let begun = self.queue.task(key).and_then(|task| {
            task.leases()
                .iter()
                .find(|lease| lease.generation == generation)
                .map(|lease| lease.begun)
        });
        let heard = self.queue.hear(Token { key, worker: from, generation }, said, self.now);
        match (said, &heard) {
            (_, Err(_)) => self.auditor.refused(),
            (Said::Alive(until), Ok(_)) => self.auditor.renewed(key, generation.0, until),
            (Said::Executed(..) | Said::Made(_), Ok(_)) => {
                self.auditor.accepted(key, generation.0, from);
                let device = self.worker(from).view.device;
                let took = self.now.since(begun.expect("it stood"));
                self.durations.learn(key.work.stage(), device, 1, took);
            }
            (Said::Failed(_), Ok(_)) => self.auditor.failed(key, generation.0),
            (Said::Found(_), Ok(_)) => {}
        }
        self.changed(heard.unwrap_or_default());
    }

    fn stands(&self, key: TaskKey, generation: Generation, worker: WorkerId) -> bool {
        let task = self.queue.task(key);
        let mut leases = task.into_iter().flat_map(|task| task.leases());
        leases.any(|lease| lease.generation == generation && lease.worker == worker)
    }

    fn all_leases(&self) -> impl Iterator<Item = (TaskKey, JobSpec, Lease, usize)> {
        self.queue.jobs().flat_map(|(job, it)| {
            it.tasks().flat_map(move |(work, task)| {
                let leases = task.leases();
                leases
                    .iter()
                    .map(move |lease| (TaskKey { job, work }, it.spec, *lease, leases.len()))
            })
        })
    }

    fn leases_of(&self, worker: WorkerId) -> Vec<(TaskKey, Generation)> {
        let leases = self.all_leases().filter(|(.., lease, _)| lease.worker == worker);
        leases.map(|(key, _, lease, _)| (key, lease.generation)).collect()
    }

    fn dispatch(&self) -> Vec<Start<TaskKey>> {
        let candidates: Vec<_> = self
            .queue
            .candidates(self.now, WINDOW)
            .map(|(key, job, task)| {
                let failed_on = task.failures.iter().map(|(worker, _)| *worker).collect();
                Candidate { failed_on, ..candidate(key, &job.spec) }
            })
            .collect();
        let in_hand: Vec<_> = self
            .all_leases()
            .map(|(key, spec, lease, count)| InHand {
                task: candidate(key, &spec),
                worker: lease.worker,
                begun: lease.begun,
                is_twice: count > 1,
            })
            .collect();
        let is_here = |worker: &&Worker| {
            self.heard_of.get(&worker.view.id).is_some_and(|at| self.now.since(*at) < LEASE)
        };
        let workers: Vec<_> =
            self.workers.iter().filter(is_here).map(|worker| worker.view.clone()).collect();
        dispatch(&Board {
            now: self.now,
            candidates: &candidates,
            in_hand: &in_hand,
            workers: &workers,
            weights: &self.weights,
            durations: &self.durations,
        })
    }

    // The network.

    fn delay(&mut self) -> Span {
        let is_late = self.is_faulty(Plight::Network, 50);
        Span::ms(1 + self.dice.below(if is_late { 8_000 } else { 40 }))
    }

    fn is_lost(&mut self, worker: WorkerId) -> bool {
        self.now < self.worker(worker).cut_off_until || self.is_faulty(Plight::Network, 60)
    }

    fn send(&mut self, from: WorkerId, message: Message) {
        let copies = 1 + u32::from(self.is_faulty(Plight::Network, 100));
        for _ in 0..copies {
            if !self.is_lost(from) {
                let delay = self.delay();
                self.happens(delay, Happening::ToCoordinator(from, message.clone()));
            }
        }
    }

    fn answer(&mut self, to: WorkerId, answer: Answer) {
        if !self.is_lost(to) {
            let (delay, life) = (self.delay(), self.worker(to).life);
            self.happens(delay, Happening::ToWorker(to, life, answer));
        }
    }

    // The workers.

    fn worker(&self, id: WorkerId) -> &Worker {
        &self.workers[id.0 as usize - 1]
    }

    fn worker_mut(&mut self, id: WorkerId) -> &mut Worker {
        &mut self.workers[id.0 as usize - 1]
    }

    /// A worker's own loop: what goes wrong with it, what it has to say, whether it asks.
    fn turn(&mut self, id: WorkerId) {
        self.happens(Span::ms(100), Happening::Turn(id));
        if self.now < self.worker(id).down_until {
            return;
        }
        let poisoned = self.worker(id).doing.keys().any(|(key, _)| self.kills(*key));
        if self.is_faulty(Plight::Workers, 6) || poisoned {
            let down_until = self.now + Span::ms(self.dice.below(10_000));
            let worker = self.worker_mut(id);
            (worker.life, worker.down_until) = (worker.life + 1, down_until);
            (worker.doing, worker.over, worker.asked) = Default::default();
            return;
        }
        if self.is_faulty(Plight::Workers, 4) {
            // It stands still, and goes on as if nothing had been.
            let pause = Span::ms(self.dice.below(20_000));
            self.worker_mut(id).down_until = self.now + pause;
            return;
        }
        if self.is_faulty(Plight::Network, 4) {
            let cut_off = Span::ms(self.dice.below(20_000));
            self.worker_mut(id).cut_off_until = self.now + cut_off;
        }
        for (key, generation) in self.worker(id).doing.keys().copied().collect::<Vec<_>>() {
            self.go_on(id, key, generation);
        }
        let now = self.now;
        let worker = self.worker_mut(id);
        let waits = worker.asked.is_some_and(|(_, at)| now.since(at) < PATIENCE);
        if !waits && (now.0 / 100).is_multiple_of(ASK.get() / 100) {
            worker.asks += 1;
            worker.asked = Some((worker.asks, now));
            let (number, holds) = (worker.asks, worker.doing.keys().copied().collect());
            self.send(id, Message::Ask { number, holds });
        }
    }

    /// A little more of a task.
    fn go_on(&mut self, id: WorkerId, key: TaskKey, generation: Generation) {
        let (now, truth) = (self.now, self.truth(key.job));
        let lies = self.worker(id).lies && now < CALM_FROM && self.dice.permille(300);
        let is_bad = !truth.is_sound && key.work == Work::Execute && !self.kills(key);
        let worker = self.worker_mut(id);
        let doing = worker.doing.get_mut(&(key, generation)).expect("it does it");
        let mut said = Vec::new();
        if now >= doing.ends && doing.result.is_none() {
            let segments = NonZeroU32::new(truth.segments).expect("one at least");
            doing.result = Some(match key.work {
                _ if is_bad => Said::Failed(Fault::Program),
                _ if lies && key.work != Work::Execute => Said::Made(B256::ZERO),
                Work::Execute => Said::Executed(segments, B256::repeat_byte(1)),
                _ => Said::Made(result_of(key)),
            });
        }
        if key.work == Work::Execute && !is_bad {
            // Segments become known while it runs.
            let (elapsed, all) =
                (now.since(doing.begun).get(), doing.ends.since(doing.begun).get());
            let found =
                (u64::from(truth.segments) * elapsed / all.max(1)).min(u64::from(truth.segments));
            if found as u32 > doing.found {
                doing.found = found as u32;
                said.push(Said::Found(doing.found));
            }
        }
        match doing.result {
            Some(result) => said.push(result),
            // Its clock may be wrong: it matters to nobody.
            None if now.since(doing.said_alive) >= ALIVE => {
                doing.said_alive = now;
                said.push(Said::Alive(Time(now.0 / 2)));
            }
            None => {}
        }
        if lies {
            // A lease that was never given, and somebody else's.
            let other = Generation(generation.0 + 1);
            self.send(
                id,
                Message::Tell { key, generation: other, said: Said::Made(result_of(key)) },
            );
        }
        for said in said {
            self.send(id, Message::Tell { key, generation, said });
        }
    }

    fn answered(&mut self, id: WorkerId, life: u32, answer: Answer) {
        let now = self.now;
        // Somebody else's answer, or one to an earlier life.
        if life != self.worker(id).life || now < self.worker(id).down_until {
            return;
        }
        match answer {
            Answer::Settled { key, generation, said } => {
                if matches!(said, Said::Executed(..) | Said::Made(_) | Said::Failed(_)) {
                    self.stop(id, (key, generation));
                }
            }
            Answer::Work { number, begin, stop } => {
                if self.worker(id).asked.is_none_or(|(asked, _)| asked != number) {
                    return;
                }
                self.worker_mut(id).asked = None;
                stop.into_iter().for_each(|it| self.stop(id, it));
                for (key, generation) in begin {
                    self.begin(id, key, generation);
                }
            }
        }
        let worker = self.worker(id);
        let needs = worker.doing.keys().map(|(key, _)| needs(key.work));
        let taken = needs.fold(Resources::default(), Resources::and);
        let total = worker.view.total;
        self.auditor.works(id, taken, total);
    }

    fn begin(&mut self, id: WorkerId, key: TaskKey, generation: Generation) {
        let base = match key.work.stage() {
            Stage::Execute => 1_000,
            Stage::Prove => 3_000,
            Stage::Join(_) => 800,
            Stage::Verify => 100,
        };
        let faster = u64::from(self.worker(id).view.device.0 + 1);
        let is_slow = self.is_faulty(Plight::Slow, 200);
        let factor = if is_slow { 4_000 } else { 900 + self.dice.below(200) };
        let (now, span) = (self.now, Span::ms(base * factor / 1_000 / faster));
        let worker = self.worker_mut(id);
        if worker.over.contains(&(key, generation)) {
            return;
        }
        let doing = Doing { begun: now, ends: now + span, found: 0, said_alive: now, result: None };
        worker.doing.entry((key, generation)).or_insert(doing);
    }

    fn stop(&mut self, id: WorkerId, lease: (TaskKey, Generation)) {
        let worker = self.worker_mut(id);
        worker.doing.remove(&lease);
        worker.over.insert(lease);
    }

    fn truth(&self, job: JobName) -> Truth {
        self.jobs.iter().find(|(name, ..)| *name == job).expect("a job").2
    }

    /// Some unsound programs break down; proving the others kills whoever does it.
    fn kills(&self, key: TaskKey) -> bool {
        let truth = self.truth(key.job);
        !truth.is_sound
            && truth.segments.is_multiple_of(2)
            && key.work == Work::Prove { segment: 0 }
    }
}

/// The one right result.
fn result_of(key: TaskKey) -> B256 {
    keccak256(format!("{key:?}"))
}

fn needs(work: Work) -> Resources {
    let (cores, gib) = match work.stage() {
        Stage::Execute => (1, 2),
        Stage::Prove => (4, 6),
        Stage::Join(_) => (4, 8),
        Stage::Verify => (1, 1),
    };
    Resources { cores, memory_mib: gib * GIB, ..Resources::default() }
}

fn candidate(key: TaskKey, spec: &JobSpec) -> Candidate<TaskKey> {
    Candidate {
        key,
        stage: key.work.stage(),
        size: 1,
        needs: needs(key.work),
        tenant: spec.tenant,
        due: spec.due,
        value: spec.value,
        inputs: Vec::new(),
        failed_on: Vec::new(),
    }
}
