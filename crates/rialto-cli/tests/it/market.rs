//! A requester, an attester and a prover node, each at a terminal, with a real proof.

use crate::terminal::{BLOCK, Running, Terminal};
use serde_json::Value;

fn start_attester(terminal: &Terminal) -> Running {
    let key = ".rialto/devnet/keys/attester-1.key";
    let mut attester = terminal.start(&["attest", "run", "--json", "--key-file", key]);
    let listening: Value = serde_json::from_str(&attester.line()).unwrap();
    assert_eq!(listening["attester"], terminal.address("attester-1").as_str());
    attester
}

fn start_node(terminal: &Terminal) -> Running {
    let config = ".rialto/devnet/node.toml";
    let key = ".rialto/devnet/keys/prover-1.key";
    let mut node =
        terminal.start(&["node", "run", "--json", "--config", config, "--key-file", key]);
    node.until(|line| line["event"] == "started");
    node
}

#[test]
fn a_proof_is_asked_for_made_paid_fetched_and_verified_slow() {
    let terminal = Terminal::open();
    let _attester = start_attester(&terminal);
    let deposit = ["account", "deposit-collateral", "50 RCT"];
    terminal.rialto_as("prover-1", &deposit).done();
    let mut node = start_node(&terminal);
    let submit = [
        "request",
        "submit",
        "--program",
        "block-header",
        "--block",
        BLOCK,
        "--ramp-up-period",
        "2",
        "--json",
    ];
    let submitted = terminal.rialto_as("client", &submit).done().json();
    let id = submitted["request"].as_str().unwrap();
    node.until(|line| line["event"] == "proving");

    // A supervisor stops the node: it says what it owes, and goes on when it is started again.
    node.terminate();
    let owed = node.until(|line| line["event"] == "owed");
    assert_eq!(owed["locked"][0]["request"], id);
    assert_eq!(node.exit_code(), 0);
    let _node = start_node(&terminal);

    let waited = terminal.rialto(&["request", "status", id, "--wait", "--json"]).done().json();
    assert_eq!(waited["state"], "delivered");
    assert_eq!(waited["delivered_by"], terminal.address("prover-1").as_str());
    let fetched = terminal.rialto(&["request", "fetch", id, "--output", "result", "--json"]);
    let fetched = fetched.done().json();
    assert_eq!(fetched["journal"]["block_header"]["number"], 24_666_352);
    let verdict = terminal.rialto(&["request", "verify", id, "--json"]).done().json();
    let checks = verdict["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 5);
    assert!(checks.iter().all(|check| check["outcome"] == "holds"), "{verdict}");

    let verify = ["verify", "result/proof.bin", "--program", "block-header", "--json"];
    let verified = terminal.rialto(&verify).done().json();
    assert_eq!(verified["claim_digest"], fetched["claim_digest"]);
    let mut forged = std::fs::read(terminal.dir.path().join("result/proof.bin")).unwrap();
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    terminal.write("forged.bin", forged);
    assert_eq!(terminal.rialto(&["verify", "forged.bin"]).code, 3);
    let forged = terminal.rialto(&["request", "verify", id, "--proof", "forged.bin"]);
    assert_eq!(forged.code, 3, "{}", forged.out);
    let stranger = format!("0x{}", "11".repeat(32));
    let other = terminal.rialto(&["verify", "result/proof.bin", "--image-id", &stranger]);
    assert_eq!(other.code, 3, "{}", other.err);
}

/// Somebody else's machine measures what it would take to prove a request, and a node learns it.
#[test]
fn a_request_is_proven_to_measure_speed_slow() {
    let terminal = Terminal::open();
    let submit = ["request", "submit", "--program", "block-header", "--block", BLOCK, "--json"];
    let submitted = terminal.rialto_as("client", &submit).done().json();
    let id = submitted["request"].as_str().unwrap();
    let asked = ["prove", "benchmark", "--request", id, "--repeat", "2", "--json"];
    let closed = terminal.rialto(&asked);
    assert_eq!(closed.code, 2, "{}", closed.err);
    let opened = [asked.as_slice(), &["--file-root", ".", "--data-dir", "node"]].concat();
    let report = terminal.rialto(&opened).done().json();
    let size = &report["sizes"][0];
    assert_eq!((&size["cycles"], &size["proofs"]), (&7_057.into(), &2.into()), "{report}");
    let khz = report["peak_prove_khz"].as_u64().unwrap();
    let seconds = size["seconds"].as_f64().unwrap();
    assert!(khz >= 1 && seconds > 0.0 && report["cost"].is_null(), "{report}");
    assert_eq!(report["taught"], "node");
    assert!(terminal.dir.path().join("node/logbook.sqlite").exists());
}
