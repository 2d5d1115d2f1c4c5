//! `[batcher]`

use crate::settings::behaviour::behaviours;
use crate::settings::planning::{plan, waiting_at};
use crate::stage::{Line, Script, Stage, about, acted};
use expect_test::expect;
use rialto_chain::simulated::Faults;

const SLOW: Script = Script { proof_s: 15, ..Script::WELL };
const TOGETHER: &[Line] = &[("batcher", "min_batch_size", "4"), ("prover", "concurrent_jobs", "4")];

behaviours! {
    "batcher";

    batch_max_time ["50", "51"] plan(|| waiting_at(1_100)) => expect![[r#"
        50: 1: Seal; 2: Seal; 9: Prove { deadline: Timestamp(1200) }; seal 1 2, Age
        51: 1: Wait { until: Timestamp(1101), why: Batch }; 2: Wait { until: Timestamp(1101), why: Batch }; 9: Prove { deadline: Timestamp(1200) }
    "#]];
    min_batch_size ["2", "3"] plan(|| waiting_at(1_100)) => expect![[r#"
        2: 1: Seal; 2: Seal; 9: Prove { deadline: Timestamp(1200) }; seal 1 2, Size
        3: 1: Wait { until: Timestamp(1101), why: Batch }; 2: Wait { until: Timestamp(1101), why: Batch }; 9: Prove { deadline: Timestamp(1200) }
    "#]];
    batch_max_journal_bytes ["60", "61"] plan(|| waiting_at(1_100)) => expect![[r#"
        60: 1: Seal; 2: Seal; 9: Prove { deadline: Timestamp(1200) }; seal 1 2, Journals
        61: 1: Wait { until: Timestamp(1101), why: Batch }; 2: Wait { until: Timestamp(1101), why: Batch }; 9: Prove { deadline: Timestamp(1200) }
    "#]];
    batch_max_fees ["\"80 wei\"", "\"81 wei\""] plan(|| waiting_at(1_100)) => expect![[r#"
        "80 wei": 1: Seal; 2: Seal; 9: Prove { deadline: Timestamp(1200) }; seal 1 2, Fees
        "81 wei": 1: Wait { until: Timestamp(1101), why: Batch }; 2: Wait { until: Timestamp(1101), why: Batch }; 9: Prove { deadline: Timestamp(1200) }
    "#]];
    block_deadline_buffer_secs ["99", "100"] plan(|| waiting_at(1_100)) => expect![[r#"
        99: 1: Wait { until: Timestamp(1101), why: Batch }; 2: Wait { until: Timestamp(1101), why: Batch }; 9: Prove { deadline: Timestamp(1200) }
        100: 1: Seal; 2: Seal; 9: Prove { deadline: Timestamp(1200) }; seal 1 2, Deadline
    "#]];
    txn_timeout ["5", "3_600"]
        acted(&[], Script::WELL, |stage| {
            stage.start();
            stage.pass(2);
            stage.submit(600, 900);
            stage.chain.set_faults(Faults { dropped: 1_000, ..Faults::default() });
            stage.pass(60);
            (if stage.count("tx_signed") > 1 { "bid for anew" } else { "bid for once" }).to_owned()
        }) => expect![[r#"
            5: bid for anew
            3_600: bid for once
        "#]];
    batch_poll_time_ms ["500", "3_600_000"]
        acted(&[], Script::WELL, |stage| {
            stage.play((600, 900), 30);
            stage.first(&["proven", "sealed", "delivered"])
        }) => expect![[r#"
            500: proven, sealed, delivered
            3_600_000: proven
        "#]];
    single_txn_fulfill ["true", "false"]
        acted(TOGETHER, Script::WELL, |stage| {
            stage.start();
            stage.pass(2);
            (0..4).for_each(|_| stage.submit(600, 900));
            stage.pass(60);
            stage.first(&["submitting_root", "delivered"])
        }) => expect![[r#"
            true: delivered
            false: submitting_root, delivered
        "#]];
    withdraw ["false", "true"]
        acted(&[], Script::WELL, |stage| {
            stage.play((600, 900), 40);
            let (wei, _) = stage.chain.deposit_of(stage.me.address());
            let left = if wei == rialto_protocol::Wei::ZERO { "nothing" } else { "the price" };
            format!("{}, {left} is left in the market", stage.first(&["delivered"]))
        }) => expect![[r#"
            false: delivered, the price is left in the market
            true: delivered, nothing is left in the market
        "#]];
    max_submission_attempts ["1", "50"] acted(&[], SLOW, submissions) => expect![[r#"
        1: a few times
        50: many times
    "#]];
    submit_retry_delay_ms ["500", "30_000"]
        acted(&[("batcher", "max_submission_attempts", "50")], SLOW, submissions)
        => expect![[r#"
            500: many times
            30_000: a few times
        "#]];
}

/// How often a node that cannot pay for the gas hands a proof in.
fn submissions(stage: &mut Stage) -> String {
    stage.impoverish();
    stage.play((600, 900), 12);
    assert_eq!(stage.first(&["locked"]), "locked");
    stage.chain.set_base_fee(100_000_000_000);
    stage.pass(70);
    about(stage.count("delivering"))
}
