//! Trees of proofs whose provers fail.

/// The probability that a perfect tree of `depth` is proven whose merges are proven by provers of its leaves,
/// where each of those fails with probability `fault` and nobody steps in: `(1 − fault)^(2^depth)`.
pub fn tree_unaided(depth: u32, fault: f64) -> f64 {
    (1.0 - fault).powi(1 << depth)
}

/// The same where of two sibling leaves either proves both, and merges are for whoever has proven what they merge:
/// `(1 − fault²)^(2^(depth − 1))`.
pub fn tree_in_pairs(depth: u32, fault: f64) -> f64 {
    (1.0 - fault * fault).powi(1 << (depth - 1))
}

/// The same where each attempt fails anew, a merge has two, and whoever has proven a node can rebuild all that is
/// missing beside it: with `q` for the level below, `(1 − (1 − q)²) · (1 − fault²)`, from `1 − fault` on.
pub fn tree_rebuilt(depth: u32, fault: f64) -> f64 {
    let level = |below: f64| (1.0 - (1.0 - below).powi(2)) * (1.0 - fault * fault);
    (0..depth).fold(1.0 - fault, |below, _| level(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What others have computed for 32 leaves of which one in ten fails.
    #[test]
    fn trees_live_as_often_as_others_found() {
        assert!((tree_unaided(5, 0.1) - 0.034).abs() < 0.000_5);
        assert!((tree_in_pairs(5, 0.1) - 0.851_5).abs() < 0.000_05);
        assert!((tree_rebuilt(5, 0.1) - 0.990).abs() < 0.000_5);
    }
}
