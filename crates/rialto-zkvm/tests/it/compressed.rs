//! One real compressed proof, made join by join, and what does not become one.

use block_header_core::host;
use bytes::Bytes;
use expect_test::expect;
use rialto_zkvm::{
    JoinPlace, KeyStore, OpenVm, OpenVmVerifier, Part, ProofKind, ProofVerifier, ProveError, Zkvm,
};

use crate::fixture::{LIMITS, chain_input, elf, scratch, terminate, zkvm};

const KIND: ProofKind = ProofKind::Compressed;

fn place(level: u8, index: u32) -> JoinPlace {
    JoinPlace { level, index, is_top: false }
}

fn part(level: u8, index: u32) -> Part<'static> {
    Part::Joined { kind: KIND, place: place(level, index) }
}

#[test]
fn two_segments_become_one_proof_join_by_join_slow() {
    let (input, zkvm) = (chain_input(2), zkvm().with_segment_memory(505 << 20));
    let execution = zkvm.execute(host::PROGRAM, &input, &LIMITS).unwrap();
    assert_eq!(execution.segments.len(), 2);
    let segments = execution.segments.iter();
    let segments: Vec<_> =
        segments.map(|it| zkvm.prove_segment(host::PROGRAM, &input, it).unwrap()).collect();

    let mut joins = Vec::new();
    let joining = zkvm.joining(KIND).unwrap();
    let proof = joining.fold(segments.clone(), |place, parts| {
        let joined = zkvm.join(KIND, place, parts)?;
        if !place.is_top {
            let part = Part::Joined { kind: KIND, place };
            assert_eq!(zkvm.check(host::PROGRAM, part, &joined), Ok(()));
            joins.push(joined.clone());
        }
        Ok::<_, ProveError>(joined)
    });
    let proof = proof.unwrap();
    assert_eq!(joins.len(), 3);

    let keys = KeyStore::in_directory(scratch().join("keys"));
    let verifier = OpenVmVerifier::load(&keys).unwrap();
    let claim = verifier.verify(&proof).unwrap();
    assert_eq!(claim.image_id, zkvm.image_id(host::PROGRAM).unwrap());
    assert_eq!(claim.journal, execution.journal);
    assert_eq!(zkvm.verify(&proof).unwrap(), claim);

    refuse_joins(&zkvm, &segments, &joins);
    refuse_parts(&zkvm, &segments, &joins);
    refuse_proofs(&verifier, &proof, &joins);
}

fn refuse_joins(zkvm: &OpenVm, segments: &[Bytes], joins: &[Bytes]) {
    let [first, last] = segments else { panic!("two segments") };
    let join = |place, parts: &[&Bytes]| {
        let parts: Vec<_> = parts.iter().copied().cloned().collect();
        zkvm.join(KIND, place, &parts)
    };
    let top = |level| JoinPlace { level, index: 0, is_top: true };
    let rows = [
        join(place(0, 0), &[]),
        join(place(0, 0), &[first, last, last, last, last]),
        join(place(0, 0), &[last, first]),
        join(place(0, 0), &[first, first]),
        join(place(0, 1), &[first, last]),
        join(place(1, 0), &[first]),
        join(place(1, 0), &[&joins[1]]),
        join(place(1, 1), &[&joins[0]]),
        join(place(1, 0), &[&joins[0], &joins[0]]),
        join(top(2), &[&joins[1]]),
        join(top(3), &[&joins[1]]),
    ];
    let refusals = rows.map(|row| row.unwrap_err().to_string());
    expect![[r#"
        there is no join 0 of level 0 like this: it has no parts
        there is no join 0 of level 0 like this: it has 5 parts, 4 are the most
        segment 0 does not fit the execution: it is the proof of segment 1
        segment 1 does not fit the execution: it is the proof of segment 0
        segment 4 does not fit the execution: it is the proof of segment 0
        join 0 of level 0 does not fit: the proof does not decode: Invalid VData: Proof trace_vdata length (30) does not match number of AIRs (42)
        join 0 of level 0 does not fit: the proof does not decode: Invalid BatchConstraintProof shape: univariate_round_coeffs should have (max_constraint_degree + 1) * (2^l_skip - 1) + 1 = 76 coefficients, but it has 16
        join 3 of level 0 does not fit: it is join 0 of level 0
        join 1 of level 0 does not fit: it is join 0 of level 0
        there is no join 0 of level 2 like this: there are 4 levels at least
        join 0 of level 2 does not fit: it is join 0 of level 1"#]].assert_eq(&refusals.join("\n"));
}

fn refuse_parts(zkvm: &OpenVm, segments: &[Bytes], joins: &[Bytes]) {
    let other = elf(&[terminate(0)]);
    let check = |elf: &[u8], part: Part<'_>, proof: &[u8]| zkvm.check(elf, part, proof);
    // A liar gives its part another place: the third byte is the join's index.
    let mut renumbered = joins[0].to_vec();
    renumbered[2] = 1;
    let composite = Part::Joined { kind: ProofKind::Composite, place: place(0, 0) };
    let rows = [
        check(&other, part(0, 0), &joins[0]),
        check(host::PROGRAM, part(0, 1), &joins[0]),
        check(host::PROGRAM, part(0, 0), &renumbered),
        check(host::PROGRAM, part(1, 0), &joins[0]),
        check(host::PROGRAM, part(3, 0), &joins[2]),
        check(host::PROGRAM, part(0, 0), &segments[0]),
        check(host::PROGRAM, composite, &joins[0]),
        check(host::PROGRAM, part(2, 0), &joins[2][..20_000]),
        check(host::PROGRAM, part(2, 0), &[]),
    ];
    let refusals = rows.map(|row| row.unwrap_err().to_string());
    expect![[r#"
        the proof does not hold: it is of another program or does not begin where that begins
        the proof does not hold: it is join 0 of level 0
        the proof does not hold: it is join 1 of level 0
        the proof does not decode: Invalid GkrProof shape: claims_per_layer should have num_gkr_rounds = 23 claims, but it has 24
        the proof does not hold: it verifies proofs of other circuits
        the proof does not decode: Invalid VData: Proof trace_vdata length (30) does not match number of AIRs (42)
        the proof does not hold: the last join makes a proof, not a part
        the proof does not decode: Hit the end of buffer, expected more data
        the proof does not decode: Hit the end of buffer, expected more data"#]].assert_eq(&refusals.join("\n"));
    for at in (0..joins[1].len()).step_by(joins[1].len() / 25) {
        let mut damaged = joins[1].to_vec();
        damaged[at] ^= 1;
        assert!(check(host::PROGRAM, part(1, 0), &damaged).is_err(), "byte {at}");
    }
}

fn refuse_proofs(verifier: &OpenVmVerifier, proof: &Bytes, joins: &[Bytes]) {
    const HEADER_BYTES: usize = 54;
    for at in (0..proof.len()).step_by(proof.len() / 50) {
        let mut damaged = proof.to_vec();
        damaged[at] ^= 1;
        assert!(verifier.verify(&damaged).is_err(), "byte {at}");
    }
    // The proof of level 2 has the same circuit; its envelope is made from this one's.
    let sealed = |payload: &[u8]| {
        let length = (payload.len() as u32).to_be_bytes();
        [&proof[..HEADER_BYTES - 4], &length, payload].concat()
    };
    let rows = [
        verifier.verify(&sealed(&[])),
        verifier.verify(&sealed(&joins[2])),
        verifier.verify(&sealed(&proof[HEADER_BYTES..proof.len() - 1])),
        verifier.verify(&sealed(&[&proof[HEADER_BYTES..], &[0]].concat())),
        verifier.verify(&sealed(&vec![0; (16 << 20) + 1])),
    ];
    let refusals = rows.map(|row| row.unwrap_err().to_string());
    expect![[r#"
        the proof does not decode: Hit the end of buffer, expected more data
        the proof does not decode: Found an Option discriminant that wasn't 0 or 1
        the proof does not decode: Hit the end of buffer, expected more data
        the proof does not decode: there are bytes left over
        the proof has 16777271 bytes, at most 16777216 are read"#]]
    .assert_eq(&refusals.join("\n"));
}
