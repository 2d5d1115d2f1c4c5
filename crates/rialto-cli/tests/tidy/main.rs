//! House rules as tests. Each module holds one family of rules: a function from the repository's
//! files to findings, and small fixtures that prove the rule can fail. Nothing here touches the
//! network; `cargo tree` and `cargo metadata` run offline against the committed lock file.
//!
//! A finding says where, what, and what would be right. Limits are constants at the head of
//! their module; raising one needs a decision record.

mod arrows;
mod documents;
mod findings;
mod lengths;
mod manifests;
mod names;
mod places;
mod pure_sources;
mod pure_trees;
mod reminders;
mod repository;
mod rust_source;

use findings::assert_none;
use repository::Repository;

#[test]
fn workspace_dependencies_follow_the_arrows() {
    assert_none(arrows::findings(Repository::open()));
}

#[test]
fn pure_crates_depend_on_nothing_that_acts() {
    assert_none(pure_trees::findings(Repository::open()));
}

#[test]
fn pure_sources_reach_for_nothing_outside_their_arguments() {
    assert_none(pure_sources::findings(Repository::open()));
}

#[test]
fn functions_and_files_fit_their_limits() {
    assert_none(lengths::findings(Repository::open()));
}

#[test]
fn modules_are_named_after_what_they_own_and_say_so() {
    assert_none(names::findings(Repository::open()));
}

#[test]
fn reminders_name_their_decision() {
    assert_none(reminders::findings(Repository::open()));
}

#[test]
fn files_name_no_machine_and_no_registry_host() {
    assert_none(places::findings(Repository::open()));
}

#[test]
fn documents_keep_their_shape() {
    assert_none(documents::findings(Repository::open()));
}

#[test]
fn manifests_inherit_from_the_workspace() {
    assert_none(manifests::findings(Repository::open()));
}
