//! A request that is fine gets onto the chain, and its standing can be read.

use crate::terminal::{BLOCK, Terminal};

#[test]
fn a_request_is_submitted_paid_for_and_seen() {
    let terminal = Terminal::open();
    let submit = ["request", "submit", "--program", "block-header", "--block", BLOCK, "--json"];
    let submitted = terminal.rialto_as("client", &submit).done().json();
    assert_eq!(submitted["deposited_wei"], submitted["offer"]["max_price_wei"]);
    assert_eq!(submitted["preflight"]["journal"]["block_header"]["number"], 24_666_352);
    let program = submitted["image_url"].as_str().unwrap().strip_prefix("file://").unwrap();
    assert!(std::fs::read(program).unwrap().starts_with(b"\x7fELF"));
    let id = submitted["request"].as_str().unwrap();
    let status = terminal.rialto(&["request", "status", id, "--json"]).done().json();
    assert_eq!(status["digest"], submitted["digest"]);
    assert!(["upcoming", "open"].contains(&status["state"].as_str().unwrap()), "{status}");
    for command in ["fetch", "verify"] {
        let early = terminal.rialto(&["request", command, id]);
        assert_eq!(early.code, 5, "{}", early.err);
        assert!(early.err.contains("no proof has been delivered"), "{}", early.err);
    }
    let unknown = terminal.rialto(&["request", "status", "0x99"]);
    assert_eq!(unknown.code, 2, "{}", unknown.err);
}

#[test]
fn a_request_signed_beforehand_is_sent_as_it_is() {
    let terminal = Terminal::open();
    let sign = [
        "request",
        "submit",
        "--program",
        "block-header",
        "--block",
        BLOCK,
        "--no-preflight",
        "--predicate",
        "prefix",
        "--max-price",
        "0.001 ETH",
        "--index",
        "77",
        "--dry-run",
    ];
    let signed = terminal.rialto_as("client", &sign).done();
    terminal.write("signed.json", &signed.out);
    let send = ["request", "submit", "--signed", "signed.json", "--json"];
    let submitted = terminal.rialto_as("client", &send).done().json();
    assert_eq!(submitted["request"], signed.json()["request"]["id"]);
    assert_eq!(submitted["deposited_wei"], "1000000000000000");
    // Somebody else can send it as well, but cannot deposit for the client.
    let again = terminal.rialto_as("prover-1", &send).done().json();
    assert_eq!(again["deposited_wei"], "0");
}

#[test]
fn without_takers_the_wait_ends_when_the_request_does() {
    let terminal = Terminal::open();
    let submit = [
        "request",
        "submit",
        "--program",
        "block-header",
        "--block",
        BLOCK,
        "--no-preflight",
        "--predicate",
        "prefix",
        "--max-price",
        "1 gwei",
        "--timeout",
        "2",
        "--wait",
    ];
    let said = terminal.rialto_as("client", &submit);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert!(said.out.contains("expired: nobody took it"), "{}{}", said.out, said.err);
    assert!(
        said.err.contains("next step: submit it again with a higher --max-price"),
        "{}",
        said.err
    );
}
