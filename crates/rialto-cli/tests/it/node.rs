//! An operator's day: pause, a changed configuration, a new process, a drain; and several venues.

use crate::terminal::{BLOCK, Running, Terminal};
use serde_json::Value;

const SUBMIT: [&str; 8] =
    ["request", "submit", "--program", "block-header", "--block", BLOCK, "--ramp-up-period", "2"];

fn started(terminal: &Terminal, more: &[&str]) -> Running {
    let run = ["node", "run", "--json", "--config", "node.toml"];
    let key = ["--key-file", ".rialto/devnet/keys/prover-1.key"];
    let mut node = terminal.start(&[&run[..], &key, more].concat());
    node.until(|line| line["event"] == "started");
    node
}

fn settings(terminal: &Terminal) -> String {
    std::fs::read_to_string(terminal.dir.path().join(".rialto/devnet/node.toml")).unwrap()
}

fn is(event: &'static str) -> impl Fn(&Value) -> bool {
    move |line| line["event"] == event
}

#[test]
fn a_node_is_paused_changed_handed_over_and_drained_slow() {
    let terminal = Terminal::open();
    let key = ".rialto/devnet/keys/attester-1.key";
    let mut attester = terminal.start(&["attest", "run", "--json", "--key-file", key]);
    attester.line();
    let deposit = ["account", "deposit-collateral", "50 RCT"];
    terminal.rialto_as("prover-1", &deposit).done();
    let text = settings(&terminal);
    terminal.write("node.toml", &text);
    let mut first = started(&terminal, &[]);

    let paused = terminal.rialto(&["node", "pause", "--json"]).done().json();
    assert_eq!((&paused["directive"], &paused["locked"]), (&"pause".into(), &0.into()));
    assert!(paused["process"].is_string(), "{paused}");
    let submitted =
        terminal.rialto_as("client", &[&SUBMIT[..], &["--json"]].concat()).done().json();
    let held = first.until(|line| line["event"] == "held");
    assert_eq!(held["why"], "paused");

    // What is wrong changes nothing; what is right holds without a restart.
    terminal.write("node.toml", format!("{text}\nnonsense = 1\n"));
    assert_eq!(first.until(is("settings"))["is_applied"], false);
    terminal.write("node.toml", format!("{text}\n[monitor]\n"));
    first.until(is("settings"));
    terminal.write("node.toml", text.replacen("[market]", "[market]\nmin_mcycle_limit = 7000", 1));
    let changed = first.until(is("settings"));
    assert!(changed["text"].as_str().unwrap().contains("min_mcycle_limit: 0 -> 7000"), "{changed}");
    terminal.write("node.toml", &text);
    first.until(is("settings"));
    terminal.rialto(&["node", "resume"]).done();
    first.until(is("proving"));

    // The new process goes on with the lock of the old one, which says what it leaves.
    let mut second = started(&terminal, &["--take-over"]);
    assert_eq!(first.until(is("owed"))["locked"][0]["request"], submitted["request"]);
    assert_eq!(first.exit_code(), 0);

    let drained = terminal.rialto(&["node", "drain", "--json"]).done();
    let last: Value = serde_json::from_str(drained.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["locked"].as_array().unwrap().len(), 0);
    let delivered = second.until(is("delivered"));
    assert!(delivered["digest"].is_string());
    second.until(is("owed"));
    assert_eq!(second.exit_code(), 0);
}

#[test]
fn a_setup_writes_a_configuration_and_says_what_is_missing() {
    let terminal = Terminal::open();
    let missing = terminal.rialto_as("prover-1", &["node", "setup", "--yes", "--json"]);
    assert_eq!(missing.code, 3, "{}", missing.err);
    let checks = |said: &Value| -> Vec<(String, bool)> {
        let checks = said["checks"].as_array().unwrap().iter();
        checks
            .map(|check| {
                let what = check["what"].as_str().unwrap().to_owned();
                (what, check["is_there"].as_bool().unwrap())
            })
            .collect()
    };
    let all = ["chain", "gas", "collateral", "attesters", "prover"];
    let expected = |there: [bool; 5]| -> Vec<(String, bool)> {
        all.map(str::to_owned).into_iter().zip(there).collect()
    };
    assert_eq!(checks(&missing.json()), expected([true, true, false, false, true]));

    let deposit = ["account", "deposit-collateral", "50 RCT"];
    terminal.rialto_as("prover-1", &deposit).done();
    let key = ".rialto/devnet/keys/attester-1.key";
    let mut attester = terminal.start(&["attest", "run", "--json", "--key-file", key]);
    attester.line();
    let again = terminal.rialto_as("prover-1", &["node", "setup", "--check", "--json"]).done();
    assert_eq!(checks(&again.json()), expected([true; 5]));
    let kept = terminal.rialto_as("prover-1", &["node", "setup", "--yes"]);
    assert_eq!(kept.code, 2, "a configuration is never overwritten: {}", kept.err);
    let mute = terminal.rialto_as("prover-1", &["node", "setup", "--config", "other.toml"]);
    assert!(mute.err.contains("the answers ended before the questions"), "{}", mute.err);
}

#[test]
fn a_venue_that_cannot_be_reached_does_not_hold_up_another() {
    let terminal = Terminal::open();
    let network: Value = serde_json::from_str(&terminal.network_file()).unwrap();
    let mut dead = network.clone();
    dead["rpc_url"] = "http://127.0.0.1:1/".into();
    terminal.write("dead.json", dead.to_string());
    let venue = |name: &str, network: &str, key: &str| {
        format!(
            "[[venue]]\nname = \"{name}\"\nnetwork = \"{network}\"\n\
             key_file = \".rialto/devnet/keys/{key}.key\"\n"
        )
    };
    let venues = [
        venue("dead", "dead.json", "prover-2"),
        venue("live", ".rialto/devnet/network.json", "prover-1"),
    ];
    terminal.write("node.toml", format!("{}\n{}", settings(&terminal), venues.concat()));
    let node = ["node", "run", "--json", "--config", "node.toml"];
    let mut node = terminal.start(&node);
    let started = node.until(is("started"));
    assert_eq!(started["venue"], "live");
    let paused = terminal.rialto(&["node", "pause", "--json"]).done().json();
    assert_eq!(paused["data_dir"], ".rialto/node-live");
    terminal.rialto_as("client", &SUBMIT).done();
    let held = node.until(is("held"));
    assert_eq!((&held["venue"], &held["why"]), (&"live".into(), &"paused".into()));
    node.terminate();
    assert_eq!(node.until(is("owed"))["venue"], "live");
    assert_ne!(node.exit_code(), 0, "a venue has failed");
}
