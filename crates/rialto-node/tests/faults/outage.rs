//! The prover falls silent or fails: what is locked waits for it, and nothing more is locked.

use crate::auditor::audit;
use crate::life::Life;
use crate::prover::{Answers, Script};
use crate::world::{PROMISES_MAX, Times, World, block_on};
use rialto_node::crash::Blow;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row};
use std::time::Duration;

const STEP: Duration = Duration::from_millis(250);

/// A market in which there is always something to lock.
struct Busy {
    world: World,
    life: Life,
    submitted: u32,
}

impl Busy {
    fn new(seed: u64) -> Self {
        let world = World::new(Script { seed, seconds_max: 6, failures: 0 });
        let life = Life::start(&world, Blow::Never);
        Self { world, life, submitted: 0 }
    }

    /// Lets time pass, with a new request every two seconds.
    fn pass(&mut self, seconds: u64) {
        for step in 0..seconds * 4 {
            if step % 8 == 0 {
                self.submitted += 1;
                let times = Times { ramp: 2, lock: 120, total: 150 };
                self.world.submit(&self.world.request(self.submitted, times));
            }
            self.wait(STEP);
        }
    }

    fn wait(&self, time: Duration) {
        self.world.chain.advance(time);
        assert!(self.life.advance(time), "nobody has killed the node");
    }

    /// Locks that the node has decided on, by its tables.
    fn locks_meant(&self) -> i64 {
        self.count("SELECT count(*) FROM intent WHERE kind = 'lock'")
    }

    /// Locks of the node that it has no proof for.
    fn at_risk(&self) -> usize {
        let unproven = self.count(
            "SELECT count(*) FROM fact WHERE kind = 'locked' AND account = (SELECT prover FROM owner)
             AND digest NOT IN (SELECT digest FROM proof)",
        );
        usize::try_from(unproven).unwrap()
    }

    fn count(&self, sql: &'static str) -> i64 {
        block_on(async {
            let options = SqliteConnectOptions::new().filename(self.world.logbook());
            let mut tables = options.read_only(true).connect().await.unwrap();
            sqlx::query(sql).fetch_one(&mut tables).await.unwrap().get(0)
        })
    }
}

fn check_outage(answers: Answers) {
    let mut busy = Busy::new(9);
    busy.pass(40);
    let before = busy.locks_meant();
    assert!(before >= 5, "the node works: {before} locks");

    busy.world.line.set(answers);
    (0..4).for_each(|_| busy.wait(STEP));
    let stopped = busy.locks_meant();
    let mut worst = busy.at_risk();
    for _ in 0..20 {
        busy.pass(2);
        worst = worst.max(busy.at_risk());
    }
    assert_eq!(busy.locks_meant(), stopped, "no lock is made from a second after the outage on");
    assert!(worst <= PROMISES_MAX, "{worst} orders at risk");

    busy.world.line.set(Answers::Well);
    busy.pass(90);
    let after = busy.locks_meant();
    assert!(after > stopped, "the node works again");
    for _ in 0..160 * 4 {
        busy.wait(STEP);
    }
    let Busy { world, life, .. } = busy;
    drop(life);
    let report = audit(&*world.chain, world.prover.address(), &world.logbook());
    println!(
        "{answers:?}: {before} locks before, {} in the first second, 0 in the 40 s after it, at most \
         {worst} of {PROMISES_MAX} at risk, {} after; {report:?}",
        stopped - before,
        after - stopped,
    );
    assert_eq!(report.violations, [], "{}", crate::history(&world));
}

#[test]
fn no_lock_is_made_while_the_prover_fails() {
    check_outage(Answers::WithErrors);
}

#[test]
fn no_lock_is_made_while_the_prover_is_silent() {
    check_outage(Answers::Late);
}
