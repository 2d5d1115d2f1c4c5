use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;

const CORES_8: Resources =
    Resources { cores: 8, memory_mib: 32_000, gpu_memory_mib: 0, disk_mib: 1_000 };

fn at(s: u64) -> Time {
    Time(s * 1_000)
}

fn worker(id: u64) -> WorkerView {
    let holds = BTreeSet::new();
    WorkerView {
        id: WorkerId(id),
        device: Device(0),
        total: CORES_8,
        holds,
        bytes_per_s: 1_000_000,
    }
}

/// A segment of so many megacycles by one tenant, for which four cores are needed.
fn proof(key: u64, mcycles: u64, due_s: u64) -> Candidate<u64> {
    Candidate {
        key,
        stage: Stage::Prove,
        size: mcycles * 1_000_000,
        needs: Resources { cores: 4, memory_mib: 8_000, ..Resources::default() },
        tenant: TenantId(0),
        due: at(due_s),
        value: Wei::ZERO,
        inputs: Vec::new(),
        failed_on: Vec::new(),
    }
}

/// Needs a whole worker.
fn wide(key: u64, mcycles: u64, due_s: u64) -> Candidate<u64> {
    let needs = Resources { cores: 8, memory_mib: 8_000, ..Resources::default() };
    Candidate { needs, ..proof(key, mcycles, due_s) }
}

fn in_hand(task: Candidate<u64>, id: u64, begun_s: u64) -> InHand<u64> {
    InHand { task, worker: WorkerId(id), begun: at(begun_s), is_twice: false }
}

/// On device 0 a megacycle takes a second, on device 1 half of it.
fn durations() -> Durations {
    let mut durations = Durations::new(Span::s(10));
    for (device, ms) in [(0, 1_000), (1, 500)] {
        for mcycles in [1, 2, 3, 4] {
            let (size, took) = (mcycles * 1_000_000, Span::ms(mcycles * ms));
            durations.learn(Stage::Prove, Device(device), size, took);
        }
    }
    durations
}

struct Scene {
    candidates: Vec<Candidate<u64>>,
    in_hand: Vec<InHand<u64>>,
    workers: Vec<WorkerView>,
    weights: Weights,
}

/// With workers 1 and 2.
fn scene(candidates: impl IntoIterator<Item = Candidate<u64>>) -> Scene {
    let candidates = candidates.into_iter().collect();
    let (in_hand, weights) = Default::default();
    Scene { candidates, in_hand, workers: vec![worker(1), worker(2)], weights }
}

impl Scene {
    fn starts(&self, now: Time) -> Vec<Start<u64>> {
        let Self { candidates, in_hand, workers, weights } = self;
        let durations = &durations();
        dispatch(&Board { now, candidates, in_hand, workers, weights, durations })
    }
}

/// At second 100, a line for each scene: task at worker.
fn check(scenes: impl IntoIterator<Item = (&'static str, Scene)>, expected: Expect) {
    let rows = scenes.into_iter().map(|(what, scene)| {
        let starts = scene.starts(at(100)).into_iter().map(|start| {
            let why =
                if start.why == Why::Turn { String::new() } else { format!(" ({:?})", start.why) };
            format!(" {}@{}{why}", start.key, start.worker.0)
        });
        format!("{what}:{}\n", starts.collect::<String>())
    });
    expected.assert_eq(&rows.collect::<String>());
}

#[test]
fn what_has_to_begin_first_begins_first() {
    let valued =
        |task: Candidate<u64>, wei: u64| Candidate { value: Wei::from(u128::from(wei)), ..task };
    check(
        [
            ("by due time", scene([wide(1, 1, 400), wide(2, 1, 200), wide(3, 1, 300)])),
            (
                "a long one before a short one",
                scene([wide(1, 1, 300), wide(2, 50, 320), wide(3, 1, 290)]),
            ),
            ("worth more", scene([1, 2, 3].map(|key| valued(wide(key, 1, 300), key)))),
            ("two halves of one worker", scene([1, 2, 3, 4, 5].map(|key| proof(key, 1, 300)))),
        ],
        expect![[r#"
            by due time: 2@1 3@2
            a long one before a short one: 2@1 3@2
            worth more: 3@1 2@2
            two halves of one worker: 1@1 2@1 3@2 4@2
        "#]],
    );
}

#[test]
fn a_task_goes_where_it_ends_first() {
    let name = B256::repeat_byte(1);
    let reading = |mb: u64| Candidate { inputs: vec![(name, mb * 1_000_000)], ..wide(1, 4, 300) };
    let fast = WorkerView { device: Device(1), ..worker(2) };
    let near = WorkerView { holds: BTreeSet::from([name]), ..worker(1) };
    let small = WorkerView { total: Resources { cores: 6, ..CORES_8 }, ..worker(2) };
    let with = |candidate, workers: [&WorkerView; 2]| Scene {
        workers: workers.map(WorkerView::clone).to_vec(),
        ..scene([candidate])
    };
    let failed = |task, on: &[u64]| Candidate {
        failed_on: on.iter().copied().map(WorkerId).collect(),
        ..task
    };
    check(
        [
            ("the faster device", with(wide(1, 4, 300), [&worker(1), &fast])),
            ("where its input is", with(reading(5), [&near, &fast])),
            ("not where its input is, if that is small", with(reading(1), [&near, &fast])),
            ("not where it does not fit", with(wide(1, 4, 300), [&small, &worker(3)])),
            ("not where it failed", with(failed(wide(1, 4, 300), &[1]), [&worker(1), &worker(2)])),
            (
                "where it failed, if nobody else can",
                with(failed(wide(1, 4, 300), &[1]), [&worker(1), &small]),
            ),
        ],
        expect![[r#"
            the faster device: 1@2
            where its input is: 1@1
            not where its input is, if that is small: 1@2
            not where it does not fit: 1@3
            not where it failed: 1@2
            where it failed, if nobody else can: 1@1
        "#]],
    );
}

#[test]
fn others_go_first_only_where_nobody_is_delayed() {
    let busy = |candidates: Vec<_>| Scene {
        in_hand: vec![in_hand(proof(90, 10, 200), 1, 95)],
        workers: vec![worker(1)],
        ..scene(candidates)
    };
    let tiny = |key, mcycles| Candidate {
        needs: Resources { cores: 1, ..Resources::default() },
        ..proof(key, mcycles, 900)
    };
    check(
        [
            (
                "it is gone when the wide one can begin",
                busy(vec![wide(1, 1, 200), proof(2, 4, 900)]),
            ),
            ("it would not be", busy(vec![wide(1, 1, 200), proof(2, 6, 900)])),
            ("a small one would not be either", busy(vec![wide(1, 1, 200), tiny(2, 60)])),
            (
                "room is left beside it",
                busy(vec![
                    Candidate {
                        needs: Resources { cores: 7, ..Resources::default() },
                        ..wide(1, 1, 200)
                    },
                    tiny(2, 60),
                ]),
            ),
            (
                "but not for two",
                busy(vec![
                    Candidate {
                        needs: Resources { cores: 7, ..Resources::default() },
                        ..wide(1, 1, 200)
                    },
                    tiny(2, 60),
                    tiny(3, 60),
                ]),
            ),
        ],
        expect![[r#"
            it is gone when the wide one can begin: 2@1 (Backfill)
            it would not be:
            a small one would not be either:
            room is left beside it: 2@1 (Backfill)
            but not for two: 2@1 (Backfill)
        "#]],
    );
}

#[test]
fn tenants_share_by_weight() {
    let of = |tenant, task: Candidate<u64>| Candidate { tenant: TenantId(tenant), ..task };
    let many = || {
        (0..4)
            .map(|key| of(1, proof(key, 1, 110)))
            .chain((10..14).map(|key| of(2, proof(key, 1, 900))))
    };
    let weighted = |weights: &[(u64, u32)]| Scene {
        weights: weights.iter().map(|(tenant, weight)| (TenantId(*tenant), *weight)).collect(),
        ..scene(many())
    };
    let begun = Scene { in_hand: vec![in_hand(of(1, wide(90, 10, 200)), 1, 99)], ..scene(many()) };
    check(
        [
            ("alike", weighted(&[])),
            ("three to one", weighted(&[(1, 3)])),
            ("who has none goes first, though it is in no hurry", begun),
            (
                "what one does not want is the other's",
                scene((0..4).map(|key| of(1, proof(key, 1, 110)))),
            ),
        ],
        expect![[r#"
            alike: 0@1 10@1 1@2 11@2
            three to one: 0@1 10@1 1@2 2@2
            who has none goes first, though it is in no hurry: 10@2 11@2
            what one does not want is the other's: 0@1 1@1 2@2 3@2
        "#]],
    );
}

#[test]
fn idle_workers_help_with_what_takes_too_long() {
    let slow = |elapsed_s: u64| in_hand(wide(90, 4, 200), 1, 100 - elapsed_s);
    let with = |in_hand: InHand<u64>, candidates: Vec<_>| Scene {
        in_hand: vec![in_hand],
        ..scene(candidates)
    };
    check(
        [
            ("not much longer than any", with(slow(6), vec![])),
            ("half as long again", with(slow(7), vec![])),
            ("but there is work to do", with(slow(7), vec![wide(1, 1, 300)])),
            ("somebody helps already", with(InHand { is_twice: true, ..slow(50) }, vec![])),
            ("nobody else is able", Scene { workers: vec![worker(1)], ..with(slow(50), vec![]) }),
        ],
        expect![[r#"
            not much longer than any:
            half as long again: 90@2 (Straggler)
            but there is work to do: 1@2
            somebody helps already:
            nobody else is able:
        "#]],
    );
}

fn any_task() -> impl Strategy<Value = Candidate<u64>> {
    let needs = (1u32..9, 1u32..40).prop_map(|(cores, gib)| Resources {
        cores,
        memory_mib: gib * 1_000,
        ..Resources::default()
    });
    (needs, 1u64..20, 100u64..200, 0u64..3, prop::collection::vec(1u64..5, 0..3)).prop_map(
        |(needs, mcycles, due_s, tenant, failed_on)| Candidate {
            needs,
            tenant: TenantId(tenant),
            failed_on: failed_on.into_iter().map(WorkerId).collect(),
            ..proof(0, mcycles, due_s)
        },
    )
}

proptest! {
    /// Nobody is given more than there is room for, nothing begins twice, and if anything begins nothing that would have
    /// fitted on an idle cluster without anybody in hand waits while a worker is wholly idle and untouched by promises.
    #[test]
    fn room_is_kept_and_used(
        tasks in prop::collection::vec(any_task(), 0..12),
        held in prop::collection::vec((any_task(), 1u64..4, 80u64..100), 0..4),
        weights in prop::collection::btree_map(0u64..3, 1u32..5, 0..3),
    ) {
        let workers: Vec<_> = (1..4).map(worker).collect();
        let mut free: BTreeMap<_, _> = workers.iter().map(|it| (it.id, it.total)).collect();
        let mut hand = Vec::new();
        for (key, (task, id, begun_s)) in (100..).zip(held) {
            let left = free.get_mut(&WorkerId(id)).unwrap();
            if left.fits(task.needs) {
                *left = left.less(task.needs);
                hand.push(in_hand(Candidate { key, ..task }, id, begun_s));
            }
        }
        let candidates: Vec<_> =
            (0..).zip(tasks).map(|(key, task)| Candidate { key, ..task }).collect();
        let weights = weights.into_iter().map(|(it, weight)| (TenantId(it), weight)).collect();
        let scene = Scene { candidates, in_hand: hand, workers, weights };
        let starts = scene.starts(at(100));
        let needs = |key: u64| {
            let held = scene.in_hand.iter().map(|it| &it.task);
            scene.candidates.iter().chain(held).find(|it| it.key == key).unwrap().needs
        };
        for start in &starts {
            let left = free.get_mut(&start.worker).unwrap();
            prop_assert!(left.fits(needs(start.key)), "{start:?}");
            *left = left.less(needs(start.key));
        }
        let keys: BTreeSet<_> = starts.iter().map(|start| start.key).collect();
        prop_assert_eq!(keys.len(), starts.len());
        let is_idle = |id: &WorkerId| free[id] == CORES_8;
        let idle = scene.workers.iter().filter(|it| is_idle(&it.id)).count();
        let waits = scene.candidates.iter().any(|it| {
            !keys.contains(&it.key) && CORES_8.fits(it.needs) && it.failed_on.is_empty()
        });
        prop_assert!(!waits || idle == 0, "{starts:?}");
    }
}
