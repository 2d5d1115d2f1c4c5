//! The circuit breaker: no new promise while proving fails.

use rialto_protocol::Timestamp;

/// When locking stops because proving fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row after which no lock is made; at least 1.
    pub failures: u32,
    /// Seconds after the last of them until one order is taken on trial.
    pub rest_s: u64,
}

/// How the prover has done lately. Rebuilt from the logbook's proof attempts after a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProverHealth {
    /// Attempts that failed since the last one that gave a proof.
    pub failures_in_a_row: u32,
    /// The end of the last of them.
    pub last_failure: Option<Timestamp>,
    /// Whether the prover does not answer, or answers that it takes no work.
    pub is_out: bool,
}

/// Whether promises may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// Freely.
    Closed,
    /// One at a time, to see whether proving works again.
    Trial,
    /// None before `until` at the earliest.
    Open {
        /// When a trial is due.
        until: Timestamp,
    },
}

impl Breaker {
    /// The breaker as `health` sets it.
    pub fn of(health: &ProverHealth, policy: &BreakerPolicy, now: Timestamp) -> Self {
        if health.is_out {
            return Self::Open { until: now.saturating_add(1) };
        }
        if health.failures_in_a_row < policy.failures.max(1) {
            return Self::Closed;
        }
        let until = health.last_failure.unwrap_or(now).saturating_add(policy.rest_s);
        if now < until { Self::Open { until } } else { Self::Trial }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn it_opens_rests_and_tries() {
        let policy = BreakerPolicy { failures: 2, rest_s: 60 };
        let rows: String = [
            (0, false, 100),
            (1, false, 100),
            (2, false, 100),
            (2, false, 159),
            (2, false, 160),
            (3, false, 159),
            (0, true, 100),
        ]
        .map(|(failures, is_out, now)| {
            let last_failure = (failures > 0).then_some(Timestamp(100));
            let health = ProverHealth { failures_in_a_row: failures, last_failure, is_out };
            let breaker = Breaker::of(&health, &policy, Timestamp(now));
            format!("{failures} failures, out: {is_out}, at {now}: {breaker:?}\n")
        })
        .concat();
        expect![[r#"
            0 failures, out: false, at 100: Closed
            1 failures, out: false, at 100: Closed
            2 failures, out: false, at 100: Open { until: Timestamp(160) }
            2 failures, out: false, at 159: Open { until: Timestamp(160) }
            2 failures, out: false, at 160: Trial
            3 failures, out: false, at 159: Open { until: Timestamp(160) }
            0 failures, out: true, at 100: Open { until: Timestamp(101) }
        "#]]
        .assert_eq(&rows);
    }
}
