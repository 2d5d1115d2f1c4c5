//! Whatever is wrong with a request is refused by name, with a next step, before anything is sent.

use crate::terminal::{BLOCK, Terminal};
use expect_test::{Expect, expect};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;

/// Submits with `args` and compares what is said; then nothing may have happened on the chain.
struct Desk {
    terminal: Terminal,
    own_wei: Value,
}

impl Desk {
    fn open() -> Self {
        let terminal = Terminal::open();
        let own_wei = balance(&terminal);
        Self { terminal, own_wei }
    }

    fn refuses(&self, args: &[&str], expected: Expect) {
        let said = self.terminal.rialto_as("client", &[&["request", "submit"], args].concat());
        expected.assert_eq(&self.terminal.without_addresses(&said));
        assert_eq!(balance(&self.terminal), self.own_wei, "money moved");
    }
}

fn balance(terminal: &Terminal) -> Value {
    let balance = terminal.rialto_as("client", &["account", "balance", "--json"]).done();
    balance.json()["own_wei"].clone()
}

#[test]
fn a_header_that_lies_is_refused_in_the_programs_own_words() {
    let desk = Desk::open();
    let mut block: Value = serde_json::from_slice(&std::fs::read(BLOCK).unwrap()).unwrap();
    block["stateRoot"] = Value::String(format!("0x{}", "11".repeat(32)));
    desk.terminal.write("tampered.json", block.to_string());
    desk.refuses(&["--program", "block-header", "--block", "tampered.json"], expect![[r#"
        error: block-header refuses this input; nothing was signed or sent
          because: the program refused its input: header 24666352: hash is 0x3c675213e919ef1bc32ad40ca5b087bee04042ee398ec2abce423b21eef615da, the header says 0x0d5cbe009982d49db0fcedde0eff9f62e32d09ddd793501e7cc4738995ff0c70
        next step: correct the input: no prover can prove this run
        exit code 3
    "#]]);
}

#[test]
fn a_program_that_is_none_or_cannot_be_had_is_refused() {
    let desk = Desk::open();
    desk.terminal.write("notes.txt", "hello");
    desk.refuses(&["--program", "notes.txt"], expect![[r#"
        error: notes.txt is not a program of the built-in zkVM
          because: the program is not an executable of this zkVM: it is not a 32-bit little-endian ELF file
        next step: give an ELF that was built for OpenVM; guests/README.md shows how
        exit code 2
    "#]]);
    desk.refuses(
        &["--program", "missing.elf"],
        expect![[r#"
        error: there is no program "missing.elf": neither built in nor a file
        next step: give `block-header`, the path of an ELF file, or an http(s) URL
        exit code 2
    "#]],
    );
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}/guest.elf");
    let said = desk.terminal.rialto_as("client", &["request", "submit", "--program", &url]);
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(said.err.contains("unreachable after 2 attempts"), "{}", said.err);
    let url = serve_oversize();
    let said = desk.terminal.rialto_as("client", &["request", "submit", "--program", &url]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("larger than the limit of 50000000 bytes"), "{}", said.err);
}

/// A server whose every answer announces more than anybody takes.
fn serve_oversize() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/guest.elf", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            // The request is not of interest, and neither is a client that has seen enough.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50000001\r\n\r\n");
        }
    });
    url
}

#[test]
fn an_offer_that_contradicts_itself_is_refused_before_the_program_runs() {
    let desk = Desk::open();
    let header = ["--program", "block-header", "--block", BLOCK];
    let with = |more: &[&'static str]| [header.as_slice(), more].concat();
    desk.refuses(&with(&["--min-price", "2ETH", "--max-price", "1ETH"]), expect![[r#"
        error: the offer is not self-consistent; nothing was signed or sent
          because: the minimum price 2000000000000000000 wei is above the maximum price 1000000000000000000 wei
        next step: raise --max-price or lower --min-price
        exit code 2
    "#]]);
    desk.refuses(
        &with(&["--lock-timeout", "100", "--timeout", "99"]),
        expect![[r#"
        error: the offer is not self-consistent; nothing was signed or sent
          because: a lock lasts 100 s but the request only 99 s
        next step: extend --timeout or shorten --lock-timeout
        exit code 2
    "#]],
    );
    desk.refuses(
        &with(&["--ramp-up-period", "11", "--lock-timeout", "10"]),
        expect![[r#"
        error: the offer is not self-consistent; nothing was signed or sent
          because: the ramp lasts 11 s but a lock only 10 s
        next step: shorten --ramp-up-period or extend --lock-timeout
        exit code 2
    "#]],
    );
    desk.refuses(
        &with(&["--timeout", "0"]),
        expect![[r#"
        error: the offer is not self-consistent; nothing was signed or sent
          because: lockTimeout is zero
        next step: give it a value, or leave the argument out
        exit code 2
    "#]],
    );
    desk.refuses(
        &with(&["--max-price", "0 wei"]),
        expect![[r#"
        error: the offer is not self-consistent; nothing was signed or sent
          because: maxPrice is zero
        next step: give it a value, or leave the argument out
        exit code 2
    "#]],
    );
}

#[test]
fn a_journal_that_misses_the_predicate_and_a_price_beyond_means_are_refused() {
    let desk = Desk::open();
    let header = ["--program", "block-header", "--block", BLOCK];
    let with = |more: &[&'static str]| [header.as_slice(), more].concat();
    desk.refuses(
        &with(&["--predicate", "prefix", "--journal-prefix", "0xff"]),
        expect![[r#"
        error: the program's journal misses the predicate; nothing was signed or sent
          because: the journal begins with 0x00, the request wants the prefix 0xff
        next step: correct the expected journal, the program or its input
        exit code 3
    "#]],
    );
    desk.refuses(&with(&["--max-price", "5000 ETH"]), expect![[r#"
        error: insufficient balance: CLIENT has 1000 ETH of its own and 0 ETH in the market; up to 5000 ETH for the proof, and gas, are needed
        next step: send CLIENT ETH, or lower --max-price; nothing was sent
        exit code 3
    "#]]);
}

#[test]
fn a_signed_request_that_was_changed_or_is_for_another_chain_is_refused() {
    let desk = Desk::open();
    let header = ["--program", "block-header", "--block", BLOCK];
    let submit = [&["request", "submit"], header.as_slice(), &["--dry-run"]].concat();
    let signed = desk.terminal.rialto_as("client", &submit).done().out;
    let mut changed: Value = serde_json::from_str(&signed).unwrap();
    changed["request"]["offer"]["timeout"] = 7_000.into();
    desk.terminal.write("changed.json", changed.to_string());
    let said =
        desk.terminal.rialto_as("client", &["request", "submit", "--signed", "changed.json"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("the request was changed after signing"), "{}", said.err);
    let network = desk.terminal.network_file();
    desk.terminal.write("signed.json", &signed);
    desk.terminal.write("other.json", network.replace("31337", "8453"));
    let other = ["request", "submit", "--signed", "signed.json", "--network", "other.json"];
    let said = desk.terminal.rialto_as("client", &other);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("the network file says chain 8453"), "{}", said.err);
    desk.terminal.write("scrap.json", "{}");
    desk.refuses(
        &["--signed", "scrap.json"],
        expect![[r#"
        error: scrap.json is not a signed request
          because: missing field `request` at line 1 column 2
        next step: give a file as `rialto request submit --dry-run` prints it
        exit code 2
    "#]],
    );
    desk.refuses(
        &["--signed", "signed.json", "--program", "block-header"],
        expect![[r#"
        error: the argument '--signed <FILE>' cannot be used with '--program <PROGRAM>'

        Usage: rialto request submit --program <PROGRAM> [INPUT] [OPTIONS]
               rialto request submit --signed <FILE> [OPTIONS]

        For more information, try '--help'.
        exit code 2
    "#]],
    );
}
