//! Writes the golden cases that the contracts replay, and holds this crate to them.
//!
//! Regenerate on purpose with `UPDATE_EXPECT=1 cargo nextest run -p rialto-protocol`.

use alloy_primitives::{Address, B256, Bytes, U256, address, b256};
use expect_test::expect_file;
use rialto_protocol::attestation::{AttestedSeal, AttesterDomain};
use rialto_protocol::draw::{Draws, Ticket, Weight};
use rialto_protocol::eip712::AssessorDomain;
use rialto_protocol::stake_tree::{Leaf, LeafProof, Node, StakeTree};
use rialto_protocol::*;
use serde_json::{Value, json};

fn golden(name: &str, cases: Vec<Value>) {
    let mut text = serde_json::to_string_pretty(&json!({ "cases": cases })).expect("values");
    text.push('\n');
    let path = format!("{}/../../vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    expect_file![path].assert_eq(&text);
}

fn dec(value: U256) -> Value {
    Value::String(value.to_string())
}

fn request(seed: u8) -> ProofRequest {
    let image_id = ImageId(B256::repeat_byte(seed));
    let predicate = match seed % 3 {
        0 => Predicate::DigestMatch { image_id, journal_sha256: Journal::default().sha256() },
        1 => Predicate::PrefixMatch { image_id, prefix: Bytes::from(vec![seed; 5]) },
        _ => Predicate::ClaimDigestMatch(claim_digest(image_id, &Journal::default())),
    };
    ProofRequest {
        id: RequestId::new(Address::repeat_byte(seed), u32::from(seed) * 31),
        requirements: Requirements {
            callback: Callback {
                addr: if seed.is_multiple_of(2) { Address::ZERO } else { Address::repeat_byte(9) },
                gas_limit: u128::from(seed) * 1000,
            },
            predicate,
            selector: Selector::repeat_byte(seed % 2),
        },
        image_url: format!("https://programs.example/{seed}.elf"),
        input: if seed.is_multiple_of(2) {
            Input::Inline(guest_env::encode(&[seed; 40]))
        } else {
            Input::Url(format!("s3://inputs/{seed}"))
        },
        offer: Offer {
            min_price: Wei::from(u128::from(seed) << 40),
            max_price: Wei::from(u128::from(seed) << 41),
            ramp_up_start: Timestamp(1_800_000_000 + u64::from(seed)),
            ramp_up_period: 60,
            lock_timeout: 600,
            timeout: 1200 + u32::from(seed),
            lock_collateral: Collateral::from(u128::from(seed) << 50),
        },
    }
}

#[test]
fn price_curve() {
    let offers = [
        (1_000_000_000_000u128, 2_000_000_000_000u128, 60u32, 600u32, 1200u32),
        (0, 7, 3, 3, 3),
        (5, 5, 0, 10, 20),
        (1, (1 << 96) - 1, 86_400, 86_400, 86_400 + Offer::RACE_MAX_S),
        (0, 1, 4_000_000_000, 4_000_000_000, 4_000_000_001),
        (3, 1000, 0, 0, 0),
    ];
    let mut cases = Vec::new();
    for (min, max, ramp, lock, timeout) in offers {
        let offer = Offer {
            min_price: Wei::from(min),
            max_price: Wei::from(max),
            ramp_up_start: Timestamp(1_800_000_000),
            ramp_up_period: ramp,
            lock_timeout: lock,
            timeout,
            lock_collateral: Collateral::ZERO,
        };
        let (ramp, lock) = (u64::from(ramp), u64::from(lock));
        for after in [0, 1, ramp / 3, ramp.saturating_sub(1), ramp, ramp + 1, lock, lock + 1] {
            let at = Timestamp(1_800_000_000 + after);
            cases.push(json!({
                "minPrice": dec(offer.min_price.0),
                "maxPrice": dec(offer.max_price.0),
                "rampUpStart": offer.ramp_up_start.0.to_string(),
                "rampUpPeriod": ramp.to_string(),
                "lockTimeout": lock.to_string(),
                "timeout": timeout.to_string(),
                "at": at.0.to_string(),
                "price": dec(offer.price_at(at).0),
                "lockDeadline": offer.lock_deadline().0.to_string(),
                "deadline": offer.deadline().0.to_string(),
            }));
        }
    }
    golden("offer", cases);
}

#[test]
fn request_digests() {
    let domain = MarketDomain { chain_id: 8453, market: Address::repeat_byte(0xfd) };
    let cases = (1..=6u8).map(|seed| {
        use alloy_sol_types::SolValue;
        let request = request(seed);
        let slim = SlimRequest::from(&request);
        json!({
            "chainId": domain.chain_id.to_string(),
            "market": domain.market,
            "separator": domain.separator(),
            "encodedRequest": Bytes::from(abi::ProofRequest::from(&request).abi_encode()),
            "encodedSlimRequest": Bytes::from(abi::SlimRequest::from(&slim).abi_encode()),
            "requestDigest": domain.request_digest(&request),
            "lockDigest": domain.lock_digest(&request),
        })
    });
    golden("digests", cases.collect());
}

#[test]
fn claims() {
    let journals: [&[u8]; 4] = [b"", b"hello", &[0xff; 32], &[7; 1020]];
    let cases = journals.iter().enumerate().map(|(n, journal)| {
        let image_id = ImageId(B256::repeat_byte(0x20 + n as u8));
        let journal = Journal(Bytes::copy_from_slice(journal));
        let data = FulfillmentData::ImageIdAndJournal(image_id, journal.clone());
        json!({
            "imageId": image_id,
            "journal": journal,
            "claimDigest": claim_digest(image_id, &journal),
            "fulfillmentData": data.to_parts().1,
            "fulfillmentDataDigest": data.digest(),
        })
    });
    golden("claims", cases.collect());
}

#[test]
fn merkle_roots_and_paths() {
    let domain = AttesterDomain { chain_id: 31337, verifier: Address::repeat_byte(0x77) };
    let cases = [1usize, 2, 3, 5, 8, 13].map(|count| {
        let claims: Vec<_> =
            (0..count).map(|n| ClaimDigest(B256::repeat_byte(n as u8 + 1))).collect();
        let leaves: Vec<_> = claims.iter().map(|claim| merkle::leaf(*claim)).collect();
        let root = merkle::root(&leaves).unwrap();
        let index = count / 2;
        let path = merkle::path(&leaves, index).unwrap();
        let seal = AttestedSeal { path: path.clone(), signatures: Bytes::new() };
        json!({
            "claims": claims,
            "root": root,
            "index": index.to_string(),
            "path": path,
            "unsignedSeal": seal.encode(),
            "chainId": domain.chain_id.to_string(),
            "verifier": domain.verifier,
            "attestationDigest": domain.digest(root),
        })
    });
    golden("merkle", cases.to_vec());
}

#[test]
fn fulfillment_commitments_and_batch_authorisations() {
    let domain = MarketDomain { chain_id: 8453, market: Address::repeat_byte(0xfd) };
    let assessor = AssessorDomain { chain_id: 8453, assessor: Address::repeat_byte(0x66) };
    let cases = [1u8, 2, 4].map(|count| {
        use alloy_sol_types::SolValue;
        let requests: Vec<_> = (1..=count).map(request).collect();
        let fills: Vec<_> = (1..=count)
            .map(|seed| {
                let image_id = ImageId(B256::repeat_byte(seed));
                let journal = Journal(Bytes::from(vec![seed; seed.into()]));
                Fulfillment {
                    claim_digest: claim_digest(image_id, &journal),
                    data: if seed == 2 {
                        FulfillmentData::None
                    } else {
                        FulfillmentData::ImageIdAndJournal(image_id, journal)
                    },
                    seal: Bytes::from(vec![seed; 40]),
                }
            })
            .collect();
        let batch = FulfillmentBatch {
            requests: requests.iter().map(Into::into).collect(),
            fills: fills.clone(),
            assessor_seal: Bytes::from(vec![0, 0, 0, 0x22]),
            prover: Address::repeat_byte(0x55),
        };
        let digests: Vec<_> = requests.iter().map(|r| domain.request_digest(r)).collect();
        let claims: Vec<_> = fills.iter().map(|fill| fill.claim_digest).collect();
        json!({
            "encodedBatches": Bytes::from(vec![abi::FulfillmentBatch::from(&batch)].abi_encode()),
            "commitment": commitment(std::slice::from_ref(&batch)),
            "chainId": domain.chain_id.to_string(),
            "market": domain.market,
            "assessor": assessor.assessor,
            "prover": batch.prover,
            "requestDigests": digests,
            "claimDigests": claims,
            "batchAuthDigest": assessor.batch_digest(batch.prover, &digests, &claims),
        })
    });
    golden("fulfillment", cases.to_vec());
}

/// Totals at and around powers of two, where candidates are passed over least and most often.
#[test]
fn tickets() {
    let totals =
        [1u128, 2, 3, 5, 64, 65, 1_000_000_007, (1 << 64) + 1, (1 << 95) + 1, (1 << 96) - 1];
    let cases = totals.iter().enumerate().map(|(n, total)| {
        let seed = B256::repeat_byte(n as u8 + 1);
        let total = Weight::try_from(*total).unwrap();
        let mut draws = Draws::new(seed);
        let tickets: Vec<_> = (0..5).map(|_| draws.next(total).unwrap().0.to_string()).collect();
        json!({
            "seed": seed,
            "total": total.get().to_string(),
            "tickets": tickets,
            "candidates": draws.candidates().to_string(),
        })
    });
    golden("draw", cases.collect());
}

/// Trees with and without holes, whom some tickets fall on, and whom a seed draws without replacement.
#[test]
fn stake_trees() {
    let trees: [&[u128]; 7] = [
        &[7],
        &[1, 1],
        &[5, 0, 7],
        &[0, 0, 0, 9],
        &[1 << 90, 3, 0, 1 << 80, 2, (1 << 92) + 1],
        &[10, 0, 30, 40, 0, 0, 70, 80, 90],
        &[1; 17],
    ];
    let cases = trees.iter().enumerate().map(|(n, weights)| {
        let mut tree = StakeTree::default();
        let mut provers = Vec::new();
        for (index, weight) in weights.iter().enumerate() {
            let prover = Address::repeat_byte(16 * (n as u8 + 1) + index as u8);
            let weight = Weight::try_from(*weight).unwrap();
            tree.set(index, Leaf { prover, weight }).unwrap();
            provers.push(prover);
        }
        let total = tree.total().get();
        let tickets = [0, total / 3, total / 2, total - 1];
        let winners = tickets.map(|at| tree.draw_at(Ticket(at)).unwrap());
        let proofs: Vec<LeafProof> = winners.iter().map(|at| tree.prove(*at).unwrap()).collect();
        let seed = B256::repeat_byte(0xa0 + n as u8);
        let drawn = tree.draw_many(seed, 5);
        json!({
            "provers": provers,
            "weights": weights.iter().map(u128::to_string).collect::<Vec<_>>(),
            "depth": tree.depth().to_string(),
            "root": tree.root(),
            "total": total.to_string(),
            "tickets": tickets.map(|at| at.to_string()),
            "encodedProofs": encoded(&proofs),
            "seed": seed,
            "encodedDraws": encoded(&drawn),
        })
    });
    golden("stake_tree", cases.collect());
}

/// The ABI encoding of a `LeafProof[]`.
fn encoded(proofs: &[LeafProof]) -> Bytes {
    use alloy_sol_types::SolValue;
    let proofs: Vec<_> = proofs
        .iter()
        .map(|LeafProof { leaf, index, path }| {
            let path: Vec<_> =
                path.iter().map(|Node { hash, sum }| (*hash, U256::from(sum.get()))).collect();
            (leaf.prover, U256::from(leaf.weight.get()), U256::from(*index), path)
        })
        .collect();
    Bytes::from(proofs.abi_encode())
}

/// Appendix B of the interface facts: values that other implementations published.
#[test]
fn published_vectors() {
    let text = include_str!("../src/request/sample.json");
    let request: ProofRequest = serde_json::from_str(text).unwrap();
    let market = address!("fd152dadc5183870710fe54f939eae3ab9f0fe82");
    let domain = MarketDomain { chain_id: 8453, market };
    let slim = SlimRequest::from(&request);
    assert_eq!(
        (slim.image_url_hash, slim.input_digest, slim.offer_digest),
        (
            b256!("16e2686b31767019ffc910ca9564f7971a63a6a300bff05f4d00541b2436964b"),
            b256!("3dbd38c4772ac671e5f83a069798913c105b238ae7617a43a8540f0b711b1762"),
            b256!("76375d75758922dc621ee82920c22d8cb89aac9e64bc15dfa9f05ecc5447d6d0"),
        )
    );
    let digest = domain.request_digest(&request);
    assert_eq!(digest.0, b256!("32e9170807f21b048ce1965b01e9442d42004e1854025efb2cae2c191425e755"));
    let data = FulfillmentData::ImageIdAndJournal(
        ImageId(B256::repeat_byte(0x22)),
        Journal(Bytes::from_static(b"hello")),
    );
    assert_eq!(
        data.digest(),
        b256!("6a9c0fad8d81b29872d6ad6f853bb48fa2b7c9675d146e062d453e0fc85655a5")
    );
    let claim = ClaimDigest(B256::repeat_byte(0x44));
    let prover = Address::repeat_byte(0x55);
    let batch = FulfillmentBatch {
        requests: vec![slim],
        fills: vec![Fulfillment {
            claim_digest: claim,
            data,
            seal: Bytes::from_static(&[0x24, 0x2f, 0x9d, 0x5b]),
        }],
        assessor_seal: Bytes::from_static(&[0, 0, 0, 0x22]),
        prover,
    };
    assert_eq!(
        commitment(&[batch]),
        b256!("c74a9835187fd0daaa96e22b554190a23520a6e52df04bf5e231983e36bfc31c")
    );
    let assessor = AssessorDomain { chain_id: 8453, assessor: Address::repeat_byte(0x66) };
    assert_eq!(
        assessor.batch_digest(prover, &[digest], &[claim]),
        b256!("58768fae5f87619232bf6543615f574c5f0aadd4efcd31aff657baf56464adb7")
    );
}
