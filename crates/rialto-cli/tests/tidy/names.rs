//! A module is the noun it owns, and its head says what it is for.

use crate::findings::Finding;
use crate::repository::{Repository, TextFile};

/// Names that own nothing, so everything ends up in them.
const BANNED: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "shared", "misc", "types", "manager", "service",
];

/// Endings that keep the old beside the new.
const BANNED_ENDINGS: &[&str] =
    &["_v2", "_v3", "_old", "_new", "_legacy", "_utils", "_helpers", "_manager", "_misc"];

pub(crate) fn findings(repository: &Repository) -> Vec<Finding> {
    repository.rust_files().flat_map(of_file).collect()
}

fn of_file(file: &TextFile) -> Vec<Finding> {
    bad_names(file).into_iter().chain(missing_head(file)).collect()
}

fn bad_names(file: &TextFile) -> Vec<Finding> {
    let folders = file.path.split('/').rev().skip(1).map(|folder| (0, folder));
    let inline = file.lines().filter_map(|(number, line)| Some((number, declared_module(line)?)));
    std::iter::once((0, file.stem()))
        .chain(folders)
        .chain(inline)
        .filter(|(_, name)| is_banned(name))
        .map(|(line, name)| {
            let what = format!("a module called `{name}`");
            Finding::new(&file.path, line, what, "name it after the noun that it owns")
        })
        .collect()
}

/// The name in `mod name;` or `mod name {`.
fn declared_module(line: &str) -> Option<&str> {
    let declared = line.trim_start();
    let declared = match declared.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(')')?.1,
        Some(rest) => rest,
        None => declared,
    };
    let name = declared.trim_start().strip_prefix("mod ")?;
    Some(name.trim_end_matches([';', '{', ' ', '}']).trim())
}

fn is_banned(name: &str) -> bool {
    let ends = BANNED_ENDINGS.iter().any(|ending| name.ends_with(ending));
    ends || name == "legacy" || BANNED.contains(&name)
}

/// Test code is read after the module it tests and needs no head of its own.
fn missing_head(file: &TextFile) -> Option<Finding> {
    let empty = file.text.trim().is_empty();
    let headed = file.text.trim_start().starts_with("//!");
    let needs_head = !empty && !file.is_test_code();
    let instead = "begin it with `//!`: its duty and its invariants";
    (needs_head && !headed).then(|| Finding::new(&file.path, 1, "a module without a head", instead))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::findings::listed;

    fn check(path: &str, text: &str, expected: Expect) {
        expected.assert_eq(&listed(&of_file(&TextFile::new(path, text))));
    }

    #[test]
    fn names_that_own_nothing_are_found() {
        check(
            "crates/a/src/utils.rs",
            "//! Odds and ends.",
            expect![[r#"
            crates/a/src/utils.rs: a module called `utils`; name it after the noun that it owns
        "#]],
        );
        check(
            "crates/a/src/common/offer.rs",
            "//! The offer.",
            expect![[r#"
            crates/a/src/common/offer.rs: a module called `common`; name it after the noun that it owns
        "#]],
        );
        check(
            "crates/a/src/lib.rs",
            "//! A crate.\npub(crate) mod helpers;\nmod types {\n}",
            expect![[r#"
                crates/a/src/lib.rs:2: a module called `helpers`; name it after the noun that it owns
                crates/a/src/lib.rs:3: a module called `types`; name it after the noun that it owns
            "#]],
        );
        check(
            "crates/a/src/bidder_v2.rs",
            "//! The bidder.",
            expect![[r#"
            crates/a/src/bidder_v2.rs: a module called `bidder_v2`; name it after the noun that it owns
        "#]],
        );
        check(
            "crates/a/src/offer.rs",
            "//! The offer: `mod types` is a word here.\nmod curve;",
            expect![""],
        );
    }

    #[test]
    fn a_module_begins_with_its_head() {
        check(
            "crates/a/src/offer.rs",
            "use std::fmt;\n",
            expect![[r#"
            crates/a/src/offer.rs:1: a module without a head; begin it with `//!`: its duty and its invariants
        "#]],
        );
        check("crates/a/src/offer/tests.rs", "use super::*;\n", expect![""]);
    }
}
