//! Trees of joins, with the mock: any proof system's parts, in every order but theirs.

use std::convert::Infallible;
use std::ops::ControlFlow::{Break, Continue};

use bytes::Bytes;
use expect_test::expect;
use rialto_protocol::Cycles;
use rialto_zkvm::mock::{MockRun, MockZkvm};
use rialto_zkvm::{
    ExecuteError, JoinPlace, Joining, Part, ProofKind, ProofVerifier, Segment, Zkvm,
};

use crate::fixture::LIMITS;

/// `echo` gives back its input in as many segments as that has bytes.
fn mock() -> MockZkvm {
    let echo = |stdin: &[u8]| {
        Ok(MockRun { segments: vec![Cycles(5); stdin.len()], journal: stdin.into() })
    };
    MockZkvm::new().with_program("echo", echo).with_program("other", echo)
}

fn place(level: u8, index: u32, is_top: bool) -> JoinPlace {
    JoinPlace { level, index, is_top }
}

fn segments(stdin: &str) -> Vec<Segment> {
    mock().execute(b"echo", stdin.as_bytes(), &LIMITS).unwrap().segments
}

fn proven(elf: &str, stdin: &str, segment: &Segment) -> Bytes {
    mock().prove_segment(elf.as_bytes(), stdin.as_bytes(), segment).unwrap()
}

/// The joins of a tree, in order: level, index, parts.
fn tree(joining: Joining, segments: usize) -> String {
    let mut joins = Vec::new();
    let parts = vec![Bytes::new(); segments];
    let top = joining.fold(parts, |place, parts| {
        joins.push(format!("{}.{}={}", place.level, place.index, parts.len()));
        assert!(joining.check(place, parts.len()).is_ok());
        Ok::<_, Infallible>(Bytes::from(if place.is_top { "top" } else { "" }))
    });
    assert_eq!(top.unwrap(), "top");
    joins.join(" ")
}

#[test]
fn the_joins_of_a_tree() {
    let compressed = mock().joining(ProofKind::Compressed).unwrap();
    let rows = [1, 3, 4, 7, 13].map(|segments| tree(compressed, segments));
    expect![[r#"
        0.0=1 1.0=1
        0.0=3 1.0=1
        0.0=3 0.1=1 1.0=2
        0.0=3 0.1=3 0.2=1 1.0=2 1.1=1 2.0=2
        0.0=3 0.1=3 0.2=3 0.3=3 0.4=1 1.0=2 1.1=2 1.2=1 2.0=2 2.1=1 3.0=2"#]]
    .assert_eq(&rows.join("\n"));
    assert_eq!(tree(Joining::FLAT, 50_000), "0.0=50000");
}

#[test]
fn every_kind_is_proven_through_its_tree() {
    let zkvm = mock();
    for segments in 1..20 {
        let stdin = "x".repeat(segments);
        for kind in [ProofKind::Composite, ProofKind::Compressed] {
            let go_on = &mut |_| Continue(());
            let proof = zkvm.prove(b"echo", stdin.as_bytes(), &LIMITS, kind, go_on).unwrap();
            assert_eq!(zkvm.verify(&proof).unwrap().journal.0.to_vec(), stdin.as_bytes());
        }
    }
    let go_on = &mut |_| Continue(());
    let nothing = zkvm.prove(b"echo", b"", &LIMITS, ProofKind::Compressed, go_on).unwrap_err();
    expect!["there is no join 0 of level 1 like this: it has no parts"]
        .assert_eq(&nothing.to_string());
}

#[test]
fn segments_are_found_until_whoever_hears_of_them_stops() {
    let zkvm = mock();
    let mut found = Vec::new();
    let whole = zkvm.execute_streaming(b"echo", b"abc", &LIMITS, &mut |segment| {
        found.push(segment);
        Continue(())
    });
    assert_eq!(whole.unwrap().segments, found);
    let mut left = 2;
    let stopped = zkvm.execute_streaming(b"echo", b"abc", &LIMITS, &mut |_| {
        left -= 1;
        if left == 0 { Break(()) } else { Continue(()) }
    });
    assert_eq!((stopped, left), (Err(ExecuteError::Stopped), 0));
}

#[test]
fn a_part_fits_in_its_place_only() {
    let zkvm = mock();
    let (kind, stdin) = (ProofKind::Compressed, "abcdefg");
    let segments = segments(stdin);
    let proofs: Vec<_> = segments.iter().map(|it| proven("echo", stdin, it)).collect();
    let join = |place, parts: &[Bytes]| zkvm.join(kind, place, parts);
    let left = join(place(0, 0, false), &proofs[..3]).unwrap();
    let right = join(place(0, 1, false), &proofs[3..6]).unwrap();
    let last = join(place(0, 2, false), &proofs[6..]).unwrap();
    let upper = join(place(1, 0, false), &[left.clone(), right.clone()]).unwrap();
    let other = proven("other", stdin, &segments[1]);
    let other_input = proven("echo", "ABCDEFG", &segments[1]);
    let rows = [
        join(place(0, 0, false), &[]),
        join(place(0, 0, false), &proofs[..4]),
        join(place(0, 0, true), &proofs[..3]),
        join(place(1, 1, true), std::slice::from_ref(&upper)),
        join(place(0, 0, false), &[proofs[1].clone(), proofs[0].clone()]),
        join(place(0, 1, false), &proofs[..3]),
        join(place(0, 0, false), &[proofs[0].clone(), other]),
        join(place(0, 0, false), &[proofs[0].clone(), other_input]),
        join(place(0, 0, false), &[proofs[0].slice(..9)]),
        join(place(1, 0, false), &[right, left.clone()]),
        join(place(1, 0, false), &[left.clone(), last.clone()]),
        join(place(2, 0, false), &[left]),
        join(place(2, 0, true), &[upper]),
        zkvm.join(ProofKind::Composite, place(0, 0, true), &proofs[..6]),
        zkvm.join(ProofKind::Composite, place(0, 0, true), &[last]),
    ];
    let refusals = rows.map(|row| row.unwrap_err().to_string());
    expect![[r#"
        there is no join 0 of level 0 like this: it has no parts
        there is no join 0 of level 0 like this: it has 4 parts, 3 are the most
        there is no join 0 of level 0 like this: there are 2 levels at least
        there is no join 1 of level 1 like this: the last join is the only one of its level
        segment 0 does not fit the execution: the proof does not hold: it belongs elsewhere
        segment 3 does not fit the execution: the proof does not hold: it belongs elsewhere
        segment 1 does not fit the execution: it does not follow the one before it
        segment 1 does not fit the execution: it does not follow the one before it
        segment 0 does not fit the execution: the proof does not decode: Hit the end of buffer, expected more data
        join 0 of level 0 does not fit: the proof does not hold: it belongs elsewhere
        join 1 of level 0 does not fit: the proof does not hold: it belongs elsewhere
        join 0 of level 1 does not fit: the proof does not hold: it belongs elsewhere
        segment 6 does not fit the execution: it is missing
        segment 6 does not fit the execution: it is missing
        segment 0 does not fit the execution: the proof does not hold: it belongs elsewhere"#]].assert_eq(&refusals.join("\n"));
}

#[test]
fn a_part_is_checked_before_it_is_joined() {
    let zkvm = mock();
    let segments = segments("abcd");
    let proofs: Vec<_> = segments.iter().map(|it| proven("echo", "abcd", it)).collect();
    let check = |elf: &str, part, proof: &[u8]| zkvm.check(elf.as_bytes(), part, proof);
    for (segment, proof) in segments.iter().zip(&proofs) {
        assert_eq!(check("echo", Part::Segment(segment), proof), Ok(()));
    }
    let (kind, at) = (ProofKind::Compressed, place(0, 1, false));
    let joined = zkvm.join(kind, at, &proofs[3..]).unwrap();
    let part = |kind, place| Part::Joined { kind, place };
    assert_eq!(check("echo", part(kind, at), &joined), Ok(()));
    let renumbered = Segment { index: 3, ..segments[2].clone() };
    let rows = [
        check("echo", Part::Segment(&segments[1]), &proofs[0]),
        check("echo", Part::Segment(&renumbered), &proofs[3]),
        check("other", Part::Segment(&segments[0]), &proofs[0]),
        check("no program", Part::Segment(&segments[0]), &proofs[0]),
        check("echo", Part::Segment(&segments[3]), &joined),
        check("echo", Part::Segment(&segments[0]), b"anything"),
        check("echo", Part::Segment(&segments[0]), &[&proofs[0][..], &[0]].concat()),
        check("echo", part(kind, place(0, 0, false)), &joined),
        check("echo", part(kind, place(1, 1, false)), &joined),
        check("echo", part(ProofKind::Composite, at), &joined),
        check("echo", part(kind, at), &proofs[1]),
    ];
    let refusals = rows.map(|row| row.unwrap_err().to_string());
    expect![[r#"
        the proof does not hold: it belongs elsewhere
        the proof does not hold: it ends elsewhere
        the proof does not hold: it is of another program
        the proof does not hold: it is of another program
        the proof does not hold: it belongs elsewhere
        the proof does not decode: Hit the end of buffer, expected more data
        the proof does not decode: there are bytes left over
        the proof does not hold: it belongs elsewhere
        the proof does not hold: it belongs elsewhere
        the proof does not hold: it belongs elsewhere
        the proof does not hold: it belongs elsewhere"#]]
    .assert_eq(&refusals.join("\n"));
}
