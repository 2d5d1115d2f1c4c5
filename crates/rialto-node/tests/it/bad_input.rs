//! Whatever comes from outside and is not as it should be has its own words, and harms nothing else: a
//! good request beside a bad one is served.
//!
//! Here are the kinds that show on a whole node: requests on the chain, proofs of its prover, and
//! questions to its pages. Beside the units that read them are the others: configurations in
//! `settings/tests`, lists in `requestor_lists/tests`, prices in `prices/tests`, attesters' answers in
//! `attesters`, artifacts in `rialto-artifacts`, logs and reverts in `rialto-chain`, proofs in
//! `rialto-zkvm`; and `tests/fuzz` beats every door with mutations.

use crate::stage::{Change, FirstReply, REFUSED, Script, Stage, acted};
use expect_test::{Expect, expect};
use rialto_node::Event;
use rialto_protocol::{Input, Unverified, Wei, guest_env};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// What a node says of one bad request, beside a good one that it locks.
fn said_of(spoil: impl Fn(&Stage, &mut Unverified)) -> String {
    let mut stage = Stage::open(&Change::none(), Script::WELL);
    let request = stage.request();
    let mut bad = stage.signed(request);
    spoil(&stage, &mut bad);
    stage.ask(bad);
    stage.play((600, 900), 15);
    assert_eq!(stage.first(&["locked"]), "locked", "the good one");
    let said = stage.events().into_iter().find_map(|event| match event {
        Event::Ignored { reason } => Some(format!("ignored: {reason}")),
        Event::Skipped { reason, .. } => Some(format!("skipped: {reason}")),
        _ => None,
    });
    said.expect("the bad one is not taken for a good one").replace(&stage.folder(), "DIR")
}

/// What is signed is spoiled before it is signed.
fn said_of_signed(spoil: impl Fn(&Stage, &mut rialto_protocol::ProofRequest)) -> String {
    said_of(|stage, bad| {
        spoil(stage, &mut bad.request);
        *bad = stage.signed(bad.request.clone());
    })
}

#[test]
fn requests_that_are_none_are_ignored_and_say_why() {
    let rows = [
        said_of(|_, bad| bad.request.offer.max_price = Wei::from(u128::MAX)),
        said_of(|_, bad| bad.signature = vec![7; 65].into()),
        said_of(|_, bad| bad.signature = vec![7; 20_000].into()),
        said_of_signed(|_, bad| bad.offer.lock_timeout = bad.offer.timeout + 1),
        said_of_signed(|_, bad| {
            bad.offer.min_price = bad.offer.max_price.checked_add(Wei::from(1)).unwrap()
        }),
        said_of_signed(|_, bad| bad.image_url = String::new()),
    ];
    expect![[r#"
        ignored: the offer is not self-consistent: maxPrice needs more than 96 bits, which is more than the market can hold
        ignored: the signature is malformed (its last byte is neither 27 nor 28); it must be 65 bytes r, s, v with a low s and v 27 or 28
        ignored: the signature is malformed (it is not 65 bytes long); it must be 65 bytes r, s, v with a low s and v 27 or 28
        ignored: the offer is not self-consistent: a lock lasts 901 s but the request only 900 s; lockTimeout must be at most timeout
        ignored: the offer is not self-consistent: the minimum price 20000000000000001 wei is above the maximum price 20000000000000000 wei; raise maxPrice or lower minPrice
        ignored: imageUrl "" is no URL; give where the program lies, such as https://host/program.elf
    "#]].assert_eq(&(rows.join("\n") + "\n"));
}

#[test]
fn requests_that_cannot_be_served_are_refused_and_say_why() {
    let rows = [
        said_of_signed(|_, bad| bad.image_url = "nonsense".into()),
        said_of_signed(|_, bad| bad.image_url = "ftp://host/program".into()),
        said_of_signed(|_, bad| bad.image_url = "file:///etc/hostname".into()),
        said_of_signed(|_, bad| bad.image_url = "http://127.0.0.1:9/program".into()),
        said_of_signed(|_, bad| bad.image_url = "s3://bucket/program".into()),
        said_of_signed(|stage, bad| bad.image_url = stage.file("missing")),
        said_of_signed(|stage, bad| bad.image_url = stage.file("")),
        said_of_signed(|stage, bad| bad.image_url = stage.file("node/logbook.sqlite")),
        said_of_signed(|_, bad| bad.input = Input::Inline(vec![0xff; 9].into())),
        said_of_signed(|_, bad| bad.input = Input::Inline(Default::default())),
        said_of_signed(|_, bad| bad.input = Input::Url("http://".into())),
        said_of_signed(|_, bad| bad.input = Input::Inline(guest_env::encode(REFUSED))),
        said_of_signed(|_, bad| bad.input = Input::Inline(guest_env::encode(b"else"))),
        said_of_signed(|_, bad| bad.requirements.selector = [0xee; 4].into()),
    ];
    expect![[r#"
        ignored: imageUrl "nonsense" is no URL; give where the program lies, such as https://host/program.elf
        skipped: ftp://host/program is refused: its scheme is not allowed here (http, https, s3 and file are; redirects stay on https)
        skipped: /etc/hostname is refused: it is not below a directory that file URLs may read (see the setting of file roots)
        skipped: http://127.0.0.1:9/program is refused: it leads to 127.0.0.1, which is not an address of the public internet
        skipped: bucket bucket is refused: it is not among the buckets that s3 URLs may read
        skipped: file://DIR/missing: nothing is there
        skipped: DIR cannot be read: it is not a regular file
        skipped: the program is not an executable of this zkVM: the mock has no script for it
        skipped: input encoding version 255 is unknown; 0 is raw bytes, 1 is MessagePack
        skipped: the input is empty; its first byte must be the encoding's version, 0 or 1
        skipped: "http://" is not a usable URL: empty host
        skipped: the program refused its input: this is no number
        skipped: the journal begins with 0x656c7365, the request wants the prefix 0x00000001
        skipped: it wants verifier 0xeeeeeeee, for which this node makes no seals
    "#]].assert_eq(&(rows.join("\n") + "\n"));
}

#[test]
fn what_the_prover_says_is_a_proof_is_looked_at() {
    let said = |first: FirstReply| {
        let play = |stage: &mut Stage| {
            stage.play((600, 900), 40);
            let trouble = stage.events().into_iter().find_map(|event| match event {
                Event::Retrying { step, reason, .. } => Some(format!("{step}: {reason}")),
                _ => None,
            });
            format!("{}; {}", trouble.unwrap_or_default(), stage.first(&["proven", "delivered"]))
        };
        format!(
            "{first:?}: {}\n",
            acted(&[], Script { first, ..Script::WELL }, play)(&Change::none())
        )
    };
    use FirstReply::{Cut, Noise, OtherJournal, OtherProgram, Oversize};
    let rows = [Noise, Cut, Oversize, OtherJournal, OtherProgram].map(said);
    expect![[r#"
        Noise: verify our proof: not a proof: it does not begin like one; proven, delivered
        Cut: verify our proof: not a proof: it is cut off; proven, delivered
        Oversize: verify our proof: the proof has 2097244 bytes, at most 1048576 are read; proven, delivered
        OtherJournal: match our proof to the request: the journal begins with 0x736f6d65, the request wants the prefix 0x00000001; proven, delivered
        OtherProgram: match our proof to the request: the request wants program 0x68c1fd0c9e61c9815e6619ae3629b2443caffd820ef88bde6a32de951ab3d475, the claim is about 0x4c1785d14d0907e252fa957e4d5d2f458e2298303f6f19562a5847bd2eb994d5; proven, delivered
    "#]].assert_eq(&rows.concat());
}

/// The answer to a question as it stands on the wire.
fn answer_to(address: SocketAddr, question: &[u8]) -> String {
    let mut stream = loop {
        if let Ok(stream) = TcpStream::connect(address) {
            break stream;
        }
        std::thread::yield_now();
    };
    // A server that has read enough may close before it has read all.
    let _ = stream.write_all(question);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    format!("{} {body}", head.split(' ').nth(1).unwrap_or("closed"))
}

fn check_pages(questions: &[(&str, Vec<u8>)], expected: &Expect) {
    let mut stage = Stage::open(&Change::none(), Script::WELL);
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    stage.pages = Some(address);
    stage.start();
    stage.pass(2);
    let rows = questions
        .iter()
        .map(|(what, question)| format!("{what}: {}\n", answer_to(address, question).trim_end()));
    let rows: String = rows.collect();
    expected.assert_eq(&rows);
    let alive = answer_to(address, b"GET /health HTTP/1.0\r\n\r\n");
    assert!(alive.starts_with("200"), "{alive}");
}

#[test]
fn questions_to_the_pages_that_are_none_are_answered_with_what_would_be_right() {
    let get = |path: &'static str| (path, format!("GET {path} HTTP/1.0\r\n\r\n").into_bytes());
    check_pages(
        &[
            get("/status"),
            get("/api/v1/orders?limit=many"),
            get("/api/v1/orders?limit=-1"),
            get("/api/v1/orders/nonsense"),
            get("/api/v1/orders/%ff"),
            get("/api/v1/orders/0x1234"),
            get("/api/v1/pnl?by=colour"),
            get("/api/v1/pnl?by=%ff"),
            ("a post", b"POST /metrics HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}".to_vec()),
            ("no method", b"\0\x01\x02 nonsense\r\n\r\n".to_vec()),
            (
                "an endless path",
                [b"GET /".as_slice(), &[b'a'; 1 << 20], b" HTTP/1.0\r\n\r\n"].concat(),
            ),
        ],
        &expect![[r#"
            /status: 404 {"error":"there is no such page","next_step":"ask for /health, /ready, /metrics, /api/v1/status, /api/v1/orders, /api/v1/orders/{id or digest}, /api/v1/pnl or /api/v1/host"}
            /api/v1/orders?limit=many: 400 {"error":"Failed to deserialize query string: limit: invalid digit found in string","next_step":"ask for /api/v1/orders?limit=NUMBER or /api/v1/pnl?by=WORD"}
            /api/v1/orders?limit=-1: 400 {"error":"Failed to deserialize query string: limit: invalid digit found in string","next_step":"ask for /api/v1/orders?limit=NUMBER or /api/v1/pnl?by=WORD"}
            /api/v1/orders/nonsense: 400 {"error":"\"nonsense\" is neither a request's id nor its digest; both are hexadecimal numbers after 0x","next_step":"ask for a request's id or digest, as 0x-hex"}
            /api/v1/orders/%ff: 400 {"error":"Invalid URL: Invalid UTF-8 in `name`","next_step":"ask for a request's id or digest, as 0x-hex"}
            /api/v1/orders/0x1234: 404 {"error":"this node has never seen request 0x1234","next_step":"compare the id with /api/v1/orders"}
            /api/v1/pnl?by=colour: 400 {"error":"\"colour\" is no grouping; write request, venue or day","next_step":"ask for /api/v1/pnl?by=request, venue or day"}
            /api/v1/pnl?by=%ff: 400 {"error":"\"�\" is no grouping; write request, venue or day","next_step":"ask for /api/v1/pnl?by=request, venue or day"}
            a post: 405 {"error":"pages are only asked for","next_step":"use GET"}
            no method: 400
            an endless path: 431
        "#]],
    );
}

#[test]
fn somebody_who_asks_and_never_ends_the_question_holds_nobody_up() {
    let mut stage = Stage::open(&Change::none(), Script::WELL);
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    stage.pages = Some(address);
    stage.start();
    stage.pass(2);
    let mut slow: Vec<_> = (0..50).map(|_| TcpStream::connect(address).unwrap()).collect();
    slow.iter_mut().for_each(|stream| stream.write_all(b"GET /health HT").unwrap());
    stage.submit(600, 900);
    stage.pass(20);
    assert_eq!(stage.first(&["locked", "delivered"]), "locked, delivered");
    let alive = answer_to(address, b"GET /health HTTP/1.0\r\n\r\n");
    assert!(alive.starts_with("200"), "{alive}");
}
