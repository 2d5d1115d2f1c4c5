//! What a rule reports.

use std::fmt;

/// One place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Path from the repository's root.
    pub(crate) path: String,
    /// One-based; 0 means the whole file.
    pub(crate) line: usize,
    /// What is there.
    pub(crate) what: String,
    /// What would be right.
    pub(crate) instead: String,
}

impl Finding {
    pub(crate) fn new(
        path: &str,
        line: usize,
        what: impl Into<String>,
        instead: impl Into<String>,
    ) -> Self {
        Self { path: path.to_owned(), line, what: what.into(), instead: instead.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}; {}", self.path, self.what, self.instead),
            line => write!(f, "{}:{line}: {}; {}", self.path, self.what, self.instead),
        }
    }
}

/// Fails the test with every finding, sorted by place.
#[track_caller]
pub(crate) fn assert_none(mut found: Vec<Finding>) {
    found.sort();
    let count = found.len();
    assert!(count == 0, "{count} finding(s):\n{}", listed(&found));
}

/// The findings, one per line.
pub(crate) fn listed(found: &[Finding]) -> String {
    found.iter().map(|finding| format!("{finding}\n")).collect()
}
