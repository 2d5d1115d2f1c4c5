//! `[prover]`

use crate::settings::behaviour::behaviours;
use crate::stage::{Script, Stage, about, acted};
use expect_test::expect;

/// What became of a proof that somebody waits for.
fn proof(stage: &mut Stage) -> String {
    stage.play((600, 900), 30);
    stage.first(&["retrying", "proven"])
}

/// How often a proof that never succeeds is begun in a minute.
fn attempts(stage: &mut Stage) -> String {
    stage.play((600, 900), 60);
    about(stage.prover.asked().proofs)
}

const SLOW: Script = Script { proof_s: 25, ..Script::WELL };
const NEVER: Script = Script { failing_proofs: u32::MAX, ..Script::WELL };

behaviours! {
    "prover";

    concurrent_jobs ["1", "2"]
        acted(&[], Script { proof_s: 10, ..Script::WELL }, |stage| {
            stage.start();
            stage.pass(2);
            (0..3).for_each(|_| stage.submit(600, 900));
            stage.pass(50);
            format!("{} at once", stage.prover.asked().most_at_once)
        }) => expect![[r#"
            1: 1 at once
            2: 2 at once
        "#]];
    max_guest_memory_bytes ["4_194_304", "8_388_608"]
        acted(&[], Script::WELL, |stage| {
            stage.play((600, 900), 15);
            stage.first(&["priced", "skipped"])
        }) => expect![[r#"
            4_194_304: skipped
            8_388_608: priced
        "#]];
    status_poll_retry_count ["0", "3"]
        acted(&[], Script { failing_looks: 2, proof_s: 10, ..Script::WELL }, proof) => expect![[r#"
            0: retrying, proven
            3: proven
        "#]];
    status_poll_ms ["1_000", "60_000"]
        acted(&[], SLOW, |stage| {
            stage.play((600, 900), 40);
            about(stage.prover.asked().looks)
        }) => expect![[r#"
            1_000: many times
            60_000: a few times
        "#]];
    req_retry_count ["0", "3"]
        acted(&[], Script { failing_submissions: 2, ..Script::WELL }, proof) => expect![[r#"
            0: retrying, proven
            3: proven
        "#]];
    req_retry_sleep_ms ["100", "60_000"]
        acted(&[], Script { failing_submissions: 1, ..Script::WELL }, proof) => expect![[r#"
            100: proven
            60_000: nothing
        "#]];
    proof_retry_count ["0", "50"]
        acted(&[], NEVER, attempts) => expect![[r#"
            0: a few times
            50: many times
        "#]];
    proof_retry_sleep_ms ["500", "30_000"]
        acted(&[("prover", "proof_retry_count", "50")], NEVER, attempts) => expect![[r#"
            500: many times
            30_000: a few times
        "#]];
    max_critical_task_retries ["0", "2"]
        acted(&[], Script::WELL, |stage| {
            stage.lose_the_chain();
            stage.start();
            stage.pass(60);
            format!("started again {} times", stage.restarts())
        }) => expect![[r#"
            0: started again 0 times
            2: started again 2 times
        "#]];
    reaper_interval_secs ["1", "3_600"]
        acted(&[("prover", "reaper_grace_period_secs", "0")], SLOW, lost) => expect![[r#"
            1: locked, closed
            3_600: locked
        "#]];
    reaper_grace_period_secs ["0", "3_600"]
        acted(&[("prover", "reaper_interval_secs", "1")], SLOW, lost) => expect![[r#"
            0: locked, closed
            3_600: locked
        "#]];
}

/// Whether an order that nobody can deliver any more is closed: its proof takes longer than it may.
fn lost(stage: &mut Stage) -> String {
    stage.play((20, 24), 60);
    stage.first(&["locked", "closed"])
}
