//! Pure crates depend on nothing that can act or observe: `cargo tree` against a ban list.
//!
//! The tree is the crate's own, with the features it asks for itself, so a feature that another
//! crate switches on in a larger build neither hides nor causes a finding.

use crate::findings::Finding;
use crate::repository::Repository;

/// The crates that `design` calls pure; those not created yet are skipped.
pub(crate) const PURE_CRATES: &[&str] =
    &["rialto-protocol", "rialto-mechanism", "rialto-planner", "rialto-lab"];

/// What a pure crate must not reach, and why. A trailing `*` matches a family of names.
const BANNED: &[(&str, &str)] = &[
    ("tokio*", "an async runtime"),
    ("async-std", "an async runtime"),
    ("smol", "an async runtime"),
    ("async-io", "an async runtime"),
    ("futures*", "async code: pure functions return values"),
    ("mio", "sockets"),
    ("socket2", "sockets"),
    ("hyper*", "HTTP"),
    ("http-body*", "HTTP"),
    ("reqwest*", "HTTP"),
    ("ureq", "HTTP"),
    ("axum*", "HTTP"),
    ("tower*", "HTTP"),
    ("rustls*", "network security"),
    ("native-tls", "network security"),
    ("sqlx*", "a database"),
    ("rusqlite", "a database"),
    ("libsqlite3-sys", "a database"),
    ("object_store", "a file or object store"),
    ("tempfile", "files"),
    ("walkdir", "files"),
    ("memmap2", "files"),
    ("rustix", "operating system calls"),
    ("nix", "operating system calls"),
    ("signal-hook*", "operating system calls"),
    ("alloy", "a provider: use alloy-primitives and alloy-sol-types"),
    ("alloy-provider", "a provider"),
    ("alloy-transport*", "a provider"),
    ("alloy-rpc-client", "a provider"),
    ("alloy-signer*", "a key"),
    ("alloy-node-bindings", "a child process"),
    ("openvm*", "a zkVM: it runs threads and reads the clock"),
    ("rayon*", "threads"),
    ("crossbeam*", "threads"),
    ("parking_lot*", "threads"),
    ("dashmap", "threads"),
    ("num_cpus", "the machine"),
    ("getrandom", "entropy"),
    ("rand", "entropy: randomness arrives as an argument"),
    ("fastrand", "entropy"),
    ("const-random", "entropy at build time"),
    ("uuid", "entropy and the clock"),
    ("chrono", "the clock"),
    ("time", "the clock"),
    ("jiff", "the clock"),
    ("web-time", "the clock"),
    ("log", "a log: return what happened"),
    ("tracing*", "a log: return what happened"),
    ("env_logger", "a log: return what happened"),
    ("slog*", "a log: return what happened"),
    ("metrics*", "a global recorder"),
    ("prometheus*", "a global recorder"),
];

pub(crate) fn findings(repository: &Repository) -> Vec<Finding> {
    let exists = |name: &&&str| repository.file(&format!("crates/{name}/Cargo.toml")).is_some();
    PURE_CRATES.iter().filter(exists).flat_map(|name| of_crate(repository, name)).collect()
}

fn of_crate(repository: &Repository, name: &str) -> Vec<Finding> {
    // Proc macros and build scripts act at build time only and never in the program, so
    // `no-proc-macro` and normal edges it is.
    let edges = ["--edges", "normal,no-proc-macro"];
    let flat = ["--prefix", "none", "--format", "{p}"];
    let arguments = [&["tree", "--locked", "--package", name][..], &edges, &flat].concat();
    of_tree(name, &repository.cargo(&arguments))
}

fn of_tree(crate_name: &str, tree: &str) -> Vec<Finding> {
    let mut names: Vec<_> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    names.sort_unstable();
    names.dedup();
    let manifest = format!("crates/{crate_name}/Cargo.toml");
    names
        .into_iter()
        .filter_map(|name| BANNED.iter().find(|(ban, _)| matches(ban, name)).map(|ban| (name, ban)))
        .map(|(name, (_, why))| {
            let what = format!("the pure crate {crate_name} reaches {name} ({why})");
            let ask =
                format!("`cargo tree -p {crate_name} -e normal -i {name}` shows by which way");
            Finding::new(&manifest, 0, what, ask)
        })
        .collect()
}

fn matches(ban: &str, name: &str) -> bool {
    match ban.strip_suffix('*') {
        Some(family) => name.starts_with(family),
        None => name == ban,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::findings::listed;

    #[test]
    fn banned_names_and_families_are_found_once() {
        let tree = "rialto-planner v0.1.0 (/somewhere)\nserde v1.0.0\ntokio-util v0.7.0\n\
                    rand v0.9.0\nrand_core v0.9.0\nrand v0.9.0 (*)\ntimekeeper v1.0.0\n";
        expect![[r#"
            crates/rialto-planner/Cargo.toml: the pure crate rialto-planner reaches rand (entropy: randomness arrives as an argument); `cargo tree -p rialto-planner -e normal -i rand` shows by which way
            crates/rialto-planner/Cargo.toml: the pure crate rialto-planner reaches tokio-util (an async runtime); `cargo tree -p rialto-planner -e normal -i tokio-util` shows by which way
        "#]].assert_eq(&listed(&of_tree("rialto-planner", tree)));
    }
}
