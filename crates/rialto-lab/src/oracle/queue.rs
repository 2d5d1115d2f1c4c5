//! Jobs that wait for servers, and proofs that are late.

use super::race::normal_below;

/// The probability that a job finds all of `servers` busy, which serve the oldest first, memoryless, under a
/// load of `load` servers' work (Erlang's C): from his B, `B(0) = 1`, `B(n) = a·B(n−1) / (n + a·B(n−1))`, it is
/// `B / (1 − ρ·(1 − B))` with `ρ = a/N`.
pub fn erlang_c(load: f64, servers: u32) -> f64 {
    let lost =
        (1..=servers).fold(1.0, |lost, count| load * lost / (f64::from(count) + load * lost));
    lost / (1.0 - load / f64::from(servers) * (1.0 - lost))
}

/// The probability that a job is on time for which nobody waits, in `copies` from the start, each of which is late
/// with probability `late` on its own: `1 − late^copies`.
pub fn copies_on_time(late: f64, copies: i32) -> f64 {
    1.0 - late.powi(copies)
}

/// The same for one copy and another that begins later, late with `late_hedge`: `1 − late · late_hedge`.
pub fn hedge_on_time(late: f64, late_hedge: f64) -> f64 {
    1.0 - late * late_hedge
}

/// The lognormal distribution's probability below `value`.
pub fn lognormal_below(value: f64, median: f64, deviation: f64) -> f64 {
    normal_below((value / median).ln() / deviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One server is busy as often as its load; two by hand; 41 as in tables. Proofs of 6.7 s as others found them.
    #[test]
    fn waiting_and_service_are_those_of_the_tables() {
        assert!((erlang_c(0.5, 1) - 0.5).abs() < 1e-12);
        assert!((erlang_c(1.0, 2) - 1.0 / 3.0).abs() < 1e-12);
        assert!((erlang_c(35.0, 41) - 0.240).abs() < 0.000_5);
        assert!((lognormal_below(6.7, 6.7, 0.301) - 0.5).abs() < 1e-12);
        let late = |within| 1.0 - lognormal_below(within, 6.7, 0.301);
        assert!((copies_on_time(late(12.0), 1) - 0.973_5).abs() < 0.000_1);
        assert!((copies_on_time(late(12.0), 2) - 0.999_3).abs() < 0.000_05);
        assert!((hedge_on_time(late(12.0), late(9.0)) - 0.995_7).abs() < 0.000_05);
    }
}
