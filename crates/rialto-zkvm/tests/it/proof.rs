//! Real proofs, and what becomes of them in the wrong hands.

use std::ops::ControlFlow::{Break, Continue};
use std::slice;
use std::sync::OnceLock;

use block_header_core::host;
use bytes::Bytes;
use expect_test::expect;
use proptest::prelude::*;
use rialto_protocol::claim_digest;
use rialto_zkvm::mock::{MockRun, MockZkvm};
use rialto_zkvm::{
    JoinPlace, KeyStore, OpenVm, OpenVmVerifier, Part, Progress, ProofKind, ProofVerifier,
    ProveError, Segment, VerifyError, Zkvm,
};

use crate::fixture::{LIMITS, chain_input, elf, input, proof, scratch, terminate, zkvm};

const HEADER_BYTES: usize = 54;

/// Where segments' proofs become a composite proof.
const TOP: JoinPlace = JoinPlace { level: 0, index: 0, is_top: true };

fn verifier() -> OpenVmVerifier {
    OpenVmVerifier::load(&KeyStore::in_directory(scratch().join("keys"))).unwrap()
}

#[test]
fn prove_and_verify_block_header_slow() {
    let zkvm = zkvm();
    let claim = verifier().verify(&proof()).unwrap();
    assert_eq!(claim.image_id, zkvm.image_id(host::PROGRAM).unwrap());
    assert_eq!(claim.journal.0.to_vec(), host::check(&input()).unwrap().encode());
    assert_eq!(claim.claim_digest, claim_digest(claim.image_id, &claim.journal));
    assert_eq!(zkvm.verify(&proof()).unwrap(), claim);
}

#[test]
fn segments_are_proven_in_any_order_and_joined_in_theirs_slow() {
    let (input, zkvm) = (chain_input(2), zkvm().with_segment_memory(505 << 20));
    let execution = zkvm.execute(host::PROGRAM, &input, &LIMITS).unwrap();
    assert_eq!(execution.segments.len(), 2);
    // As workers of a cluster would: each with what it was sent. The first to come begins the
    // last segment from nothing, the last to come goes on from where the one before it ended.
    let [early, first, last] = [1, 0, 1].map(|index| {
        let sent = postcard::to_allocvec(&execution.segments[index]).unwrap();
        let segment = postcard::from_bytes(&sent).unwrap();
        let proof = zkvm.prove_segment(host::PROGRAM, &input, &segment).unwrap();
        assert_eq!(zkvm.check(host::PROGRAM, Part::Segment(&segment), &proof), Ok(()));
        proof
    });

    let join = |parts: &[Bytes]| zkvm.join(ProofKind::Composite, TOP, parts);
    for last in [&early, &last] {
        let proof = join(&[first.clone(), last.clone()]).unwrap();
        let claim = verifier().verify(&proof).unwrap();
        assert_eq!(claim.image_id, zkvm.image_id(host::PROGRAM).unwrap());
        assert_eq!(claim.journal, execution.journal);
    }

    // A liar gives its part another place: the second byte is the segment's index.
    let as_last = |part: &Bytes| Bytes::from([&[part[0], 1], &part[2..]].concat());
    let other = elf(&[terminate(0)]);
    let segment = zkvm.execute(&other, &[], &LIMITS).unwrap().segments.remove(0);
    let foreign = zkvm.prove_segment(&other, &[], &segment).unwrap();
    let wrong = [
        join(&[first.clone(), as_last(&first)]),
        join(&[first.clone(), as_last(&foreign)]),
        join(&[last.clone(), first.clone()]),
        join(slice::from_ref(&first)),
        join(&[first.clone(), first.clone()]),
        join(&[first.clone(), last.clone(), last.clone()]),
        join(&[first.slice(..9_000), last.clone()]),
        zkvm.join(ProofKind::Composite, JoinPlace { is_top: false, ..TOP }, slice::from_ref(&last)),
    ];
    let refusals = wrong.map(|proof| proof.unwrap_err().to_string());
    expect![[r#"
        segment 1 does not fit the execution: it does not begin where the one before it ends
        segment 1 does not fit the execution: it is of another program than the one before it
        segment 0 does not fit the execution: it is the proof of segment 1
        segment 1 does not fit the execution: the segment in which the program ends is missing
        segment 1 does not fit the execution: it is the proof of segment 0
        segment 2 does not fit the execution: it is the proof of segment 1
        segment 0 does not fit the execution: the proof does not decode: Hit the end of buffer, expected more data
        there is no join 0 of level 0 like this: one join takes all segments"#]].assert_eq(&refusals.join("\n"));
    check_refusals(&zkvm, &execution.segments, &first, &last);
}

/// Every way in which the proof of a segment is not the one that was asked for.
fn check_refusals(zkvm: &OpenVm, segments: &[Segment], first: &Bytes, last: &Bytes) {
    let check = |elf: &[u8], segment: &Segment, proof: &[u8]| {
        zkvm.check(elf, Part::Segment(segment), proof)
    };
    let other = elf(&[terminate(0)]);
    let last_as_first = Segment { index: 0, ..segments[1].clone() };
    let mut damaged = first.to_vec();
    damaged[9_000] ^= 1;
    let rows = [
        check(host::PROGRAM, &segments[1], first),
        check(host::PROGRAM, &last_as_first, first),
        check(host::PROGRAM, &Segment { index: 1, ..segments[0].clone() }, last),
        check(&other, &segments[0], first),
        check(b"no program", &segments[0], first),
        check(host::PROGRAM, &segments[0], &first[..9_000]),
        check(host::PROGRAM, &segments[0], &[first, &[0][..]].concat()),
        check(host::PROGRAM, &segments[0], &[]),
        check(host::PROGRAM, &segments[0], &vec![0; (16 << 20) + 1]),
    ];
    assert!(check(host::PROGRAM, &segments[0], &damaged).is_err());
    let refusals = rows.map(|row| row.unwrap_err().to_string());
    expect![[r#"
        the proof does not hold: it is the proof of segment 0
        the proof does not hold: the program does not end in it, but should
        the proof does not hold: the program ends in it, but should not
        the proof does not hold: it is of another program or does not begin where that begins
        the proof does not hold: the program is not an executable of this zkVM: it is not a 32-bit little-endian ELF file
        the proof does not decode: Hit the end of buffer, expected more data
        the proof does not decode: there are bytes left over
        the proof does not decode: Hit the end of buffer, expected more data
        the proof has 16777217 bytes, at most 16777216 are read"#]].assert_eq(&refusals.join("\n"));
}

#[test]
fn proving_stops_where_the_watcher_breaks() {
    let mut seen = Vec::new();
    let watch = &mut |progress| {
        seen.push(progress);
        if matches!(progress, Progress::Proving { .. }) { Break(()) } else { Continue(()) }
    };
    let result = zkvm().prove(host::PROGRAM, &input(), &LIMITS, ProofKind::Composite, watch);
    assert_eq!(result, Err(ProveError::Cancelled));
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], Progress::Executing);
}

#[test]
fn a_segment_of_something_else_is_not_proven() {
    let zkvm = zkvm();
    let mut segment = zkvm.execute(host::PROGRAM, &input(), &LIMITS).unwrap().segments.remove(0);
    segment.plan = vec![0; 4].into();
    let error = zkvm.prove_segment(host::PROGRAM, &input(), &segment).unwrap_err();
    expect!["segment 0 does not fit the execution: its plan is for a machine of 0 tables"]
        .assert_eq(&error.to_string());
}

#[test]
fn what_is_no_proof_of_ours_is_named() {
    let verifier = verifier();
    let mock = MockZkvm::new().with_program("elf", |_| {
        Ok(MockRun { segments: vec![LIMITS.cycles_max], journal: vec![] })
    });
    let (kind, go_on) = (ProofKind::Composite, &mut |_| Continue(()));
    let of_mock = mock.prove(b"elf", &[], &LIMITS, kind, go_on).unwrap();
    assert!(mock.verify(&of_mock).is_ok());

    let mut of_nobody = of_mock.to_vec();
    of_nobody[10..18].copy_from_slice(b"openvm\0\0");
    let mut newer = of_mock.to_vec();
    newer[9] = 2;
    let rows = [
        verifier.verify(&[]),
        verifier.verify(b"a proof"),
        verifier.verify(&of_mock[..30]),
        verifier.verify(&newer),
        verifier.verify(&of_mock),
        verifier.verify(&of_nobody),
        verifier.verify(&vec![0; (128 << 20) + 1]),
    ];
    let refusals = rows.map(|row| row.unwrap_err().to_string());
    expect![[r#"
        not a proof: it is too short
        not a proof: it is too short
        the proof is of another zkVM: mock
        proof format 2 is unknown, this software reads format 1
        the proof is of another zkVM: mock
        the proof is made under other parameters: 0x0000000000000000000000000000000000000000000000000000000000000000
        the proof has 134217729 bytes, at most 134217728 are read"#]].assert_eq(&refusals.join("\n"));
}

#[test]
fn every_damaged_proof_is_refused_slow() {
    let rows = [
        ("cut off", cut(100_000)),
        ("cut off in its segment, lengths in order", relabelled(cut(100_000), 1)),
        ("no segment", relabelled(proof()[..HEADER_BYTES + 4].to_vec(), 0)),
        ("the segment twice", twice()),
        ("a billion segments", relabelled(proof().to_vec(), 1 << 30)),
        ("bytes after its end", [proof().to_vec(), vec![0]].concat()),
        ("bytes after its public values", relabelled([proof().to_vec(), vec![0]].concat(), 1)),
    ];
    let verifier = verifier();
    let refusals =
        rows.map(|(name, bytes)| format!("{name}: {}", verifier.verify(&bytes).unwrap_err()));
    expect![[r#"
        cut off: not a proof: it is cut off
        cut off in its segment, lengths in order: the proof does not decode: Hit the end of buffer, expected more data
        no segment: the proof does not decode: Hit the end of buffer, expected more data
        the segment twice: the proof does not hold: Other error: is terminate mismatch (expected: false, actual: true)
        a billion segments: the proof does not decode: a segment of 382643375 bytes is announced
        bytes after its end: not a proof: bytes follow its end
        bytes after its public values: the proof does not decode: there are bytes left over"#]].assert_eq(&refusals.join("\n"));
}

fn cut(bytes: usize) -> Vec<u8> {
    proof()[..bytes].to_vec()
}

/// The proof with a payload length that fits and this number of segments; where it is cut off,
/// the segment's length fits too.
fn relabelled(mut bytes: Vec<u8>, segments: u32) -> Vec<u8> {
    let payload = bytes.len() - HEADER_BYTES;
    bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&(payload as u32).to_be_bytes());
    bytes[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&segments.to_be_bytes());
    if bytes.len() < proof().len() && payload >= 8 {
        let rest = payload as u32 - 8;
        bytes[HEADER_BYTES + 4..HEADER_BYTES + 8].copy_from_slice(&rest.to_be_bytes());
    }
    bytes
}

fn twice() -> Vec<u8> {
    let proof = proof();
    let at = HEADER_BYTES + 4;
    let length = u32::from_be_bytes(proof[at..at + 4].try_into().unwrap()) as usize;
    let segment = &proof[at..at + 4 + length];
    relabelled([&proof[..at], segment, &proof[at..]].concat(), 2)
}

proptest! {
    // Each case may take as long as a verification.
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn every_flipped_bit_is_noticed_slow(at: prop::sample::Index, bit in 0u8..8) {
        let mut bytes = shared().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(shared_verifier().verify(&bytes).is_err(), "bit {bit} of byte {at}");
    }

    #[test]
    fn every_exchange_is_noticed_slow(
        a: prop::sample::Index,
        b: prop::sample::Index,
        length in 1usize..64,
    ) {
        let mut bytes = shared().to_vec();
        let (a, b) = (a.index(bytes.len() - length), b.index(bytes.len() - length));
        for offset in 0..length {
            bytes.swap(a + offset, b + offset);
        }
        prop_assume!(bytes != shared());
        prop_assert!(shared_verifier().verify(&bytes).is_err(), "{length} at {a} and {b}");
    }

    #[test]
    fn every_overwritten_length_is_noticed_slow(at: prop::sample::Index, with in lengths()) {
        let mut bytes = shared().to_vec();
        let at = at.index(bytes.len() - with.len());
        bytes[at..at + with.len()].copy_from_slice(&with);
        prop_assume!(bytes != shared());
        prop_assert!(shared_verifier().verify(&bytes).is_err(), "{with:?} at {at}");
    }

    #[test]
    fn garbage_in_an_envelope_is_refused_slow(garbage in prop::collection::vec(any::<u8>(), 0..300)) {
        let header = &shared()[..HEADER_BYTES];
        let bytes = relabelled([header, &garbage[..], &[0; 8]].concat(), 1);
        let refusal = shared_verifier().verify(&bytes);
        prop_assert!(matches!(refusal, Err(VerifyError::Malformed { .. })), "{refusal:?}");
    }
}

/// What a length becomes in the hands of somebody who means harm.
fn lengths() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![
        vec![0xff; 4],
        vec![0x7f, 0xff, 0xff, 0xff],
        vec![0; 4],
        vec![0xff, 0xff, 0xff, 0xff, 0x0f],
        vec![0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    ])
}

fn shared() -> &'static [u8] {
    static PROOF: OnceLock<bytes::Bytes> = OnceLock::new();
    PROOF.get_or_init(proof)
}

fn shared_verifier() -> &'static OpenVmVerifier {
    static VERIFIER: OnceLock<OpenVmVerifier> = OnceLock::new();
    VERIFIER.get_or_init(verifier)
}
