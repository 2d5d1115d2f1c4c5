//! When proofs are handed in, and which of them together.
//!
//! Proofs under locks of ours wait for company as long as the settings allow and no deadline is
//! near. Waiting for nobody is pointless: a batch is also closed when no proof is on its way.

use rialto_protocol::{RequestDigest, Timestamp, Wei};

/// When proofs are handed in together. A bound that is reached closes the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPolicy {
    /// Proofs: `min_batch_size`, at least 1.
    pub min_size: u32,
    /// Seconds since the first of them was finished: `batch_max_time`.
    pub max_age_s: u64,
    /// Bytes of their journals together: `batch_max_journal_bytes`.
    pub max_journal_bytes: u64,
    /// What they pay together: `batch_max_fees`.
    pub max_fees: Option<Wei>,
    /// Seconds before the nearest deadline: `block_deadline_buffer_secs`.
    pub deadline_buffer_s: u64,
}

/// A finished proof that may wait for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The order.
    pub digest: RequestDigest,
    /// When the proof was finished.
    pub since: Timestamp,
    /// Length of its journal.
    pub journal_bytes: u64,
    /// What it pays.
    pub fee: Wei,
    /// The last second at which it is paid.
    pub deadline: Timestamp,
}

/// Proofs in one transaction, at most: beyond this its gas comes near to a block's.
pub const BATCH_MAX: usize = 64;
/// From this many proofs on it is cheaper to put the signed root on the chain once than to show
/// the signatures with each proof (`docs/gas.md`, rows of `fulfill` and `submitRootAndFulfill`).
pub const ROOT_FROM: usize = 4;

/// Why a batch is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// It has as many proofs as it should.
    Size,
    /// Its first proof has waited long enough.
    Age,
    /// Its journals are long enough.
    Journals,
    /// It pays enough.
    Fees,
    /// A deadline is near.
    Deadline,
    /// Nothing is on its way that could join.
    NothingToCome,
}

/// Whether `waiting` is handed in now, and why. `to_come` says that proofs are on their way.
pub fn closing(
    waiting: &[Finished],
    to_come: bool,
    policy: &BatchPolicy,
    now: Timestamp,
) -> Option<Closing> {
    let first = waiting.iter().map(|one| one.since).min()?;
    let nearest = waiting.iter().map(|one| one.deadline).min()?;
    let journals = waiting.iter().fold(0u64, |sum, one| sum.saturating_add(one.journal_bytes));
    let fees = waiting.iter().fold(Wei::ZERO, |sum, one| sum.checked_add(one.fee).unwrap_or(sum));
    let size = u32::try_from(waiting.len()).unwrap_or(u32::MAX);
    if now.saturating_add(policy.deadline_buffer_s) >= nearest {
        Some(Closing::Deadline)
    } else if size >= policy.min_size {
        Some(Closing::Size)
    } else if first.seconds_until(now) >= policy.max_age_s {
        Some(Closing::Age)
    } else if journals >= policy.max_journal_bytes {
        Some(Closing::Journals)
    } else if policy.max_fees.is_some_and(|limit| fees >= limit) {
        Some(Closing::Fees)
    } else if !to_come {
        Some(Closing::NothingToCome)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;
    use expect_test::expect;

    #[test]
    fn every_bound_closes_a_batch_and_nothing_else_does() {
        let policy = BatchPolicy {
            min_size: 3,
            max_age_s: 100,
            max_journal_bytes: 1_000,
            max_fees: Some(Wei::from(50)),
            deadline_buffer_s: 30,
        };
        let one = Finished {
            digest: RequestDigest(B256::ZERO),
            since: Timestamp(1_000),
            journal_bytes: 100,
            fee: Wei::from(10),
            deadline: Timestamp(1_500),
        };
        let rows: String = [
            ("nothing", vec![], true, 1_000),
            ("one", vec![one], true, 1_099),
            ("three", vec![one; 3], true, 1_000),
            ("old", vec![one, Finished { since: Timestamp(999), ..one }], true, 1_099),
            ("long", vec![one, Finished { journal_bytes: 900, ..one }], true, 1_000),
            ("dear", vec![one, Finished { fee: Wei::from(40), ..one }], true, 1_000),
            ("urgent", vec![one, Finished { deadline: Timestamp(1_080), ..one }], true, 1_050),
            (
                "nearly urgent",
                vec![one, Finished { deadline: Timestamp(1_080), ..one }],
                true,
                1_049,
            ),
            ("the last", vec![one], false, 1_000),
        ]
        .into_iter()
        .map(|(what, waiting, to_come, now)| {
            format!("{what}: {:?}\n", closing(&waiting, to_come, &policy, Timestamp(now)))
        })
        .collect();
        expect![[r#"
            nothing: None
            one: None
            three: Some(Size)
            old: Some(Age)
            long: Some(Journals)
            dear: Some(Fees)
            urgent: Some(Deadline)
            nearly urgent: None
            the last: Some(NothingToCome)
        "#]]
        .assert_eq(&rows);
    }
}
