//! A reminder in the code names the decision record that explains it, and the record exists.

use crate::findings::Finding;
use crate::repository::{Repository, TextFile};

/// Split, so that this file holds none itself.
const MARKS: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
const RECORDS: &str = "docs/decisions/";
const CHECKED: &[&str] = &["rs", "sol", "sh", "mjs", "js", "toml", "sql", "html", "css"];

pub(crate) fn findings(repository: &Repository) -> Vec<Finding> {
    let checked = |file: &&TextFile| file.has_extension(CHECKED) || file.path.ends_with("Makefile");
    let exists = |number: &str| {
        let start = format!("{RECORDS}{number}-");
        repository.files().iter().any(|file| file.path.starts_with(&start))
    };
    repository.files().iter().filter(checked).flat_map(|file| of_file(file, exists)).collect()
}

fn of_file(file: &TextFile, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    file.lines()
        .filter_map(|(number, line)| {
            let (mark, rest) = mark_in(line)?;
            let cited = rest.strip_prefix('(').and_then(|rest| rest.strip_prefix(RECORDS));
            let record = cited.and_then(|cited| cited.get(..4));
            match record {
                Some(record) if exists(record) => None,
                _ => {
                    let instead = format!(
                        "write `{mark}({RECORDS}NNNN)` with a record that exists, or do it"
                    );
                    Some(Finding::new(
                        &file.path,
                        number,
                        format!("an unexplained {mark}"),
                        instead,
                    ))
                }
            }
        })
        .collect()
}

/// The first mark that stands as a word of its own, and what follows it.
fn mark_in(line: &str) -> Option<(&'static str, &str)> {
    let is_word =
        |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
    MARKS.iter().find_map(|mark| {
        let (before, after) = line.split_once(mark)?;
        let alone = !is_word(before.chars().next_back()) && !is_word(after.chars().next());
        alone.then_some((*mark, after))
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::findings::listed;

    fn check(text: &str, expected: Expect) {
        let text = text.replace("MARK", MARKS[0]);
        let found = of_file(&TextFile::new("src/a.rs", &text), |number| number == "0001");
        expected.assert_eq(&listed(&found).replace(MARKS[0], "MARK"));
    }

    #[test]
    fn a_reminder_needs_a_record_that_exists() {
        check(
            "// MARK: later\n// MARK(docs/decisions/0009): later",
            expect![[r#"
                src/a.rs:1: an unexplained MARK; write `MARK(docs/decisions/NNNN)` with a record that exists, or do it
                src/a.rs:2: an unexplained MARK; write `MARK(docs/decisions/NNNN)` with a record that exists, or do it
            "#]],
        );
        check("// MARK(docs/decisions/0001): later", expect![""]);
        check("let autoMARKs = 1; // MARKS", expect![""]);
    }
}
