//! Which workspace crate may build on which. The table is the picture of the architecture: an
//! arrow that is not here is a decision to be written down first.

use serde_json::Value;

use crate::findings::Finding;
use crate::repository::Repository;

/// Crate, and the workspace crates its own code may use. Tests may use more: they wire parts
/// together as the binary does.
const ARROWS: &[(&str, &[&str])] = &[
    // What a guest program computes, built natively so that a host can check its input first.
    ("block-header-core", &[]),
    ("rialto-protocol", &[]),
    ("rialto-mechanism", &["rialto-protocol"]),
    ("rialto-planner", &["rialto-protocol", "rialto-mechanism"]),
    ("rialto-lab", &["rialto-protocol", "rialto-mechanism", "rialto-planner"]),
    ("rialto-chain", &["rialto-protocol"]),
    ("rialto-artifacts", &["rialto-protocol"]),
    ("rialto-zkvm", &["rialto-protocol"]),
    ("rialto-cluster", &["rialto-protocol", "rialto-planner", "rialto-artifacts", "rialto-zkvm"]),
    (
        "rialto-node",
        &["rialto-protocol", "rialto-planner", "rialto-chain", "rialto-artifacts", "rialto-zkvm"],
    ),
    // Its own crate because it is its own trust domain: it holds a signing key and judges proofs,
    // so it must not be able to reach the market or a node.
    ("rialto-attester", &["rialto-protocol", "rialto-artifacts", "rialto-zkvm"]),
    ("rialto-exchange", &["rialto-protocol", "rialto-mechanism", "rialto-chain"]),
    (
        "rialto-cli",
        &[
            "block-header-core",
            "rialto-protocol",
            "rialto-mechanism",
            "rialto-planner",
            "rialto-lab",
            "rialto-chain",
            "rialto-artifacts",
            "rialto-zkvm",
            "rialto-cluster",
            "rialto-node",
            "rialto-attester",
            "rialto-exchange",
        ],
    ),
];

pub(crate) fn findings(repository: &Repository) -> Vec<Finding> {
    let metadata = repository.cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo metadata prints JSON");
    of_metadata(&metadata)
}

fn of_metadata(metadata: &Value) -> Vec<Finding> {
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    let names: Vec<_> = packages.iter().map(|package| text(&package["name"])).collect();
    packages.iter().flat_map(|package| of_package(package, &names)).collect()
}

fn of_package(package: &Value, workspace: &[&str]) -> Vec<Finding> {
    let name = text(&package["name"]);
    let manifest = format!("{name}'s Cargo.toml");
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
        let instead = "record why it enforces a boundary and add it to ARROWS in arrows.rs";
        return vec![Finding::new(&manifest, 0, "a crate without a place in the design", instead)];
    };
    let dependencies = package["dependencies"].as_array().expect("a package lists dependencies");
    dependencies
        .iter()
        .filter(|dependency| text(&dependency["kind"]) != "dev")
        .map(|dependency| text(&dependency["name"]))
        .filter(|used| workspace.contains(used) && !allowed.contains(used))
        .map(|used| {
            let what = format!("{name} builds on {used}");
            let instead = match allowed {
                [] => "it may build on no workspace crate".to_owned(),
                allowed => format!("it may build on {}", allowed.join(", ")),
            };
            Finding::new(&manifest, 0, what, instead)
        })
        .collect()
}

/// A JSON string; anything else, such as the null kind of a normal dependency, reads as empty.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;
    use crate::findings::listed;

    #[test]
    fn the_table_has_no_cycle() {
        for (position, (name, allowed)) in ARROWS.iter().enumerate() {
            for used in *allowed {
                let above = ARROWS[..position].iter().any(|(known, _)| known == used);
                assert!(above, "{name} uses {used}, which does not stand above it");
            }
        }
    }

    #[test]
    fn wrong_arrows_and_unknown_crates_are_found() {
        let metadata = json!({ "packages": [
            { "name": "rialto-protocol", "dependencies": [{ "name": "rialto-chain", "kind": null }] },
            { "name": "rialto-node", "dependencies": [
                { "name": "rialto-attester", "kind": null },
                { "name": "rialto-chain", "kind": null },
                { "name": "serde", "kind": null },
            ] },
            { "name": "rialto-attester", "dependencies": [{ "name": "rialto-node", "kind": "dev" }] },
            { "name": "rialto-chain", "dependencies": [{ "name": "rialto-zkvm", "kind": "build" }] },
            { "name": "rialto-zkvm", "dependencies": [] },
            { "name": "rialto-toolbox", "dependencies": [] },
        ]});
        expect![[r#"
            rialto-protocol's Cargo.toml: rialto-protocol builds on rialto-chain; it may build on no workspace crate
            rialto-node's Cargo.toml: rialto-node builds on rialto-attester; it may build on rialto-protocol, rialto-planner, rialto-chain, rialto-artifacts, rialto-zkvm
            rialto-chain's Cargo.toml: rialto-chain builds on rialto-zkvm; it may build on rialto-protocol
            rialto-toolbox's Cargo.toml: a crate without a place in the design; record why it enforces a boundary and add it to ARROWS in arrows.rs
        "#]].assert_eq(&listed(&of_metadata(&metadata)));
    }
}
