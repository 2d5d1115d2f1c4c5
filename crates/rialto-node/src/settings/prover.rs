//! `[prover]` and `[batcher]`: from a lock to payment.

use super::section::section;
use rialto_protocol::Wei;

section! {
    /// How proofs are made.
    "prover" => ProverSettings {
        /// Proofs that the prover makes side by side.
        [Proving, restart, process]
        concurrent_jobs: u32 = 1, in "proofs", least 1, most 1_024;
        /// Memory that a program may ask for; looked at when it is judged.
        [Proving]
        max_guest_memory_bytes: u64 = 512 << 20, in "bytes", least 1_048_576;
        /// Further tries to learn how a proof is going before it counts as failed.
        [Proving]
        status_poll_retry_count: u32 = 3, in "retries";
        /// Time between two looks at how a proof is going.
        [Proving]
        status_poll_ms: u64 = 1_000, in "milliseconds", least 10;
        /// Further tries of a request to the prover that fails.
        [Proving]
        req_retry_count: u32 = 3, in "retries";
        /// Pause before such a try.
        [Proving]
        req_retry_sleep_ms: u64 = 500, in "milliseconds";
        /// Further tries of a failed proof in quick succession. A locked request is not given up
        /// after them: tries go on, further apart, until its deadline is out of reach.
        [Proving]
        proof_retry_count: u32 = 1, in "retries";
        /// Pause before a failed proof is tried again.
        [Proving]
        proof_retry_sleep_ms: u64 = 500, in "milliseconds";
        /// Restarts of a failing part of one venue before that venue is given up. Other venues go on.
        [Proving, process]
        max_critical_task_retries: u32 = 10, in "restarts";
        /// Time between two searches for orders that can be closed.
        [Proving]
        reaper_interval_secs: u64 = 60, in "seconds", least 1;
        /// How long an order stays open after its deadline before it is closed as failed.
        [Proving]
        reaper_grace_period_secs: u64 = 10_800, in "seconds";
    }
}

section! {
    /// When finished proofs are handed in, and how.
    "batcher" => BatcherSettings {
        /// Age of the oldest proof at which a batch is sent.
        [Delivering]
        batch_max_time: u64 = 1_000, in "seconds";
        /// Number of proofs at which a batch is sent.
        [Delivering]
        min_batch_size: u32 = 1, in "proofs", least 1, most 128;
        /// Journals of all proofs together at which a batch is sent.
        [Delivering]
        batch_max_journal_bytes: u64 = 10_000, in "bytes";
        /// Prices of all proofs together at which a batch is sent.
        [Delivering]
        batch_max_fees: Option<Wei> = None, such as "\"0.1 ETH\"";
        /// Time before the nearest deadline of a batch at which it is sent: three times
        /// `txn_timeout` and half a minute.
        [Delivering]
        block_deadline_buffer_secs: u64 = 165, in "seconds";
        /// Time after which a transaction that is not confirmed is bid for anew.
        [Delivering]
        txn_timeout: u64 = 45, in "seconds", least 1;
        /// Time between two looks at whether a batch is due.
        [Delivering]
        batch_poll_time_ms: u64 = 1_000, in "milliseconds", least 10;
        /// Submit the batch's Merkle root and deliver in one transaction, not in two.
        [Delivering]
        single_txn_fulfill: bool = true;
        /// Have the market pay out the whole balance with each delivery.
        [Delivering]
        withdraw: bool = false;
        /// Submissions of a batch in quick succession. Proofs are not given up after them:
        /// submissions go on, further apart, until the deadline is out of reach.
        [Delivering]
        max_submission_attempts: u32 = 3, in "submissions", least 1;
        /// Pause between two submissions of a batch.
        [Delivering]
        submit_retry_delay_ms: u64 = 1_500, in "milliseconds";
    }
}
