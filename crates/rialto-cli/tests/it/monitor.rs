//! What a running node shows: pages, metrics, the alerting rules that stand on them, and its record
//! read from the side.

use crate::terminal::{BLOCK, Running, Terminal};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

const RULES: &str = include_str!("../../../../docs/alerts.yml");

/// A node that serves its pages at the address. No proof is made by these tests.
fn start_node(terminal: &Terminal, address: SocketAddr) -> Running {
    let config = format!(
        "[market]\nmin_mcycle_price = \"1 gwei\"\nmax_collateral = \"1 RCT\"\n\
         balance_error_threshold = \"1000000 ETH\"\n[monitor]\nlisten = \"{address}\"\n"
    );
    terminal.write("node.toml", config);
    let key = ".rialto/devnet/keys/prover-1.key";
    let mut node =
        terminal.start(&["node", "run", "--json", "--config", "node.toml", "--key-file", key]);
    node.until(|line| line["event"] == "started");
    node
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A page's status and body. The node may not listen yet.
fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = loop {
        if let Ok(stream) = TcpStream::connect(address) {
            break stream;
        }
        std::thread::yield_now();
    };
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// The first answer that is as it should be in the end.
fn until<T>(ask: impl Fn() -> T, is_it: impl Fn(&T) -> bool) -> T {
    loop {
        let answer = ask();
        if is_it(&answer) {
            return answer;
        }
    }
}

fn json(address: SocketAddr, path: &str) -> Value {
    let (status, body) = get(address, path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// The selectors of an expression: `rialto_…` with the labels after it.
fn selectors(expr: &str) -> Vec<(String, Vec<String>)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = expr.match_indices("rialto_").map(|(at, _)| at);
    starts
        .map(|at| {
            let rest = &expr[at..];
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let labels =
                rest[end..].strip_prefix('{').map(|labels| labels.split('}').next().unwrap());
            let labels = labels.unwrap_or_default().split(',').filter(|label| !label.is_empty());
            (rest[..end].to_owned(), labels.map(|label| label.trim().to_owned()).collect())
        })
        .collect()
}

fn has_series(metrics: &str, (name, labels): &(String, Vec<String>)) -> bool {
    metrics.lines().any(|line| {
        let named = line.strip_prefix(name.as_str());
        named.is_some_and(|rest| {
            rest.starts_with(['{', ' ']) && labels.iter().all(|label| rest.contains(label.as_str()))
        })
    })
}

fn check_rules(metrics: &str) {
    let rules: serde_yaml_ng::Value = serde_yaml_ng::from_str(RULES).unwrap();
    let rules = rules["groups"][0]["rules"].as_sequence().unwrap();
    assert!(rules.len() >= 10);
    for rule in rules {
        let (name, expr) = (rule["alert"].as_str().unwrap(), rule["expr"].as_str().unwrap());
        for text in [&rule["annotations"]["summary"], &rule["annotations"]["action"]] {
            assert!(text.as_str().is_some_and(|text| text.len() > 10), "{name} says too little");
        }
        for selector in selectors(expr) {
            assert!(has_series(metrics, &selector), "{name}: no {selector:?} in\n{metrics}");
        }
        assert!(expr.contains("rialto"), "{name} is about something else");
    }
    let absent = ("rialto_locks_total".to_owned(), vec!["result=\"eaten\"".to_owned()]);
    assert!(!has_series(metrics, &absent), "the check itself tells present from absent");
}

/// Somebody looks at it on a terminal of their own for a moment.
fn watch_it(terminal: &Terminal) {
    // A terminal that nobody sits at has no size.
    let top = "stty cols 120 rows 40; exec \"$RIALTO\" node top --config node.toml";
    let mut look = Command::new("script")
        .args(["--quiet", "--return", "--command", top, "/dev/null"])
        .env("RIALTO", env!("CARGO_BIN_EXE_rialto"))
        .current_dir(terminal.dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keys, mut screen) = (look.stdin.take().unwrap(), look.stdout.take().unwrap());
    let mut seen = String::new();
    let mut read = |seen: &mut String| {
        let mut bytes = [0; 4_096];
        let count = screen.read(&mut bytes).unwrap();
        assert_ne!(count, 0, "it ended with {seen}");
        seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
    };
    // Only what has changed is drawn, so words are looked for and not sentences.
    while !(seen.contains("standing") && seen.contains("below its error threshold")) {
        read(&mut seen);
    }
    seen.clear();
    keys.write_all(b"s").unwrap();
    while !seen.contains("deadlin") {
        read(&mut seen);
    }
    keys.write_all(b"q").unwrap();
    // The page that was there before is shown again, with its cursor.
    while !(seen.contains("\u{1b}[?1049l") && seen.contains("\u{1b}[?25h")) {
        read(&mut seen);
    }
    drop(keys);
    assert!(look.wait().unwrap().success());
}

#[test]
fn a_running_node_shows_what_it_does_and_why() {
    let terminal = Terminal::open();
    let address = free_address();
    let mut node = start_node(&terminal, address);
    let submit = ["request", "submit", "--program", "block-header", "--block", BLOCK, "--json"];
    let submitted = terminal.rialto_as("client", &submit).done().json();
    let id = submitted["request"].as_str().unwrap();
    node.until(|line| line["event"] == "closed");

    assert_eq!(get(address, "/health").0, 200);
    let problem = "the native balance is below its error threshold";
    let (status, _) = until(|| get(address, "/ready"), |(_, body)| body.contains(problem));
    assert_eq!(status, 503);
    let page: rialto_node::page::Status =
        serde_json::from_value(json(address, "/api/v1/status")).unwrap();
    assert!(!page.readiness.ready && page.load.promised_orders == 0);
    until(|| json(address, "/api/v1/orders"), |page| page["open_orders"] == 0);
    assert_eq!(json(address, "/api/v1/orders")["closed"][0]["request"], id);
    let story = json(address, &format!("/api/v1/orders/{id}"));
    assert_eq!(story["requests"][0]["verdict"]["remedy"]["setting"], "market.max_collateral");
    assert_eq!(get(address, "/api/v1/orders/0x1234").0, 404);
    assert_eq!(get(address, "/api/v1/orders/nonsense").0, 400);
    assert_eq!(get(address, "/api/v1/orders?limit=many").0, 400);
    assert_eq!(get(address, "/api/v1/pnl?by=colour").0, 400);
    assert_eq!(get(address, "/status").0, 404);
    assert_eq!(json(address, "/api/v1/pnl?by=venue")["total"]["profit_wei"], "0");
    assert!(json(address, "/api/v1/host")["cpus"].is_number());

    let metrics = get(address, "/metrics").1;
    assert!(
        metrics.contains("rialto_refusals_total{code=\"collateral_above_limit\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("rialto_balance_level{asset=\"native\"} 2"), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"));
    check_rules(&metrics);

    // From the side, while the node runs.
    let why = terminal.rialto(&["why", id]).done().out;
    assert!(why.contains("It would have passed with market.max_collateral at least"), "{why}");
    let digest = story["requests"][0]["digest"].as_str().unwrap();
    let why = terminal.rialto(&["why", digest, "--json"]).done().json();
    assert_eq!(why["requests"][0]["request"], id);
    let total = terminal.rialto(&["node", "pnl", "--json"]).done().json();
    assert_eq!(total["total"]["income_wei"], "0");

    watch_it(&terminal);

    // Counters begin anew with each process; what was earned does not.
    drop(node);
    let mut node = start_node(&terminal, address);
    let again = get(address, "/metrics").1;
    assert!(again.contains("rialto_orders_seen_total 0"), "{again}");
    assert_eq!(json(address, "/api/v1/orders")["closed"][0]["request"], id);
    node.terminate();
    assert_eq!(node.exit_code(), 0);
}

#[test]
fn a_request_that_no_node_saw_says_where_it_was_looked_for() {
    let terminal = Terminal::open();
    let nowhere = terminal.rialto(&["why", "0x1234"]);
    assert_eq!(nowhere.code, 2, "{}", nowhere.err);
    assert!(nowhere.error().contains(".rialto/node-*/logbook.sqlite"), "{}", nowhere.err);
    let absent = terminal.rialto(&["node", "pnl", "--data-dir", "elsewhere"]);
    assert_eq!(absent.code, 2, "{}", absent.err);
    assert!(absent.error().contains("there is no logbook at elsewhere"), "{}", absent.err);
    let piped = terminal.rialto(&["node", "top", "--url", "http://127.0.0.1:9"]);
    assert_eq!(piped.code, 2, "{}", piped.err);
    assert!(piped.error().contains("read http://127.0.0.1:9/api/v1/status instead"));
    let whose = terminal.rialto(&["node", "top"]);
    assert!(whose.error().contains("name it with --config or --url"), "{}", whose.err);
    terminal.write("quiet.toml", "");
    let quiet = terminal.rialto(&["node", "top", "--config", "quiet.toml"]);
    assert!(quiet.error().contains("serves no pages"), "{}", quiet.err);
    terminal.write("node.toml", "[monitor]\nlisten = \"127.0.0.1:9\"\n");
    let venue = terminal.rialto(&["node", "top", "--config", "node.toml", "--venue", "base"]);
    assert!(venue.error().contains("node.toml has no venue base"), "{}", venue.err);
    let nonsense = terminal.rialto(&["why", "block-header"]);
    assert_eq!(nonsense.code, 2, "{}", nonsense.err);
}
