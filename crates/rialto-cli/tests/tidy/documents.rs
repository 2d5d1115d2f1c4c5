//! Documents stay short enough to be read: the architecture, and one page per decision.

use crate::findings::Finding;
use crate::repository::{Repository, TextFile};

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const ARCHITECTURE_LINES_MAX: usize = 300;
const RECORDS: &str = "docs/decisions/";
const RECORD_LINES_MAX: usize = 60;
const RECORD_HEADINGS: &[&str] = &["## Context", "## Decision", "## Road not taken"];

pub(crate) fn findings(repository: &Repository) -> Vec<Finding> {
    let architecture = repository.file(ARCHITECTURE).and_then(long_architecture);
    let records: Vec<_> =
        repository.files().iter().filter(|file| file.path.starts_with(RECORDS)).collect();
    let mut found = of_records(&records);
    found.extend(architecture);
    found
}

fn long_architecture(file: &TextFile) -> Option<Finding> {
    let lines = file.text.lines().count();
    let what = format!("{lines} lines, fewer than {ARCHITECTURE_LINES_MAX}");
    let instead = "keep invariants and walkthroughs; the rest is module heads";
    (lines >= ARCHITECTURE_LINES_MAX).then(|| Finding::new(&file.path, 0, what, instead))
}

/// Records in the order of their file names.
fn of_records(records: &[&TextFile]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let number = format!("{:04}", index + 1);
        let name = record.path.trim_start_matches(RECORDS);
        if !name.starts_with(&format!("{number}-")) {
            let instead = format!("the next free number is {number}");
            found.push(Finding::new(&record.path, 0, "numbered out of order", instead));
        }
        found.extend(of_record(record));
    }
    found
}

fn of_record(record: &TextFile) -> Vec<Finding> {
    let lines = record.text.lines().count();
    let mut found: Vec<_> = RECORD_HEADINGS
        .iter()
        .filter(|heading| !record.text.lines().any(|line| line == **heading))
        .map(|heading| {
            let what = format!("no `{heading}`");
            Finding::new(&record.path, 0, what, "see docs/decisions/0001-record-decisions.md")
        })
        .collect();
    if lines > RECORD_LINES_MAX {
        let what = format!("{lines} lines, at most {RECORD_LINES_MAX}");
        found.push(Finding::new(&record.path, 0, what, "a decision fits on one page"));
    }
    found
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::findings::listed;

    #[test]
    fn a_record_has_its_headings_number_and_length() {
        let whole = "# One\n\n## Context\n\n## Decision\n\n## Road not taken\n";
        let one = TextFile::new("docs/decisions/0001-one.md", whole);
        let long = TextFile::new("docs/decisions/0002-two.md", &whole.repeat(9));
        let wrong = TextFile::new("docs/decisions/0004-four.md", "# Four\n\n## Decision\n");
        expect![[r#"
            docs/decisions/0002-two.md: 63 lines, at most 60; a decision fits on one page
            docs/decisions/0004-four.md: numbered out of order; the next free number is 0003
            docs/decisions/0004-four.md: no `## Context`; see docs/decisions/0001-record-decisions.md
            docs/decisions/0004-four.md: no `## Road not taken`; see docs/decisions/0001-record-decisions.md
        "#]].assert_eq(&listed(&of_records(&[&one, &long, &wrong])));
    }

    #[test]
    fn the_architecture_has_a_limit() {
        let file = |lines| TextFile::new(ARCHITECTURE, &"word\n".repeat(lines));
        expect![[r#""#]].assert_eq(&listed(&Vec::from_iter(long_architecture(&file(299)))));
        expect![[r#"
            ARCHITECTURE.md: 300 lines, fewer than 300; keep invariants and walkthroughs; the rest is module heads
        "#]].assert_eq(&listed(&Vec::from_iter(long_architecture(&file(300)))));
    }
}
