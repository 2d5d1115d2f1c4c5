//! Money in and out, keys, and how the network is found.

use crate::terminal::Terminal;
use expect_test::{Expect, expect};
use std::os::unix::fs::PermissionsExt;

fn check(terminal: &Terminal, who: Option<&str>, args: &[&str], expected: Expect) {
    let said = match who {
        Some(who) => terminal.rialto_as(who, args),
        None => terminal.rialto(args),
    };
    expected.assert_eq(&terminal.without_addresses(&said));
}

#[test]
fn what_is_deposited_can_be_withdrawn_and_no_more() {
    let terminal = Terminal::open();
    let account = |args: &[&str]| terminal.rialto_as("client", &[&["account"], args].concat());
    let after = account(&["deposit", "1.5 ETH", "--json"]).done().json();
    assert_eq!(after["balance"]["market_wei"], "1500000000000000000");
    let address = terminal.address("client");
    let seen = terminal.rialto(&["account", "balance", "--address", &address, "--json"]).done();
    assert_eq!(seen.json()["market_wei"], "1500000000000000000");
    check(
        &terminal,
        Some("client"),
        &["account", "withdraw", "2ETH"],
        expect![[r#"
            error: CLIENT has 1.5 ETH in the market, less than the 2 ETH to withdraw
            next step: withdraw less; what locked requests hold comes back when they are over
            exit code 3
        "#]],
    );
    account(&["withdraw", "1.5ETH"]).done();
    check(
        &terminal,
        Some("client"),
        &["account", "deposit-collateral", "1 RCT"],
        expect![[r#"
            error: CLIENT has 0 RCT of its own, less than the 1 RCT to deposit
            next step: deposit less, or obtain tokens of TOKEN first
            exit code 3
        "#]],
    );
}

#[test]
fn collateral_goes_in_and_out() {
    let terminal = Terminal::open();
    let account = |args: &[&str]| terminal.rialto_as("prover-1", &[&["account"], args].concat());
    account(&["deposit-collateral", "100 RCT"]).done();
    account(&["withdraw-collateral", "40RCT"]).done();
    let seen = account(&["collateral-balance", "--json"]).done().json();
    assert_eq!(seen["market_raw"], "60000000000000000000");
    assert_eq!(seen["own_raw"], "940000000000000000000");
}

#[test]
fn what_a_command_lacks_it_names() {
    let terminal = Terminal::open();
    let key = terminal.dir.path().join(".rialto/devnet/keys/client.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    check(
        &terminal,
        None,
        &["account", "balance"],
        expect![[r#"
            error: no key was given to sign with
            next step: name a key file with --key-file, or set RIALTO_PRIVATE_KEY
            exit code 2
        "#]],
    );
    check(
        &terminal,
        Some("client"),
        &["account", "balance", "--network", "elsewhere.json"],
        expect![[r#"
            error: the network file elsewhere.json cannot be used
              because: cannot read the network file elsewhere.json
              because: No such file or directory (os error 2)
            next step: start one with `rialto devnet`, or name another with --network
            exit code 2
        "#]],
    );
    terminal.write("not.key", "password123");
    check(
        &terminal,
        None,
        &["account", "deposit", "1ETH", "--key-file", "not.key"],
        expect![[r#"
            error: not.key holds no private key: it has 11 characters, not 64
            next step: give 64 hexadecimal digits after 0x, or an encrypted JSON keystore
            exit code 2
        "#]],
    );
}

#[test]
fn a_chain_that_is_gone_or_another_is_told_apart() {
    let terminal = Terminal::open();
    let network = terminal.network_file();
    let rpc = terminal.devnet["rpc_url"].as_str().unwrap();
    terminal.write("other.json", network.replace("31337", "8453"));
    let other = ["account", "balance", "--network", "other.json"];
    let said = terminal.rialto_as("client", &other);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("is on chain 31337, the network file says chain 8453"),
        "{}",
        said.err
    );
    terminal.write("gone.json", network.replace(rpc, "http://127.0.0.1:9/"));
    let said = terminal.rialto_as("client", &["account", "balance", "--network", "gone.json"]);
    assert_eq!(said.code, 4);
    assert!(said.err.contains("the chain at http://127.0.0.1:9/ does not answer"), "{}", said.err);
    let strange = terminal.devnet["market"].as_str().unwrap().to_lowercase();
    terminal.write("none.json", network.replace(&strange, &format!("0x{:040}", 7)));
    let said = terminal.rialto_as("client", &["account", "balance", "--network", "none.json"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("there is no market at"), "{}", said.err);
}
